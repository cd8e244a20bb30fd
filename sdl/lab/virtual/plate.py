"""The virtual absorbance plate reader: its lid, its bands, and what it sees of each well; commands as robot-server's.

It obeys the module's own rules (opentrons 8.8.2, absorbance_reader commands): at most six bands that it has, no read
before it is initialised or under an open lid, no plate moved in while the lid is on.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sdl.lab.virtual.execution import Conflict

Json = dict[str, Any]
See = Callable[[str, Sequence[int]], Mapping[int, Mapping[str, float]]]
"""From a labware's slot and bands to the optical density of each well, by band."""

BANDS_NM = (350, 400, 450, 500, 562, 600, 650)
"""Bands of this unit: the four of stock and three custom ones in their range [X]."""
MOST_BANDS = 6
MODEL = "absorbanceReaderV1"


class Unable(Exception):
    """What a command fails with: robot-server's error type and words."""

    def __init__(self, kind: str, detail: str) -> None:
        self.kind = kind
        super().__init__(detail)


class VirtualPlateReader:
    """One reader in one slot, and the maintenance runs that drive it; safe to use from several threads."""

    def __init__(self, *, slot: str, serial: str, see: See) -> None:
        self._slot, self._serial, self._see = slot, serial, see
        self._lock = threading.Lock()
        self._run = ""
        self._lid_on = True
        self._bands: tuple[int, ...] = ()
        self._inside = ""  # id of the plate under the lid
        self._home: dict[str, str] = {}  # plate id -> slot

    def module(self) -> Json:
        """Return the entry of ``GET /modules``."""
        return {
            "id": "module-plate-reader",
            "serialNumber": self._serial,
            "moduleType": "absorbanceReaderType",
            "moduleModel": MODEL,
            "data": {
                "status": "idle",
                "lidStatus": "on" if self._lid_on else "off",
                "platePresence": "present" if self._inside else "absent",
                "sampleWavelength": self._bands[0] if self._bands else 0,
            },
        }

    def begin(self) -> Json:
        with self._lock:
            self._run, self._bands, self._home = str(uuid.uuid4()), (), {}
            return {"id": self._run, "status": "idle"}

    def end(self, run_id: str) -> Json:
        with self._lock:
            self._known(run_id)
            self._run = ""
            return {"id": run_id}

    def carry_out(self, run_id: str, command: Mapping[str, Any]) -> Json:
        """Return the command as robot-server does: HTTP says 201 also of one that failed."""
        kind, params = str(command.get("commandType")), dict(command.get("params") or {})
        told = {"id": str(uuid.uuid4()), "commandType": kind, "params": params}
        with self._lock:
            self._known(run_id)
            try:
                return {**told, "status": "succeeded", "result": self._do(kind, params)}
            except Unable as exc:
                return {**told, "status": "failed", "error": {"errorType": exc.kind, "detail": str(exc)}}

    def _known(self, run_id: str) -> None:
        if not run_id or run_id != self._run:
            raise Conflict("RunNotFound", f"no maintenance run {run_id}", 404)

    def _do(self, kind: str, params: Json) -> Json:
        match kind:
            case "loadModule":
                if params.get("model") != MODEL or params.get("location") != {"slotName": self._slot}:
                    raise Unable("ModuleNotAttachedError", f"{params.get('model')} is not at {params.get('location')}")
                return {"moduleId": "module-plate-reader", "model": MODEL, "serialNumber": self._serial}
            case "loadLabware":
                plate = f"plate-{len(self._home) + 1}"
                self._home[plate] = str((params.get("location") or {}).get("slotName"))
                return {"labwareId": plate}
            case "moveLabware":
                self._moved(str(params.get("labwareId")), params.get("newLocation") or {})
            case "absorbanceReader/openLid":
                self._lid_on = False
            case "absorbanceReader/closeLid":
                self._lid_on = True
            case "absorbanceReader/initialize":
                self._initialise(params)
            case "absorbanceReader/read":
                return self._read()
            case _:
                raise Conflict("InvalidRequest", f"{kind} is no command of a maintenance run here", 422)
        return {}

    def _moved(self, plate: str, where: Mapping[str, Any]) -> None:
        if plate not in self._home:
            raise Unable("LabwareNotLoadedError", f"no labware {plate}")
        if self._lid_on:
            raise Unable("CannotPerformModuleAction", "the lid of the plate reader is on")
        self._inside = plate if "moduleId" in where else ""
        if not self._inside:
            self._home[plate] = str(where.get("slotName"))

    def _initialise(self, params: Json) -> None:
        wanted = tuple(params.get("sampleWavelengths") or ())
        if params.get("measureMode") != "multi" or not 1 <= len(wanted) <= MOST_BANDS:
            raise Unable("ValueError", f"Measure mode `multi` requires 1-6 sample wavelengths, {list(wanted)} provided")
        if not self._lid_on:
            raise Unable("CannotPerformModuleAction", "Cannot initialize with the lid open")
        if unknown := [band for band in wanted if band not in BANDS_NM]:
            raise Unable("InvalidWavelengthError", f"Unsupported wavelengths: {unknown}; use {list(BANDS_NM)}")
        self._bands = wanted

    def _read(self) -> Json:
        if not self._bands:
            raise Unable("CannotPerformModuleAction", "Cannot perform Read without calling `.initialize(...)` first.")
        if not self._lid_on:
            raise Unable("CannotPerformModuleAction", "can't read a plate with the lid open. Call `close_lid()` first.")
        seen = self._see(self._home.get(self._inside, ""), self._bands)
        return {"data": {str(band): dict(wells) for band, wells in seen.items()}, "fileIds": []}
