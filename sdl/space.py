"""What may vary and what must hold: parameters, constraints, and designs a pipette can really make."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sdl.errors import NothingFeasible, Refused
from sdl.spread import Spread

Design = Mapping[str, float | str]
"""One choice of every parameter, by internal name (units in the name)."""

Columns = dict[str, NDArray[Any]]
"""Many designs at once: parameter name to array ``(n,)``."""

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
        if not self.choices and not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise Refused(f"{self.name}: low {self.low:g} must be below high {self.high:g}")

    @property
    def logarithmic(self) -> bool:
        """Say whether the range is modelled in its logarithm: positive, and as wide as `LOG_RATIO` at least."""
        return not self.choices and self.low > 0 and self.high / self.low >= LOG_RATIO

    def is_near(self, value: float | str) -> bool:
        """Say whether ``value`` is a choice, or a number within one width of the range: fit to compute with."""
        if self.choices or isinstance(value, str):
            return value in self.choices
        return abs(value - (self.low + self.high) / 2) <= 1.5 * (self.high - self.low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """An inequality between parameters, such as ``topo_to_pb * pb_to_cs <= 100``; parsed, never evaluated."""

    text: str
    names: frozenset[str]
    holds: Callable[[Columns], NDArray[np.bool_]] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """Read ``text``; raise `Refused` for anything but arithmetic on names and one comparison."""
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
            raise Refused(f"constraint {text!r} is not arithmetic: write for example 'a + b <= 1'") from exc
        if not isinstance(tree, ast.Compare) or any(type(op) not in _COMPARE for op in tree.ops):
            raise Refused(f"constraint {text!r} needs one of <=, >=, <, > between two expressions")
        terms = [_arithmetic(node, text) for node in (tree.left, *tree.comparators)]
        tests = [_COMPARE[type(op)] for op in tree.ops]

        def holds(columns: Columns) -> NDArray[np.bool_]:
            with np.errstate(all="ignore"):
                values = [np.asarray(term(columns)) for term in terms]
                checks = [test(a, b) for test, a, b in zip(tests, values, values[1:], strict=False)]
            return np.asarray(np.logical_and.reduce(np.broadcast_arrays(*checks)), dtype=bool)

        names = frozenset(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))
        return cls(text=text, names=names, holds=holds)


_Term = Callable[[Columns], Any]
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.LtE: operator.le,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.Gt: operator.gt,
}
_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def _arithmetic(node: ast.expr, text: str) -> _Term:
    """Turn one parsed expression into a function of columns; allow + - * / ** numbers and names only.

    ``(solvent == "toluene")`` is 1 where a choice is so and 0 elsewhere; ``!=`` the reverse.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        value = float(node.value)
        return lambda _: value
    if isinstance(node, ast.Name):
        name = node.id
        return lambda columns: columns[name]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _arithmetic(node.operand, text)
        return lambda columns: -inner(columns)
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        op, left, right = _BINARY[type(node.op)], _arithmetic(node.left, text), _arithmetic(node.right, text)
        return lambda columns: op(left(columns), right(columns))
    if (chosen := choice_in(node)) is not None:
        parameter, wanted, same = chosen
        return lambda columns: ((columns[parameter] == wanted) == same).astype(float)
    raise Refused(f'constraint {text!r}: only numbers, parameter names, + - * / ** and (choice == "name") are allowed')


def choice_in(node: ast.expr) -> tuple[str, str, bool] | None:
    """Return name, value and sign of ``name == "value"`` or ``name != "value"``; None for anything else."""
    match node:
        case ast.Compare(
            left=ast.Name(id=name), ops=[ast.Eq() | ast.NotEq() as op], comparators=[ast.Constant(value=str(value))]
        ):
            return name, value, isinstance(op, ast.Eq)
    return None


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
            if all(isinstance(v, str) for v in spec):
                alike = dict(spec) if isinstance(spec, Mapping) else {}
                built.append(Parameter(name=name, choices=tuple(str(v) for v in spec), scope=scope, alike=alike))
            else:
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
            spread = Spread.learn(lambda axes: self.make(self.from_unit(axes))[1], len(self.parameters), seed=seed)
        except NothingFeasible as exc:
            raise NothingFeasible(
                f"{exc} inside {', '.join(self.names)}; "
                "widen a range, relax a constraint, or change a stock concentration"
            ) from exc
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
