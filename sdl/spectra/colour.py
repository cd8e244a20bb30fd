"""The colour of an emission: CIE 1931 xy, u'v', and how far it is from the primaries of Rec. 2020.

Colour matching functions and primaries are those of colour-science, which is imported when first needed.
"""

from __future__ import annotations

import math
import warnings
from functools import cache

import numpy as np

from sdl.errors import Refused
from sdl.spectra.counts import Array
from sdl.spectra.types import Value

PRIMARIES = ("red", "green", "blue")
OBSERVER = "CIE 1931 2 Degree Standard Observer"


@cache
def _matching() -> tuple[Array, Array]:
    """Return wavelengths in nm, ``(k,)``, and x-bar, y-bar, z-bar, ``k x 3``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that Matplotlib, which only its plots need, is not installed
        from colour import MSDS_CMFS
    table = MSDS_CMFS[OBSERVER]
    return np.asarray(table.wavelengths, dtype=float), np.asarray(table.values, dtype=float)


@cache
def rec2020(primary: str) -> tuple[float, float]:
    """Return xy of a primary of Rec. 2020 (ITU-R BT.2020), "red", "green" or "blue"."""
    if primary not in PRIMARIES:
        raise Refused(f"Rec. 2020 has no primary {primary!r}; it has {', '.join(PRIMARIES)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from colour import RGB_COLOURSPACES
    x, y = RGB_COLOURSPACES["ITU-R BT.2020"].primaries[PRIMARIES.index(primary)]
    return float(x), float(y)


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


def uv(x: Value, y: Value) -> tuple[Value, Value]:
    """Return CIE 1976 u' = 4x/(-2x + 12y + 3) and v' = 9y/(-2x + 12y + 3), sds propagated as if independent."""
    below = -2 * x.value + 12 * y.value + 3
    u, v = 4 * x.value / below, 9 * y.value / below
    u_sd = math.hypot((4 + 2 * u) / below * x.sd, 12 * u / below * y.sd)
    v_sd = math.hypot(2 * v / below * x.sd, (9 - 12 * v) / below * y.sd)
    return Value(value=u, sd=u_sd), Value(value=v, sd=v_sd)


def distance(x: Value, y: Value, primary: str) -> Value:
    """Return how far a colour is from a primary of Rec. 2020 in the xy plane."""
    return _apart((x, y), rec2020(primary))


def perceived_distance(x: Value, y: Value, primary: str) -> Value:
    """Return how far a colour is from a primary of Rec. 2020 in the more even u'v' plane."""
    at = tuple(v.value for v in uv(*(Value(value=c, sd=0.0) for c in rec2020(primary))))
    return _apart(uv(x, y), (at[0], at[1]))


def _apart(colour: tuple[Value, Value], at: tuple[float, float]) -> Value:
    dx, dy = colour[0].value - at[0], colour[1].value - at[1]
    far = math.hypot(dx, dy)
    if far == 0.0:
        return Value(value=0.0, sd=math.hypot(colour[0].sd, colour[1].sd))
    return Value(value=far, sd=math.hypot(dx * colour[0].sd, dy * colour[1].sd) / far)
