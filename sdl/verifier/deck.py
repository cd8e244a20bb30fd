"""What the list loads, held against what the bench says is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdl.verifier.bench import Bench, Pipette, TipRack, Vessel
from sdl.verifier.books import Tip, Well
from sdl.verifier.fingerprint import definition_hash

ENGINE_NAMES = {
    "flex_1channel_50": "p50_single_flex",
    "flex_1channel_1000": "p1000_single_flex",
}
"""How the analysis calls the pipettes whose public name differs (Opentrons API 2.20 documentation, Pipettes)."""

MAKERS = "opentrons"
"""The namespace of the maker's own labware: tip racks are taken from there only."""


class Unknown(Exception):
    """A command names something that was never loaded (I25), that the bench has not (I16), or that differs (I20)."""

    def __init__(self, interlock: str, text: str) -> None:
        self.interlock = interlock
        super().__init__(text)


@dataclass(slots=True)
class Module:
    """A loaded module: where it stands, what it is set to, and whether it shakes or is open."""

    model: str
    slot: str
    target_c: float | None = None
    rpm: float = 0.0
    latch_open: bool = True


class Deck:
    """Loaded labware, modules and pipettes by the ids that the list uses."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.modules: dict[str, Module] = {}
        self.items: dict[str, str] = {}
        self.tip_mm: dict[str, float] = {}
        self.pipettes: dict[str, Pipette] = {}
        self.tips: dict[str, Tip | None] = {}
        self.wells = {
            (name, well): Well.start(name if len(vessel.wells) == 1 else f"{name}/{well}", vessel, well)
            for name, vessel in bench.vessels.items()
            for well in vessel.wells
            if f"{name}/{well}" not in bench.vessels  # a bottle of that name stands for the rack's well
        }

    def load_module(self, params: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        slot, model = str(params["location"].get("slotName")), params["model"]
        wanted = {(v.slot, v.module) for v in self.bench.vessels.values() if v.module}
        if (slot, model) not in wanted:
            raise Unknown("I16", f"a {model} in slot {slot}; the bench has {sorted(wanted)}")
        self.modules[_made(result, "moduleId")] = Module(model=model, slot=slot)

    def load_labware(self, params: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        where = params["location"]
        module = self.modules.get(where.get("moduleId"))
        slot = where.get("slotName") or (module.slot if module else "")
        everything: Mapping[str, Vessel | TipRack] = {**self.bench.vessels, **self.bench.tip_racks}
        seen = (slot, params["loadName"], module is not None)
        here = [n for n, i in everything.items() if (i.slot, i.labware, bool(getattr(i, "module", ""))) == seen]
        if not here:
            raise Unknown("I16", f"{params['loadName']} in slot {slot or where}; the bench has another thing there")
        name = here[0]
        if name in self.items.values():
            raise Unknown("I16", f"{name} a second time")
        self.items[_made(result, "labwareId")] = name
        self.tip_mm[name] = 0.0
        self._identify(name, everything[name], params, result.get("definition") or {})

    def _identify(
        self, name: str, item: Vessel | TipRack, params: Mapping[str, Any], definition: Mapping[str, Any]
    ) -> None:
        """Hold the labware definition that the analysis used against the one of the plan."""
        asked = (params["namespace"], params["loadName"], params["version"])
        parameters = definition.get("parameters") or {}
        got = (definition.get("namespace"), parameters.get("loadName"), definition.get("version"))
        if asked != got:
            raise Unknown("I20", f"labware {asked}, and analysis took {got}")
        if isinstance(item, Vessel):
            if (found := definition_hash(definition)) != item.definition_sha256:
                text = f"{name} with another definition of {item.labware} ({found[:12]}) than the plan"
                raise Unknown("I20", f"{text} ({item.definition_sha256[:12]}): other wells, depths or places")
            return
        tips_ul = {well.get("totalLiquidVolume") for well in (definition.get("wells") or {}).values()}
        if asked[0] != MAKERS or not parameters.get("isTiprack") or tips_ul != {item.tip_ul}:
            raise Unknown("I20", f"{name}: {asked} holds tips of {sorted(map(str, tips_ul))} uL, not {item.tip_ul:g}")
        self.tip_mm[name] = float(parameters["tipLength"]) - float(parameters.get("tipOverlap", 0.0))

    def load_pipette(self, params: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        mount, name = params["mount"], params["pipetteName"]
        pipette = self.bench.pipettes.get(mount)
        if pipette is None or ENGINE_NAMES.get(pipette.name, pipette.name) != name:
            has = pipette.name if pipette else "none"
            raise Unknown("I20", f"{name} on the {mount} mount; the bench has {has} there")
        self.pipettes[_made(result, "pipetteId")] = pipette

    def module(self, params: Mapping[str, Any]) -> Module:
        try:
            return self.modules[params["moduleId"]]
        except KeyError:
            raise Unknown("I25", "a module that was not loaded") from None

    def pipette(self, params: Mapping[str, Any]) -> Pipette:
        try:
            return self.pipettes[params["pipetteId"]]
        except KeyError:
            raise Unknown("I25", "a pipette that was not loaded") from None

    def name(self, params: Mapping[str, Any]) -> str:
        try:
            return self.items[params["labwareId"]]
        except KeyError:
            raise Unknown("I25", "a labware that was not loaded") from None

    def well(self, params: Mapping[str, Any], well: str = "") -> Well:
        name, well = self.name(params), well or params["wellName"]
        try:
            return self.wells[name, well]
        except KeyError:
            raise Unknown("I25", f"{name}/{well}, which is no well for liquid") from None

    def tip(self, params: Mapping[str, Any]) -> Tip:
        self.pipette(params)
        tip = self.tips.get(params["pipetteId"])
        if tip is None:
            raise Unknown("I7", "a pipette that has no tip on")
        return tip


def _made(result: Mapping[str, Any], name: str) -> str:
    made = result.get(name)
    if not isinstance(made, str):
        raise Unknown("I25", f"a load command whose result has no {name}")
    return made
