"""What is expected of a quantity before any reading: a level, or a law of growth, with what is not known about it.

A trend is a mean and features: the mean is known, the features carry coefficients of unit normal prior.  So the
uncertainty of every coefficient stays in the model and the data correct it, also where the law is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVEL_SD = 3.0
"""Prior sd of the level of a standardised outcome: wide against its spread of 1, so that the data decide (chosen)."""

OFFSET_SD = 2.0
"""Prior sd of the difference between two kinds of reading, in spreads (chosen: wide)."""


ELSEWHERE = 1.0 / 6.0
"""Prior sd of another lab's level over `LEVEL_SD`: half a spread of its outcomes (chosen: other lots, same route)."""


class Trend(Protocol):
    """Mean ``(N,)`` and features ``N x p`` of readings of ``kind`` at designs ``N x d``, in the model's own unit.

    It ``leads`` where it says what each design gives, so that less is left to learn.
    """

    leads: ClassVar[bool]

    def __call__(self, X: Array, kind: int) -> tuple[Array, Array]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """About the mean of what was seen, and one more constant for every further kind of reading."""

    mean: float
    spread: float
    kinds: int = 1

    leads: ClassVar[bool] = False

    def __call__(self, X: Array, kind: int) -> tuple[Array, Array]:
        features = np.zeros((len(X), self.kinds))
        features[:, 0] = LEVEL_SD * self.spread
        if kind:
            features[:, kind] = OFFSET_SD * self.spread
        return np.full(len(X), self.mean), features


class Leader(Protocol):
    """What another outcome follows: a value ``(N,)`` at designs ``N x d``."""

    def expected(self, X: Array) -> Array: ...


class Past(Protocol):
    """Experiments made elsewhere: their level, and mean ``(N,)`` and features ``N x p`` of designs ``N x d``."""

    @property
    def level(self) -> float: ...
    def __call__(self, X: Array) -> tuple[Array, Array]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What experiments made elsewhere say: their level and ``weight`` times what moves it, and an offset to ours."""

    level: Level
    past: Past
    weight: float

    leads: ClassVar[bool] = True

    def __call__(self, X: Array, kind: int) -> tuple[Array, Array]:
        _, offset = self.level(X, kind)
        offset[:, 0] *= ELSEWHERE
        said, unsure = self.past(X)
        mean = self.past.level + self.weight * (said - self.past.level)
        return mean, np.concatenate([offset, self.weight * unsure], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """A level, and a straight line in what the law of growth expects of the energy: width and yield follow the size."""

    level: Level
    leader: Leader
    centre: float
    scale: float

    leads: ClassVar[bool] = False

    def __call__(self, X: Array, kind: int) -> tuple[Array, Array]:
        mean, features = self.level(X, kind)
        line = self.level.spread * (self.leader.expected(X) - self.centre) / self.scale
        return mean, np.concatenate([features, line[:, None]], axis=1)
