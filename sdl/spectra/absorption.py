"""Absorbance of a colloid from counts, and the scatter and drift beneath it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from sdl.spectra.counts import READ_NOISE_E, Array, bridge, check_grid, rising, saturated, variance
from sdl.spectra.types import Spectrum, Value

DIM = 0.05
"""Pixels whose lamp is below this part of the brightest are not used (spectra_analysis, section 1)."""
DARKEST = 2.0
"""Above this absorbance 1e-3 of stray light takes 2 % and more (spectra_analysis, section 1)."""
SPIKE_SD = 6.0
"""A pixel this many robust sd from the median of seven is dead or hit (spectra_analysis, section 1)."""
CLEAR_NM = (560.0, 650.0)
"""Where no crystal of CsPbBr3 absorbs: bulk edge 2.3 eV, so all that is seen is scatter and drift."""
JUMP = 0.04
"""Absorbance in the clear range that means a bubble or a drop, with the two tests of noise and shape below."""
ROUGH = 4.0
"""Ratio of noise in the clear range to shot and read noise that means a bubble or an unsteady lamp."""
DRIFT = 3e-3
"""Sd of the reader's tilt over 175 nm between blank and sample; chosen, usual for a fibre spectrometer."""
COLLOID = (4e-3, 3e-3)
"""Mean and sd of the scatter at 400 nm: half-normal of scale 5e-3, since a clear colloid scatters 0 to 0.01; chosen."""
SOLUTION = (0.0, 5e-4)
"""The same for a dye in true solution: Rayleigh scattering of a solvent is in the blank already; chosen."""
TURBID_SD = 0.1
"""Sd of the scatter at 400 nm once the clear range shows that the sample is turbid; chosen."""
SURPRISE = 12.0
"""Chi-square of two prior terms beyond which a clear colloid is not believed (0.25 % of clear ones)."""
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
        near = (np.abs(self.wavelength_nm - wavelength_nm) <= half_width_nm) & np.isfinite(self.values)
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
    check_grid(sample, dark, blank)
    order = rising(sample)
    offset = np.zeros(sample.counts.shape) if dark is None else dark.counts
    light, lamp = (sample.counts - offset)[order], (blank.counts - offset)[order]
    light_var, lamp_var = (variance(s, read_noise_e)[order] for s in (sample, blank))
    if dark is not None:
        light_var, lamp_var = (v + variance(dark, read_noise_e)[order] for v in (light_var, lamp_var))
    full = (saturated(sample) | saturated(blank))[order]
    lit = _lit(light, lamp) & ~full
    raw, sd = np.full(light.shape, np.nan), np.full(light.shape, np.nan)
    raw[lit] = -np.log10(light[lit] / lamp[lit])
    sd[lit] = np.sqrt(light_var[lit] / light[lit] ** 2 + lamp_var[lit] / lamp[lit] ** 2) / LN10
    wavelength_nm = sample.wavelength_nm[order]
    flags = ["no_dark"] if dark is None else []
    flags += ["saturated"] if full.any() else []
    if np.sum(lit) < max(3, 0.5 * np.sum(np.isfinite(lamp))):
        return Absorbance(
            wavelength_nm=wavelength_nm, values=raw, sd=sd, base_sd=sd, usable=False, flags=(*flags, "no_light")
        )
    raw, sd = _without_spikes(raw, sd)
    return _level(wavelength_nm, raw, sd, flags, scatter)


def _lit(light: Array, lamp: Array) -> NDArray[np.bool_]:
    brightest = np.nanmax(lamp, initial=0.0)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (lamp > DIM * brightest) & (lamp > 0) & (light > 10.0**-DARKEST * lamp) & np.isfinite(light + lamp)
        )


def _without_spikes(values: Array, sd: Array) -> tuple[Array, Array]:
    """Replace dead and hit pixels by their neighbours."""
    bridged = bridge(values)
    deviation = np.abs(bridged - median_filter(np.nan_to_num(bridged), size=7, mode="nearest"))
    scale = np.maximum(1.4826 * np.nanmedian(deviation), np.nan_to_num(sd))  # MAD of a Gaussian is 0.6745 sd
    bridged[deviation > SPIKE_SD * scale] = np.nan
    return bridge(bridged), bridge(sd)


def _level(wavelength_nm: Array, raw: Array, sd: Array, flags: list[str], scatter: tuple[float, float]) -> Absorbance:
    """Fit offset, tilt and scatter ~ lambda^-4 in the clear range under priors, and take them off everywhere.

    Tilt and scatter look alike over 90 nm; the priors share them out, and ``base_sd`` keeps what stays unknown.
    """
    basis = np.stack([np.ones_like(wavelength_nm), (wavelength_nm - 600.0) / 175.0, (wavelength_nm / 400.0) ** -4])
    clear = (wavelength_nm >= CLEAR_NM[0]) & (wavelength_nm <= CLEAR_NM[1]) & np.isfinite(raw) & np.isfinite(sd)
    design, seen, noise = basis[:, clear].T, raw[clear], sd[clear]
    mean = np.array([0.0, 0.0, scatter[0]])
    for scatter_sd in (scatter[1], TURBID_SD):
        precision = np.diag([1.0, DRIFT**-2, scatter_sd**-2])
        covariance = np.linalg.inv(design.T @ (design / noise[:, None] ** 2) + precision)
        found = mean + covariance @ (design.T @ ((seen - design @ mean) / noise**2))
        surprise = ((found - mean)[1:] ** 2 * np.diag(precision)[1:]).sum()
        if surprise < SURPRISE:
            break
    residual = seen - design @ found
    rough = float(np.sqrt(np.mean((residual / noise) ** 2))) if seen.size > 10 else 1.0
    bubble = bool(seen.size) and (abs(float(np.median(seen))) > JUMP or rough > ROUGH)
    flags = flags + (["turbid"] if scatter_sd == TURBID_SD else []) + (["bubble"] if bubble else [])
    return Absorbance(
        wavelength_nm=wavelength_nm,
        values=raw - found @ basis,
        sd=sd * max(1.0, rough),
        base_sd=np.sqrt(np.einsum("iw,ij,jw->w", basis, covariance, basis)),
        usable=not bubble,
        flags=tuple(flags),
    )
