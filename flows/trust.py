"""How far to trust the model on a chemist's own data: one page, from leave-one-out, time order and reach."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from flows.planning import known_offline, remembered, table_json
from models.inverse import ask
from models.trust import Held, Score, empty, ignorance, in_time, leave_one_out
from sdl.config.load import load_campaign
from sdl.config.quality import remarks
from sdl.errors import Refused
from sdl.progress import state_folder
from sdl.report.trust import write_trust
from sdl.store import Store
from sdl.store.place import place_of
from sdl.store.told import measured_again
from sdl.units import label_of, unit_of

FEW = 3
"""Experiments below which a part of the wavelength range is called blind."""

PARTS = 10
"""Parts of the measured range in which experiments and errors are counted."""


def trust(file: Path, *, state: Path | None = None, data: Path | None = None) -> dict[str, Any]:
    """Return how well each goal is predicted on the data of an offline campaign, and where nothing is known."""
    campaign = load_campaign(file, data=data)
    if campaign.mode != "offline":
        raise Refused(f"{file}: is no offline campaign; `sdl report` shows predicted against measured of a lab's own")
    known = known_offline(campaign, remembered(campaign, file, state)[0])
    posterior = known.advisor.posterior
    if posterior is None or len(posterior.rows) < 5:
        raise Refused(f"{file}: fewer than five usable rows with different results; there is no model to judge yet")
    alone = leave_one_out(posterior)
    later = in_time(posterior.code, campaign.target, posterior.rows, campaign.seed)
    reach = ask(posterior, 1)
    first = posterior.codec.names[0]
    return {
        "campaign": campaign.name,
        "why": campaign.why,
        "model": posterior.name,
        "goals": {name: _judged(name, alone[name], later.get(name, [])) for name in posterior.codec.names},
        "held": {name: [_held_json(h) for h in held] for name, held in alone.items()},
        "later": {name: [_held_json(h) for h in held] for name, held in later.items()},
        "first": first,
        "reach": {
            name: {"measured": _span(alone[name]), "predicted": list(reach.ranges[name])}
            for name in posterior.codec.names
        },
        "parts": _parts(alone[first]),
        "ignorant": ignorance(posterior),
        "empty": empty(posterior),
        "target": {"p_hit": reach.answers[0].forecast.p_hit, "reachable": reach.reachable},
        "warnings": list(dict.fromkeys([*known.warnings, *(remarks(known.table) if known.table else ())])),
        "data": table_json(known.table),
        "order": "the order of the rows in the file, then of what was told",
        "series": _series(file, state),
    }


def write_trust_report(
    file: Path, *, out: Path | None = None, state: Path | None = None, data: Path | None = None
) -> Path:
    """Write the page of `trust` and return where it is."""
    document = trust(file, state=state, data=data)
    return write_trust(document, out or file.resolve().parent / f"{document['campaign']}-trust.html")


def _judged(name: str, alone: Sequence[Held], later: Sequence[Held]) -> dict[str, Any]:
    """Return the scores and a sentence a chemist understands."""
    score = Score.of(alone)
    unit = unit_of(name)
    better = 1.0 - score.mae / score.guess if score.guess > 0 else 0.0
    quality = "well" if better > 0.5 else "roughly" if better > 0.2 else "hardly"
    size = f"{score.mae:.2g} {unit}".rstrip()
    text = (
        f"{label_of(name)} is {quality} predicted: off by {size} on average, where guessing the mean is off by "
        f"{score.guess:.2g} {unit}".rstrip()
        + f"; {score.coverage:.0%} of 95 % intervals held."
    )
    found: dict[str, Any] = {"text": text, "better": better, "alone": _score_json(score)}
    if later:
        score = Score.of(later)
        found["later"] = _score_json(score)
        found["text"] += (
            f" Foreseen from earlier rows only: off by {score.mae:.2g} {unit}".rstrip()
            + f", {score.coverage:.0%} of intervals held."
        )
    return found


def _score_json(score: Score) -> dict[str, float]:
    return {"n": score.n, "mae": score.mae, "guess": score.guess, "coverage": score.coverage}


def _held_json(held: Held) -> dict[str, Any]:
    return {
        "experiment": held.experiment,
        "mean": held.mean,
        "low": held.low,
        "high": held.high,
        "measured": held.measured,
    }


def _span(held: Sequence[Held]) -> list[float]:
    measured = [h.measured for h in held]
    return [min(measured), max(measured)]


def _parts(held: Sequence[Held]) -> list[dict[str, Any]]:
    """Return, for equal parts of the measured range, how many experiments lie there and how far off they were."""
    low, high = _span(held)
    edges = np.linspace(low, high, PARTS + 1)
    found = []
    for a, b in pairwise(edges.tolist()):
        here = [h for h in held if a <= h.measured < b or (b == high and h.measured == high)]
        errors = [abs(h.mean - h.measured) for h in here]
        error = float(np.mean(errors)) if errors else math.nan
        found.append(
            {
                "low": float(a),
                "high": float(b),
                "n": len(here),
                "mae": None if math.isnan(error) else error,
                "blind": len(here) < FEW,
            }
        )
    return found


def _series(file: Path, state: Path | None) -> dict[str, dict[str, list[tuple[str, float, float]]]]:
    """Return the time series of every experiment that was measured more than once."""
    folder = state_folder(file, state)
    if not place_of(folder).exists():
        return {}
    with Store.open(folder, create=False) as store:
        return measured_again(store, store.experiments())
