"""What people measured and told, of one experiment over time."""

from __future__ import annotations

from sdl.store.core import Core
from sdl.store.rows import Experiment

TOLD = "measurement told"
"""The event of one told result: its features, when they were measured, who said so, and from which row."""


def series(store: Core, experiment: Experiment) -> dict[str, list[tuple[str, float, float]]]:
    """Return each feature's measurements as (moment, value, sd), oldest first: the robot's outcome and what was told.

    What was told without a moment carries when it was told.
    """
    found: dict[str, list[tuple[str, float, float]]] = {}
    for event in store.events(kinds=[TOLD, "features saved"]):
        own = event.experiment == experiment.id
        if own or (experiment.outcome_read is not None and event.data.get("read") == experiment.outcome_read):
            moment = event.data.get("measured_at") or event.at_utc
            for name, (value, sd) in event.data["features"].items():
                found.setdefault(name, []).append((moment, float(value), float(sd)))
    return {name: sorted(points) for name, points in found.items()}


def measured_again(store: Core, experiments: list[Experiment]) -> dict[str, dict[str, list[tuple[str, float, float]]]]:
    """Return the time series of every experiment of which a feature was told more than once."""
    told = {e.experiment for e in store.events(kinds=[TOLD])}
    every = {e.id: series(store, e) for e in experiments if e.id in told}
    again = {id: {n: points for n, points in found.items() if len(points) > 1} for id, found in every.items()}
    return {id: found for id, found in again.items() if found}
