"""Two emitters in one crystal, such as PbS on CsPbBr3: yields of both bands, and how much energy passes over.

After Yang's thesis (2024), section 3.2 and Table 3-1. Two caveats are built in. The printed formula for the transfer
lacks a factor: the table obeys PL = k (A_PbS + eta A_per) PLQY I with k = 1/29.77 in four of five rows (1:3 gives
1/32.39), so k is an argument here and has no default. And the efficiency is circular where the yield of the acceptor
was itself measured under excitation of the donor; the flag ``circular`` says so.
"""

from __future__ import annotations

import math
from typing import Literal

from sdl.spectra.absorption import LN10
from sdl.spectra.types import Value

LINEAR_UP_TO = 0.1
"""Absorbance above which 1 - 10^-A, not A, is the light absorbed: at 0.1 they differ by 11 % (spectra_analysis)."""
Excited = Literal["acceptor", "both"]
"""What the excitation was absorbed by when the acceptor's yield was measured."""


def absorptance(absorbance: Value) -> Value:
    """Return the part of the light that is absorbed, 1 - 10^-A."""
    passed = 10.0**-absorbance.value
    return Value(value=1 - passed, sd=LN10 * passed * absorbance.sd)


def band_yields(donor_photons: Value, acceptor_photons: Value, donor_plqy: Value) -> tuple[dict[str, Value], list[str]]:
    """Return ``plqy_nir`` = PLQY_vis x photons_NIR/photons_vis and ``plqy_total``, and flags.

    Both bands are photons of the same read and the same absorbed light, with detectors calibrated against each other;
    areas in counts are not. ``out_of_range`` says that the sum is above 1.
    """
    if not donor_photons.value > 0:
        return {}, ["no_pl"]
    ratio = acceptor_photons.value / donor_photons.value
    ratio_sd = math.hypot(acceptor_photons.sd, ratio * donor_photons.sd) / donor_photons.value
    nir = Value(value=donor_plqy.value * ratio, sd=math.hypot(donor_plqy.sd * ratio, donor_plqy.value * ratio_sd))
    total = Value(
        value=donor_plqy.value * (1 + ratio),
        sd=math.hypot(donor_plqy.sd * (1 + ratio), donor_plqy.value * ratio_sd),
    )
    return {"plqy_nir": nir, "plqy_total": total}, ["out_of_range"] if total.value - total.sd > 1 else []


def transfer_efficiency(
    *,
    acceptor_photons: Value,
    excitation_photons: Value,
    acceptor_plqy: Value,
    acceptor_absorbed: Value,
    donor_absorbed: Value,
    collected: Value,
    excited: Excited = "both",
) -> tuple[Value | None, tuple[str, ...]]:
    """Return eta = [PL/(k PLQY I) - A_acceptor]/A_donor, and flags.

    ``collected`` is k, the emitted photons that are counted for each; ``acceptor_absorbed`` and ``donor_absorbed`` are
    parts of the light, `absorptance` of an absorbance (the thesis puts in absorbances). Flags: ``circular``,
    ``out_of_range`` outside 0 to 1 by more than two sd, ``no_donor`` without a value.
    """
    flags = ("circular",) if excited == "both" else ()
    given = (acceptor_photons, excitation_photons, acceptor_plqy, acceptor_absorbed, donor_absorbed, collected)
    at = [v.value for v in given]
    if not all(v > 0 for v in (at[1], at[2], at[4], at[5])):
        return None, (*flags, "no_donor")
    value = _transfer(*at)
    moved = (_transfer(*(x + v.sd * (n == k) for n, x in enumerate(at))) - value for k, v in enumerate(given))
    eta = Value(value=value, sd=math.hypot(*moved))
    outside = value < -2 * eta.sd or value > 1 + 2 * eta.sd
    return eta, (*flags, "out_of_range") if outside else flags


def _transfer(photons: float, light: float, plqy: float, acceptor: float, donor: float, collected: float) -> float:
    return (photons / (collected * plqy * light) - acceptor) / donor
