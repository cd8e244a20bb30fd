"""The physical world of the virtual lab: what is in every vial, bottle, tip rack, the flow cell and the waste.

Every change is first a line of the journal and then a change, so that a lab that was killed finds its vials as they
were. Liquid moves when it is dispensed; a mix moves nothing. A well that holds Cs and receives Pb grows dots from that
moment, from the concentrations that are really in it when it is first looked at or quenched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sdl.bench import Place
from sdl.errors import SdlError
from sdl.lab.commands import Discarded, Dispensed, Event, TemperatureReached, TemperatureSet, TipTaken
from sdl.lab.modelled import DYE
from sdl.lab.virtual.clock import VirtualClock
from sdl.lab.virtual.journal import Entry, Journal
from sdl.lab.virtual.reaction import PRECURSORS, Reaction, Vessel, act, changes, quench_ratio

PIPETTING_CV = 0.015
"""Total relative sd of a dispensed volume; half the variance stays with a pipette [assumed, virtual_lab.md 2]."""

CELL_UL = 20.0
"""Volume of the flow cell, in which what enters stirs what is there: 2 mm of path behind a window of 10 mm2 [X]. A
rinse of 150 uL leaves exp(-7.5) of a well's aliquot, one of 20 uL more than a third."""
LEAST_PART = 1e-5
"""Parts of the cell below this are forgotten: of an absorbance of 2 they are a hundredth of a reader's drift [X]."""

TRASH = "trash"


class Mishap(SdlError):
    """What stops a robot physically, such as a tip that is not there."""


Begin = Callable[[Vessel, str], Reaction]
"""Start the growth of a well from its content; the second argument is its location."""


class World:
    """Everything that is there, and everything that can happen to it. Safe to use from several threads."""

    def __init__(
        self,
        *,
        seed: int,
        deck: Mapping[str, Place],
        load: Mapping[str, Mapping[str, Any]],
        room_c: float,
        clock: VirtualClock,
        journal: Journal,
        begin: Begin,
    ) -> None:
        self._seed = seed
        self._deck = deck
        self._load = {DYE: {"contains": {DYE: 1.0}, "volume_ul": 8000.0}, **load} if DYE in deck else load
        self._room_c = room_c
        self._clock = clock
        self._journal = journal
        self._begin = begin
        self._lock = threading.RLock()
        self._vessels = {location: self._loaded(location) for location in self._load}
        self._dried_s = dict.fromkeys(self._load, clock.now_s())  # until when each stock's evaporation is counted
        self._tips_gone: set[str] = set()
        self._target_c: dict[str, float] = {}
        self._block_c = {name: room_c for name, place in deck.items() if place.module}
        self._moves = 0
        self._runs = 0
        self._running = {"run": "", "key": ""}
        self.cell = Vessel()
        self._remains: list[tuple[float, Vessel]] = []  # part of the cell, and what was in it before
        self.waste_ul = 0.0
        for entry in journal.before:
            self._apply(entry)
            clock.wait_until(entry["t_s"])

    def begins(self, run: str, key: str) -> None:
        """A run starts; ``key`` is the attempt that it belongs to."""
        with self._lock:
            self._running = {"run": run, "key": key}
            self._record("run", event="started")

    def ends(self, run: str, status: str) -> None:
        with self._lock:
            self._record("run", event=status)
            self._running = {"run": "", "key": ""}

    def happens(self, event: Event) -> None:
        """Make an event of the robot true; raise `Mishap` when a tip is not where it is looked for."""
        with self._lock:
            match event:
                case Dispensed() if event.source != event.well:
                    self._moved(event.source.on(self._deck), event.well.on(self._deck), event.volume_ul, event.mount)
                case Discarded():
                    self._moved(event.source.on(self._deck), TRASH, event.volume_ul, event.mount)
                case TipTaken():
                    rack = event.rack.on(self._deck)
                    if rack in self._tips_gone:
                        raise Mishap(f"no tip at {rack}")
                    self._record("tip", rack=rack)
                case TemperatureSet(celsius=None):
                    self._target_c.pop(self._rack_at(event.slot), None)
                    self._record("heat", rack=self._rack_at(event.slot), celsius=self._room_c)
                case TemperatureSet(celsius=float(celsius)):
                    self._target_c[self._rack_at(event.slot)] = celsius
                case TemperatureReached():
                    rack = self._rack_at(event.slot)
                    self._record("heat", rack=rack, celsius=self._target_c.get(rack, self._room_c))
                case _:
                    pass

    def kelvin_to_go(self, slot: str) -> float:
        rack = self._rack_at(slot)
        return abs(self._target_c.get(rack, self._room_c) - self._block_c[rack])

    def modules(self) -> list[tuple[str, Place, float, float | None]]:
        """Return rack, place, present and target temperature of every thermal block."""
        with self._lock:
            return [(r, self._deck[r], c, self._target_c.get(r)) for r, c in self._block_c.items()]

    def switch_off(self, rack: str) -> None:
        with self._lock:
            self._target_c.pop(rack, None)
            self._record("heat", rack=rack, celsius=self._room_c)

    def refill(self, what: str, lot: str = "") -> bool:
        """Renew vials, tips ("tips50": every such rack) or a stock, or empty the waste; say if ``what`` is known.

        A stock comes with its new ``lot``, where one is named.
        """
        with self._lock:
            known = what == "waste" or any(self._means(what, name) for name in (*self._deck, *self._load))
            if known:
                self._record("refill", what=what, lot=lot)
            return known

    def look(self, role: str, at: str = "") -> list[tuple[float, Vessel]]:
        """Write a read down and return what is in the cell, or in the well ``at`` in which a probe stands.

        What filled the cell last comes first, then what earlier fillings left of themselves; each with its part.
        """
        with self._lock:
            self._record("read", role=role)
            if not at:
                return self._in_cell()
            self._grown(at)
            return [(1.0, self._vessel(at))]

    def plate(self, slot: str) -> dict[str, Vessel]:
        """Return what is in every well of the plate that stands in ``slot``; wells that nothing entered are empty."""
        with self._lock:
            names = [name for name, place in self._deck.items() if place.slot == slot]
            wells = [f"{row}{column}" for column in range(1, 13) for row in "ABCDEFGH"] if names else []
            return {well: self._vessel(f"{names[0]}/{well}") for well in wells}

    def lots(self) -> frozenset[str]:
        """Return the lots of the Cs and Pb stocks on the deck."""
        return frozenset().union(*(self._loaded(location).lots for location in self._load))

    def volumes_ul(self) -> dict[str, float]:
        """Return what every vessel holds now, for tests and benchmarks."""
        with self._lock:
            return {location: vessel.volume_ul for location, vessel in self._vessels.items()}

    def _moved(self, source: str, dest: str, planned_ul: float, mount: str) -> None:
        volume = planned_ul * self._pipetting(mount)
        there = self._vessel(source).volume_ul
        self._record("move", source=source, dest=dest, planned_ul=planned_ul, volume_ul=min(volume, there))

    def _pipetting(self, mount: str) -> float:
        """Return dispensed over wanted: one lasting error a pipette, one of its own a stroke."""
        fleeting = np.random.default_rng([self._seed, self._moves]).standard_normal()
        return float(1.0 + lasting_error(self._seed, mount) + PIPETTING_CV * np.sqrt(0.5) * fleeting)

    def _record(self, kind: str, **what: Any) -> None:
        entry = {"t_s": self._clock.now_s(), "kind": kind, **self._running, **what}
        self._journal.write(entry)
        self._apply(entry)

    def _apply(self, entry: Entry) -> None:
        """Change the world by one line of the journal."""
        match entry["kind"]:
            case "run":
                self._runs += entry["event"] == "started"
            case "tip":
                self._tips_gone.add(entry["rack"])
            case "heat":
                self._block_c[entry["rack"]] = entry["celsius"]
            case "refill":
                self._refilled(entry)
            case "move":
                self._moves += 1
                self._flow(entry)

    def _flow(self, entry: Entry) -> None:
        t_s = entry["t_s"]
        self._evaporate(entry["source"], t_s)
        grown = self._grown(entry["source"])
        liquid = self._vessel(entry["source"]).take(entry["volume_ul"])
        if entry["dest"] == TRASH:
            return
        if self._deck.get(entry["dest"], _NOWHERE).drain:
            # Dots in the cell go on as in their well.
            liquid.growth, liquid.started_s = grown, self._vessel(entry["source"]).started_s
            self._fill(liquid)
            self.waste_ul += liquid.volume_ul
            return
        well = self._vessel(entry["dest"])
        if grown is not None and well.volume_ul == 0:  # an aliquot: its dots go on as in their well
            well.growth, well.started_s = grown, self._vessel(entry["source"]).started_s
            well.add(liquid)
            return
        if changes(well, liquid, t_s) and self._grown(entry["dest"]) is not None:
            act(well, liquid, t_s)
        else:
            well.add(liquid)
            if well.started_s is None and well.complete:
                well.started_s, well.run = t_s, self._runs
                well.celsius = self._block_c.get(entry["dest"].rpartition("/")[0], self._room_c)
        well.fed_s = t_s

    def _fill(self, liquid: Vessel) -> None:
        """Let ``liquid`` flow through the cell: what was there is thinned as in a stirred vessel."""
        left = float(np.exp(-liquid.volume_ul / CELL_UL))
        self._remains = [(part * left, was) for part, was in self._in_cell() if part * left > LEAST_PART]
        self.cell = liquid

    def _in_cell(self) -> list[tuple[float, Vessel]]:
        return [(1.0 - sum(part for part, _ in self._remains), self.cell), *self._remains]

    def _evaporate(self, location: str, t_s: float) -> None:
        """Let a stock lose the solvent that went through its septum until ``t_s``; what is dissolved stays."""
        if location in self._dried_s:
            hours = (t_s - self._dried_s[location]) / 3600.0
            lost_ul = float(self._load[location].get("loss_ul_h", 0.0)) * hours
            vessel = self._vessel(location)
            vessel.volume_ul = max(vessel.volume_ul - lost_ul, 0.0)
            self._dried_s[location] = t_s

    def _grown(self, location: str) -> Reaction | None:
        """Return the growth of a well, begun from what is in it now if nobody asked before."""
        vessel = self._vessel(location)
        if vessel.growth is None and vessel.started_s is not None:
            vessel.growth = self._begin(vessel, location)
            if vessel.umol.get("lecithin"):  # it came before the lead
                vessel.growth.quench(0.0, quench_ratio(vessel.umol))
        return vessel.growth

    def _refilled(self, entry: Entry) -> None:
        what, lot = entry["what"], entry.get("lot", "")
        if what == "waste":
            self.waste_ul = 0.0
        self._tips_gone = {tip for tip in self._tips_gone if not self._means(what, tip.rpartition("/")[0])}
        for location in list(self._vessels):
            if self._means(what, location) or self._means(what, location.rpartition("/")[0]):
                self._vessels[location] = self._loaded(location, lot)
                if location in self._dried_s:
                    self._dried_s[location] = entry["t_s"]

    @staticmethod
    def _means(what: str, name: str) -> bool:
        return name == what or (name.startswith(what) and name.startswith("tips"))

    def _loaded(self, location: str, lot: str = "") -> Vessel:
        load = self._load.get(location, {})
        volume = float(load.get("volume_ul", 0.0))
        umol = {species: mmol_l * volume / 1000.0 for species, mmol_l in load.get("contains", {}).items()}
        known = lot or str(load.get("lot", ""))
        lots = {known} if known and PRECURSORS & umol.keys() else set()
        return Vessel(volume_ul=volume, umol=umol, lots=frozenset(lots))

    def _vessel(self, location: str) -> Vessel:
        return self._vessels.setdefault(location, Vessel())

    def _rack_at(self, slot: str) -> str:
        return next(name for name, place in self._deck.items() if place.slot == slot and place.module)


_NOWHERE = Place(labware="", slot="")


def lasting_error(seed: int, mount: str) -> float:
    """Return the relative calibration error of the pipette on ``mount``, which every stroke of it shares."""
    return float(PIPETTING_CV * np.sqrt(0.5) * np.random.default_rng([seed, *mount.encode()]).standard_normal())
