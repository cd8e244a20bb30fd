"""One run on the virtual robot: its commands one after the other on the lab clock, in a thread of its own."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from typing import Any, Protocol

from sdl.errors import SdlError
from sdl.lab.commands import Command, Event, Paused, Reader, TemperatureReached
from sdl.lab.virtual.clock import VirtualClock, iso

Json = dict[str, Any]

ENDED = frozenset({"stopped", "failed", "succeeded"})

TAKES_S = {
    **dict.fromkeys(("moveToWell", "moveToAddressableArea", "moveToAddressableAreaForDropTip"), 1.0),
    **dict.fromkeys(("pickUpTip", "dropTip", "dropTipInPlace"), 4.0),
    **dict.fromkeys(("aspirate", "dispense", "aspirateInPlace", "dispenseInPlace", "blowout", "blowOutInPlace"), 1.5),
}
"""Time in s of each command's arm movement [assumed: a gantry crosses the deck in about a second]; others take 0."""

S_PER_K = 20.0
"""A temperature module takes about this long for one kelvin [assumed: 3 K/min]."""


class Conflict(SdlError):
    """The robot refuses a request in its present state; ``name`` is robot-server's word for it."""

    def __init__(self, name: str, text: str, status: int = 409) -> None:
        self.name, self.status = name, status
        super().__init__(text)


class Surroundings(Protocol):
    """What a robot acts on."""

    def begins(self, run: str, key: str) -> None: ...

    def ends(self, run: str, status: str) -> None: ...

    def happens(self, event: Event) -> None:
        """Let an event be physically true; raise `SdlError` when the robot stops there."""

    def kelvin_to_go(self, slot: str) -> float: ...


class Execution:
    """A run: idle until the first ``play``, then running, paused or ended."""

    def __init__(
        self,
        *,
        protocol_id: str,
        key: str,
        commands: Sequence[Command],
        errors: Sequence[Json],
        clock: VirtualClock,
        surroundings: Surroundings,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.protocol_id = protocol_id
        self.status = "idle"
        self.current = True
        self._key = key
        self._plan = commands
        self._planned_errors = list(errors)
        self._clock = clock
        self._world = surroundings
        self._changed = threading.Condition()
        self._done: list[Json] = []
        self._actions: list[Json] = []
        self._errors: list[Json] = []
        self._times = {"createdAt": iso(clock.now_s())}

    def summary(self) -> Json:
        """Return the run as ``GET /runs/{id}`` gives it, less the run-time parameters."""
        with self._changed:
            return {
                "id": self.id,
                "ok": True,
                "protocolId": self.protocol_id,
                "status": self.status,
                "current": self.current,
                "actions": list(self._actions),
                "errors": list(self._errors),
                "hasEverEnteredErrorRecovery": False,
                **dict.fromkeys(("pipettes", "modules", "labware", "liquids", "labwareOffsets"), ()),
                **self._times,
            }

    def commands(self, cursor: int | None, length: int) -> tuple[list[Json], int, int, Json | None]:
        """Return a page, its cursor, how many commands were begun, and which of them is current or was last."""
        with self._changed:
            total = len(self._done)
            at = self._done[-1] if self._done else None
            if cursor is None:  # a page of its own for a command under way
                cursor = total - (1 if at and at["status"] == "running" else length)
            start = max(0, min(cursor, total - 1))
            page = [dict(command) for command in self._done[start : start + length]]
            here = at and {"commandId": at["id"], "index": total - 1} | {k: at[k] for k in ("key", "createdAt")}
            return page, start, total, here

    def act(self, action: str) -> Json:
        """Play, pause or stop; raise `Conflict` for what the present state does not allow."""
        with self._changed:
            idle = self.status == "idle"
            if not self.current:
                raise Conflict("RunStopped", f"Run {self.id} is not the current run")
            if self.status in ENDED or self.status == "stop-requested" or (idle and action == "pause"):
                raise Conflict("RunActionNotAllowed", f"cannot {action} a run that is {self.status}")
            if action not in _WISHED:
                raise Conflict("InvalidRequest", f"{action} is not an action of this robot", 422)
            taken = {"id": str(uuid.uuid4()), "createdAt": iso(self._clock.now_s()), "actionType": action}
            self._actions.append(taken)
            self.status = "stopped" if idle and action == "stop" else _WISHED[action]
            if idle and action == "play":
                self._times["startedAt"] = taken["createdAt"]
                self._world.begins(self.id, self._key)
                threading.Thread(target=self._carry_out, name=f"run-{self.id}", daemon=True).start()
            self._changed.notify_all()
            return taken

    def _carry_out(self) -> None:
        reader = Reader()
        for command in self._plan:
            if not self._may_go_on():
                return self._end("stopped")
            entry = self._begin(command)
            try:
                went_on = self._one(command, reader.feed(command))
            except SdlError as exc:
                self._close(entry, "failed", error(type(exc).__name__, str(exc), self._clock.now_s()))
                return self._end("failed", entry["error"])
            if not went_on:
                self._close(entry, "failed", error("RunStoppedError", "Run was cancelled", self._clock.now_s()))
                return self._end("stopped")
            self._close(entry, "succeeded", None)
        return self._end("failed" if self._planned_errors else "succeeded", *self._planned_errors)

    def _one(self, command: Command, events: Sequence[Event]) -> bool:
        """Let time pass and liquids move; return False when the run was stopped at a pause."""
        if any(isinstance(event, Paused) for event in events):
            with self._changed:
                if self.status == "running":
                    self.status = "paused"
            return self._may_go_on()
        params = command.get("params") or {}
        seconds = TAKES_S.get(command["commandType"], 0.0) + float(params.get("seconds", 0.0))
        if "flowRate" in params and "volume" in params:
            seconds += params["volume"] / params["flowRate"]
        seconds += sum(self._world.kelvin_to_go(e.slot) * S_PER_K for e in events if isinstance(e, TemperatureReached))
        self._clock.advance(seconds)
        for event in events:
            self._world.happens(event)
        return True

    def _may_go_on(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self.status != "paused")
            return self.status == "running"

    def _begin(self, command: Command) -> Json:
        now = iso(self._clock.now_s())
        entry: Json = {
            "id": str(uuid.uuid4()),
            "key": command.get("key", ""),
            "commandType": command["commandType"],
            "createdAt": now,
            "startedAt": now,
            "status": "running",
            "params": command.get("params") or {},
        }
        with self._changed:
            self._done.append(entry)
        return entry

    def _close(self, entry: Json, status: str, error: Json | None) -> None:
        with self._changed:
            entry.update(status=status, completedAt=iso(self._clock.now_s()), notes=[])
            if error is not None:
                entry["error"] = error

    def _end(self, status: str, *errors: Json) -> None:
        self._world.ends(self.id, status)
        with self._changed:
            self.status = status
            self._errors += errors
            self._times["completedAt"] = iso(self._clock.now_s())


_WISHED = {"play": "running", "pause": "paused", "stop": "stop-requested"}


def error(kind: str, detail: str, now_s: float) -> Json:
    """Return what robot-server tells of a command that failed."""
    told = {"id": str(uuid.uuid4()), "createdAt": iso(now_s), "isDefined": False, "errorType": kind}
    return told | {"errorCode": "4000", "detail": detail, "errorInfo": {}, "wrappedErrors": []}
