"""One page on how far to trust the model of a chemist's own data; it says only what the document holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from sdl import __version__
from sdl.report.later import later_figure
from sdl.report.page import DRAW, Drawn, figure_json, policy, save, templates
from sdl.report.prose import shown
from sdl.report.reliability import CAPTION, Case, reliability
from sdl.report.style import GREY, SERIES, dressed
from sdl.units import label_of, unit_of

PANEL_PX = 340
"""Height of one row of square panels."""


def write_trust(document: Mapping[str, Any], path: Path) -> Path:
    """Write the page at ``path`` and return it."""
    plots = {
        "parity": (
            _parity(document),
            "Each experiment predicted by a model that had not seen it (left: nor its replicates; right: only what was "
            "made before it). Bars are 95 % intervals. Good predictions lie on the dashed line; honest ones reach it.",
        ),
        "reliability": (
            reliability({name: [_case(h) for h in held] for name, held in document["held"].items()}),
            f"{CAPTION} Each experiment was predicted by a model that had not seen it.",
        ),
        "reach": (
            _reach(document),
            f"Where the data lie: experiments in each part of the measured {label_of(document['first'])}, and how far "
            "off the model is there. Orange parts hold fewer than three experiments: the model is blind in them.",
        ),
        "later": (
            later_figure(document["series"]),
            "Experiments that were measured more than once, over the time since the first measurement.",
        ),
    }
    drawn = {
        name: Drawn(id=name, json=figure_json(fig), height_px=int(fig.layout.height), caption=caption)
        for name, (fig, caption) in plots.items()
        if fig is not None
    }
    plotlyjs = get_plotlyjs()
    html = (
        templates()
        .get_template("trust.html.j2")
        .render(
            document=document,
            drawn=drawn,
            tiles=_tiles(document),
            empty=[_gone(name, parts) for name, parts in document["empty"].items()],
            reach=[_range(name, spans) for name, spans in document["reach"].items()],
            version=__version__,
            plotlyjs=Markup(plotlyjs),
            draw=Markup(DRAW),
            policy=policy(plotlyjs, DRAW),
        )
    )
    return save(html, path)


def _tiles(document: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    first = document["first"]
    score = document["goals"][first]["alone"]
    data = document["data"]
    return [
        ("experiments used", str(data["rows_used"]), f"{len(data['excluded'])} rows or cells left out"),
        (
            f"{label_of(first)} is off by",
            f"{score['mae']:.2g} {unit_of(first)}",
            f"guessing the mean: {score['guess']:.2g} {unit_of(first)}",
        ),
        ("95 % intervals that held", f"{score['coverage']:.0%}", "95 % is honest, less is overconfident"),
        ("P(hit) of the best recipe", f"{document['target']['p_hit']:.0%}", "in one try, by the model"),
    ]


def _range(name: str, spans: Mapping[str, Any]) -> str:
    (a, b), (c, d) = spans["measured"], spans["predicted"]
    unit = unit_of(name)
    return (
        f"{label_of(name)}: measured {a:.4g} to {b:.4g} {unit}".rstrip()
        + f"; by the model these parameters can reach {c:.4g} to {d:.4g} {unit}".rstrip()
    )


def _gone(name: str, parts: list[Mapping[str, Any]]) -> str:
    words = [str(p["choice"]) if "choice" in p else f"{p['low']:.3g} to {p['high']:.3g}" for p in parts]
    return f"{label_of(name)}: {', '.join(words)} {unit_of(name)}".rstrip()


def _parity(document: Mapping[str, Any]) -> go.Figure:
    """Draw measured against predicted, one row of panels a goal: without itself, and from earlier ones only."""
    names = list(document["held"])
    titles = [t for name in names for t in (f"{shown(name).label}, without itself", "from earlier ones only")]
    fig = make_subplots(rows=len(names), cols=2, subplot_titles=titles, vertical_spacing=0.32 / max(2, len(names)))
    dressed(fig, PANEL_PX * len(names) + 40, showlegend=False)
    for row, name in enumerate(names, start=1):
        for col, held in enumerate((document["held"][name], document["later"].get(name, [])), start=1):
            if not held:
                continue
            fig.add_scatter(
                x=[h["mean"] for h in held],
                y=[h["measured"] for h in held],
                error_x={
                    "array": [h["high"] - h["mean"] for h in held],
                    "arrayminus": [h["mean"] - h["low"] for h in held],
                    "color": GREY,
                    "thickness": 0.7,
                    "width": 0,
                },
                mode="markers",
                marker={"color": SERIES[0], "size": 5},
                text=[h["experiment"] for h in held],
                hovertemplate="%{text}: predicted %{x:.4g}, measured %{y:.4g}<extra></extra>",
                row=row,
                col=col,
            )
            ends = [min(h["measured"] for h in held), max(h["measured"] for h in held)]
            line = {"color": GREY, "dash": "dash", "width": 1}
            fig.add_scatter(x=ends, y=ends, mode="lines", line=line, hoverinfo="skip", row=row, col=col)
        fig.update_yaxes(title_text=f"measured {shown(name).axis}", row=row, col=1)
        fig.update_xaxes(title_text="predicted", row=row)
    return fig


def _case(held: Mapping[str, Any]) -> Case:
    return held["mean"], held["low"], held["high"], held["measured"]


def _reach(document: Mapping[str, Any]) -> go.Figure:
    """Draw experiments and errors along the first goal."""
    parts = document["parts"]
    fig = make_subplots(specs=[[{"secondary_y": True}]])
    dressed(fig, 300)
    centre = [(p["low"] + p["high"]) / 2 for p in parts]
    fig.add_bar(
        x=centre,
        y=[p["n"] for p in parts],
        width=[(p["high"] - p["low"]) * 0.92 for p in parts],
        marker={"color": [SERIES[4] if p["blind"] else SERIES[5] for p in parts]},
        name="experiments",
    )
    fig.add_scatter(
        x=centre,
        y=[p["mae"] for p in parts],
        mode="lines+markers",
        line={"color": SERIES[1]},
        name="mean error",
        secondary_y=True,
    )
    fig.update_xaxes(title_text=f"measured {shown(document['first']).axis}")
    fig.update_yaxes(title_text="experiments", secondary_y=False)
    fig.update_yaxes(title_text=f"mean error ({unit_of(document['first'])})", secondary_y=True, rangemode="tozero")
    return fig
