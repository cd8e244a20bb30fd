"""The whole campaign many times before the first drop: experiments, hours, tips, waste, and how likely it succeeds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flows.parallel import each
from flows.planning import known_offline, remembered
from flows.rehearsal import EmulatorGround, Ground, LabGround, Rehearsed, rehearse_once
from models.advisor import Advisor
from models.emulator import Emulator
from models.memory import recall
from sdl.campaign import Campaign
from sdl.chemistry.feasible import design_space
from sdl.config.load import load_campaign
from sdl.errors import Refused

RUNS = 30
"""Campaigns in one rehearsal: the ends of its 90 % interval are then its second lowest and second highest (chosen)."""

KINETICS_RSD = 0.2
"""How far a real lab's rate constants may be from the model's: 20 %, the rehearsal's assumption."""

TIPS_PER_RACK = 96
"""Tips in a rack (Opentrons tip rack definitions)."""


STRATEGIES = ("model", "sobol")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One campaign to rehearse, in plain values that travel to another process."""

    file: str
    seed: int
    strategy: str
    kinetics_rsd: float = KINETICS_RSD
    data: str = ""
    state: str = ""
    stop_at: int | None = None


def rehearse(
    file: Path,
    *,
    runs: int = RUNS,
    workers: int | None = None,
    state: Path | None = None,
    data: Path | None = None,
    strategies: Sequence[str] = STRATEGIES,
) -> dict[str, Any]:
    """Return what ``runs`` rehearsed campaigns of ``file`` needed by each of ``strategies``, model or Sobol.

    A lab campaign is rehearsed on the virtual lab with other lots and kinetics each time; an offline one on worlds
    drawn from a model of its data, which its advisor knows from the start.
    """
    if runs < 2:
        raise Refused(f"--runs {runs}: a rehearsal needs two campaigns at least; 30 give a fair 90 % interval")
    campaign = load_campaign(file, data=data)
    first = Job(file=str(file), data=str(data or ""), state=str(state or ""), seed=0, strategy="")
    labs = seeds(campaign.seed, runs)
    jobs = [dataclasses.replace(first, seed=seed, strategy=strategy) for strategy in strategies for seed in labs]
    found = each(one, jobs, name="rehearsal", workers=workers)
    document: dict[str, Any] = {
        "campaign": campaign.name,
        "ground": "the virtual lab" if campaign.mode == "lab" else "worlds drawn from a model of the data",
        "runs": runs,
        "kinetics_rsd": KINETICS_RSD if campaign.mode == "lab" else None,
        "budget": campaign.budget.experiments,
        "strategies": {},
    }
    for k, strategy in enumerate(strategies):
        document["strategies"][strategy] = summary(found[k * runs : (k + 1) * runs], campaign)
    return document


def seeds(seed: int, runs: int) -> list[int]:
    """Return the seeds of the rehearsed labs: never that of the campaign itself."""
    return [int(s) for s in np.random.SeedSequence([seed, 0x5D1]).generate_state(runs)]


def one(job: Job) -> Rehearsed:
    """Rehearse one campaign from its file."""
    campaign = load_campaign(Path(job.file), data=Path(job.data) if job.data else None)
    start = campaign.budget.experiments if job.strategy == "sobol" else None
    if campaign.mode == "lab":
        ground: Ground = LabGround(campaign, seed=job.seed, kinetics_rsd=job.kinetics_rsd)
        advisor = Advisor(design_space(campaign), campaign.target, seed=job.seed, start=start)
        recall(advisor, campaign)
        return rehearse_once(campaign, advisor, ground, stop_at=job.stop_at)
    known = known_offline(campaign, remembered(campaign, Path(job.file), Path(job.state) if job.state else None)[0])
    posterior = known.advisor.posterior
    if posterior is None:
        raise Refused(f"{job.file}: the data have no two different results, so there is nothing to rehearse on")
    rows = known.advisor.rows
    filling = len(rows) + campaign.budget.experiments if job.strategy == "sobol" else 0
    advisor = Advisor(known.space, campaign.target, seed=job.seed, start=filling)
    advisor.rows, advisor.history = list(rows), list(known.advisor.history)
    return rehearse_once(campaign, advisor, EmulatorGround(Emulator(posterior, job.seed)), stop_at=job.stop_at)


def summary(found: Sequence[Rehearsed], campaign: Campaign) -> dict[str, Any]:
    """Return medians and 90 % intervals over rehearsed campaigns, probabilities, and how honest the forecasts were."""
    budget = campaign.budget.experiments
    tips = {mount: span([r.spent.tips[mount] for r in found]) for mount in (found[0].spent.tips if found else {})}
    racks = [sum(math.ceil(n / TIPS_PER_RACK) for n in r.spent.tips.values()) for r in found]
    vials = campaign.lab.deck[campaign.lab.blocks[0].rack].wells if campaign.lab else 0
    forecasts = sum(r.forecasts for r in found)
    return {
        "first_hit": milestone([r.first_hit for r in found], budget),
        "confirmed": milestone([r.confirmed for r in found], budget),
        "experiments": span([r.experiments for r in found]),
        "p_reached": sum(r.confirmed_designs >= campaign.budget.confirmed_hits for r in found) / len(found),
        "p_hit": sum(r.first_hit is not None for r in found) / len(found),
        "hours": span([r.spent.hours for r in found]),
        "tips": tips,
        "tip_racks": span(racks),
        "plates": span([math.ceil(r.spent.vials / vials) for r in found]) if vials else None,
        "waste_ml": span([r.spent.waste_ml for r in found]),
        "stocks_ml": {s: span([r.spent.stocks_ml[s] for r in found]) for s in found[0].spent.stocks_ml},
        "coverage": sum(r.covered for r in found) / forecasts if forecasts else None,
        "expected_hits": sum(r.expected_hits for r in found),
        "modelled_hits": sum(r.modelled_hits for r in found),
        "unreadable": sum(r.unreadable for r in found),
    }


def span(values: Sequence[float]) -> dict[str, float]:
    """Return the median and the 5 % and 95 % quantiles."""
    low, middle, high = np.quantile(np.asarray(values, dtype=float), (0.05, 0.5, 0.95), method="inverted_cdf")
    return {"median": float(middle), "low": float(low), "high": float(high)}


def milestone(at: Sequence[int | None], budget: int) -> dict[str, float | None]:
    """Return median and 90 % interval of when a milestone was reached; None is later than the budget."""
    counted = span([budget + 1 if n is None else n for n in at])
    return {name: value if value <= budget else None for name, value in counted.items()}
