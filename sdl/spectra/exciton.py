"""The first and second exciton by the second derivative in energy: the fast path, many spectra of one grid at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from scipy.signal import savgol_coeffs

from sdl.spectra.absorption import Absorbance
from sdl.spectra.counts import Array
from sdl.spectra.sizing import REFERENCE_C, edge_from_x1_nm, x1_slope_ev_per_nm
from sdl.spectra.types import Value
from sdl.units import HC_EV_NM

Index = NDArray[np.intp]

RANGE_EV = (2.25, 3.35)
"""Where X1 and X2 of CsPbBr3 lie: bulk 2.4 eV, smallest crystals near 2.95 and 3.25 eV (Li 2019, Table 1)."""
STEP_EV = 1e-3
"""Energy grid of the derivative (spectra_analysis, section 2)."""
WINDOWS = (41, 61, 91)
"""Savitzky-Golay windows in meV, about half of the X1 FWHM; the wider ones only where noise asks for them."""
ORDER = 3
"""Order of the Savitzky-Golay polynomial (spectra_analysis, section 2)."""
CLEAR_SD, SEEN_SD = 12.0, 6.0
"""Depth over noise at which a window is narrow enough, and below which there is no exciton; chosen, see tests."""
PROMINENT = 0.35
"""X1 is the reddest minimum deeper than this part of the deepest (spectra_analysis, section 2)."""
X2_PROMINENT = 0.08
"""Depth of X2 over that of X1; chosen: X2 is broader and rides on the continuum."""
X2_GAP_EV = (0.12, 0.45)
"""X2 - X1 is 0.18 to 0.37 eV in Li 2019, Table 1; a margin of 70 meV on both sides."""
PULL, PULL_SD = 0.012, 0.010
"""How far the minimum is to the red of the line, in units of L dX1/dL: half of the volume-weighted population's tail at
the dispersion of `sizing`, and what other dispersions change; measured on ``tests/spectra/crystals.py``."""
LARGEST_PULLED_NM = 8.0
"""Above this edge the pull is held."""
BIAS_SD_EV, X2_BIAS_SD_EV = 0.0015, 0.016
"""What continuum and neighbours pull on X1 and X2; measured on ``tests/spectra/crystals.py``."""
REACH = 8
"""The parabola through a minimum takes this many grid steps on either side."""
SPARSE_EV = 0.02
"""Pixels farther apart than this cannot carry a second derivative of a line of 80 meV."""
INTERPOLATED = 0.67
"""Mean variance left by linear interpolation between two pixels (closed form: the mean of t^2 + (1-t)^2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exciton:
    """X1 and X2 in eV; ``x1`` is the line of the ensemble as absorption weighs it: by volume."""

    x1: Value | None = None
    x2: Value | None = None
    flags: tuple[str, ...] = ()


def exciton(absorbance: Absorbance, temperature_c: float = REFERENCE_C) -> Exciton:
    """Find X1, and X2 where it shows; no value and a flag where noise, gaps or a missing line forbid."""
    return excitons([absorbance], temperature_c)[0]


def excitons(absorbances: Sequence[Absorbance], temperature_c: float = REFERENCE_C) -> list[Exciton]:
    """Do for many what `exciton` does for one; those with the same good pixels are worked on together."""
    found: list[Exciton] = [Exciton() for _ in absorbances]
    groups: dict[tuple[bytes, int, int], list[int]] = {}
    for number, one in enumerate(absorbances):
        if one.usable:
            start, stop = _run(one)
            groups.setdefault((one.wavelength_nm[start:stop].tobytes(), start, stop), []).append(number)
    for (_, start, stop), numbers in groups.items():
        energy_ev = HC_EV_NM / absorbances[numbers[0]].wavelength_nm[start:stop][::-1]
        if energy_ev.size < 10 or np.ptp(energy_ev) < 0.4 or np.max(np.diff(energy_ev)) > SPARSE_EV:
            for number in numbers:
                found[number] = Exciton(flags=("sparse",))
            continue
        values = np.stack([absorbances[n].values[start:stop][::-1] for n in numbers])
        sd = np.stack([absorbances[n].sd[start:stop][::-1] for n in numbers])
        for number, seen in zip(numbers, _found(energy_ev, values, sd, temperature_c), strict=True):
            found[number] = seen
    return found


def _run(absorbance: Absorbance) -> tuple[int, int]:
    """Return the longest run of good pixels inside `RANGE_EV`, half open."""
    w = absorbance.wavelength_nm
    low, high = np.searchsorted(w, (HC_EV_NM / RANGE_EV[1], HC_EV_NM / RANGE_EV[0]))
    good = np.isfinite(absorbance.values[low:high])
    if good.all():
        return int(low), int(high)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], good.view(np.int8), [0]]))).reshape(-1, 2)
    if not edges.size:
        return 0, 0
    start, stop = edges[np.argmax(edges[:, 1] - edges[:, 0])]
    return int(low + start), int(low + stop)


def _found(energy_ev: Array, values: Array, sd: Array, temperature_c: float) -> list[Exciton]:
    """Search ``n x e`` spectra, those that are too noisy for a narrow window with a wider one."""
    grid_ev = np.arange(energy_ev[0], energy_ev[-1], STEP_EV)
    lines = _resample(energy_ev, values, grid_ev)
    pitch = np.interp(grid_ev, energy_ev, np.gradient(energy_ev)) / STEP_EV
    noise = _resample(energy_ev, sd, grid_ev) ** 2 * np.maximum(pitch, INTERPOLATED)
    found: list[Exciton] = [Exciton(flags=("no_exciton",)) for _ in values]
    pending = np.arange(values.shape[0])
    for window in WINDOWS:
        search = _Search.of(grid_ev, window)
        bends = search.bends(lines[pending])
        left = []
        for bend, number in zip(bends, pending, strict=True):
            seen, clear = search.read(bend, lines[number], noise[number], temperature_c)
            if seen.x1 is not None:
                found[number] = seen
            if not clear:
                left.append(number)
        pending = np.array(left, dtype=np.intp)
        if not pending.size:
            break
    return found


def _resample(energy_ev: Array, lines: Array, grid_ev: Array) -> Array:
    """Interpolate ``n x e`` lines linearly onto the even grid, ``n x g``."""
    after = np.clip(np.searchsorted(energy_ev, grid_ev, side="right"), 1, energy_ev.size - 1)
    share = (grid_ev - energy_ev[after - 1]) / (energy_ev[after] - energy_ev[after - 1])
    return np.asarray(lines[:, after - 1] * (1 - share) + lines[:, after] * share)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """One window: the kernels of the second derivative, and of its slope and curvature over `REACH`."""

    centre_ev: Array
    bend: Array
    slope: Array
    curvature: Array

    @classmethod
    def of(cls, grid_ev: Array, window: int) -> _Search:
        bend, slope, curvature = _kernels(window)
        half = window // 2 + REACH
        return cls(centre_ev=grid_ev[half : grid_ev.size - half], bend=bend, slope=slope, curvature=curvature)

    def bends(self, lines: Array) -> Array:
        half = self.slope.size // 2
        return np.asarray(correlate1d(lines, self.bend, axis=1, mode="nearest")[:, half : lines.shape[1] - half])

    def read(self, bend: Array, line: Array, noise: Array, temperature_c: float) -> tuple[Exciton, bool]:
        """Return what one spectrum shows, and whether clearly."""
        found = _local_minima(bend)
        found = found[bend[found] < 0]
        inset = self.slope.size // 2 - self.bend.size // 2
        window = found[:, None] + inset + np.arange(self.bend.size)
        blur = np.sqrt(noise[window] @ self.bend**2)
        real = -bend[found] > SEEN_SD * blur
        if not real.any():
            return Exciton(), False
        depth = -bend[found]
        first = int(np.flatnonzero(real & (depth > PROMINENT * depth[real].max()))[0])
        clear = bool(depth[first] > CLEAR_SD * blur[first])
        seen = self._place(int(found[first]), line, noise)
        edge_nm = min(edge_from_x1_nm(seen.value, temperature_c), LARGEST_PULLED_NM)
        pull_ev = edge_nm * abs(x1_slope_ev_per_nm(edge_nm))
        sd = float(np.hypot(np.hypot(seen.sd, PULL_SD * pull_ev), BIAS_SD_EV))
        gap_ev = self.centre_ev[found] - self.centre_ev[found[first]]
        second = (depth > np.maximum(SEEN_SD * blur, X2_PROMINENT * depth[first])) & (gap_ev > X2_GAP_EV[0])
        second &= gap_ev < X2_GAP_EV[1]
        x2 = None
        if second.any():
            x2 = self._place(int(found[second][np.argmax(depth[second])]), line, noise)
            x2 = Value(value=x2.value, sd=float(np.hypot(x2.sd, X2_BIAS_SD_EV)))
        x1 = Value(value=seen.value + PULL * pull_ev, sd=sd)
        return Exciton(x1=x1, x2=x2, flags=() if clear else ("noisy",)), clear

    def _place(self, index: int, line: Array, noise: Array) -> Value:
        """Refine a minimum by the parabola through its neighbours; its slope's noise over its curvature is the sd."""
        window = slice(index, index + self.slope.size)
        curvature = max(float(self.curvature @ line[window]), 1e-12)
        shift_ev = -float(self.slope @ line[window]) / curvature
        limit = REACH * STEP_EV
        return Value(
            value=float(self.centre_ev[index]) + float(np.clip(shift_ev, -limit, limit)),
            sd=min(float(np.sqrt(self.slope**2 @ noise[window])) / curvature, WIDEST_SD_EV),
        )


WIDEST_SD_EV = 0.05
"""A minimum that is seen at all lies within its line: no sd of it is larger than half of 0.1 eV."""


@cache
def _kernels(window: int) -> tuple[Array, Array, Array]:
    """Return the kernels of a window, which depend on nothing else: second derivative, its slope, its curvature."""
    bend = savgol_coeffs(window, ORDER, deriv=2, delta=STEP_EV, use="dot")
    fits = [savgol_coeffs(2 * REACH + 1, 2, deriv=order, delta=STEP_EV, use="dot") for order in (1, 2)]
    return bend, np.convolve(bend, fits[0]), np.convolve(bend, fits[1])


def _local_minima(bend: Array) -> Index:
    return np.flatnonzero((bend[1:-1] < bend[:-2]) & (bend[1:-1] <= bend[2:])) + 1
