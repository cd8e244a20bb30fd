"""One experiment as a mark in a figure: its kind, its value with its bar in the shown unit, and what it says."""

from __future__ import annotations

from collections.abc import Sequence

from sdl.report.facts import Facts
from sdl.report.prose import shown, with_sd
from sdl.report.style import HALF_95, INK, KINDS
from sdl.store import Experiment


def kind_of(experiment: Experiment) -> str:
    """Return the kind whose colour and symbol an experiment has."""
    return experiment.kind if experiment.kind in KINDS else "fallback"


def value_of(experiment: Experiment, name: str) -> float:
    """Return a measured value in the shown unit."""
    return experiment.features.values[name].value * shown(name).factor


def bar_of(experiment: Experiment, name: str) -> float:
    """Return half of the 95 % interval of a reading, in the shown unit."""
    return HALF_95 * experiment.features.values[name].sd * shown(name).factor


def expected_of(experiment: Experiment, name: str, which: str) -> float:
    """Return the ``which`` ("mean", "low", "high") of what was expected before, in the shown unit."""
    return float(experiment.suggestion["expected"][name][which]) * shown(name).factor


def rims(here: Sequence[Experiment]) -> dict[str, list[float] | list[str]]:
    """Return the marker lines of experiments: dark and wide for hits."""
    return {"width": [2.2 if e.is_hit else 0.8 for e in here], "color": [INK if e.is_hit else "white" for e in here]}


def hover(experiment: Experiment, facts: Facts) -> str:
    """Return what an experiment says when it is pointed at."""
    seen = experiment.features.values
    lines = [f"<b>{experiment.id}</b> ({experiment.kind}){', hit' if experiment.is_hit else ''}"]
    lines += [
        f"{shown(n).label} {with_sd(n, seen[n].value, seen[n].sd)} {shown(n).unit}" for n in facts.features if n in seen
    ]
    return "<br>".join(lines)
