"""The data in other programs' formats: one row per experiment, in units that the column names carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from sdl.campaign import Campaign
from sdl.config.load import load_campaign
from sdl.config.table import campaign_table
from sdl.errors import Refused
from sdl.progress import state_folder
from sdl.store import Experiment, Store
from sdl.store.disk import write_durably
from sdl.store.place import place_of
from sdl.store.told import series

FORMATS = ("csv", "xlsx", "parquet")

Rows = list[dict[str, Any]]


def export(
    file: Path, formats: Sequence[str], *, out: Path | None = None, state: Path | None = None, data: Path | None = None
) -> list[Path]:
    """Write experiments and later measurements in each of ``formats`` into ``out`` and return the files.

    A file of experiments can stand under ``history:`` of another campaign. Raise `Refused` for an unknown format, and
    where there is nothing to export.
    """
    if unknown := sorted(set(formats) - set(FORMATS)):
        raise Refused(f"--to {','.join(formats)}: '{unknown[0]}' is not written; there are {', '.join(FORMATS)}")
    campaign = load_campaign(file, data=data)
    folder = state_folder(file, state, campaign=campaign)
    tables = {"experiments": _of_a_table(campaign), "later": Rows()}
    if place_of(folder).exists():
        with Store.open(folder, create=False) as store:
            for e in store.experiments():
                tables["experiments"].append(_of_an_experiment(e))
                tables["later"] += _later(store, e)
    if not tables["experiments"]:
        raise Refused(f"{file}: there is nothing to export yet; `sdl run` or `sdl tell` brings experiments")
    place = out or folder / "export"
    place.mkdir(parents=True, exist_ok=True)
    return [path for kind in formats for path in _written(place, campaign.name, kind, tables)]


def _of_a_table(campaign: Campaign) -> Rows:
    if campaign.data is None:
        return []
    table = campaign_table(campaign)
    return [
        {"experiment": f"row {row}", "state": "measured", "kind": "past", **design, **seen}
        for design, seen, row in zip(table.designs, table.features, table.rows, strict=True)
    ]


def _of_an_experiment(e: Experiment) -> dict[str, Any]:
    features: dict[str, float] = {}
    for name, value in e.features.values.items():
        features |= {name: value.value, f"{name} sd": value.sd}
    return {
        "experiment": e.id,
        "state": e.state,
        "kind": e.kind,
        "batch": e.batch,
        "vial": str(e.executed.get("vial", "")),
        **e.design,
        **features,
        "hit": "" if e.is_hit is None else str(e.is_hit).lower(),
        "flags": " ".join((*e.flags, *e.features.flags)),
    }


def _later(store: Store, e: Experiment) -> Rows:
    return [
        {"experiment": e.id, "feature": name, "measured_at": moment, "value": value, "sd": sd}
        for name, points in series(store, e).items()
        for moment, value, sd in points
    ]


def _written(folder: Path, name: str, kind: str, tables: Mapping[str, Rows]) -> list[Path]:
    """Write one format: one workbook, or one file per table that has rows; each is whole or not there."""
    import pandas as pd

    frames = {title: pd.DataFrame(rows) for title, rows in tables.items() if rows}
    content = BytesIO()
    if kind == "xlsx":
        path = folder / f"{name}.xlsx"
        with pd.ExcelWriter(content) as book:
            for title, frame in frames.items():
                frame.to_excel(book, sheet_name=title, index=False)
        write_durably(path, content.getvalue())
        return [path]
    made = []
    for title, frame in frames.items():
        path = folder / f"{name}-{title}.{kind}"
        content = BytesIO()
        if kind == "csv":
            frame.to_csv(content, index=False)
        else:
            frame.to_parquet(content, index=False)
        write_durably(path, content.getvalue())
        made.append(path)
    return made
