"""Find what can be made where almost nothing can: a crowd of points moves to where less and less is missed.

Subset simulation (Au and Beck 2001, 10.1016/S0266-8920(01)00019-4): the half of the crowd that misses least is kept
and doubled, and everybody walks on, nobody to where more is missed than by the worst who was kept. So the crowd stays
even, and halving what is left finds a part of 1e-9 in 30 levels. A walk is hit-and-run (Smith 1984,
10.1287/opre.32.6.1296) along what sets two others apart, which follows slabs and needles (ter Braak 2006,
10.1007/s11222-006-8769-1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Missed = Callable[[Array], Array]
"""By how much points ``n x p`` of the unit cube miss each of ``c`` rules, and last 1 for each that is not allowed, for
these or other reasons, 0 for others: ``n x (c + 1)``."""

CROWD = 1024
"""Points that walk (a power of 2, as cells are halved)."""

MOST_LEVELS = 256
"""Levels gone down at most: half of what is left each, so a part of 1e-77 (chosen: never reached)."""

STALLED, LATELY = 0.99, 8
"""Share of what was missed ``LATELY`` levels ago that, missed still, ends the search: a crowd in 100 dimensions comes
down to 0.95 of it (chosen)."""

ROUNDS = 4
"""Steps of each point between two levels (chosen: the closed forms of the tests are met)."""

SHRINKS = 30
"""How often a step that leads out is shortened before it is left out (chosen: to 1e-9 of it where halved)."""

STAY = 0.1
"""Share of the steps that may be left out, so that few are not looked at one by one (chosen: half the time)."""

NOT_MADE = 1e-12
"""What counts as missed, in shares of what is typical, where all rules are kept and yet a point is not allowed: less
than anything else, for nothing tells which way to go (chosen)."""

BLIND = 0.2
"""Share of steps in a direction drawn at random, so that the crowd cannot lose one (chosen)."""


def descend(missed: Missed, p: int, rng: np.random.Generator) -> Array:
    """Return up to `CROWD` points ``n x p`` that miss nothing, evenly over all that do; none where none was found."""
    points = rng.random((CROWD, p))
    first = missed(points)[:, :-1]
    typical = np.where(np.isfinite(first), first, 0.0).mean(0)
    scale = np.where(typical > 0.0, typical, 1.0)

    def total(x: Array) -> Array:
        found = missed(x)
        over = (found[:, :-1] / scale).sum(1)
        return np.asarray(np.where(found[:, -1] == 0.0, 0.0, np.maximum(over, NOT_MADE)), dtype=float)

    far, levels = total(points), [np.inf]
    while levels[-1] > 0.0 and len(levels) < MOST_LEVELS and not _stalled(levels):
        kept = far.argsort(kind="stable")[: CROWD // 2].repeat(2)
        levels.append(float(far[kept[-1]]))
        points, far = _walked(total, points[kept], far[kept], levels[-1], rng)
    return np.asarray(points[far == 0.0], dtype=float)


def _stalled(levels: list[float]) -> bool:
    return len(levels) > LATELY + 1 and levels[-1] >= STALLED * levels[-1 - LATELY]


def _walked(
    total: Callable[[Array], Array], points: Array, far: Array, level: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return points ``n x p`` after `ROUNDS` steps of each to where no more than ``level`` is missed, and what is."""
    points, far = points.copy(), far.copy()
    for _ in range(ROUNDS):
        halves = np.array_split(rng.permutation(len(points)), 2)
        for moving, others in (halves, halves[::-1]):
            along = _directions(points[others], len(moving), rng)
            points[moving], far[moving] = _hit_and_run(total, points[moving], far[moving], along, level, rng)
    return points, far


def _directions(others: Array, n: int, rng: np.random.Generator) -> Array:
    """Return ``n x p`` directions: what sets two of the ``others`` apart, some at random."""
    one, two = rng.integers(len(others), size=(2, n))
    along = others[one] - others[two]
    blind = (rng.random(n) < BLIND) | ~along.any(1)
    along[blind] = rng.standard_normal((int(blind.sum()), along.shape[1]))
    return np.asarray(along, dtype=float)


def _hit_and_run(
    total: Callable[[Array], Array], points: Array, far: Array, along: Array, level: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Step from each point ``n x p`` to one drawn evenly on its line, shrinking towards itself while that leads out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.stack([-points / along, (1.0 - points) / along])
    low = np.where(along != 0.0, ends.min(0), -np.inf).max(1)
    high = np.where(along != 0.0, ends.max(0), np.inf).min(1)
    points, far, waiting = points.copy(), far.copy(), np.arange(len(points))
    for _ in range(SHRINKS):
        step = low[waiting] + rng.random(len(waiting)) * (high[waiting] - low[waiting])
        tried = np.clip(points[waiting] + step[:, None] * along[waiting], 0.0, 1.0)
        then = total(tried)
        there = then <= level
        points[waiting[there]], far[waiting[there]] = tried[there], then[there]
        low[waiting[~there & (step < 0.0)]] = step[~there & (step < 0.0)]
        high[waiting[~there & (step >= 0.0)]] = step[~there & (step >= 0.0)]
        waiting = waiting[~there]
        if len(waiting) <= STAY * len(points):
            break
    return points, far
