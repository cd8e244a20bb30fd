"""How many more wells every stock, tip rack, vial rack and the waste bottle last, and which of them ends first.

Pure arithmetic: what one well takes on average and at worst comes from scheduled batches or from past attempts, what is
left comes from the load list or from the ledger.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sdl.bench import Lab
from sdl.campaign import Stock
from sdl.chemistry.recipe import Run

TIPS_PER_RACK = 96
"""Tips in a rack (Opentrons tip rack definitions)."""

VIALS, WASTE = "vials", "waste"


def tips(mount: str) -> str:
    """Return the name of the tips on ``mount`` as a supply."""
    return f"{mount} tips"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one batch of ``wells`` takes of each supply: uL of a stock or of waste, tips, vials."""

    wells: int
    takes: Mapping[str, float]

    @classmethod
    def of(cls, run: Run) -> Batch:
        """Return what a scheduled run takes, its blanks, dyes and rinses included."""
        counted = {tips(mount): float(n) for mount, n in run.tips.items()}
        return cls(
            wells=len(run.wells),
            takes={**run.draws_ul, **counted, VIALS: float(len(run.wells)), WASTE: run.waste_ul},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What is left of one supply that a run can use, per place it stands at: a batch draws from one place only."""

    name: str
    unit: str
    places: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasts:
    """How long one supply lasts.

    ``per_well`` and ``per_well_worst`` are the mean and the worst draw; ``wells`` and ``wells_worst`` how many more
    wells that allows; ``batches`` how many whole batches at the mean draw. Infinite where nothing is drawn.
    """

    name: str
    unit: str
    left: float
    per_well: float
    per_well_worst: float
    wells: float
    wells_worst: float
    batches: float

    @property
    def facts(self) -> dict[str, Any]:
        """The same as JSON; what never ends is null."""
        numbers = {
            "left": self.left,
            "per_well": self.per_well,
            "per_well_worst": self.per_well_worst,
            "wells": self.wells,
            "wells_worst": self.wells_worst,
            "batches": self.batches,
        }
        return {"unit": self.unit, **{k: round(v, 2) if math.isfinite(v) else None for k, v in numbers.items()}}


def supplies(
    lab: Lab,
    stocks: Mapping[str, Stock],
    *,
    left_ul: Mapping[str, float] | None = None,
    deck: Mapping[str, Any] | None = None,
) -> list[Supply]:
    """Return what is left: as loaded, or by the ledger's ``left_ul`` at each location and its ``deck`` entries."""
    ledger, seen = left_ul or {}, deck or {}
    found = []
    for name, stock in stocks.items():
        places = {}
        for at in stock.at:
            there = ledger.get(at, stock.volume_ul / len(stock.at))
            places[at] = max(0.0, there - lab.deck[lab.locate(at)[0]].dead_ul)
        found.append(Supply(name=name, unit="uL", places=places))
    gone = seen.get("tips_gone", {})
    for pipette in lab.pipettes:
        room = TIPS_PER_RACK * len(pipette.tip_racks) - gone.get(pipette.mount, 0)
        found.append(Supply(name=tips(pipette.mount), unit="tips", places={", ".join(pipette.tip_racks): room}))
    first = lab.blocks[0].rack
    used = {**seen.get("vials_elsewhere", {}), first: seen.get("vials_used", 0)}
    vials = {b.rack: lab.deck[b.rack].wells - used.get(b.rack, 0) for b in lab.reaction_blocks}
    waste_ul = lab.limits.waste_ul - seen.get("waste_ul", 0.0)
    return [
        *found,
        Supply(name=VIALS, unit="vials", places=vials),
        Supply(name=WASTE, unit="uL", places={"waste bottle": waste_ul}),
    ]


def runway(left: Iterable[Supply], typical: Iterable[Batch], worst: Iterable[Batch] = ()) -> tuple[Lasts, ...]:
    """Return how long each supply lasts, what ends first in front.

    The mean draw is that of the ``typical`` batches together; the worst is the largest per well of any batch.
    """
    usual = list(typical)
    every = [*usual, *worst]
    found = [_lasts(supply, usual, every) for supply in left]
    return tuple(sorted(found, key=lambda one: (one.wells, one.wells_worst)))


def _lasts(supply: Supply, usual: list[Batch], every: list[Batch]) -> Lasts:
    wells = sum(batch.wells for batch in usual)
    mean = sum(batch.takes.get(supply.name, 0.0) for batch in usual) / wells if wells else 0.0
    worst = max((batch.takes.get(supply.name, 0.0) / batch.wells for batch in every), default=0.0)
    size = wells / len(usual) if usual else 0.0
    return Lasts(
        name=supply.name,
        unit=supply.unit,
        left=sum(supply.places.values()),
        per_well=mean,
        per_well_worst=max(mean, worst),
        wells=_whole(supply, mean),
        wells_worst=_whole(supply, max(mean, worst)),
        batches=_whole(supply, mean * size),
    )


def _whole(supply: Supply, draw: float) -> float:
    """Return how many whole draws the places hold; a draw never comes from two places."""
    if draw <= 0:
        return math.inf
    return float(sum(math.floor(room / draw + 1e-9) for room in supply.places.values()))


def runway_in_words(lasts: Iterable[Lasts], wells_wanted: int) -> list[str]:
    """Return one line a supply and, last, what runs out first and whether that is before ``wells_wanted``."""
    listed = list(lasts)
    lines = [f"  {_said(one)}" for one in listed]
    ending = [one for one in listed if math.isfinite(one.wells)]
    if ending:
        first = ending[0]
        later = [one.name for one in ending[1:] if one.wells < wells_wanted]
        tail = f"; then {', '.join(later)}" if later else ""
        wanted = f"of the {wells_wanted} wanted" if first.wells < wells_wanted else f"beyond the {wells_wanted} wanted"
        lines.append(f"  First to run out: {first.name}, after {first.wells:.0f} wells {wanted}{tail}.")
    return lines


def _said(one: Lasts) -> str:
    left = f"{one.left / 1000:.4g} mL" if one.unit == "uL" else f"{one.left:.0f}"
    what = "room left" if one.name == WASTE else "usable" if one.unit == "uL" else "left"
    if not math.isfinite(one.wells):
        return f"{one.name}: {left} {what}, not drawn"
    unit = "uL" if one.unit == "uL" else ""
    draw = f"{one.per_well:.4g} {unit}".strip() + f" per well (at worst {one.per_well_worst:.4g})"
    return f"{one.name}: {left} {what}, {draw}: {one.wells:.0f} more wells (at worst {one.wells_worst:.0f})"
