"""Bands that are no exciton: the precursor in the ultraviolet, and the green shoulder of crystals that have ripened."""

from __future__ import annotations

import numpy as np

from sdl.spectra.absorption import Absorbance
from sdl.spectra.counts import Array
from sdl.spectra.types import Value
from sdl.units import HC_EV_NM

PRECURSOR_NM = (311.0, 314.0)
"""Cs4PbBr6 agglomerates absorb here, with and without potassium (Otero-Martinez 2024, main text)."""
PRECURSOR_SD_NM = 5.5
"""Sd of the band: FWHM 13 nm, chosen; the shape is searched between the two positions, not in width."""
AROUND_NM = (298.0, 332.0)
"""What is fitted: the band and enough of the crystals' absorption on both sides."""
MISSHAPEN = 0.1
"""Relative sd of the height: the band may be 10 % wider or narrower than it is taken to be; chosen."""
CLEAR_SD = 3.0
"""How many sds a band must be high to be one; the usual limit of detection (IUPAC)."""
FEWEST = 12
"""Pixels that five unknowns need."""
GREEN_NM = (505.0, 520.0)
"""Where ripened or stray large crystals absorb and shine (spectra_analysis, section 4)."""
GREEN_PART, GREEN_SD = 0.03, 3.0
"""Part of X1 or of the PL peak, and its sds, above which a green shoulder is ripening (spectra_analysis, section 4)."""
GREEN_CLEAR_EV = 0.14
"""A line must be this far to the blue of the green: below, its own tail is seen there; chosen, two FWHM."""


def precursor(absorbance: Absorbance, path_mm: float) -> Value | None:
    """Return the height of the precursor's band in absorbance per cm; None where the spectrum does not reach it.

    The crystals' own absorption beneath is a parabola; only what is curved like the band counts, as in a derivative.
    """
    w = absorbance.wavelength_nm
    near = (w > AROUND_NM[0]) & (w < AROUND_NM[1]) & np.isfinite(absorbance.values) & np.isfinite(absorbance.sd)
    middle = float(np.mean(PRECURSOR_NM))
    both = (w[near] < middle - PRECURSOR_SD_NM).sum() >= 3 and (w[near] > middle + PRECURSOR_SD_NM).sum() >= 3
    if not absorbance.usable or near.sum() < FEWEST or not both:
        return None
    seen, noise = absorbance.values[near], np.maximum(absorbance.sd[near], 1e-9)
    height, sd = _height(w[near], seen, noise)
    path_cm = path_mm / 10.0
    return Value(value=height / path_cm, sd=float(np.hypot(sd, MISSHAPEN * height)) / path_cm)


def conversion(now: Value, start: Value) -> Value | None:
    """Return which part of the precursor is gone, from its band ``now`` and at the ``start`` (1: the reaction is over).

    Both as `precursor` gives them, of the same well and path; the band's unknown shape cancels, so 10 % of each height
    counts fully and the error is a little too large. None where the band was never clear of its noise.
    """
    if not start.value > CLEAR_SD * start.sd:
        return None
    left = now.value / start.value
    return Value(value=1.0 - left, sd=float(np.hypot(now.sd, left * start.sd)) / start.value)


def _height(wavelength_nm: Array, seen: Array, noise: Array) -> tuple[float, float]:
    """Return height and sd of a Gaussian on a parabola, at that of seven positions where it follows best."""
    x = (wavelength_nm - np.linspace(*PRECURSOR_NM, 7)[:, None]) / PRECURSOR_SD_NM
    basis = np.stack([np.exp(-0.5 * x**2), np.ones_like(x), x, x**2], axis=2) / noise[:, None]
    covariance = np.linalg.inv(basis.transpose(0, 2, 1) @ basis)
    found = covariance @ (basis.transpose(0, 2, 1) @ (seen / noise))[..., None]
    squares = np.sum((seen / noise - (basis @ found)[..., 0]) ** 2, axis=1)
    best = int(np.argmin(squares))
    sd = np.sqrt(covariance[best, 0, 0] * max(1.0, float(squares[best]) / (seen.size - 5)))
    return float(found[best, 0, 0]), float(sd)


def green_absorption(absorbance: Absorbance, x1_ev: float) -> Value | None:
    """Return the mean absorbance in the green over that at X1; None where X1's own tail reaches it."""
    green, first = absorbance.at(float(np.mean(GREEN_NM)), 7.5), absorbance.at(HC_EV_NM / x1_ev)
    if green is None or first is None or not first.value > 3 * first.sd or not clear_of_green(x1_ev):
        return None
    part = green.value / first.value
    return Value(value=part, sd=float(np.hypot(green.sd, part * first.sd)) / first.value)


def clear_of_green(line_ev: float) -> bool:
    """Say whether a line at ``line_ev`` is far enough from the green not to be seen there itself."""
    return line_ev > HC_EV_NM / GREEN_NM[0] + GREEN_CLEAR_EV


def ripened(part: Value | None) -> bool:
    """Say whether a green part is a shoulder."""
    return part is not None and part.value > GREEN_PART and part.value > GREEN_SD * part.sd
