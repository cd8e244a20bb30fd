"""What is wanted: a list of goals in order of importance, and what counts as a hit."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sdl.errors import Refused

Kind = Literal["match", "minimize", "maximize", "inside"]
Source = Literal["pl", "absorption", "manual"]


BEHIND = {"cie_x": "pl_peak_nm", "cie_y": "fwhm_nm"}
"""What is modelled in the place of each coordinate of a colour that is read from the emission line."""


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
    traded: bool = False
    """Whether it is one side of a trade-off: wanted as far as possible, but not before or after the other side."""

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


def minimize(*, below: float = math.inf, source: Source = "pl", traded: bool = False) -> Goal:
    """Ask for as little as possible, and for less than ``below`` to count as a hit; ``traded`` as in `Goal`."""
    return Goal(kind="minimize", high=below, source=source, traded=traded)


def maximize(*, above: float = -math.inf, source: Source = "pl", traded: bool = False) -> Goal:
    """Ask for as much as possible, and for more than ``above`` to count as a hit; ``traded`` as in `Goal`."""
    return Goal(kind="maximize", low=above, source=source, traded=traded)


def inside(low: float, high: float, *, source: Source = "pl") -> Goal:
    """Ask for a value between ``low`` and ``high``, wherever in between."""
    if not low < high:
        raise Refused(f"inside {low!r} .. {high!r}: low must be below high")
    return Goal(kind="inside", low=low, high=high, source=source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Goals by feature name, most important first; a palette is several of them that one campaign serves.

    ``name`` tells the targets of a palette apart, such as "465 nm"; ``others`` are the further ones, which have goals
    for the same features.
    """

    goals: Mapping[str, Goal]
    name: str = ""
    others: tuple[Target, ...] = ()

    @classmethod
    def of(cls, **goals: Goal) -> Target:
        """Build a target from ``pl_peak_nm=match(465.0, within=1.0), ...`` in order of importance."""
        if not goals:
            raise Refused("a target needs at least one goal, such as pl_peak_nm=match(465.0, within=1.0)")
        if sum(goal.traded for goal in goals.values()) not in (0, 2):
            raise Refused("a trade-off has two sides: mark two goals as traded, or none")
        return cls(goals=dict(goals))

    @classmethod
    def palette(cls, **targets: Target) -> Target:
        """Build one target of several, most important first: ``palette(blue=Target.of(...), green=Target.of(...))``."""
        named = [replace(target, name=name, others=()) for name, target in targets.items()]
        if len(named) < 2 or any(list(t.goals) != list(named[0].goals) for t in named):
            raise Refused("a palette needs two targets at least, with goals for the same features in the same order")
        return replace(named[0], others=tuple(named[1:]))

    @classmethod
    def stored(cls, parsed: Mapping[str, Any]) -> Target | None:
        """Return the target of a campaign as its store keeps it; None where there is none yet."""
        palette = parsed.get("palette") or {"": parsed.get("target") or {}}
        found = [cls(goals={n: _goal(g) for n, g in goals.items()}, name=name) for name, goals in palette.items()]
        return replace(found[0], others=tuple(found[1:])) if found[0].goals else None

    @property
    def each(self) -> tuple[Target, ...]:
        """The targets of the palette, most important first; the target itself where there is one only."""
        return (replace(self, others=()), *self.others)

    @property
    def bounded(self) -> dict[str, Goal]:
        """The goals that decide a hit (of the first target of a palette)."""
        return {name: goal for name, goal in self.goals.items() if goal.bounded}

    @property
    def traded(self) -> tuple[str, ...]:
        """The features of a trade-off, none where goals have an order."""
        return tuple(name for name, goal in self.goals.items() if goal.traded)

    def hit(self, values: Mapping[str, float]) -> bool:
        """Say whether every bounded goal is measured and holds (a goal not measured is not a hit); one of a palette."""
        return self.served(values) is not None

    def served(self, values: Mapping[str, float]) -> Target | None:
        """Return the target of the palette that is hit, the most important one; None for no hit."""
        return next(
            (t for t in self.each if t.bounded and all(_holds(g, n, values) for n, g in t.bounded.items())), None
        )

    def least(self, served: Sequence[str]) -> int:
        """Return how often the least served target stands in ``served``, the names of targets."""
        return min(list(served).count(target.name) for target in self.each)


def paints(target: Target, known: Collection[str]) -> bool:
    """Say whether a target's colour can be read from the line: what is behind it is ``known`` and no goal itself."""
    behind = set(BEHIND.values())
    return set(BEHIND) <= set(target.goals) and not behind & set(target.goals) and behind <= set(known)


def _goal(entry: Mapping[str, Any]) -> Goal:
    low, high = entry.get("low"), entry.get("high")
    return Goal(
        kind=entry["kind"],
        wanted=entry.get("wanted"),
        low=-math.inf if low is None else low,
        high=math.inf if high is None else high,
        source=entry.get("source", "pl"),
        traded=entry.get("traded", False),
    )


def _holds(goal: Goal, name: str, values: Mapping[str, float]) -> bool:
    return name in values and goal.holds(values[name])
