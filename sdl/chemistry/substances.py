"""What the bottles on the shelf hold: formula weight, density, purity, hazards and caveats, each with its source.

The data stand in ``substances.csv`` beside this module; an empty cell is a datum that no source here gives, and who
needs it is refused with its name. Formula weights are computed from the formula.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sdl.errors import Refused

TABLE = Path(__file__).with_name("substances.csv")

ATOMIC_WEIGHTS_G_MOL: Mapping[str, float] = {
    "H": 1.008,
    "C": 12.011,
    "N": 14.007,
    "O": 15.999,
    "Si": 28.085,
    "P": 30.974,
    "S": 32.06,
    "Cl": 35.45,
    "K": 39.098,
    "Zn": 65.38,
    "Br": 79.904,
    "Cs": 132.905,
    "Pb": 207.2,
}
"""Abridged standard atomic weights (IUPAC CIAAW 2021), of the elements in our substances."""

MIXTURES: Mapping[str, tuple[tuple[str, float], ...]] = {"DMF-DMSO": (("DMF", 0.5), ("DMSO", 0.5))}
"""Solvents that are mixed: what of, in v/v, the most volatile first."""

_FORMULA = re.compile(r"(?:[A-Z][a-z]?\d*)+")
_ELEMENT = re.compile(r"([A-Z][a-z]?)(\d*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Substance:
    """One chemical: ``formula`` without brackets, ``hazards`` as GHS H codes to be checked against the supplier's SDS.

    ``density_g_ml`` and ``vapour_pressure_kpa`` hold at 25 degC, ``purity`` is a fraction; None where unknown.
    ``source`` names one for each figure, and says "recalled" of those that nobody has looked up.
    """

    name: str
    formula: str
    cas: str
    state: Literal["solid", "liquid"]
    density_g_ml: float | None
    purity: float | None
    vapour_pressure_kpa: float | None
    also: str
    hazards: tuple[str, ...]
    caveat: str
    source: str

    @property
    def g_mol(self) -> float:
        """Formula weight in g/mol."""
        return formula_weight_g_mol(self.formula)

    @property
    def hazards_from(self) -> str:
        """Where the H codes are from, "recalled" for those that nobody has looked up."""
        return self.source.partition("H codes: ")[2]


def formula_weight_g_mol(formula: str) -> float:
    """Return the formula weight of a formula such as ``C16H35O2P`` in g/mol.

    >>> round(formula_weight_g_mol("PbBr2"), 2)
    367.01
    """
    counts = element_counts(formula)
    if unknown := sorted(set(counts) - set(ATOMIC_WEIGHTS_G_MOL)):
        raise Refused(f"{formula}: no atomic weight here for {', '.join(unknown)}; add it to substances.py")
    return sum(ATOMIC_WEIGHTS_G_MOL[element] * n for element, n in counts.items())


def element_counts(formula: str) -> dict[str, int]:
    """Return how many atoms of each element a formula without brackets names."""
    if not _FORMULA.fullmatch(formula):
        raise Refused(f"{formula!r} is not a formula of elements and whole numbers, such as C16H35O2P")
    counts: dict[str, int] = {}
    for element, n in _ELEMENT.findall(formula):
        counts[element] = counts.get(element, 0) + int(n or 1)
    return counts


@functools.cache
def substances() -> Mapping[str, Substance]:
    """Return the table, by name."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["name"]: _substance(row) for row in csv.DictReader(file)}


def substance(name: str) -> Substance:
    """Return one substance; raise `Refused` for one that the table lacks."""
    known = substances()
    if name not in known:
        raise Refused(f"'{name}' is not in substances.csv: its formula is missing; add a row with formula and source")
    return known[name]


def _substance(row: Mapping[str, str]) -> Substance:
    purity = _number(row["purity_percent"])
    return Substance(
        name=row["name"],
        formula=row["formula"],
        cas=row["cas"],
        state="solid" if row["state"] == "solid" else "liquid",
        density_g_ml=_number(row["density_g_ml"]),
        purity=None if purity is None else purity / 100.0,
        vapour_pressure_kpa=_number(row["vapour_pressure_kpa"]),
        also=row["also"],
        hazards=tuple(row["hazards"].split()),
        caveat=row["caveat"],
        source=row["source"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None
