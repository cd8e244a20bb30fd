"""Solvents that a stock may name, with the numbers safety and optics need.

Boiling points: NIOSH Pocket Guide and supplier data as tabulated with their sources in ``docs/sources.md``
(chemical_safety.csv). Refractive indices at 20 degC: CRC Handbook of Chemistry and Physics.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Solvent:
    """A liquid: boiling point in degC, refractive index at 589 nm, highest temperature of an open vessel in degC."""

    boiling_c: float
    refractive_index: float
    open_vessel_c: float


SOLVENTS = {
    "hexane": Solvent(boiling_c=69.0, refractive_index=1.375, open_vessel_c=35.0),
    "octane": Solvent(boiling_c=126.0, refractive_index=1.398, open_vessel_c=45.0),
    "toluene": Solvent(boiling_c=111.0, refractive_index=1.497, open_vessel_c=45.0),
    "ethanol": Solvent(boiling_c=78.0, refractive_index=1.361, open_vessel_c=35.0),
    "chlorobenzene": Solvent(boiling_c=132.0, refractive_index=1.524, open_vessel_c=60.0),
}

NOTICEABLE_FRACTION = 0.05
"""A component above 5 vol % decides the boiling point rule (chemical safety facts, temperature rule)."""
