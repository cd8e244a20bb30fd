"""Absolute quantum yield by the three measurements of an integrating sphere (de Mello, Adv. Mater. 1997, 9, 230)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sdl.errors import Refused
from sdl.spectra.counts import READ_NOISE_E, Array, bridge, check_grid, rising, saturated, variance
from sdl.spectra.types import Spectrum, Value

CALIBRATION_SD = 0.025
"""Sd of an absolute yield that spheres agree to: 5 points at 95 % (spectra_analysis, section 6)."""
FAINTEST = 0.02
"""Part of the beam that must be absorbed directly: below, the yield divides by noise; chosen."""
RED_TAIL = 1.0
"""The tail begins so many FWHM to the red of the peak, where nothing is re-absorbed; chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """Photons in the sphere, in one unit for all three measurements: of the excitation, and of the emission."""

    excitation: Value
    emission: Value


def inside(
    spectrum: Spectrum,
    *,
    dark: Spectrum,
    excitation_nm: tuple[float, float],
    emission_nm: tuple[float, float],
    response: tuple[tuple[float, float], ...] = (),
    read_noise_e: float = READ_NOISE_E,
) -> Inside:
    """Integrate both bands of one measurement; ``response`` is counts per photon against nm.

    Raises `Refused` where a band is saturated or not on the grid: a clipped beam makes any yield.
    """
    check_grid(spectrum, dark)
    order = rising(spectrum)
    w = spectrum.wavelength_nm[order]
    gain = np.interp(w, *np.array(sorted(response)).T) if response else np.ones(w.shape)
    light = bridge((spectrum.counts - dark.counts)[order]) / gain
    noise = bridge((variance(spectrum, read_noise_e) + variance(dark, read_noise_e))[order]) / gain**2
    full = saturated(spectrum)[order]
    bands = []
    for name, (low, high) in (("excitation", excitation_nm), ("emission", emission_nm)):
        near = (w >= low) & (w <= high)
        if near.sum() < 3 or not np.isfinite(light[near] + noise[near]).all():
            raise Refused(f"{spectrum.instrument}: the {name} from {low:g} to {high:g} nm is not all on the grid")
        if full[near].any():
            raise Refused(f"{spectrum.instrument}: the {name} is saturated; shorten the integration and measure again")
        weight = np.gradient(w)[near]
        bands.append(Value(value=float(weight @ light[near]), sd=float(np.sqrt(weight**2 @ noise[near]))))
    return Inside(excitation=bands[0], emission=bands[1])


def absolute_yield(*, empty: Inside, indirect: Inside, direct: Inside) -> tuple[Value | None, tuple[str, ...]]:
    """Return the yield by a = 1 - L_c/L_b, Phi = (P_c - (1 - a) P_b)/(L_a a), and flags.

    ``empty`` is the sphere alone (a), ``indirect`` with the beam on its wall (b), ``direct`` with the beam on the
    liquid (c). The flags are ``too_dilute`` without a value, and ``out_of_range`` for a yield outside 0 to 1.
    """
    names = ("la", "lb", "lc", "pb", "pc")
    given = (empty.excitation, indirect.excitation, direct.excitation, indirect.emission, direct.emission)
    at = {name: v.value for name, v in zip(names, given, strict=True)}
    if not (at["la"] > 0 and at["lb"] > 0) or 1 - at["lc"] / at["lb"] < FAINTEST:
        return None, ("too_dilute",)
    value = _yield(**at)
    parts = [_yield(**(at | {n: v.value + v.sd})) - value for n, v in zip(names, given, strict=True)]
    flags = () if 0 <= value <= 1 else ("out_of_range",)
    return Value(value=value, sd=math.hypot(*parts, CALIBRATION_SD)), flags


def _yield(*, la: float, lb: float, lc: float, pb: float, pc: float) -> float:
    absorbed = 1 - lc / lb
    return (pc - (1 - absorbed) * pb) / (la * absorbed)


def reabsorbed(wavelength_nm: Array, in_sphere: Array, dilute: Array, *, peak_nm: float, fwhm_nm: float) -> float:
    """Return the part of the emission that the sphere's many passes took, from spectra per nm, ``(w,)`` each.

    The dilute spectrum is scaled to the red tail, where nothing is re-absorbed; what the sphere lacks is the part.
    """
    tail = wavelength_nm > peak_nm + RED_TAIL * fwhm_nm
    if tail.sum() < 3 or not float(in_sphere[tail].sum()) > 0 or not float(dilute[tail].sum()) > 0:
        raise Refused(f"no emission to the red of {peak_nm + RED_TAIL * fwhm_nm:.0f} nm to match the two spectra by")
    weight = np.gradient(wavelength_nm)
    scale = float(weight[tail] @ in_sphere[tail]) / float(weight[tail] @ dilute[tail])
    return 1 - float(weight @ in_sphere) / (scale * float(weight @ dilute))


def freed_of_reabsorption(plqy: Value, part: float) -> Value:
    """Return the yield of the crystals, Phi/(1 - r + r Phi), from that of a sphere that re-absorbed ``part``."""
    below = 1 - part + part * plqy.value
    return Value(value=plqy.value / below, sd=plqy.sd * (1 - part) / below**2)
