"""The spectra behind the numbers: absorption and PL of the wells worth looking at, and how X1 grew in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sdl.errors import Refused
from sdl.report.facts import Facts
from sdl.report.prose import duration, shown
from sdl.report.style import GREY, HALF_95, SERIES, dressed, figure
from sdl.spectra.absorption import absorbance
from sdl.spectra.counts import Array, bridge, latest, rising
from sdl.spectra.types import Kind, Role, Spectrum
from sdl.store import Event, Experiment, Read, Store

MOST = 6
"""Wells whose spectra are drawn: what the eye can follow in one panel."""
POINTS = 600
"""Points of a drawn curve: two per pixel of a printed panel."""
SEEN_NM = (350.0, 600.0)
"""What is drawn: from below the excitation to beyond the emission of any CsPbBr3 crystal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One spectrum as drawn, ``(w,)`` each; ``read`` is where it comes from."""

    read: Read
    wavelength_nm: Array
    values: Array


def worth_seeing(facts: Facts) -> list[Experiment]:
    """Return the experiments whose spectra are shown: the best design's wells, other hits, then the nearest ones."""
    first = {e.id for e in facts.best.experiments} if facts.best else set()
    ranked = sorted(facts.measured, key=lambda e: (e.id not in first, not e.is_hit, facts.distance(e), e.seq))
    return ranked[:MOST]


def spectra(store: Store, facts: Facts) -> go.Figure | None:
    """Draw absorption and PL of the outcome reads, side by side; a reader without PL gives one panel."""
    chosen = [(e, read) for e in worth_seeing(facts) if (read := _outcome(facts, e)) is not None]
    kinds: list[Kind] = ["absorption", "pl"]
    drawn = {kind: [(e, c) for e, read in chosen if (c := _curve(store, facts, read, kind))] for kind in kinds}
    kinds = [kind for kind in kinds if drawn[kind]]
    if not kinds:
        return None
    fig = make_subplots(rows=1, cols=len(kinds), horizontal_spacing=0.1)
    dressed(fig, 420)
    named: set[str] = set()
    for col, kind in enumerate(kinds, start=1):
        for e, curve in drawn[kind]:
            colour = SERIES[[x.id for x, _ in chosen].index(e.id)]
            _line(fig, curve, colour, f"{e.id}{' (hit)' if e.is_hit else ''}", e.id not in named, col)
            named.add(e.id)
        _titles(fig, kind, col)
        _target_line(fig, facts, kind, col)
    return fig


def growth_spectra(store: Store, facts: Facts) -> go.Figure | None:
    """Draw every absorption spectrum of the best design's first well, from early (pale) to the outcome (dark)."""
    if facts.best is None:
        return None
    reads = [r for r in _samples(facts, facts.best.first) if r.since_injection_s is not None]
    curves = [c for r in reads if (c := _curve(store, facts, r, "absorption"))]
    if len(curves) < 2:
        return None
    fig = figure(380)
    for place, curve in enumerate(curves):
        depth = 0.35 + 0.65 * place / (len(curves) - 1)
        said = f"{duration(curve.read.since_injection_s or 0.0)}{', outcome' if curve.read.outcome else ''}"
        _line(fig, curve, f"rgba(0, 114, 178, {depth:.2f})", said)
    _titles(fig, "absorption")
    return fig


def growth(facts: Facts) -> go.Figure | None:
    """Draw X1 against time since injection for every well, the chosen ones in colour."""
    chosen = [e.id for e in worth_seeing(facts)]
    series = [
        (e, [r for r in _samples(facts, e) if "x1_nm" in r.features.values and r.since_injection_s is not None])
        for e in sorted(facts.experiments, key=lambda e: e.id in chosen)
    ]
    if not any(reads for _, reads in series):
        return None
    fig = figure(380)
    for e, reads in series:
        x1 = [r.features.values["x1_nm"] for r in reads]
        colour = SERIES[chosen.index(e.id)] if e.id in chosen else "#cfd5db"
        fig.add_scatter(
            x=[(r.since_injection_s or 0.0) / 60 for r in reads],
            y=[v.value for v in x1],
            error_y={"array": [HALF_95 * v.sd for v in x1], "color": colour, "thickness": 1, "width": 2},
            mode="lines+markers",
            line={"color": colour, "width": 1.6},
            marker={
                "size": [9 if r.outcome else 6 for r in reads],
                "symbol": ["circle" if r.outcome else "circle-open" for r in reads],
            },
            name=e.id,
            showlegend=e.id in chosen and bool(reads),
        )
    _forecasts(fig, facts, chosen)
    fig.update_xaxes(title_text="time since injection (min)", rangemode="tozero")
    fig.update_yaxes(title_text="X1, forecast PL (nm)" if forecasts(facts) else "X1 (nm)")
    return fig


def forecasts(facts: Facts) -> dict[str, Event]:
    """Return the last forecast of each well that was watched while it grew, by experiment."""
    return {e.experiment: e for e in facts.events if e.kind == "growth forecast" and e.experiment is not None}


def _forecasts(fig: go.Figure, facts: Facts, chosen: Sequence[str]) -> None:
    """Draw the emission that each watched well was last expected to reach, where its quench was decided."""
    for experiment, event in forecasts(facts).items():
        said = event.data
        colour = SERIES[chosen.index(experiment)] if experiment in chosen else "#cfd5db"
        fig.add_scatter(
            x=[said["quench_s"] / 60],
            y=[said["expected_nm"]],
            error_y={"array": [HALF_95 * said["sd_nm"]], "color": colour, "thickness": 1, "width": 2},
            mode="markers",
            marker={"symbol": "diamond" if said["moved"] else "diamond-open", "size": 9, "color": colour},
            text=[said["why"]],
            name=f"{experiment} forecast",
            showlegend=False,
        )


def _samples(facts: Facts, experiment: Experiment) -> list[Read]:
    return [r for r in facts.reads if r.experiment == experiment.id and r.label == "sample"]


def _outcome(facts: Facts, experiment: Experiment) -> Read | None:
    """Return the read that is the outcome, else the last one."""
    reads = _samples(facts, experiment)
    named = [r for r in reads if r.id == experiment.outcome_read or r.outcome]
    found = named or reads
    return found[-1] if found else None


def _curve(store: Store, facts: Facts, read: Read, kind: Kind) -> Curve | None:
    """Work out one spectrum of a read: absorbance over the cell's path, or PL counts less the blank's.

    None where a spectrum or its reference is missing, or the wavelength grid changed between them.
    """
    own = store.spectra(read.id)
    sample, blank, dark = (_of(own, role, kind) for role in ("sample", "blank", "dark"))
    for reference in reversed([r for r in facts.reads if r.attempt == read.attempt and r.id < read.id]):
        if blank is not None and dark is not None:
            break
        if reference.label != "sample":
            there = store.spectra(reference.id)
            blank, dark = blank or _of(there, "blank", kind), dark or _of(there, "dark", kind)
    if sample is None or not sample.counts.size:
        return None
    try:
        x, y = _absorbed(sample, dark, blank) if kind == "absorption" else _emitted(sample, dark, blank)
    except Refused:
        return None
    near = (x >= SEEN_NM[0]) & (x <= SEEN_NM[1]) & np.isfinite(y)
    step = max(1, int(near.sum()) // POINTS)
    return (
        Curve(read=read, wavelength_nm=x[near][::step].round(2), values=y[near][::step].round(5))
        if near.any()
        else None
    )


def _of(spectra: Sequence[Spectrum], role: Role, kind: Kind) -> Spectrum | None:
    return latest((s for s in spectra if s.role == role), kind)


def _absorbed(sample: Spectrum, dark: Spectrum | None, blank: Spectrum | None) -> tuple[Array, Array]:
    if blank is None:
        raise Refused(f"{sample.instrument}: no blank, no absorbance")
    found = absorbance(sample, dark=dark, blank=blank)
    return found.wavelength_nm, found.values


def _emitted(sample: Spectrum, dark: Spectrum | None, blank: Spectrum | None) -> tuple[Array, Array]:
    """Return PL scaled to its own maximum between the excitation light and its second order."""
    background = blank or dark
    same = background is not None and background.grid_id == sample.grid_id
    counts = sample.counts - background.counts if background is not None and same else sample.counts
    order = rising(sample)
    x, y = sample.wavelength_nm[order], bridge(counts)[order]
    window = (x > CLEAR_OF_LED_NM) & np.isfinite(y)
    if not window.any():
        raise Refused(f"{sample.instrument}: no pixel beyond the LED")
    top = float(np.max(y[window]))
    return x[window], y[window] / (top if top > 0 else 1.0)


CLEAR_OF_LED_NM = 400.0
"""From here on the 365 nm LED is dark (35 nm clearance, chosen as three of its widths)."""


def _line(fig: go.Figure, curve: Curve, colour: str, name: str, legend: bool = True, col: int | None = None) -> None:
    place = {} if col is None else {"row": 1, "col": col}
    fig.add_scatter(
        x=curve.wavelength_nm,
        y=curve.values,
        mode="lines",
        line={"color": colour, "width": 1.6},
        name=name,
        legendgroup=name,
        showlegend=legend,
        hovertemplate=f"{name}<br>%{{x:.1f}} nm: %{{y:.3g}}<extra></extra>",
        **place,
    )


def _titles(fig: go.Figure, kind: Kind, col: int | None = None) -> None:
    place = {} if col is None else {"row": 1, "col": col}
    said = {"absorption": "absorbance (cell path)", "pl": "PL (scaled to its maximum)"}
    fig.update_xaxes(title_text="wavelength (nm)", **place)
    fig.update_yaxes(title_text=said[kind], **place)


def _target_line(fig: go.Figure, facts: Facts, kind: Kind, col: int) -> None:
    goal = facts.goals.get("pl_peak_nm")
    if kind == "pl" and goal is not None and goal.wanted is not None:
        wanted_nm = goal.wanted * shown("pl_peak_nm").factor
        fig.add_vline(x=wanted_nm, line={"color": GREY, "width": 1, "dash": "dash"}, row=1, col=col)
