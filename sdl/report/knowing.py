"""What the model knows beside its predictions: what matters, how exactly to work, what drifts, what is in reach."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sdl.report.facts import Facts
from sdl.report.prose import number, share, shown
from sdl.report.style import GREY, HALF_95, SERIES, dressed
from sdl.report.tables import Table

ROW_PX = 200
"""Height of one panel."""


def sensitivity(facts: Facts) -> go.Figure | None:
    """Draw how much of each outcome's variation each parameter is behind, alone and with its interactions."""
    found = facts.diagnostics.get("sensitivity") or {}
    names = [name for name in facts.features if name in found]
    if not names:
        return None
    fig = make_subplots(rows=1, cols=len(names), shared_yaxes=True, horizontal_spacing=0.04,
                        subplot_titles=[shown(name).label for name in names])  # fmt: skip
    parameters = list(found[names[0]])
    dressed(fig, 90 + 34 * len(parameters), barmode="overlay")
    for col, name in enumerate(names, start=1):
        for key, colour, said in (("total", SERIES[5], "with interactions"), ("first", SERIES[0], "alone")):
            fig.add_bar(
                y=[shown(p).label for p in parameters],
                x=[100.0 * found[name][p][key] for p in parameters],
                orientation="h",
                marker={"color": colour},
                name=said,
                legendgroup=said,
                showlegend=col == 1,
                hovertemplate="%{y}: %{x:.0f} %<extra>" + said + "</extra>",
                row=1,
                col=col,
            )
        fig.update_xaxes(title_text="share of the variance (%)", range=[0, 100], row=1, col=col)
    fig.update_yaxes(autorange="reversed")
    fig.update_layout(legend={"y": -0.25, "yanchor": "top"})
    return fig


def control(facts: Facts) -> go.Figure | None:
    """Draw how far each run lies off what its recipes should give, with Shewhart limits and the moving mean."""
    found = facts.diagnostics.get("control") or {}
    names = [name for name in facts.features if name in found]
    if not names:
        return None
    fig = make_subplots(rows=len(names), cols=1, shared_xaxes=True, vertical_spacing=0.2 / len(names))
    dressed(fig, ROW_PX * len(names) + 90)
    for row, name in enumerate(names, start=1):
        chart, factor = found[name], shown(name).factor
        runs = list(chart["runs"])
        for sign in (-1.0, 1.0):
            limits, own = ([sign * factor * v for v in chart[key]] for key in ("mean_limit", "limit"))
            _line(fig, runs, own, SERIES[1], "dash", "limit of one run", row, sign)
            _line(fig, runs, limits, SERIES[2], "dot", "limit of the moving mean", row, sign)
        _line(fig, runs, [factor * v for v in chart["mean"]], SERIES[2], "solid", "moving mean (EWMA)", row, 1.0)
        fig.add_scatter(
            x=runs,
            y=[factor * v for v in chart["effect"]],
            error_y={"array": [HALF_95 * factor * v for v in chart["sd"]], "color": GREY, "thickness": 1, "width": 2},
            mode="markers",
            marker={"color": SERIES[0], "size": 9},
            name="run",
            legendgroup="run",
            showlegend=row == 1,
            row=row,
            col=1,
        )
        fig.add_hline(y=0, line={"color": GREY, "width": 1}, row=row, col=1)
        unit = shown(name).unit
        fig.update_yaxes(title_text=f"{shown(name).label} off by" + (f" ({unit})" if unit else ""), row=row, col=1)
    fig.update_xaxes(title_text="run", type="category", row=len(names), col=1)
    return fig


def _line(
    fig: go.Figure, x: Sequence[str], y: Sequence[float], colour: str, dash: str, name: str, row: int, sign: float
) -> None:
    fig.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": colour, "dash": dash, "width": 1.4},
        name=name,
        legendgroup=name,
        showlegend=row == 1 and sign > 0,
        hoverinfo="skip",
        row=row,
        col=1,
    )


def alarms(facts: Facts) -> list[str]:
    """Return what the control charts say lies beyond their limits."""
    return [text for chart in (facts.diagnostics.get("control") or {}).values() for text in chart["alarms"]]


def tolerance(facts: Facts) -> Table | None:
    """How far one slip in making the best recipe moves each outcome; None before there is a model."""
    card = (facts.diagnostics.get("tolerance") or {}).get("card") or []
    if not card:
        return None
    names = list(card[0]["moves"])
    rows = [(slip["what"], *(_signed(slip["moves"][n] * shown(n).factor) for n in names)) for slip in card]
    return Table(head=("Slip", *(f"moves {shown(n).axis} by" for n in names)), rows=tuple(rows))


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else ''}{number(value, 2)}"


def robust(facts: Facts) -> str:
    """Say how likely the best recipe hits when it is poured with the pipettes' own scatter."""
    found = facts.diagnostics.get("tolerance") or {}
    if "robust" not in found:
        return ""
    return (
        f"Made once more with these pipettes, it hits with a probability of {share(found['robust'])} "
        f"(scatter of the pipettes, of runs and of the reading together)."
    )


def prospects(facts: Facts) -> list[str]:
    """Say how likely each target can be reached at all."""
    said = []
    for p in facts.diagnostics.get("prospects") or ():
        named = f" {p['target']}" if p["target"] else ""
        text = f"The target{named} can be reached with a probability of {share(p['p_reachable'])}"
        far = f"; {p['barrier']}" if p["p_reachable"] < 0.5 else ""
        said.append(f"{text}; the best recipe there can be would hit in {share(p['rate'])} of tries{far}.")
    return said
