"""The shipped script played on a deck that only writes down: the command list that analysis gives, in milliseconds.

A test compares its lists with those of the vendor's analysis, by their hash. It knows apiLevel 2.20 and this script only.
"""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from sdl.bench import Lab
from sdl.chemistry.recipe import Run
from sdl.lab.protocol import csv_text, labware_files, render
from sdl.verifier.deck import ENGINE_NAMES

Command = dict[str, Any]

TIP_MM = {"50ul": (57.9, 10.5), "1000ul": (95.6, 10.5), "20ul": (39.2, 8.25)}
"""Length and overlap of the racks used here (Opentrons definitions); the OT-2's 1000 uL tips differ, and are not."""


def listed(lab: Lab, run: Run) -> list[Command]:
    """Return the command list of ``run`` on ``lab``."""
    scope: dict[str, Any] = {}
    exec(compile(render(lab.robot_type, "listed"), "timed_steps.py", "exec"), scope)  # noqa: S102 (our own protocol)
    deck = _Deck(csv_text(lab, run), lab.robot_type)
    scope["run"](deck)
    return deck.commands


class _Deck:
    """What the script calls ``protocol``."""

    def __init__(self, steps: str, robot_type: str) -> None:
        self.commands: list[Command] = []
        self.trash = "movableTrashA3" if robot_type == "Flex" else "fixedTrash"
        self.params = SimpleNamespace(steps=SimpleNamespace(parse_as_csv=lambda **_: list(csv.reader(io.StringIO(steps)))))
        self.shapes = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in labware_files()}
        self.say("home")

    def say(self, kind: str, result: Mapping[str, Any] | None = None, **params: Any) -> None:
        self.commands.append(
            {"commandType": kind, "params": params, "result": dict(result or {}), "status": "succeeded"}
        )

    def pause(self, message: str) -> None:
        self.say("waitForResume", message=message)

    def comment(self, message: str) -> None:
        self.say("comment", message=message)

    def load_trash_bin(self, slot: str) -> None:
        assert slot == "A3"

    def load_module(self, model: str, slot: str) -> _Module:
        module = _Module(self, _new())
        self.say("loadModule", {"moduleId": module.id}, model=model, location={"slotName": slot})
        return module

    def load_labware(self, name: str, where: Any, namespace: str = "opentrons", version: int = 1) -> _Labware:
        definition = self.shapes.get(name) or _tip_rack(name)
        labware = _Labware(_new(), definition)
        location = {"moduleId": where.id} if isinstance(where, _Module) else {"slotName": where}
        made = {"labwareId": labware.id, "definition": definition}
        self.say("loadLabware", made, location=location, loadName=name, namespace=namespace, version=version)
        return labware

    def load_instrument(self, name: str, mount: str) -> _Pipette:
        pipette = _Pipette(self, _new(), 50.0 if name.endswith("_50") else 20.0 if name.startswith("p20") else 1000.0)
        more = {"tipOverlapNotAfterVersion": "v3", "liquidPresenceDetection": False}
        self.say("loadPipette", {"pipetteId": pipette.id}, pipetteName=ENGINE_NAMES.get(name, name), mount=mount, **more)
        return pipette


class _Module:
    def __init__(self, deck: _Deck, id: str) -> None:
        self.deck, self.id = deck, id

    def load_labware(self, name: str, **ours: Any) -> _Labware:
        return self.deck.load_labware(name, self, **ours)

    def set_temperature(self, celsius: float) -> None:
        self.deck.say("temperatureModule/setTargetTemperature", moduleId=self.id, celsius=celsius)
        self.deck.say("temperatureModule/waitForTemperature", moduleId=self.id)

    def deactivate(self) -> None:
        self.deck.say("temperatureModule/deactivate", moduleId=self.id)


class _Labware:
    def __init__(self, id: str, definition: Mapping[str, Any]) -> None:
        self.id, self.definition = id, definition

    def __getitem__(self, well: str) -> _Well:
        return _Well(self, well)

    def wells(self) -> Iterator[_Well]:
        return (self[well] for column in self.definition["ordering"] for well in column)


class _Well:
    def __init__(self, labware: _Labware, name: str) -> None:
        shape = labware.definition["wells"][name]
        self.labware, self.name = labware, name
        self.depth, self.max_volume = float(shape["depth"]), float(shape["totalLiquidVolume"])

    def top(self, z: float = 0.0) -> tuple[_Well, float]:
        return self, z

    def bottom(self, z: float = 0.0) -> tuple[_Well, float]:
        return self, z - self.depth


class _Pipette:
    def __init__(self, deck: _Deck, id: str, max_volume: float) -> None:
        self.deck, self.id, self.max_volume = deck, id, max_volume
        self.flow_rate = SimpleNamespace(aspirate=0.0, dispense=0.0)
        self.has_tip, self.held, self.at = False, 0.0, (None, 0.0)

    def pick_up_tip(self, well: _Well) -> None:
        self.has_tip, self.held = True, 0.0
        self._do("pickUpTip", (well, 0.0))
        self.deck.commands[-1]["params"]["wellLocation"].pop("volumeOffset")

    def drop_tip(self) -> None:
        area = {"addressableAreaName": self.deck.trash, "offset": {"x": 0.0, "y": 0.0, "z": 0.0}}
        more = {"forceDirect": False, "alternateDropLocation": True, "ignoreTipConfiguration": True}
        self.deck.say("moveToAddressableAreaForDropTip", pipetteId=self.id, **area, **more)
        self.deck.say("dropTipInPlace", pipetteId=self.id)
        self.has_tip = False

    def aspirate(self, volume: float, place: Any) -> None:
        self.held += volume
        self._do("aspirate", place, flowRate=self.flow_rate.aspirate, volume=volume)

    def air_gap(self, volume: float) -> None:
        above = self.at[0].top(5.0)
        self._do("moveToWell", above, forceDirect=False)
        self.aspirate(volume, above)

    def dispense(self, volume: float | None = None, location: Any = None, **more: float) -> None:
        out = self.held if volume is None else volume
        self.held -= out
        self._do("dispense", location, flowRate=self.flow_rate.dispense, volume=out, **more)

    def mix(self, times: int, volume: float, place: Any) -> None:
        for n in range(times):
            self.aspirate(volume, place)
            self.dispense(volume, place, **({"pushOut": 0.0} if n + 1 < times else {}))

    def _do(self, kind: str, place: Any, **params: Any) -> None:
        well, z = self.at = place
        where = {"origin": "top", "offset": {"x": 0.0, "y": 0.0, "z": z}, "volumeOffset": 0.0}
        spot = {"labwareId": well.labware.id, "wellName": well.name, "wellLocation": where}
        self.deck.say(kind, pipetteId=self.id, **spot, **params)


def _tip_rack(name: str) -> dict[str, Any]:
    ordering = [[f"{row}{column}" for row in "ABCDEFGH"] for column in range(1, 13)]
    size = name.rpartition("_")[2]
    length, overlap = TIP_MM[size]
    well = {"depth": length, "totalLiquidVolume": float(size.removesuffix("ul"))}
    parameters = {"isTiprack": True, "loadName": name, "tipLength": length, "tipOverlap": overlap}
    wells = {place: well for column in ordering for place in column}
    return {"namespace": "opentrons", "version": 1, "parameters": parameters, "ordering": ordering, "wells": wells}


def _new() -> str:
    return str(uuid.uuid4())
