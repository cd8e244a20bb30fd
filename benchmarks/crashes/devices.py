"""The clock, the reader and the operator of a simulated laboratory: the same calls always give the same answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sdl.lab.reader import ReaderStatus
from sdl.spectra.types import Kind, Role, Spectrum

if TYPE_CHECKING:
    from benchmarks.crashes.world import Laboratory

FREED_S = 400.0
"""How long a robot hangs in real time before somebody frees it: longer than a stall is borne (chosen)."""


class Clocks:
    """The lab clock and real time of one moment."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._lab = laboratory

    def now_s(self) -> float:
        return self._lab.now.clock_s

    def wait_until(self, t_s: float) -> None:
        passed_s = max(0.0, t_s - self._lab.now.clock_s)
        self._lab.now.clock_s += passed_s
        self._lab.now.robot.now_s += passed_s

    def monotonic_s(self) -> float:
        return self._lab.now.waited_s

    def sleep(self, seconds: float) -> None:
        self._lab.quiet()
        self._lab.tick()
        self._lab.now.waited_s += seconds
        if self._lab.now.waited_s > FREED_S:
            for run in self._lab.now.robot.runs:
                run.hangs = False


GRID_NM = np.linspace(340.0, 700.0, 241)
LIQUIDS: Mapping[Role, tuple[float, float, float]] = {
    "blank": (0.0, 0.0, 500.0),
    "dye": (0.01, 4000.0, 450.0),
    "sample": (0.02, 3000.0, 466.0),
}
"""What each liquid absorbs at every wavelength; height in counts and peak in nm of what it emits (chosen)."""


def _counts(role: Role) -> Mapping[Kind, NDArray[np.float64]]:
    """Return the counts of both channels: a sloping lamp less what is absorbed, and one emission on a dark of 10."""
    if role == "dark":
        return {"absorption": np.full_like(GRID_NM, 10.0), "pl": np.full_like(GRID_NM, 10.0)}
    absorbed, height, peak_nm = LIQUIDS[role]
    shine = height * np.exp(-(((GRID_NM - peak_nm) / 9.0) ** 2))
    return {"absorption": 10.0 + (20_000.0 + 10.0 * GRID_NM) * 10.0**-absorbed, "pl": 12.0 + GRID_NM / 350.0 + shine}


_ROLES: tuple[Role, ...] = ("dark", "blank", "dye", "sample")
_COUNTS: Mapping[Role, Mapping[Kind, NDArray[np.float64]]] = {role: _counts(role) for role in _ROLES}


class Eye:
    """A reader with a coarse grid: a lamp, what absorbs it, and what shines, the same at every look."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._lab = laboratory

    def status(self) -> ReaderStatus:
        return ReaderStatus(instrument="sim", grid_id="g", channels=("absorption", "pl"), ok=True, lamp_h=1.0)

    def dark(self) -> tuple[Spectrum, ...]:
        return self._look("dark")

    def reference(self, role: str) -> tuple[Spectrum, ...]:
        return self._look("dye" if role == "dye" else "blank")

    def measure(self) -> tuple[Spectrum, ...]:
        return self._look("sample")

    def _look(self, role: Role) -> tuple[Spectrum, ...]:
        self._lab.call("reader")
        time_s = self._lab.now.clock_s
        return tuple(
            Spectrum(kind=kind, role=role, wavelength_nm=GRID_NM, counts=counts, time_s=time_s, instrument="sim")
            for kind, counts in _COUNTS[role].items()
        )


class Attendant:
    """The lab's own operator: every refill is done at once."""

    def ask(self, what: str, detail: Mapping[str, object]) -> bool:
        return True
