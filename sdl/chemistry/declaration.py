"""A route's declaration read for one set of stocks: what counts, which stock is which reagent, when things happen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdl.campaign import Stock
from sdl.route import By, Dose, Fill, Hold, Manual, Read, Route
from sdl.space import Columns

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

GROWTH_READ_FRACTIONS = (0.35, 0.7)
"""When the growing dots are looked at, as fractions of a watched hold (chosen: early and late growth)."""

LONG_ENOUGH_S = (420.0, 900.0)
"""A first growth read fits above 7 min, a second above 15 min of growth (arm time of a read is about 2 min)."""


def count(columns: Columns) -> int:
    """Return how many designs ``columns`` hold."""
    return len(next(iter(columns.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One route with one set of stocks; ``choices`` are the stocks or words that each choice varies over."""

    route: Route
    stocks: Mapping[str, Stock]
    choices: Mapping[str, tuple[str, ...]]

    @property
    def first(self) -> tuple[Dose, ...]:
        """The doses up to the injection: they are balanced together."""
        return tuple(d for d in self.route.doses if d.action in ("dispense", "inject"))

    @property
    def times(self) -> list[str]:
        """The parameters that are times."""
        return [s.by for s in self.route.steps if isinstance(s, Hold) and isinstance(s.by, str)]

    @property
    def medium(self) -> str:
        """The stock that blanks, rinses and dilutions draw on."""
        return self.route.stocks_of(self.route.medium, self.choices)[0]

    def complete(self, columns: Columns) -> Columns:
        """Add the route's nominal value for every parameter that does not vary."""
        n = count(columns)
        full: Columns = {}
        for name, nominal in self.route.nominal.items():
            given = columns.get(name)
            kind = str if isinstance(nominal, str) else float
            full[name] = np.full(n, nominal) if given is None else np.asarray(given, dtype=kind)
        return full

    def number(self, by: By, full: Columns) -> Array:
        """Return a parameter's column, 0 where it does not count, or the fixed number ``(n,)``."""
        if not isinstance(by, str):
            return np.full(count(full), float(by))
        return np.where(self.active(by, full), full[by], 0.0)

    def active(self, name: str, full: Columns) -> Flags:
        """Say where the parameter ``name`` counts ``(n,)``."""
        when = self.route.parameters[name].when
        return np.ones(count(full), bool) if when is None else np.isin(full[when.parameter], when.among)

    def given(self, dose: Dose, full: Columns) -> Flags:
        """Say where a dose is given at all ``(n,)``: where its parameter and its choice count."""
        named = [by for by in (dose.amount.by, dose.reagent) if isinstance(by, str) and by in self.route.parameters]
        rows = [np.ones(count(full), bool), *(self.active(name, full) for name in named)]
        return np.asarray(np.logical_and.reduce(rows), dtype=bool)

    def stocks_of(self, reagent: str, full: Columns) -> Iterator[tuple[Stock, Flags]]:
        """Yield each stock that may stand for ``reagent`` and the rows ``(n,)`` where it does."""
        for name in self.route.stocks_of(reagent, self.choices):
            rows = full[reagent] == name if reagent in full else np.ones(count(full), bool)
            yield self.stocks[name], np.asarray(rows, dtype=bool)

    def holds(self, reagent: str, species: str, full: Columns) -> Array:
        """Return mmol/L of a species in the stock of a reagent ``(n,)``."""
        held = np.zeros(count(full))
        for stock, rows in self.stocks_of(reagent, full):
            held = np.where(rows, stock.contains.get(species, 0.0), held)
        return held

    def carries(self) -> dict[str, frozenset[str]]:
        """Return the species that any stock of each reagent holds."""
        return {
            d.reagent: frozenset(
                s for name in self.route.stocks_of(d.reagent, self.choices) for s in self.stocks[name].contains
            )
            for d in self.route.doses
        }

    def fill_ul(self, full: Columns) -> Array | None:
        """Return the volume that the route fills up to ``(n,)``; None when it does not fill."""
        fills = [d.amount for d in self.first if isinstance(d.amount, Fill)]
        return self.number(fills[0].by, full) if fills else None

    def reads(self, hold: Hold, full: Columns) -> Array:
        """Return how many reads a hold has time for ``(n,)``; none when it is not watched."""
        held = self.number(hold.by, full)
        return sum(((held >= least).astype(float) for least in LONG_ENOUGH_S if hold.watched), np.zeros(len(held)))

    def held_s(self, full: Columns) -> Array:
        """Return all the time that passes after time zero ``(n,)``."""
        holds = [self.number(s.by, full) for s in self.route.steps if isinstance(s, Hold)]
        return sum(holds, np.zeros(count(full)))

    def moments(self, full: Columns) -> tuple[dict[str, float], tuple[float, ...]]:
        """Return when each reagent is added and when the well is read, in s after time zero, for one design."""
        now, injected, added, read = 0.0, False, {}, []
        for step in self.route.steps:
            match step:
                case Dose():
                    injected = injected or step.action == "inject"
                    added[step.reagent] = now
                case Hold():
                    held = float(self.number(step.by, full)[0])
                    read += [now + at for at in growth_reads(held) if step.watched]
                    now += held
                case Read():
                    read.append(now)
                case Manual():
                    break
        return added, tuple(read)


def growth_reads(growth_time_s: float) -> tuple[float, ...]:
    """Return when growing dots are read, in s after the start of a watched hold: none, one or two reads."""
    pairs = zip(LONG_ENOUGH_S, GROWTH_READ_FRACTIONS, strict=True)
    return tuple(float(round(fraction * growth_time_s)) for least, fraction in pairs if growth_time_s >= least)
