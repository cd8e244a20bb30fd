"""Who of a palette gets how many wells of a batch: one pooled batch for all targets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import torch

from models.acquisition import Offer
from models.batch import choose
from models.deadline import NEVER, Deadline
from models.filling import sobol_axes
from models.palette import confirmed, views
from models.posterior import Posterior
from models.prospects import prospects
from models.suggestion import Suggestion
from sdl.space import Design

SPREAD = 1024
"""Designs over the space among which the best chance of each target is looked for (a power of 2 for Sobol points)."""

HOPELESS, EVIDENCE = 0.01, 16
"""P(reachable) up to which a target gets no wells while others lack hits, and the readings of each goal that this takes
(chosen: as a whole campaign is given up, `models.verdict`)."""

SURE = 0.25
"""P(hit) below which all targets weigh alike: a wavelength that nothing comes near must not take all wells (chosen)."""


def share_out(
    posterior: Posterior,
    n: int,
    batch: Sequence[Design],
    pending: Sequence[Design],
    pool: Sequence[Design] | None,
    *,
    enough: int,
    deadline: Deadline = NEVER,
) -> list[Suggestion]:
    """Return up to ``n`` suggestions for all targets together, as `models.batch.choose` does for one.

    Each well goes to the target that has had the fewest for its need: the ``enough`` confirmed hits that it still
    lacks, over its best chance of a hit. Targets that have enough, or are
    out of reach by what is known, get none while others lack some.
    """
    each = views(posterior)
    have = [c.target for c in confirmed(posterior)]
    lacking = {view.target.name: max(0, enough - have.count(view.target.name)) for view in each}
    within = {p.target for p in prospects(posterior) if p.p_reachable > HOPELESS or p.readings < EVIDENCE}
    if any(lack and name in within for name, lack in lacking.items()):
        lacking = {name: lack if name in within else 0 for name, lack in lacking.items()}
    if not any(lacking.values()):
        lacking = dict.fromkeys(lacking, 1)
    chance = _chances(each, pool)
    needs = {name: lack / max(SURE, chance[name]) for name, lack in lacking.items()}
    wells = _dealt(n, needs, _spent(each))
    chosen: list[Suggestion] = []
    for view in sorted(each, key=lambda view: -needs[view.target.name]):  # the neediest has first choice of a block
        name = view.target.name
        if wells[name]:
            here = [*batch, *(s.design for s in chosen)]
            left = None if pool is None else [d for d in pool if d not in here]
            found = choose(view, wells[name], here, pending, left, deadline)
            chosen += [dataclasses.replace(s, target=name, why=f"for {name}: {s.why}") for s in found]
    return chosen


def _chances(each: Sequence[Posterior], pool: Sequence[Design] | None) -> dict[str, float]:
    """Return the best P(hit) of each target over designs that can be made."""
    first = each[0]
    if pool is None:
        axes = sobol_axes(first.code.p, SPREAD, first.seed)
        offer = Offer.spread(first.code, axes, {}, first.seed)
    else:
        offer = Offer(columns=first.code.space.columns(pool), code=first.code)
    if not len(offer):
        return dict.fromkeys((view.target.name for view in each), 0.0)
    X = torch.cat([offer.X, first.X])
    return {view.target.name: float(view.p(X, noisy=True).max()) for view in each}


def _spent(each: Sequence[Posterior]) -> dict[str, int]:
    """Return how many experiments came nearer to each target than to the others."""
    names = each[0].codec.names
    rows = [r.features for r in each[0].rows if all(name in r.features for name in names)]
    if not rows:
        return dict.fromkeys((view.target.name for view in each), 0)
    seen = torch.tensor([[r[name] for name in names] for r in rows], dtype=torch.double)
    nearest = torch.stack([view.utility(seen) for view in each]).argmax(0)
    return {view.target.name: int((nearest == k).sum()) for k, view in enumerate(each)}


def _dealt(n: int, needs: Mapping[str, float], spent: Mapping[str, int]) -> dict[str, int]:
    """Deal ``n`` wells by the largest need per well had (d'Hondt's rule), ties to the more important target."""
    wells = dict.fromkeys(needs, 0)
    for _ in range(n):
        name = max(needs, key=lambda name: needs[name] / (1 + spent[name] + wells[name]))
        wells[name] += 1
    return wells
