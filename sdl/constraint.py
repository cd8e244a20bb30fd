"""Inequalities between parameters as text: parsed, never evaluated; where they hold, by how much they are missed."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdl.errors import Refused

Columns = dict[str, NDArray[Any]]
"""Many designs at once: parameter name to array ``(n,)``."""

Linear = tuple[Mapping[str, float], float]
"""Coefficients by name, and what is added: ``a - 2 * b + 3`` is ``({"a": 1.0, "b": -2.0}, 3.0)``."""

INFEASIBLE = 2
"""What `scipy.optimize.linprog` calls a problem that it has proven to have no solution (its manual, `status`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """An inequality between parameters, such as ``topo_to_pb * pb_to_cs <= 100``; parsed, never evaluated."""

    text: str
    names: frozenset[str]
    holds: Callable[[Columns], NDArray[np.bool_]] = field(repr=False, compare=False)
    missed: Callable[[Columns], NDArray[np.float64]] = field(repr=False, compare=False)
    """By how much ``n`` designs miss it ``(n,)``, in the unit of its sides: 0 where it holds, inf for no number."""
    linear: tuple[Linear, ...] = field(repr=False, compare=False)
    """Expressions that must not be above 0, of those of its comparisons that are linear in the parameters."""

    @classmethod
    def parse(cls, text: str, *, written: str = "") -> Constraint:
        """Read ``text``; raise `Refused` for anything but arithmetic on names and comparisons.

        The refusal shows it as it was ``written``, where that was otherwise.
        """
        shown = written or text
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
            raise Refused(f"constraint {shown!r} is not arithmetic: write for example 'a + b <= 1'") from exc
        if isinstance(tree, ast.Compare) and any(isinstance(op, ast.Eq) for op in tree.ops):
            raise Refused(
                f"constraint {shown!r} is an equality: vary all components but one and bound their sum ('a + b <= 1' "
                "stands for 'a + b + c == 1'), or allow a thin slab ('0.99 <= a + b + c <= 1.01')"
            )
        if not isinstance(tree, ast.Compare) or any(type(op) not in _COMPARE for op in tree.ops):
            raise Refused(f"constraint {shown!r} needs one of <=, >=, <, > between two expressions")
        nodes = [tree.left, *tree.comparators]
        terms = [_arithmetic(node, shown) for node in nodes]
        tests = [_COMPARE[type(op)] for op in tree.ops]
        signs = [1.0 if isinstance(op, ast.LtE | ast.Lt) else -1.0 for op in tree.ops]

        def holds(columns: Columns) -> NDArray[np.bool_]:
            with np.errstate(all="ignore"):
                values = [np.asarray(term(columns)) for term in terms]
                checks = [test(a, b) for test, a, b in zip(tests, values, values[1:], strict=False)]
            return np.asarray(np.logical_and.reduce(np.broadcast_arrays(*checks)), dtype=bool)

        def missed(columns: Columns) -> NDArray[np.float64]:
            with np.errstate(all="ignore"):
                values = [np.asarray(term(columns), dtype=float) for term in terms]
                over = sum(np.maximum(s * (a - b), 0.0) for s, a, b in zip(signs, values, values[1:], strict=False))
            return np.asarray(np.where(np.isfinite(over), over, np.inf))

        names = frozenset(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))
        sides = [_linear(node) for node in nodes]
        gaps = [_sum(a, b, -1.0, s) for s, a, b in zip(signs, sides, sides[1:], strict=False)]
        return cls(text=text, names=names, holds=holds, missed=missed, linear=tuple(g for g in gaps if g is not None))


def contradict(constraints: Sequence[Constraint], ranges: Mapping[str, tuple[float, float]]) -> bool:
    """Say whether linear programming proves that no values within ``ranges`` meet all constraints.

    Only what is linear can be proven, so False does not mean that there are such values.
    """
    from scipy.optimize import linprog

    rows = [(weights, offset) for c in constraints for weights, offset in c.linear if set(weights) <= set(ranges)]
    if not rows or not ranges:
        return False
    width = np.array([high - low for low, high in ranges.values()])
    A = np.array([[weights.get(name, 0.0) for name in ranges] for weights, _ in rows])
    b = -np.array([offset for _, offset in rows]) - A @ np.array([low for low, _ in ranges.values()])
    scale = np.maximum(np.abs(A * width).max(1), np.where(A.any(1), 0.0, np.abs(b)))
    scale[scale == 0.0] = 1.0
    found = linprog(np.zeros(len(ranges)), A * width / scale[:, None], b / scale, bounds=(0.0, 1.0))
    return bool(found.status == INFEASIBLE)


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


def _linear(node: ast.expr) -> Linear | None:
    """Return one parsed expression as a linear one; None where it is not linear in the parameters."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return {}, float(value)
        case ast.Name(id=name):
            return {name: 1.0}, 0.0
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return _sum(_linear(inner), ({}, 0.0), 0.0, -1.0)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            return _sum(_linear(left), _linear(right), 1.0 if isinstance(op, ast.Add) else -1.0)
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
            one, other = _linear(left), _linear(right)
            if isinstance(op, ast.Mult) and one is not None and not one[0]:
                one, other = other, one
            if other is not None and not other[0] and (isinstance(op, ast.Mult) or other[1]):
                return _sum(one, ({}, 0.0), 0.0, other[1] if isinstance(op, ast.Mult) else 1.0 / other[1])
    return None


def _sum(one: Linear | None, other: Linear | None, sign: float, factor: float = 1.0) -> Linear | None:
    """Return ``factor * (one + sign * other)``; None where one of the two is not linear."""
    if one is None or other is None:
        return None
    names = dict.fromkeys([*one[0], *other[0]])
    weights = {name: factor * (one[0].get(name, 0.0) + sign * other[0].get(name, 0.0)) for name in names}
    return weights, factor * (one[1] + sign * other[1])
