"""The page itself: every part of the report in order, in one file that needs no network."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from sdl import __version__
from sdl.report import curves, figures, knowing, tables, verdict
from sdl.report.facts import Facts
from sdl.report.front import front
from sdl.report.later import later_figure
from sdl.report.prose import palette_in_words, share, shown
from sdl.report.reliability import CAPTION, reliability
from sdl.store import Store
from sdl.store.told import measured_again

DRAW = """
for (const figure of document.querySelectorAll("figure[data-plot]")) {
  const plot = JSON.parse(document.getElementById(figure.dataset.plot).textContent);
  Plotly.newPlot(figure.firstElementChild, plot.data, plot.layout, {responsive: true, displaylogo: false});
}
addEventListener("beforeprint", () => {
  for (const plot of document.querySelectorAll("figure[data-plot] > div")) Plotly.Plots.resize(plot);
});
"""
"""The only script of ours: it draws the figures that the page carries as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A figure as the page carries it; ``caption`` says what to see."""

    id: str
    json: Markup
    height_px: int
    caption: str


def write_report(store: Store, path: Path) -> Path:
    """Write what ``store`` holds now as one HTML page at ``path`` and return it.

    It works at every moment of a campaign. The page is complete or not there: it is moved into place when written.
    """
    return save(render(store), path)


def save(html: str, path: Path) -> Path:
    """Move a page into place once it is complete, and return where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(html)
    Path(name).chmod(0o644)
    return Path(name).replace(path)


def render(store: Store) -> str:
    """Return the page as text."""
    facts = Facts.of(store)
    best = facts.best
    plotlyjs = get_plotlyjs()
    return (
        templates()
        .get_template("page.html.j2")
        .render(
            facts=facts,
            best=best,
            asked=facts.asked,
            state=verdict.state(facts),
            target=palette_in_words(facts.each),
            result=verdict.result(facts),
            tiles=verdict.tiles(facts),
            coverage=verdict.coverage(facts),
            recipe=tables.recipe(best.first) if best else None,
            replicates=tables.replicates(facts, best) if best else None,
            forecast=tables.forecast(facts, best) if best else None,
            racks=tables.racks(facts),
            drawn=_drawn(store, facts),
            tables=tables,
            knowing=knowing,
            share=share,
            version=__version__,
            plotlyjs=Markup(plotlyjs),
            draw=Markup(DRAW),
            policy=policy(plotlyjs, DRAW),
        )
    )


def templates() -> Environment:
    """Return the pages' templates, which escape everything that they are given."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _drawn(store: Store, facts: Facts) -> dict[str, Drawn]:
    """Return every figure that there is something to draw for."""
    first = next(iter(facts.features), "")
    plots: dict[str, tuple[go.Figure | None, str]] = {
        "convergence": (
            figures.convergence(facts),
            "Each experiment in the order it was suggested. Bars are 95 % of the reading; the shaded band (or dashed "
            "line) is what counts as a hit; hits have a dark rim. The last panel shows how the campaign closes in.",
        ),
        "front": (
            front(facts),
            "The wells in the plane of the two goals that are traded for each other, with 95 % bars. No well that "
            "meets all other goals beats those on the line in both; pale wells miss another goal; dashed lines are the "
            "bounds, and what counts as a hit is shaded.",
        ),
        "parity": (
            figures.parity(facts),
            "Measured against expected, where the expectation was written down before the measurement. Horizontal bars "
            "are the stated 95 % intervals, vertical bars 95 % of the reading. Good predictions lie on the dashed "
            "line; honest ones reach it with their bars.",
        ),
        "reliability": (
            reliability({name: figures.cases(facts, name) for name in facts.features}),
            f"{CAPTION} Every probability was written down before the measurement.",
        ),
        "spectra": (
            curves.spectra(store, facts),
            "Outcome spectra of the wells worth looking at: the best design and its replicates first, then other hits, "
            "then the nearest. Sharp, repeated steps in absorption mean uniform crystals; replicates should coincide.",
        ),
        "growth_spectra": (
            curves.growth_spectra(store, facts),
            "Absorption of the best design’s well while it grew, pale to dark. The first step moves red as "
            "crystals grow.",
        ),
        "growth": (
            curves.growth(facts),
            "First exciton X1 of every read, with 95 % bars. Open symbols are reads during growth, filled ones the "
            "outcome after the quench; grey lines are the other wells. A diamond is the PL peak that a watched well "
            "was forecast to have after its quench, filled where the forecast moved the quench.",
        ),
        "varied": (
            figures.varied(facts),
            f"{shown(first).label if first else 'The outcome'} against each parameter as it was really made. A trend "
            "across a panel is a lever; points that gather in one place show where the campaign settled.",
        ),
        "later": (
            later_figure(measured_again(store, list(facts.experiments))),
            "Experiments that people measured again, over the hours since their first measurement, with 95 % bars.",
        ),
        "sensitivity": (
            knowing.sensitivity(facts),
            "Which parameters matter: Sobol indices of the model’s mean, each parameter varied independently over the "
            "range that can be made. Dark: the parameter alone; light: with its interactions.",
        ),
        "control": (
            knowing.control(facts),
            "Control chart: how far every run lies off what the model expects of its recipes, with 95 % bars. Beyond "
            "the dashed lines (3 sd) one run is out of control; beyond the dotted ones the moving mean says drift.",
        ),
        "slices": (
            figures.slices(facts),
            "What the model believes along each parameter through its best design: line the mean, shade 95 %. A flat "
            "line is a forgiving parameter, a steep one must be held tightly.",
        ),
    }
    return {
        name: Drawn(id=name, json=figure_json(fig), height_px=int(fig.layout.height), caption=caption)
        for name, (fig, caption) in plots.items()
        if fig is not None
    }


def figure_json(fig: go.Figure) -> Markup:
    """Return a figure as JSON that cannot end the script element it stands in."""
    text = str(fig.to_json())
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def policy(*scripts: str) -> str:
    """Return a content security policy: these scripts and inline styles, nothing else, from nowhere."""
    hashes = (base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
