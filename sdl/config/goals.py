"""Target entries as a chemist writes them become the goals of `sdl.target`."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sdl.config import quantities
from sdl.config.report import Report, suggestion
from sdl.config.schema import GoalEntry
from sdl.errors import Refused
from sdl.spectra.colour import PRIMARIES, of_lines, rec2020
from sdl.target import Goal, Target, inside, match, maximize, minimize
from sdl.units import BY_WRITTEN, unit_of

FEATURES = ("pl_peak", "fwhm", "plqy", "cie_x", "cie_y", "x1", "edge_length", "dispersion")
"""What spectra and people report about a well, as written in files."""

FEATURE_NAMES = tuple(BY_WRITTEN[name].name for name in FEATURES)

COLOUR = "colour"
"""The entry that asks for a primary of Rec. 2020: goals for cie_x and cie_y at once."""

TRADED = "trade-off"
"""What a goal to minimize or maximize says in place of true when it has no order with another one."""

LINES_NM = (8.0, 12.0, 16.0, 20.0, 25.0, 30.0, 40.0)
"""FWHM of the emission lines whose colours are tried: those of any perovskite crystal."""

_FROM_PL = frozenset({"fwhm", "plqy", "cie_x", "cie_y"})
_FROM_ABSORPTION = frozenset({"x1", "edge_length", "dispersion"})


def target_of(entries: Mapping[str, GoalEntry], known: Mapping[str, str], report: Report) -> Target | None:
    """Return the target; ``known`` maps written feature names to internal ones. None when no entry is sound.

    One entry that matches a list of values makes a palette: a target for each value, the other goals common to all.
    """
    if (
        entries
        and (traded := [n for n, e in entries.items() if TRADED in (e.minimize, e.maximize)])
        and len(traded) < 2
    ):
        text = f"a {TRADED} has two sides; mark another goal {TRADED} too, or write true"
        report.say("target", traded[0], text=text)
    listed = [name for name, entry in entries.items() if isinstance(entry.match, tuple)]
    for name in listed[1:]:
        report.say("target", name, "match", text=f"'{listed[0]}' lists values already; one entry makes a palette")
    if not listed:
        return _one(entries, known, report)
    name, targets, problems = listed[0], {}, len(report.problems)
    for value in entries[name].match or ():
        single = {n: e.model_copy(update={"match": value}) if n == name else e for n, e in entries.items()}
        target = _one(single, known, report) if len(report.problems) == problems else None
        if target is not None:
            targets[str(value)] = target
    return Target.palette(**targets) if len(targets) > 1 else next(iter(targets.values()), None)


def _one(entries: Mapping[str, GoalEntry], known: Mapping[str, str], report: Report) -> Target | None:
    goals: dict[str, Goal] = {}
    for name, entry in entries.items():
        if name == COLOUR:
            with report.at("target", name):
                goals |= _colour(entry, entries)
            continue
        if name not in known:
            report.say(
                "target", name, text=f"'{name}' is not a feature; {suggestion(name, [*known, COLOUR])}", key=True
            )
            continue
        with report.at("target", name):
            goals[known[name]] = measurable(known[name], _goal(name, entry, unit_of(known[name]), report))
    if {"cie_x", "cie_y", "pl_peak_nm"} <= set(goals):
        with report.at("target", COLOUR if COLOUR in entries else "cie_x"):
            _refuse_other_colour(goals)
    if goals and not any(goal.bounded for goal in goals.values()):
        report.say("target", text="no entry has a bound, so nothing could be a hit; add within, below or above")
    whole = sum(goal.traded for goal in goals.values()) in (0, 2)  # else one side is refused above
    return Target.of(**goals) if goals and whole else None


def _refuse_other_colour(goals: Mapping[str, Goal]) -> None:
    """Refuse a PL peak no single emission line of which has the colour that is asked for as well."""
    peak, x, y = goals["pl_peak_nm"], goals["cie_x"], goals["cie_y"]
    if not (math.isfinite(peak.low) and math.isfinite(peak.high)):
        return
    widths_nm = [w for w in LINES_NM if w <= goals["fwhm_nm"].high] if "fwhm_nm" in goals else list(LINES_NM)
    peaks, widths = np.meshgrid(np.linspace(peak.low, peak.high, 9), widths_nm or LINES_NM[:1])
    seen = of_lines(peaks.ravel(), widths.ravel()).tolist()
    if not any(x.holds(a) and y.holds(b) for a, b in seen):
        a, b = min(seen, key=lambda c: math.hypot(c[0] - (x.wanted or x.low), c[1] - (y.wanted or y.low)))
        raise Refused(
            f"contradicts pl_peak: an emission at {peak.low:g} .. {peak.high:g} nm has x {a:.3f}, y {b:.3f} "
            "at the nearest; drop one of the two or correct it"
        )


def _goal(name: str, entry: GoalEntry, unit: str, report: Report) -> Goal:
    _check_source(name, entry)
    kinds = [kind for kind in ("match", "minimize", "maximize", "inside") if getattr(entry, kind) is not None]
    alone = [side for side in ("below", "above") if getattr(entry, side) is not None]
    if not kinds and len(alone) == 1 and entry.within is None:
        bound = _amount(getattr(entry, alone[0]), unit, report, "target", name, alone[0])
        low, high = (-math.inf, bound) if alone == ["below"] else (bound, math.inf)
        return inside(low, high, source=entry.source)
    if not kinds and len(alone) == 2:
        raise Refused(_two_bounds(entry, unit))
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none"
        raise Refused(
            f"exactly one of match, minimize, maximize, inside, or below or above alone is wanted, not {found}"
        )
    companions = {"match": "within", "minimize": "below", "maximize": "above", "inside": ""}
    for other in ("within", "below", "above"):
        if getattr(entry, other) is not None and companions[kinds[0]] != other:
            raise Refused(f"'{other}' does not go with '{kinds[0]}'; {_advice(kinds[0])}")
    if entry.inside is not None:
        low, high = quantities.interval(entry.inside, unit)
        return inside(low, high, source=entry.source)
    if entry.match is not None:
        if entry.within is None:
            raise Refused(f"'match' needs 'within', the tolerance; {_advice('match')}")
        value = _amount(entry.match, unit, report, "target", name, "match")
        return match(value, within=_amount(entry.within, unit, report, "target", name, "within"), source=entry.source)
    if entry.minimize:
        bound = math.inf if entry.below is None else _amount(entry.below, unit, report, "target", name, "below")
        return minimize(below=bound, source=entry.source, traded=entry.minimize == TRADED)
    bound = -math.inf if entry.above is None else _amount(entry.above, unit, report, "target", name, "above")
    return maximize(above=bound, source=entry.source, traded=entry.maximize == TRADED)


def _two_bounds(entry: GoalEntry, unit: str) -> str:
    """Say what to write in the place of ``above`` and ``below`` together."""
    low, high = quantities.number(entry.above, unit), quantities.number(entry.below, unit)
    if low < high:
        return f"above and below together are a range; write {{inside: {low:g} .. {high:g} {unit}".rstrip() + "}"
    return (
        f"above {entry.above} and below {entry.below} contradict each other, nothing is both; drop one or exchange them"
    )


def measurable(name: str, goal: Goal) -> Goal:
    """Return the goal for the feature ``name``; raise `Refused` for one that no measurement can meet."""
    if name == "plqy" and goal.low >= 1.0:
        raise Refused(f"PLQY above {goal.low:g} can never be measured; it is a fraction: write for example above: 60 %")
    return goal


def _colour(entry: GoalEntry, entries: Mapping[str, GoalEntry]) -> dict[str, Goal]:
    """Return goals for cie_x and cie_y that hold only within ``within`` of a primary in the xy plane.

    Two goals, since x and y are smooth in everything that is varied and the distance has a kink where it is least; the
    square inside the circle, so that a hit is never further off than asked.
    """
    primaries = {f"rec2020-{name}": name for name in PRIMARIES}
    written = f"write {{match: {next(reversed(primaries))}, within: 0.01, from: pl}}"
    others = [key for key in GoalEntry.model_fields if key not in ("match", "within", "source") and getattr(entry, key)]
    if entry.match not in primaries or entry.within is None or others:
        raise Refused(f"a colour matches {', '.join(primaries)} within a distance in CIE 1931 xy; {written}")
    if both := {"cie_x", "cie_y"} & set(entries):
        raise Refused(f"colour sets goals for cie_x and cie_y, and {' and '.join(sorted(both))} is asked for as well")
    _check_source("cie_x", entry)
    far = quantities.number(entry.within, "")
    x, y = rec2020(primaries[str(entry.match)])
    half = far / math.sqrt(2)
    return {name: match(c, within=half, source=entry.source) for name, c in (("cie_x", x), ("cie_y", y))}


def _amount(value: object, unit: str, report: Report, *loc: str) -> float:
    """Return a positive amount; a wrong one is reported where it stands and replaced by 1 so that checks go on."""
    try:
        amount = quantities.number(value, unit)
        if amount <= 0:
            raise Refused(f"{value} is not above 0; correct it")
    except Refused as exc:
        report.say(*loc, text=str(exc))
        return 1.0
    return amount


def _check_source(name: str, entry: GoalEntry) -> None:
    if entry.source == "absorption" and name in _FROM_PL:
        raise Refused(f"{name} cannot come from absorption; write from: pl, or from: manual and add it with `sdl tell`")
    if entry.source == "pl" and name in _FROM_ABSORPTION:
        raise Refused(f"{name} cannot come from pl; write from: absorption")


def _advice(kind: str) -> str:
    return {
        "match": "write {match: 465 nm, within: 1 nm, from: pl}",
        "minimize": "write {minimize: true, below: 20 nm, from: pl}",
        "maximize": "write {maximize: true, above: 60 %, from: pl}",
        "inside": "write {inside: 460 .. 470 nm, from: pl}",
    }[kind]
