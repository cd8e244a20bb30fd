"""What stands on the bench: robot, pipettes, deck, thermal blocks, reader, and the limits the lab owns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sdl.errors import Refused

RobotType = Literal["Flex", "OT-2"]
Mount = Literal["left", "right"]
Geometry = Literal["flow cell", "dip probe", "plate"]
Light = Literal["lamp", "led", "laser"]

INTEGRATION_MS, AVERAGES = 2.0, 250
"""One spectrum in 0.5 s (Otero-Martinez 2024, SI: 2 ms x 250)."""
DARK_AGE_S = 900.0
"""A dark is taken again after 15 min (spectral analysis facts, clean-up)."""
BLANK_AGE_S = 8 * 3600.0
"""How long blank and dye hold: a lamp drifts by 1 % an hour at most (bench design: the dye every 8 h)."""
CARRY_OVER = 0.01
"""Absorbance over the path left after a rinse that is more than a reader's own drift of 2e-3, four times; chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipette:
    """A mounted pipette: what one stroke can carry once the air gap is kept, and how finely it is set."""

    mount: Mount
    name: str
    min_ul: float
    max_ul: float
    tip_ul: float
    air_gap_ul: float
    resolution_ul: float
    tip_racks: tuple[str, ...]
    cv: float = 0.015

    @property
    def stroke_ul(self) -> float:
        """The largest liquid volume of one stroke in uL: pipette and tip limit less the air gap."""
        return min(self.max_ul, self.tip_ul) - self.air_gap_ul


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One piece of labware on the deck: its Opentrons load name, slot, the module under it, and its wells.

    ``capacity_ul`` is one well's nominal volume and ``opening_mm`` its inner diameter, 0 where no definition says;
    ``drain`` names the deck item that what enters here runs into.
    """

    labware: str
    slot: str
    module: str = ""
    capacity_ul: float = 0.0
    dead_ul: float = 0.0
    wells: int = 1
    drain: str = ""
    opening_mm: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A rack whose vials share one temperature; ``low_c == high_c`` means it follows the room."""

    rack: str
    low_c: float
    high_c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSpec:
    """Which spectrometer, what is in front of it, and how it measures.

    ``flow cell``: the pipette brings ``sample_ul``, then ``rinses`` of ``rinse_ul`` clean the cell. ``dip probe``: the
    probe stands in the one reactor ``at``; nothing is withdrawn. ``plate``: aliquots go to a plate that is read between
    runs at ``bands_nm``. ``carry_over`` is the absorbance over the path that a rinse may leave. ``light`` is what
    shines through it; its meter stood at ``lamp_h`` at the moment ``lamp_read``, NaN where nobody read it.
    """

    kind: str
    channels: tuple[Literal["absorption", "pl", "nir"], ...] = ("absorption", "pl")
    geometry: Geometry = "flow cell"
    at: str = ""
    path_mm: float = 2.0
    sample_ul: float = 120.0
    rinse_ul: float = 150.0
    rinses: int = 2
    excitation_nm: float = 365.0
    dye_plqy: float = 0.54
    dye_plqy_rsd: float = 0.02
    dye_refractive_index: float = 1.361
    max_reads: int = 6
    integration_ms: float = INTEGRATION_MS
    averages: int = AVERAGES
    dark_age_s: float = DARK_AGE_S
    blank_age_s: float = BLANK_AGE_S
    carry_over: float = CARRY_OVER
    bands_nm: tuple[int, ...] = ()
    light: Light = "lamp"
    lamp_h: float = math.nan
    lamp_read: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Safety limits, owned by the lab; a campaign may only tighten them, and a missing one means refuse.

    ``clearance_mm`` is kept between the end of a tip at its highest and everything that stands on the deck.
    """

    max_temperature_c: float
    boiling_margin_c: float
    max_fill_fraction: float
    max_hexane_fraction: float
    max_flow_rate_ul_s: float
    max_run_h: float
    max_delay_s: float
    waste_ul: float
    clearance_mm: float
    max_calibration_age_h: float
    max_lamp_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A whole bench. ``deck`` maps names such as "vials" or "stocks/B1" to labware; "" as robot is simulated.

    ``substances`` is how much of each dissolved species may be on the deck, in umol; ``never_together`` the pairs of
    species or solvents that share no well, tip or waste. A lab without them (None) approves no command list. ``mark``
    is the short hash of robot, pipettes, deck, blocks, limits, substances and pairs as the lab file states them;
    ``armed_for`` the one that whoever armed the lab has seen.
    """

    name: str
    robot: str
    robot_type: RobotType
    robot_serial: str = ""
    analyzer: str = ""
    pipettes: tuple[Pipette, ...]
    deck: Mapping[str, Place]
    blocks: tuple[Block, ...]
    reader: ReaderSpec
    limits: Limits
    substances: Mapping[str, float] | None = None
    never_together: tuple[tuple[str, str], ...] | None = None
    ventilated: bool = False
    armed_by: str = ""
    armed_until: str = ""
    armed_for: str = ""
    mark: str = ""
    room_c: float = 25.0
    virtual: Mapping[str, float | int | str | bool] = field(default_factory=dict)

    @property
    def unarmed(self) -> str:
        """What to do before deck and limits of a real robot are those that somebody armed; "" where they are."""
        if self.robot == "simulated" or self.armed_for == self.mark:
            return ""
        was = f"was armed for {self.armed_for}" if self.armed_for else "does not say what it is armed for"
        return (
            f"{self.name} {was}; robot, deck, substances and limits of its file are now {self.mark}: compare the bench "
            f"with the load list of `sdl check`, then write armed_for: {self.mark} beside armed_until"
        )

    @property
    def reaction_blocks(self) -> tuple[Block, ...]:
        """The blocks reactions run in: the first, and every other one that can be set to a temperature."""
        return tuple(b for i, b in enumerate(self.blocks) if i == 0 or b.low_c < b.high_c)

    @property
    def dilution_rack(self) -> str:
        """The rack of empty vials that stocks are diluted in: at room temperature, where nothing reacts; "" if none."""
        return next((b.rack for b in self.blocks if b not in self.reaction_blocks), "")

    def locate(self, location: str) -> tuple[str, str]:
        """Split "stocks/A1" into deck name and well; raise `Refused` for a place the deck has not.

        A deck item may itself be called "stocks/B1" (a bottle in a slot of its own): then the well is "A1".
        """
        if location in self.deck:
            return location, "A1"
        name, _, well = location.rpartition("/")
        if name in self.deck and well:
            return name, well
        raise Refused(f"{location} is not on the deck of {self.name}: it has {', '.join(sorted(self.deck))}")

    def pipette_for(self, volume_ul: float) -> Pipette | None:
        """Return the pipette that takes ``volume_ul`` in the fewest strokes, the finest first; None if none can."""
        able = [p for p in self.pipettes if volume_ul >= p.min_ul]
        return min(able, key=lambda p: (-(-volume_ul // p.stroke_ul), p.resolution_ul), default=None)
