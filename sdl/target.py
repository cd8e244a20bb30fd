"""What is wanted: a list of goals in order of importance, and what counts as a hit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sdl.errors import Refused

Kind = Literal["match", "minimize", "maximize", "inside"]
Source = Literal["pl", "absorption", "manual"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One entry of a target, in the feature's own unit.

    ``low`` and ``high`` are the hard bounds of a hit (infinite where there is none); ``wanted`` is the value
    a "match" aims at.
    """

    kind: Kind
    wanted: float | None = None
    low: float = -math.inf
    high: float = math.inf
    source: Source = "pl"

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) or math.isfinite(self.high)

    @property
    def one_sided(self) -> bool:
        """Whether more (or less) is better, beyond a bound too."""
        return self.kind in ("minimize", "maximize")

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def match(value: float, *, within: float, source: Source = "pl") -> Goal:
    """Ask for ``value`` to within ``within`` (same unit)."""
    if not (math.isfinite(value) and math.isfinite(within) and within > 0):
        raise Refused(f"match {value!r} within {within!r}: both must be finite and the tolerance above 0")
    return Goal(kind="match", wanted=value, low=value - within, high=value + within, source=source)


def minimize(*, below: float = math.inf, source: Source = "pl") -> Goal:
    """Ask for as little as possible, and for less than ``below`` to count as a hit."""
    return Goal(kind="minimize", high=below, source=source)


def maximize(*, above: float = -math.inf, source: Source = "pl") -> Goal:
    """Ask for as much as possible, and for more than ``above`` to count as a hit."""
    return Goal(kind="maximize", low=above, source=source)


def inside(low: float, high: float, *, source: Source = "pl") -> Goal:
    """Ask for a value between ``low`` and ``high``, wherever in between."""
    if not low < high:
        raise Refused(f"inside {low!r} .. {high!r}: low must be below high")
    return Goal(kind="inside", low=low, high=high, source=source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Goals by feature name, most important first."""

    goals: Mapping[str, Goal]

    @classmethod
    def of(cls, **goals: Goal) -> Target:
        """Build a target from ``pl_peak_nm=match(465.0, within=1.0), ...`` in order of importance."""
        if not goals:
            raise Refused("a target needs at least one goal, such as pl_peak_nm=match(465.0, within=1.0)")
        return cls(goals=dict(goals))

    @property
    def bounded(self) -> dict[str, Goal]:
        """The goals that decide a hit."""
        return {name: goal for name, goal in self.goals.items() if goal.bounded}

    def hit(self, values: Mapping[str, float]) -> bool:
        """Say whether every bounded goal is measured and holds (a goal not measured is not a hit)."""
        return bool(self.bounded) and all(name in values and g.holds(values[name]) for name, g in self.bounded.items())
