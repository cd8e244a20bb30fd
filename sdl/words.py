"""The plan, the suggestions and the state of a campaign, in words a chemist reads."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdl.bench import Lab
from sdl.campaign import Campaign
from sdl.chemistry.demand import feasible, typical_runs, worst_batches
from sdl.chemistry.feasible import design_space, feasible_share
from sdl.chemistry.outcomes import Reach, reach, reach_in_words, table_for
from sdl.chemistry.recipe import Run
from sdl.chemistry.routes import route_of
from sdl.chemistry.runway import Batch, runway, runway_in_words, supplies
from sdl.config.draft import Draft
from sdl.config.quality import unlearned
from sdl.config.table import campaign_table
from sdl.errors import Refused
from sdl.target import Goal, Target
from sdl.units import counted, label_of, unit_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A campaign said in words, and the same facts for machines."""

    text: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a campaign has used so far, by its store; nothing before it began.

    ``left_ul`` is by location, ``deck`` the store's consumables, ``wells`` how many experiments were made.
    """

    left_ul: Mapping[str, float] = field(default_factory=dict)
    deck: Mapping[str, Any] = field(default_factory=dict)
    wells: int = 0

    @property
    def since(self) -> str:
        return f" after {counted(self.wells, 'experiment')}, by the ledger" if self.left_ul else ""


def used_so_far(campaign: Campaign, *, state: Path | None) -> Used:
    """Return what the campaign's store has used; nothing where it has not begun."""
    folder = state or campaign.home
    if campaign.mode == "offline" or not folder.exists():
        return Used()
    from sdl.store import Store
    from sdl.store.place import place_of

    if not place_of(folder).exists():
        return Used()
    with Store.open(folder, create=False) as store:
        made = [e for e in store.experiments() if e.state not in ("suggested", "rejected")]
        deck = store.deck()
        gone = {at: float(one["lost_ul"]) for at, one in deck.get("standing", {}).items()}
        left = {at: volume_ul - gone.get(at, 0.0) for at, volume_ul in store.stock_left().items()}
        return Used(left_ul=left, deck=deck, wells=len(made))


def plan_in_words(campaign: Campaign, used: Used | None = None) -> Plan:
    """Say what will be asked, varied, made and needed; raise `NothingFeasible` when no design is left."""
    asked = [f"{campaign.name}: {campaign.why}".rstrip(": "), "", "Target, most important first:"]
    asked += [f"  {label_of(name)}: {'; or '.join(said)}" for name, said in _goals_in_words(campaign.target).items()]
    if campaign.target.others:
        names = ", ".join(target.name for target in campaign.target.each)
        asked.append(
            f"  A palette: one model and every batch serve {names}; each is to be hit and confirmed by itself."
        )
    asked += ["", "What varies:"]
    for p in campaign.parameters:
        many = " (one value per thermal block and batch)" if p.scope == "block" else ""
        span = ", ".join(p.choices) if p.choices else f"{amount(p.name, p.low)} .. {amount(p.name, p.high)}"
        asked.append(f"  {label_of(p.name)}: {span}{many}")
    asked += [f"  with {text}" for text in campaign.constraints]
    if campaign.mode == "offline":
        return _offline(campaign, asked)
    return _on_the_bench(campaign, asked, used or Used())


def _offline(campaign: Campaign, asked: list[str]) -> Plan:
    source = campaign.data
    where = source.file if source else "none"
    asked += ["", f"Historical data: {where}", "No robot: `sdl plan` suggests the next experiments."]
    asked += by_hand(campaign)
    table = table_for(campaign)[0] if campaign.route else None
    reached = reach(campaign, table) if table else None
    asked += ["", *reach_in_words(reached), ""] if reached else []
    said = unlearned(campaign.target, campaign_table(campaign).features) if source else []
    asked += ["", *said] if said else []
    if source and source.public:
        asked.append(f"The table is public: {source.public}")
    guessed = {c.column: c.guess for c in (source.columns.values() if source else ()) if c.guess}
    if guessed:
        asked += ["", "Guessed and not yet confirmed (delete the 'guess: ...' of a column to confirm it):"]
        asked += [f"  '{column}': {why}" for column, why in guessed.items()]
    facts = {"mode": "offline", "data": where, "guessed": guessed, "unlearned": said, "by_hand": by_hand(campaign)}
    facts |= {"reachability": reached.facts} if reached else {}
    return Plan(text="\n".join(asked), facts=facts)


def by_hand(campaign: Campaign) -> list[str]:
    """Say of an offline campaign's route how its suggestions are made, when they have ended, and what is doubtful."""
    if not campaign.route:
        return []
    route = route_of(campaign)
    said = [f"Route {route.name}: {route.title} ({route.source})."]
    if route.off_deck:
        said.append(f"Not for a deck: {route.off_deck}.")
    if route.endpoint_nm is not None:
        said.append(
            f"It has ended when the precursor's band at {route.endpoint_nm:g} nm is gone: `sdl spectrum LATER --start "
            "FIRST` says how much of it is."
        )
    return [*said, *(f"Doubtful: {note}." for note in route.notes)]


def preparation_in_words(campaign: Campaign) -> Plan:
    """Say what to weigh and measure for every stock, or for those a route's paper makes where the file has none."""
    from sdl.chemistry.preparation import cards, cards_in_words, published_cards

    if not campaign.stocks and not campaign.route:
        raise Refused(f"{campaign.file}: an offline campaign without a route has no stocks to prepare")
    stocks = campaign.stocks.values()
    made = cards(campaign.route, stocks) if stocks else published_cards(campaign.route)
    return Plan(text=cards_in_words(made), facts={"preparation": [card.facts for card in made]})


def _on_the_bench(campaign: Campaign, asked: list[str], used: Used) -> Plan:
    """Compile typical and hungry batches, so that volumes, time, tips and runway are computed, not guessed."""
    lab = campaign.lab
    assert lab is not None
    space = design_space(campaign)
    share = feasible_share(space)
    columns = feasible(campaign, space)
    runs = typical_runs(campaign, space, columns)
    batches = math.ceil(campaign.budget.experiments / campaign.budget.batch)
    hours = runs[0].duration_s / 3600
    lines = [*asked, "", f"Of all designs in these ranges {share:.0%} can be made from the stocks with these pipettes."]
    lines += _absorption_warnings(campaign)
    if space.cost is not None:
        each_costs = space.cost.of(columns)
        lines.append(
            f"A well costs {each_costs.min():.2f} .. {each_costs.max():.2f} {space.cost.currency}, "
            f"{each_costs.mean():.2f} on average; a model weighs what it may gain against that."
        )
    table, why_none = table_for(campaign)
    each = campaign.target.each
    reached = {t.name: reach(dataclasses.replace(campaign, target=t), table) if table else None for t in each}
    for name, found in reached.items():
        lines += ["", *([f"For {name}:"] if name else [])]
        lines += reach_in_words(found) if found else [why_none or "The table of outcomes has no such goal."]
    lines += [
        "",
        f"A typical batch of {len(runs[0].wells)} takes {hours:.1f} h of robot time and {_tips(runs[0])} tips;",
    ]
    of_each = " of each target" if campaign.target.others else ""
    lines.append(
        f"{counted(campaign.budget.experiments, 'experiment')}: {batches} batch{'es' if batches > 1 else ''}, about "
        f"{hours * batches:.0f} h; an earlier stop at {counted(campaign.budget.confirmed_hits, 'confirmed hit')}"
        f"{of_each}. Approval: {campaign.approval}."
    )
    lines += ["", reader_in_words(lab)]
    lines += ["", f"Load list for {lab.name} ({lab.robot_type}):", *load_list(campaign)]
    lines += ["", f"Before it may run: {lab.unarmed}."] if lab.unarmed else []
    lines += ["", f"Runway{used.since}:"]
    left = supplies(lab, campaign.stocks, left_ul=used.left_ul, deck=used.deck)
    lasts = runway(left, [Batch.of(run) for run in runs], worst_batches(campaign, space, columns))
    lines += runway_in_words(lasts, campaign.budget.experiments - used.wells)
    facts = {
        "mode": "lab",
        "feasible_share": round(share, 4),
        "batch_hours": round(hours, 2),
        "batches": batches,
        "tips_per_batch": dict(runs[0].tips),
        "runway": {one.name: one.facts for one in lasts},
        "first_out": next((one.name for one in lasts if math.isfinite(one.wells)), None),
        "reachability": _facts(reached),
        "load_list": load_list(campaign),
    }
    return Plan(text="\n".join(lines), facts=facts)


def _facts(reached: Mapping[str, Reach | None]) -> Any:
    """Return what is reachable, by target for a palette."""
    found = {name: one.facts if one else None for name, one in reached.items()}
    return found if len(found) > 1 else next(iter(found.values()))


def _goals_in_words(target: Target) -> dict[str, list[str]]:
    """Say each goal, once for all targets of a palette that have it."""
    return {n: list(dict.fromkeys(goal_in_words(n, t.goals[n]) for t in target.each)) for n in target.goals}


def reader_in_words(lab: Lab) -> str:
    """Say which instrument reads, through what, and how."""
    reader = lab.reader
    how = {
        "flow cell": f"flow cell fed by the pipette, {reader.sample_ul:g} uL a read, {reader.rinses} rinses",
        "dip probe": f"dip probe in {reader.at}, nothing withdrawn",
        "plate": f"plate between runs, at {', '.join(f'{band}' for band in reader.bands_nm)} nm",
    }[reader.geometry]
    spectrum = f"{reader.averages} x {reader.integration_ms:g} ms a spectrum"
    return f"Reader: {reader.kind}, {' and '.join(reader.channels)}; {how}; path {reader.path_mm:g} mm; {spectrum}."


def load_list(campaign: Campaign) -> list[str]:
    """Say what to put where before starting."""
    lab = campaign.lab
    assert lab is not None
    lines = []
    for name, stock in campaign.stocks.items():
        what = ", ".join(f"{c:g} mmol/L {s}" for s, c in stock.contains.items()) or "pure"
        each = stock.volume_ul / len(stock.at) / 1000
        lines += [f"  {at}: {name} ({what} in {stock.solvent}), {each:g} mL, pre-slit PTFE septum" for at in stock.at]
    for name, place in lab.deck.items():
        if name.startswith("tips"):
            lines.append(f"  slot {place.slot}: full tip rack {place.labware}")
    lines.append(f"  vials: {lab.deck['vials'].wells} clean, dry 8 mL glass vials in slot {lab.deck['vials'].slot}")
    if "pl" in lab.reader.channels:
        lines.append(f"  dye: reference dye of PLQY {lab.reader.dye_plqy:g} in ethanol, 6 mL")
    return lines


def _absorption_warnings(campaign: Campaign) -> list[str]:
    """Say when a source cannot decide a goal's tolerance, or cannot see it at all."""
    said = []
    channels = campaign.lab.reader.channels if campaign.lab else ()
    for name, goal in campaign.target.goals.items():
        if goal.source == "pl" and "pl" not in channels:
            said.append(
                f"Warning: {label_of(name)} is wanted from: pl, but this lab reads absorption only; "
                "measure it elsewhere and add it with `sdl tell`, or ask for it from: absorption."
            )
        elif name == "pl_peak_nm" and goal.source == "absorption" and goal.wanted is not None:
            within = goal.high - goal.wanted
            if within < 3.0:  # sd of X1 minus Stokes shift, bench: 2-3 nm
                said.append(
                    f"Warning: PL from absorption (X1 minus the Stokes shift) is good to 2-3 nm sd and cannot "
                    f"decide a tolerance of {within:g} nm; allow at least 4 nm or measure PL."
                )
    return said


def _tips(run: Run) -> str:
    return " + ".join(f"{n} ({mount})" for mount, n in run.tips.items())


def label_in_words(vial: Mapping[str, Any]) -> str:
    """Say what one vial holds, on a line that fits its label."""
    seen = ", ".join(f"{label_of(name)} {amount(name, value)}" for name, value in vial["features"].items())
    hit = "HIT " if vial["hit"] else ""
    return f"load {vial['load']} {vial['vial']}: {hit}{vial['experiment']} ({vial['state']}) {seen}".rstrip()


def amount(name: str, value: float | str) -> str:
    """Write a value with the unit its name carries: s as min from 2 min on, fractions of 1 as they are."""
    if isinstance(value, str):
        return value
    unit = unit_of(name)
    if unit == "s" and value >= 120:
        value, unit = value / 60, "min"
    return f"{value:.4g} {unit}".rstrip()


def goal_in_words(name: str, goal: Goal) -> str:
    """Say one goal: what is wanted and what counts as a hit."""
    words = {"match": "match", "minimize": "as low as possible", "maximize": "as high as possible", "inside": "inside"}
    text = words[goal.kind]
    if goal.wanted is not None:
        text += f" {amount(name, goal.wanted)} within {amount(name, goal.high - goal.wanted)}"
    elif goal.bounded:
        low = f"above {amount(name, goal.low)}" if math.isfinite(goal.low) else ""
        high = f"below {amount(name, goal.high)}" if math.isfinite(goal.high) else ""
        text += ", a hit is " + " and ".join(filter(None, (low, high)))
    return f"{text} (from {goal.source})"


def draft_in_words(draft: Draft) -> str:
    """Say what was guessed from a table, what is left open, and what to do next."""
    lines = [f"{draft.file} is ready to edit; guessed from the headers of {draft.table.name}, nothing is confirmed:"]
    for g in draft.guesses:
        what = f"left out: {g.why}" if g.role == "left out" else f"{g.role} {g.name}, unit {g.unit or 'none'} ({g.why})"
        lines.append(f"  '{g.column}': {what}")
    if draft.left_open:
        lines += ["Left open, only you know:", *(f"  {text}" for text in draft.left_open)]
    return "\n".join([*lines, f"Edit the file, then: sdl check {draft.file}"])


def told_in_words(told: Mapping[str, Any]) -> str:
    """Say what was recorded of the results that were told, and what was not."""
    lines = [f"{told['campaign']}: {counted(len(told['told']), 'result')} recorded, {told['unchanged']} known already."]
    for change in told["told"]:
        seen = ", ".join(f"{label_of(n)} {amount(n, v)}" for n, (v, _) in change.get("features", {}).items())
        lines.append(f"  {change['experiment']}: {change['change']}{': ' if seen else ''}{seen}")
    for e in told["left_out"]:
        lines.append(f"  left out: {e['cell'] or 'row ' + str(e['row'])} {e['column']}: {e['reason']}")
    if told["ignored_columns"]:
        lines.append(f"  columns without meaning here: {', '.join(told['ignored_columns'])}")
    return "\n".join(lines)


def answer_in_words(answer: Mapping[str, Any]) -> str:
    """Say the answer to a target: reachable or not, recipes with what they should give, and the nearest experiments."""
    lines = [f"Warning: {w}" for w in answer["warnings"]]
    for name, one in answer.get("palette", {"": answer}).items():
        lines += [*(["", f"For {name}:"] if name else []), *_one_in_words(one)]
    return "\n".join([*lines, f"Model: {answer['model']['id']}"])


def _one_in_words(answer: Mapping[str, Any]) -> list[str]:
    """Say the answer for one target."""
    lines = [answer["text"]]
    for number, a in enumerate(answer["answers"], start=1):
        lines += ["", f"{number}. " + ", ".join(f"{label_of(k)} {amount(k, v)}" for k, v in a["design"].items())]
        for name, e in a["expected"].items():
            lines.append(f"     {label_of(name)}: {amount(name, e['mean'])} (95 %: {e['low']:.4g} .. {e['high']:.4g})")
        if a["recipe"]:
            poured = ", ".join(f"{t['volume_ul']:g} uL {t['stock']}" for t in a["recipe"]["transfers"])
            lines.append(f"     pour: {poured}")
        lines += [f"     {text}" for text in _slips_in_words(a["tolerance"])]
        poured = f", {a['p_hit_poured']:.0%} with the pipettes' scatter" if a["recipe"] else ""
        lines.append(
            f"     P(hit) {a['p_hit']:.0%} in one try{poured}; made before, most alike: {_made_before(a['nearest'])}"
        )
    lines += ["", f"Measured so far, closest to the wish: {_made_before(answer['closest_measured'])}"]
    for name, span in answer["ranges"].items():
        measured, (c, d) = span["measured"], span["predicted"]
        seen = f"measured {measured[0]:.4g} .. {measured[1]:.4g}" if measured else "never measured"
        lines.append(f"{label_of(name)}: {seen}, predicted {c:.4g} .. {d:.4g} {unit_of(name)}")
    return lines


def _slips_in_words(card: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what each slip in making a recipe moves of its most important outcome."""
    said = []
    for slip in card:
        name, moved = next(iter(slip["moves"].items()))
        said.append(f"{slip['what']} moves {label_of(name)} by {moved:+.2g} {unit_of(name)}".rstrip())
    return said


def _made_before(rows: Sequence[Mapping[str, Any]]) -> str:
    said = [
        f"{r['experiment']} ({', '.join(f'{label_of(n)} {amount(n, v)}' for n, v in r['features'].items())})"
        for r in rows
    ]
    return "; ".join(said) or "none"


def suggestions_in_words(document: Mapping[str, Any]) -> str:
    """Say the suggestions of ``sdl plan`` one by one: design, recipe, prediction, reason."""
    lines = [f"Warning: {w}" for w in document.get("warnings", ())]
    lines += document.get("verdict", ())
    for number, s in enumerate(document["suggestions"], start=1):
        lines += ["", f"{number}. " + ", ".join(f"{label_of(k)} {amount(k, v)}" for k, v in s["design"].items())]
        for name, e in s["expected"].items():
            lines.append(f"     {label_of(name)}: {amount(name, e['mean'])} (95 %: {e['low']:.4g} .. {e['high']:.4g})")
        if s.get("recipe"):
            poured = ", ".join(f"{t['volume_ul']:g} uL {t['stock']}" for t in s["recipe"]["transfers"])
            lines.append(f"     pour: {poured}{_price_in_words(s)}")
        if window := (s.get("recipe") or {}).get("quench_window_s"):
            low, high = (amount("growth_time_s", t) for t in window)
            reads = s["recipe"].get("growing_reads", STEERABLE_READS)
            said = f"{low} to {high}, as the forecast of the growing well says"
            if reads < STEERABLE_READS:
                said = f"as planned; {reads} reads in the flow cell come before it, {STEERABLE_READS} could steer it"
            lines.append(f"     quench: {said}")
        chance = f"P(hit) {s['p_hit']:.0%}; " if s["expected"] else ""
        lines.append(f"     {chance}{s['why']}")
    model = document.get("model") or {}
    if model.get("id", "none") != "none":
        lines += ["", f"Model: {model['id']}"]
    if data := document.get("data"):
        measured = ", ".join(f"{label_of(name)} in {count}" for name, count in data["measured"].items())
        lines.append(f"Data: {data['rows_used']} rows of {data['file']}; measured: {measured}")
    lines += ["", *document["notes"]] if document.get("notes") else []
    return "\n".join(lines).lstrip("\n")


def _price_in_words(suggestion: Mapping[str, Any]) -> str:
    price = suggestion.get("price")
    return f" ({price['amount']:.2f} {price['currency']} a well)" if price else ""


STEERABLE_READS = 2
"""Reads of a growing well before a forecast may move its quench (`models.kinetics.decision`)."""
SHOWN = ("pl_peak_nm", "fwhm_nm", "plqy", "x1_nm", "edge_length_nm", "dispersion_percent")
"""Features of the best experiment that fit on one line; `--json` and the report have all of them."""


def _progress_in_words(name: str, one: Mapping[str, Any]) -> str:
    """Say how far one target of a palette has come."""
    best = one["best"]
    seen = (
        ", ".join(f"{label_of(k)} {amount(k, v['value'])}" for k, v in best["features"].items() if k in SHOWN[:3])
        if best
        else ""
    )
    nearest = f"; nearest {best['experiment']}: {seen}" if best else ""
    return f"  {name}: {one['wells']} wells, hits {one['hits']}, confirmed {one['confirmed']}{nearest}"


def status_in_words(summary: Mapping[str, Any]) -> str:
    """Say where a campaign stands, on one screen."""
    lines = [
        f"{summary['campaign']}: {summary['state']}",
        f"  experiments {summary['experiments']} of {summary['budget']}, measured hits {summary['hits']}, "
        f"confirmed {summary['confirmed']}",
    ]
    lines += [_progress_in_words(name, one) for name, one in summary.get("palette", {}).items()]
    best = summary.get("best")
    if best:
        seen = [(k, best["features"][k]) for k in SHOWN if k in best["features"]]
        said = ", ".join(f"{label_of(k)} {amount(k, v['value'])} +- {v['sd']:.2g}" for k, v in seen)
        lines.append(f"  best so far {best['experiment']}: {said}")
        lines.append("    " + ", ".join(f"{label_of(k)} {amount(k, v)}" for k, v in best["design"].items()))
    if summary.get("first_hit_at"):
        lines.append(f"  first hit: {summary['first_hit_at']}")
    if summary.get("first_out"):
        ends = [(name, one) for name, one in summary["runway"].items() if one["wells"] is not None]
        said = ", ".join(f"{name} {one['wells']:.0f} (at worst {one['wells_worst']:.0f})" for name, one in ends)
        lines.append(f"  wells that are left in each supply after the last planned batch: {said}")
        lines.append(f"  first to run out: {summary['first_out']}")
    lines += [f"  noticed: {text}" for text in summary.get("noticed", ())]
    lines += [f"  waiting: {text}" for text in summary.get("waiting", ())]
    if summary.get("proposed"):
        lines += ["", suggestions_in_words({"suggestions": summary["proposed"]}), ""]
    lines.append(f"  state: {summary['state_dir']}")
    if summary.get("report"):
        lines.append(f"  report: {summary['report']}")
    return "\n".join(lines)
