"""The plan, the suggestions and the state of a campaign, in words a chemist reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space, feasible_share
from sdl.chemistry.provisional import provisional
from sdl.chemistry.recipe import Recipe, Run
from sdl.space import DesignSpace
from sdl.target import Goal
from sdl.units import label_of, unit_of

TIPS_PER_RACK = 96
"""Tips in a rack (Opentrons tip rack definitions)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A campaign said in words, and the same facts for machines."""

    text: str
    facts: Mapping[str, Any]


def plan_in_words(campaign: Campaign) -> Plan:
    """Say what will be asked, varied, made and needed; raise `NothingFeasible` when no design is left."""
    asked = [f"{campaign.name}: {campaign.why}".rstrip(": "), "", "Target, most important first:"]
    asked += [f"  {label_of(name)}: {goal_in_words(name, goal)}" for name, goal in campaign.target.goals.items()]
    asked += ["", "What varies:"]
    for p in campaign.parameters:
        many = " (one value per thermal block and batch)" if p.scope == "block" else ""
        span = ", ".join(p.choices) if p.choices else f"{amount(p.name, p.low)} .. {amount(p.name, p.high)}"
        asked.append(f"  {label_of(p.name)}: {span}{many}")
    asked += [f"  with {text}" for text in campaign.constraints]
    if campaign.mode == "offline":
        return _offline(campaign, asked)
    return _on_the_bench(campaign, asked)


def _offline(campaign: Campaign, asked: list[str]) -> Plan:
    source = campaign.data
    where = source.file if source else "none"
    asked += ["", f"Historical data: {where}", "No robot: `sdl plan` suggests the next experiments."]
    if source and source.public:
        asked.append(f"The table is public: {source.public}")
    return Plan(text="\n".join(asked), facts={"mode": "offline", "data": where})


def _on_the_bench(campaign: Campaign, asked: list[str]) -> Plan:
    """Compile one typical batch, so that volumes, time, tips and stock runway are computed, not guessed."""
    lab = campaign.lab
    assert lab is not None
    space = design_space(campaign)
    share = feasible_share(space)
    recipes, run = typical_batch(campaign, space)
    batches = math.ceil(campaign.budget.experiments / campaign.budget.batch)
    hours = run.duration_s / 3600
    lines = [*asked, "", f"Of all designs in these ranges {share:.0%} can be made from the stocks with these pipettes."]
    lines += _absorption_warnings(campaign)
    lines += ["", f"A typical batch of {len(recipes)} takes {hours:.1f} h of robot time and {_tips(run)} tips;"]
    lines.append(
        f"{campaign.budget.experiments} experiments are {batches} batches, about {hours * batches:.0f} h, and stop "
        f"earlier at {campaign.budget.confirmed_hits} confirmed hits. Approval: {campaign.approval}."
    )
    lines += ["", f"Load list for {lab.name} ({lab.robot_type}):", *load_list(campaign), "", "Stock runway:"]
    runway: dict[str, float] = {}
    for name, stock in campaign.stocks.items():
        dead = sum(lab.deck[lab.locate(at)[0]].dead_ul for at in stock.at)
        per_well = run.draws_ul.get(name, 0.0) / len(recipes)
        runway[name] = (stock.volume_ul - dead) / per_well if per_well > 0 else math.inf
        wells = f"about {runway[name]:.0f} wells" if math.isfinite(runway[name]) else "not drawn in a typical batch"
        short = "  <- the operator will be asked to refill it" if runway[name] < campaign.budget.experiments else ""
        lines.append(f"  {name}: {stock.volume_ul / 1000:g} mL, {per_well:.0f} uL per well, {wells}{short}")
    facts = {
        "mode": "lab",
        "feasible_share": round(share, 4),
        "batch_hours": round(hours, 2),
        "batches": batches,
        "tips_per_batch": dict(run.tips),
        "runway_wells": {k: round(v, 1) if math.isfinite(v) else None for k, v in runway.items()},
        "load_list": load_list(campaign),
    }
    return Plan(text="\n".join(lines), facts=facts)


def typical_batch(campaign: Campaign, space: DesignSpace) -> tuple[dict[str, Recipe], Run]:
    """Compile a batch of random feasible designs at one temperature, as a size estimate."""
    lab = campaign.lab
    assert lab is not None
    compiler = Compiler.of(campaign)
    columns = space.from_unit(np.random.default_rng(campaign.seed).random((4096, len(space.parameters))))
    for p in space.parameters:
        if p.scope == "block":
            columns[p.name] = np.full_like(columns[p.name], (p.low + p.high) / 2)
    made, ok = space.make(columns)
    designs = space.designs({k: v[ok] for k, v in made.items()})[: campaign.budget.batch]
    recipes = {str(i): compiler.recipe(design) for i, design in enumerate(designs)}
    return recipes, provisional(campaign, compiler, recipes)


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


def suggestions_in_words(document: Mapping[str, Any]) -> str:
    """Say the suggestions of ``sdl plan`` one by one: design, recipe, prediction, reason."""
    lines = [f"Warning: {w}" for w in document.get("warnings", ())]
    for number, s in enumerate(document["suggestions"], start=1):
        lines += ["", f"{number}. " + ", ".join(f"{label_of(k)} {amount(k, v)}" for k, v in s["design"].items())]
        for name, e in s["expected"].items():
            lines.append(f"     {label_of(name)}: {amount(name, e['mean'])} (95 %: {e['low']:.4g} .. {e['high']:.4g})")
        if s.get("recipe"):
            poured = ", ".join(f"{t['volume_ul']:g} uL {t['stock']}" for t in s["recipe"]["transfers"])
            lines.append(f"     pour: {poured}")
        if window := (s.get("recipe") or {}).get("quench_window_s"):
            low, high = (amount("growth_time_s", t) for t in window)
            lines.append(f"     quench: {low} to {high}, as the forecast of the growing well says")
        chance = f"P(hit) {s['p_hit']:.0%}; " if s["expected"] else ""
        lines.append(f"     {chance}{s['why']}")
    model = document.get("model") or {}
    if model.get("id", "none") != "none":
        lines += ["", f"Model: {model['id']}"]
    return "\n".join(lines).lstrip("\n")


def status_in_words(summary: Mapping[str, Any]) -> str:
    """Say where a campaign stands, on one screen."""
    lines = [
        f"{summary['campaign']}: {summary['state']}",
        f"  experiments {summary['experiments']} of {summary['budget']}, measured hits {summary['hits']}, "
        f"confirmed {summary['confirmed']}",
    ]
    best = summary.get("best")
    if best:
        lines.append(
            f"  best so far {best['experiment']}: "
            + ", ".join(f"{label_of(k)} {amount(k, v['value'])} +- {v['sd']:.2g}" for k, v in best["features"].items())
        )
        lines.append("    " + ", ".join(f"{label_of(k)} {amount(k, v)}" for k, v in best["design"].items()))
    if summary.get("first_hit_at"):
        lines.append(f"  first hit: {summary['first_hit_at']}")
    lines += [f"  waiting: {text}" for text in summary.get("waiting", ())]
    if summary.get("proposed"):
        lines += ["", suggestions_in_words({"suggestions": summary["proposed"]}), ""]
    lines.append(f"  state: {summary['state_dir']}")
    if summary.get("report"):
        lines.append(f"  report: {summary['report']}")
    return "\n".join(lines)
