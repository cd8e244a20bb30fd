"""A strategy replayed on a chemist's own past experiments, against random choice and even filling."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flows.asking import wished
from flows.parallel import each
from flows.rehearse import milestone, span
from models.replay import Pool, Replayed, Strategy, replay
from sdl.campaign import Campaign
from sdl.config.load import load_campaign
from sdl.config.table import campaign_table
from sdl.errors import Refused
from sdl.space import DesignSpace
from sdl.target import Target

STRATEGIES: tuple[Strategy, ...] = ("model", "random", "sobol")

BUDGET, BATCH, SEEDS = 40, 8, 10
"""Experiments, designs at a time, and repeats with other seeds, where nothing else is said (the issue's numbers)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One replay, in plain values that travel to another process."""

    file: str
    data: str
    wish: str
    strategy: Strategy
    seed: int
    budget: int
    batch: int


def backtest(
    file: Path,
    *,
    wish: str = "",
    seeds: int = SEEDS,
    budget: int | None = None,
    workers: int | None = None,
    data: Path | None = None,
) -> dict[str, Any]:
    """Return how soon each strategy found what the table holds, as medians and ranges over ``seeds``.

    ``wish`` ("465 nm, FWHM < 20 nm") replaces the campaign's target. Raise `Refused` for a campaign without a table.
    """
    campaign = load_campaign(file, data=data)
    _, target, pool = _pool(campaign, wish)
    if len(pool.designs) < 2 * campaign.budget.batch:
        raise Refused(
            f"{file}: {len(pool.designs)} different designs are too few to replay batches of {campaign.budget.batch}; "
            "lower budget.batch, or add experiments"
        )
    most = min(budget or min(campaign.budget.experiments, BUDGET), len(pool.designs))
    first = Job(
        file=str(file),
        data=str(data or ""),
        wish=wish,
        strategy="model",
        seed=0,
        budget=most,
        batch=min(campaign.budget.batch, most),
    )
    jobs = [dataclasses.replace(first, strategy=s, seed=campaign.seed + k) for s in STRATEGIES for k in range(seeds)]
    found = each(one, jobs, name="backtest", workers=workers)
    name = next(iter(target.goals))
    return {
        "campaign": campaign.name,
        "pool": len(pool.designs),
        "hits_in_pool": pool.hits(target),
        "feature": name,
        "budget": most,
        "batch": first.batch,
        "seeds": seeds,
        "strategies": {s: _summary(found[k * seeds : (k + 1) * seeds], most) for k, s in enumerate(STRATEGIES)},
    }


def one(job: Job) -> Replayed:
    """Replay one campaign from its file."""
    campaign = load_campaign(Path(job.file), data=Path(job.data) if job.data else None)
    space, target, pool = _pool(campaign, job.wish)
    return replay(space, target, pool, job.strategy, seed=job.seed, budget=job.budget, batch=job.batch)


def _pool(campaign: Campaign, wish: str) -> tuple[DesignSpace, Target, Pool]:
    if campaign.mode != "offline":
        raise Refused(f"{campaign.file}: has no table of past experiments; `sdl rehearse` tries a lab campaign ahead")
    target = wished(campaign, wish) if wish else campaign.target
    space = DesignSpace(parameters=campaign.parameters)  # what was made is not judged by today's constraints
    table = campaign_table(campaign)
    return space, target, Pool.of(table.designs, table.features, target)


def _summary(found: Sequence[Replayed], budget: int) -> dict[str, Any]:
    curves = np.array([r.best_miss for r in found])
    return {
        "first_hit": milestone([r.first_hit for r in found], budget),
        "hits": span([r.hits for r in found]),
        "found_one": sum(r.first_hit is not None for r in found) / len(found),
        "best_miss": span([c for c in curves[:, -1] if np.isfinite(c)]) if np.isfinite(curves[:, -1]).any() else None,
        "median_miss": [float(m) if np.isfinite(m) else None for m in np.median(curves, axis=0)],
    }
