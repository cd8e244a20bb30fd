"""The first and second exciton of an absorption spectrum, by its second derivative in energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import savgol_filter

from sdl.spectra.absorption import Absorbance
from sdl.spectra.counts import Array
from sdl.spectra.types import Value
from sdl.units import HC_EV_NM

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
BIAS_SD_EV = 0.010
"""What continuum, X2 and a wide, skewed population pull on the minimum: up to 19 meV (spectra_analysis, section 2)."""
X2_BIAS_SD_EV = 0.015
"""The same for X2, which sits on the steepest continuum."""
DRAWS = 32
"""Noise draws of the bootstrap: 12 % error of an sd."""
REACH = 25
"""How far in grid steps a minimum may move under noise."""
SPARSE_EV = 0.02
"""Pixels farther apart than this cannot carry a second derivative of a line of 80 meV."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exciton:
    """X1 and X2 in eV; ``x1`` is the line of the ensemble as absorption weighs it: by volume."""

    x1: Value | None = None
    x2: Value | None = None
    flags: tuple[str, ...] = ()


def exciton(absorbance: Absorbance) -> Exciton:
    """Find X1, and X2 where it shows; no value and a flag where noise, gaps or a missing line forbid.

    The noise draws are the same every time: the same spectrum always gives the same sd.
    """
    if not absorbance.usable:
        return Exciton()
    energy_ev, values, sd = _stretch(absorbance)
    if energy_ev.size < 10 or energy_ev[-1] - energy_ev[0] < 0.4 or np.max(np.diff(energy_ev)) > SPARSE_EV:
        return Exciton(flags=("sparse",))
    grid_ev = np.arange(energy_ev[0], energy_ev[-1], STEP_EV)
    noise = np.random.default_rng(0).standard_normal((DRAWS, sd.size)) * sd
    lines = _resample(energy_ev, np.vstack([values, values + noise]), grid_ev)
    for window in WINDOWS:
        bend = savgol_filter(lines, window, ORDER, deriv=2, delta=STEP_EV, axis=1)[:, window // 2 : -(window // 2)]
        blur = bend[1:].std(axis=0)
        minima = _minima(bend[0], blur)
        if minima.size and -bend[0, minima[0]] > CLEAR_SD * blur[minima[0]]:
            break
    if not minima.size:
        return Exciton(flags=("no_exciton",))
    centre_ev = grid_ev[window // 2 : -(window // 2)]
    first = int(minima[0])
    x1 = _place(centre_ev, bend, first, BIAS_SD_EV)
    flags = ("noisy",) if -bend[0, first] < CLEAR_SD * blur[first] else ()
    return Exciton(x1=x1, x2=_second(centre_ev, bend, blur, first), flags=flags)


def _stretch(absorbance: Absorbance) -> tuple[Array, Array, Array]:
    """Return the longest run without gaps inside `RANGE_EV` as rising energies, absorbance and noise, each ``(e,)``."""
    energy_ev = HC_EV_NM / absorbance.wavelength_nm
    good = np.isfinite(absorbance.values) & (energy_ev > RANGE_EV[0]) & (energy_ev < RANGE_EV[1])
    edges = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(int), [0]])))
    runs = edges.reshape(-1, 2)
    if not runs.size:
        return (np.empty(0),) * 3
    start, stop = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    run = slice(start, stop)
    return energy_ev[run][::-1], absorbance.values[run][::-1], absorbance.sd[run][::-1]


def _resample(energy_ev: Array, lines: Array, grid_ev: Array) -> Array:
    """Interpolate ``n x e`` lines linearly onto the even grid, ``n x g``."""
    after = np.clip(np.searchsorted(energy_ev, grid_ev, side="right"), 1, energy_ev.size - 1)
    share = (grid_ev - energy_ev[after - 1]) / (energy_ev[after] - energy_ev[after - 1])
    return np.asarray(lines[:, after - 1] * (1 - share) + lines[:, after] * share)


def _local_minima(bend: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    return np.flatnonzero((bend[1:-1] < bend[:-2]) & (bend[1:-1] <= bend[2:])) + 1


def _minima(bend: Array, blur: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """Return the minima that are real and prominent, reddest first."""
    found = _local_minima(bend)
    real = found[-bend[found] > SEEN_SD * blur[found]]
    return real[-bend[real] > PROMINENT * -bend[real].min()] if real.size else real


def _second(centre_ev: Array, bend: Array, blur: Array, first: int) -> Value | None:
    found = _local_minima(bend[0])
    gap_ev = centre_ev[found] - centre_ev[first]
    deep = -bend[0, found] > np.maximum(SEEN_SD * blur[found], X2_PROMINENT * -bend[0, first])
    found = found[deep & (gap_ev > X2_GAP_EV[0]) & (gap_ev < X2_GAP_EV[1])]
    if not found.size:
        return None
    return _place(centre_ev, bend, int(found[np.argmin(bend[0, found])]), X2_BIAS_SD_EV)


def _place(centre_ev: Array, bend: Array, index: int, bias_sd_ev: float) -> Value:
    """Refine a minimum by a parabola in the measured line and in every draw; the draws' spread is its sd."""
    low, high = max(index - REACH, 1), min(index + REACH + 1, bend.shape[1] - 1)
    best = np.argmin(bend[:, low:high], axis=1) + low
    best[0] = index
    rows = np.arange(bend.shape[0])
    left, middle, right = (bend[rows, best + k] for k in (-1, 0, 1))
    curve = left - 2 * middle + right
    shift = np.divide(0.5 * (left - right), curve, out=np.zeros_like(curve), where=curve > 0)
    place_ev = centre_ev[best] + STEP_EV * np.clip(shift, -1, 1)
    return Value(value=float(place_ev[0]), sd=float(np.hypot(place_ev[1:].std(), bias_sd_ev)))
