"""From a design to microlitres of real stocks: a route's declaration, mole balance, pipettable rounding, what is safe.

The rounded design, computed back from the rounded volumes, is what everyone else remembers. All functions work on
columns of ``n`` designs so that a space can be searched by the thousand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdl.bench import Lab
from sdl.campaign import Campaign, Stock
from sdl.chemistry import safety
from sdl.chemistry.balance import Equation, Well, resolution, wanted_ul
from sdl.chemistry.declaration import Declaration, count
from sdl.chemistry.pipetting import Pipetting
from sdl.chemistry.recipe import Dilution, Recipe, Transfer
from sdl.chemistry.routes import route_of
from sdl.chemistry.shortfall import shortfalls
from sdl.errors import Refused
from sdl.route import Dose, Hold, Route
from sdl.space import Columns, Design

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

TEMPERATURE_STEP_C = 1.0
"""Temperature modules are set in whole degrees (Opentrons temperature module manual: accuracy +-1 degC)."""

ROUNDS = 4
"""How often a rounded design is rounded again until it stays; one that never does is left out (chosen)."""

STILL_UL = 1e-6
"""Volumes closer than this are the same: far below any pipette's resolution (chosen)."""

SAME_TIME_S = 3.0
"""Times this close are the same design: a dispense itself takes as long (chosen)."""

BEFORE_S = -60.0
"""Where a recipe lists what is added before time zero: its moment is the arm's to choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """One route with one set of stocks on one lab."""

    declared: Declaration
    lab: Lab

    @classmethod
    def of(cls, campaign: Campaign) -> Compiler:
        if campaign.lab is None:
            raise Refused(f"{campaign.file}: an offline campaign has no stocks to pipette from")
        choices = {p.name: p.choices for p in campaign.parameters if p.choices}
        declared = Declaration(route=route_of(campaign), stocks=campaign.stocks, choices=choices)
        return cls(declared=declared, lab=campaign.lab)

    @property
    def route(self) -> Route:
        return self.declared.route

    @property
    def stocks(self) -> Mapping[str, Stock]:
        return self.declared.stocks

    @property
    def pipetting(self) -> Pipetting:
        return Pipetting(pipettes=self.lab.pipettes, dilutes=bool(self.lab.dilution_rack))

    def medium_of(self, design: Design) -> str:
        """Name the stock that is the medium of a design."""
        medium = self.route.medium
        return str(design.get(medium, self.route.nominal.get(medium, medium)))

    def snap(self, columns: Columns) -> tuple[Columns, Flags]:
        """Round ``n`` designs to what these pipettes can make; say which rows are possible and safe ``(n,)``.

        A design is possible when rounding it again changes nothing, so that none is ever refused later.
        """
        full = self.declared.complete(columns)
        full["temperature_c"] = np.round(full["temperature_c"] / TEMPERATURE_STEP_C) * TEMPERATURE_STEP_C
        for name in self.declared.times:
            full[name] = np.round(full[name])
        well, ok = self.pour(full)
        made = self.designed(full, well)
        for _ in range(ROUNDS):
            again, fine = self.pour(made)
            moved = _differ(well, again)
            well, ok = again, ok & fine
            made = self.designed(made, well)
            if not (moved & ok).any():
                break
        ok &= ~moved & safety.safe(self, made, well)
        return {name: made[name] for name in columns}, ok

    def pour(self, full: Columns) -> tuple[Well, Flags]:
        """Return ``n`` wells with rounded volumes, and which rows pipettes and stocks can give.

        Every species counts wherever it comes from; reads take their samples out before what is added after them.
        """
        n, pipetting, carries = count(full), self.pipetting, self.declared.carries()
        well, ok, fill = self.empty(full), np.ones(n, dtype=bool), self.declared.fill_ul(full)
        for doses in self.additions(full, well):
            total = fill if doses == self.declared.first else None
            order = resolution(doses, carries, filled=total is not None)
            equations = [
                Equation(dose=d, value=self.declared.number(d.amount.by, full), holds=well.holds, total_ul=total)
                for d in order
            ]
            for k, dose in enumerate(order):
                given = self.declared.given(dose, full)
                ul, solved = wanted_ul(equations[k:], well)
                dilutable = dose.dilutable and dose.reagent != self.route.medium
                drawn, factor, can = pipetting.draw(ul, optional=dose.optional, dilutable=dilutable)
                well.wanted_ul[dose.reagent] = np.where(solved, ul, np.nan)
                ok &= (solved & can & (ul > -pipetting.smallest_ul)) | ~given
                well.pour(dose.reagent, np.where(given, drawn, 0.0), np.where(given, factor, 1.0))
        return well, ok

    def designed(self, full: Columns, poured: Well, planned: Columns | None = None) -> Columns:
        """Compute designs back from what was poured; ``planned`` are the columns that say how many reads there were."""
        made, well = dict(full), self.empty(full)
        for doses in self.additions(full if planned is None else planned, well):
            for dose in doses:
                well.copy(dose.reagent, poured)
            for dose in doses:
                if isinstance(dose.amount.by, str):
                    value = np.where(self.declared.given(dose, full), well.value(dose), full[dose.amount.by])
                    made[dose.amount.by] = value
        return made

    def recipe(self, design: Design) -> Recipe:
        """Compile one rounded design; raise `Refused` when it cannot be made as given."""
        full = self.declared.complete({name: np.array([value]) for name, value in design.items()})
        well, ok = self.pour(full)
        reasons = [] if ok[0] else list(shortfalls(self.declared, self.pipetting.smallest_ul, full, well))
        reasons += [text for text, fine in safety.rules(self, full, well).items() if not fine[0]]
        if reasons:
            raise Refused(f"design {dict(design)} cannot be pipetted on {self.lab.name}: {'; '.join(reasons)}")
        made = self.designed(full, well)
        added, reads = self.declared.moments(made)
        transfers, dilutions = self._transfers(well, made, added)
        first = [dose.reagent for dose in self.declared.first]
        species = sorted({s for stock in self.stocks.values() for s in stock.contains})
        return Recipe(
            design={name: _plain(made[name][0]) for name in design},
            transfers=transfers,
            temperature_c=float(made["temperature_c"][0]),
            growth_time_s=added[self.route.quench] if self.route.quench else max([*added.values(), *reads]),
            read_s=reads,
            moles_umol={s: float(well.delivered(s)[0]) / 1000.0 for s in species if well.delivered(s)[0] > 0},
            total_ul=float(sum(well.drawn(reagent)[0] for reagent in first)),
            dilutions=dilutions,
            manual=self.route.manual,
        )

    def executed(
        self, planned: Design, volumes_ul: Mapping[str, float], added_s: Mapping[str, float]
    ) -> dict[str, float | str]:
        """Return the design that was really made, from delivered uL of each stock and when each reagent was in.

        ``added_s`` is in s after the injection, by reagent; one that is not there was in as planned. What one stock
        delivered is shared among its uses, and the medium of dilutions, as planned.
        """
        held = self.declared.complete({name: np.array([value]) for name, value in planned.items()})
        plan, _ = self.pour(held)
        expected: dict[str, float] = {}
        for reagent, ul in plan.whole():
            stock = self._stock(reagent, held)
            expected[stock] = expected.get(stock, 0.0) + float(ul[0])
        share = {s: volumes_ul.get(s, 0.0) / ul if ul > 0 else 0.0 for s, ul in expected.items()}
        well = self.empty(held)
        medium = share[self._stock(self.route.medium, held)]
        for dose in self.route.doses:
            well.copy(dose.reagent, plan)
            well.ul[dose.reagent] = plan.ul[dose.reagent] * share[self._stock(dose.reagent, held)]
            well.diluting_ul[dose.reagent] = plan.diluting_ul[dose.reagent] * medium
        made = self.designed(self._retimed(held, added_s), well, held)
        return {name: _plain(made[name][0]) for name in planned}

    def empty(self, full: Columns) -> Well:
        """Return ``n`` wells with nothing in them yet, for the designs ``full``."""
        known: dict[tuple[str, str], Array] = {}

        def holds(reagent: str, species: str) -> Array:
            if (reagent, species) not in known:
                known[reagent, species] = self.declared.holds(reagent, species, full)
            return known[reagent, species]

        return Well(n=count(full), medium=self.route.medium, holds=holds)

    def additions(self, full: Columns, well: Well) -> Iterator[tuple[Dose, ...]]:
        """Yield doses that are balanced together, in order of addition; in between, reads take from ``well``."""
        first = self.declared.first
        yield first
        fill = self.declared.fill_ul(full)
        volume = well.volume_ul() if fill is None else fill
        for step in self.route.steps:
            if isinstance(step, Hold):
                taken = self.declared.reads(step, full) * self.lab.reader.sample_ul
                well.withdraw(1.0 - taken / volume)
                volume = volume - taken
            elif isinstance(step, Dose) and step not in first:
                yield (step,)
                volume = volume + well.drawn(step.reagent)

    def _transfers(
        self, well: Well, made: Columns, added: Mapping[str, float]
    ) -> tuple[tuple[Transfer, ...], tuple[Dilution, ...]]:
        transfers, dilutions = [], []
        for dose in self.route.doses:
            drawn, factor = float(well.drawn(dose.reagent)[0]), float(well.factor[dose.reagent][0])
            if drawn <= 0:
                continue
            stock = self._stock(dose.reagent, made)
            if factor > 1.0:
                dilution = Dilution(stock=stock, medium=self._stock(self.route.medium, made), factor=factor)
                dilutions.append(dilution)
                stock = dilution.name
            at_s = BEFORE_S if dose.action == "dispense" else added[dose.reagent]
            ul = round(drawn, 3)
            transfers.append(Transfer(stock=stock, volume_ul=ul, at_s=at_s, action=dose.action, reagent=dose.reagent))
        return tuple(transfers), tuple(dilutions)

    def _stock(self, reagent: str, full: Columns) -> str:
        return str(full[reagent][0]) if reagent in full else reagent

    def _retimed(self, held: Columns, added_s: Mapping[str, float]) -> Columns:
        """Give what passed between two additions, less what was planned, to the last hold in between that is set."""
        full, planned = dict(held), self.declared.moments(held)[0]
        set_by, late_s = "", 0.0  # of the addition before
        for step in self.route.steps:
            if isinstance(step, Hold) and isinstance(step.by, str) and self.declared.active(step.by, held)[0]:
                set_by = step.by
            elif isinstance(step, Dose) and step.reagent in added_s:
                late_now_s = added_s[step.reagent] - planned[step.reagent]
                if set_by and abs(late_now_s - late_s) > SAME_TIME_S:
                    full[set_by] = held[set_by] + (late_now_s - late_s)
                set_by, late_s = "", late_now_s
        return full


def _differ(one: Well, other: Well) -> Flags:
    gaps = [np.abs(one.drawn(r) - other.drawn(r)) > STILL_UL for r in one.ul]
    return np.asarray(np.logical_or.reduce(gaps), dtype=bool)


def _plain(value: np.generic) -> float | str:
    return str(value) if isinstance(value, np.str_) else float(value)
