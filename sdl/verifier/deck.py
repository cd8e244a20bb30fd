"""What the list loads, held against what the bench says is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdl.verifier.bench import Bench, Pipette, TipRack, Vessel
from sdl.verifier.books import Tip, Well

ENGINE_NAMES = {
    "flex_1channel_50": "p50_single_flex",
    "flex_1channel_1000": "p1000_single_flex",
}
"""How the analysis calls the pipettes whose public name differs (Opentrons API 2.20 documentation, Pipettes)."""

SAME_MM = 0.1
"""Depths of a labware definition and of the bench that differ by less are equal (chosen)."""


class Unknown(Exception):
    """A command names something that was never loaded, or that the bench does not have."""


class Deck:
    """Loaded labware, modules and pipettes by the ids that the list uses."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.modules: dict[str, str] = {}
        self.items: dict[str, str] = {}
        self.pipettes: dict[str, Pipette] = {}
        self.tips: dict[str, Tip | None] = {}
        self.wells = {
            (name, well): Well.start(name if len(vessel.wells) == 1 else f"{name}/{well}", vessel, well)
            for name, vessel in bench.vessels.items()
            for well in vessel.wells
            if f"{name}/{well}" not in bench.vessels  # a bottle of that name stands for the rack's well
        }

    def load_module(self, params: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        slot = params["location"].get("slotName")
        wanted = {(v.slot, v.module) for v in self.bench.vessels.values() if v.module}
        if (slot, params["model"]) not in wanted:
            raise Unknown(f"a {params['model']} in slot {slot}; the bench has {sorted(wanted)}")
        self.modules[_made(result, "moduleId")] = slot

    def load_labware(self, params: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        where = params["location"]
        slot = where.get("slotName") or self.modules.get(where.get("moduleId"), "")
        everything: Mapping[str, Vessel | TipRack] = {**self.bench.vessels, **self.bench.tip_racks}
        seen = (slot, params["loadName"], "moduleId" in where)
        here = [n for n, i in everything.items() if (i.slot, i.labware, bool(getattr(i, "module", ""))) == seen]
        if not here:
            raise Unknown(f"{params['loadName']} in slot {slot or where}; the bench has another thing there")
        name, item = here[0], everything[here[0]]
        wells = result.get("definition", {}).get("wells", {})
        if isinstance(item, Vessel) and wells:
            deep = {well: w["depth"] for well, w in wells.items() if abs(w["depth"] - item.depth_mm) > SAME_MM}
            if set(wells) != item.wells or deep:
                raise Unknown(
                    f"{params['loadName']} has other wells or depths than the bench says: {deep or set(wells)}"
                )
        if name in self.items.values():
            raise Unknown(f"{name} a second time")
        self.items[_made(result, "labwareId")] = name

    def load_pipette(self, params: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        mount, name = params["mount"], params["pipetteName"]
        pipette = self.bench.pipettes.get(mount)
        if pipette is None or ENGINE_NAMES.get(pipette.name, pipette.name) != name:
            raise Unknown(f"{name} on the {mount} mount; the bench has {pipette.name if pipette else 'none'} there")
        self.pipettes[_made(result, "pipetteId")] = pipette

    def pipette(self, params: Mapping[str, Any]) -> Pipette:
        try:
            return self.pipettes[params["pipetteId"]]
        except KeyError:
            raise Unknown("a pipette that was not loaded") from None

    def name(self, params: Mapping[str, Any]) -> str:
        try:
            return self.items[params["labwareId"]]
        except KeyError:
            raise Unknown("a labware that was not loaded") from None

    def well(self, params: Mapping[str, Any]) -> Well:
        name = self.name(params)
        try:
            return self.wells[name, params["wellName"]]
        except KeyError:
            raise Unknown(f"{name}/{params['wellName']}, which is no well for liquid") from None

    def tip(self, params: Mapping[str, Any]) -> Tip:
        self.pipette(params)
        tip = self.tips.get(params["pipetteId"])
        if tip is None:
            raise Unknown("a pipette that has no tip on")
        return tip


def _made(result: Mapping[str, Any], name: str) -> str:
    made = result.get(name)
    if not isinstance(made, str):
        raise Unknown(f"a load command whose result has no {name}")
    return made
