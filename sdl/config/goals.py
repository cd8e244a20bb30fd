"""Target entries as a chemist writes them become the goals of `sdl.target`."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sdl.config import quantities
from sdl.config.report import Report, suggestion
from sdl.config.schema import GoalEntry
from sdl.errors import Refused
from sdl.target import Goal, Target, inside, match, maximize, minimize
from sdl.units import BY_WRITTEN, unit_of

FEATURES = ("pl_peak", "fwhm", "plqy", "cie_x", "cie_y", "x1", "edge_length", "dispersion")
"""What spectra and people report about a well, as written in files."""

FEATURE_NAMES = tuple(BY_WRITTEN[name].name for name in FEATURES)

_FROM_PL = frozenset({"fwhm", "plqy", "cie_x", "cie_y"})
_FROM_ABSORPTION = frozenset({"x1", "edge_length", "dispersion"})


def target_of(entries: Mapping[str, GoalEntry], known: Mapping[str, str], report: Report) -> Target | None:
    """Return the target; ``known`` maps written feature names to internal ones. None when no entry is sound."""
    goals: dict[str, Goal] = {}
    for name, entry in entries.items():
        if name not in known:
            report.say("target", name, text=f"'{name}' is not a feature; {suggestion(name, known)}", key=True)
            continue
        with report.at("target", name):
            goals[known[name]] = _goal(name, entry, unit_of(known[name]), report)
    if goals and not any(goal.bounded for goal in goals.values()):
        report.say("target", text="no entry has a bound, so nothing could be a hit; add within, below or above")
    return Target.of(**goals) if goals else None


def _goal(name: str, entry: GoalEntry, unit: str, report: Report) -> Goal:
    _check_source(name, entry)
    kinds = [kind for kind in ("match", "minimize", "maximize", "inside") if getattr(entry, kind) is not None]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none"
        raise Refused(f"exactly one of match, minimize, maximize, inside is wanted, not {found}")
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
        return minimize(below=bound, source=entry.source)
    bound = -math.inf if entry.above is None else _amount(entry.above, unit, report, "target", name, "above")
    if name == "plqy" and bound >= 1.0:
        raise Refused(f"PLQY above {bound:g} can never be measured; it is a fraction: write for example above: 60 %")
    return maximize(above=bound, source=entry.source)


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
