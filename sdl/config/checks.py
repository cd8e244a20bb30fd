"""What a lab campaign's entries must mean to each other: route, stocks, deck, limits."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sdl.bench import Lab
from sdl.campaign import Stock
from sdl.chemistry import compatible
from sdl.chemistry.solvents import SOLVENTS
from sdl.config import labware, quantities
from sdl.config.report import Report, suggestion
from sdl.errors import Refused
from sdl.route import Route, RouteParameter
from sdl.space import Parameter
from sdl.target import Target
from sdl.units import unit_of, written_of


def parameters(
    vary: Mapping[str, object], route: Route | None, lab: Lab | None, stocks: Mapping[str, Stock], report: Report
) -> dict[str, Parameter]:
    """Return the sound parameters by written name, each within what the route and the lab allow."""
    found: dict[str, Parameter] = {}
    if route is None:
        return found
    known = {written_of(p.name): p for p in route.parameters.values()}
    for name, value in vary.items():
        if name not in known:
            text = f"'{name}' does not vary in {route.name}; {suggestion(name, known)}"
            report.say("vary", name, text=text, key=True)
            continue
        allowed = known[name]
        with report.at("vary", name):
            found[name] = _parameter(allowed, value, route, lab, stocks)
    if lab and "temperature" not in vary:
        _check_nominal_temperature(route, lab, report)
    if not vary and report.given("vary") and not any(p.path.startswith("vary") for p in report.problems):
        report.say("vary", text=f"nothing varies; name at least one of {', '.join(sorted(known))}")
    return found


def _check_nominal_temperature(route: Route, lab: Lab, report: Report) -> None:
    """Report a temperature that does not vary and that no reaction block of the lab holds."""
    nominal = float(route.nominal["temperature_c"])
    low, high = min(b.low_c for b in lab.reaction_blocks), max(b.high_c for b in lab.reaction_blocks)
    if not low <= nominal <= high:
        side, limit = ("below", low) if nominal < low else ("above", high)
        text = f"temperature stays at {nominal:g} degC, {side} {limit:g} degC, what the block of {lab.name} holds"
        report.say("vary", text=f"{text}; vary temperature {'above' if side == 'below' else 'below'} it")


def _parameter(
    allowed: RouteParameter, value: object, route: Route, lab: Lab | None, stocks: Mapping[str, Stock]
) -> Parameter:
    if allowed.choices:
        if not isinstance(value, tuple):
            raise Refused(f"is a choice; list two or more of {', '.join(allowed.choices)}")
        if unknown := sorted(set(value) - set(allowed.choices)):
            raise Refused(f"'{unknown[0]}' is no choice here; {suggestion(unknown[0], allowed.choices)}")
        return Parameter(name=allowed.name, choices=value, scope=allowed.scope, when=allowed.when)
    low, high = quantities.interval(value, unit_of(allowed.name))
    _check_bounds(allowed, low, high, route, lab, stocks)
    return Parameter(name=allowed.name, low=low, high=high, scope=allowed.scope, when=allowed.when)


def _check_bounds(
    allowed: RouteParameter, low: float, high: float, route: Route, lab: Lab | None, stocks: Mapping[str, Stock]
) -> None:
    """Raise `Refused` for a bound outside the tightest of the limits that apply, naming whose limit it is."""
    unit = unit_of(allowed.name)
    floors = [(allowed.low, "the route's limit; raise it")]
    ceilings = [(allowed.high, "the route's limit; lower it")]
    if lab and allowed.name == "temperature_c":
        medium = stocks[route.medium].solvent if route.medium in stocks else ""
        owner = f"the lab's limit{f' for {medium}' if medium else ''}"
        ceiling = lab.limits.max_temperature_c, f"{owner}; lower it, or have the limit changed in the lab file"
        ceilings.insert(0, ceiling)  # named first where the route's limit is the same
        if medium in SOLVENTS:
            solvent = SOLVENTS[medium]
            vessel = min(solvent.open_vessel_c, solvent.boiling_c - lab.limits.boiling_margin_c)
            ceilings.append((vessel, f"the limit for open vessels of {medium}; lower it or use another solvent"))
        for block in (b for b in lab.blocks if b.rack == "vials"):
            floors.append((block.low_c, f"the lowest that the block under vials holds in {lab.name}; raise it"))
            ceilings.append((block.high_c, f"the highest that the block under vials holds in {lab.name}; lower it"))
    if lab and allowed.name == "growth_time_s":
        ceilings.append((lab.limits.max_run_h * 3600.0, f"the longest run of {lab.name}; lower it"))
    floor, ceiling = max(floors, key=lambda f: f[0]), min(ceilings, key=lambda c: c[0])
    if low < floor[0]:
        raise Refused(f"{_shown(low, unit)} is below {_shown(floor[0], unit)}, {floor[1]}")
    if high > ceiling[0]:
        raise Refused(f"{_shown(high, unit)} is above {_shown(ceiling[0], unit)}, {ceiling[1]}")


def stocks(
    given: Mapping[str, Stock],
    route: Route | None,
    choices: Mapping[str, tuple[str, ...]],
    lab: Lab | None,
    report: Report,
) -> None:
    """Report stocks that the route does not know or misses, and places that cannot hold them."""
    taken: dict[tuple[str, str], str] = {}
    needed = route.stocks(choices) if route else {}
    for name, stock in given.items():
        if route and name not in needed:
            report.say("stocks", name, text=f"{route.name} uses no '{name}'; {suggestion(name, needed)}", key=True)
        elif route and (lacking := sorted(needed[name] - set(stock.contains))):
            text = f"must contain {', '.join(lacking)}; add 'contains: {{{lacking[0]}: ... mmol/L}}'"
            report.say("stocks", name, text=text)
        if stock.solvent not in SOLVENTS:
            text = (
                f"solvent '{stock.solvent}' has no safety data here (boiling point, open vessels, explosive limit); "
                f"{suggestion(stock.solvent, SOLVENTS)} Its data would belong into sdl/chemistry/solvents.py"
            )
            report.say("stocks", name, "solvent", text=text)
        if math.isfinite(stock.max_age_h) and not stock.made:
            report.say("stocks", name, "max_age", text="is given without 'made'; add when the lot was made")
        if lab:
            _check_places(stock, lab, taken, report)
    for name in sorted(needed) if report.given("stocks") else ():
        if name not in given and not any(p.path.startswith(f"stocks.{name}") for p in report.problems):
            report.say("stocks", text=f"'{name}' is missing, {route.name if route else ''} needs it; add it")
    if route:
        _check_meetings(given, route, lab, report)
    if lab and not lab.ventilated:
        share = sum(s.volume_ul / SOLVENTS[s.solvent].lel_ul for s in given.values() if s.solvent in SOLVENTS)
        if share > 1.0:
            text = f"the solvents reach {share:.1f} times the explosive limit of a closed deck; {lab.name} must be"
            report.say("stocks", text=f"{text} ventilated with an airflow signal, or the volumes smaller")


def _check_meetings(given: Mapping[str, Stock], route: Route, lab: Lab | None, report: Report) -> None:
    """Report stocks that must not meet in a well, by our rules or the lab's, or the reference dye in the waste."""
    apart = [frozenset(pair) for pair in (lab.never_together or () if lab else ())]
    for name, text in compatible.conflicts(route, given.values(), apart):
        report.say("stocks", name, text=text)
    if lab and "pl" in lab.reader.channels:
        for name, text in compatible.with_dye(given.values(), apart):
            report.say("stocks", name, text=f"{text}; read absorption only (reader.channels in the lab file)")


def substances(stocks: Mapping[str, Stock], lab: Lab, report: Report) -> None:
    """Report species that the lab has no limit for, too much of one on the deck, and pairs it keeps apart."""
    known = lab.substances or {}
    total: dict[str, float] = {}
    for name, stock in stocks.items():
        for species, mmol_l in stock.contains.items():
            total[species] = total.get(species, 0.0) + mmol_l * stock.volume_ul / 1000
            if species not in known:
                text = f"'{species}' has no limit in the lab file of {lab.name}; {suggestion(species, known)}"
                report.say("stocks", name, "contains", species, text=f"{text}, or have it added to substances there")
        both = {stock.solvent, *stock.contains}
        for pair in lab.never_together or ():
            if set(pair) <= both:
                report.say("stocks", name, text=f"holds {' and '.join(pair)}, which {lab.name} never lets meet")
    if any(p.path.startswith("stocks.") for p in report.problems):
        return  # a wrong volume or concentration is said already, and the sums follow from it
    for species, umol in total.items():
        if umol > known.get(species, umol):
            text = f"{umol / 1000:g} mmol of {species} in all stocks, limit {known[species] / 1000:g} mmol"
            report.say("stocks", text=f"{text} on the deck of {lab.name}; load less")


def _check_places(stock: Stock, lab: Lab, taken: dict[tuple[str, str], str], report: Report) -> None:
    room = 0.0
    for text in stock.at:
        try:
            place = lab.locate(text)
        except Refused as exc:
            report.say("stocks", stock.name, "at", text=f"{exc}; choose one of its places")
            return
        known = labware.definition(lab.deck[place[0]].labware)
        if known is None or place[1] not in known.wells:
            wells = ", ".join(sorted(known.wells)) if known else "none for liquids"
            report.say("stocks", stock.name, "at", text=f"{place[0]} has no place '{place[1]}'; it has {wells}")
            return
        if place in taken:
            report.say("stocks", stock.name, "at", text=f"{text} already holds '{taken[place]}'; choose another place")
        taken[place] = stock.name
        room += lab.deck[place[0]].capacity_ul * lab.limits.max_fill_fraction
    dead = sum(lab.deck[lab.locate(at)[0]].dead_ul for at in stock.at)
    if stock.volume_ul <= dead:
        text = (
            f"{stock.volume_ul:g} uL is not enough: what is below {dead:g} uL in {', '.join(stock.at)} cannot be drawn"
        )
        report.say("stocks", stock.name, "volume", text=f"{text}; fill in more")
    if stock.volume_ul > room:
        text = f"{stock.volume_ul / 1e3:g} mL do not fit into {', '.join(stock.at)}: at most {room / 1e3:g} mL"
        report.say("stocks", stock.name, "volume", text=f"{text}; correct the unit, lower it or add a place")


def channels(target: Target, lab: Lab, report: Report) -> None:
    """Report goals whose source the lab's reader has not."""
    for name, goal in target.goals.items():
        if goal.source != "manual" and goal.source not in lab.reader.channels:
            written = written_of(name)
            have = ", ".join(lab.reader.channels)
            text = f"the reader of {lab.name} has {have} only; write from: {lab.reader.channels[0]} or from: manual"
            report.say("target", written, "from", text=text)
        elif goal.source != "manual" and lab.reader.geometry == "plate":
            bands = ", ".join(f"{band}" for band in lab.reader.bands_nm)
            text = f"bands at {bands} nm show no exciton: a plate is a check of turbidity and concentration"
            report.say("target", written_of(name), "from", text=f"{text}; read with a flow cell, or write from: manual")


def reactor(lab: Lab, batch: int, report: Report) -> None:
    """Report a batch that one reactor with a probe in it cannot hold."""
    if lab.reader.geometry == "dip probe" and batch > 1:
        text = f"{batch} experiments do not fit into {lab.reader.at}, the one reactor that the dip probe stands in"
        report.say("budget", "batch", text=f"{text}; write 1")


def _shown(value: float, unit: str) -> str:
    """Return a value in the unit a chemist would write it in."""
    if unit == "s" and value >= 60:
        return f"{value / 60:g} min"
    return f"{value:g} {unit}".strip()
