"""The next suggestions without a robot: from a historical table, or from a campaign's own store."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.advisor import Advisor
from models.memory import advisor_of, confounded
from sdl.attempt.wording import recipe_json, suggestion_json
from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space
from sdl.config.load import load_campaign, refuse_old_lots
from sdl.config.table import campaign_table
from sdl.errors import Refused
from sdl.progress import state_folder
from sdl.space import Constraint, DesignSpace
from sdl.store import Experiment, Read, Store


def plan_experiments(
    file: Path, *, n: int | None = None, state: Path | None = None, data: Path | None = None, out: Path | None = None
) -> dict[str, Any]:
    """Return the JSON of ``sdl plan``: suggestions with recipes, predictions and reasons, the model, warnings."""
    campaign = load_campaign(file, data=data)
    refuse_old_lots(campaign, datetime.now(UTC))
    document = _offline(campaign, n) if campaign.mode == "offline" else _on_the_bench(campaign, file, n, state)
    if out is not None:
        write_table(document, out)
    return document


def _offline(campaign: Campaign, n: int | None) -> dict[str, Any]:
    """Learn from every row of the table, then suggest inside the ranges that the file (or the data) gives."""
    table = campaign_table(campaign)
    if not table.designs:
        raise Refused(f"{table.file}: no row can be used; first reason: {table.excluded[0] if table.excluded else ''}")
    constraints = tuple(Constraint.parse(text) for text in campaign.constraints)
    space = DesignSpace(parameters=campaign.parameters, constraints=constraints)
    advisor = Advisor(space, campaign.target, seed=campaign.seed, start=0)
    for design, features, row in zip(table.designs, table.features, table.rows, strict=True):
        wanted = {name: value for name, value in features.items() if name in campaign.target.goals}
        if wanted:
            advisor.tell(design, wanted, experiment=f"row {row}")
    suggestions = advisor.suggest(n or campaign.budget.batch)
    warnings = confounded(space, table.designs)
    if table.excluded:
        rows = {e.row for e in table.excluded if e.whole_row}
        said = "; ".join(f"row {e.row} {e.column}: {e.reason}" for e in table.excluded[:3])
        warnings.append(
            f"{len(rows)} rows and {len(table.excluded) - len(rows)} single cells of {table.file} were left out "
            f"({said}{' ...' if len(table.excluded) > 3 else ''})."
        )
    document = _document(campaign, [suggestion_json(s) for s in suggestions], warnings)
    document["data"] = {
        "file": table.file,
        "sha256": table.sha256,
        "rows_used": len(table.rows),
        "excluded": [{"row": e.row, "column": e.column, "reason": e.reason} for e in table.excluded],
    }
    return document


def _on_the_bench(campaign: Campaign, file: Path, n: int | None, state: Path | None) -> dict[str, Any]:
    """Suggest from the campaign's own store where it has begun, from an empty one where it has not."""
    folder = state_folder(file, state, campaign=campaign)
    experiments: list[Experiment] = []
    looks: list[Read] = []
    if (folder / "store.sqlite").exists():
        with Store.open(folder, create=False) as store:
            experiments, looks = store.experiments(), store.reads()
    compiler = Compiler.of(campaign)
    advisor = advisor_of(campaign, design_space(campaign), experiments, looks)
    pending = [e.design for e in experiments if e.state in ("suggested", "planned")]
    suggestions = []
    for s in advisor.suggest(n or campaign.budget.batch, pending=pending):
        suggestions.append({**suggestion_json(s), "recipe": recipe_json(compiler.recipe(s.design))})
    return _document(campaign, suggestions, [])


def _document(campaign: Campaign, suggestions: list[dict[str, Any]], warnings: list[str]) -> dict[str, Any]:
    listed = [
        {"id": f"{campaign.name}-s{i:02d}", "recipe": None, **suggestion} for i, suggestion in enumerate(suggestions, 1)
    ]
    model = {"id": listed[0]["model"], "acquisition": listed[0]["acquisition"]} if listed else {}
    return {"campaign": campaign.name, "suggestions": listed, "model": model, "warnings": warnings}


def write_table(document: Mapping[str, Any], out: Path) -> None:
    """Write suggestions as one row each, to ``.csv`` or ``.xlsx``."""
    rows = []
    for s in document["suggestions"]:
        row: dict[str, Any] = {"id": s["id"], "kind": s["kind"], **s["design"]}
        for transfer in (s["recipe"] or {}).get("transfers", ()):
            row[f"{transfer['stock']} (uL)"] = transfer["volume_ul"]
        for name, e in s["expected"].items():
            row |= {f"{name} expected": e["mean"], f"{name} low": e["low"], f"{name} high": e["high"]}
        rows.append({**row, "p_hit": s["p_hit"], "why": s["why"]})
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if out.suffix == ".csv":
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
    elif out.suffix == ".xlsx":
        import pandas as pd

        pd.DataFrame(rows, columns=columns).to_excel(out, index=False)
    else:
        raise Refused(f"--out {out}: write to a .csv or .xlsx file")
