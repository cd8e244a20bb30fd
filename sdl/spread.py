"""Spread designs evenly over what can be made: a map of the unit cube onto the feasible part of it.

Rejection would waste most of a sequence where stocks, pipettes and constraints leave a corner of the space, and a
projection would pile designs up at its edge. Here a balanced tree of feasible points carries every point of the cube
to a cell of its own, so that an even sequence stays even and every point becomes a design.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdl.descent import Array, Missed, descend
from sdl.errors import NothingFeasible

Flags = NDArray[np.bool_]

Possible = Callable[[Array], Flags]
"""Say which points ``n x p`` of the unit cube become designs that can be made ``(n,)``."""

LEARNED = 1024
"""Feasible points that the map is learned from: cells of about a quarter of an axis in five dimensions (chosen)."""

MOST_TRIED = 1 << 17
"""Points looked at before a space counts as empty: meets a part of one in 10,000 almost surely (chosen)."""

FEW = 64
"""Points found by chance below which they are searched for: fewer leave cells that span half of every axis (chosen)."""

ALL = 0.995
"""From this share of possible points on the cube is used as it is, and the rest is pulled in (chosen: below 1 %)."""

STEPS = (1.0, 0.5, 0.25, 0.1, 0.02)
"""How far from its cell's feasible point a point is tried; at the last it is that point itself (chosen)."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The map: ``points`` are feasible, ``r x p``, r a power of 2; ``splits`` are the tree's thresholds by level."""

    possible: Possible
    points: Array
    splits: tuple[Array, ...]

    @classmethod
    def learn(cls, possible: Possible, p: int, *, seed: int, missed: Missed) -> Spread:
        """Look at points of the cube until enough are possible, and search where chance finds few.

        ``missed`` says by how much points are not possible, see `descend`; raise `NothingFeasible` when none was found.
        """
        rng = np.random.default_rng(seed)
        found, tried = np.empty((0, p)), 0
        while len(found) < LEARNED and tried < MOST_TRIED:
            axes = rng.random((2 * LEARNED, p))
            found, tried = np.concatenate([found, axes[possible(axes)]]), tried + len(axes)
        if len(found) < FEW:
            found = np.concatenate([descend(missed, p, rng), found])
        if not len(found):
            raise NothingFeasible(
                f"none of {tried} designs can be made and a search for what misses least found none, which is no proof,"
            )
        points = found[: 1 << (len(found).bit_length() - 1)]
        return cls(possible, points, ()) if len(found) >= ALL * tried else cls(possible, *_tree(points))

    def place(self, unit: Array) -> Array:
        """Carry points of the cube ``n x p`` into what can be made, each to its own cell."""
        target, anchor = self._cells(unit)
        placed = target.copy()
        waiting = np.flatnonzero(~self.possible(placed))
        for step in (*STEPS[1:], 0.0):
            if not len(waiting):
                break
            placed[waiting] = anchor[waiting] + step * (target[waiting] - anchor[waiting])
            waiting = waiting[~self.possible(placed[waiting])]
        return placed

    def _cells(self, unit: Array) -> tuple[Array, Array]:
        """Return where each point lands in its cell, and the feasible point of that cell."""
        if not self.splits:
            return unit, self.points[np.arange(len(unit)) % len(self.points)]
        u, low, high = unit.copy(), np.zeros_like(unit), np.ones_like(unit)
        node = np.zeros(len(unit), dtype=int)
        for level, split in enumerate(self.splits):
            a = level % unit.shape[1]
            right = u[:, a] >= 0.5
            u[:, a] = 2.0 * u[:, a] - right
            low[right, a], high[~right, a] = split[node[right]], split[node[~right]]
            node = 2 * node + right
        return low + u * (high - low), self.points[node]


def _tree(points: Array) -> tuple[Array, tuple[Array, ...]]:
    """Sort ``r x p`` points into a balanced tree, one axis a level in turn; return leaves in order and thresholds."""
    order, splits = np.arange(len(points))[None, :], []
    for level in range(len(points).bit_length() - 1):
        values = points[order, level % points.shape[1]]
        rank = np.argsort(values, axis=1, kind="stable")
        order, values = np.take_along_axis(order, rank, axis=1), np.take_along_axis(values, rank, axis=1)
        half = order.shape[1] // 2
        splits.append((values[:, half - 1] + values[:, half]) / 2.0)
        order = order.reshape(-1, half)
    return points[order[:, 0]], tuple(splits)
