"""Intermediate dilutions of a batch: which vial each is made in, how much of it, and the steps that make it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sdl.bench import Lab
from sdl.chemistry.recipe import Dilution, Recipe, TimedStep
from sdl.errors import NothingFeasible, Refused

BATCH_UL = 1000.0
"""Dilutions are made in whole multiples of this: a hundredth of it is 10 uL, which fine pipettes take (chosen)."""

SPARE_UL = 200.0
"""More is made than is drawn, so that the tip stays covered and a refused droplet does not matter (chosen)."""

MIX_UL, MIX_TIMES = 100.0, 10
"""A dilution is mixed ten times: the tip mixes 5 mm above the bottom, where 1 mL stands 6 mm high (chosen)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """The dilutions of one batch, by name: what each is, where it stands, and how much is made, in uL."""

    made: Mapping[str, tuple[Dilution, str, float]]

    @classmethod
    def of(cls, recipes: Iterable[Recipe], lab: Lab, vials: tuple[str, ...]) -> Preparation:
        """Plan one vial for each dilution that ``recipes`` draw from; raise `Refused` when there are not enough."""
        drawn: dict[str, float] = {}
        known: dict[str, Dilution] = {}
        for recipe in recipes:
            known |= {d.name: d for d in recipe.dilutions}
            for t in recipe.transfers:
                if t.stock in known:
                    drawn[t.stock] = drawn.get(t.stock, 0.0) + t.volume_ul
        if len(known) > len(vials):
            raise NothingFeasible(f"{len(known)} dilutions are needed, {len(vials)} clean vials are left to make them")
        place = lab.deck[lab.dilution_rack] if known else None
        made = {}
        for (name, dilution), vial in zip(known.items(), vials, strict=False):
            assert place is not None
            volume = math.ceil((drawn[name] + place.dead_ul + SPARE_UL) / BATCH_UL) * BATCH_UL
            most = place.capacity_ul * lab.limits.max_fill_fraction
            if volume > most:
                raise Refused(f"{name}: {volume:g} uL are needed and a vial takes {most:g}; make the batch smaller")
            made[name] = (dilution, vial, volume)
        return cls(made=made)

    @property
    def places(self) -> dict[str, str]:
        """The vial of each dilution, by its name."""
        return {name: vial for name, (_, vial, _) in self.made.items()}

    def steps(self, sources: Mapping[str, str], lab: Lab) -> Iterator[TimedStep]:
        """Yield the transfers and mixings that make them, in order: medium, stock, mix."""
        for dilution, vial, volume in self.made.values():
            stock_ul = volume / dilution.factor
            for source, ul in ((sources[dilution.medium], volume - stock_ul), (sources[dilution.stock], stock_ul)):
                pipette = lab.pipette_for(ul)
                if pipette is None:
                    raise Refused(f"{dilution.name}: {ul:g} uL is below what any mounted pipette can take")
                yield TimedStep(action="dispense", well=vial, source=source, volume_ul=ul, pipette=pipette.mount)
            large = max(lab.pipettes, key=lambda p: p.max_ul)
            yield TimedStep(
                action="mix", well=vial, source=vial, volume_ul=MIX_UL, pipette=large.mount, times=MIX_TIMES
            )
