"""Colours and the look of every figure: sober on paper, safe for colour-blind readers."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

INK, GREY, RULE = "#1f2933", "#8a949e", "#d9dee3"
"""Text, what stays in the background, and lines."""

KINDS = {
    "sobol": ("#8a949e", "circle"),
    "explore": ("#0072B2", "square"),
    "exploit": ("#D55E00", "diamond"),
    "replicate": ("#009E73", "triangle-up"),
    "sentinel": ("#E69F00", "star"),
    "fallback": ("#CC79A7", "x"),
}
"""Colour and symbol of each kind of suggestion (Okabe and Ito, jfly.uni-koeln.de/color); grey for space filling."""

SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#1f2933", "#8a949e")
"""Curves in order of importance (Okabe and Ito)."""

BAND = "rgba(230, 159, 0, 0.20)"
"""The target, wherever it is drawn."""

HALF_95 = 1.96
"""Half of a 95 % interval of a Gaussian in sd."""

_FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"


def figure(height_px: int, **layout: Any) -> go.Figure:
    """Return an empty figure in the report's look; ``layout`` goes to Plotly."""
    return dressed(go.Figure(), height_px, **layout)


def dressed(fig: go.Figure, height_px: int, **layout: Any) -> go.Figure:
    """Give a figure the report's look."""
    fig.update_layout(
        template="none",
        height=height_px,
        font={"family": _FONT, "size": 12, "color": INK},
        margin={"l": 62, "r": 16, "t": 34, "b": 50},
        paper_bgcolor="white",
        plot_bgcolor="white",
        hoverlabel={"font": {"family": _FONT, "size": 12}, "bgcolor": "white"},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        **layout,
    )
    axis = {
        "showline": True,
        "linecolor": GREY,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": GREY,
        "gridcolor": "#eef1f4",
        "zeroline": False,
        "automargin": True,
        "title": {"standoff": 8},
    }
    fig.update_xaxes(**axis)
    fig.update_yaxes(**axis)
    return fig


def marker(kind: str, **more: Any) -> dict[str, Any]:
    """Return the marker of a kind of suggestion."""
    colour, symbol = KINDS.get(kind, KINDS["fallback"])
    return {"color": colour, "symbol": symbol, "size": 9, "line": {"width": 0.8, "color": "white"}, **more}
