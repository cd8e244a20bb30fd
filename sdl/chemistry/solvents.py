"""Solvents that a stock may name, with the numbers safety and optics need.

Boiling points and explosive limits: NIOSH Pocket Guide and supplier data as tabulated with their sources in
``docs/sources.md`` (chemical_safety.csv; bromobenzene, DMF, DMSO, ethyl acetate, acetonitrile and octane are recalled:
check the supplier's SDS). Refractive indices at 20 degC: CRC Handbook of Chemistry and Physics.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Solvent:
    """A liquid: boiling point in degC, refractive index at 589 nm, highest temperature of an open vessel in degC.

    ``lel_ul`` is the liquid in uL that reaches the lower explosive limit when it evaporates in an unventilated 200 L
    deck (chemical safety facts, "Fire inventory", for hexane, toluene and chlorobenzene; the others by the same formula
    at 25 degC from the table's LEL, molar mass and density); infinite where no limit is tabulated.
    """

    boiling_c: float
    refractive_index: float
    open_vessel_c: float
    lel_ul: float = float("inf")


SOLVENTS = {
    "hexane": Solvent(boiling_c=69.0, refractive_index=1.375, open_vessel_c=35.0, lel_ul=11_800.0),
    "octane": Solvent(boiling_c=126.0, refractive_index=1.398, open_vessel_c=45.0, lel_ul=13_300.0),
    "toluene": Solvent(boiling_c=111.0, refractive_index=1.497, open_vessel_c=45.0, lel_ul=9_600.0),
    "ethanol": Solvent(boiling_c=78.0, refractive_index=1.361, open_vessel_c=35.0, lel_ul=15_800.0),
    "chlorobenzene": Solvent(boiling_c=132.0, refractive_index=1.524, open_vessel_c=60.0, lel_ul=10_800.0),
    "bromobenzene": Solvent(boiling_c=156.0, refractive_index=1.560, open_vessel_c=60.0),
    "DMF": Solvent(boiling_c=153.0, refractive_index=1.431, open_vessel_c=60.0, lel_ul=13_900.0),
    "DMSO": Solvent(boiling_c=189.0, refractive_index=1.479, open_vessel_c=60.0, lel_ul=15_100.0),
    # 1:1 v/v: the lower boiling point and explosive amount of the two, the mean refractive index.
    "DMF-DMSO": Solvent(boiling_c=153.0, refractive_index=1.455, open_vessel_c=60.0, lel_ul=13_900.0),
    "ethyl-acetate": Solvent(boiling_c=77.0, refractive_index=1.372, open_vessel_c=35.0, lel_ul=16_000.0),
    "acetonitrile": Solvent(boiling_c=82.0, refractive_index=1.344, open_vessel_c=35.0, lel_ul=12_800.0),
    "octadecene": Solvent(boiling_c=315.0, refractive_index=1.445, open_vessel_c=60.0),
}

DYE_SOLVENT = "ethanol"
"""What the reference dye is dissolved in; it goes through the cell and into the waste."""

NOTICEABLE_FRACTION = 0.05
"""A component above 5 vol % decides the boiling point rule (chemical safety facts, temperature rule)."""
