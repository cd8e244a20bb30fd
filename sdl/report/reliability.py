"""Whether stated intervals are honest: of intervals of every width, the share that held what was measured later."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from sdl.report.prose import shown
from sdl.report.style import BAND, GREY, HALF_95, SERIES, figure

FEW = 5
"""Fewer predictions draw steps, not a curve (chosen)."""

Case = tuple[float, float, float, float]
"""One prediction and its outcome: mean, both ends of the 95 % interval, and what was measured."""

CAPTION = (
    "Reliability: of all intervals stated with a probability, the share that held what was measured. On the dashed "
    "line they are honest; below it the model is too sure of itself, above it too timid. Of twenty honest curves "
    "nineteen lie within the band at any one place."
)


def reliability(cases: Mapping[str, Sequence[Case]]) -> go.Figure | None:
    """Draw the share of intervals that held against the probability stated, a curve a feature; None without enough.

    The band is that of the feature with the fewest cases.
    """
    told = {name: sorted(_stated(*case) for case in found) for name, found in cases.items() if len(found) >= FEW}
    if not told:
        return None
    fig = figure(360)
    _band(fig, min(map(len, told.values())))
    for k, (name, stated) in enumerate(told.items()):
        n = len(stated)
        fig.add_scatter(
            x=[0.0, *stated, 1.0],
            y=[0.0, *((i + 1) / n for i in range(n)), 1.0],
            mode="lines",
            line={"shape": "hv", "color": SERIES[k % len(SERIES)], "width": 2},
            name=f"{shown(name).label}, {n} predictions",
            hovertemplate="%{y:.0%} held of intervals stated with %{x:.0%}<extra></extra>",
        )
    fig.update_xaxes(title_text="probability stated", range=[0, 1], tickformat=".0%")
    fig.update_yaxes(title_text="share that held", range=[0, 1.02], tickformat=".0%")
    return fig


def _stated(mean: float, low: float, high: float, measured: float) -> float:
    """Return the probability of the narrowest interval that holds ``measured``, each side of ``mean`` a Gaussian."""
    half = (high - mean) if measured >= mean else (mean - low)
    off = abs(measured - mean)
    if half <= 0.0:
        return 0.0 if off == 0.0 else 1.0
    return math.erf(HALF_95 * off / half / math.sqrt(2.0))


def _band(fig: go.Figure, n: int) -> None:
    """Shade where 95 % of honest shares of ``n`` lie (Gaussian limit of the binomial), with the line of honesty."""
    p = [i / 50 for i in range(51)]
    half = [HALF_95 * math.sqrt(v * (1.0 - v) / n) for v in p]
    ends = [[min(1.0, max(0.0, v + sign * h)) for v, h in zip(p, half, strict=True)] for sign in (-1.0, 1.0)]
    quiet = {"mode": "lines", "hoverinfo": "skip", "showlegend": False}
    fig.add_scatter(x=p, y=ends[0], line={"width": 0}, **quiet)
    fig.add_scatter(x=p, y=ends[1], line={"width": 0}, fill="tonexty", fillcolor=BAND, **quiet)
    fig.add_scatter(x=[0, 1], y=[0, 1], line={"color": GREY, "dash": "dash", "width": 1}, **quiet)
