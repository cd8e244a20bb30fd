"""What a robot did to liquids, tips and heat, one noun for each thing that can happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sdl.bench import Place
from sdl.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A well as Opentrons knows it: slot, load name of the labware, well."""

    slot: str
    labware: str
    well: str

    def on(self, deck: Mapping[str, Place]) -> str:
        """Return the deck location, such as "stocks/A1" or "cell"; raise `Refused` for what the deck has not."""
        for name, place in deck.items():
            if place.slot == self.slot and place.labware == self.labware:
                location = name if place.wells == 1 else f"{name}/{self.well}"
                if location != name and location in deck:
                    raise Refused(f"{location} is a deck item of its own and hides well {self.well} of {name}")
                return location
        raise Refused(f"the deck has no {self.labware} in slot {self.slot}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TipTaken:
    index: int
    rack: Spot
    mount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspirated:
    """Liquid, without air, that left ``source``."""

    index: int
    source: Spot
    volume_ul: float
    mount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispensed:
    """Liquid, without air, from ``source`` that entered ``well``; a mix has ``source == well`` and moves nothing."""

    index: int
    source: Spot
    well: Spot
    volume_ul: float
    mount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    """Liquid that went to the trash, in a dropped tip or blown out there."""

    index: int
    source: Spot
    volume_ul: float
    mount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    index: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    index: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureSet:
    """A module was given a target; None means switched off."""

    index: int
    slot: str
    celsius: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureReached:
    index: int
    slot: str


Event = TipTaken | Aspirated | Dispensed | Discarded | Paused | Waited | TemperatureSet | TemperatureReached
