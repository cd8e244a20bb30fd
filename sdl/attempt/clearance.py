"""How high everything on the deck stands, and how high the end of a tip travels above it (interlock I16).

Read from the command list that the robot itself analysed, whose load commands carry the labware's definitions, and from
the offsets of its run: what a person entered at the robot may lift a labware into the way of a tip.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from sdl.bench import RobotType

Json = Mapping[str, Any]

NOZZLE_MM: Mapping[str, float] = {
    "p50_single_flex": 248.0,
    "p1000_single_flex": 248.0,
    "p20_single_gen2": 180.6,
    "p300_single_gen2": 199.6,
    "p1000_single_gen2": 220.29,
}
"""How high a pipette's nozzle goes above the deck in mm.

Flex: opentrons 8.8.2, ``VIRTUAL_MAX_OT3_HEIGHT``. OT-2: home position 172.15 less 2 of retraction, with the nozzle's
offset of 10.45, 29.45 or 50.14 (its pipette definitions).
"""

MODULE_MM: Mapping[RobotType, float] = {"Flex": 9.0, "OT-2": 80.09}
"""How high labware on a Temperature Module stands, in a caddy or on the deck (opentrons-shared-data 8.8.2)."""


def tops_mm(commands: Iterable[Json], offsets: Iterable[Json], robot_type: RobotType) -> dict[str, float]:
    """Return how high each labware of ``commands`` reaches above the deck in mm, by name and slot."""
    lifted = {(o.get("definitionUri"), (o.get("location") or {}).get("slotName")): _z(o) for o in offsets}
    modules: dict[str, str] = {}
    found = {}
    for command in commands:
        params, result = command.get("params") or {}, command.get("result") or {}
        if command.get("commandType") == "loadModule":
            modules[str(result.get("moduleId"))] = str(params["location"]["slotName"])
        elif command.get("commandType") == "loadLabware":
            definition, where = result.get("definition") or {}, params["location"]
            module = modules.get(str(where.get("moduleId")))
            slot = module or str(where.get("slotName"))
            uri = f"{definition.get('namespace')}/{params['loadName']}/{definition.get('version')}"
            base = MODULE_MM[robot_type] if module else 0.0
            height = float((definition.get("dimensions") or {}).get("zDimension", math.nan))
            found[f"{params['loadName']} in {slot}"] = base + height + lifted.get((uri, slot), 0.0)
    return found


def travel_mm(commands: Iterable[Json]) -> float:
    """Return how high the lowest end of a tip stays above the deck when its pipette is raised, in mm.

    Of all tips that are picked up; NaN where none is, or a pipette is not known.
    """
    nozzles: dict[str, float] = {}
    tips: dict[str, float] = {}
    ends = []
    for command in commands:
        params, result = command.get("params") or {}, command.get("result") or {}
        if command.get("commandType") == "loadPipette":
            nozzles[str(result.get("pipetteId"))] = NOZZLE_MM.get(str(params.get("pipetteName")), math.nan)
        elif command.get("commandType") == "pickUpTip":
            nozzle = nozzles.get(str(params.get("pipetteId")), math.nan)
            ends.append(nozzle - tips.get(str(params.get("labwareId")), math.nan))
        parameters = (result.get("definition") or {}).get("parameters") or {}
        if parameters.get("isTiprack"):
            tips[str(result.get("labwareId"))] = float(parameters["tipLength"]) - float(parameters.get("tipOverlap", 0))
    return math.nan if any(map(math.isnan, ends)) else min(ends, default=math.nan)


def _z(offset: Json) -> float:
    return float((offset.get("vector") or {}).get("z", 0.0))
