"""What may vary and what must hold: parameters, constraints, and designs a pipette can really make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sdl.constraint import Columns as Columns
from sdl.constraint import Constraint, contradict
from sdl.descent import Array
from sdl.errors import NothingFeasible, Refused
from sdl.spread import Spread

Design = Mapping[str, float | str]
"""One choice of every parameter, by internal name (units in the name)."""

LOG_RATIO = 4.0
"""A positive range this wide (high over low) is modelled in its logarithm.

Without it ``benchmarks/campaign_model.py --plant synthetic`` needed 25 instead of 16 experiments to the first hit, and
3 instead of 5 of 6 campaigns confirmed one within 48; that plant follows power laws, which suits logarithms."""

Snap = Callable[[Columns], tuple[Columns, NDArray[np.bool_]]]
"""Round ``n`` designs to what can be made; return the rounded columns and which rows are possible ``(n,)``."""

InputSd = Callable[[Columns], Columns]
"""The sd that pipetting gives each numeric parameter of ``n`` designs, ``(n,)`` by name."""

Price = Callable[[Columns], NDArray[np.float64]]
"""What ``n`` designs cost to make, ``(n,)``."""

FARTHEST = 100.0
"""Widths outside its range from which a number is another unit or an error: less than what a factor of 1,000 makes of
most (chosen)."""

Scope = Literal["well", "block"]


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A condition: the choice ``parameter`` has one of the values ``among``."""

    parameter: str
    among: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One thing that may vary: a range ``[low, high]`` or one of ``choices``.

    ``scope`` is "block" when all wells of one thermal block share the value (see ``docs``: deck and blocks).
    ``alike`` are numbers that describe each choice, as many for each (a solvent's polarity and viscosity): choices with
    near numbers are expected to act alike.
    ``when`` makes it count only while a choice has some values; elsewhere it stands at ``low`` (or its first choice).
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()
    scope: Scope = "well"
    when: When | None = None
    alike: Mapping[str, tuple[float, ...]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        told = {name: numbers for name, numbers in self.alike.items() if np.isfinite(numbers).all()}
        if self.alike and (set(told) != set(self.choices) or len({len(numbers) for numbers in told.values()}) != 1):
            raise Refused(f"{self.name}: describe each of {list(self.choices)} by as many finite numbers")
        if len(set(self.choices)) != len(self.choices):
            raise Refused(f"{self.name}: {list(self.choices)} names a choice twice; leave one of the two out")
        if not self.choices and not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise Refused(f"{self.name}: low {self.low:g} must be below high {self.high:g}")

    @property
    def logarithmic(self) -> bool:
        """Say whether the range is modelled in its logarithm: positive, and as wide as `LOG_RATIO` at least."""
        return not self.choices and self.low > 0 and self.high / self.low >= LOG_RATIO

    def check(self, value: object) -> None:
        """Raise `Refused` unless ``value`` is a choice, or a number that an experiment may have been made at.

        History may lie outside the range, by no more than `FARTHEST` of its widths.
        """
        if self.choices:
            if value not in self.choices:
                raise Refused(f"{self.name}: {value!r} is not one of {list(self.choices)}")
            return
        if isinstance(value, bool) or not (isinstance(value, Real) and np.isfinite(float(value))):
            raise Refused(f"{self.name}: {value!r} is not a number; the range is {self.low:g} to {self.high:g}")
        if abs(float(value) - (self.low + self.high) / 2) > (FARTHEST + 0.5) * (self.high - self.low):
            raise Refused(
                f"{self.name}: {float(value):g} lies more than {FARTHEST:g} times the width of {self.low:g} to "
                f"{self.high:g} outside it: another unit? Correct it, or leave the experiment out"
            )

    def is_near(self, value: float | str) -> bool:
        """Say whether ``value`` is a choice, or a number within one width of the range: fit to compute with."""
        if self.choices or isinstance(value, str):
            return value in self.choices
        return abs(value - (self.low + self.high) / 2) <= 1.5 * (self.high - self.low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What making designs costs, in ``currency``; "" where only ratios count.

    None counts as cheaper than ``least``.
    """

    of: Price
    currency: str = ""
    least: float = 0.0

    def log(self, columns: Columns) -> NDArray[np.float64]:
        """Return the logarithm of what ``n`` designs count ``(n,)``; raise `Refused` for a cost that is not above 0."""
        price = np.maximum(np.asarray(self.of(columns), dtype=float), self.least)
        if not (np.isfinite(price) & (price > 0)).all():
            raise Refused(f"a design costs {price.min():g}: give costs above 0, such as a base price and what is used")
        return np.asarray(np.log(price))


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignSpace:
    """Parameters, constraints, how many values a shared parameter may take per batch, what can be made and its cost."""

    parameters: tuple[Parameter, ...]
    constraints: tuple[Constraint, ...] = ()
    shared: Mapping[str, int] = field(default_factory=dict)
    snap: Snap | None = None
    input_sd: InputSd | None = None
    cost: Cost | None = None

    @classmethod
    def of(
        cls,
        *,
        constraints: Sequence[str] = (),
        shared: Mapping[str, int] | None = None,
        snap: Snap | None = None,
        cost: Price | None = None,
        **parameters: tuple[float, float] | Sequence[str] | Mapping[str, tuple[float, ...]],
    ) -> DesignSpace:
        """Build a space from ``name=(low, high)``, ``name=("choice", ...)`` or ``name={"choice": (number, ...)}``.

        The numbers of a choice describe it, see `Parameter`; ``cost`` says what designs cost, in any unit.

        >>> space = DesignSpace.of(a=(0.0, 1.0), solvent=("toluene", "octane"), constraints=["a <= 0.5"])
        >>> space.feasible({"a": 0.7, "solvent": "octane"})
        False
        """
        shared = dict(shared or {})
        built: list[Parameter] = []
        for name, spec in parameters.items():
            scope: Scope = "block" if name in shared else "well"
            if not isinstance(spec, Sequence | Mapping) or isinstance(spec, str):
                raise Refused(f"{name}: {spec!r} is neither a range (low, high) nor names to choose from")
            if all(isinstance(v, str) for v in spec):
                alike = dict(spec) if isinstance(spec, Mapping) else {}
                built.append(Parameter(name=name, choices=tuple(str(v) for v in spec), scope=scope, alike=alike))
            else:
                if len(spec) != 2 or not all(isinstance(v, Real) for v in spec):
                    raise Refused(f"{name}: {spec!r} is no range; give (low, high), or names to choose from")
                low, high = (float(v) for v in spec)
                built.append(Parameter(name=name, low=low, high=high, scope=scope))
        parsed = tuple(Constraint.parse(text) for text in constraints)
        priced = None if cost is None else Cost(of=cost)
        return cls(parameters=tuple(built), constraints=parsed, shared=shared, snap=snap, cost=priced)

    def __post_init__(self) -> None:
        names = {p.name for p in self.parameters}
        for constraint in self.constraints:
            if unknown := sorted(constraint.names - names):
                raise Refused(f"constraint {constraint.text!r} names {unknown}, which do not vary: {sorted(names)}")
        if unknown := sorted(set(self.shared) - names):
            raise Refused(f"shared names {unknown}, which do not vary: {sorted(names)}")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parameters)

    def columns(self, designs: Sequence[Design]) -> Columns:
        """Turn ``n`` designs into columns ``(n,)``; raise `Refused` for a missing or unknown name."""
        for design in designs:
            if not isinstance(design, Mapping):
                raise Refused(f"{design!r} is no design: give a value for each of {sorted(self.names)}, by name")
            if set(design) != set(self.names):
                raise Refused(f"a design names {sorted(design)}, the space has {sorted(self.names)}")
        return {p.name: np.array([d[p.name] for d in designs]) for p in self.parameters}

    def designs(self, columns: Columns) -> list[dict[str, float | str]]:
        """Turn columns back into ``n`` designs of plain values."""
        rows = zip(*(columns[p.name].tolist() for p in self.parameters), strict=True)
        return [dict(zip(self.names, row, strict=True)) for row in rows]

    def make(self, columns: Columns) -> tuple[Columns, NDArray[np.bool_]]:
        """Round ``n`` designs to what can be made and say which are allowed ``(n,)``."""
        ok = np.ones(len(next(iter(columns.values()))), dtype=bool)
        columns = self.settled(columns)
        if self.snap is not None:
            columns, ok = self.snap(columns)
            columns = self.settled(columns)
        for p in self.parameters:
            values = columns[p.name]
            slack = 1e-9 * (p.high - p.low)
            ok &= np.isin(values, p.choices) if p.choices else (values >= p.low - slack) & (values <= p.high + slack)
        for constraint in self.constraints:
            ok &= constraint.holds(columns)
        return columns, ok

    def missed(self, columns: Columns) -> Array:
        """Return by how much ``n`` designs miss each of ``c`` constraints, and last 1 for each that is not allowed.

        The result is ``n x (c + 1)``.
        """
        made, ok = self.make(columns)
        parts = [np.broadcast_to(constraint.missed(made), ok.shape) for constraint in self.constraints]
        return np.stack([*parts, np.where(ok, 0.0, 1.0)], axis=1)

    @property
    def contradictory(self) -> bool:
        """Whether it is proven that no values within the ranges meet all constraints (the linear ones alone)."""
        return contradict(self.constraints, {p.name: (p.low, p.high) for p in self.parameters if not p.choices})

    def nothing(self, tried: str) -> str:
        """Say what binds where no design was found: ``tried`` says how it was looked for, a proof that none exists."""
        names = ", ".join(self.names)
        limits = "; ".join(c.text for c in self.constraints) or "no constraint, so the pipettes or stocks bind"
        remedy = "widen a range, relax a constraint, or change a stock concentration"
        if self.contradictory:
            return f"no design exists inside {names}: no values within the ranges meet {limits}; {remedy}"
        return f"{tried} inside {names} ({limits}); {remedy}"

    def settled(self, columns: Columns) -> Columns:
        """Set parameters that do not count to the one value that stands for that: ``low``, or the first choice."""
        settled = dict(columns)
        for p in self.parameters:
            if p.when is not None and p.when.parameter in columns:
                counts = np.isin(columns[p.when.parameter], p.when.among)
                settled[p.name] = np.where(counts, columns[p.name], p.choices[0] if p.choices else p.low)
        return settled

    def feasible(self, design: Design) -> bool:
        """Say whether ``design`` as given lies inside the space (before rounding moves it)."""
        columns = self.columns([design])
        near = all(p.is_near(design[p.name]) for p in self.parameters)
        return near and bool(self.make(columns)[1][0])

    def sobol(self, n: int, *, seed: int) -> list[dict[str, float | str]]:
        """Draw ``n`` feasible designs that fill the space; raise `NothingFeasible` when there are none."""
        from scipy.stats import qmc

        try:
            spread = Spread.learn(
                lambda axes: self.make(self.from_unit(axes))[1],
                len(self.parameters),
                seed=seed,
                missed=lambda axes: self.missed(self.from_unit(axes)),
            )
        except NothingFeasible as exc:
            raise NothingFeasible(self.nothing(str(exc))) from exc
        unit = qmc.Sobol(len(self.parameters), rng=seed).random_base2(max(6, (n - 1).bit_length()))
        return self.designs(self.make(self.from_unit(spread.place(unit[:n])))[0])

    def from_unit(self, unit: NDArray[np.float64]) -> Columns:
        """Map points of the unit cube ``(n, d)`` to columns; a choice takes an equal share of its axis."""
        columns: Columns = {}
        for j, p in enumerate(self.parameters):
            if p.choices:
                index = np.minimum((unit[:, j] * len(p.choices)).astype(int), len(p.choices) - 1)
                columns[p.name] = np.array(p.choices)[index]
            else:
                columns[p.name] = p.low + unit[:, j] * (p.high - p.low)
        return columns
