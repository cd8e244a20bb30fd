"""Designs that fill the space evenly, for the first look and wherever a model cannot be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.encode import Array, DesignCode
from sdl.errors import NothingFeasible
from sdl.space import Columns, Design
from sdl.spread import Spread

Allowed = Mapping[str, NDArray[np.generic]]
"""The values that a shared parameter may take in this batch, by name; a name that is absent is free."""


def sobol_axes(p: int, n: int, seed: int) -> Array:
    """Return ``n`` (rounded up to a power of 2) scrambled Sobol points of the ``p``-dimensional unit cube."""
    from scipy.stats import qmc

    return np.asarray(qmc.Sobol(p, rng=seed).random_base2((n - 1).bit_length()))


def fill(code: DesignCode, n: int, done: int, batch: Sequence[Design], seed: int) -> list[dict[str, float | str]]:
    """Return the designs ``done + 1 .. done + n`` of one Sobol sequence through what can be made.

    Shared parameters take the values of ``batch`` and, up to the allowed number, further ones that move with
    ``done``.  Raise `NothingFeasible` when fewer than ``n`` can be made.
    """
    if n == 0:
        return []
    axes = sobol_axes(code.p, max(64, done + n), seed)
    free = code.columns(axes)
    allowed = {
        name: np.array(list(dict.fromkeys([*(d[name] for d in batch), *free[name][done : done + k].tolist()]))[:k])
        for name, k in code.space.shared.items()
    }
    try:
        return code.space.designs(spread_out(code, axes[done : done + n], allowed, seed))
    except NothingFeasible as exc:
        raise NothingFeasible(code.space.nothing(str(exc))) from exc


def spread_out(code: DesignCode, axes: Array, allowed: Allowed, seed: int) -> Columns:
    """Carry points of the cube ``n x p`` to designs that can be made, each to one; shared values are dealt in turn.

    Raise `NothingFeasible` when no design can be made with a value of ``allowed``.
    """
    deals = max((len(values) for values in allowed.values()), default=1)
    placed = axes.copy()
    for deal in range(deals):
        dealt = {name: values[[deal % len(values)]] for name, values in allowed.items()}
        placed[deal::deals] = _spread(code, dealt, seed).place(axes[deal::deals])
    columns, ok = code.make(placed, allowed)
    return {name: values[ok] for name, values in columns.items()}


def _spread(code: DesignCode, dealt: Allowed, seed: int) -> Spread:
    """Learn where designs with the one value of each shared parameter that is ``dealt`` can be made."""
    return Spread.learn(
        lambda axes: code.make(axes, dealt)[1], code.p, seed=seed, missed=lambda axes: code.missed(axes, dealt)
    )


def far_apart(
    code: DesignCode, pool: Sequence[Design], taken: Sequence[Design], n: int
) -> list[dict[str, float | str]]:
    """Return up to ``n`` designs of ``pool``, each the farthest from all chosen and ``taken`` before it."""
    X = code.inputs(code.space.columns(pool))
    known = code.inputs(code.space.columns(taken)) if taken else X.mean(0, keepdims=True)
    distance = np.min([np.linalg.norm(X - x, axis=1) for x in known], axis=0)
    distance = distance if taken else distance + 1.0
    chosen: list[dict[str, float | str]] = []
    while len(chosen) < n and distance.max() > code.same:
        i = int(distance.argmax())
        chosen.append(dict(pool[i]))
        distance = np.minimum(distance, np.linalg.norm(X - X[i], axis=1))
    return chosen
