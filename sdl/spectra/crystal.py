"""From a clean absorbance to the crystals in it: excitons, size, dispersion, amount, precursor, ripening."""

from __future__ import annotations

import math

from sdl.spectra.absorption import LN10, Absorbance
from sdl.spectra.bands import green_absorption, precursor, ripened
from sdl.spectra.exciton import Exciton, exciton
from sdl.spectra.population import population
from sdl.spectra.sizing import USUAL_DISPERSION, edge_from_x1_nm, edge_length, x2_gap_ev
from sdl.spectra.types import Features, Value, X1By
from sdl.units import HC_EV_NM

MU_400_PER_CM, MU_400_RSD = 1e5, 0.4
"""Intrinsic absorption of CsPbBr3 at 400 nm; order of magnitude 1e5 cm-1 (thesis, section 1.2.4.2), +-40 %."""
MOLAR_VOLUME_L = 0.11966
"""Litre of crystal per mole of CsPbBr3: orthorhombic cell of 0.795 nm3 with four formula units."""
X2_TOLERANCE_EV = 0.09
"""How far X2 - X1 of the derivative may be from Li's curve: of 300 single populations one is 85 meV away."""


def crystals(
    absorbance: Absorbance, *, path_mm: float, temperature_c: float, cs_mol_l: float | None = None, x1_by: X1By = "fit"
) -> Features:
    """Read everything that absorbance says; ``path_mm`` is the cell's, ``cs_mol_l`` the caesium in it.

    X1, X2 and dispersion are those of the full-spectrum fit; where it fails, or is not wanted, X1 and X2 are those of
    the second derivative, with the flag ``x1_by_derivative`` and without dispersion.
    """
    values = {f"a{nm}": v for nm in (365, 400) if (v := absorbance.at(float(nm))) is not None}
    if "a400" in values:
        values |= _amount(values["a400"], path_mm, cs_mol_l)
    if (band := precursor(absorbance, path_mm)) is not None:
        values["precursor_per_cm"] = band
    first = exciton(absorbance, temperature_c)
    if first.x1 is None:
        return Features(values=values, flags=first.flags)
    fitted: Exciton = first
    flags: tuple[str, ...] = ("x1_by_derivative",)
    if x1_by == "fit":
        fitted, flags = _fitted(absorbance, first, temperature_c, values)
    values |= {"x1_ev": fitted.x1, "x1_nm": nm(fitted.x1)} if fitted.x1 is not None else {}
    values |= {"x2_ev": fitted.x2, "x2_nm": nm(fitted.x2)} if fitted.x2 is not None else {}
    x1 = fitted.x1 or first.x1
    dispersion = values.get("dispersion_percent")
    spread = USUAL_DISPERSION if dispersion is None else Value(value=dispersion.value / 100, sd=dispersion.sd / 100)
    edge, notes = edge_length(x1, temperature_c, spread)
    if edge is not None:
        values["edge_length_nm"] = edge
        expected_ev = x2_gap_ev(edge_from_x1_nm(first.x1.value, temperature_c))
        if first.x2 is not None and abs(first.x2.value - first.x1.value - expected_ev) > X2_TOLERANCE_EV:
            flags += ("mixture",)
    green = green_absorption(absorbance, x1.value)
    flags += notes + (("green_shoulder",) if ripened(green) else ())
    return Features(values=values, flags=tuple(dict.fromkeys(first.flags + flags)))


def _fitted(
    absorbance: Absorbance, first: Exciton, temperature_c: float, values: dict[str, Value]
) -> tuple[Exciton, tuple[str, ...]]:
    """Return X1 and X2 by the better of the two paths; the fit adds the dispersion to ``values``."""
    assert first.x1 is not None  # the caller looked
    found, flags = population(absorbance, first.x1.value, temperature_c)
    if found is None:
        return first, ("x1_by_derivative",)
    percent = Value(value=100 * found.dispersion.value, sd=100 * found.dispersion.sd)
    values["dispersion_percent"] = percent
    return Exciton(x1=found.x1, x2=found.x2), flags


def _amount(a400: Value, path_mm: float, cs_mol_l: float | None) -> dict[str, Value]:
    """Return the concentration of CsPbBr3 in the cell, and with ``cs_mol_l`` the yield."""
    scale = LN10 / (MU_400_PER_CM * path_mm / 10 * MOLAR_VOLUME_L)
    mol_l, sd = a400.value * scale, math.hypot(a400.sd * scale, MU_400_RSD * a400.value * scale)
    amount = {"crystal_mmol_l": Value(value=1e3 * mol_l, sd=1e3 * sd)}
    if cs_mol_l:
        amount["yield_fraction"] = Value(value=mol_l / cs_mol_l, sd=sd / cs_mol_l)
    return amount


def nm(energy: Value) -> Value:
    """Turn an energy in eV into a wavelength in nm, sd included."""
    return Value(value=HC_EV_NM / energy.value, sd=HC_EV_NM / energy.value**2 * energy.sd)
