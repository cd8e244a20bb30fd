"""Peak, width and photons of a photoluminescence spectrum, freed of background, response and re-absorption.

Peak and FWHM are those of the curve per nm, which colour and targets use; the centroid is taken per eV.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from sdl.spectra.absorption import LN10, Absorbance
from sdl.spectra.counts import READ_NOISE_E, Array, bridge, check_grid, rising, saturated, variance
from sdl.spectra.types import Spectrum, Value
from sdl.units import HC_EV_NM

CLEAR_OF_LED_NM = 25.0
"""Emission is looked for this far to the red of the excitation and as far short of its second order; chosen."""
SMOOTH_NM = 6.0
"""Width of the smoothing that finds the maximum and the region to fit, below half of the narrowest line."""
FITTED = 0.35
"""The part of the maximum down to which the line is fitted: it holds both half-maximum crossings."""
ORDER = 5
"""Order of the polynomial in ln I: with 4 the peak of a skewed sech is 0.07 nm off, with 5 less than 0.01 nm."""
SEEN_SD, CLEAR_SD = 8.0, 30.0
"""Maximum over noise of the smoothed curve: below the first nothing is read, below the second it is ``noisy``."""
PATH_TRAVELLED = 0.5
"""Emission born across the cell crosses half of it on average before it leaves."""
PATH_DOUBT = 0.05
"""Relative sd of the re-absorption correction: where in the cell the light is born is not known better; chosen."""
REABSORBING = 0.1
"""Absorbance over the path at the blue half maximum from which shifts reach nm (spectra_analysis, section 5)."""
UNCORRECTED_SD_NM = 1.0
"""Sd of the peak where no absorbance is known, so that re-absorption stays in; chosen."""
DRAWS = 64
"""Draws of the fit's coefficients: 9 % error of an sd."""
FLOOR_NM = 0.02
"""Least sd of peak and width: what another definition of maximum or crossing on 0.5 nm pixels changes."""
STEP_NM = 0.1
"""Grid on which the fitted curve is searched for its maximum and crossings, both interpolated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """``peak`` and ``fwhm`` in nm, ``centroid`` in eV, ``photons`` in arbitrary units; missing where flags say why."""

    peak: Value | None = None
    fwhm: Value | None = None
    centroid: Value | None = None
    photons: Value | None = None
    flags: tuple[str, ...] = ()


def emission(
    sample: Spectrum,
    *,
    dark: Spectrum | None,
    blank: Spectrum | None,
    absorbance: Absorbance | None,
    excitation_nm: float = 365.0,
    response: Sequence[tuple[float, float]] = (),
    read_noise_e: float = READ_NOISE_E,
) -> Emission:
    """Read a PL spectrum; ``response`` is counts per photon against nm, unity where none is given."""
    check_grid(sample, dark, blank)
    background = blank if blank is not None else dark
    flags = ["no_blank"] if blank is None else []
    order = rising(sample)
    wavelength_nm = sample.wavelength_nm[order]
    last_nm = 2 * excitation_nm - CLEAR_OF_LED_NM
    window = (wavelength_nm > excitation_nm + CLEAR_OF_LED_NM) & (wavelength_nm < last_nm)
    signal = sample.counts - (0.0 if background is None else background.counts)
    noise = variance(sample, read_noise_e) + (0.0 if background is None else variance(background, read_noise_e))
    wavelength_nm, signal, noise = wavelength_nm[window], signal[order][window], noise[order][window]
    if saturated(sample)[order][window].any():
        return Emission(flags=(*flags, "saturated"))
    signal, noise = bridge(signal), bridge(noise)
    good = np.isfinite(signal) & np.isfinite(noise)
    if good.sum() < max(10, 0.5 * good.size) or np.max(np.diff(wavelength_nm[good])) > SMOOTH_NM:
        return Emission(flags=(*flags, "sparse"))
    wavelength_nm, signal, noise = wavelength_nm[good], signal[good], noise[good]
    gain = _gain(response, wavelength_nm)
    known = absorbance is not None and absorbance.usable
    absorbed = absorbance.on(wavelength_nm) if absorbance is not None else np.zeros(wavelength_nm.shape)
    seen = _read(wavelength_nm, signal / gain, noise / gain**2)
    lift = np.exp(LN10 * PATH_TRAVELLED * absorbed) / gain
    freed = _read(wavelength_nm, signal * lift, noise * lift**2)
    return _with_doubt(seen, freed, known, wavelength_nm, absorbed, tuple(flags))


def _gain(response: Sequence[tuple[float, float]], wavelength_nm: Array) -> Array:
    if not response:
        return np.ones(wavelength_nm.shape)
    table = np.array(sorted(response))
    return np.asarray(np.interp(wavelength_nm, table[:, 0], table[:, 1]))


def _with_doubt(
    seen: Emission, freed: Emission, known: bool, wavelength_nm: Array, absorbed: Array, flags: tuple[str, ...]
) -> Emission:
    """Add what the re-absorption correction leaves in doubt to the sds, and its flag."""
    flags += freed.flags
    if freed.peak is None or freed.fwhm is None or seen.peak is None or seen.fwhm is None:
        return Emission(photons=freed.photons, flags=flags)
    blue_nm = freed.peak.value - freed.fwhm.value / 2
    if not known:
        flags += ("reabsorption_unknown",)
    elif np.interp(blue_nm, wavelength_nm, absorbed) > REABSORBING:
        flags += ("reabsorption",)
    floor = FLOOR_NM if known else UNCORRECTED_SD_NM
    return Emission(
        peak=_doubted(seen.peak, freed.peak, floor),
        fwhm=_doubted(seen.fwhm, freed.fwhm, floor),
        centroid=_doubted(seen.centroid, freed.centroid, floor * HC_EV_NM / freed.peak.value**2),
        photons=_doubted(seen.photons, freed.photons, 0.0),
        flags=flags,
    )


def _doubted(seen: Value | None, freed: Value | None, floor: float) -> Value:
    assert seen is not None and freed is not None  # every read with a peak has all four values
    return Value(
        value=freed.value, sd=float(np.hypot(np.hypot(freed.sd, floor), PATH_DOUBT * (freed.value - seen.value)))
    )


def _read(wavelength_nm: Array, per_nm: Array, noise: Array) -> Emission:
    """Read a curve of photons per nm with variance ``noise``, all ``(w,)``."""
    photons = _integral(wavelength_nm, per_nm, noise)
    pixels = max(5, round(SMOOTH_NM / float(np.median(np.diff(wavelength_nm)))) | 1)
    if pixels >= wavelength_nm.size:
        return Emission(flags=("sparse",))
    smooth = savgol_filter(per_nm, pixels, 2)
    top = int(np.argmax(smooth))
    clarity = smooth[top] / np.sqrt(np.median(noise[max(0, top - pixels) : top + pixels]) * 9 / (4 * pixels))
    if not clarity > SEEN_SD:
        return Emission(photons=photons, flags=("weak_pl",))
    low, high = _around(smooth > FITTED * smooth[top], top)
    if low == 0 or high == smooth.size:
        return Emission(photons=photons, flags=("cut_off",))
    if high - low < 3 * ORDER:
        return Emission(photons=photons, flags=("sparse",))
    shape = _shape(wavelength_nm[low:high], per_nm[low:high], noise[low:high], smooth[low:high])
    if shape is None:
        return Emission(photons=photons, flags=("misfit",))
    peak, fwhm = shape
    flags = ("noisy",) if clarity < CLEAR_SD else ()
    return Emission(
        peak=peak, fwhm=fwhm, centroid=_centroid(wavelength_nm, per_nm, noise, peak, fwhm), photons=photons, flags=flags
    )


def _integral(wavelength_nm: Array, per_nm: Array, noise: Array) -> Value:
    weight = np.gradient(wavelength_nm)
    return Value(value=float(weight @ per_nm), sd=float(np.sqrt(weight**2 @ noise)))


def _centroid(wavelength_nm: Array, per_nm: Array, noise: Array, peak: Value, fwhm: Value) -> Value:
    """Return the mean photon energy within two FWHM of the peak; dE I(E) = dlambda I(lambda), so weights are per nm."""
    near = np.abs(wavelength_nm - peak.value) < 2 * fwhm.value
    energy_ev = HC_EV_NM / wavelength_nm[near]
    weight = np.gradient(wavelength_nm)[near]
    total = float(weight @ per_nm[near])
    mean_ev = float((weight * per_nm[near]) @ energy_ev) / total
    spread = (weight * (energy_ev - mean_ev) / total) ** 2 @ noise[near]
    return Value(value=mean_ev, sd=float(np.sqrt(spread)))


def _around(above: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], top: int) -> tuple[int, int]:
    """Return the run of true values around ``top`` as a half-open range."""
    below = np.flatnonzero(~above)
    after = int(np.searchsorted(below, top))
    return int(below[after - 1]) + 1 if after else 0, int(below[after]) if after < below.size else above.size


def _shape(wavelength_nm: Array, per_nm: Array, noise: Array, start: Array) -> tuple[Value, Value] | None:
    """Fit ln I by a polynomial with counting weights (Gauss-Newton) and read peak and FWHM with their sd."""
    middle, half = wavelength_nm.mean(), np.ptp(wavelength_nm) / 2
    basis = np.vander((wavelength_nm - middle) / half, ORDER + 1, increasing=True)
    found = np.linalg.lstsq(basis * start[:, None], np.log(start) * start, rcond=None)[0]
    for _ in range(4):  # from a smoothed start two steps suffice
        model = np.exp(np.clip(basis @ found, -50.0, 50.0))
        slope = basis * model[:, None]
        information = slope.T @ (slope / noise[:, None])
        found = found + np.linalg.solve(information, slope.T @ ((per_nm - model) / noise))
    if not np.isfinite(found).all() or np.abs(basis @ found).max() > 50:
        return None
    residual = per_nm - np.exp(basis @ found)
    misfit = float(residual**2 @ (1 / noise)) / (per_nm.size - ORDER - 1)
    covariance = np.linalg.inv(information) * max(1.0, misfit)
    draws = np.random.default_rng(0).multivariate_normal(found, covariance, size=DRAWS, method="cholesky")
    fine = np.linspace(-1.15, 1.15, int(2.3 * half / STEP_NM) + 8)
    curves = np.exp(np.vander(fine, ORDER + 1, increasing=True) @ np.vstack([found, draws]).T).T
    peak, blue, red = _crossings(fine, curves)
    peak_nm, fwhm_nm = middle + half * peak, half * (red - blue)
    if not np.isfinite(fwhm_nm[0]) or np.isnan(fwhm_nm).mean() > 0.2:
        return None
    return (
        Value(value=float(peak_nm[0]), sd=float(np.std(peak_nm[1:]))),
        Value(value=float(fwhm_nm[0]), sd=float(np.nanstd(fwhm_nm[1:]))),
    )


Index = NDArray[np.intp]


def _crossings(x: Array, curves: Array) -> tuple[Array, Array, Array]:
    """Return maximum, blue and red half-maximum crossing of ``n x g`` curves, each ``(n,)``; NaN without crossing."""
    rows, index = np.arange(curves.shape[0]), np.arange(x.size)
    inner = np.abs(x) < 1
    top = np.argmax(np.where(inner, curves, -np.inf), axis=1)
    left, centre, right = (curves[rows, np.clip(top + k, 0, x.size - 1)] for k in (-1, 0, 1))
    curve = left - 2 * centre + right
    shift = np.divide(0.5 * (left - right), curve, out=np.zeros_like(curve), where=curve < 0)
    step = x[1] - x[0]
    height = centre - 0.25 * (left - right) * shift
    low = curves < height[:, None] / 2
    before = low & (index < top[:, None])
    after = low & (index > top[:, None])
    i = x.size - 1 - np.argmax(before[:, ::-1], axis=1)
    j = np.argmax(after, axis=1)
    blue = _between(x, curves, rows, np.where(before.any(axis=1), i, 0), height / 2)
    red = _between(x, curves, rows, np.where(after.any(axis=1), j - 1, 0), height / 2)
    blue[~before.any(axis=1)] = np.nan
    red[~after.any(axis=1)] = np.nan
    return x[top] + step * shift, blue, red


def _between(x: Array, curves: Array, rows: Index, start: Index, level: Array) -> Array:
    here, there = curves[rows, start], curves[rows, start + 1]
    return np.asarray(x[start] + (level - here) / (there - here) * (x[start + 1] - x[start]))
