"""Mole balance: how much of each reagent gives what was asked for, counting every species every stock carries.

Each dose is one linear equation in the volumes poured so far: ``sum(coefficient * volume) = constant``. All functions
work on columns of ``n`` designs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sdl.route import Amount, Concentration, Dose, Fill, MoleFraction, MoleRatio, Volume, VolumeFraction, VolumeRatio

Array = NDArray[np.float64]

Holds = Callable[[str, str], Array]
"""mmol/L of a species in the stock of a reagent, ``(n,)``."""

SMALL = 1e-12
"""A coefficient below this, in mmol/L, gives no volume: the stock cannot bring what is asked."""


@dataclass(slots=True, kw_only=True)
class Well:
    """``n`` wells as they fill. By reagent: uL of its stock, uL of the medium that dilutes it, and what is left.

    ``factor`` is how many times a stock was diluted; ``left`` is the fraction still there after reads took samples;
    ``wanted_ul`` is what the mole balance asked for before rounding, NaN where no volume solves it.
    """

    n: int
    medium: str
    holds: Holds
    ul: dict[str, Array] = field(default_factory=dict)
    diluting_ul: dict[str, Array] = field(default_factory=dict)
    factor: dict[str, Array] = field(default_factory=dict)
    left: dict[str, Array] = field(default_factory=dict)
    wanted_ul: dict[str, Array] = field(default_factory=dict)

    def pour(self, reagent: str, drawn_ul: Array, factor: Array) -> None:
        """Add ``drawn_ul`` of a dilution 1:``factor`` of the reagent's stock."""
        self.ul[reagent], self.factor[reagent] = drawn_ul / factor, factor
        self.diluting_ul[reagent] = drawn_ul - self.ul[reagent]
        self.left[reagent] = np.ones(self.n)

    def copy(self, reagent: str, other: Well) -> None:
        """Add what ``other`` has of a reagent."""
        self.ul[reagent], self.diluting_ul[reagent] = other.ul[reagent], other.diluting_ul[reagent]
        self.factor[reagent], self.left[reagent] = other.factor[reagent], np.ones(self.n)

    def drawn(self, reagent: str) -> Array:
        """Return uL that a pipette brought for a reagent."""
        return self.ul[reagent] + self.diluting_ul[reagent]

    def withdraw(self, fraction_left: Array) -> None:
        """Leave only this fraction of everything."""
        for reagent in self.left:
            self.left[reagent] = self.left[reagent] * fraction_left

    def whole(self) -> list[tuple[str, Array]]:
        """Return each reagent and uL of its stock poured in all; the medium comes once more for dilutions."""
        return [*self.ul.items(), *((self.medium, ul) for ul in self.diluting_ul.values())]

    def parts(self) -> list[tuple[str, Array]]:
        """Return the same for what is in the well now."""
        diluting = [(self.medium, ul * self.left[r]) for r, ul in self.diluting_ul.items() if ul.any()]
        return [*((r, ul * self.left[r]) for r, ul in self.ul.items()), *diluting]

    def moles(self, species: str) -> Array:
        """Return nmol of a species in the well now."""
        return sum((ul * self.holds(r, species) for r, ul in self.parts()), np.zeros(self.n))

    def delivered(self, species: str) -> Array:
        """Return nmol of a species poured in all."""
        return sum((ul * self.holds(r, species) for r, ul in self.whole()), np.zeros(self.n))

    def volume_ul(self) -> Array:
        """Return what is in the well now."""
        return sum((ul for _, ul in self.parts()), np.zeros(self.n))

    def of(self, reagent: str) -> Array:
        """Return uL of one reagent's own stock in the well now."""
        return self.ul[reagent] * self.left[reagent]

    def value(self, dose: Dose) -> Array:
        """Return what ``dose``, the last poured, really made of its parameter ``(n,)``."""
        amount = dose.amount
        with np.errstate(divide="ignore", invalid="ignore"):
            match amount:
                case Concentration():
                    return self.moles(amount.species) / self.volume_ul()
                case MoleRatio():
                    return self.moles(amount.species) / self.moles(amount.to)
                case MoleFraction():
                    whole = sum((self.moles(s) for s in amount.of), np.zeros(self.n))
                    return np.asarray(self.moles(amount.species) / whole)
                case VolumeRatio():
                    return self.of(dose.reagent) / self.of(amount.to)
                case VolumeFraction():
                    return self.of(dose.reagent) / self.volume_ul()
                case Volume():
                    return self.of(dose.reagent)
                case Fill():
                    return self.volume_ul()


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """One dose as a linear equation; ``total_ul`` is the volume it is filled to, if the route fills."""

    dose: Dose
    value: Array
    holds: Holds
    total_ul: Array | None

    def coefficient(self, reagent: str) -> Array:
        """Return what one uL of a reagent's stock counts in this equation ``(n,)``."""
        amount, value = self.dose.amount, self.value
        own = np.full(len(value), float(reagent == self.dose.reagent))
        match amount:
            case Concentration():
                held = self.holds(reagent, amount.species)
                return held if self.total_ul is not None else held - value
            case MoleRatio():
                return self.holds(reagent, amount.species) - value * self.holds(reagent, amount.to)
            case MoleFraction():
                whole = sum((self.holds(reagent, s) for s in amount.of), np.zeros(len(value)))
                return np.asarray(self.holds(reagent, amount.species) - value * whole)
            case VolumeRatio():
                return own - value * float(reagent == amount.to)
            case VolumeFraction():
                return own if self.total_ul is not None else own - value
            case Volume():
                return own
            case Fill():
                return np.ones(len(value))

    def constant(self) -> Array:
        """Return the right-hand side ``(n,)``."""
        match self.dose.amount:
            case Concentration() | VolumeFraction() if self.total_ul is not None:
                return self.value * self.total_ul
            case Volume() | Fill():
                return self.value
            case _:
                return np.zeros(len(self.value))


def wanted_ul(equations: Sequence[Equation], well: Well) -> tuple[Array, NDArray[np.bool_]]:
    """Return uL of the first dose's stock that solve its equation, given what is poured, and where one does ``(n,)``.

    The other ``equations`` are still to be met at the same time; they are solved together when they hang together.
    """
    reagents = [e.dose.reagent for e in equations]
    row = [equations[0].coefficient(r) for r in reagents]
    if not any(c.any() for c in row[1:]):
        ok = np.abs(row[0]) > SMALL
        return _right(equations[0], well) / np.where(ok, row[0], 1.0), ok
    matrix = np.stack([np.stack([e.coefficient(r) for r in reagents], axis=-1) for e in equations], axis=-2)
    right = np.stack([_right(e, well) for e in equations], axis=-1)
    scale = np.maximum(np.abs(matrix).max(axis=-1), SMALL)
    matrix, right = matrix / scale[..., None], right / scale
    ok = np.abs(np.linalg.det(matrix)) > SMALL
    matrix = np.where(ok[:, None, None], matrix, np.eye(len(reagents)))
    return np.linalg.solve(matrix, right[..., None])[:, 0, 0], ok


def _right(equation: Equation, well: Well) -> Array:
    """Return what the first dose still has to bring to its equation's constant ``(n,)``."""
    return equation.constant() - sum((ul * equation.coefficient(r) for r, ul in well.parts()), np.zeros(well.n))


def resolution(doses: Sequence[Dose], carries: Mapping[str, frozenset[str]], *, filled: bool) -> list[Dose]:
    """Return the order in which amounts are fixed and rounded: each after those its own equation speaks of.

    ``carries`` are the species any stock of a reagent holds. Where equations speak of each other, the first comes
    first; they are then solved together.
    """
    waiting, order = list(doses), []
    while waiting:
        free = (d for d in waiting if not any(_speaks(d, o, carries, filled) for o in waiting if o is not d))
        last = [d for d in waiting if not isinstance(d.amount, Fill)] or waiting
        chosen = next(free, last[0])
        waiting.remove(chosen)
        order.append(chosen)
    return order


def _speaks(dose: Dose, other: Dose, carries: Mapping[str, frozenset[str]], filled: bool) -> bool:
    """Say whether the equation of ``dose`` counts what ``other`` brings."""
    amount: Amount = dose.amount
    held = carries[other.reagent]
    match amount:
        case Concentration():
            return not filled or amount.species in held
        case MoleRatio():
            return amount.species in held or amount.to in held
        case MoleFraction():
            return bool(held & set(amount.of))
        case VolumeRatio():
            return other.reagent == amount.to
        case VolumeFraction():
            return not filled
        case Volume():
            return False
        case Fill():
            return True
