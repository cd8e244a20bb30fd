"""The colour of an emission: CIE 1931 xy, u'v', and how far it is from the primaries of Rec. 2020.

Colour matching functions are those of colour-science, which is imported when first needed.
"""

from __future__ import annotations

import math
import warnings
from functools import cache

import numpy as np

from sdl.errors import Refused
from sdl.spectra.counts import Array
from sdl.spectra.types import Value
from sdl.units import FWHM_PER_SD, HC_EV_NM

PRIMARIES = {"red": (0.708, 0.292), "green": (0.170, 0.797), "blue": (0.131, 0.046)}
"""CIE 1931 xy of the primaries of Rec. 2020 (ITU-R BT.2020-2, Table 3)."""
OBSERVER = "CIE 1931 2 Degree Standard Observer"


@cache
def _matching() -> tuple[Array, Array]:
    """Return wavelengths in nm, ``(k,)``, and x-bar, y-bar, z-bar, ``k x 3``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that Matplotlib, which only its plots need, is not installed
        from colour import MSDS_CMFS
    table = MSDS_CMFS[OBSERVER]
    return np.asarray(table.wavelengths, dtype=float), np.asarray(table.values, dtype=float)


def rec2020(primary: str) -> tuple[float, float]:
    """Return xy of a primary of Rec. 2020 (ITU-R BT.2020), "red", "green" or "blue"."""
    if primary not in PRIMARIES:
        raise Refused(f"Rec. 2020 has no primary {primary!r}; it has {', '.join(PRIMARIES)}")
    return PRIMARIES[primary]


def chromaticity(wavelength_nm: Array, per_nm: Array, variance: Array) -> tuple[Value, Value]:
    """Return CIE 1931 x and y of ``per_nm`` photons with ``variance``, all ``(w,)`` and without gaps.

    The matching functions weigh power, so photons are multiplied by their energy first. The sds are those of pixel
    noise.
    """
    at_nm, bars = _matching()
    weight = np.gradient(wavelength_nm) / wavelength_nm
    seen = np.stack([np.interp(wavelength_nm, at_nm, bar, left=0.0, right=0.0) for bar in bars.T]) * weight
    tristimulus = seen @ per_nm
    total = float(tristimulus.sum())
    found = []
    for k in (0, 1):
        value = float(tristimulus[k]) / total
        slope = (seen[k] - value * seen.sum(axis=0)) / total
        found.append(Value(value=value, sd=float(np.sqrt(slope**2 @ variance))))
    return found[0], found[1]


def of_lines(peak_nm: Array, fwhm_nm: Array) -> Array:
    """Return CIE 1931 xy ``n x 2`` of ``n`` emission lines, Gaussian in energy and without noise."""
    at_nm, bars = _matching()
    centre_ev, energy_ev = HC_EV_NM / peak_nm[:, None], HC_EV_NM / at_nm
    sd_ev = (fwhm_nm * HC_EV_NM / peak_nm**2 / FWHM_PER_SD)[:, None]
    power = np.exp(-0.5 * ((energy_ev - centre_ev) / sd_ev) ** 2) * energy_ev**3  # photons per nm go with its square
    tristimulus = power @ bars
    return np.asarray(tristimulus[:, :2] / tristimulus.sum(axis=1, keepdims=True))


def uv(x: Value, y: Value) -> tuple[Value, Value]:
    """Return CIE 1976 u' = 4x/(-2x + 12y + 3) and v' = 9y/(-2x + 12y + 3), sds propagated as if independent."""
    below = -2 * x.value + 12 * y.value + 3
    u, v = 4 * x.value / below, 9 * y.value / below
    u_sd = math.hypot((4 + 2 * u) / below * x.sd, 12 * u / below * y.sd)
    v_sd = math.hypot(2 * v / below * x.sd, (9 - 12 * v) / below * y.sd)
    return Value(value=u, sd=u_sd), Value(value=v, sd=v_sd)


def told(x: Value, y: Value) -> dict[str, Value]:
    """Return every colour feature by name: xy, u'v', and the xy distance to each primary of Rec. 2020."""
    u, v = uv(x, y)
    far = {f"rec2020_{primary}_distance": distance(x, y, primary) for primary in PRIMARIES}
    return {"cie_x": x, "cie_y": y, "cie_u": u, "cie_v": v, **far}


def distance(x: Value, y: Value, primary: str) -> Value:
    """Return how far a colour is from a primary of Rec. 2020 in the xy plane."""
    at_x, at_y = rec2020(primary)
    dx, dy = x.value - at_x, y.value - at_y
    far = math.hypot(dx, dy)
    if far == 0.0:
        return Value(value=0.0, sd=math.hypot(x.sd, y.sd))
    return Value(value=far, sd=math.hypot(dx * x.sd, dy * y.sd) / far)
