"""The tables of the report: recipe, replicates, vials, experiments, what went wrong, where it all comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sdl.report.facts import Facts, Group
from sdl.report.prose import (
    amount,
    bounds,
    duration,
    flag_in_words,
    number,
    plural,
    reading,
    share,
    shown,
    wanted,
    with_sd,
)
from sdl.store import Experiment

ACTIONS = {
    "dispense": "dispense into the vial",
    "inject": "inject quickly and mix by pipette: the clock starts",
    "quench": "quench and mix by pipette",
}
"""What the actions of a recipe are at the bench."""

RACK = re.compile(r"(?:load (?P<load>\d+), )?(?P<rack>\w+)/(?P<row>[A-Z])(?P<column>\d+)")
"""How `executed.vial` and wells are written: "load 1, vials/A3"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Header and rows of plain text; the template escapes both. ``marks`` are the numbers of rows to stress."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: frozenset[int] = frozenset()
    foot: tuple[str, ...] = ()


def asked(facts: Facts) -> Table:
    """The target, goal by goal, and what the best design reads."""
    best = facts.best
    rows = []
    for name, goal in facts.goals.items():
        seen = best.over_runs(name) if best else None
        rows.append(
            (
                shown(name).label,
                wanted(name, goal),
                bounds(name, goal),
                goal.source,
                amount(name, seen[0]) if seen else "–",
            )
        )
    return Table(head=("Quantity", "Wanted", "A hit is", "Measured by", "Best design"), rows=tuple(rows))


def palette(facts: Facts) -> Table:
    """How far each target of a palette has come, with the experiment nearest to it."""
    names = list(facts.goals)
    rows = []
    for target in facts.each:
        served = sum(e.suggestion.get("target") == target.name for e in facts.experiments)
        hits = [e for e in facts.measured if target.hit(e.features.plain)]
        sure = sum(group.target == target.name for group in facts.confirmed)
        nearest = min(hits or facts.measured, key=lambda e: facts.distance(e, target), default=None)
        seen = [reading(n, nearest.features.values.get(n)) if nearest else "–" for n in names]
        rows.append((target.name, str(served), str(len(hits)), str(sure), nearest.id if nearest else "–", *seen))
    head = ("Target", "Wells made for it", "Measured hits", "Confirmed", "Nearest")
    return Table(head=(*head, *(shown(n).axis for n in names)), rows=tuple(rows))


def space(facts: Facts) -> Table:
    """What may vary, and what the best design chose."""
    best = facts.best
    rows = []
    for p in facts.parameters:
        span = (
            ", ".join(p["choices"])
            if p.get("choices")
            else f"{_bare(p['name'], p['low'])} to {amount(p['name'], p['high'])}"
        )
        scope = "one value per thermal block" if p.get("scope") == "block" else "each vial its own"
        rows.append(
            (shown(p["name"]).label, span, scope, amount(p["name"], best.first.design.get(p["name"])) if best else "–")
        )
    return Table(head=("Parameter", "Allowed", "Scope", "Best design"), rows=tuple(rows))


def recipe(experiment: Experiment) -> Table | None:
    """The best recipe step by step, in the order of the bench; None where no recipe is stored."""
    transfers = sorted(experiment.recipe.get("transfers") or (), key=lambda t: t["at_s"])
    if not transfers:
        return None
    growth_s = float(experiment.recipe["growth_time_s"])
    rows = [
        (
            "",
            "before",
            f"bring the block to {amount('temperature_c', experiment.recipe['temperature_c'])} and wait",
            "",
            "",
        )
    ]
    for number_, t in enumerate(transfers, start=1):
        rows.append(
            (
                str(number_),
                _when(t, growth_s),
                ACTIONS.get(t["action"], t["action"]),
                t["stock"],
                f"{t['volume_ul']:.1f} µL",
            )
        )
    outcome_s = [s for s in experiment.recipe.get("read_s") or () if s > growth_s]
    if outcome_s:
        after = duration(outcome_s[-1] - growth_s)
        rows.append(("", f"{after} after the quench", "measure", "", ""))
    return Table(head=("", "When", "What to do", "Stock", "Volume"), rows=tuple(rows))


def replicates(facts: Facts, group: Group) -> Table:
    """Each well of the best design as measured, and below them mean ± sd over runs."""
    names = facts.features
    rows = [
        (e.id, _vial(e), e.kind, *(reading(n, e.features.values.get(n)) for n in names), _hit(e))
        for e in group.experiments
    ]
    foot = ["mean ± sd between runs", "", ""]
    for name in names:
        over = group.over_runs(name)
        foot.append(
            "–"
            if over is None
            else amount(name, over[0]) + " (one run)"
            if over[1] is None
            else with_sd(name, over[0], over[1])
        )
    return Table(
        head=("Experiment", "Vial", "Kind", *(shown(n).axis for n in names), "Hit"), rows=tuple(rows), foot=(*foot, "")
    )


def forecast(facts: Facts, group: Group) -> Table | None:
    """What the model expected of the best design's newest well, written down before it was measured."""
    told = next((e for e in reversed(group.experiments) if e.suggestion.get("expected")), None)
    if told is None:
        return None
    rows = []
    for name, x in told.suggestion["expected"].items():
        rows.append(
            (
                shown(name).label,
                amount(name, x["mean"]),
                f"{_bare(name, x['low'])} to {amount(name, x['high'])}",
                reading(name, told.features.values.get(name)),
            )
        )
    return Table(head=(f"{told.id}", "Expected", "95 % interval", "Then measured"), rows=tuple(rows))


def vials(facts: Facts) -> Table:
    """Which vial holds what."""
    names = [n for n in facts.features if n != "x1_nm"] or facts.features
    filled = [e for e in facts.experiments if _vial(e) != "–"]
    rows = [
        (_vial(e), e.id, *(reading(n, e.features.values.get(n)) for n in names), _hit(e) or e.state) for e in filled
    ]
    marks = frozenset(i for i, e in enumerate(filled) if e.is_hit)
    return Table(head=("Vial", "Experiment", *(shown(n).axis for n in names), "Hit"), rows=tuple(rows), marks=marks)


def racks(facts: Facts) -> list[dict[str, Any]]:
    """The vials as they stand: one map for each load of each rack; ``cells[row][column]`` is a dict or None."""
    placed = []
    for e in facts.experiments:
        if (found := RACK.fullmatch(_vial(e))) is not None:
            placed.append((int(found["load"] or 1), found["rack"], found["row"], int(found["column"]), e))
    name = next((n for n in facts.features if any(n in e.features.values for e in facts.measured)), "")
    sure = {e.id for group in facts.confirmed for e in group.experiments}
    maps = []
    for (load, rack), members in groupby(sorted(placed, key=lambda p: p[:4]), key=lambda p: p[:2]):
        here = {(row, column): e for _, _, row, column, e in members}
        rows = [chr(c) for c in range(ord("A"), max(ord("D"), *(ord(r) for r, _ in here)) + 1)]
        columns = range(1, max(6, *(c for _, c in here)) + 1)
        cells = [[_cell(here.get((r, c)), name, sure) for c in columns] for r in rows]
        maps.append(
            {"title": f"Load {load}, rack “{rack}”", "rows": list(zip(rows, cells, strict=True)), "columns": columns}
        )
    return maps


def experiments(facts: Facts) -> Table:
    """Everything that was suggested, with its reason and what came of it."""
    features, parameters = facts.features, [p["name"] for p in facts.parameters]
    rows = []
    for e in facts.experiments:
        design = (_bare(p, e.design.get(p)) for p in parameters)
        seen = (reading(n, e.features.values.get(n)) for n in features)
        p_hit = share(e.suggestion.get("p_hit")) if e.suggestion.get("expected") else "–"
        rows.append(
            (
                e.id,
                str(e.batch),
                e.kind,
                e.state,
                *design,
                *seen,
                p_hit,
                _hit(e),
                _vial(e),
                str(e.suggestion.get("why", "")),
            )
        )
    head = (
        "Experiment",
        "Batch",
        "Kind",
        "State",
        *(shown(p).axis for p in parameters),
        *(shown(n).axis for n in features),
    )
    marks = frozenset(i for i, e in enumerate(facts.experiments) if e.is_hit)
    return Table(head=(*head, "P(hit) before", "Hit", "Vial", "Why"), rows=tuple(rows), marks=marks)


def troubles(facts: Facts) -> Table:
    """What failed, was flagged, fell back or needed a person, and why."""
    lost = {ev.experiment: str(ev.data.get("why", "")) for ev in facts.events if ev.kind == "experiment lost"}
    rows: list[tuple[str, str, str]] = []
    for e in facts.experiments:
        if e.state == "lost":
            rows.append(("lost", e.id, lost.get(e.id) or "its run could not be measured"))
        flags = dict.fromkeys((*e.flags, *e.features.flags))
        if flags:
            rows.append(("flagged", e.id, "; ".join(flag_in_words(f) for f in flags)))
        if e.kind == "fallback":
            rows.append(("fallback", e.id, str(e.suggestion.get("why", ""))))
    for ev in facts.events:
        if ev.kind == "attempt moved" and ev.data.get("to") in ("UNKNOWN", "FAILED_SAFE", "CANCELLED"):
            said = " ".join(str(ev.data[key]) for key in ("note", "who") if ev.data.get(key))
            rows.append(("attempt", ev.attempt or "", f"{ev.data.get('frm')} → {ev.data['to']} {said}".strip()))
        elif ev.kind in ("asked", "batch decided", "suggestion rejected"):
            rows.append(("people", ev.experiment or _utc(ev.at_utc), _said(ev.data)))
    for r in facts.requests:
        answer = f"{r.answer} ({r.by}, {_utc(r.answered_at)})" if r.answer else "open: waits for a person"
        rows.append(
            (
                "request",
                _utc(r.asked_at),
                f"{r.what}: {_said(r.detail)}. {answer}" if r.detail else f"{r.what}. {answer}",
            )
        )
    return Table(head=("What", "Where or when", "Why, and what was done"), rows=tuple(rows))


def attempts(facts: Facts) -> Table:
    """The runs, each with the hash of the list that was verified before anything moved."""
    rows = [
        (a.id, str(a.batch), a.robot or "–", a.state, a.list_hash or "–", a.protocol_hash or "–")
        for a in facts.attempts
    ]
    return Table(
        head=("Attempt", "Batch", "Robot", "State", "SHA-256 of the verified list", "SHA-256 of the protocol"),
        rows=tuple(rows),
    )


def sources(facts: Facts) -> Table:
    """Where the page comes from: file, seed, versions, chain."""
    said, summary = facts.asked, facts.summary
    models = sorted(
        {str(e.suggestion["model"]) for e in facts.experiments if e.suggestion.get("model") not in (None, "none")}
    )
    chain = (
        f"{plural(summary.events, 'event')}, every hash and every row as written"
        if not facts.problems
        else "; ".join(facts.problems)
    )
    rows = [
        ("Campaign file", str(said.get("file", "–"))),
        *((f"Version {v.version} of {_utc(v.at_utc)}", f"SHA-256 {v.sha256}") for v in facts.versions),
        ("Route", str(said.get("route") or "–")),
        ("Seed", str(said.get("seed", "–"))),
        ("Models", ", ".join(models) or "none yet"),
        ("Record", chain),
        ("Last event", _utc(summary.last_event_at)),
    ]
    return Table(head=("", ""), rows=tuple(rows))


def _when(transfer: Mapping[str, Any], growth_s: float) -> str:
    if transfer["action"] == "inject":
        return "t = 0"
    if transfer["action"] == "quench":
        return f"t = {duration(growth_s)}"
    return "before" if transfer["at_s"] < 0 else f"t = {duration(transfer['at_s'])}"


def _cell(experiment: Experiment | None, name: str, sure: set[str]) -> dict[str, str] | None:
    if experiment is None:
        return None
    value = experiment.features.plain.get(name)
    hit = (
        "confirmed" if experiment.id in sure and experiment.is_hit else "hit" if experiment.is_hit else experiment.state
    )
    text = "lost" if experiment.state == "lost" else "" if value is None else number(value * shown(name).factor)
    return {"class": hit, "text": text, "seq": str(experiment.seq), "title": experiment.id}


def _vial(experiment: Experiment) -> str:
    return str(experiment.executed.get("vial") or experiment.well or "–")


def _bare(name: str, value: float | str | None) -> str:
    """Write a value without its unit, for a column whose head has it."""
    return "–" if value is None else value if isinstance(value, str) else number(value * shown(name).factor)


def _hit(experiment: Experiment) -> str:
    return "★ hit" if experiment.is_hit else ""


def _said(data: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key.replace('_', ' ')} {value}" for key, value in data.items() if value not in ("", None, {}, [])
    )


def _utc(at_utc: str) -> str:
    """Shorten an ISO time to the minute."""
    return f"{at_utc[:10]} {at_utc[11:16]} UTC" if len(at_utc) > 15 else "–"
