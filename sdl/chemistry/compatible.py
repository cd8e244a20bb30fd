"""What must not meet in one well, and why: hard pairs, and what kills dots unless a route means it.

Source: chemical safety facts, "Incompatible combinations to encode" (docs/sources.md). A pair is refused before
anything moves when two stocks of one well, by solvent or content, stand on its two sides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sdl.campaign import Stock
from sdl.chemistry.solvents import DYE_SOLVENT
from sdl.route import Route

WATER = frozenset({"water", "H2O"})
ALCOHOLS = frozenset({"ethanol", "methanol", "isopropanol", "butanol", "alcohol"})
ACIDS = frozenset({"HCl", "HBr", "HI", "acetic-acid", "benzoic-acid", "BA", "oleic-acid", "nitric-acid", "acid"})
OXIDISERS = frozenset({"nitric-acid", "peroxide", "H2O2", "perchlorate", "hypochlorite", "oxidiser"})
AMINES = frozenset({"oleylamine", "butylamine", "octylamine", "benzylamine", "didodecylamine", "amine", "PMA"})
SULFIDE = frozenset({"(TMS)2S", "TMS2S", "S"})
ACYL_HALIDES = frozenset({"benzoyl-bromide"})
BLEACH = frozenset({"hypochlorite"})
ALKALI = frozenset({"Na-metal", "K-metal", "amide"})
HALOARENES = frozenset({"chlorobenzene", "bromobenzene"})
FUELS = (
    frozenset({"hexane", "octane", "toluene", "chlorobenzene", "bromobenzene", "DMF", "DMSO", "DMF-DMSO"}) | ALCOHOLS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two families that must not meet, and what happens when they do."""

    one: frozenset[str]
    other: frozenset[str]
    why: str


PAIRS = (
    # DOPA, a phosphinic acid, is left out: the published synthesis adds (TMS)2S to wells that hold its salt.
    Pair(one=SULFIDE, other=WATER | ALCOHOLS | ACIDS | OXIDISERS, why="(TMS)2S gives off H2S there"),
    Pair(
        one=ACYL_HALIDES,
        other=frozenset({"DMSO", "DMF", "DMF-DMSO"}) | AMINES | WATER,
        why="an acyl halide reacts violently there",
    ),
    Pair(one=FUELS, other=OXIDISERS, why="solvent and strong oxidiser may explode"),
    Pair(one=HALOARENES, other=ALKALI, why="a halogenated aromatic and an alkali metal or amide may explode"),
    Pair(one=BLEACH, other=ACIDS | AMINES | frozenset({"acetone"}), why="hypochlorite gives off toxic gas there"),
)

KILLS_DOTS: Mapping[str, str] = {
    "DMF": "DMF dissolves the dots",
    "DMSO": "DMSO dissolves the dots",
    "acetonitrile": "acetonitrile strips and precipitates the dots",
    **dict.fromkeys(sorted(ALCOHOLS), "an alcohol strips and precipitates the dots"),
    "butylamine": "butylamine destroys the dots (Yang 2024)",
}
"""Process rules: refused unless the route ``allows`` the substance by name."""

MIXED = {"DMF-DMSO": frozenset({"DMF", "DMSO", "DMF-DMSO"})}

DYE = Stock(name="dye", contains={}, solvent=DYE_SOLVENT, volume_ul=0.0, at=())
"""The reference dye, which meets every sample in the cell and the waste."""


def conflicts(route: Route, stocks: Collection[Stock], apart: Collection[frozenset[str]]) -> list[tuple[str, str]]:
    """Return each stock that may not join the others in a well of ``route``, by name, and the reason in words.

    ``apart`` are pairs of substances that the lab keeps apart beside those of this table.
    """
    found = []
    listed = list(stocks)
    for i, stock in enumerate(listed):
        for substance in sorted(_in(stock) & KILLS_DOTS.keys() - route.allows):
            text = f"brings {substance}: {KILLS_DOTS[substance]}; leave it to a manual step or a route that allows it"
            found.append((stock.name, text))
        for before in listed[: i + 1]:
            found += [(stock.name, text) for text in _clashes(before, stock, apart)]
    return found


def with_dye(stocks: Collection[Stock], apart: Collection[frozenset[str]]) -> list[tuple[str, str]]:
    """Return each stock that may not meet the reference dye in the cell and the waste, and the reason."""
    return [(stock.name, text) for stock in stocks for text in _clashes(DYE, stock, apart)]


def _clashes(one: Stock, other: Stock, apart: Collection[frozenset[str]]) -> list[str]:
    rules = [(pair.one, pair.other, pair.why) for pair in PAIRS]
    for pair in apart:
        first, *rest = sorted(pair)
        rules.append((frozenset({first}), frozenset(rest), "the lab never lets them meet"))
    for left, right in ((one, other), (other, one)):
        for family, enemies, why in rules:
            here, there = sorted(_in(left) & family), sorted(_in(right) & enemies)
            if here and there:
                meets = f"{here[0]} of '{left.name}' would meet {there[0]} of '{right.name}'"
                return [f"{meets}: {why}; use another stock or solvent"]
    return []


def _in(stock: Stock) -> frozenset[str]:
    return frozenset(stock.contains) | MIXED.get(stock.solvent, frozenset({stock.solvent}))
