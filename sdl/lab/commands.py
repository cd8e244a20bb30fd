"""What an Opentrons command list does to liquids: which microlitres went from which well into which.

The virtual lab executes lists through this reader and the as-executed record is made by it; the verifier has one
of its own. A tip is a stack: what was drawn last leaves first, so a trailing air gap leaves before the liquid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdl.errors import Refused
from sdl.lab.events import (
    Aspirated,
    Discarded,
    Dispensed,
    Event,
    Paused,
    Spot,
    TemperatureReached,
    TemperatureSet,
    TipTaken,
    Waited,
)

__all__ = [
    "Aspirated",
    "Command",
    "Discarded",
    "Dispensed",
    "Event",
    "Paused",
    "Reader",
    "Spot",
    "TemperatureReached",
    "TemperatureSet",
    "TipTaken",
    "Waited",
    "events",
    "executed",
]

Command = Mapping[str, Any]
"""One element of an Opentrons command list: commandType, params, result, status, startedAt, completedAt."""

ROUNDING_UL = 1e-6
"""Volumes below this are rounding of the analyser's floats, not liquid (chosen; pipettes resolve 0.1 uL)."""


@dataclass(slots=True)
class _Pipette:
    mount: str
    tip: bool = False
    held: list[tuple[Spot | None, float]] = field(default_factory=list)  # None is air; the last leaves first

    def push(self, source: Spot | None, volume_ul: float, where: str) -> None:
        if not self.tip:
            raise Refused(f"{where}: draws without a tip")
        if source is not None and any(s not in (None, source) for s, _ in self.held):
            raise Refused(f"{where}: draws from a second source while the tip still holds liquid of another")
        self.held.append((source, volume_ul))

    def pop(self, volume_ul: float, where: str) -> tuple[Spot | None, float]:
        """Remove ``volume_ul`` from the opening of the tip; return whose liquid that was and how much of it."""
        source: Spot | None = None
        liquid_ul = 0.0
        left_ul = volume_ul
        while left_ul > ROUNDING_UL:
            if not self.held:
                raise Refused(f"{where}: dispenses {left_ul:g} uL more than the tip holds")
            origin, held_ul = self.held.pop()
            out_ul = min(held_ul, left_ul)
            left_ul -= out_ul
            if origin is not None:
                source, liquid_ul = origin, liquid_ul + out_ul
            if held_ul - out_ul > ROUNDING_UL:
                self.held.append((origin, held_ul - out_ul))
        return source, liquid_ul

    @property
    def total_ul(self) -> float:
        return sum(volume for _, volume in self.held)


class Reader:
    """Follows one command list from its start; `feed` it every command in order."""

    def __init__(self) -> None:
        self._index = -1
        self._labware: dict[str, tuple[str, str]] = {}  # id -> slot, load name
        self._modules: dict[str, str] = {}  # id -> slot
        self._pipettes: dict[str, _Pipette] = {}
        self._at: dict[str, Spot] = {}  # where each pipette stands, by pipette id; absent is over the trash

    def feed(self, command: Command) -> list[Event]:
        """Return what this command did; raise `Refused` for a type that may move liquid and is not known here."""
        self._index += 1
        kind = str(command["commandType"])
        if kind in _NO_LIQUID:
            return []
        if kind not in _READ:
            raise Refused(f"command {self._index}: {kind} is not known to this reader of command lists")
        return list(_READ[kind](self, command.get("params") or {}, command.get("result") or {}))

    @property
    def _where(self) -> str:
        return f"command {self._index}"

    def _spot(self, params: Mapping[str, Any]) -> Spot:
        if params["labwareId"] not in self._labware:
            raise Refused(f"{self._where}: labware {params['labwareId']} was never loaded")
        slot, labware = self._labware[params["labwareId"]]
        return Spot(slot=slot, labware=labware, well=params["wellName"])

    def _go(self, params: Mapping[str, Any]) -> Spot:
        spot = self._at[params["pipetteId"]] = self._spot(params)
        return spot

    def _load_module(self, params: Mapping[str, Any], result: Mapping[str, Any]) -> Iterator[Event]:
        self._modules[result["moduleId"]] = str(params["location"]["slotName"])
        yield from ()

    def _load_labware(self, params: Mapping[str, Any], result: Mapping[str, Any]) -> Iterator[Event]:
        place = params["location"]
        name = params["loadName"]
        if isinstance(place, str):
            raise Refused(f"{self._where}: {name} is loaded {place}, not in a slot")
        if "moduleId" in place:
            slot = self._modules[place["moduleId"]]
        elif "labwareId" in place:
            slot = self._labware[place["labwareId"]][0]
        else:
            slot = str(place.get("slotName") or place.get("addressableAreaName"))
        self._labware[result["labwareId"]] = (slot, name)
        yield from ()

    def _load_pipette(self, params: Mapping[str, Any], result: Mapping[str, Any]) -> Iterator[Event]:
        self._pipettes[result["pipetteId"]] = _Pipette(mount=params["mount"])
        yield from ()

    def _pick_up(self, params: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Event]:
        pipette = self._pipettes[params["pipetteId"]]
        if pipette.tip:
            raise Refused(f"{self._where}: picks up a tip over another")
        pipette.tip = True
        yield TipTaken(index=self._index, rack=self._go(params), mount=pipette.mount)

    def _drop(self, params: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Event]:
        pipette = self._pipettes[params["pipetteId"]]
        source, volume = pipette.pop(pipette.total_ul, self._where)
        pipette.tip = False
        if source is not None:
            yield Discarded(index=self._index, source=source, volume_ul=volume, mount=pipette.mount)

    def _move(self, params: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Event]:
        self._go(params)
        yield from ()

    def _move_to_area(self, params: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Event]:
        self._at.pop(params["pipetteId"], None)
        yield from ()

    def _aspirate(self, params: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Event]:
        pipette = self._pipettes[params["pipetteId"]]
        volume = float(params["volume"])
        if "labwareId" in params:
            place = params.get("wellLocation") or {}
            # At apiLevel 2.20 an air gap is an aspirate at or above the top of the well.
            above = place.get("origin") == "top" and float((place.get("offset") or {}).get("z", 0.0)) >= 0.0
            spot = self._go(params)
        else:
            above, spot = False, self._at[params["pipetteId"]]
        pipette.push(None if above else spot, volume, self._where)
        if not above:
            yield Aspirated(index=self._index, source=spot, volume_ul=volume, mount=pipette.mount)

    def _air(self, params: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Event]:
        self._pipettes[params["pipetteId"]].push(None, float(params["volume"]), self._where)
        yield from ()

    def _dispense(self, params: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Event]:
        yield from self._out(params, float(params["volume"]))

    def _blow_out(self, params: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Event]:
        yield from self._out(params, self._pipettes[params["pipetteId"]].total_ul)

    def _out(self, params: Mapping[str, Any], volume_ul: float) -> Iterator[Event]:
        pipette = self._pipettes[params["pipetteId"]]
        well = self._go(params) if "labwareId" in params else self._at.get(params["pipetteId"])
        source, liquid_ul = pipette.pop(volume_ul, self._where)
        if source is None:
            return
        if well is None:
            yield Discarded(index=self._index, source=source, volume_ul=liquid_ul, mount=pipette.mount)
        else:
            yield Dispensed(index=self._index, source=source, well=well, volume_ul=liquid_ul, mount=pipette.mount)

    def _pause(self, params: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Event]:
        yield Paused(index=self._index, message=str(params.get("message") or ""))

    def _wait(self, params: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Event]:
        yield Waited(index=self._index, seconds=float(params["seconds"]))

    def _set_temperature(self, params: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Event]:
        slot = self._modules[params["moduleId"]]
        yield TemperatureSet(index=self._index, slot=slot, celsius=float(params["celsius"]))

    def _reach_temperature(self, params: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Event]:
        yield TemperatureReached(index=self._index, slot=self._modules[params["moduleId"]])

    def _switch_off(self, params: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Event]:
        yield TemperatureSet(index=self._index, slot=self._modules[params["moduleId"]], celsius=None)


_NO_LIQUID = frozenset(
    {
        *("home", "retractAxis", "savePosition", "comment", "setRailLights", "setStatusBar"),
        *("configureForVolume", "prepareToAspirate", "touchTip", "verifyTipPresence", "getTipPresence"),
        *("loadLiquid", "loadLiquidClass"),
    }
)

_READ: dict[str, Callable[[Reader, Mapping[str, Any], Mapping[str, Any]], Iterator[Event]]] = {
    "loadModule": Reader._load_module,
    "loadLabware": Reader._load_labware,
    "loadPipette": Reader._load_pipette,
    "pickUpTip": Reader._pick_up,
    "dropTip": Reader._drop,
    "dropTipInPlace": Reader._drop,
    "moveToWell": Reader._move,
    "moveToAddressableArea": Reader._move_to_area,
    "moveToAddressableAreaForDropTip": Reader._move_to_area,
    "aspirate": Reader._aspirate,
    "aspirateInPlace": Reader._aspirate,
    "airGapInPlace": Reader._air,
    "dispense": Reader._dispense,
    "dispenseInPlace": Reader._dispense,
    "blowout": Reader._blow_out,
    "blowOutInPlace": Reader._blow_out,
    "waitForResume": Reader._pause,
    "pause": Reader._pause,
    "waitForDuration": Reader._wait,
    "temperatureModule/setTargetTemperature": Reader._set_temperature,
    "temperatureModule/waitForTemperature": Reader._reach_temperature,
    "temperatureModule/deactivate": Reader._switch_off,
}


def events(commands: Sequence[Command]) -> list[Event]:
    """Return everything that the succeeded commands of a list did; a queued or running one did nothing yet."""
    reader = Reader()
    return [event for c in commands if c.get("status", "succeeded") == "succeeded" for event in reader.feed(c)]


def executed(analysed: Sequence[Command], run: Sequence[Command]) -> list[dict[str, Any]]:
    """Return the analysed list as far as a run came, with the run's status, times and errors.

    The robot's own record of a run leaves out ``result`` and gives labware new ids, so that it can be read only
    beside the analysis. Raises `Refused` when the run is not the analysed list.
    """
    if len(run) > len(analysed):
        raise Refused(f"the run has {len(run)} commands, its analysis {len(analysed)}")
    merged = []
    for index, (plan, fact) in enumerate(zip(analysed, run, strict=False)):
        same = plan["commandType"] == fact["commandType"] and all(
            (plan.get("params") or {}).get(key) == (fact.get("params") or {}).get(key) for key in _COMPARED
        )
        if not same:
            raise Refused(f"command {index} of the run is {fact['commandType']}, not as analysed")
        merged.append({**plan, **{key: fact[key] for key in _FACTS if key in fact}})
    return merged


_COMPARED = ("volume", "wellName", "wellLocation", "seconds", "message", "celsius")
_FACTS = ("id", "status", "createdAt", "startedAt", "completedAt", "error")
