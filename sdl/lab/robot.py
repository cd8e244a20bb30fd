"""The driver of an Opentrons robot: its HTTP API, one plain method for each thing that is asked of it.

Nothing that moves liquid is ever sent twice from here; a GET may be repeated. A connection lives for one call,
because robot-server resets kept-alive ones after an error. Tried on robot-server's own API as the virtual lab speaks
it and as run on 8.1.0 itself with simulated motors (docs/bench.md); never yet on a robot.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import httpx

from sdl.errors import Unreachable, Unsafe
from sdl.lab.analysis import STEPS_PARAMETER
from sdl.lab.clock import Pace, RealTime

MAX_BODY_BYTES = 16 * 2**20
"""The largest answer read: 16 times the 1 MB of a 1800-command analysis (measured)."""

GET_TRIES = 3
POLL_S = 0.1
PAGE = 1000
"""Commands a page: a small computer serves this in well under a second (load target of 1000 a page)."""

NOTE = "/clientData/sdl-controller"
"""Where robot-server keeps what clients tell each other; cleared when it restarts (robot-server, client_data)."""

QUOTED = 300
"""How many characters of an unexpected answer an error repeats."""

STATUSES = frozenset(
    {
        *("idle", "running", "paused", "blocked-by-open-door", "stop-requested", "finishing"),
        *("stopped", "failed", "succeeded"),
        *("awaiting-recovery", "awaiting-recovery-paused", "awaiting-recovery-blocked-by-open-door"),
    }
)
"""Every run status of robot-server 8.1.0."""

ENDED = frozenset({"stopped", "failed", "succeeded"})

Json = dict[str, Any]


class Unexpected(Unreachable):
    """The robot answered, but not what its API promises; ``status`` is the HTTP status."""

    def __init__(self, text: str, *, status: int) -> None:
        self.status = status
        super().__init__(text)


def heaters(modules: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return those of `Robot.modules` that heat."""
    return [module for module in modules if "temperature" in str(module.get("moduleModel", "")).lower()]


class Robot:
    """One robot at one address, such as ``http://10.0.0.7:31950``."""

    def __init__(
        self,
        address: str,
        *,
        deadline_s: float = 60.0,
        pace: Pace | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.address = address.rstrip("/")
        self._deadline_s = deadline_s
        self._pace = pace or RealTime()
        self._client = httpx.Client(
            base_url=self.address,
            headers={"Opentrons-Version": "*"},
            timeout=httpx.Timeout(deadline_s, connect=min(deadline_s, 10.0)),
            limits=httpx.Limits(max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    def health(self) -> Json:
        """Return name, model, serial and versions."""
        return self._dict(self._get("/health"), "/health")

    def instruments(self) -> list[Json]:
        return self._list(self._get("/instruments"), "/instruments")

    def modules(self) -> list[Json]:
        return self._list(self._get("/modules"), "/modules")

    def pipette_offsets(self) -> list[Json]:
        """Return an OT-2's pipette offset calibrations, ``lastModified`` among them; a Flex tells with its pipettes."""
        return self._list(self._get("/calibration/pipette_offset"), "/calibration/pipette_offset")

    def deck_calibration(self) -> Json:
        """Return an OT-2's deck calibration: ``status``, and ``data`` with ``lastModified``."""
        path = "/calibration/status"
        return self._dict(self._get(path).get("deckCalibration"), path)

    def door(self) -> Json:
        """Return ``status`` ("closed" or "open") and ``doorRequiredClosedForProtocol``."""
        return self._data("/robot/door/status")

    def estop(self) -> str:
        """Return the state of the emergency stop ("disengaged" lets the robot move); "not there" on an OT-2."""
        try:
            return str(self._data("/robot/control/estopStatus").get("status"))
        except Unexpected as exc:
            if exc.status == 403:  # NotSupportedOnOT2, robot-server 8.1.0
                return "not there"
            raise

    def deck(self) -> list[Json]:
        """Return the cutout fixtures of the deck configuration."""
        path = "/deck_configuration"
        return self._list({"data": self._data(path).get("cutoutFixtures")}, path)

    def upload(self, protocol: Path, labware: Sequence[Path], csv: Path, *, key: str) -> tuple[str, str]:
        """Send a protocol with its labware and CSV; return the ids of protocol and CSV.

        The robot knows files by content, so that sending the same again gives the same ids and moves nothing.
        """
        sent = {"file": (csv.name, csv.read_bytes(), "text/csv")}
        file_id = self._id(self._post("/dataFiles", files=sent), "/dataFiles")
        files = [("files", (path.name, path.read_bytes())) for path in (protocol, *labware)]
        form = {"key": key, "runTimeParameterFiles": json.dumps({STEPS_PARAMETER: file_id})}
        give_up_s = self._pace.monotonic_s() + self._deadline_s
        while True:
            try:
                return self._id(self._post("/protocols", files=files, data=form), "/protocols"), file_id
            except Unexpected as exc:  # 503 LastAnalysisPending: sent before, and its analysis still goes on
                if exc.status != 503 or self._pace.monotonic_s() > give_up_s:
                    raise
            self._pace.sleep(POLL_S)

    def analysis(self, protocol_id: str, *, timeout_s: float = 300.0) -> list[Json]:
        """Wait for the newest analysis and return its command list; raise `Unsafe` when it is not ok."""
        path = f"/protocols/{protocol_id}"
        summaries = self._list({"data": self._data(path).get("analysisSummaries")}, path)
        path = f"{path}/analyses/{summaries[-1].get('id') if summaries else ''}"
        give_up_s = self._pace.monotonic_s() + timeout_s
        while (found := self._data(path)).get("status") != "completed":
            if self._pace.monotonic_s() > give_up_s:
                raise Unreachable(f"{self.address} did not finish analysing {protocol_id} in {timeout_s:g} s")
            self._pace.sleep(POLL_S)
        if found.get("result") != "ok" or found.get("errors"):
            raise Unsafe(f"{self.address}: analysis of {protocol_id}: {str(found.get('errors'))[:QUOTED]}")
        return self._list({"data": found.get("commands")}, path)

    def find_run(self, protocol_id: str) -> str | None:
        """Return the run of a protocol, or None; of several, the one that was started, else the newest."""
        runs = [run for run in self.runs() if run.get("protocolId") == protocol_id]
        started = [run for run in runs if run.get("actions")]
        if len(started) > 1:
            raise Unexpected(f"{self.address}: protocol {protocol_id} was started {len(started)} times", status=200)
        return str((started or runs)[-1]["id"]) if runs else None

    def runs(self) -> list[Json]:
        """Return every run that the robot remembers (20 at most), the oldest first."""
        return self._list(self._get("/runs"), "/runs")

    def create_run(self, protocol_id: str, file_id: str) -> str:
        """Make a run and return its id; nothing moves. After a lost answer look with `find_run` first."""
        wanted = {"protocolId": protocol_id, "runTimeParameterFiles": {STEPS_PARAMETER: file_id}}
        return self._id(self._post("/runs", json={"data": wanted}), "/runs")

    def run(self, run_id: str) -> Json:
        """Return the run: ``status``, ``actions``, ``errors``, ``current`` and more, as the robot words them."""
        run = self._data(f"/runs/{run_id}")
        if run.get("status") not in STATUSES or not isinstance(run.get("actions"), list):
            self._unexpected(f"GET /runs/{run_id}", 200, json.dumps(run))
        return run

    def current_command(self, run_id: str) -> Json | None:
        """Return the command that the run is at, its last one after its end, None before its start."""
        path = f"/runs/{run_id}/commands"
        page = self._get(path, {"pageLength": 1})
        current = ((page.get("links") or {}).get("current") or {}).get("meta")
        if not current:
            return None
        found = self._list(page, path)
        if not found or found[0].get("id") != current["commandId"]:
            found = self._list(self._get(path, {"cursor": current["index"], "pageLength": 1}), path)
        return found[0] if found and found[0].get("id") == current["commandId"] else None

    def commands(self, run_id: str) -> list[Json]:
        """Return every command of the run so far.

        A page behind the last command is never asked for: robot-server gives the last command once more.
        """
        path = f"/runs/{run_id}/commands"
        found: list[Json] = []
        while True:
            page = self._get(path, {"cursor": len(found), "pageLength": PAGE})
            data = self._list(page, path)
            found += data
            if not data or len(found) >= int((page.get("meta") or {}).get("totalLength", 0)):
                return found

    def play(self, run_id: str) -> None:
        """Send one ``play``; whether it may be sent at all is for the caller's ledger to say."""
        self._act(run_id, "play")

    def pause(self, run_id: str) -> None:
        self._act(run_id, "pause")

    def stop(self, run_id: str) -> None:
        self._act(run_id, "stop")

    def uncurrent(self, run_id: str) -> None:
        """Let the robot archive an ended run, unless somebody closed it at the robot already."""
        try:
            self._call("PATCH", f"/runs/{run_id}", json={"data": {"current": False}})
        except Unexpected as exc:
            if exc.status != 409 or self.run(run_id).get("current"):
                raise

    def heat_off(self, module: Mapping[str, Any]) -> None:
        """Switch off a temperature module of `modules`, whatever else goes on.

        While a run is active, paused or not, robot-server refuses single commands (409 RunActive), and only the call
        of its second API version reaches the module past the run.
        """
        try:
            self._now("temperatureModule/deactivate", {"moduleId": module.get("id")}, "/commands")
        except Unexpected as exc:
            if exc.status != 409:
                raise
            at_once = {"command_type": "deactivate", "args": [False]}  # False: do not wait until the robot goes on
            self._post(f"/modules/{module.get('serialNumber')}", headers={"Opentrons-Version": "2"}, json=at_once)

    def all_heat_off(self) -> list[str]:
        """Switch off every module that heats, each whatever the others answer; return what was not confirmed."""
        try:
            found = heaters(self.modules())
        except Unreachable as exc:
            return [str(exc)]
        refused = []
        for module in found:
            try:
                self.heat_off(module)
            except Unreachable as exc:
                refused.append(f"{module.get('moduleModel')} {module.get('serialNumber')}: {exc}")
        return refused

    def note(self) -> Json:
        """Return the note that a controller left on the robot; empty where there is none."""
        try:
            return self._data(NOTE)
        except Unexpected as exc:
            if exc.status == 404:
                return {}
            raise

    def leave_note(self, note: Mapping[str, object]) -> None:
        """Leave a note for other controllers; older robot software keeps none, which is no fault."""
        try:
            self._call("PUT", NOTE, json={"data": dict(note)})
        except Unexpected as exc:
            if exc.status not in (404, 405):
                raise

    def clear_note(self) -> None:
        self._call("DELETE", NOTE)

    def home(self) -> None:
        self._now("home", {}, "/commands")

    def maintenance_run(self) -> str:
        """Begin a maintenance run, in which single commands are carried out between runs, and return its id."""
        return self._id(self._post("/maintenance_runs", json={"data": {}}), "/maintenance_runs")

    def do(self, run_id: str, command: str, params: Mapping[str, object]) -> Json:
        """Carry out one command of a maintenance run and return its result; raise `Unexpected` where it fails."""
        return self._now(command, params, f"/maintenance_runs/{run_id}/commands")

    def end_maintenance(self, run_id: str) -> None:
        """End a maintenance run; nothing moves."""
        self._call("DELETE", f"/maintenance_runs/{run_id}")

    def close(self) -> None:
        self._client.close()

    def _now(self, command: str, params: Mapping[str, object], path: str) -> Json:
        """Carry out one command and return its result; robot-server says 201 of one that failed, too."""
        wanted = {"commandType": command, "params": dict(params)}
        told = self._dict(self._post(path, params={"waitUntilComplete": True}, json={"data": wanted}).get("data"), path)
        if told.get("status") != "succeeded":
            self._unexpected(f"{command} {told.get('status')}", 201, json.dumps(told.get("error")))
        return self._dict(told.get("result") or {}, path)

    def _act(self, run_id: str, action: str) -> None:
        self._post(f"/runs/{run_id}/actions", json={"data": {"actionType": action}})

    def _get(self, path: str, params: dict[str, Any] | None = None) -> Json:
        for _ in range(GET_TRIES - 1):
            try:
                return self._call("GET", path, params=params)
            except Unexpected:
                raise
            except Unreachable:
                self._pace.sleep(POLL_S)
        return self._call("GET", path, params=params)

    def _post(self, path: str, **content: Any) -> Json:
        return self._call("POST", path, **content)

    def _call(self, method: str, path: str, **content: Any) -> Json:
        """Send one request, once; return the JSON object of a 200 or 201."""
        give_up_s = self._pace.monotonic_s() + self._deadline_s
        what = f"{method} {path}"
        body = bytearray()
        try:
            with self._client.stream(method, path, **content) as answer:
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > MAX_BODY_BYTES or self._pace.monotonic_s() > give_up_s:
                        self._unexpected(
                            f"{what}: too long or too slow", answer.status_code, body.decode(errors="replace")
                        )
        except (httpx.RequestError, httpx.InvalidURL) as exc:
            raise Unreachable(f"{self.address} does not answer {what}: {exc or type(exc).__name__}") from exc
        text = body.decode(errors="replace")
        if answer.status_code not in (200, 201):
            self._unexpected(what, answer.status_code, text)
        try:
            found = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):  # an answer nested thousands deep is no answer either
            found = None
        if not isinstance(found, dict):
            self._unexpected(f"{what}: no JSON object", answer.status_code, text)
        return found

    def _data(self, path: str) -> Json:
        return self._dict(self._get(path).get("data"), path)

    def _dict(self, found: object, path: str) -> Json:
        if not isinstance(found, dict):
            self._unexpected(f"{path}: no object", 200, repr(found))
        return found

    def _list(self, answer: Json, path: str) -> list[Json]:
        found = answer.get("data")
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            self._unexpected(f"{path}: no list of objects", 200, repr(found))
        return found

    def _id(self, answer: Json, path: str) -> str:
        found = self._dict(answer.get("data"), path).get("id")
        if not isinstance(found, str) or not found:
            self._unexpected(f"{path}: no id", 200, json.dumps(answer))
        return found

    def _unexpected(self, what: str, status: int, text: str) -> NoReturn:
        raise Unexpected(f"{self.address} {what} gave HTTP {status}: {text[:QUOTED]}", status=status)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
