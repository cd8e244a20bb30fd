"""Command lists written by hand, as the analyser words them at apiLevel 2.20."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdl.bench import Place

Command = dict[str, Any]

DECK: Mapping[str, Place] = {
    "vials": Place(labware="sdl_24_vials_8ml", slot="D1", module="temperatureModuleV2", capacity_ul=8000.0, wells=24),
    "stocks": Place(labware="sdl_8_vials_20ml", slot="C2", capacity_ul=24000.0, wells=8),
    "stocks/B1": Place(labware="sdl_1_bottle_250ml", slot="C1", capacity_ul=250000.0),
    "cell": Place(labware="sdl_1_cell_port", slot="C3", capacity_ul=1000.0, drain="waste"),
    "dye": Place(labware="sdl_1_vial_8ml", slot="B3", capacity_ul=8000.0),
    "waste": Place(labware="", slot="", capacity_ul=500000.0),
    "tips50_1": Place(labware="opentrons_flex_96_tiprack_50ul", slot="A1", wells=96),
}


def command(kind: str, result: Mapping[str, Any] | None = None, **params: Any) -> Command:
    return {
        "id": kind,
        "key": kind,
        "commandType": kind,
        "status": "succeeded",
        "params": params,
        "result": result or {},
    }


def opening() -> list[Command]:
    """Everything that stands on `DECK`, loaded under its own name as id, and a pipette called "left"."""
    loads = [command("loadModule", {"moduleId": "heat"}, model="temperatureModuleV2", location={"slotName": "D1"})]
    for name, place in DECK.items():
        if place.slot:
            where = {"moduleId": "heat"} if place.module else {"slotName": place.slot}
            loads.append(command("loadLabware", {"labwareId": name}, location=where, loadName=place.labware))
    return [*loads, command("loadPipette", {"pipetteId": "left"}, mount="left", pipetteName="p50_single_flex")]


def tip(well: str) -> Command:
    return command("pickUpTip", pipetteId="left", labwareId="tips50_1", wellName=well)


def drop() -> list[Command]:
    area = command("moveToAddressableAreaForDropTip", pipetteId="left", addressableAreaName="movableTrashA3")
    return [area, command("dropTipInPlace", pipetteId="left")]


def liquid(kind: str, labware: str, well: str, volume_ul: float, z_mm: float = -30.0) -> Command:
    """An aspirate or dispense of ``volume_ul``, inside the well unless ``z_mm`` (from its top) is not negative."""
    where = {"origin": "top", "offset": {"x": 0.0, "y": 0.0, "z": z_mm}}
    return command(
        kind, pipetteId="left", labwareId=labware, wellName=well, volume=volume_ul, wellLocation=where, flowRate=10.0
    )


def stroke(source: tuple[str, str], dest: tuple[str, str], volume_ul: float, air_ul: float = 5.0) -> list[Command]:
    """Draw, air gap above the source, dispense both, as the protocol does."""
    move = command("moveToWell", pipetteId="left", labwareId=source[0], wellName=source[1])
    air = liquid("aspirate", *source, air_ul, z_mm=5.0)
    return [liquid("aspirate", *source, volume_ul), move, air, liquid("dispense", *dest, volume_ul + air_ul)]


def pause(message: str) -> Command:
    return command("waitForResume", message=message)
