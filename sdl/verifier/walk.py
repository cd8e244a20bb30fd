"""The walk: every command in order, every rule at every command, every violation kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sdl.errors import Unsafe
from sdl.verifier.bench import Approval, Bench
from sdl.verifier.books import TINY_UL, Parcel, Tip, Well
from sdl.verifier.deck import Deck, Unknown
from sdl.verifier.fingerprint import command_hash
from sdl.verifier.handshakes import Handshakes
from sdl.verifier.shapes import HEIGHT_MM, misfit

FLOOR_MM = 0.5
"""No tip goes nearer to a bottom: half a millimetre of play for calibration (interlock I8)."""

SKY_MM = 15.0
"""No offset goes higher above a rim than this (chosen: an air gap is taken 5 mm above it)."""

SIDE_MM = 2.0
"""No offset goes farther sideways (interlock I8: a few mm)."""

DROP_MM = 2.0
"""A tip nearer than this to the surface touches it: a hanging drop is about 2 mm (chosen)."""

MINOR = 0.05
"""A solvent below this volume fraction does not set the boiling limit (chemical safety rule: 5 vol %)."""

COLD_C = 4.0
"""The lowest set-point of the temperature module (Opentrons Temperature Module GEN2 manual)."""

PLAN_FRACTION = 0.005
"""Delivered volumes match the plan within this fraction (interlock I5)."""

MANY = 50
"""After so many violations the rest follows from them, and the walk ends (chosen)."""


def verify(commands: Sequence[Mapping[str, Any]], bench: Bench) -> Approval:
    """Approve ``commands`` on ``bench``, or raise `Unsafe` with every violation: where, how much, limit and cure."""
    walk = _Walk(bench)
    for number, command in enumerate(commands):
        walk.step(number, command)
        if len(walk.violations) >= MANY:
            break
    else:
        walk.end()
    if walk.violations:
        count = len(walk.violations)
        raise Unsafe(f"the verifier refuses this list, {count} violation(s):\n" + "\n".join(walk.violations))
    wells = walk.deck.wells.values()
    return Approval(
        sha256=command_hash(commands),
        wells={w.location: w.liquid() for w in wells if w.received_ul and not w.vessel.drains},
        stocks_left={w.location: w.volume_ul for w in wells if w.drawn and not w.received_ul},
        tips_used={rack: tuple(tips) for rack, tips in walk.tips_used.items()},
        waste_ul=walk.waste_ul,
    )


class _Walk:
    def __init__(self, bench: Bench) -> None:
        self.bench, self.deck = bench, Deck(bench)
        self.violations: list[str] = []
        self.where = ""
        self.heat: dict[str, float] = {}
        self.tips_used: dict[str, list[str]] = {name: [] for name in bench.tip_racks}
        self.over_trash = ""
        self.waste_ul = 0.0
        self.hands = Handshakes(bench.pauses, self.refuse, bench.probe)
        self.rules: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
            "temperatureModule/setTargetTemperature": self.set_temperature,
            "temperatureModule/waitForTemperature": self.module,
            "temperatureModule/deactivate": self.deactivate,
            "pickUpTip": self.pick_up,
            "moveToWell": self.move,
            "aspirate": self.aspirate,
            "dispense": self.dispense,
            "moveToAddressableAreaForDropTip": self.to_trash,
            "dropTipInPlace": self.drop,
            "waitForDuration": self.wait,
            "waitForResume": self.hands.pause,
        }
        self.loads = {
            "loadModule": self.deck.load_module,
            "loadLabware": self.deck.load_labware,
            "loadPipette": self.deck.load_pipette,
        }

    def refuse(self, text: str) -> None:
        self.violations.append(f"{self.where}: {text}")

    def limit(self, value: float, most: float, text: str) -> None:
        if value > most + TINY_UL:
            self.refuse(text.format(value=f"{value:.6g}", limit=f"{most:.6g}"))

    def step(self, number: int, command: Mapping[str, Any]) -> None:
        name = str(command.get("commandType"))
        self.where = f"#{number} {name}"
        if text := misfit(command):
            self.refuse(f"{text}; it is not on the list of what the verifier knows, remove it")
            return
        try:
            if name in self.loads:
                self.loads[name](command["params"], command.get("result") or {})
            elif name in self.rules:
                self.rules[name](command["params"])
        except Unknown as exc:
            self.refuse(f"uses {exc}; correct the protocol or the lab file")

    # heat

    def module(self, params: Mapping[str, Any]) -> str:
        if params["moduleId"] not in self.deck.modules:
            raise Unknown("a module that was not loaded")
        return self.deck.modules[params["moduleId"]]

    def set_temperature(self, params: Mapping[str, Any]) -> None:
        slot, celsius = self.module(params), params["celsius"]
        self.limit(celsius, self.bench.max_temperature_c, "{value} degC is above the lab's limit of {limit}; lower it")
        self.limit(-celsius, -COLD_C, f"{celsius:g} degC is below what the module holds, {COLD_C:g}; raise it")
        self.heat[slot] = celsius
        for well in self.deck.wells.values():
            self.check_boiling(well)

    def check_boiling(self, well: Well) -> None:
        celsius = self.heat.get(well.vessel.slot)
        if celsius is None or well.volume_ul <= TINY_UL:
            return
        for solvent, part in well.liquid().solvents.items():
            most = self.bench.boiling_c.get(solvent, float("-inf")) - self.bench.boiling_margin_c
            if part > MINOR and celsius > most:
                known = (
                    f"its limit is {most:g}" if solvent in self.bench.boiling_c else "its boiling point is not known"
                )
                cure = "lower the temperature or dispense the diluent first"
                self.refuse(f"{well.location} holds {part:.0%} {solvent} at {celsius:g} degC, {known}; {cure}")

    def deactivate(self, params: Mapping[str, Any]) -> None:
        if self.heat.pop(self.module(params), None) is None:
            self.refuse("switches off a block that was not set; remove it")

    # tips

    def pick_up(self, params: Mapping[str, Any]) -> None:
        pipette, rack, well = self.deck.pipette(params), self.deck.name(params), params["wellName"]
        self.position(params, 0.0)
        if self.deck.tips.get(params["pipetteId"]) is not None:
            self.refuse("a tip is on already; drop it first")
        if rack not in pipette.racks:
            raise Unknown(f"tips of {rack}; {pipette.name} takes them from {', '.join(pipette.racks)}")
        if well in self.tips_used[rack] or well not in self.bench.tip_racks[rack].fresh:
            self.refuse(f"the tip {rack}/{well} was used before or is not there; take a fresh one or refill the rack")
        self.tips_used[rack].append(well)
        self.deck.tips[params["pipetteId"]] = Tip(min(pipette.max_ul, self.bench.tip_racks[rack].tip_ul))

    def to_trash(self, params: Mapping[str, Any]) -> None:
        self.deck.tip(params)
        if params["addressableAreaName"] != self.bench.trash:
            self.refuse(f"drops a tip at {params['addressableAreaName']}; the trash is {self.bench.trash}")
        self.over_trash = params["pipetteId"]

    def drop(self, params: Mapping[str, Any]) -> None:
        tip = self.deck.tip(params)
        if self.over_trash != params["pipetteId"]:
            self.refuse("drops a tip that is not over the trash; move there first")
        self.limit(tip.liquid_ul, 0.0, "drops a tip with {value} uL of liquid in it; dispense all of it first")
        self.deck.tips[params["pipetteId"]], self.over_trash = None, ""

    def touch(self, tip: Tip, location: str, draws: bool) -> None:
        """A tip touches its source, then at most one other liquid, and never goes back."""
        if tip.touched and location == tip.touched[-1]:
            return
        if tip.touched and (draws or len(tip.touched) > 1):
            self.refuse(f"the tip touched {' and '.join(tip.touched)} and now enters {location}; take a fresh tip")
        tip.touched.append(location)

    # liquid

    def position(self, params: Mapping[str, Any], depth_mm: float) -> float:
        """Return how high the tip is above the bottom of a well ``depth_mm`` deep."""
        where = params["wellLocation"]
        offset = where["offset"]
        height_mm: float = HEIGHT_MM[where["origin"]] * depth_mm + offset["z"]
        self.limit(max(abs(offset["x"]), abs(offset["y"])), SIDE_MM, "goes {value} mm sideways, limit {limit} mm")
        self.limit(height_mm - depth_mm, SKY_MM, "goes {value} mm above the rim, limit {limit} mm")
        if depth_mm:
            self.limit(
                -height_mm, -FLOOR_MM, f"goes to {height_mm:.4g} mm above the bottom, limit {FLOOR_MM} mm; raise it"
            )
        return height_mm

    def move(self, params: Mapping[str, Any]) -> None:
        tip, well = self.deck.tip(params), self.deck.well(params)
        self.over_trash = ""
        height_mm = self.position(params, well.vessel.depth_mm)
        if well.volume_ul > TINY_UL and height_mm < well.level_mm + DROP_MM:
            self.touch(tip, well.location, draws=False)

    def flow(self, params: Mapping[str, Any]) -> tuple[Tip, Well, float]:
        """Check what aspirate and dispense have in common; return tip, well and height."""
        tip, well = self.deck.tip(params), self.deck.well(params)
        self.over_trash = ""
        if params["volume"] <= 0 or params["flowRate"] <= 0:
            self.refuse(
                f"{params['volume']:g} uL at {params['flowRate']:g} uL/s; both must be above zero, remove the row"
            )
        self.limit(params["flowRate"], self.bench.max_flow_rate_ul_s, "{value} uL/s, limit {limit}; slow down")
        return tip, well, self.position(params, well.vessel.depth_mm)

    def least(self, params: Mapping[str, Any], liquid_ul: float) -> None:
        low = self.deck.pipette(params).min_ul
        text = f"{liquid_ul:.4g} uL is below the pipette's minimum of {low:g}; use a finer pipette or another recipe"
        self.limit(-liquid_ul, -low, text)

    def aspirate(self, params: Mapping[str, Any]) -> None:
        tip, well, height_mm = self.flow(params)
        volume_ul = max(0.0, params["volume"])
        if air := height_mm >= well.vessel.depth_mm:
            parcel = Parcel("", volume_ul, {})
        else:
            self.least(params, volume_ul)
            self.draw(tip, well, volume_ul, height_mm)
            parcel = well.take(volume_ul)
        tip.parcels.append(parcel)
        self.limit(tip.held_ul, tip.capacity_ul, "{value} uL in pipette and tip, air included, limit {limit}; split it")
        if not air:
            self.hands.happened("aspirate", well.location)

    def draw(self, tip: Tip, well: Well, volume_ul: float, height_mm: float) -> None:
        self.touch(tip, well.location, draws=True)
        left_ul = well.volume_ul - volume_ul
        dead_ul = well.vessel.dead_ul
        text = f"leaves {left_ul:.6g} uL in {well.location}, {dead_ul:g} cannot be drawn; refill it or draw less"
        self.limit(-left_ul, -dead_ul, text)
        level_mm = left_ul / well.vessel.area_mm2
        text = f"draws air: {well.location} ends {level_mm:.4g} mm deep, the tip is at {height_mm:.4g} mm; refill it"
        self.limit(height_mm, level_mm, text)

    def dispense(self, params: Mapping[str, Any]) -> None:
        tip, well, height_mm = self.flow(params)
        where = well.location
        self.limit(params["volume"], tip.held_ul, "dispenses {value} uL of {limit} uL in the tip; draw it first")
        self.limit(height_mm, well.vessel.depth_mm, "dispenses {value} mm above the bottom, over the rim at {limit} mm")
        parcels = [p for p in tip.release(params["volume"]) if p.origin]
        liquid_ul = sum(p.volume_ul for p in parcels)
        self.least(params, liquid_ul)
        for parcel in parcels:
            well.put(parcel)
        if well.vessel.drains:
            self.waste_ul += liquid_ul
            self.limit(self.waste_ul, self.bench.waste_ul, "{value} uL of waste, room for {limit}; empty the bottle")
            self.hands.in_cell = parcels[-1].origin if parcels else ""
        most = well.vessel.capacity_ul * self.bench.max_fill_fraction
        self.limit(well.volume_ul, most, f"fills {where} to {{value}} uL, limit {{limit}}; use less or a larger vessel")
        if height_mm < well.level_mm + DROP_MM:
            self.touch(tip, where, draws=False)
        self.check_boiling(well)
        self.hands.happened("dispense", where)

    # time

    def wait(self, params: Mapping[str, Any]) -> None:
        if params["seconds"] <= 0:
            self.refuse(f"waits {params['seconds']:g} s; a delay must be above zero, remove it")
        self.limit(params["seconds"], self.bench.max_delay_s, "waits {value} s, limit {limit}; use a timed step")

    # the end

    def end(self) -> None:
        self.where = "at the end"
        self.hands.end()
        if any(self.deck.tips.values()):
            self.refuse("a tip is still on; drop it")
        for slot, celsius in self.heat.items():
            self.refuse(f"the block in slot {slot} is still set to {celsius:g} degC; deactivate it")
        for well in self.deck.wells.values():
            self.check_plan(well)

    def check_plan(self, well: Well) -> None:
        plan = self.bench.delivered_ul.get(well.location, {})
        for origin in sorted(plan.keys() | well.received_ul.keys()):
            planned, got = plan.get(origin, 0.0), well.received_ul.get(origin, 0.0)
            text = (
                f"{well.location} gets {got:.6g} uL from {origin}, the plan says {planned:.6g}; render the plan again"
            )
            self.limit(abs(got - planned), planned * PLAN_FRACTION, text)
        for solvent, most in self.bench.max_fraction.items():
            part = well.liquid().solvents.get(solvent, 0.0) if well.received_ul else 0.0
            text = f"{well.location} ends with {part:.1%} {solvent}, limit {most:.1%}; add diluent or use less stock"
            self.limit(part, most, text)
