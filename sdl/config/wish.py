"""A target in one line, as people ask for it: ``480 nm, FWHM < 20 nm``; a palette: ``470, 480, 490 nm, PLQY > 60 %``.

A palette is a list of bare numbers whose last one carries the unit, and the tolerance of all where it has one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from sdl.config import quantities
from sdl.config.fields import MOST_WISHES
from sdl.config.goals import FEATURES, measurable
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
_BARE = re.compile(r"(?:(?P<name>[A-Za-z_][\w ]*?)\s+)?(?P<value>[-+]?[.\d]+)")
_LIST = "write a palette like '470, 480 nm'"


def read_wish(text: str, *, known: Mapping[str, str], tolerances: Mapping[str, float]) -> Target:
    """Return the target that ``text`` asks for, in the order it is written.

    ``known`` maps written names of further outcomes to internal ones; ``tolerances`` are those of the campaign's own
    goals. Raise `Refused` for words without meaning and for bounds that exclude each other.
    """
    names = {**{f: BY_WRITTEN[f].name for f in FEATURES}, **known}
    bounds: dict[str, tuple[float, float]] = {}
    goals: dict[str, Goal] = {}
    palette: dict[str, dict[str, Goal]] = {}
    for part, before in _parts(text):
        found = _PART.fullmatch(part)
        if found is None:
            raise Refused(f"'{part}' is no wish; write for example --target '480 nm, FWHM < 20 nm, PLQY > 60 %'")
        name = _name(before[0]["name"] if before else found["name"], part, names)
        if name in palette or (before and (name in goals or palette)):
            raise Refused(
                f"{label_of(name)} is asked for again beside a list; one list makes a palette: drop the other"
            )
        if before:
            palette[name] = _listed(name, before, found, tolerances)
            goals[name] = next(iter(palette[name].values()))
            continue
        goal = measurable(name, _goal(name, found["sign"] or "", found["value"], found["within"], tolerances))
        low, high = bounds.get(name, (-math.inf, math.inf))
        both = max(low, goal.low), min(high, goal.high)
        if not both[0] < both[1]:
            unit = unit_of(name)
            raise Refused(
                f"{label_of(name)} is asked to be above {both[0]:g} and below {both[1]:g} {unit}: nothing can be both; "
                f"drop one of the two{f', or {_LIST}' if goal.kind == 'match' else ''}"
            )
        bounds[name] = both
        goals[name] = goal if name not in goals else inside(*both, source=goal.source)
    if not goals:
        raise Refused("--target is empty; write for example --target '480 nm, FWHM < 20 nm'")
    if not palette:
        return Target.of(**goals)
    [(name, members)] = palette.items()
    return Target.palette(**{called: Target.of(**{**goals, name: goal}) for called, goal in members.items()})


def _parts(text: str) -> list[tuple[str, list[re.Match[str]]]]:
    """Return the parts of a wish, each with the bare numbers before it that are a list with it."""
    if re.search(r"\d,\d", text):
        raise Refused(f"'{text}' has a comma between digits; write a decimal point, or a blank after each of a list")
    found: list[tuple[str, list[re.Match[str]]]] = []
    waiting: list[re.Match[str]] = []
    for part in filter(None, (p.strip() for p in re.split(r"[,;]|\band\b", text))):
        bare = _BARE.fullmatch(part)
        if bare is None:
            found.append((part, waiting))
            waiting = []
        else:
            waiting.append(bare)
    return [*found, (waiting[-1][0], waiting[:-1])] if waiting else found


def _listed(
    name: str, before: list[re.Match[str]], last: re.Match[str], tolerances: Mapping[str, float]
) -> dict[str, Goal]:
    """Return a goal for each number of a list, called by its value; ``last`` says the unit and the tolerance of all."""
    if last["name"] or last["sign"] or ".." in last["value"] or any(bare["name"] for bare in before[1:]):
        raise Refused(f"'{before[-1][0]}' has no unit and is not in a list with '{last[0]}'; {_LIST}")
    end = last["value"].strip() if last["within"] is None else _with_unit(last["value"].strip(), last["within"])
    goals: dict[str, Goal] = {}
    for value in (*(_with_unit(bare["value"], end) for bare in before), end):
        if value in goals:
            raise Refused(f"'{value}' is listed twice; keep one")
        goals[value] = measurable(name, _goal(name, "", value, last["within"], tolerances))
    if len(goals) > MOST_WISHES:
        raise Refused(f"{len(goals)} values are listed; a palette has at most {MOST_WISHES}")
    return goals


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
    energy = unit == "nm" and re.search(r"eV\s*$", text)
    amount = quantities.number(text, "eV" if energy else unit)
    if amount <= 0:
        raise Refused(f"'{value}' is not above 0; correct it")
    return nm_from_ev(amount) if energy else amount


def _with_unit(value: str, within: str) -> str:
    """Return ``value`` with the unit of ``within`` where it has none of its own: ``480 +- 2 nm``."""
    symbol = re.sub(r"^[-+.\d eE]*(?![A-Za-z])", "", within).strip()
    return value if re.search(r"[A-Za-z%]", value) else f"{value} {symbol}".strip()
