"""A strategy replayed on experiments that were made already: it may choose only from them, as if they were new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.advisor import Advisor
from models.encode import DesignCode
from models.filling import sobol_axes
from sdl.space import Design, DesignSpace
from sdl.target import Goal, Target

Strategy = Literal["model", "sobol", "random"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Distinct designs that were made, each with what every one of its replicates gave."""

    designs: tuple[Design, ...]
    outcomes: tuple[tuple[Mapping[str, float], ...], ...]

    @classmethod
    def of(cls, designs: Sequence[Design], features: Sequence[Mapping[str, float]], target: Target) -> Pool:
        """Group replicates; leave out rows that say nothing about the target."""
        groups: dict[tuple[float | str, ...], list[int]] = {}
        for i, (design, seen) in enumerate(zip(designs, features, strict=True)):
            if set(seen) & set(target.goals):
                groups.setdefault(tuple(design.values()), []).append(i)
        return cls(
            designs=tuple(designs[g[0]] for g in groups.values()),
            outcomes=tuple(tuple(features[i] for i in g) for g in groups.values()),
        )

    def hits(self, target: Target) -> int:
        """Return how many designs hit in at least one of their replicates."""
        return sum(any(target.hit(seen) for seen in outcome) for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How one replay went: when it first hit (None: never), how many hits, and the best miss after each experiment.

    A miss is the distance of the first goal's feature from what is wanted (infinite before it is measured).
    """

    first_hit: int | None
    hits: int
    best_miss: tuple[float, ...]


def replay(
    space: DesignSpace, target: Target, pool: Pool, strategy: Strategy, *, seed: int, budget: int, batch: int
) -> Replayed:
    """Let ``strategy`` choose ``budget`` of the pool's designs, ``batch`` at a time; a replicate is drawn by ``seed``.

    The first batch is drawn at random for the model too, so that seeds differ and none has a better start.
    """
    rng = np.random.default_rng(seed)
    order = _ranked(space, pool, strategy, seed, rng)
    left = dict.fromkeys(range(len(pool.designs)))
    advisor = Advisor(space, target, seed=seed, start=0)
    name, goal = next(iter(target.goals.items()))
    misses: list[float] = []
    first_hit, hits = None, 0
    while left and len(misses) < budget:
        n = min(batch, budget - len(misses), len(left))
        if strategy == "model" and misses:
            places = {tuple(pool.designs[i].values()): i for i in left}
            chosen = advisor.suggest(n, pool=[pool.designs[i] for i in left])
            picks = [places[tuple(s.design.values())] for s in chosen]
        else:
            picks = [i for i in order if i in left][:n]
        for i in picks:
            del left[i]
            seen = pool.outcomes[i][int(rng.integers(len(pool.outcomes[i])))]
            advisor.tell(pool.designs[i], {n: v for n, v in seen.items() if n in target.goals})
            hit = target.hit(seen)
            hits += hit
            misses.append(min(miss(goal, seen.get(name)), misses[-1] if misses else np.inf))
            first_hit = len(misses) if hit and first_hit is None else first_hit
    return Replayed(first_hit=first_hit, hits=hits, best_miss=tuple(float(m) for m in misses))


def miss(goal: Goal, value: float | None) -> float:
    """Return how far ``value`` is from ``goal``: from what a match aims at, else outside the bounds."""
    if value is None:
        return float("inf")
    if goal.wanted is not None:
        return abs(value - goal.wanted)
    if goal.bounded:
        return max(goal.low - value, value - goal.high, 0.0)
    return value if goal.kind == "minimize" else -value


def _ranked(space: DesignSpace, pool: Pool, strategy: Strategy, seed: int, rng: np.random.Generator) -> list[int]:
    """Return the pool in the order a strategy without a model takes it."""
    if strategy != "sobol":
        return [int(i) for i in rng.permutation(len(pool.designs))]
    code = DesignCode(space)
    axes = code.axes(space.columns(pool.designs))
    free = np.ones(len(axes), dtype=bool)
    order: list[int] = []
    for point in sobol_axes(code.p, len(axes), seed)[: len(axes)]:
        distance = np.where(free, np.linalg.norm(axes - point, axis=1), np.inf)
        i = int(distance.argmin())
        free[i] = False
        order.append(i)
    return order
