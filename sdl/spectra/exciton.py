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
from sdl.spectra.sizing import REFERENCE_C, THERMAL_EV_PER_K, edges_nm, homogeneous_ev, x1_slope_ev_per_nm
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
PULL = {41: (-0.018, 0.104, -0.029), 61: (-0.020, 0.112, -0.035), 91: (-0.028, 0.112, -0.016)}
"""How far, in units of L dX1/dL, the minimum is to the red of the line that absorption weighs by volume, for each of
`WINDOWS`: a constant, and how much for each homogeneous FWHM that the minimum's blue and red side reach at half depth.
A broad or skewed population has a long blue side. Least squares over 1,500 populations of ``tests/spectra/crystals.py``
from 2.5 to 6.4 nm (seed 777); leaving out any line shape moves the result by less than `PULL_SD`."""
PULL_SD, BLURRED = 0.006, 0.1
"""What that leaves, in units of L dX1/dL: always, and for each unit of noise over depth of the minimum."""
LARGEST_PULLED_NM = 8.0
"""Above this edge the pull is held."""
X2_BIAS_SD_EV = 0.018
"""What continuum and neighbours pull on X2; measured on ``tests/spectra/crystals.py``."""
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
        seen = _Search.of(grid_ev, window).read(lines[pending], noise[pending], temperature_c)
        for row, one in seen.items():
            found[pending[row]] = one
        clear = [row for row, one in seen.items() if not one.flags]
        pending = np.delete(pending, clear)
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

    def read(self, lines: Array, noise: Array, temperature_c: float) -> dict[int, Exciton]:
        """Return what each of ``n x g`` lines shows, by its row; ``noisy`` where that is not clear."""
        half = self.slope.size // 2
        bend = correlate1d(lines, self.bend, axis=1, mode="nearest")[:, half : lines.shape[1] - half]
        row, at = _local_minima(bend)
        depth = -bend[row, at]
        window = at[:, None] + half - self.bend.size // 2 + np.arange(self.bend.size)
        blur = np.sqrt(noise[row[:, None], window] @ self.bend**2)
        real = depth > SEEN_SD * blur
        deepest = np.zeros(lines.shape[0])
        np.maximum.at(deepest, row[real], depth[real])
        candidates = np.flatnonzero(real & (depth > PROMINENT * deepest[row]))
        rows, reddest = np.unique(row[candidates], return_index=True)
        first = candidates[reddest]
        if not first.size:
            return {}
        place = self._place(lines, noise, rows, at[first])
        x1 = self._freed(bend[rows], at[first], place, blur[first] / depth[first], temperature_c)
        of = np.searchsorted(rows, row).clip(max=rows.size - 1)
        gap_ev = self.centre_ev[at] - self.centre_ev[at[first[of]]]
        second = (rows[of] == row) & (depth > np.maximum(SEEN_SD * blur, X2_PROMINENT * depth[first[of]]))
        ahead = np.flatnonzero(second & (gap_ev > X2_GAP_EV[0]) & (gap_ev < X2_GAP_EV[1]))
        ahead = ahead[np.lexsort((-depth[ahead], row[ahead]))]
        with_x2, deeper = np.unique(row[ahead], return_index=True)
        x2_ev, x2_sd = self._place(lines, noise, with_x2, at[ahead[deeper]])
        x2 = dict(zip(with_x2.tolist(), zip(x2_ev, np.hypot(x2_sd, X2_BIAS_SD_EV), strict=True), strict=True))
        clear = depth[first] > CLEAR_SD * blur[first]
        return {
            int(r): Exciton(
                x1=Value(value=float(x1[0][k]), sd=float(x1[1][k])),
                x2=Value(value=float(x2[r][0]), sd=float(x2[r][1])) if r in x2 else None,
                flags=() if clear[k] else ("noisy",),
            )
            for k, r in enumerate(rows.tolist())
        }

    def _place(self, lines: Array, noise: Array, rows: Index, at: Index) -> tuple[Array, Array]:
        """Refine minima by the parabola through their neighbours; its slope's noise over its curvature is the sd."""
        window = rows[:, None], at[:, None] + np.arange(self.slope.size)
        near = lines[window]
        curvature = np.maximum(near @ self.curvature, 1e-12)
        limit = REACH * STEP_EV
        shift_ev = np.clip(-(near @ self.slope) / curvature, -limit, limit)
        sd = np.sqrt(noise[window] @ self.slope**2) / curvature
        return self.centre_ev[at] + shift_ev, np.minimum(sd, WIDEST_SD_EV)

    def _freed(
        self, bend: Array, at: Index, place: tuple[Array, Array], blur: Array, temperature_c: float
    ) -> tuple[Array, Array]:
        """Return X1 and its sd, freed from the pull of the larger crystals; ``blur`` is noise over depth, ``(n,)``."""
        seen_ev, sd = place
        warm_ev = THERMAL_EV_PER_K * (temperature_c - REFERENCE_C)
        edge_nm = np.minimum(edges_nm(seen_ev - warm_ev), LARGEST_PULLED_NM)
        spread_ev = edge_nm * np.abs(x1_slope_ev_per_nm(edge_nm))
        red, blue = (side * STEP_EV / homogeneous_ev(edge_nm) for side in _half_widths(bend, at))
        always, by_blue, by_red = PULL[self.bend.size]
        pull = always + by_blue * blue + by_red * red
        doubt = np.hypot(PULL_SD, BLURRED * blur)
        return seen_ev + pull * spread_ev, np.hypot(sd, doubt * spread_ev)


def _half_widths(bend: Array, at: Index) -> tuple[Array, Array]:
    """Return how far ``n x c`` minima at ``at`` ``(n,)`` reach to the red and to the blue at half depth, in steps."""
    rows, index = np.arange(at.size), np.arange(bend.shape[1])
    half = bend[rows, at] / 2
    above = bend > half[:, None]
    before, after = above & (index < at[:, None]), above & (index > at[:, None])
    left = np.where(before.any(axis=1), bend.shape[1] - 1 - np.argmax(before[:, ::-1], axis=1), 0)
    right = np.where(after.any(axis=1), np.argmax(after, axis=1), bend.shape[1] - 1)

    def crossing(outer: Index, inner: Index) -> Array:
        there, here = bend[rows, outer], bend[rows, inner]
        share = np.divide(half - here, there - here, out=np.ones(at.size), where=there > here)
        return np.asarray(np.abs(inner - at) + np.clip(share, 0.0, 1.0))

    return crossing(left, np.minimum(left + 1, at)), crossing(right, np.maximum(right - 1, at))


WIDEST_SD_EV = 0.05
"""A minimum that is seen at all lies within its line: no sd of it is larger than half of 0.1 eV."""


@cache
def _kernels(window: int) -> tuple[Array, Array, Array]:
    """Return the kernels of a window, which depend on nothing else: second derivative, its slope, its curvature."""
    bend = savgol_coeffs(window, ORDER, deriv=2, delta=STEP_EV, use="dot")
    fits = [savgol_coeffs(2 * REACH + 1, 2, deriv=order, delta=STEP_EV, use="dot") for order in (1, 2)]
    return bend, np.convolve(bend, fits[0]), np.convolve(bend, fits[1])


def _local_minima(bend: Array) -> tuple[Index, Index]:
    """Return row and column of every local minimum below 0 of ``n x c`` lines, in order."""
    inner = bend[:, 1:-1]
    row, at = np.nonzero((inner < bend[:, :-2]) & (inner <= bend[:, 2:]) & (inner < 0))
    return row, at + 1
