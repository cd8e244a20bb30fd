"""The robot's own absorbance plate reader: at most six bands, between runs, through the robot's HTTP commands.

A script at apiLevel 2.20 knows no plate reader, so that the plate is moved and read by a maintenance run of the robot.
Only a plate with a glass or quartz bottom stands the solvents here. Tried on the virtual robot only, never on a device;
it needs robot software with the lid commands (8.2 or newer: 8.1.0 has none).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from sdl.bench import Place
from sdl.errors import Refused, Unreachable
from sdl.lab.clock import Clock
from sdl.lab.reader import ReaderStatus
from sdl.lab.robot import Robot
from sdl.spectra.types import Role, Spectrum

MODEL = "absorbanceReaderV1"
NOTE = "driver tried on the virtual robot only, never on a device; robot software 8.2 or newer"
MOST_BANDS = 6
OD_SD = 5e-3
"""How well the reader knows an optical density; chosen: a plate's wells differ by about as much."""
LAMP_E = 2.0 / (math.log(10.0) * OD_SD) ** 2
"""Electrons of a lamp whose shot noise, in blank and sample, is that sd."""


class PlateReader:
    """One well of the plate behind the Reader's four calls; `wells` gives the whole plate of one pass.

    ``slot`` is the reader's, ``plate`` where the plate stands between reads; ``well`` and ``blank`` are names on it.
    """

    def __init__(
        self,
        robot: Robot,
        clock: Clock,
        *,
        slot: str,
        plate: Place,
        bands_nm: Sequence[int],
        well: str = "A2",
        blank: str = "A1",
    ) -> None:
        if not 1 <= len(bands_nm) <= MOST_BANDS:
            raise Refused(f"a plate reader measures 1 to {MOST_BANDS} wavelengths in one pass, not {len(bands_nm)}")
        self._robot, self._clock = robot, clock
        self._slot, self._plate = slot, plate
        self._bands_nm = np.array(bands_nm, dtype=float)
        self._well, self._blank = well, blank

    def status(self) -> ReaderStatus:
        serial = str(self._module().get("serialNumber", ""))
        grid = self._spectrum(np.ones(self._bands_nm.size), "dark", serial).grid_id
        return ReaderStatus(instrument=f"{MODEL}:{serial}", grid_id=grid, channels=("absorption",), ok=True, note=NOTE)

    def dark(self) -> tuple[Spectrum, ...]:
        """Return zeros: the reader takes its own dark off."""
        serial = str(self._module().get("serialNumber", ""))
        return (self._spectrum(np.zeros(self._bands_nm.size), "dark", serial),)

    def reference(self, role: str) -> tuple[Spectrum, ...]:
        if role == "dye":
            raise Refused("a plate reader sees no emission: there is no dye to read")
        return (self.wells((self._blank,), role="blank")[self._blank],)

    def measure(self) -> tuple[Spectrum, ...]:
        return (self.wells((self._well,), role="sample")[self._well],)

    def wells(self, names: Sequence[str], role: Role = "sample") -> Mapping[str, Spectrum]:
        """Read the plate once and return the spectra of the named wells."""
        serial = str(self._module().get("serialNumber", ""))
        density = self._pass()
        missing = [name for name in names if any(name not in band for band in density)]
        if missing:
            raise Unreachable(f"the plate reader told nothing of {', '.join(missing)}")
        return {
            name: self._spectrum(LAMP_E * 10.0 ** -np.array([band[name] for band in density]), role, serial)
            for name in names
        }

    def _module(self) -> Mapping[str, object]:
        found = [m for m in self._robot.modules() if m.get("moduleModel") == MODEL]
        if not found:
            raise Unreachable(f"{self._robot.address} has no absorbance plate reader; plug it in, then look again")
        return found[0]

    def _pass(self) -> list[Mapping[str, float]]:
        """Put the plate under the reader, read it, put it back; the order is the vendor's (opentrons docs)."""
        run = self._robot.maintenance_run()
        try:

            def do(command: str, **params: object) -> Mapping[str, object]:
                return self._robot.do(run, command, params)

            module = do("loadModule", model=MODEL, location={"slotName": self._slot})["moduleId"]
            plate = do(
                "loadLabware",
                location={"slotName": self._plate.slot},
                loadName=self._plate.labware,
                namespace="custom_beta",
                version=1,
            )["labwareId"]
            bands = [int(band) for band in self._bands_nm]
            do("absorbanceReader/closeLid", moduleId=module)
            do("absorbanceReader/initialize", moduleId=module, measureMode="multi", sampleWavelengths=bands)
            do("absorbanceReader/openLid", moduleId=module)
            do("moveLabware", labwareId=plate, newLocation={"moduleId": module}, strategy="usingGripper")
            do("absorbanceReader/closeLid", moduleId=module)
            told = do("absorbanceReader/read", moduleId=module).get("data")
            do("absorbanceReader/openLid", moduleId=module)
            do(
                "moveLabware",
                labwareId=plate,
                newLocation={"slotName": self._plate.slot},
                strategy="usingGripper",
            )
            do("absorbanceReader/closeLid", moduleId=module)
        finally:
            self._robot.end_maintenance(run)
        if not isinstance(told, dict) or any(str(band) not in told for band in bands):
            raise Unreachable(f"the plate reader gave no densities for {bands}")
        return [told[str(band)] for band in bands]

    def _spectrum(self, counts: object, role: Role, serial: str) -> Spectrum:
        return Spectrum(
            kind="absorption",
            role=role,
            wavelength_nm=self._bands_nm,
            counts=np.asarray(counts, dtype=float),
            time_s=self._clock.now_s(),
            instrument=f"{MODEL}:{serial}",
            averages=1,
        )
