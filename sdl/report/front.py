"""A trade-off in one picture: the wells in the plane of its two goals, and the front that none of them beats."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from sdl.report.facts import Facts
from sdl.report.marks import bar_of, hover, kind_of, rims, value_of
from sdl.report.prose import shown
from sdl.report.style import BAND, INK, KINDS, SERIES, figure, marker
from sdl.store import Experiment
from sdl.target import Goal

HEIGHT_PX = 460
"""Height of the picture (chosen: nearly square on A4)."""

PALE = 0.3
"""Opacity of wells that miss another goal (chosen)."""

AROUND = 0.08
"""Room around the points, in shares of their range (chosen)."""


def front(facts: Facts) -> go.Figure | None:
    """Draw the measured wells where they stand in both goals; None without a trade-off or a well that has both."""
    traded = facts.target.traded if facts.target else ()
    here = [e for e in facts.measured if all(name in e.features.values for name in traded)]
    if not traded or not here:
        return None
    x, y = traded
    fig = figure(HEIGHT_PX)
    _edge(fig, facts, unbeaten(facts, here))
    for kind in KINDS:
        _points(fig, facts, [e for e in here if kind_of(e) == kind], x, y)
    spans = [_span(facts.goals[name], name, here) for name in traded]
    fig.update_xaxes(title_text=_wanted(facts.goals[x], x), range=spans[0])
    fig.update_yaxes(title_text=_wanted(facts.goals[y], y), range=spans[1])
    _bounds(fig, facts, traded, spans)
    return fig


def unbeaten(facts: Facts, here: Sequence[Experiment]) -> list[Experiment]:
    """Return those of ``here`` that meet all other goals and that no other such one beats in both traded ones.

    They come in order of the first traded goal; where none meets the others, all count.
    """
    traded = facts.target.traded if facts.target else ()
    counting = [e for e in here if _meets(facts, e)] or list(here)
    place = {e.id: [_sign(facts.goals[name]) * value_of(e, name) for name in traded] for e in counting}

    def beaten(e: Experiment) -> bool:
        mine = place[e.id]
        return any(o != mine and all(a >= b for a, b in zip(o, mine, strict=True)) for o in place.values())

    return sorted((e for e in counting if not beaten(e)), key=lambda e: value_of(e, traded[0]))


def _meets(facts: Facts, experiment: Experiment) -> bool:
    """Say whether a well holds the bounds of all goals that are not traded, for one target of a palette."""
    seen = experiment.features.plain
    return any(
        all(name in seen and goal.holds(seen[name]) for name, goal in target.bounded.items() if not goal.traded)
        for target in facts.each
    )


def _sign(goal: Goal) -> float:
    return 1.0 if goal.kind == "maximize" else -1.0


def _edge(fig: go.Figure, facts: Facts, best: Sequence[Experiment]) -> None:
    """Draw the front as the steps that bound what it beats."""
    x, y = facts.target.traded if facts.target else ("", "")
    fig.add_scatter(
        x=[value_of(e, x) for e in best],
        y=[value_of(e, y) for e in best],
        mode="lines",
        line={"shape": "vh" if facts.goals[x].kind == "maximize" else "hv", "color": INK, "width": 1.5},
        name="front",
        hoverinfo="skip",
    )


def _points(fig: go.Figure, facts: Facts, here: Sequence[Experiment], x: str, y: str) -> None:
    """Add the wells of one kind; those that miss another goal are pale."""
    if not here:
        return
    kind = kind_of(here[0])
    bars = {"color": KINDS[kind][0], "thickness": 1, "width": 0}
    fig.add_scatter(
        x=[value_of(e, x) for e in here],
        y=[value_of(e, y) for e in here],
        error_x={"array": [bar_of(e, x) for e in here], **bars},
        error_y={"array": [bar_of(e, y) for e in here], **bars},
        mode="markers",
        marker=marker(kind, line=rims(here), opacity=[1.0 if _meets(facts, e) else PALE for e in here]),
        name=kind,
        text=[hover(e, facts) for e in here],
        hovertemplate="%{text}<extra></extra>",
    )


def _wanted(goal: Goal, name: str) -> str:
    """Return the title of an axis, with the way that is better."""
    return f"{shown(name).axis}, {'more' if goal.kind == 'maximize' else 'less'} is better"


def _span(goal: Goal, name: str, here: Sequence[Experiment]) -> list[float]:
    """Return the range of an axis: every well with its bar, and the goal's bound."""
    ends = [value_of(e, name) + sign * bar_of(e, name) for e in here for sign in (-1.0, 1.0)]
    ends += [bound * shown(name).factor for bound in (goal.low, goal.high) if math.isfinite(bound)]
    room = AROUND * (max(ends) - min(ends)) or 1.0
    return [min(ends) - room, max(ends) + room]


def _bounds(fig: go.Figure, facts: Facts, traded: Sequence[str], spans: Sequence[list[float]]) -> None:
    """Shade where both goals are within their bounds, and draw each bound as a line."""
    corner = []
    for name, span, add in zip(traded, spans, (fig.add_vline, fig.add_hline), strict=True):
        goal, factor = facts.goals[name], shown(name).factor
        corner.append((max(span[0], goal.low * factor), min(span[1], goal.high * factor)))
        if goal.bounded:
            at = (goal.high if math.isfinite(goal.high) else goal.low) * factor
            add(at, line={"color": SERIES[4], "width": 1.5, "dash": "dash"}, layer="below")
    if any(facts.goals[name].bounded for name in traded):
        (x0, x1), (y0, y1) = corner
        fig.add_shape(type="rect", x0=x0, x1=x1, y0=y0, y1=y1, fillcolor=BAND, line_width=0, layer="below")
