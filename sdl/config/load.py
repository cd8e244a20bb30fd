"""A campaign file becomes a `sdl.campaign.Campaign`, or is refused with everything that is wrong in it."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from sdl.bench import Lab, Limits
from sdl.campaign import Budget, Campaign, Stock
from sdl.chemistry.evaporation import age_h, too_old
from sdl.chemistry.routes import ROUTES
from sdl.config import checks, constraints, offline, quantities, synthesis
from sdl.config.fields import inside
from sdl.config.goals import FEATURES, target_of
from sdl.config.lab import BUILT_IN, load_lab
from sdl.config.prices import prices_of
from sdl.config.report import Report, draft, suggestion
from sdl.config.schema import CAMPAIGN_REQUIRED, LAB_MODE_REQUIRED, CampaignFile
from sdl.config.strict import read
from sdl.constraint import Constraint
from sdl.errors import Refused
from sdl.history.shipped import PREFIX, shipped
from sdl.route import Route
from sdl.space import Parameter
from sdl.target import Target
from sdl.units import BY_WRITTEN

__all__ = ["load_campaign", "load_lab", "refuse_old_lots"]

ROOM_C = 25.0
"""The room where no lab says otherwise, in degC (the built-in lab's)."""

_OFFLINE_ONLY = ("data",)
_LAB_ONLY = ("route", "synthesis", "stocks", "lab", "limits")
_WORTH = re.compile(r"1 hit in ([1-9]\d{0,3})")
_STOP = re.compile(r"([1-9]\d{0,3}) confirmed hits?")


def load_campaign(path: Path, data: Path | None = None) -> Campaign:
    """Read the campaign file ``path`` and its lab file; ``data`` replaces the table that an offline file names.

    Raise `Refused` with every problem found in both files. Nothing is written and no hardware is touched.
    """
    report = Report(read(path))
    file = draft(CampaignFile, report)
    _check_presence(file, report)
    prices = prices_of(file, report)
    if data is not None and file.mode != "offline":
        report.say("mode", text="--data goes with mode: offline only; leave it out")
    offline_mode = file.mode == "offline"
    campaign = _offline(file, path, data, report) if offline_mode else _lab_campaign(file, path, report)
    return dataclasses.replace(campaign, prices=prices)


def refuse_old_lots(campaign: Campaign, now: datetime) -> None:
    """Refuse a campaign of which a stock's lot is older at ``now`` than its ``max_age``, before anything moves."""
    old = {name: too_old(stock, age_h(stock, now), stock.lot) for name, stock in campaign.stocks.items()}
    if not any(old.values()):
        return
    report = Report(read(Path(campaign.file)))
    for name, text in old.items():
        if text:
            report.say("stocks", name, "made", text=text)
    report.finish()


def _check_presence(file: CampaignFile, report: Report) -> None:
    offline_mode = file.mode == "offline"
    needed = (*CAMPAIGN_REQUIRED, *(_OFFLINE_ONLY if offline_mode else LAB_MODE_REQUIRED))
    for name in needed:
        if not report.given(name):
            report.say(name, text="is missing; add it (`sdl init` writes a complete file)")
    by_hand = offline_mode and report.given("route") and report.given("stocks")  # recipes, but no robot
    alone = tuple(name for name in _LAB_ONLY if name != "route")  # a route whose past syntheses are in the data
    for name in ("limits",) if by_hand else alone if offline_mode else (*_OFFLINE_ONLY, "pool"):
        if report.given(name):
            mode = "offline" if offline_mode else "lab"
            pair = " (only together with a route)" if name == "stocks" and offline_mode else ""
            report.say(name, text=f"does not go with mode: {mode}{pair}; remove it or change the mode", key=True)


def _lab_campaign(file: CampaignFile, path: Path, report: Report) -> Campaign:
    lab = _lab(file, path, report)
    route = _route(file, path, lab, report)
    stocks = _stocks(file)
    if route and route.off_deck:
        report.say(
            "route", text=f"{route.name} is not made on a deck: {route.off_deck}; use mode: offline with a table"
        )
        route = None
    written = checks.parameters(file.vary or {}, route, lab, stocks, report)
    known = {name: BY_WRITTEN[name].name for name in FEATURES}
    target = target_of(file.target or {}, known, report)
    choices = {p.name: p.choices for p in written.values() if p.choices}
    checks.stocks(stocks, route, choices, lab, report)
    if lab:
        checks.substances(stocks, lab, report)
    if target and lab:
        checks.channels(target, lab, report)
    parsed = _constraints(file, written, report)
    budget = _budget(file, lab, report)
    if lab and file.budget:
        checks.reactor(lab, file.budget.batch, report)
    _check_files(file, path, report)
    report.finish()
    assert route and lab and target
    campaign = _campaign(file, path, report, target, tuple(written.values()), parsed, budget, lab=lab, stocks=stocks)
    return dataclasses.replace(campaign, synthesis=None if route.name in ROUTES else route)


def _stocks(file: CampaignFile) -> dict[str, Stock]:
    return {
        name: Stock(
            name=name,
            contains=s.contains,
            solvent=s.solvent,
            volume_ul=s.volume,
            at=s.at,
            lot=s.lot,
            made=s.made,
            max_age_h=math.inf if s.max_age is None else s.max_age,
        )
        for name, s in (file.stocks or {}).items()
    }


def _offline(file: CampaignFile, path: Path, data: Path | None, report: Report) -> Campaign:
    by_hand = bool(file.route and file.stocks)
    route = _route(file, path, None, report) if file.route and not by_hand else None
    source = offline.source(file, path, data, report, route)
    known = {name: BY_WRITTEN[name].name for name in FEATURES}
    known |= {name: source.internal[name] for name in (file.target or {}) if source and name in source.internal}
    target = target_of(file.target or {}, known, report)
    if target and source:
        offline.check_target(target, source.data, report)
    if by_hand:
        return _by_hand(file, path, report, source, target)
    written = offline.parameters(file.vary, source, target, path.parent, report)
    if route:
        offline.check_route(written, route, report)
    parsed = _constraints(file, written, report)
    budget = _budget(file, None, report)
    _check_files(file, path, report)
    report.finish()
    assert target and source
    campaign = _campaign(file, path, report, target, tuple(written.values()), parsed, budget)
    own = route if route and route.name not in ROUTES else None
    return dataclasses.replace(campaign, data=source.data, pool=file.pool or "", synthesis=own)


def _by_hand(
    file: CampaignFile, path: Path, report: Report, source: offline.Source | None, target: Target | None
) -> Campaign:
    """Return a campaign on data whose designs are pipetted by hand from stocks, by a route's recipes."""
    lab, stocks = _lab(file, path, report), _stocks(file)
    route = _route(file, path, lab, report)
    written = checks.parameters(file.vary or {}, route, lab, stocks, report)
    choices = {p.name: p.choices for p in written.values() if p.choices}
    checks.stocks(stocks, route, choices, lab, report)
    if lab:
        checks.substances(stocks, lab, report)
    for name, parameter in written.items():
        if source and parameter.name not in source.data.columns:
            report.say("vary", name, text="no column gives it; add it to data.columns, or do not vary it", key=True)
    parsed = _constraints(file, written, report)
    budget = _budget(file, lab, report)
    _check_files(file, path, report)
    report.finish()
    assert target and source and lab and route
    made = _campaign(file, path, report, target, tuple(written.values()), parsed, budget, lab=lab, stocks=stocks)
    own = None if route.name in ROUTES else route
    return dataclasses.replace(made, data=source.data, pool=file.pool or "", synthesis=own)


def _campaign(
    file: CampaignFile,
    path: Path,
    report: Report,
    target: Target,
    parameters: tuple[Parameter, ...],
    parsed: tuple[Constraint, ...],
    budget: Budget,
    *,
    lab: Lab | None = None,
    stocks: Mapping[str, Stock] | None = None,
) -> Campaign:
    assert file.campaign
    return Campaign(
        name=file.campaign,
        why=file.why,
        target=target,
        parameters=parameters,
        constraints=tuple(constraint.text for constraint in parsed),
        budget=budget,
        seed=file.seed,
        file=str(path),
        sha256=report.document.sha256,
        mode=file.mode,
        route=file.route or "",
        stocks=stocks or {},
        lab=lab,
        history=tuple(file.history),
        approval=file.approval,
    )


def _lab(file: CampaignFile, path: Path, report: Report) -> Lab | None:
    """Return the lab with the campaign's tightened limits; the lab file's own problems join the report."""
    try:
        lab = load_lab(_lab_path(file, path))
    except Refused as exc:
        if exc.problems:
            report.problems.extend(exc.problems)
        else:
            report.say("lab", text=str(exc))
        return None
    return dataclasses.replace(lab, limits=_tightened(file, lab.limits, report))


def _lab_path(file: CampaignFile, path: Path) -> Path:
    if file.lab is None:
        return BUILT_IN
    given = Path(file.lab)
    if given.is_absolute():
        return given  # a lab owns its file and many campaigns may share it
    inside(path.parent, file.lab)
    return path.parent / given


_LIMIT_FIELDS = {
    "max_temperature": "max_temperature_c",
    "boiling_margin": "boiling_margin_c",
    "max_fill": "max_fill_fraction",
    "max_hexane": "max_hexane_fraction",
    "max_flow_rate": "max_flow_rate_ul_s",
    "max_run": "max_run_h",
    "max_delay": "max_delay_s",
    "waste": "waste_ul",
    "clearance": "clearance_mm",
    "max_calibration_age": "max_calibration_age_h",
    "max_lamp": "max_lamp_h",
}

_FLOORS = ("boiling_margin", "clearance")
"""Limits that a campaign tightens by raising them."""


def _tightened(file: CampaignFile, limits: Limits, report: Report) -> Limits:
    changes: dict[str, float] = {}
    for name, field in _LIMIT_FIELDS.items():
        wanted = getattr(file.limits, name, None)
        if wanted is None:
            continue
        owned = getattr(limits, field)
        looser = wanted < owned if name in _FLOORS else wanted > owned
        if looser:
            text = f"{wanted:g} is looser than {owned:g}, the lab's limit; a campaign may only tighten it"
            report.say("limits", name, text=f"{text}, or have the limit changed in the lab file")
        changes[field] = wanted
    return dataclasses.replace(limits, **changes)


def _route(file: CampaignFile, path: Path, lab: Lab | None, report: Report) -> Route | None:
    """Return the route by its name, from the file it names, or, for ``mixing``, from the campaign's own synthesis."""
    name, room_c = file.route or "", lab.room_c if lab else ROOM_C
    if file.synthesis is not None and name != synthesis.MIXING:
        report.say(
            "synthesis", text=f"goes with route: {synthesis.MIXING} only; remove it or change the route", key=True
        )
    if name == synthesis.MIXING:
        if file.synthesis is not None:
            return synthesis.route(name, file.synthesis, room_c, report, "synthesis")
        if not report.given("synthesis"):
            report.say("route", text=f"{synthesis.MIXING} is declared by the campaign itself; add 'synthesis:'")
        return None
    if name.endswith((".yaml", ".yml")):
        with report.at("route"):
            return synthesis.load_route(inside(path.parent, name), room_c, report)
        return None
    if not name or name in ROUTES:
        return ROUTES.get(name)
    known = [*ROUTES, synthesis.MIXING]
    report.say("route", text=f"route '{name}' is not known; {suggestion(name, known)}")
    return None


def _constraints(file: CampaignFile, written: Mapping[str, Parameter], report: Report) -> tuple[Constraint, ...]:
    parsed: dict[int, Constraint] = {}
    broken = {p.path.split(".")[1] for p in report.problems if p.path.startswith("vary.")}
    for i, text in enumerate(file.constraints):
        if any(re.search(rf"\b{re.escape(name)}\b", text) for name in broken - set(written)):
            continue  # its parameter is refused already
        with report.at("constraints", i):
            parsed[i] = constraints.translate(text, written)
    never = constraints.never_holds(list(parsed.values()), list(written.values()))
    for i, constraint in parsed.items():
        if constraint in never:
            every = len(never) == len(parsed) > 1
            together = " together with the others" if every else ""
            sure = constraints.proven(never if every else [constraint], list(written.values()))
            where = "holds nowhere" if sure else "was found to hold nowhere"
            text = f"'{file.constraints[i]}' {where}{together} within the ranges of vary; relax it or widen a range"
            report.say("constraints", i, text=text)
    return tuple(parsed.values())


def _budget(file: CampaignFile, lab: Lab | None, report: Report) -> Budget:
    entry = file.budget
    if entry is None:
        return Budget(experiments=offline.BATCH, batch=offline.BATCH)
    stop = _STOP.fullmatch(entry.stop)
    if stop is None:
        report.say("budget", "stop", text=f"'{entry.stop}' is not a stop rule; write for example 2 confirmed hits")
    if entry.experiments is None and file.mode == "lab":
        report.say("budget", "experiments", text="is missing; say how many experiments may be spent")
    experiments = entry.experiments or entry.batch
    if entry.batch > experiments:
        text = f"{entry.batch} wells per batch are more than {experiments} experiments in all; lower it"
        report.say("budget", "batch", text=text)
    wells = lab.deck[lab.blocks[0].rack].wells if lab else entry.batch  # one block, one temperature, one load of vials
    if lab and entry.batch > wells:
        report.say("budget", "batch", text=f"{entry.batch} wells per batch; {lab.name} has {wells}: lower it")
    return Budget(
        experiments=experiments,
        batch=entry.batch,
        confirmed_hits=int(stop[1]) if stop else 2,
        give_up=_certainty(entry.give_up, report),
        tries=_tries(entry.worth, report),
        sentinel=entry.sentinel,
    )


def _certainty(given: object, report: Report) -> float:
    """Return how certain "out of reach" must be before the campaign stops; infinite for never."""
    if given == "never":
        return math.inf
    with report.at("budget", "give_up"):
        certainty = quantities.number(given, "")
        if not 0.9 <= certainty < 1.0:
            raise Refused(f"{given} is not from 90 % to below 100 %; write for example 99 %, or never")
        return certainty
    return math.inf


def _tries(given: str, report: Report) -> float:
    """Return how many tries a hit may cost; infinite where nothing is said."""
    if not given:
        return math.inf
    found = _WORTH.fullmatch(given)
    if found is None:
        report.say("budget", "worth", text=f"'{given}' is not a price of a hit; write for example 1 hit in 20")
    return float(found[1]) if found else math.inf


def _check_files(file: CampaignFile, path: Path, report: Report) -> None:
    if file.pool is not None:
        with report.at("pool"):
            if not inside(path.parent, file.pool).is_file():
                raise Refused(f"'{file.pool}' is not beside {path.name}; put it there or remove the entry")
    for i, name in enumerate(file.history):
        with report.at("history", i):
            if name.startswith(PREFIX):
                shipped(name)
            elif not inside(path.parent, name).exists():
                raise Refused(f"'{name}' is not beside {path.name}; put it there or remove the entry")
