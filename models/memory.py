"""From stored experiments to an advisor that knows them, and from an advisor to what a report should remember."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from models.advisor import Advisor
from models.suggestion import Confirmation, Read
from sdl.campaign import Campaign
from sdl.errors import Refused
from sdl.past import read_past
from sdl.space import DesignSpace
from sdl.store import Experiment
from sdl.store import Read as StoredRead
from sdl.units import label_of

if TYPE_CHECKING:
    from models.fitted import Recollection
    from models.posterior import Posterior
    from sdl.chemistry.compiler import Compiler

SLICE_POINTS = 21
"""Points of one slice through the model: a smooth line on a report (chosen)."""

ALWAYS = ("pl_peak_nm", "fwhm_nm", "plqy", "x1_nm")
"""Features that are modelled whether the target names them or not: the same data serve any later target."""

FRUITLESS = {"weak_pl": "no emission to speak of", "turbid": "turbid, no emission read"}
"""Flags of a read that found a liquid without dots in it; without any goal's feature they make the well a failure."""

SPOILT = frozenset({"bubble", "no_blank", "no_dark", "no_light", "no_pl", "no_absorption", "saturated", "duplicate"})
"""Flags that lay a missing feature on the instrument: such a well says nothing of its design."""

CONFOUNDED = 0.95
"""Two parameters whose correlation exceeds this cannot be told apart by a model (variance inflation above 10)."""


def advisor_of(
    campaign: Campaign, space: DesignSpace, experiments: Sequence[Experiment], looks: Sequence[StoredRead]
) -> tuple[Advisor, list[str]]:
    """Return an advisor told of every experiment with a measured goal or a look at its growth, in order.

    Beside it what was left out of the campaign's history, and what was assumed.

    Wells of one attempt share a run effect.  A well lost before its outcome still teaches how it grew; one in which
    nothing came to be, or that a person called failed, teaches where not to go.
    """
    advisor = Advisor(space, campaign.target, seed=campaign.seed, enough=campaign.budget.confirmed_hits)
    grown, notes = _growing(looks), []
    for e in experiments:
        try:
            _teach(advisor, e, grown.get(e.id, []))
        except Refused as exc:
            notes.append(f"{e.id} teaches the model nothing: {exc}")
    return advisor, [*notes, *recall(advisor, campaign)]


def _teach(advisor: Advisor, e: Experiment, reads: Sequence[Read]) -> None:
    goals, design = advisor.target.goals, {name: e.design[name] for name in advisor.space.names}
    found = e.features.values if e.state == "measured" else {}
    wanted = {name: v for name, v in found.items() if name in (*goals, *ALWAYS)}
    if any(name in goals for name in wanted) or reads:
        values, sd = {name: v.value for name, v in wanted.items()}, {name: v.sd for name, v in wanted.items()}
        advisor.tell(design, values, sd=sd, run=e.attempt, experiment=e.id, reads=reads)
    elif why := failure(e):
        advisor.fail(design, why, run=e.attempt, experiment=e.id)


def failure(experiment: Experiment) -> str:
    """Say why nothing came of an experiment, empty where its design is not to blame.

    A well that only a run lost says nothing; one without a run is lost because a person said so.
    """
    if experiment.state == "lost":
        return "" if experiment.attempt else "called failed"
    return fruitless({*experiment.flags, *experiment.features.flags}) if experiment.state == "measured" else ""


def fruitless(flags: Collection[str]) -> str:
    """Say what the flags of a read without features show of its liquid, empty where the instrument is to blame."""
    return "" if SPOILT & set(flags) else next((why for flag, why in FRUITLESS.items() if flag in flags), "")


def _growing(looks: Sequence[StoredRead]) -> dict[str, list[Read]]:
    """Return X1 of every well at the times it was read before its quench, by experiment."""
    found: dict[str, list[Read]] = {}
    for look in looks:
        x1 = look.features.values.get("x1_nm")
        if look.experiment and look.since_injection_s and look.since_quench_s is None and x1 is not None:
            read = Read(time_s=look.since_injection_s, x1_nm=x1.value, sd=x1.sd)
            found.setdefault(look.experiment, []).append(read)
    return found


def recall(advisor: Advisor, campaign: Campaign) -> list[str]:
    """Tell the advisor the campaign's history; return what was left out of it, and what was assumed."""
    wanted = (*campaign.target.goals, *advisor.target.goals, *ALWAYS)
    notes: list[str] = []
    for past in read_past(campaign):
        notes += past.notes
        for result in past.results:
            seen = {n: v for n, v in result.values.items() if n in wanted}
            if not seen:
                continue
            values, sd = {n: v.value for n, v in seen.items()}, {n: v.sd for n, v in seen.items()}
            try:
                advisor.recall(result.design, values, past.source, sd=sd)
            except Refused as exc:
                notes.append(f"{result.place}: {exc}")
    return notes


def history_in_words(posterior: Posterior) -> list[str]:
    """Say of each outcome which history helps to foresee our own experiments, and how much of a long one is used."""
    said = []
    for name, o in zip(posterior.codec.modelled, posterior.surrogate.outcomes, strict=True):
        found = o.fitted.history
        if found is not None:
            said += _recollected(label_of(name), found)
    for source in posterior.past.sources:
        if len(source.rows) < source.told:
            used = f"{len(source.rows)} of {source.told:,} rows are used, nearest to the target and a spread"
            said.append(f"History {source.name}: {used}.")
    return said


def _recollected(outcome: str, found: Recollection) -> list[str]:
    """Say which sources of a history count for one outcome; one that is the only source needs no name."""
    several = len(found.sources) + len(found.left_out) > 1
    said = []
    if found.sources:
        gain = f" (it adds {found.gain:.1f} nats to how well our own rows are foreseen)" if found.gain else ""
        by = f" from {', '.join(found.sources)}" if several else ""
        said.append(f"History for {outcome}{by} counts {found.weight:.0%}{gain}.")
    if found.left_out:
        why = f"is left out: {found.instead} foresees our own rows better" if found.instead else ""
        why = why or f"does not help{' beside it' if found.sources else ''} and is left out"
        by = f" from {', '.join(found.left_out)}" if several else ""
        said.append(f"History for {outcome}{by} {why}.")
    return said


def diagnosis(advisor: Advisor, compiler: Compiler | None = None) -> dict[str, Any]:
    """Return what the model knows now, as JSON: its constants, confirmed designs, and slices through the best.

    Beside them: whether the target can be reached, what each parameter is behind, whether runs drift, and how exactly
    the best recipe must be made (by volume with a ``compiler``).
    """
    posterior = advisor.posterior
    if posterior is None or not posterior.rows:
        return {"confirmed": []}
    from models.control import charts
    from models.palette import measured, worth
    from models.prospects import prospects
    from models.sensitivity import sensitivity
    from models.tolerance import card, card_json, robust

    columns = posterior.code.space.columns
    sure = [{**_claim(c), "robust": float(robust(posterior, columns([c.design]))[0])} for c in advisor.confirmations()]
    known = sorted((c for c, _ in measured(posterior)), key=lambda c: (-c.p, -worth(posterior, c.design)))
    return {
        "model": {"id": posterior.name, "outcomes": posterior.constants()},
        "confirmed": sure,
        "candidates": [_claim(c) for c in known[:5]],
        "slices": _slices(posterior, known[0].design),
        "prospects": [prospect.json for prospect in prospects(posterior)],
        "sensitivity": sensitivity(posterior),
        "tolerance": {
            "experiments": list(known[0].experiments),
            "robust": float(robust(posterior, columns([known[0].design]))[0]),
            "card": card_json(card(posterior, known[0].design, compiler)),
        },
        "control": {chart.feature: chart.json for chart in charts(posterior)},
    }


def _claim(c: Confirmation) -> dict[str, Any]:
    named = {"target": c.target} if c.target else {}
    return {"design": dict(c.design), "p": c.p, "experiments": list(c.experiments), **named}


def _slices(posterior: Posterior, through: Mapping[str, float | str]) -> dict[str, Any]:
    """Return predictions along each parameter with all others as in the design ``through``."""
    found = {}
    for p in posterior.code.space.parameters:
        if p.choices:
            continue
        x = np.linspace(p.low, p.high, SLICE_POINTS)
        designs = [{**through, p.name: float(value)} for value in x]
        forecasts = posterior.forecasts(posterior.code.space.columns(designs))
        features = {
            name: {"mean": [f[name][0] for f in forecasts], "sd": [f[name][1] for f in forecasts]}
            for name in forecasts[0]
        }
        found[p.name] = {"x": x.tolist(), "feature": features}
    return found


def confounded(space: DesignSpace, designs: Sequence[Mapping[str, float | str]]) -> list[str]:
    """Say which pairs of parameters were changed together in the data, and what to do about it."""
    ranged = [p for p in space.parameters if not p.choices]
    if len(designs) < 3:
        return []
    columns = {p.name: np.array([float(d[p.name]) for d in designs]) for p in ranged}
    warnings = []
    for a, b in combinations(ranged, 2):
        r = max((_correlation(x, y) for x in _scales(columns[a.name]) for y in _scales(columns[b.name])), key=abs)
        if abs(r) > CONFOUNDED:
            warnings.append(
                f"{label_of(a.name)} and {label_of(b.name)} were changed together in all {len(designs)} experiments "
                f"(r = {r:.2f}): the data cannot say which of the two moves the result, and predictions away from that "
                f"line are guesses. Make two experiments that break it: {label_of(a.name)} low with {label_of(b.name)} "
                "high, and the reverse; then plan again."
            )
    return warnings


def _scales(column: Any) -> list[Any]:
    """Return the column as it is and, where all values are positive, its logarithm."""
    return [column, np.log(column)] if (column > 0).all() else [column]


def _correlation(x: Any, y: Any) -> float:
    return float(np.corrcoef(x, y)[0, 1]) if x.std() > 0 and y.std() > 0 else 0.0
