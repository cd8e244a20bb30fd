"""What the verifier is told: what stands where, what it holds, what is allowed, and what the plan promises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from sdl.errors import Unsafe


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquid:
    """What a well holds: its volume, and the volume fraction (0..1) of each solvent by name."""

    volume_ul: float
    solvents: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vessel:
    """A labware that holds liquid; its wells are equal and have straight walls and a flat bottom.

    ``module`` is the model under it ("" for none), ``holds`` what is in each well at the start (not listed: empty).
    What enters a vessel that ``drains`` counts as waste.
    """

    labware: str
    slot: str
    module: str = ""
    wells: frozenset[str]
    depth_mm: float
    area_mm2: float
    capacity_ul: float
    dead_ul: float = 0.0
    holds: Mapping[str, Liquid] = field(default_factory=dict)
    drains: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TipRack:
    """A rack of tips: how much one holds, and which are still unused."""

    labware: str
    slot: str
    tip_ul: float
    fresh: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipette:
    """A mounted pipette, by the name the lab file or the analysis gives it, and the racks it may take tips from."""

    name: str
    min_ul: float
    max_ul: float
    racks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The deck by name, the lab's limits, and the plan's promises.

    Locations are "<vessel>/<well>", or the vessel's name alone when it has one well.  ``delivered_ul`` is the
    plan: what each location receives from each other one (reads and rinses included, mixing not), within 0.5 %.
    ``trash`` is the addressable area tips are dropped in, "movableTrashA3" or "fixedTrash"; pipettes go by mount.
    ``pauses`` are the messages of all hand-shakes in order.  ``waste_ul`` is the room left in the waste bottle,
    ``boiling_c`` the boiling point of each solvent: one without a boiling point may not be heated.
    ``probe`` is the reactor that a dip probe stands in, "" for none: it is read without filling the cell.
    ``max_fraction`` bounds the volume fraction of a solvent in every well that receives liquid, at the end.
    """

    vessels: Mapping[str, Vessel]
    tip_racks: Mapping[str, TipRack]
    pipettes: Mapping[str, Pipette]
    trash: str
    delivered_ul: Mapping[str, Mapping[str, float]]
    pauses: tuple[str, ...]
    boiling_c: Mapping[str, float]
    max_temperature_c: float
    boiling_margin_c: float
    max_fill_fraction: float
    max_flow_rate_ul_s: float
    max_delay_s: float
    waste_ul: float
    probe: str = ""
    max_fraction: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        items: tuple[Bench | Vessel | TipRack | Pipette, ...]
        items = (self, *self.vessels.values(), *self.tip_racks.values(), *self.pipettes.values())
        for item, name in ((i, f.name) for i in items for f in fields(i)):
            value = getattr(item, name)
            if isinstance(value, float | int) and not math.isfinite(value):
                raise Unsafe(f"{name} is {value}: a missing limit means refuse; state it in the lab file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The verified list, by its hash, and the books at its end.

    ``wells`` is what every location that received liquid then holds, ``stocks_left`` the uL left where liquid was
    drawn and none received, ``tips_used`` the tips taken from each rack in order.
    """

    sha256: str
    wells: Mapping[str, Liquid]
    stocks_left: Mapping[str, float]
    tips_used: Mapping[str, tuple[str, ...]]
    waste_ul: float
