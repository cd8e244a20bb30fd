"""When an answer is due: a model that is not ready by then is left, and the space is filled instead."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass


class TimeUp(ArithmeticError):
    """The answer is due before the model has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """``clock`` and the time ``at_s`` on it at which ``limit_s`` have passed."""

    clock: Callable[[], float]
    at_s: float
    limit_s: float

    @classmethod
    def within(cls, limit_s: float, clock: Callable[[], float]) -> Deadline:
        return cls(clock=clock, at_s=clock() + limit_s, limit_s=limit_s)

    def check(self) -> None:
        """Raise `TimeUp` once the time is up; called between steps of some tenths of a second."""
        if self.clock() > self.at_s:
            raise TimeUp(f"the model had no answer within {self.limit_s:g} s")


NEVER = Deadline(clock=time.monotonic, at_s=math.inf, limit_s=math.inf)
