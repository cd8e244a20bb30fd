"""Peak, width, colour and photons of a PL spectrum, freed of background, response and re-absorption.

The line is fitted per eV (`sdl.spectra.line`); peak and FWHM are those of the curve per nm, which colour and targets
use; centroid and skew are per eV.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import savgol_filter

from sdl.spectra.absorption import LN10, Absorbance
from sdl.spectra.bands import GREEN_NM, ripened
from sdl.spectra.colour import chromaticity, told
from sdl.spectra.counts import READ_NOISE_E, Array, bridge, check_grid, rising, saturated, variance
from sdl.spectra.line import ORDER, Line, line
from sdl.spectra.types import Spectrum, Value
from sdl.units import HC_EV_NM

CLEAR_OF_LED_NM = 25.0
"""Emission is looked for this far to the red of the excitation and as far short of its second order; chosen."""
SMOOTH_NM = 6.0
"""Width of the smoothing that finds the maximum and the region to fit, below half of the narrowest line."""
FITTED = 0.35
"""The part of the maximum down to which the line is fitted: it holds both half-maximum crossings."""
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
VISIBLE_NM = 700.0
"""A line beyond this has no colour."""
FLOOR_NM = 0.01
"""Least sd of peak and width: what another definition of maximum or crossing on 0.5 nm pixels changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """What one PL spectrum shows; missing where flags say why.

    ``peak`` and ``fwhm`` in nm, ``width`` (FWHM per eV) and ``centroid`` in eV, ``skew`` as in `Line`, ``green`` the
    part of the peak's height left between 505 and 520 nm, ``photons`` in arbitrary units, CIE 1931 ``x`` and ``y``.
    """

    peak: Value | None = None
    fwhm: Value | None = None
    width: Value | None = None
    centroid: Value | None = None
    skew: Value | None = None
    green: Value | None = None
    x: Value | None = None
    y: Value | None = None
    photons: Value | None = None
    flags: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, Value]:
        """The features by name, ``photons`` left out."""
        named = {
            "pl_peak_nm": self.peak,
            "fwhm_nm": self.fwhm,
            "fwhm_ev": self.width,
            "pl_centroid_ev": self.centroid,
            "pl_skew": self.skew,
        }
        seen = {name: value for name, value in named.items() if value is not None}
        return seen if self.x is None or self.y is None else seen | told(self.x, self.y)


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
    window |= sample.kind == "nir"
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
    per_nm_ev = HC_EV_NM / freed.peak.value**2
    floors = {"peak": floor, "fwhm": floor, "width": floor * per_nm_ev, "centroid": floor * per_nm_ev}
    names = ("peak", "fwhm", "width", "centroid", "skew", "x", "y", "photons")
    doubted = {n: _doubted(getattr(seen, n), getattr(freed, n), floors.get(n, 0.0)) for n in names}
    if freed.green is not None and ripened(freed.green):
        flags += ("green_shoulder",)
    return Emission(**doubted, green=freed.green, flags=flags)


def _doubted(seen: Value | None, freed: Value | None, floor: float) -> Value | None:
    if seen is None or freed is None:
        return None
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
    if high - low < 2 * ORDER:
        return Emission(photons=photons, flags=("sparse",))
    found = line(wavelength_nm[low:high], per_nm[low:high], noise[low:high], smooth[low:high])
    if found is None:
        return Emission(photons=photons, flags=("misfit",))
    near = np.abs(wavelength_nm - found.peak.value) < 2 * found.fwhm.value
    x = y = None
    if found.peak.value < VISIBLE_NM:
        x, y = chromaticity(wavelength_nm[near], per_nm[near], noise[near])
    return Emission(
        peak=found.peak,
        fwhm=found.fwhm,
        width=found.width,
        centroid=_centroid(wavelength_nm[near], per_nm[near], noise[near]),
        skew=found.skew,
        green=_green(wavelength_nm, per_nm, noise, found, smooth[top]),
        x=x,
        y=y,
        photons=photons,
        flags=("noisy",) if clarity < CLEAR_SD else (),
    )


def _green(wavelength_nm: Array, per_nm: Array, noise: Array, found: Line, height: float) -> Value | None:
    """Return what is left in the green over the peak's height; None where the line's own tail reaches it."""
    inside = (wavelength_nm > GREEN_NM[0]) & (wavelength_nm < GREEN_NM[1])
    if not inside.any() or found.peak.value + 2 * found.fwhm.value > GREEN_NM[0]:
        return None
    sd = float(np.sqrt(noise[inside].sum())) / int(inside.sum())
    return Value(value=float(per_nm[inside].mean()) / height, sd=sd / height)


def _integral(wavelength_nm: Array, per_nm: Array, noise: Array) -> Value:
    weight = np.gradient(wavelength_nm)
    return Value(value=float(weight @ per_nm), sd=float(np.sqrt(weight**2 @ noise)))


def _centroid(wavelength_nm: Array, per_nm: Array, noise: Array) -> Value:
    """Return the mean photon energy within two FWHM of the peak; dE I(E) = dlambda I(lambda), so weights are per nm."""
    energy_ev = HC_EV_NM / wavelength_nm
    weight = np.gradient(wavelength_nm)
    total = float(weight @ per_nm)
    mean_ev = float((weight * per_nm) @ energy_ev) / total
    spread = (weight * (energy_ev - mean_ev) / total) ** 2 @ noise
    return Value(value=mean_ev, sd=float(np.sqrt(spread)))


def _around(above: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], top: int) -> tuple[int, int]:
    """Return the run of true values around ``top`` as a half-open range."""
    below = np.flatnonzero(~above)
    after = int(np.searchsorted(below, top))
    return int(below[after - 1]) + 1 if after else 0, int(below[after]) if after < below.size else above.size
