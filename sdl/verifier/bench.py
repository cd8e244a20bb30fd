"""What the verifier is told: what stands where, what it holds, what is allowed, and what the plan promises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from sdl.errors import Unsafe


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquid:
    """What a well holds: its volume, the volume fraction (0..1) of each solvent, and mmol/L of each species."""

    volume_ul: float
    solvents: Mapping[str, float]
    species_mmol_l: Mapping[str, float] = field(default_factory=dict)

    @property
    def umol(self) -> dict[str, float]:
        """The amount of each species in umol."""
        return {name: mmol_l * self.volume_ul / 1000 for name, mmol_l in self.species_mmol_l.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vessel:
    """A labware that holds liquid; its wells are equal and have straight walls and a flat bottom.

    ``module`` is the model under it ("" for none), ``holds`` what is in each well at the start (not listed: empty),
    ``definition_sha256`` the `definition_hash` of the labware file that the plan was made with, ``neck_mm`` the
    diameter of a well's opening. What enters a vessel that ``drains`` counts as waste.
    """

    labware: str
    definition_sha256: str
    slot: str
    module: str = ""
    wells: frozenset[str]
    depth_mm: float
    area_mm2: float
    neck_mm: float
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

    Locations are "<vessel>/<well>", or the vessel's name alone when it has one well.

    The plan's promises: ``delivered_ul`` is what each location receives from each other one (reads and rinses
    included, mixing not), within 0.5 %. ``pauses`` are the messages of all hand-shakes in order, ``windows_s`` the
    earliest and latest release of each timed one ("AT <s> <action> <location>") on the plan's clock, ``min_growth_s``
    the shortest time from the injection to the quench of each location that is quenched.

    ``probe_at`` is the location in which a dip probe stands: it is read there, and nothing is drawn for it.

    The deck: ``trash`` is the addressable area tips are dropped in, "movableTrashA3" or "fixedTrash"; pipettes go by
    mount. ``evaporation_ul_h`` is what each location loses to the air, ``waste_ul`` the room left in the waste
    bottle, ``waste_holds`` what is in it already. ``airflow`` says that a proven draught carries vapour away.

    The lab's limits: ``boiling_c`` and ``open_vessel_c`` of each solvent (one without may not be heated), ``lel_ul``
    of each solvent that reaches the lower explosive limit of this enclosure, ``max_fraction`` of a solvent in every
    well that receives liquid, at the end; ``max_umol`` of each species on the deck (one without may not be there);
    ``never_together`` pairs of solvents or species. A shaker may not turn while its two limits are 0.
    """

    vessels: Mapping[str, Vessel]
    tip_racks: Mapping[str, TipRack]
    pipettes: Mapping[str, Pipette]
    trash: str
    delivered_ul: Mapping[str, Mapping[str, float]]
    pauses: tuple[str, ...]
    windows_s: Mapping[str, tuple[float, float]]
    min_growth_s: Mapping[str, float]
    boiling_c: Mapping[str, float]
    open_vessel_c: Mapping[str, float]
    lel_ul: Mapping[str, float]
    airflow: bool
    never_together: frozenset[frozenset[str]]
    max_umol: Mapping[str, float]
    max_temperature_c: float
    boiling_margin_c: float
    max_fill_fraction: float
    max_flow_rate_ul_s: float
    max_delay_s: float
    max_run_s: float
    waste_ul: float
    probe_at: str = ""
    waste_holds: frozenset[str] = frozenset()
    max_fraction: Mapping[str, float] = field(default_factory=dict)
    evaporation_ul_h: Mapping[str, float] = field(default_factory=dict)
    max_shake_rpm: float = 0.0
    max_fill_shaken_fraction: float = 0.0

    def __post_init__(self) -> None:
        items: tuple[Bench | Vessel | TipRack | Pipette | Liquid, ...]
        held = (liquid for vessel in self.vessels.values() for liquid in vessel.holds.values())
        items = (self, *self.vessels.values(), *self.tip_racks.values(), *self.pipettes.values(), *held)
        for item, name in ((i, f.name) for i in items for f in fields(i)):
            value = getattr(item, name)
            numbers = value.values() if isinstance(value, Mapping) else (value,)
            for number in numbers:
                if isinstance(number, float | int) and not math.isfinite(number):
                    raise Unsafe(f"{name} is {number}: a missing limit means refuse; state it in the lab file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The verified list, by its hash, and the books at its end.

    ``wells`` is what every location that received liquid then holds; ``received_ul`` what each of them was ever given
    from each other location and ``received_umol`` of each species, reads not subtracted. ``stocks_left`` is the uL
    left where liquid was drawn and none received, ``tips_used`` the tips taken from each rack in order.
    """

    sha256: str
    wells: Mapping[str, Liquid]
    received_ul: Mapping[str, Mapping[str, float]]
    received_umol: Mapping[str, Mapping[str, float]]
    stocks_left: Mapping[str, float]
    tips_used: Mapping[str, tuple[str, ...]]
    waste_ul: float
