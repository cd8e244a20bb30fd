"""What is known about pipettes, tips, slots, modules and labware before a robot is asked."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sdl.bench import RobotType

# Volume ranges: Opentrons pipette documentation (docs.opentrons.com, "Pipettes", API level 2.20).
PIPETTES: Mapping[str, tuple[RobotType, float, float]] = {
    "flex_1channel_50": ("Flex", 1.0, 50.0),
    "flex_1channel_1000": ("Flex", 5.0, 1000.0),
    "p20_single_gen2": ("OT-2", 1.0, 20.0),
    "p300_single_gen2": ("OT-2", 20.0, 300.0),
    "p1000_single_gen2": ("OT-2", 100.0, 1000.0),
}

# Deck maps: Opentrons Flex and OT-2 manuals, "Deck slots". The trash stands in A3 (Flex) and 12 (OT-2, fixed).
SLOTS: Mapping[RobotType, frozenset[str]] = {
    "Flex": frozenset(row + column for row in "ABCD" for column in "123"),
    "OT-2": frozenset(str(n) for n in range(1, 13)),
}
TRASH: Mapping[RobotType, str] = {"Flex": "A3", "OT-2": "12"}
MODULE_SLOTS: Mapping[RobotType, frozenset[str]] = {
    "Flex": frozenset({"A1", "B1", "C1", "D1", "B3", "C3", "D3"}),
    "OT-2": frozenset({"1", "3", "4", "6", "7", "9", "10"}),
}

MODULES: Mapping[str, tuple[float, float]] = {"temperatureModuleV1": (4.0, 95.0), "temperatureModuleV2": (4.0, 95.0)}
"""Range in degC: Opentrons temperature module manual (4 to 95 degC)."""

_TIP_RACK = re.compile(r"opentrons_(flex_)?96_(filter)?tiprack_(\d+)ul")
_TIP_VOLUMES: Mapping[RobotType, frozenset[float]] = {
    "Flex": frozenset({50.0, 200.0, 1000.0}),
    "OT-2": frozenset({10.0, 20.0, 200.0, 300.0, 1000.0}),
}
TIPS_PER_RACK = 96

_FOLDER = Path(__file__).parents[2] / "protocols" / "labware"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labware:
    """A labware definition of this project: its wells, the smallest nominal volume (uL), the widest diameter (mm)."""

    wells: frozenset[str]
    capacity_ul: float
    opening_mm: float


def tip_volume_ul(labware: str, robot_type: RobotType) -> float | None:
    """Return the tip volume of an Opentrons tip rack that fits ``robot_type``; None when it is no such rack."""
    found = _TIP_RACK.fullmatch(labware)
    if found is None or (found[1] is not None) != (robot_type == "Flex"):
        return None
    volume = float(found[3])
    return volume if volume in _TIP_VOLUMES[robot_type] else None


def names() -> list[str]:
    """Return the load names of this project's own labware."""
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


@functools.cache
def definition(labware: str) -> Labware | None:
    """Return the definition called ``labware``; None when this project has none."""
    if not re.fullmatch(r"[a-z0-9_.]{1,64}", labware) or labware not in names():
        return None
    wells = json.loads((_FOLDER / f"{labware}.json").read_text(encoding="utf-8"))["wells"]
    return Labware(
        wells=frozenset(wells),
        capacity_ul=min(float(w["totalLiquidVolume"]) for w in wells.values()),
        opening_mm=max(float(w.get("diameter", 0.0)) for w in wells.values()),
    )
