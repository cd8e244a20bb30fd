"""What was measured again hours or days later, as a time series of the same experiment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sdl.report.prose import shown
from sdl.report.style import HALF_95, SERIES, dressed

ROW_PX = 240
"""Height of the panel of one feature."""


def later_figure(series: Mapping[str, Mapping[str, list[Any]]]) -> go.Figure | None:
    """Draw every feature that was measured again over the hours since its first measurement; None without any.

    ``series`` holds (moment, value, sd) by experiment and feature.
    """
    names = list(dict.fromkeys(name for found in series.values() for name in found))
    if not names:
        return None
    fig = dressed(make_subplots(rows=len(names), cols=1), ROW_PX * len(names) + 60)
    for k, (experiment, found) in enumerate(series.items()):
        for name, told in found.items():
            points = sorted((_seconds(moment), value, sd) for moment, value, sd in told)
            fig.add_scatter(
                x=[(at_s - points[0][0]) / 3600.0 for at_s, _, _ in points],
                y=[value for _, value, _ in points],
                error_y={"array": [HALF_95 * sd for _, _, sd in points], "thickness": 1},
                mode="lines+markers",
                line={"color": SERIES[k % len(SERIES)]},
                name=experiment,
                legendgroup=experiment,
                showlegend=name == next(iter(found)),
                row=names.index(name) + 1,
                col=1,
            )
    for row, name in enumerate(names, start=1):
        fig.update_yaxes(title_text=shown(name).axis, row=row, col=1)
        fig.update_xaxes(title_text="hours since the first measurement", row=row, col=1)
    return fig


def _seconds(moment: str) -> float:
    """Return a moment in s; one without a zone is taken as UTC, so that the page is the same on any machine."""
    when = datetime.fromisoformat(moment)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
