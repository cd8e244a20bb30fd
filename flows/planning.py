"""The next suggestions without a robot: from a historical table, or from a campaign's own store."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.verdict import doubtful_targets
from models.advisor import Advisor
from models.memory import advisor_of, confounded, failure, history_in_words, recall
from models.selection import MOST_ROWS, informative
from sdl.attempt.wording import recipe_json, suggestion_json
from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.demand import schedule
from sdl.chemistry.feasible import design_space
from sdl.chemistry.quench_range import quench_windows_s, reads_while_growing
from sdl.chemistry.recipe import Recipe
from sdl.config.load import load_campaign, refuse_old_lots
from sdl.config.pool import read_pool
from sdl.config.quality import doubts, left_out, unlearned
from sdl.config.table import Table, campaign_table
from sdl.constraint import Constraint
from sdl.errors import Refused
from sdl.progress import state_folder
from sdl.space import Design, DesignSpace
from sdl.store import Experiment, Read, Store
from sdl.store.place import place_of
from sdl.target import BEHIND, Target
from sdl.units import label_of, unit_of
from sdl.words import by_hand

MOST_DOUBTS = 3
"""Doubts about the values of a table that are said with every plan (chosen); `sdl report` lists all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """All that is known where no robot works: the advisor told of it, its table, and what a chemist must hear.

    ``tried`` are designs that failed or were suggested already; ``number`` is that of the next batch.
    """

    space: DesignSpace
    advisor: Advisor
    table: Table | None
    warnings: tuple[str, ...]
    tried: tuple[Design, ...] = ()
    number: int = 1


def plan_experiments(
    file: Path, *, n: int | None = None, state: Path | None = None, data: Path | None = None, out: Path | None = None
) -> dict[str, Any]:
    """Return the JSON of ``sdl plan``: suggestions with recipes, predictions and reasons, the model, warnings."""
    campaign = load_campaign(file, data=data)
    refuse_old_lots(campaign, datetime.now(UTC))
    if campaign.mode == "offline":
        document = _offline(campaign, n, remembered(campaign, file, state)[0])
    else:
        document = _on_the_bench(campaign, file, n, state)
    if out is not None:
        write_table(document, out)
    return document


def remembered(campaign: Campaign, file: Path, state: Path | None) -> tuple[list[Experiment], list[Read]]:
    """Return the experiments and reads of the campaign's own store, in one opening; nothing where it has not begun.

    A controller may be writing meanwhile: reads come after experiments, so that none of an outcome is missing.
    """
    folder = state_folder(file, state, campaign=campaign)
    if not place_of(folder).exists():
        return [], []
    with Store.open(folder, create=False) as store:
        return store.experiments(), store.reads()


def known_offline(campaign: Campaign, experiments: Sequence[Experiment], target: Target | None = None) -> Knowledge:
    """Learn from every row of the table and every told experiment, towards ``target`` or the campaign's own."""
    target = target or campaign.target
    table = campaign_table(campaign)
    if not table.designs:
        first = table.excluded[0] if table.excluded else None
        why = f"row {first.row} {first.column}: {first.reason}" if first else "it is empty"
        raise Refused(f"{table.file}: no row can be used; {why}")
    space = space_of(campaign)
    advisor = Advisor(space, target, seed=campaign.seed, start=0)
    chosen = informative(space, target, table.designs, table.features)
    wanted = {*target.goals, *campaign.target.goals, *(BEHIND.values() if set(BEHIND) & set(target.goals) else ())}
    for i in chosen:
        seen = {name: value for name, value in table.features[i].items() if name in wanted}
        if seen:
            advisor.tell(table.designs[i], seen, experiment=f"row {table.rows[i]}")
    notes = []
    for e in experiments:
        try:
            _tell(advisor, e, wanted)
        except Refused as exc:
            notes.append(f"{e.id} is left out: {exc}")
    notes += recall(advisor, campaign)
    said = left_out(table)
    warnings = [
        *_guesses(campaign),
        *notes,
        *unlearned(target, [row.features for row in (*advisor.rows, *advisor.history)]),
        *confounded(space, [table.designs[i] for i in chosen]),
        *([f"{said}. Correct them in the table, or list rows with their reason under data: exclude."] if said else []),
        *doubts(table)[:MOST_DOUBTS],
    ]
    if len(chosen) < len(table.designs):
        warnings.append(
            f"The model learned from {len(chosen)} of {len(table.designs)} rows (at most {MOST_ROWS}): the half "
            "nearest to the target and a spread of the rest. Narrow the ranges under vary to use all rows of a region."
        )
    numbers = [int(e.suggestion.get("plan", 0)) for e in experiments]
    return Knowledge(
        space=space,
        advisor=advisor,
        table=table,
        warnings=tuple(warnings),
        tried=tuple(e.design for e in experiments if e.state in ("lost", "suggested")),
        number=max([*numbers, *_numbers(campaign, experiments)], default=0) + 1,
    )


def _tell(advisor: Advisor, e: Experiment, wanted: Collection[str]) -> None:
    design = {name: e.design[name] for name in advisor.space.names}
    seen = {name: v for name, v in e.features.values.items() if name in wanted}
    if e.state == "measured" and seen:
        sd = {name: v.sd for name, v in seen.items()}
        advisor.tell(design, {name: v.value for name, v in seen.items()}, sd=sd, experiment=e.id)
    elif why := failure(e):
        advisor.fail(design, why, experiment=e.id)


def space_of(campaign: Campaign) -> DesignSpace:
    """Return what an offline campaign may suggest: its ranges, and what its stocks can make where it has some."""
    if campaign.stocks:
        return design_space(campaign)
    constraints = tuple(Constraint.parse(text) for text in campaign.constraints)
    return DesignSpace(parameters=campaign.parameters, constraints=constraints)


def _numbers(campaign: Campaign, experiments: Sequence[Experiment]) -> list[int]:
    """Return the batch numbers in the ids that `sdl plan` gave to what was told since."""
    labels = [str(e.suggestion.get("label", "")).removeprefix(f"{campaign.name}-b").split("-")[0] for e in experiments]
    return [int(text) for text in labels if text.isdigit()]


def _guesses(campaign: Campaign) -> list[str]:
    guessed = [f"{c.column} ({c.guess})" for c in (campaign.data.columns.values() if campaign.data else ()) if c.guess]
    if not guessed:
        return []
    path = Path(campaign.file)
    how = f"delete its 'guess: ...' in {path}"
    if path.suffix.lower() not in (".yaml", ".yml"):
        how = f"correct what is wrong in a campaign file: sdl init {path.stem} --from {path}"
    return [f"{len(guessed)} columns are guesses that nobody confirmed: {'; '.join(guessed)}. Check each and {how}."]


def _offline(campaign: Campaign, n: int | None, experiments: Sequence[Experiment]) -> dict[str, Any]:
    """Suggest inside the ranges that the file (or the data) gives."""
    known = known_offline(campaign, experiments)
    pool = read_pool(campaign, known.space) if campaign.pool else None
    suggestions = known.advisor.suggest(n or campaign.budget.batch, pending=known.tried, pool=pool)
    listed = [suggestion_json(s) for s in suggestions]
    if campaign.stocks:
        compiler = Compiler.of(campaign)
        listed = [{**s, "recipe": recipe_json(compiler.recipe(s["design"]))} for s in listed]
    document = _document(campaign, _priced(known.space, listed), list(known.warnings), known.number)
    document["verdict"] = doubtful_targets(known.advisor, suggestions, pool)
    _say_history(document, known.advisor)
    document["notes"] = by_hand(campaign)
    document["data"] = {**table_json(known.table), "told": len(experiments)}
    return document


def _say_history(document: dict[str, Any], advisor: Advisor) -> None:
    """Add to the document whether the history helps, where there is one."""
    if advisor.history and advisor.posterior is not None:
        document["history"] = history_in_words(advisor.posterior)
        document["warnings"] += document["history"]


def table_json(table: Table | None) -> dict[str, Any]:
    """Return which rows of which file were used, and which were not and why."""
    if table is None:
        return {}
    return {
        "file": table.file,
        "sha256": table.sha256,
        "rows_used": len(table.rows),
        "measured": dict(Counter(name for seen in table.features for name in seen)),
        "excluded": [{"row": e.row, "column": e.column, "cell": e.cell, "reason": e.reason} for e in table.excluded],
    }


def _on_the_bench(campaign: Campaign, file: Path, n: int | None, state: Path | None) -> dict[str, Any]:
    """Suggest from the campaign's own store where it has begun, from an empty one where it has not."""
    experiments, reads = remembered(campaign, file, state)
    compiler = Compiler.of(campaign)
    space = design_space(campaign)
    advisor, notes = advisor_of(campaign, space, experiments, reads)
    pending = [e.design for e in experiments if e.state in ("suggested", "planned")]
    chosen = advisor.suggest(n or campaign.budget.batch, pending=pending)
    recipes = [compiler.recipe(s.design) for s in chosen]
    windows_s = _quench_windows_s(campaign, recipes)
    suggestions = [
        {**suggestion_json(s), "recipe": {**recipe_json(recipe), **window_s}}
        for s, recipe, window_s in zip(chosen, recipes, windows_s, strict=True)
    ]
    document = _document(
        campaign, _priced(space, suggestions), notes, max((e.batch for e in experiments), default=0) + 1
    )
    document["verdict"] = doubtful_targets(advisor, chosen)
    _say_history(document, advisor)
    return document


def _priced(space: DesignSpace, suggestions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each suggestion what its well costs, where the campaign gives prices."""
    cost = space.cost
    if cost is None or not suggestions:
        return suggestions
    amounts = cost.of(space.columns([s["design"] for s in suggestions])).tolist()
    return [
        {**s, "price": {"amount": round(amount, 4), "currency": cost.currency}}
        for s, amount in zip(suggestions, amounts, strict=True)
    ]


def _quench_windows_s(campaign: Campaign, recipes: Sequence[Recipe]) -> list[dict[str, Any]]:
    """Return for each recipe how early and late its quench may come, as it would be scheduled: batch by batch.

    Where liquid must be brought to the reader, with how often the growing well is read before its quench.
    """
    found: list[dict[str, Any]] = []
    brought = campaign.lab is not None and campaign.lab.reader.geometry == "flow cell"
    for first in range(0, len(recipes), campaign.budget.batch):
        batch = list(recipes[first : first + campaign.budget.batch])
        run = schedule(campaign, batch)
        windows_s = quench_windows_s(run)
        reads = reads_while_growing(run) if brought else {}
        for i in range(len(batch)):
            known = windows_s.get(str(i))
            seen = {"growing_reads": reads[str(i)]} if known and str(i) in reads else {}
            found.append({"quench_window_s": [round(t) for t in known], **seen} if known else {})
    return found


def _document(
    campaign: Campaign, suggestions: list[dict[str, Any]], warnings: list[str], number: int
) -> dict[str, Any]:
    listed = [
        {"id": f"{campaign.name}-b{number:02d}-{i:02d}", "recipe": None, **suggestion}
        for i, suggestion in enumerate(suggestions, 1)
    ]
    model = {"id": listed[0]["model"], "acquisition": listed[0]["acquisition"]} if listed else {}
    return {
        "campaign": campaign.name,
        "outcomes": list(campaign.target.goals),
        "suggestions": listed,
        "model": model,
        "warnings": warnings,
    }


def write_table(document: Mapping[str, Any], out: Path) -> None:
    """Write suggestions as one row each, to ``.csv`` or ``.xlsx``, with empty columns for the results.

    The file is what `sdl tell` reads back once the results are typed in.
    """
    rows = []
    for s in document["suggestions"]:
        row: dict[str, Any] = {"experiment": s["id"], "kind": s["kind"], **s["design"]}
        row |= {f"{label_of(name)} ({unit_of(name)})".removesuffix(" ()"): "" for name in document["outcomes"]}
        row |= {"measured at": "", "failed": ""}
        for transfer in (s["recipe"] or {}).get("transfers", ()):
            row[f"{transfer['stock']} (uL)"] = transfer["volume_ul"]
        for name, e in s["expected"].items():
            row |= {f"{name} expected": e["mean"], f"{name} low": e["low"], f"{name} high": e["high"]}
        if price := s.get("price"):
            row[f"price ({price['currency']})"] = price["amount"]
        rows.append({**row, "p_hit": s["p_hit"], "why": s["why"]})
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if out.suffix == ".csv":
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows({name: _short(value) for name, value in row.items()} for row in rows)
    elif out.suffix == ".xlsx":
        import pandas as pd

        pd.DataFrame(rows, columns=columns).map(_short).to_excel(out, index=False)
    else:
        raise Refused(f"--out {out}: write to a .csv or .xlsx file")


def _short(value: Any) -> Any:
    """Return a number as a person writes it: six digits are finer than any balance or pipette."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
