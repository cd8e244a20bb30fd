"""A robot without threads or sockets: robot-server's rules as plain data that can be copied at any moment.

It acts when somebody waits (`tick`), so that the same calls always give the same history. What it pours goes into a
physical journal that no crash, power cut or lost answer undoes.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx

Json = dict[str, Any]

ENDED = ("stopped", "failed", "succeeded")
EPOCH_S = datetime(1970, 1, 2, tzinfo=UTC).timestamp()
"""This robot has no clock of its own that is right (fault F19)."""

TAKES_S = {"aspirate": 1.5, "dispense": 1.5, "pickUpTip": 4.0, "dropTipInPlace": 4.0, "moveToWell": 1.0}


@dataclass(slots=True)
class Run:
    """One run: how many commands were begun, and when each was completed."""

    id: str
    protocol: str
    status: str = "idle"
    current: bool = True
    actions: list[str] = field(default_factory=list)
    begun: int = 0
    completed: list[float] = field(default_factory=list)
    released_by_us: list[int] = field(default_factory=list)
    error: str = ""
    hangs: bool = False
    forgotten: bool = False  # commands and state were lost with the power


@dataclass(slots=True)
class Robot:
    """The robot's whole memory, and what it physically did."""

    runs: list[Run] = field(default_factory=list)
    protocols: list[str] = field(default_factory=list)
    files: int = 0
    door_open: bool = False
    foreign: bool = False
    software: str = "8.1.0"
    heat: bool = False
    down: int = 0  # calls that get no connection
    now_s: float = EPOCH_S
    poured: Counter[tuple[str, str, str, int]] = field(default_factory=Counter)  # key, run, well, command
    starts: Counter[str] = field(default_factory=Counter)  # first movements by protocol key

    def copy(self) -> Robot:
        """Return a copy that shares nothing that changes."""
        runs = [
            replace(
                run,
                actions=run.actions.copy(),
                completed=run.completed.copy(),
                released_by_us=run.released_by_us.copy(),
            )
            for run in self.runs
        ]
        counts = {"poured": self.poured.copy(), "starts": self.starts.copy()}
        return replace(self, runs=runs, protocols=self.protocols.copy(), **counts)

    def state(self, waits: Mapping[int, str]) -> str:
        """Name everything that decides the future: of the past only how long ago each wait for a moment ended."""
        told = [repr((self.protocols, self.door_open, self.foreign, self.heat, self.down, self.starts))]
        told.append(repr(sorted(self.poured.items())))
        for run in self.runs:
            ended = [
                round(run.completed[i] - self.now_s, 2) for i in waits if i < len(run.completed) and "AT" in waits[i]
            ]
            parts = (run.id, run.protocol, run.status, run.current, run.actions, run.begun, len(run.completed), ended)
            told.append(repr((*parts, run.released_by_us, run.error, run.forgotten, run.hangs)))
        return "".join(told)


class Hardware:
    """What moves: one verified command list on a robot's memory."""

    def __init__(self, commands: Sequence[Mapping[str, Any]]) -> None:
        self.commands = commands
        self.text = json.dumps(list(commands))
        racks = {c["result"]["labwareId"]: c["params"] for c in commands if c["commandType"] == "loadLabware"}
        self.vials = {
            id for id, p in racks.items() if p["loadName"] == "sdl_24_vials_8ml" and "moduleId" in p["location"]
        }
        self.waits = {i: c["params"].get("message", "") for i, c in enumerate(commands) if _waits(c)}

    def tick(self, robot: Robot, trap: Any = None) -> float:
        """Let a running run come to its next rest; return the seconds that passed."""
        passed = 0.0
        for run in robot.runs:
            while run.status == "running" and not run.hangs:
                passed += self._step(robot, run, trap)
        return passed

    def _step(self, robot: Robot, run: Run, trap: Any) -> float:
        if run.begun and len(run.completed) < run.begun:  # the wait it stood at was released
            run.completed.append(robot.now_s)
        if run.begun == len(self.commands):
            run.status = "succeeded"
            return 0.0
        index, command = run.begun, self.commands[run.begun]
        run.begun += 1
        if index in self.waits:
            run.status = "paused"
            return 0.0
        kind = command["commandType"]
        if kind == "dispense" and command["params"]["labwareId"] in self.vials:
            robot.poured[run.protocol, run.id, command["params"]["wellName"], index] += 1
        robot.heat = {"setTargetTemperature": True, "deactivate": False}.get(kind.rpartition("/")[2], robot.heat)
        took_s = TAKES_S.get(kind, 0.0)
        robot.now_s += took_s
        run.completed.append(robot.now_s)
        if trap is not None:
            trap(run, index)
        return took_s

    def power_cut(self, robot: Robot) -> None:
        """Let the robot lose power: what was not yet archived is gone, the actions are not (reliability, finding 3)."""
        for run in robot.runs:
            if run.status not in ENDED:
                run.status, run.forgotten, run.current = "stopped", True, False
        robot.heat = False

    def answer(self, robot: Robot, method: str, path: str, body: bytes, query: Mapping[str, str]) -> httpx.Response:
        """Answer one request as robot-server would."""
        match method, path.strip("/").split("/"):
            case "GET", ["health"]:
                levels = {"api_version": robot.software, "maximum_protocol_api_version": [2, 20]}
                return _json(
                    {"robot_serial": "virtual-7", "name": "simulated", "robot_model": "OT-3 Standard", **levels}
                )
            case "GET", ["instruments"]:
                mounted = (("left", "p50_single_flex"), ("right", "p1000_single_flex"))
                takes = {"p50": (1.0, 50.0), "p1000": (5.0, 1000.0)}
                return _data([_pipette(mount, name, *takes[name.split("_")[0]]) for mount, name in mounted])
            case "GET", ["modules"]:
                heat = {"targetTemperature": 30.0 if robot.heat else None, "currentTemperature": 30.0}
                block = {"id": "m", "moduleModel": "temperatureModuleV2", "moduleOffset": CALIBRATED, "data": heat}
                return _data([block])
            case "GET", ["robot", "door", "status"]:
                door = "open" if robot.door_open else "closed"
                return _data({"status": door, "doorRequiredClosedForProtocol": True})
            case "GET", ["robot", "control", "estopStatus"]:
                return _data({"status": "disengaged"})
            case "GET", ["deck_configuration"]:
                fixtures = (("cutoutD1", "temperatureModuleV2"), ("cutoutA3", "trashBinAdapter"))
                return _data({"cutoutFixtures": [{"cutoutId": c, "cutoutFixtureId": f} for c, f in fixtures]})
            case "POST", ["dataFiles"]:
                return _data({"id": "file"}, 201)
            case "POST", ["protocols"]:
                return self._add_protocol(robot, body)
            case "GET", ["protocols", id]:
                return _data({"id": id, "analysisSummaries": [{"id": "x"}]})
            case "GET", ["protocols", _, "analyses", _]:
                whole = f'{{"data":{{"status":"completed","result":"ok","errors":[],"commands":{self.text}}}}}'
                return httpx.Response(200, text=whole)
            case "GET", ["runs"]:
                foreign = [{"id": "foreign", "status": "running", "protocolId": "?", "actions": ["play"]}]
                return _data((foreign if robot.foreign else []) + [_summary(run) for run in robot.runs])
            case "POST", ["runs"]:
                return self._add_run(robot, json.loads(body)["data"]["protocolId"])
            case "GET", ["runs", id]:
                return self._of(robot, id, lambda run: _data(_summary(run)))
            case "PATCH", ["runs", id]:
                return self._of(robot, id, _archived)
            case "POST", ["runs", id, "actions"]:
                kind = json.loads(body)["data"]["actionType"]
                return self._of(robot, id, lambda run: self.act(robot, run, kind))
            case "GET", ["runs", id, "commands"]:
                return self._of(robot, id, lambda run: self._page(run, query))
            case "POST", ["commands"]:
                robot.heat = False
                return _data({"status": "succeeded"}, 201)
        return _json({"errors": []}, 404)

    def act(self, robot: Robot, run: Run, kind: str, *, by_us: bool = True) -> httpx.Response:
        """Take play, pause or stop, as a person at the screen or we may send it."""
        if run.status in (*ENDED, "stop-requested") or not run.current:
            return _json({"errors": [{"id": "RunActionNotAllowed"}]}, 409)
        run.actions.append(kind)
        if kind == "stop":
            run.status = "stopped"
        elif kind == "pause":
            run.status = "paused"
        elif run.status == "idle":
            robot.starts[run.protocol] += 1
            run.status = "blocked-by-open-door" if robot.door_open else "running"
        elif run.status in ("paused", "blocked-by-open-door"):
            if by_us and run.begun and len(run.completed) < run.begun:
                run.released_by_us.append(run.begun - 1)
            run.status = "running"
        return _data({"id": str(len(run.actions))}, 201)

    def _of(self, robot: Robot, id: str, then: Any) -> httpx.Response:
        found = [run for run in robot.runs if run.id == id]
        return then(found[0]) if found else _json({"errors": [{"id": "RunNotFound"}]}, 404)

    def _add_protocol(self, robot: Robot, body: bytes) -> httpx.Response:
        named = re.search(rb'name="key"\r\n\r\n([^\r]+)', body)
        key = named.group(1).decode() if named else ""
        if key not in robot.protocols:
            robot.protocols.append(key)
        return _data({"id": key}, 201)

    def _add_run(self, robot: Robot, protocol: str) -> httpx.Response:
        if robot.foreign or any(r.current and r.status not in (*ENDED, "idle") for r in robot.runs):
            return _json({"errors": [{"id": "RunAlreadyActive"}]}, 409)
        for other in robot.runs:
            other.current = False
        robot.runs.append(Run(id=f"r{len(robot.runs) + 1}", protocol=protocol))
        return _data(_summary(robot.runs[-1]), 201)

    def _page(self, run: Run, query: Mapping[str, str]) -> httpx.Response:
        if run.forgotten:
            return _json({"data": [], "links": {}, "meta": {"totalLength": 0}})
        length, cursor = int(query.get("pageLength", 20)), query.get("cursor")
        start = max(0, run.begun - length) if cursor is None else int(cursor)
        page = [self._command(run, i) for i in range(start, min(run.begun, start + length))]
        links: Json = {}
        if run.begun and run.status not in ENDED:
            at = {"commandId": _id(run, run.begun - 1), "index": run.begun - 1}
            links = {"current": {"meta": at}}
        return _json({"data": page, "links": links, "meta": {"totalLength": run.begun}})

    def _command(self, run: Run, index: int) -> Json:
        done = index < len(run.completed)
        before_s = run.completed[index - 1] if index else EPOCH_S
        told: Json = {
            **{
                name: self.commands[index][name]
                for name in ("commandType", "key", "params")
                if name in self.commands[index]
            },
            "id": _id(run, index),
            "status": "succeeded" if done else "running",
            "startedAt": iso(before_s),
        }
        if done:
            told["completedAt"] = iso(run.completed[index])
        return told


def iso(t_s: float) -> str:
    return datetime.fromtimestamp(t_s, UTC).isoformat()


CALIBRATED = {"offset": {"x": 0.0, "y": 0.0, "z": 0.0}, "last_modified": "2025-12-31T00:00:00+00:00"}
"""The day before the laboratory opens, when the robot's clock was still right."""


def _waits(command: Mapping[str, Any]) -> bool:
    return command["commandType"] == "waitForResume"


def _id(run: Run, index: int) -> str:
    return f"{run.id}-c{index}"


def _summary(run: Run) -> Json:
    error = "There was no engine state data for this run." if run.forgotten else run.error
    return {
        "id": run.id,
        "protocolId": run.protocol,
        "status": run.status,
        "current": run.current,
        "runTimeParameters": [{"file": {"id": "file"}}],
        "actions": [{"actionType": kind} for kind in run.actions],
        "errors": [{"detail": error}] if error else [],
    }


def _pipette(mount: str, name: str, low_ul: float, high_ul: float) -> Json:
    takes = {"channels": 1, "min_volume": low_ul, "max_volume": high_ul}
    return {"mount": mount, "instrumentName": name, "ok": True, "data": takes | {"calibratedOffset": CALIBRATED}}


def _archived(run: Run) -> httpx.Response:
    run.current = False
    return _data(_summary(run))


def _json(document: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=document)


def _data(data: object, status: int = 200) -> httpx.Response:
    return _json({"data": data}, status)
