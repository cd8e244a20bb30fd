"""Each route's table of outcomes, and what it says about reaching a target.

``ROUTE.csv`` beside this module, and for a synthesis that a chemist declares ``FILE.outcomes.csv`` beside the file that
declares it. Its first line says whether it was simulated (and by which command, version and seed) or measured (and by
whom). A simulated table warns; it never refuses, because the model may be wrong about a real lab.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdl.campaign import Campaign
from sdl.chemistry.routes import route_of
from sdl.constraint import Constraint
from sdl.route import Dose, Route
from sdl.target import Goal
from sdl.units import label_of, unit_of

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

FOLDER = Path(__file__).parent
"""Where the tables lie, one ``ROUTE.csv`` a route."""

NEAR_NOMINAL = 0.2
"""How far, as a part of the route's range, a row may be from a parameter that the campaign leaves at its nominal value
(chosen: a fifth to either side keeps some rows in six dimensions)."""

WIDEN_WORTH = 0.5
"""A wider range is named when it brings the closest row to less than this part of the present miss (chosen)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """``n`` outcomes of one route: ``columns`` are ``(n,)`` by internal name; ``origin`` is the file's first line.

    A column of a choice holds names, every other one numbers.
    """

    origin: str
    columns: Mapping[str, NDArray[Any]]

    @property
    def simulated(self) -> bool:
        return self.origin.startswith("simulated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a table says of a campaign: how many rows lie inside its ranges, how many of them are hits, which is next.

    ``nearest`` maps the table's names to the values of the row closest to the target; ``spans`` is what the rows inside
    reach of each goal's feature; ``widen`` are ranges that would bring it closer.
    """

    rows: int
    inside: int
    hits: int
    nearest: Mapping[str, float | str]
    spans: Mapping[str, tuple[float, float]]
    warnings: tuple[str, ...]
    widen: tuple[str, ...]
    origin: str

    @property
    def facts(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "rows": self.rows,
            "inside": self.inside,
            "hits": self.hits,
            "nearest": {k: v if isinstance(v, str) else round(v, 5) for k, v in self.nearest.items()},
            "spans": {k: [round(low, 4), round(high, 4)] for k, (low, high) in self.spans.items()},
            "warnings": list(self.warnings),
            "widen": list(self.widen),
            "origin": self.origin,
        }


def table_of(route: str) -> Table | None:
    """Return the table that is shipped with a route of this project; None for one that is not of this project."""
    path = FOLDER / f"{route}.csv"
    return _read(path) if route.replace("-", "").isalnum() and path.is_file() else None


def table_for(campaign: Campaign) -> tuple[Table | None, str]:
    """Return the table of a campaign's route, and where it has none why, and what to do."""
    if campaign.synthesis is None:
        return table_of(campaign.route), "No table of outcomes tells what this route reaches."
    path = own_table(campaign)
    make = f"`python -m benchmarks.outcomes {campaign.file}` makes one, where the virtual lab has this chemistry"
    if not path.is_file():
        return None, f"No table of simulated outcomes lies at {path.name}, so nothing is said about reach; {make}."
    table = _read(path)
    if route_mark(campaign.synthesis) not in table.origin:
        return None, f"{path.name} is of other steps or limits than the synthesis has now; {make}."
    return table, ""


def own_table(campaign: Campaign) -> Path:
    """Return where the table of a synthesis lies that the campaign's own files declare."""
    file = Path(campaign.file)
    declared_in = file.parent / campaign.route if campaign.route.endswith((".yaml", ".yml")) else file
    return declared_in.with_suffix(".outcomes.csv")


def route_mark(route: Route) -> str:
    """Return the short hash of what a route does: its parameters, steps and medium, whatever it is called."""
    steps = [
        repr(s).replace(repr(s.carries), repr(sorted(s.carries))) if isinstance(s, Dose) else s for s in route.steps
    ]
    told = repr((sorted((n, p.low, p.high, p.choices, p.nominal, p.when) for n, p in route.parameters.items()), steps))
    return f"route {hashlib.sha256((told + route.medium).encode()).hexdigest()[:8]}"


def _read(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        origin = file.readline().removeprefix("#").strip()
        names, *rows = list(csv.reader(file))
    return Table(origin=origin, columns={name: _column([row[j] for row in rows]) for j, name in enumerate(names)})


def _column(cells: list[str]) -> NDArray[Any]:
    try:
        return np.array([float(cell) if cell else math.nan for cell in cells])
    except ValueError:
        return np.array(cells)


def reach(campaign: Campaign, table: Table) -> Reach | None:
    """Say whether the target lies within what the table shows inside the campaign's ranges; None where it shows none.

    Goals without bounds, or on features that the table has not, do not count.
    """
    goals = {n: g for n, g in campaign.target.goals.items() if g.bounded and n in table.columns}
    if not goals:
        return None
    route = route_of(campaign)
    keeps = _keeps(campaign, route, table)
    n = len(next(iter(table.columns.values())))
    inside = np.logical_and.reduce([np.ones(n, bool), *keeps.values()])
    missed = np.array([_miss(g, table.columns[name]) for name, g in goals.items()]).sum(axis=0)
    missed = np.where(np.isfinite(missed), missed, np.inf)
    spans = {name: _span(table.columns[name][inside]) for name in goals}
    best = int(np.argmin(np.where(inside, missed, np.inf))) if inside.any() else int(np.argmin(missed))
    return Reach(
        rows=n,
        inside=int(inside.sum()),
        hits=int((inside & (missed == 0)).sum()),
        nearest={n: value for n, column in table.columns.items() if (value := _value(column[best])) is not None},
        spans=spans,
        warnings=tuple(_out_of_reach(goals, spans, "simulated" if table.simulated else "measured"))
        if inside.any()
        else (),
        widen=tuple(_wider(campaign, route, table, keeps, missed)),
        origin=table.origin,
    )


def reach_in_words(found: Reach) -> list[str]:
    """Return what a chemist should know before starting, in a few lines."""
    kind = "simulated" if found.origin.startswith("simulated") else "measured"
    if not found.inside:
        lines = [f"None of the {found.rows} {kind} designs lies inside your ranges: they tell nothing about reach."]
    else:
        lines = [f"{found.hits} of {found.inside} {kind} designs inside your ranges lie within the target."]
        spans = ", ".join(f"{label_of(n)} {_shown(n, a)} .. {_shown(n, b)}" for n, (a, b) in found.spans.items())
        lines.append(f"  They reach {spans}.")
    at = [n for n in found.nearest if n not in _FEATURES]
    seen = [n for n in found.nearest if n in _FEATURES]
    where = "Nearest" if found.inside else "Nearest of all, outside your ranges"
    lines.append(f"  {where}: {', '.join(f'{label_of(n)} {_shown(n, found.nearest[n])}' for n in at)};")
    made = "predicted" if kind == "simulated" else "measured"
    lines.append(f"  {made} {', '.join(f'{label_of(n)} {_shown(n, found.nearest[n])}' for n in seen)}.")
    lines += [f"Warning: {text}" for text in found.warnings]
    lines += [f"  Wider would help: {text}" for text in found.widen]
    return [*lines, f"  ({found.origin})"]


_FEATURES = ("pl_peak_nm", "fwhm_nm", "plqy", "x1_nm", "nir_peak_nm", "edge_length_nm")


def _keeps(campaign: Campaign, route: Route, table: Table) -> dict[str, Flags]:
    """Return, by parameter or constraint, which rows ``(n,)`` the campaign allows."""
    varied = {p.name: (p.low, p.high) for p in campaign.parameters if not p.choices}
    keeps: dict[str, Flags] = {}
    for name, p in route.parameters.items():
        if name not in table.columns:
            continue
        if p.choices or isinstance(p.nominal, str):
            chosen = next((c.choices for c in campaign.parameters if c.name == name), (str(p.nominal),))
            keeps[name] = np.isin(table.columns[name], chosen)
            continue
        column, slack = table.columns[name], NEAR_NOMINAL * (p.high - p.low)
        low, high = varied.get(name, (p.nominal - slack, p.nominal + slack))
        if name not in varied and p.low > 0:  # a ratio or a time: a factor, not a distance
            factor = (p.high / p.low) ** NEAR_NOMINAL
            low, high = p.nominal / factor, p.nominal * factor
        keeps[name] = np.isnan(column) | ((column >= low) & (column <= high))
    for text in campaign.constraints:
        constraint = Constraint.parse(text)
        if constraint.names <= set(table.columns):
            keeps[text] = constraint.holds(dict(table.columns))
    return keeps


def _value(cell: Any) -> float | str | None:
    if isinstance(cell, str):
        return str(cell)
    return float(cell) if math.isfinite(cell) else None


def _miss(goal: Goal, seen: Array) -> Array:
    """Return how far each value is outside a goal's bounds, in units of the goal's own width or size."""
    scale = goal.high - goal.low if math.isfinite(goal.high - goal.low) else abs(_bound(goal))
    outside = np.maximum(np.maximum(goal.low - seen, seen - goal.high), 0.0)
    return np.asarray(np.where(np.isnan(seen), np.inf, outside / max(scale, 1e-12)))


def _bound(goal: Goal) -> float:
    return goal.low if math.isfinite(goal.low) else goal.high


def _span(seen: Array) -> tuple[float, float]:
    known = seen[np.isfinite(seen)]
    return (float(known.min()), float(known.max())) if known.size else (math.nan, math.nan)


def _out_of_reach(goals: Mapping[str, Goal], spans: Mapping[str, tuple[float, float]], kind: str) -> list[str]:
    """Name each goal that no row inside reaches, with the closest value."""
    said = []
    for name, goal in goals.items():
        low, high = spans[name]
        if not (high >= goal.low and low <= goal.high):
            closest = high if high < goal.low else low
            said.append(f"not reachable in the {kind} table: closest {label_of(name)} {_shown(name, closest)}")
    return said


def _wider(campaign: Campaign, route: Route, table: Table, keeps: Mapping[str, Flags], missed: Array) -> list[str]:
    """Name each range that, widened alone, brings a row much closer to the target than all rows inside."""
    inside = np.logical_and.reduce(list(keeps.values())) if keeps else np.ones(len(missed), bool)
    now = float(missed[inside].min()) if inside.any() else math.inf
    said = []
    for p in campaign.parameters:
        if p.name not in keeps or now == 0 or not inside.any():
            continue
        others = np.logical_and.reduce([np.ones(len(missed), bool), *(k for n, k in keeps.items() if n != p.name)])
        rows = np.flatnonzero(others & ~inside)
        if not rows.size:
            continue
        best = rows[int(np.argmin(missed[rows]))]
        if missed[best] < WIDEN_WORTH * now:
            value = float(table.columns[p.name][best])
            end = "down" if value < p.low else "up"
            said.append(f"{label_of(p.name)} {end} to {_shown(p.name, value)}")
    return said


def _shown(name: str, value: float | str) -> str:
    """Write a value with the unit its name carries, times above two minutes in minutes."""
    if isinstance(value, str):
        return value
    unit = unit_of(name)
    if unit == "s" and value >= 120:
        value, unit = value / 60, "min"
    return f"{value:.4g} {unit}".rstrip()
