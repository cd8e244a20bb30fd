"""One table from the names chemists write to the names programs use, and the unit of each.

YAML and reports show units; JSON, CSV and Python use the internal name, whose suffix is its unit.
Parsing text with units needs pint and happens in ``sdl.config`` only; here are plain floats.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

HC_EV_NM = 1239.841984
"""Planck constant times speed of light in eV nm (CODATA 2018, exact by definition of the SI)."""

FWHM_PER_SD = 2.0 * math.sqrt(2.0 * math.log(2.0))
"""Full width at half maximum of a Gaussian over its standard deviation (closed form)."""

SEEN_NM = (200.0, 3000.0)
"""Wavelengths in nm that any peak of an optical spectrometer lies in (chosen: deep UV to the end of InGaAs)."""

WIDEST_NM = 1000.0
"""FWHM in nm above which no emission line is: a width above it is another quantity or unit (chosen)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A named quantity: how a chemist writes it, how programs name it, and its unit as pint spells it."""

    written: str
    name: str
    unit: str
    label: str


_TABLE = (
    Quantity(written="growth_time", name="growth_time_s", unit="s", label="growth time"),
    Quantity(written="temperature", name="temperature_c", unit="degC", label="temperature"),
    Quantity(written="cs_concentration", name="cs_concentration_mmol_l", unit="mmol/L", label="Cs"),
    Quantity(written="pb_to_cs", name="pb_to_cs", unit="", label="Pb:Cs (mol/mol)"),
    Quantity(written="topo_to_pb", name="topo_to_pb", unit="", label="TOPO:Pb (mol/mol)"),
    Quantity(written="lecithin_to_cs", name="lecithin_to_cs", unit="", label="lecithin:Cs-DOPA (v/v)"),
    Quantity(written="s_to_pb", name="s_to_pb", unit="", label="S:Pb (mol/mol)"),
    Quantity(written="zn_to_pb", name="zn_to_pb", unit="", label="Zn:Pb (mol/mol)"),
    Quantity(
        written="precursor_to_antisolvent",
        name="precursor_to_antisolvent",
        unit="",
        label="precursor:antisolvent (v/v)",
    ),
    Quantity(written="pl_peak", name="pl_peak_nm", unit="nm", label="PL peak"),
    Quantity(written="fwhm", name="fwhm_nm", unit="nm", label="PL FWHM"),
    Quantity(written="plqy", name="plqy", unit="", label="PLQY"),
    Quantity(written="nir_peak", name="nir_peak_nm", unit="nm", label="NIR peak"),
    Quantity(written="nir_fwhm", name="nir_fwhm_nm", unit="nm", label="NIR FWHM"),
    Quantity(written="x1", name="x1_nm", unit="nm", label="X1"),
    Quantity(written="x2", name="x2_nm", unit="nm", label="X2"),
    Quantity(written="edge_length", name="edge_length_nm", unit="nm", label="edge length"),
    Quantity(written="dispersion", name="dispersion_percent", unit="percent", label="size dispersion"),
    Quantity(written="cie_x", name="cie_x", unit="", label="CIE 1931 x"),
    Quantity(written="cie_y", name="cie_y", unit="", label="CIE 1931 y"),
    Quantity(written="cie_u", name="cie_u", unit="", label="CIE 1976 u'"),
    Quantity(written="cie_v", name="cie_v", unit="", label="CIE 1976 v'"),
)

BY_WRITTEN = {q.written: q for q in _TABLE}
BY_NAME = {q.name: q for q in _TABLE}

_SUFFIXES = (
    ("_mmol_l", "mmol/L"),
    ("_mol_l", "mol/L"),
    ("_umol", "umol"),
    ("_mg", "mg"),
    ("_nm", "nm"),
    ("_ev", "eV"),
    ("_ul", "uL"),
    ("_ml", "mL"),
    ("_percent", "percent"),
    ("_per_cm", "1/cm"),
    ("_min", "min"),
    ("_s", "s"),
    ("_c", "degC"),
)


def unit_of(name: str) -> str:
    """Return the unit that an internal ``name`` carries, "" for ratios and fractions."""
    if name in BY_NAME:
        return BY_NAME[name].unit
    return next((unit for suffix, unit in _SUFFIXES if name.endswith(suffix)), "")


def written_of(name: str) -> str:
    """Return how a chemist writes the quantity with internal ``name`` in a file: without its unit."""
    if name in BY_NAME:
        return BY_NAME[name].written
    return name.removesuffix(next((suffix for suffix, _ in _SUFFIXES if name.endswith(suffix)), ""))


_ELEMENTS = (
    *("H", "Li", "C", "N", "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Mn", "Fe", "Ni", "Cu", "Zn"),
    *("Br", "Rb", "Ag", "Cd", "In", "Sn", "Sb", "I", "Cs", "Ba", "Pb", "Bi"),
)
_SHORT_NAMES = ("PL", "NIR", "FWHM", "PLQY", "OD", "CIE", "TOPO", "DOPA", "PMA", "DMF", "DMSO", "X1", "X2")
_SHORT = {name.lower(): name for name in _SHORT_NAMES}
_SYMBOLS = _SHORT | {symbol.lower(): symbol for symbol in _ELEMENTS}
"""Elements of this chemistry and short names, as chemists write them."""


def label_of(name: str) -> str:
    """Return how a report calls the quantity with internal ``name``: "br_to_pb" is "Br:Pb", "sn_concentration" "Sn"."""
    if name in BY_NAME:
        return BY_NAME[name].label
    plain = written_of(name)
    species = plain.removesuffix("_concentration")
    if species != plain and species in _SYMBOLS:
        return _SYMBOLS[species]
    one, _, other = plain.partition("_to_")
    return f"{_label(one, _SYMBOLS)}:{_label(other, _SYMBOLS)}" if other else _label(plain, _SHORT)


def counted(n: int, what: str) -> str:
    """Return "1 hit" or "2 hits": a number and the noun it counts."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _label(text: str, known: Mapping[str, str]) -> str:
    return " ".join(known.get(word, word) for word in text.split("_"))


def ev_from_nm(wavelength_nm: float) -> float:
    """Return the photon energy in eV of a vacuum wavelength in nm."""
    return HC_EV_NM / wavelength_nm


def nm_from_ev(energy_ev: float) -> float:
    """Return the vacuum wavelength in nm of a photon energy in eV."""
    return HC_EV_NM / energy_ev
