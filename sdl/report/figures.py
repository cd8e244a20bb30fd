"""How the campaign went: convergence, predicted against measured, and what the design did; store rows to figures.

Each function returns None where there is nothing to draw yet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sdl.report.facts import Facts
from sdl.report.marks import bar_of, expected_of, hover, kind_of, rims, value_of
from sdl.report.prose import shown
from sdl.report.reliability import Case
from sdl.report.style import BAND, GREY, HALF_95, INK, KINDS, RULE, SERIES, dressed, marker
from sdl.store import Experiment
from sdl.target import Goal

ROW_PX = 190
"""Height of one panel of a tall figure."""
COLUMNS = 3
"""Panels side by side that are still legible on A4."""


def convergence(facts: Facts) -> go.Figure | None:
    """Draw each feature, and the best distance to the first goal so far, against the experiment's number."""
    names = [name for name in facts.features if any(name in e.features.values for e in facts.measured)]
    if not names:
        return None
    rows = len(names) + 1
    fig = make_subplots(rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.16 / rows)
    dressed(fig, ROW_PX * rows + 90)
    for row, name in enumerate(names, start=1):
        _bands(fig, facts, name, row)
        for kind in KINDS:
            _kind_points(fig, facts, kind, name, row, names)
        fig.update_yaxes(title_text=shown(name).axis, row=row, col=1)
    _best_so_far(fig, facts, rows)
    for before, after in pairwise(facts.experiments):
        if before.batch != after.batch:
            fig.add_vline(x=before.seq + 0.5, line={"color": RULE, "width": 1, "dash": "dot"}, layer="below")
    fig.update_xaxes(title_text="experiment (dotted lines part the batches)", row=rows, col=1)
    fig.update_xaxes(range=[0.4, facts.experiments[-1].seq + 0.6])
    return fig


def _kind_points(fig: go.Figure, facts: Facts, kind: str, name: str, row: int, names: Sequence[str]) -> None:
    """Add the experiments of one kind to one panel; hits have a dark rim."""
    here = [e for e in facts.measured if kind_of(e) == kind and name in e.features.values]
    if not here:
        return
    first = next(n for n in names if any(kind_of(e) == kind and n in e.features.values for e in facts.measured))
    fig.add_scatter(
        x=[e.seq for e in here],
        y=[value_of(e, name) for e in here],
        error_y={"array": [bar_of(e, name) for e in here], "color": KINDS[kind][0], "thickness": 1.2, "width": 2},
        mode="markers",
        marker=marker(kind, line=rims(here)),
        name=kind,
        legendgroup=kind,
        showlegend=name == first,
        text=[hover(e, facts) for e in here],
        hovertemplate="%{text}<extra></extra>",
        row=row,
        col=1,
    )


def _best_so_far(fig: go.Figure, facts: Facts, row: int) -> None:
    name = next(iter(facts.goals), None)
    seen = [e for e in facts.measured if math.isfinite(facts.distance(e))]
    if name is None or not seen:
        fig.update_yaxes(title_text="best distance", row=row, col=1)
        return
    best, steps = [math.inf] * len(facts.each), []
    for e in seen:
        best = [min(b, facts.distance(e, t) * shown(name).factor) for b, t in zip(best, facts.each, strict=True)]
        steps.append(max(best))  # of a palette: the target that is still furthest off
    steps.append(steps[-1])
    fig.add_scatter(
        x=[*(e.seq for e in seen), facts.experiments[-1].seq + 0.6],
        y=steps,
        mode="lines",
        line={"shape": "hv", "color": INK, "width": 2},
        showlegend=False,
        hovertemplate="best so far: %{y:.3g}<extra></extra>",
        row=row,
        col=1,
    )
    goal = facts.goals[name]
    unit = shown(name).unit
    distance = goal.wanted is not None
    label = f"best |{shown(name).label} − target|" if distance else f"best {shown(name).label}"
    fig.update_yaxes(title_text=f"{label} ({unit})" if unit else label, row=row, col=1)
    if distance:
        fig.update_yaxes(rangemode="tozero", row=row, col=1)
        if math.isfinite(goal.high):
            high = (goal.high - (goal.wanted or 0.0)) * shown(name).factor
            fig.add_hrect(y0=0, y1=high, fillcolor=BAND, line_width=0, layer="below", row=row, col=1)


def parity(facts: Facts) -> go.Figure | None:
    """Draw what was measured against what was expected before, with 95 % bars of both."""
    names = [name for name in facts.features if foretold(facts, name)]
    if not names:
        return None
    columns = min(COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    fig = make_subplots(rows=rows, cols=columns, horizontal_spacing=0.09, vertical_spacing=0.2 / rows)
    dressed(fig, 60 + 330 * rows)
    named: set[str] = set()
    for place, name in enumerate(names):
        row, col = place // columns + 1, place % columns + 1
        how, cases = shown(name), foretold(facts, name)
        ends = [v for e in cases for v in (expected_of(e, name, "mean"), value_of(e, name))]
        pad = 0.08 * (max(ends) - min(ends)) or 1.0
        reach = [min(ends) - pad, max(ends) + pad]
        _bands(fig, facts, name, row, col)
        fig.add_scatter(
            x=reach,
            y=reach,
            mode="lines",
            line={"color": GREY, "dash": "dash"},
            showlegend=False,
            hoverinfo="skip",
            row=row,
            col=col,
        )
        for kind in KINDS:
            here = [e for e in cases if kind_of(e) == kind]
            if here:
                _parity_points(fig, facts, here, name, kind not in named, row, col)
                named.add(kind)
        fig.update_xaxes(title_text=f"expected {how.axis}", range=reach, row=row, col=col)
        fig.update_yaxes(title_text=f"measured {how.axis}", range=reach, row=row, col=col)
    return fig


def foretold(facts: Facts, name: str) -> list[Experiment]:
    """Return the experiments whose ``name`` was predicted before and measured after."""
    return [e for e in facts.measured if name in e.features.values and name in (e.suggestion.get("expected") or {})]


def cases(facts: Facts, name: str) -> list[Case]:
    """Return what was expected of ``name`` beforehand, with both ends, and what was measured, in the shown unit."""
    return [
        (expected_of(e, name, "mean"), expected_of(e, name, "low"), expected_of(e, name, "high"), value_of(e, name))
        for e in foretold(facts, name)
    ]


def inside(experiment: Experiment, name: str) -> bool:
    """Say whether the measured value lies inside the 95 % interval that was stated before."""
    return expected_of(experiment, name, "low") <= value_of(experiment, name) <= expected_of(experiment, name, "high")


def _parity_points(
    fig: go.Figure, facts: Facts, here: Sequence[Experiment], name: str, legend: bool, row: int, col: int
) -> None:
    kind = kind_of(here[0])
    mean = [expected_of(e, name, "mean") for e in here]
    bars = {"color": KINDS[kind][0], "thickness": 1, "width": 0}
    fig.add_scatter(
        x=mean,
        y=[value_of(e, name) for e in here],
        error_x={
            "array": [expected_of(e, name, "high") - m for e, m in zip(here, mean, strict=True)],
            "arrayminus": [m - expected_of(e, name, "low") for e, m in zip(here, mean, strict=True)],
            **bars,
        },
        error_y={"array": [bar_of(e, name) for e in here], **bars},
        mode="markers",
        marker=marker(kind, size=8, line=rims(here)),
        name=kind,
        legendgroup=kind,
        showlegend=legend,
        text=[hover(e, facts) for e in here],
        hovertemplate="%{text}<extra></extra>",
        row=row,
        col=col,
    )


def varied(facts: Facts) -> go.Figure | None:
    """Draw the most important feature that was measured against each design parameter."""
    name = next((n for n in facts.features if any(n in e.features.values for e in facts.measured)), None)
    parameters = [p["name"] for p in facts.parameters if any(p["name"] in e.design for e in facts.measured)]
    if name is None or not parameters:
        return None
    columns = min(COLUMNS, len(parameters))
    rows = math.ceil(len(parameters) / columns)
    fig = make_subplots(
        rows=rows, cols=columns, shared_yaxes=True, horizontal_spacing=0.03, vertical_spacing=0.26 / rows
    )
    dressed(fig, 60 + 240 * rows)
    for place, parameter in enumerate(parameters):
        row, col = place // columns + 1, place % columns + 1
        _bands(fig, facts, name, row, col)
        for kind in KINDS:
            here = [
                e for e in facts.measured if kind_of(e) == kind and name in e.features.values and parameter in e.design
            ]
            fig.add_scatter(
                x=[_scaled(parameter, e.design[parameter]) for e in here],
                y=[value_of(e, name) for e in here],
                mode="markers",
                marker=marker(kind, size=8, line=rims(here)),
                name=kind,
                legendgroup=kind,
                showlegend=place == 0 and bool(here),
                text=[hover(e, facts) for e in here],
                hovertemplate="%{text}<extra></extra>",
                row=row,
                col=col,
            )
        fig.update_xaxes(title_text=shown(parameter).axis, row=row, col=col)
        if col == 1:
            fig.update_yaxes(title_text=shown(name).axis, row=row, col=1)
    return fig


def slices(facts: Facts) -> go.Figure | None:
    """Draw what the model believes along each parameter through its best design: mean and 95 % band."""
    cuts = facts.diagnostics.get("slices") or {}
    names = [n for n in facts.features if any(n in cut["feature"] for cut in cuts.values())]
    if not names:
        return None
    fig = make_subplots(
        rows=len(names),
        cols=len(cuts),
        shared_xaxes=True,
        shared_yaxes="rows",
        horizontal_spacing=0.02,
        vertical_spacing=0.1 / len(names),
    )
    dressed(fig, 60 + 180 * len(names))
    for row, name in enumerate(names, start=1):
        for col, (parameter, cut) in enumerate(cuts.items(), start=1):
            if name in cut["feature"]:
                _slice(fig, [_scaled(parameter, x) for x in cut["x"]], cut["feature"][name], name, row, col)
            _bands(fig, facts, name, row, col)
            if row == len(names):
                fig.update_xaxes(title={"text": shown(parameter).axis, "font": {"size": 11}}, row=row, col=col)
        fig.update_yaxes(title_text=shown(name).axis, row=row, col=1)
    return fig


def _slice(
    fig: go.Figure, x: Sequence[float | str], curve: dict[str, Sequence[float]], name: str, row: int, col: int
) -> None:
    factor = shown(name).factor
    mean = [m * factor for m in curve["mean"]]
    half = [HALF_95 * s * factor for s in curve["sd"]]
    edges = {"mode": "lines", "showlegend": False, "hoverinfo": "skip", "row": row, "col": col}
    fig.add_scatter(x=x, y=[m - h for m, h in zip(mean, half, strict=True)], line={"width": 0}, **edges)
    fig.add_scatter(
        x=x,
        y=[m + h for m, h in zip(mean, half, strict=True)],
        line={"width": 0},
        fill="tonexty",
        fillcolor="rgba(0, 114, 178, 0.15)",
        **edges,
    )
    fig.add_scatter(
        x=x, y=mean, mode="lines", line={"color": SERIES[0], "width": 2}, showlegend=False, row=row, col=col
    )


def _bands(fig: go.Figure, facts: Facts, name: str, row: int, col: int = 1) -> None:
    """Shade what counts as a hit, for each target of a palette."""
    goals = [target.goals[name] for target in facts.each if name in target.goals]
    for goal in dict.fromkeys(goal for goal in goals if goal.bounded):
        _band(fig, goal, name, row, col)


def _band(fig: go.Figure, goal: Goal, name: str, row: int, col: int) -> None:
    """Shade what counts as a hit; an open side gets a line."""
    factor = shown(name).factor
    even_empty = {"exclude_empty_subplots": False}  # panels are shaded before their points are drawn
    if math.isfinite(goal.low) and math.isfinite(goal.high):
        span = {"y0": goal.low * factor, "y1": goal.high * factor}
        fig.add_hrect(**span, fillcolor=BAND, line_width=0, layer="below", row=row, col=col, **even_empty)
    else:
        y = (goal.high if math.isfinite(goal.high) else goal.low) * factor
        fig.add_hline(
            y=y, line={"color": SERIES[4], "width": 1.5, "dash": "dash"}, layer="below", row=row, col=col, **even_empty
        )


def _scaled(parameter: str, value: float | str) -> float | str:
    return value if isinstance(value, str) else value * shown(parameter).factor
