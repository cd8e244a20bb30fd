"""A target in one line, as people ask for it: ``480 nm, FWHM < 20 nm, PLQY > 60 %``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from sdl.config import quantities
from sdl.config.goals import FEATURES
from sdl.config.report import suggestion
from sdl.errors import Refused
from sdl.target import Goal, Source, Target, inside, match, maximize, minimize
from sdl.units import BY_WRITTEN, label_of, nm_from_ev, unit_of

TOLERANCE_NM = 1.0
"""How near a wavelength must be where the wish does not say and the campaign has no tolerance of its own: what the
Rec.2020 blue primary leaves (chosen: the tolerance of the shipped example)."""

_CALLED = {
    "pl": "pl_peak", "peak": "pl_peak", "pl peak": "pl_peak", "emission": "pl_peak", "wavelength": "pl_peak",
    "fwhm": "fwhm", "width": "fwhm", "linewidth": "fwhm", "pl fwhm": "fwhm",
    "plqy": "plqy", "qy": "plqy", "quantum yield": "plqy",
    "x1": "x1", "exciton": "x1", "absorption": "x1", "edge length": "edge_length", "size": "edge_length",
}  # fmt: skip
_SOURCES: Mapping[str, Source] = {"x1_nm": "absorption", "edge_length_nm": "absorption"}
_PART = re.compile(
    r"(?:(?P<name>[A-Za-z_][\w ]*?)(?=\s|[<>=≤≥]))?\s*(?P<sign><=|>=|<|>|=|≤|≥|below|above|under|over)?\s*"
    r"(?P<value>[-+.\d][^<>=±]*?)\s*(?:(?:±|\+-|\+/-|within)\s*(?P<within>[.\d].*))?"
)


def read_wish(text: str, *, known: Mapping[str, str], tolerances: Mapping[str, float]) -> Target:
    """Return the target that ``text`` asks for, in the order it is written.

    ``known`` maps written names of further outcomes to internal ones; ``tolerances`` are those of the campaign's own
    goals. Raise `Refused` for words without meaning and for bounds that exclude each other.
    """
    names = {**{f: BY_WRITTEN[f].name for f in FEATURES}, **known}
    bounds: dict[str, tuple[float, float]] = {}
    goals: dict[str, Goal] = {}
    for part in filter(None, (p.strip() for p in re.split(r"[,;]|\band\b", text))):
        found = _PART.fullmatch(part)
        if found is None:
            raise Refused(f"'{part}' is no wish; write for example --target '480 nm, FWHM < 20 nm, PLQY > 60 %'")
        name = _name(found["name"], part, names)
        goal = _goal(name, found["sign"] or "", found["value"], found["within"], tolerances)
        low, high = bounds.get(name, (-math.inf, math.inf))
        both = max(low, goal.low), min(high, goal.high)
        if not both[0] < both[1]:
            unit = unit_of(name)
            raise Refused(
                f"{label_of(name)} is asked to be above {both[0]:g} and below {both[1]:g} {unit}: nothing can be both; "
                "drop one of the two"
            )
        bounds[name] = both
        goals[name] = goal if name not in goals else inside(*both, source=goal.source)
    if not goals:
        raise Refused("--target is empty; write for example --target '480 nm, FWHM < 20 nm'")
    return Target.of(**goals)


def _name(given: str | None, part: str, names: Mapping[str, str]) -> str:
    """Return the internal name; a bare wavelength or energy is the PL peak."""
    if given is None:
        if re.search(r"(nm|eV)\b", part):
            return names["pl_peak"]
        raise Refused(f"'{part}' names no feature; write for example 'PLQY > 60 %'")
    plain = " ".join(given.lower().replace("_", " ").split())
    written = _CALLED.get(plain, given.strip().lower().replace(" ", "_"))
    internal = {**names, **{internal: internal for internal in names.values()}}
    if written not in internal:
        raise Refused(f"'{given.strip()}' is not a feature; {suggestion(written, names)}")
    return internal[written]


def _goal(name: str, sign: str, value: str, within: str | None, tolerances: Mapping[str, float]) -> Goal:
    unit, source = unit_of(name), _SOURCES.get(name, "pl")
    if ".." in value:
        low, high = quantities.interval(value, unit)
        return inside(low, high, source=source)
    amount = _amount(value if within is None else _with_unit(value, within), unit)
    if sign in ("<", "<=", "≤", "below", "under"):
        return minimize(below=amount, source=source)
    if sign in (">", ">=", "≥", "above", "over"):
        return maximize(above=amount, source=source)
    if within is not None:
        tolerance = quantities.number(within, unit)
    elif name in tolerances:
        tolerance = tolerances[name]
    elif unit == "nm":
        tolerance = TOLERANCE_NM
    else:
        raise Refused(f"{label_of(name)} = {value.strip()} needs a tolerance; write '{value.strip()} +- ...'")
    return match(amount, within=tolerance, source=source)


def _amount(value: str, unit: str) -> float:
    text = quantities.tidy(value)
    if unit == "nm" and re.search(r"eV\s*$", text):
        energy_ev = quantities.number(text, "eV")
        if energy_ev <= 0:
            raise Refused(f"'{value}' is not above 0")
        return nm_from_ev(energy_ev)
    return quantities.number(text, unit)


def _with_unit(value: str, within: str) -> str:
    """Return ``value`` with the unit of ``within`` where it has none of its own: ``480 +- 2 nm``."""
    symbol = re.sub(r"^[-+.\d eE]*(?![A-Za-z])", "", within).strip()
    return value if re.search(r"[A-Za-z%]", value) else f"{value} {symbol}".strip()
