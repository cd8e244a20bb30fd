"""Inverse design as a question: which recipe gives these features, by what a store or a table knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.planning import Knowledge, known_offline, remembered, table_json
from flows.verdict import verdict
from models.inverse import Answer, Reach, ask, closest, nearest
from models.memory import advisor_of
from models.palette import views
from models.posterior import Posterior
from models.tolerance import card, card_json
from sdl.attempt.wording import recipe_json
from sdl.campaign import Budget, Campaign
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space
from sdl.config.draft import describe_table
from sdl.config.load import load_campaign
from sdl.config.offline import uninformed
from sdl.config.pool import read_pool
from sdl.config.wish import read_wish
from sdl.errors import Refused
from sdl.space import Design
from sdl.store import Experiment, Read
from sdl.target import Goal, Target
from sdl.units import BY_NAME, label_of

TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".parquet")

RECIPES = 3
"""Recipes in one answer."""


def ask_for(
    file: Path, wish: str, *, n: int | None = None, state: Path | None = None, data: Path | None = None
) -> dict[str, Any]:
    """Return the answer to ``wish`` ("480 nm, FWHM < 20 nm") from a campaign file, with its store, or a bare table.

    For a palette ("470, 480 nm") the answers stand under ``palette``, by the name of each target.
    """
    campaign = _of_a_table(file, wish) if file.suffix.lower() in TABLES else load_campaign(file, data=data)
    target = wished(campaign, wish)
    compiler = Compiler.of(campaign) if campaign.stocks else None
    known = _known(campaign, file, state, target)
    posterior = known.advisor.posterior
    if posterior is None:
        seen = sorted({name for row in known.advisor.rows for name in row.features})
        raise Refused(
            f"{file}: nothing is known about {', '.join(label_of(n) for n in target.goals)}, two experiments with "
            f"different results at least are needed (there is {', '.join(map(label_of, seen)) or 'nothing yet'}); "
            "`sdl plan` without --target suggests the first ones"
        )
    unknown = [name for name in target.bounded if name not in posterior.codec.names]
    if unknown:
        raise Refused(
            f"{file}: {', '.join(map(label_of, unknown))} was never measured with two different results, so nobody can "
            "say how to reach it; drop it from --target or measure it"
        )
    pool = read_pool(campaign, known.space) if campaign.pool else None
    found = {view.target.name: _answered(view, n or RECIPES, pool, compiler) for view in views(posterior)}
    return {
        "campaign": campaign.name,
        **({"palette": found} if target.others else found[target.name]),
        "model": {"id": posterior.name},
        "warnings": list(known.warnings),
        "data": table_json(known.table),
    }


def _answered(view: Posterior, n: int, pool: Sequence[Design] | None, compiler: Compiler | None) -> dict[str, Any]:
    """Return the answer for the one target that the model ``view`` is asked about."""
    reach = ask(view, n, pool=pool)
    return {
        "target": {name: _goal_json(goal) for name, goal in view.target.goals.items()},
        "reachable": reach.reachable,
        "answers": [_answer(view, a, compiler) for a in reach.answers],
        "closest_measured": [_measured(view, i) for i in closest(view, RECIPES)],
        "ranges": _ranges(view, reach),
        "text": verdict(reach, view),
    }


def _known(campaign: Campaign, file: Path, state: Path | None, target: Target) -> Knowledge:
    experiments: Sequence[Experiment] = ()
    reads: Sequence[Read] = ()
    if file.suffix.lower() not in TABLES:
        experiments, reads = remembered(campaign, file, state)
    if campaign.mode == "offline":
        return known_offline(campaign, experiments, target)
    space = design_space(campaign)
    wanted = dataclasses.replace(campaign, target=target)
    advisor, notes = advisor_of(wanted, space, experiments, reads)
    return Knowledge(space=space, advisor=advisor, table=None, warnings=tuple(notes))


def wished(campaign: Campaign, wish: str) -> Target:
    """Return the wish as a target, in the tolerances of the campaign where it states none."""
    known = {label_of(name).replace(" ", "_").lower(): name for name in campaign.target.goals if name not in BY_NAME}
    tolerances = {
        name: goal.high - goal.wanted for name, goal in campaign.target.goals.items() if goal.wanted is not None
    }
    return read_wish(wish, known=known, tolerances=tolerances)


def _of_a_table(file: Path, wish: str) -> Campaign:
    """Return a campaign on a bare table, its columns as their headers seem to say; every guess is warned of."""
    source, parameters = describe_table(file)
    target = read_wish(wish, known={}, tolerances={})
    missing = [label_of(name) for name in uninformed(target, source.columns)]
    if missing:
        raise Refused(f"{file}: no column looks like {', '.join(missing)}; `sdl init --from {file} DIR` maps columns")
    return Campaign(
        name=file.stem,
        why="",
        target=target,
        parameters=parameters,
        constraints=(),
        budget=Budget(experiments=1, batch=1),
        seed=0,
        file=str(file),
        sha256="",
        mode="offline",
        data=source,
    )


def _answer(posterior: Posterior, answer: Answer, compiler: Compiler | None) -> dict[str, Any]:
    expected = {
        name: {"mean": e.mean, "sd": e.sd, "low": e.low, "high": e.high} for name, e in answer.forecast.expected.items()
    }
    return {
        "design": dict(answer.design),
        "recipe": None if compiler is None else recipe_json(compiler.recipe(answer.design)),
        "expected": expected,
        "p_hit": answer.forecast.p_hit,
        "p_hit_poured": answer.robust,
        "tolerance": card_json(card(posterior, answer.design, compiler)),
        "closeness": answer.closeness,
        "nearest": [{**_measured(posterior, i), "distance": away} for i, away in nearest(posterior, answer.design, 2)],
    }


def _measured(posterior: Posterior, i: int) -> dict[str, Any]:
    row = posterior.rows[i]
    return {"experiment": row.experiment, "design": dict(row.design), "features": dict(row.features)}


def _ranges(posterior: Posterior, reach: Reach) -> dict[str, dict[str, list[float]]]:
    found = {}
    for name, span in reach.ranges.items():
        seen = [r.features[name] for r in posterior.rows if name in r.features]
        found[name] = {"measured": [min(seen), max(seen)] if seen else [], "predicted": list(span)}
    return found


def _goal_json(goal: Goal) -> dict[str, Any]:
    finite = {k: v for k, v in (("low", goal.low), ("high", goal.high)) if abs(v) != float("inf")}
    return {"kind": goal.kind, "wanted": goal.wanted, **finite}
