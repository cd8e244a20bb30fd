"""A campaign: what a chemist asked for, validated and immutable."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sdl.bench import Lab
from sdl.route import Route
from sdl.space import Parameter
from sdl.target import Target

Approval = Literal["never", "first batch", "every batch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """A stock solution on the deck: mmol/L of each species, its solvent, how much, where, and which lot.

    ``made`` is when the lot was made, as a date or a moment with its zone, "" where nobody said.
    """

    name: str
    contains: Mapping[str, float]
    solvent: str
    volume_ul: float
    at: tuple[str, ...]
    lot: str = ""
    made: str = ""
    max_age_h: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """When to stop: experiments in all, wells per batch, and how many confirmed hits are enough.

    ``give_up`` is how certain it must be that the target is out of reach, infinite for never; ``tries`` how many tries
    a hit may cost with the best recipe there can be, infinite where nothing is said. ``sentinel`` asks for one recipe
    that every batch makes again.
    """

    experiments: int
    batch: int
    confirmed_hits: int = 2
    give_up: float = 0.99
    tries: float = math.inf
    sentinel: Literal["never", "every batch"] = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What things cost, in ``currency``: a uL of each priced stock, by name, and a second of the robot's time."""

    currency: str
    stock_per_ul: Mapping[str, float]
    robot_per_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DataColumn:
    """Where one quantity stands in a chemist's table, in which unit, and whether 0 means "not measured".

    ``guess`` says what in this is guessed and not yet confirmed by a person; "" when nothing is.
    """

    column: str
    unit: str
    zero_is_missing: bool = False
    guess: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """A historical table: file, how it is separated, and which column is which quantity.

    ``header`` is the line of the column names (0: the first that is not empty); ``exclude`` gives lines to leave out
    and why.
    """

    file: str
    columns: Mapping[str, DataColumn]
    separator: str = ","
    decimal: Literal[".", ","] = "."
    sheet: str = ""
    header: int = 0
    exclude: Mapping[int, str] = field(default_factory=dict)
    public: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """The config, validated. ``lab`` and ``route`` are absent in ``mode: offline``.

    ``synthesis`` is a route that the campaign's own files declare; a route of the project goes by its name alone.
    ``prices`` are those that the file gives, if any.
    """

    name: str
    why: str
    target: Target
    parameters: tuple[Parameter, ...]
    constraints: tuple[str, ...]
    budget: Budget
    seed: int
    file: str
    sha256: str
    mode: Literal["lab", "offline"] = "lab"
    route: str = ""
    synthesis: Route | None = None
    stocks: Mapping[str, Stock] = field(default_factory=dict)
    lab: Lab | None = None
    history: tuple[str, ...] = ()
    approval: Approval = "never"
    data: DataSource | None = None
    pool: str = ""
    prices: Prices | None = None

    @property
    def home(self) -> Path:
        """The folder of the campaign's memory where ``--state`` names no other."""
        return Path(self.file).resolve().parent / ".sdl" / self.name
