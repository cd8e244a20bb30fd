"""What the counts of a spectrum are worth: their noise, which pixels can be believed, and which grid they are on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdl.errors import Refused
from sdl.spectra.types import Kind, Spectrum

Array = NDArray[np.float64]

READ_NOISE_E = 25.0
"""Read noise of one exposure in electrons where the maker's figure is not given; typical of uncooled linear CCDs."""
FULL_WELL_USED = 0.9
"""Counts above this part of the full well are bent by saturation; chosen by spectra_analysis, section 1."""
IMPOSSIBLE_E = 1e9
"""No pixel holds this many electrons (full wells are 1e4 to 1e6): a broken number, not light."""
OPTICAL_NM = (150.0, 3000.0)
"""What spectrometers with a grating and a silicon or InGaAs detector cover."""
BRIDGE_PIXELS = 3
"""The longest run of dead pixels that is interpolated; longer gaps stay gaps."""


def latest(spectra: Iterable[Spectrum], kind: Kind) -> Spectrum | None:
    """Return the spectrum of one light path that was taken last, with impossible counts as dead pixels."""
    last = max((s for s in spectra if s.kind == kind), key=lambda s: s.time_s, default=None)
    if last is None or np.all(np.abs(last.counts) < IMPOSSIBLE_E):
        return last
    return replace(last, counts=np.where(np.abs(last.counts) < IMPOSSIBLE_E, last.counts, np.nan))


def check_grid(first: Spectrum, *others: Spectrum | None) -> None:
    """Raise `Refused` unless the grid is in nm, runs one way, and every other spectrum is on the same grid."""
    steps = np.diff(first.wavelength_nm)
    if not (np.all(steps > 0) or np.all(steps < 0)) or not np.all(first.wavelength_nm > 0):
        raise Refused(f"{first.instrument}: wavelengths must be positive and rise or fall throughout")
    if first.wavelength_nm.size and (
        first.wavelength_nm.min() < OPTICAL_NM[0] or first.wavelength_nm.max() > OPTICAL_NM[1]
    ):
        raise Refused(
            f"{first.instrument}: an axis from {first.wavelength_nm.min():g} to {first.wavelength_nm.max():g} is not "
            f"in nm, which would be {OPTICAL_NM[0]:g} to {OPTICAL_NM[1]:g}; convert it{_axis(first.wavelength_nm)}"
        )
    for other in others:
        if other is not None and not np.array_equal(other.wavelength_nm, first.wavelength_nm):
            raise Refused(
                f"{first.instrument}: the wavelength grid changed between the {other.role} ({other.grid_id}) "
                f"and the {first.role} ({first.grid_id}); take dark, blank and dye again"
            )


def _axis(x: Array) -> str:
    """Guess, for a refusal, what the axis is in."""
    named = (("um", 0.15, 3.2), ("eV", 0.3, 12.0), ("cm-1", 3e3, 7e4))
    guesses = [unit for unit, low, high in named if x.min() >= low and x.max() <= high]
    return f", it looks like {' or '.join(guesses)}" if guesses else ""


def rising(spectrum: Spectrum) -> slice:
    """Return the slice that puts the wavelengths in rising order."""
    w = spectrum.wavelength_nm
    return slice(None, None, -1) if w.size > 1 and w[0] > w[-1] else slice(None)


def variance(spectrum: Spectrum, read_noise_e: float) -> Array:
    """Return the variance of each mean count, ``(w,)`` in e^2: shot and read noise over the averaged exposures."""
    return (np.clip(spectrum.counts, 0.0, None) + read_noise_e**2) / max(spectrum.averages, 1)


def saturated(spectrum: Spectrum) -> NDArray[np.bool_]:
    """Say per pixel whether the counts are too near the full well, ``(w,)``."""
    return np.greater(spectrum.counts, FULL_WELL_USED * spectrum.full_well)


def bridge(values: Array, longest: int = BRIDGE_PIXELS) -> Array:
    """Interpolate runs of at most ``longest`` NaN that have neighbours on both sides, along the last axis."""
    filled = values.copy()
    bad = np.isnan(values.reshape(-1, values.shape[-1]))
    if not bad.any():
        return filled
    apart = np.zeros((bad.shape[0], bad.shape[1] + 2), dtype=np.int8)  # rows do not touch
    apart[:, 1:-1] = bad
    edges = np.flatnonzero(np.diff(apart.ravel()))
    start, stop = edges[::2], edges[1::2]
    row, first, last = start // apart.shape[1], start % apart.shape[1], stop % apart.shape[1]
    short = (first > 0) & (last < bad.shape[1]) & (last - first <= longest)
    flat = filled.reshape(-1)
    for step in range(longest):
        begin, end = first + row * bad.shape[1] - 1, last + row * bad.shape[1]
        here = short & (last - first > step)
        left, right = flat[begin[here]], flat[end[here]]
        share = (step + 1) / (end - begin)[here]
        flat[begin[here] + 1 + step] = left + share * (right - left)
    return filled
