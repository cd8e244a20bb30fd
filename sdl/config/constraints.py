"""Constraints as a chemist writes them ("growth_time <= 30 min") become `sdl.space` text in internal units."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sdl.config import quantities
from sdl.constraint import Constraint
from sdl.errors import NothingFeasible, Refused
from sdl.space import DesignSpace, Parameter
from sdl.units import unit_of

_NUMBER = r"(?<![\w.])(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)"
_WITH_UNIT = re.compile(_NUMBER + r"\s*([A-Za-zµμ°%][A-Za-zµμ°]*(?:/[A-Za-z]+)?)")
_POINTS = 4096  # enough to meet a region of a thousandth of the space: chosen by the contract of this check
_CORNERS = 12  # at most 2**12 corners; every one is tried because simple constraints bind there


def translate(text: str, written: Mapping[str, Parameter]) -> Constraint:
    """Return the constraint in internal names and coherent units; ``written`` maps names in the file to parameters."""
    if len(text) > 500:  # a line people can read; deep nesting would exhaust the parser
        raise Refused("a constraint is one short line; shorten it")
    dimensions: dict[str, Any] = {}
    plain = _strip_units(quantities.tidy(text), dimensions, written)
    constraint = Constraint.parse(plain, written=text)
    for name in sorted(constraint.names - set(dimensions)):
        if name not in written:
            raise Refused(f"'{name}' does not vary; a constraint may name {', '.join(sorted(written)) or 'nothing'}")
        if written[name].choices:
            raise Refused(f"'{name}' is a choice of names; a constraint needs numbers")
    units = {name: unit_of(written[name].name) for name in constraint.names - set(dimensions)}
    if dimensions or any(units.values()):  # numbers alone are all of one kind
        dimensions |= {name: quantities.dimension(unit) for name, unit in units.items()}
        _check_dimensions(ast.parse(plain, mode="eval").body, dimensions, text)
    return Constraint.parse(_rename(plain, written))


def never_holds(constraints: Sequence[Constraint], parameters: Sequence[Parameter]) -> list[Constraint]:
    """Return the constraints that were found to hold nowhere in the space; all when only together they leave nothing.

    `proven` says whether that is certain.
    """
    numeric = tuple(p for p in parameters if not p.choices)
    if not numeric or not constraints:
        return []
    unit = np.vstack([_filling(len(numeric)), _corners(len(numeric))])
    columns = DesignSpace(parameters=numeric).from_unit(unit)
    holds = [constraint.holds(columns) for constraint in constraints]
    if np.logical_and.reduce(holds).any() or _found(numeric, constraints):
        return []
    alone = [c for c, ok in zip(constraints, holds, strict=True) if not ok.any() and not _found(numeric, [c])]
    return alone or list(constraints)


def _found(parameters: tuple[Parameter, ...], constraints: Sequence[Constraint]) -> bool:
    """Say whether a search finds values that meet all ``constraints``."""
    try:
        return bool(DesignSpace(parameters=parameters, constraints=tuple(constraints)).sobol(1, seed=0))
    except NothingFeasible:
        return False


def proven(constraints: Sequence[Constraint], parameters: Sequence[Parameter]) -> bool:
    """Say whether it is certain that no values within the ranges meet all ``constraints``."""
    return DesignSpace(parameters=tuple(parameters), constraints=tuple(constraints)).contradictory


def _filling(d: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return ``(4096, d)`` points of an additive recurrence that fill the unit cube evenly (Roberts 2018, R-d)."""
    root = 1.0
    for _ in range(64):  # fixed point of x = (1 + x)**(1 / (d + 1)); converges within 1e-12 long before
        root = (1.0 + root) ** (1.0 / (d + 1))
    return np.asarray((0.5 + np.outer(np.arange(_POINTS), root ** -np.arange(1.0, d + 1.0))) % 1.0)


def _corners(d: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    bits = min(d, _CORNERS)
    corners = np.full((2**bits, d), 0.5)
    corners[:, :bits] = (np.arange(2**bits)[:, None] >> np.arange(bits)) & 1
    return corners


def _strip_units(text: str, dimensions: dict[str, Any], written: Mapping[str, Parameter]) -> str:
    """Replace "30 min" by its number in the unit that the parameters of that kind have, and remember its dimension."""
    units = {unit_of(p.name) for p in written.values()} - {""}

    def replace(found: re.Match[str]) -> str:
        amount, symbol = found[1], found[2]
        unit = next((u for u in sorted(units) if quantities.same_kind(u, symbol)), None)
        if unit is None and symbol != "%":
            raise Refused(f"'{found[0]}': nothing that varies is measured in {symbol}")
        value = quantities.number(f"{amount} {symbol}", _base(unit or ""))
        name = f"_q{len(dimensions)}"
        dimensions[name] = quantities.dimension(unit or "")
        return f"({name}*{value!r})"

    return _WITH_UNIT.sub(replace, text)


def _check_dimensions(node: ast.expr, known: Mapping[str, Any], text: str) -> Any:
    """Return the dimension of ``node``; raise `Refused` where unlike quantities are added or compared."""
    if isinstance(node, ast.Compare):
        sides = [_check_dimensions(side, known, text) for side in (node.left, *node.comparators)]
        if any(side != sides[0] for side in sides):
            raise Refused(f"'{text}' compares quantities of different kinds; give numbers their unit, such as '30 min'")
        return sides[0]
    if isinstance(node, ast.Name):
        return known[node.id]
    if isinstance(node, ast.UnaryOp):
        return _check_dimensions(node.operand, known, text)
    if not isinstance(node, ast.BinOp):
        return quantities.dimension("")
    left = _check_dimensions(node.left, known, text)
    right = _check_dimensions(node.right, known, text)
    if isinstance(node.op, ast.Mult):
        return left * right
    if isinstance(node.op, ast.Div):
        return left / right
    if isinstance(node.op, ast.Pow):
        if left == right == quantities.dimension(""):
            return left
        if isinstance(node.right, ast.Constant) and isinstance(node.right.value, int):
            return left**node.right.value
        raise Refused(f"'{text}': a quantity with a unit takes whole powers only")
    if left != right:
        raise Refused(f"'{text}' adds quantities of different kinds; give numbers their unit, such as '30 min'")
    return left


def _rename(plain: str, written: Mapping[str, Parameter]) -> str:
    """Return the text with internal names, each brought to the common unit of its kind."""

    def replace(found: re.Match[str]) -> str:
        if found[0] not in written:
            return found[0]
        name = written[found[0]].name
        unit = unit_of(name)
        factor = quantities.scale(unit, _base(unit))[0]
        return name if factor == 1.0 else f"({factor!r}*{name})"

    return re.sub(r"\(_q\d+\*([^)]+)\)", r"\1", re.sub(r"(?<![\w.])[A-Za-z]\w*", replace, plain))


def _base(unit: str) -> str:
    """Return the unit in which all quantities of one kind are compared."""
    bases = ("s", "mmol/L", "nm", "uL", "degC", "umol", "eV")
    return next((b for b in bases if unit and quantities.same_kind(b, unit)), unit)
