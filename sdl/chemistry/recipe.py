"""A design in microlitres, and the timed steps that make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Action = Literal["dispense", "inject", "mix", "read", "quench", "rinse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """``volume_ul`` of a stock into the well, ``at_s`` after the injection (negative: before it)."""

    stock: str
    volume_ul: float
    at_s: float
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One design as it can be pipetted: the rounded design, its transfers, and when to read.

    ``moles_umol`` is the mole balance at injection; ``read_s`` are seconds after injection (the last is the outcome).
    """

    design: Mapping[str, float | str]
    transfers: tuple[Transfer, ...]
    temperature_c: float
    growth_time_s: float
    read_s: tuple[float, ...]
    moles_umol: Mapping[str, float]
    total_ul: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedStep:
    """One row of the list the robot executes; blank ``at_s`` means "as soon as the arm is free".

    ``well``, ``source`` are deck locations such as "vials/A3" or "stocks/A1"; ``label`` says what a read looks at
    ("blank", "dye", "sample"). ``earliest_s`` and ``latest_s`` bound when a timed step may be released.
    """

    action: Action
    well: str
    source: str
    volume_ul: float
    pipette: str
    at_s: float | None = None
    earliest_s: float | None = None
    latest_s: float | None = None
    label: str = ""
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A batch of recipes on one deck: which experiment is in which well, and every step in order."""

    wells: Mapping[str, str]
    recipes: Mapping[str, Recipe]
    steps: tuple[TimedStep, ...]
    temperature_c: float
    duration_s: float
    draws_ul: Mapping[str, float]
    tips: Mapping[str, int]
    waste_ul: float
