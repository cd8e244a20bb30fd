"""Absorbance of a colloid from counts, freed of bad pixels, scatter and drift; many spectra of one grid at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from sdl.spectra.baseline import COLLOID, level
from sdl.spectra.counts import READ_NOISE_E, Array, bridge, check_grid, rising, saturated, variance
from sdl.spectra.types import Spectrum, Value

Mask = NDArray[np.bool_]

DIM = 0.05
"""Pixels whose lamp is below this part of the brightest are not used (spectra_analysis, section 1)."""
DARKEST = 2.0
"""Above this absorbance 1e-3 of stray light takes 2 % and more (spectra_analysis, section 1)."""
STRAY, STRAY_NM = 1.7, (340.0, 650.0)
"""Absorbance from which stray light takes 1 % (spectra_analysis, section 1), and where it spoils features."""
SPIKE_SD = 6.0
"""A pixel this many robust sd from the median of seven is dead or hit (spectra_analysis, section 1)."""
STRAY_PIXELS = 3
"""So many pixels must be that dark: one alone is a dead one."""
LIT_NM = (350.0, 650.0)
"""Half of the pixels here must have light; what a wider spectrometer sees beyond does not matter."""
COUNTED = 10.0
"""A sample that never reaches this while its blank does holds absorbance or transmittance, not counts; chosen."""
LN10 = float(np.log(10.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorbance:
    """Absorbance over the cell's path on a rising grid, scatter and drift removed.

    All arrays are ``(w,)``; NaN where a pixel says nothing. ``sd`` is pixel noise, ``base_sd`` the shared error of the
    removed baseline. ``usable`` is false where the read must not be interpreted: the flags say why.
    """

    wavelength_nm: Array
    values: Array
    sd: Array
    base_sd: Array
    usable: bool
    flags: tuple[str, ...]

    def at(self, wavelength_nm: float, half_width_nm: float = 2.0) -> Value | None:
        """Return the absorbance near one wavelength: mean of the pixels within ``half_width_nm``; None without."""
        near = np.abs(self.wavelength_nm - wavelength_nm) <= half_width_nm
        near &= np.isfinite(self.values + self.sd + self.base_sd)
        if not self.usable or not near.any():
            return None
        noise = float(np.sqrt(np.sum(self.sd[near] ** 2))) / int(near.sum())
        return Value(value=float(self.values[near].mean()), sd=float(np.hypot(noise, self.base_sd[near].mean())))

    def on(self, wavelength_nm: Array) -> Array:
        """Return absorbance on another grid, ``(v,)``; gaps are bridged and ends held, 0 where nothing is known."""
        good = np.isfinite(self.values)
        if not self.usable or not good.any():
            return np.zeros(wavelength_nm.shape)
        return np.interp(wavelength_nm, self.wavelength_nm[good], self.values[good])


def absorbance(
    sample: Spectrum,
    *,
    dark: Spectrum | None,
    blank: Spectrum,
    read_noise_e: float = READ_NOISE_E,
    scatter: tuple[float, float] = COLLOID,
) -> Absorbance:
    """Return A = -log10((I - D)/(I0 - D)) less scatter and drift; bad pixels are NaN, a bad read is not usable.

    ``scatter`` is mean and sd of what the liquid may scatter at 400 nm. Raises `Refused` on a changed grid.
    """
    return absorbances([sample], dark=dark, blank=blank, read_noise_e=read_noise_e, scatter=scatter)[0]


def absorbances(
    samples: Sequence[Spectrum],
    *,
    dark: Spectrum | None,
    blank: Spectrum,
    read_noise_e: float = READ_NOISE_E,
    scatter: tuple[float, float] = COLLOID,
) -> list[Absorbance]:
    """Return for each of ``samples``, which share dark and blank, what `absorbance` returns for one."""
    for sample in samples:
        check_grid(sample, dark, blank)
    order = rising(blank)
    offset = 0.0 if dark is None else dark.counts
    dark_var = 0.0 if dark is None else variance(dark, read_noise_e)[order]
    light = np.stack([(s.counts - offset)[order] for s in samples])
    light_var = np.stack([variance(s, read_noise_e)[order] for s in samples]) + dark_var
    lamp, lamp_var = (blank.counts - offset)[order], variance(blank, read_noise_e)[order] + dark_var
    full = np.stack([(saturated(s) | saturated(blank))[order] for s in samples])
    lit = _lit(light, lamp) & ~full
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        raw = np.where(lit, -np.log10(light / lamp), np.nan)
        noise = np.where(lit, np.sqrt(light_var / light**2 + lamp_var / lamp**2) / LN10, np.nan)
    wavelength_nm = blank.wavelength_nm[order]
    without = () if dark is not None else ("no_dark",)
    counts = np.stack([s.counts for s in samples])
    flags = [without + said for said in _light_flags(wavelength_nm, counts, light, lamp, full, lit)]
    return from_absorbance(wavelength_nm, raw, noise, flags, scatter)


def from_absorbance(
    wavelength_nm: Array, raw: Array, noise: Array, flags: Sequence[tuple[str, ...]], scatter: tuple[float, float]
) -> list[Absorbance]:
    """Clean ``n x w`` absorbances on a rising grid; NaN is a pixel that says nothing, ``noise`` the sd of each."""
    needed = (wavelength_nm > LIT_NM[0]) & (wavelength_nm < LIT_NM[1])
    needed = needed if needed.any() else np.ones(wavelength_nm.shape, dtype=bool)
    lit = np.isfinite(raw[:, needed]).sum(axis=1) >= max(2.0, 0.5 * float(needed.sum()))
    values, sd = _without_spikes(raw, noise)
    base = level(wavelength_nm, values, sd, scatter)
    values, sd = values - base.beneath, sd * np.maximum(1.0, base.rough)[:, None]
    said = [given + (base.flags[row] if lit[row] else ("no_light",)) for row, given in enumerate(flags)]
    return [
        Absorbance(
            wavelength_nm=wavelength_nm,
            values=values[row],
            sd=sd[row],
            base_sd=base.sd[row],
            usable=bool(lit[row]) and "bubble" not in all_said,
            flags=all_said,
        )
        for row, all_said in enumerate(said)
    ]


def _lit(light: Array, lamp: Array) -> Mask:
    brightest = np.nanmax(lamp, initial=0.0)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (lamp > DIM * brightest) & (lamp > 0) & (light > 10.0**-DARKEST * lamp) & np.isfinite(light + lamp)
        )


def _light_flags(
    wavelength_nm: Array, counts: Array, light: Array, lamp: Array, full: Mask, lit: Mask
) -> list[tuple[str, ...]]:
    """Say what the counts of each spectrum alone give away."""
    brightest = np.nanmax(lamp, initial=0.0)
    tops = np.fmax.reduce(np.abs(counts), axis=1, initial=0.0)
    dim = (tops < COUNTED) & (brightest > COUNTED)
    inside = (wavelength_nm > STRAY_NM[0]) & (wavelength_nm < STRAY_NM[1])
    with np.errstate(invalid="ignore"):
        inside &= lamp > DIM * brightest
        dense = (light < 10.0**-STRAY * lamp) & ~full & inside
    stray = lit.any(axis=1) & (dense.sum(axis=1) > STRAY_PIXELS)
    said = {"saturated": full.any(axis=1), "mis_scaled": dim, "stray_light": stray}
    return [tuple(flag for flag, rows in said.items() if rows[row]) for row in range(counts.shape[0])]


def _without_spikes(values: Array, sd: Array) -> tuple[Array, Array]:
    """Replace dead and hit pixels by their neighbours, ``n x w``."""
    values, sd = bridge(values), bridge(sd)
    padded = np.pad(np.nan_to_num(values), ((0, 0), (3, 3)), mode="edge")  # in one row: the filter's fast path
    deviation = np.abs(values - median_filter(padded.ravel(), size=7).reshape(padded.shape)[:, 3:-3])
    scale = np.maximum(1.4826 * _medians(deviation)[:, None], np.nan_to_num(sd))  # MAD of a Gaussian is 0.6745 sd
    spike = deviation > SPIKE_SD * scale
    values[spike] = sd[spike] = np.nan
    return bridge(values), bridge(sd)


def _medians(values: Array) -> Array:
    """Return the median of what is finite in each row of ``n x w``, ``(n,)``; 0 where nothing is."""
    good = np.isfinite(values)
    number = good.sum(axis=1)
    ordered = np.partition(np.where(good, values, np.inf), np.unique([(number - 1) // 2, number // 2]).clip(0), axis=1)
    rows = np.arange(values.shape[0])
    middle = (ordered[rows, (number - 1) // 2] + ordered[rows, np.minimum(number // 2, values.shape[1] - 1)]) / 2
    return np.where(number > 0, middle, 0.0)
