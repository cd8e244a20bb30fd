"""What the advisor is told and what it answers: rows, suggestions, forecasts, confirmations; plain values only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["sobol", "explore", "exploit", "replicate", "sentinel", "fallback"]

CONFIRMED = 0.8
"""P(all bounds hold for the design's mean outcome) from which a hit is confirmed: a run-to-run scatter of 1-3 nm makes
one measured +-1 nm luck (``docs``: what a hit is)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What one new measurement of a feature should read, in the feature's unit: mean, sd and 95 % interval."""

    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast(Mapping[str, tuple[float, float]]):
    """``forecast[feature]`` is ``(mean, sd)`` of one new measurement.

    ``p_hit`` is the probability that this measurement, in a new run with its well and read noise, is a hit; ``p_mean``
    that the design's mean outcome lies inside all bounds.  Both are 0 while a bounded goal has never been measured.
    ``p_works`` is the probability that the well gives anything to measure, 1 while none failed; ``p_hit`` counts it.
    """

    expected: Mapping[str, Expected]
    p_hit: float
    p_mean: float
    p_works: float = 1.0

    def __getitem__(self, name: str) -> tuple[float, float]:
        return self.expected[name].mean, self.expected[name].sd

    def __iter__(self) -> Iterator[str]:
        return iter(self.expected)

    def __len__(self) -> int:
        return len(self.expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A design with a reason.

    ``expected`` and ``p_hit`` are for one new measurement of it (`Forecast`), empty and 0 before there is a model;
    ``acquisition`` names the rule that chose it, ``model`` the model and its constants, ``target`` the one of a palette
    that it serves.
    """

    design: Mapping[str, float | str]
    kind: Kind
    why: str
    expected: Mapping[str, Expected] = field(default_factory=dict)
    p_hit: float = 0.0
    acquisition: str = "space-filling"
    model: str = "none"
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A design whose mean outcome is inside all bounds with probability ``p``, and the experiments made of it.

    ``target`` names the one of a palette whose bounds these are.
    """

    design: Mapping[str, float | str]
    p: float
    experiments: tuple[str, ...]
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """X1 of dots that still grow, ``time_s`` after the injection, with the reading's own ``sd``; both in nm."""

    time_s: float
    x1_nm: float
    sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One experiment as told: ``sd`` are those of the reading alone, wells of one ``run`` share an effect."""

    design: dict[str, float | str]
    features: dict[str, float]
    sd: dict[str, float]
    run: str | None
    experiment: str
    reads: tuple[Read, ...] = ()
    failed: str = ""
    """Why nothing came of it (no emission, precipitated); empty where something did."""
