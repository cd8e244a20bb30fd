"""Which of very many past experiments the model learns from: those nearest to the target, and a spread of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.encode import DesignCode
from sdl.space import Design, DesignSpace
from sdl.target import Goal, Target

MOST_ROWS = 500
"""Rows that a model of one ask learns from: its fit grows with their cube and takes some seconds at this number."""


MOST_HISTORY = 300
"""Rows of a history, all sources together, that are learned from (chosen: its models are fitted once, in seconds)."""


def informative(
    space: DesignSpace,
    target: Target,
    designs: Sequence[Design],
    features: Sequence[Mapping[str, float]],
    *,
    most: int = MOST_ROWS,
) -> list[int]:
    """Return at most ``most`` row numbers in their order: half nearest to the target, half far apart."""
    n = len(designs)
    if n <= most:
        return list(range(n))
    miss = sum(_miss([f.get(name, np.nan) for f in features], goal) for name, goal in target.goals.items())
    nearest = np.argsort(miss, kind="stable")[: most // 2]
    code = DesignCode(space)
    X = code.inputs(space.columns(designs))
    chosen = list(nearest)
    distance = np.min([np.linalg.norm(X - X[i], axis=1) for i in chosen], axis=0)
    while len(chosen) < most:
        i = int(distance.argmax()) if distance.max() > 0 else int(np.setdiff1d(np.arange(n), chosen)[0])
        chosen.append(np.int64(i))
        distance = np.minimum(distance, np.linalg.norm(X - X[i], axis=1))
        distance[i] = -1.0
    return sorted(int(i) for i in chosen)


def _miss(values: Sequence[float], goal: Goal) -> NDArray[np.float64]:
    """Return how far values lie from one goal, in units of their own spread; a missing one is a spread away."""
    seen = np.asarray(values, dtype=float)
    spread = float(np.nanstd(seen)) if np.isfinite(seen).any() else 1.0
    if goal.wanted is not None:
        away = np.abs(seen - goal.wanted)
    elif goal.bounded:
        away = np.maximum(goal.low - seen, 0.0) + np.maximum(seen - goal.high, 0.0)
    else:
        away = seen if goal.kind == "minimize" else -seen
    return np.nan_to_num(away / (spread or 1.0), nan=1.0)
