"""A design in microlitres, and the timed steps that make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Action = Literal["dispense", "inject", "add", "mix", "read", "quench", "rinse", "look", "hand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """``volume_ul`` of a stock, or of a dilution of it, for a route's ``reagent``, ``at_s`` after the injection."""

    stock: str
    volume_ul: float
    at_s: float
    action: Action
    reagent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dilution:
    """A stock made ``factor`` times weaker with a medium, in a vial of its own: its transfer would be too small."""

    stock: str
    medium: str
    factor: float

    @property
    def name(self) -> str:
        return f"{self.stock} 1:{self.factor:g} in {self.medium}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One design as it can be pipetted: the rounded design, its transfers in order of addition, and when to read.

    ``growth_time_s`` runs from the injection to the quench, or to the outcome where nothing quenches; ``read_s`` are
    seconds after injection (the last is the outcome, unless ``manual`` work comes before it); ``moles_umol`` is all
    that is delivered, by species; ``total_ul`` the volume at injection.
    """

    design: Mapping[str, float | str]
    transfers: tuple[Transfer, ...]
    temperature_c: float
    growth_time_s: float
    read_s: tuple[float, ...]
    moles_umol: Mapping[str, float]
    total_ul: float
    dilutions: tuple[Dilution, ...] = ()
    manual: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedStep:
    """One row of the list the robot executes; blank ``at_s`` means "as soon as the arm is free".

    ``well``, ``source`` are deck locations such as "vials/A3" or "stocks/A1"; ``label`` says what a read looks at
    ("blank", "dye", "sample"), or what a hand does. ``earliest_s`` and ``latest_s`` bound when a timed step may be
    released.
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
    """A batch of recipes on one deck: which experiment is in which well, and every step in order.

    ``temperatures_c`` is that of each rack in use; ``dilutions`` says in which vial each dilution of a stock is made.
    """

    wells: Mapping[str, str]
    recipes: Mapping[str, Recipe]
    steps: tuple[TimedStep, ...]
    temperatures_c: Mapping[str, float]
    duration_s: float
    draws_ul: Mapping[str, float]
    tips: Mapping[str, int]
    waste_ul: float
    dilutions: Mapping[str, str] = field(default_factory=dict)
