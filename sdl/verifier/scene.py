"""The scene: what each command does to the books, told as acts that the rules then judge."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sdl.verifier.bench import Bench, Pipette
from sdl.verifier.books import TINY_UL, Parcel, Tip, Well
from sdl.verifier.deck import Deck, Module, Unknown
from sdl.verifier.shapes import HEIGHT_MM, misfit

DROP_MM = 2.0
"""A tip nearer than this to the surface touches it: a hanging drop is about 2 mm (chosen)."""

# fmt: off
Kind = Literal[
    "begin", "end", "unknown", "declare", "heat", "warm", "cool", "shake", "still", "open", "close",
    "tip on", "to trash", "tip off", "move", "draw", "air", "give", "blow", "wait", "pause",
]
# fmt: on
"""What an act is; "unknown" is a command that cannot be read, and changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A timed hand-shake: "AT <at_s> <action> <location>"."""

    message: str
    at_s: float
    action: str
    location: str

    @classmethod
    def of(cls, message: str) -> Release | None:
        """Read a pause's message; None when it is no timed hand-shake."""
        kind, _, rest = message.partition(" ")
        at, _, what = rest.partition(" ")
        action, _, location = what.rpartition(" ")
        try:
            at_s = float(at)
        except ValueError:
            return None
        known = kind == "AT" and math.isfinite(at_s) and action and location
        return cls(message=message, at_s=at_s, action=action, location=location) if known else None


@dataclass(slots=True, kw_only=True)
class Act:
    """One command as the rules see it, after the books have taken it in; what does not apply is empty.

    ``touched`` is what the tip had touched before, ``enters`` the liquid it touches now. ``interlock`` and ``text``
    say what is wrong with an unknown command; ``text`` is a pause's message. ``due`` is the timed hand-shake that this
    is the first movement after, ``undone`` one that a pause found without any.
    """

    kind: Kind
    number: int = -1
    interlock: str = ""
    text: str = ""
    pipette: Pipette | None = None
    tip: Tip | None = None
    well: Well | None = None
    name: str = ""
    height_mm: float = 0.0
    offset_mm: Mapping[str, float] = field(default_factory=dict)
    volume_ul: float = 0.0
    flow_ul_s: float = 0.0
    held_ul: float = 0.0
    parcels: Sequence[Parcel] = ()
    touched: tuple[str, ...] = ()
    enters: str = ""
    module: Module | None = None
    value: float = 0.0
    was: float | None = None
    declared_ul: Mapping[str, float] = field(default_factory=dict)
    due: Release | None = None
    undone: Release | None = None

    @property
    def liquid_ul(self) -> float:
        return sum(p.volume_ul for p in self.parcels if p.origin)


class Scene:
    """Everything that follows from the commands so far."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.deck = bench, Deck(bench)
        self.tips_used: dict[str, list[str]] = {name: [] for name in bench.tip_racks}
        self.over_trash = ""
        self.at: dict[str, tuple[Well, float]] = {}
        self.waste_ul = 0.0
        self.waste_names: set[str] = set(bench.waste_holds)
        self.in_cell = ""
        self.handled: set[str] = set()
        self.said: list[str] = []
        self.releases: list[Release] = []
        self.due: Release | None = None
        self.clock_s = 0.0  # the soonest the arm can be here, on the plan's clock
        self.latest_s = 0.0  # the latest, if every release waits for the end of its window
        self._acts: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Act | None]] = {
            "loadModule": self.deck.load_module,
            "loadLabware": self.deck.load_labware,
            "loadPipette": self.deck.load_pipette,
            "loadLiquid": self._declare,
            "temperatureModule/setTargetTemperature": self._heat,
            "temperatureModule/waitForTemperature": self._warm,
            "temperatureModule/deactivate": self._cool,
            "heaterShaker/setTargetTemperature": self._heat,
            "heaterShaker/waitForTemperature": self._warm,
            "heaterShaker/deactivateHeater": self._cool,
            "heaterShaker/openLabwareLatch": self._open,
            "heaterShaker/closeLabwareLatch": self._close,
            "heaterShaker/setAndWaitForShakeSpeed": self._shake,
            "heaterShaker/deactivateShaker": self._still,
            "pickUpTip": self._pick_up,
            "moveToWell": self._move,
            "aspirate": self._aspirate,
            "airGapInPlace": self._gap,
            "dispense": self._dispense,
            "blowout": self._blow_out,
            "blowOutInPlace": self._blow_here,
            "prepareToAspirate": self._prepare,
            "moveToAddressableAreaForDropTip": self._to_trash,
            "dropTipInPlace": self._drop,
            "waitForDuration": self._wait,
            "waitForResume": self._pause,
        }

    @property
    def wells(self) -> Sequence[Well]:
        return tuple(self.deck.wells.values())

    def advance(self, number: int, command: Mapping[str, Any]) -> Act | None:
        """Take one command into the books and say what it did; None for one that does nothing to judge."""
        interlock, text = misfit(command)
        if text:
            return Act(kind="unknown", number=number, interlock=interlock, text=text)
        act = self._acts.get(command["commandType"])
        if act is None:
            return None
        try:
            done = act(command["params"], command.get("result") or {})
        except Unknown as exc:
            text = f"uses {exc}; correct the protocol or the lab file"
            return Act(kind="unknown", number=number, interlock=exc.interlock, text=text)
        if done is not None:
            done.number = number
            if self.due and done.kind == ("draw" if self.due.action == "read" else "give"):
                done.due, self.due = self.due, None
        return done

    # modules

    def _declare(self, params: Mapping[str, Any], _: object) -> Act:
        name = self.deck.name(params)
        declared = {}
        for key, volume_ul in params["volumeByWell"].items():
            well = self.deck.well(params, key)
            declared[well.location] = float(volume_ul) if isinstance(volume_ul, int | float) else math.nan
        return Act(kind="declare", name=name, declared_ul=declared)

    def _heat(self, params: Mapping[str, Any], _: object) -> Act:
        module = self.deck.module(params)
        module.target_c = float(params["celsius"])
        return Act(kind="heat", module=module, value=module.target_c)

    def _warm(self, params: Mapping[str, Any], _: object) -> Act:
        return Act(kind="warm", module=self.deck.module(params))

    def _cool(self, params: Mapping[str, Any], _: object) -> Act:
        module = self.deck.module(params)
        was, module.target_c = module.target_c, None
        return Act(kind="cool", module=module, was=was)

    def _open(self, params: Mapping[str, Any], _: object) -> Act:
        module = self.deck.module(params)
        module.latch_open = True
        return Act(kind="open", module=module)

    def _close(self, params: Mapping[str, Any], _: object) -> Act:
        module = self.deck.module(params)
        module.latch_open = False
        return Act(kind="close", module=module)

    def _shake(self, params: Mapping[str, Any], _: object) -> Act:
        module = self.deck.module(params)
        module.rpm = float(params["rpm"])
        return Act(kind="shake", module=module, value=module.rpm)

    def _still(self, params: Mapping[str, Any], _: object) -> Act:
        module = self.deck.module(params)
        module.rpm = 0.0
        return Act(kind="still", module=module)

    # tips

    def _pick_up(self, params: Mapping[str, Any], _: object) -> Act:
        pipette, rack = self.deck.pipette(params), self.deck.name(params)
        if rack not in pipette.racks:
            raise Unknown("I7", f"tips of {rack}; {pipette.name} takes them from {', '.join(pipette.racks)}")
        before = self.deck.tips.get(params["pipetteId"])
        name = f"{rack}/{params['wellName']}"
        act = Act(kind="tip on", pipette=pipette, tip=before, name=name, offset_mm=params["wellLocation"]["offset"])
        act.text = "used" if params["wellName"] in self.tips_used[rack] else ""
        self.tips_used[rack].append(params["wellName"])
        room_ul = min(pipette.max_ul, self.bench.tip_racks[rack].tip_ul)
        self.deck.tips[params["pipetteId"]] = Tip(room_ul, self.deck.tip_mm[rack])
        self.over_trash = ""
        return act

    def _to_trash(self, params: Mapping[str, Any], _: object) -> Act:
        tip = self.deck.tip(params)
        self.over_trash = params["pipetteId"]
        self.at.pop(params["pipetteId"], None)
        return Act(kind="to trash", tip=tip, name=params["addressableAreaName"])

    def _drop(self, params: Mapping[str, Any], _: object) -> Act:
        tip = self.deck.tip(params)
        act = Act(kind="tip off", tip=tip, name="trash" if self.over_trash == params["pipetteId"] else "")
        act.parcels = tip.release(tip.held_ul)
        self.deck.tips[params["pipetteId"]], self.over_trash = None, ""
        return act

    # liquid

    def _place(self, kind: Kind, params: Mapping[str, Any]) -> Act:
        """Bring the tip to a well; say how high above the bottom it then is."""
        tip, well, where = self.deck.tip(params), self.deck.well(params), params["wellLocation"]
        height_mm = HEIGHT_MM[where["origin"]] * well.vessel.depth_mm + where["offset"]["z"]
        self.over_trash = ""
        self.at[params["pipetteId"]] = (well, height_mm)
        act = Act(kind=kind, pipette=self.deck.pipette(params), tip=tip, well=well, height_mm=height_mm)
        act.offset_mm, act.touched = where["offset"], tuple(tip.touched)
        return act

    def _flow(self, kind: Kind, params: Mapping[str, Any]) -> Act:
        act = self._place(kind, params)
        act.volume_ul, act.flow_ul_s = float(params.get("volume", 0.0)), float(params["flowRate"])
        self._pass(max(0.0, act.volume_ul) / act.flow_ul_s if act.flow_ul_s > 0 else 0.0)
        return act

    def _touch(self, act: Act) -> None:
        """Note the liquid that the tip touches, if its end is low enough; the books must be up to date."""
        assert act.well is not None and act.tip is not None
        wet = act.well.volume_ul > TINY_UL and act.height_mm < act.well.level_mm + DROP_MM
        if wet and act.touched[-1:] != (act.well.location,):
            act.enters = act.well.location
            act.tip.touched.append(act.enters)

    def _move(self, params: Mapping[str, Any], _: object) -> Act:
        act = self._place("move", params)
        self._touch(act)
        return act

    def _aspirate(self, params: Mapping[str, Any], _: object) -> Act:
        act = self._flow("draw", params)
        assert act.well is not None and act.tip is not None
        if act.height_mm >= act.well.vessel.depth_mm:  # an air gap, at apiLevel 2.20
            act.kind = "air"
            act.tip.parcels.append(Parcel("", max(0.0, act.volume_ul)))
        else:
            if act.touched[-1:] != (act.well.location,):
                act.enters = act.well.location
                act.tip.touched.append(act.enters)
            parcel = act.well.take(max(0.0, act.volume_ul))
            act.tip.parcels.append(parcel)
            act.parcels = (parcel,)
        act.held_ul = act.tip.held_ul
        return act

    def _gap(self, params: Mapping[str, Any], _: object) -> Act:
        tip = self.deck.tip(params)
        well, height_mm = self._here(params)
        act = Act(kind="air", tip=tip, well=well, height_mm=height_mm, pipette=self.deck.pipette(params))
        act.volume_ul, act.flow_ul_s = float(params["volume"]), float(params["flowRate"])
        tip.parcels.append(Parcel("", max(0.0, act.volume_ul)))
        act.held_ul, act.touched = tip.held_ul, tuple(tip.touched)
        return act

    def _here(self, params: Mapping[str, Any]) -> tuple[Well, float]:
        try:
            return self.at[params["pipetteId"]]
        except KeyError:
            raise Unknown("I25", "a place that the arm never moved to") from None

    def _dispense(self, params: Mapping[str, Any], _: object) -> Act:
        return self._into(self._flow("give", params))

    def _blow_out(self, params: Mapping[str, Any], _: object) -> Act:
        return self._into(self._flow("blow", params))

    def _blow_here(self, params: Mapping[str, Any], _: object) -> Act:
        tip = self.deck.tip(params)
        well, height_mm = self._here(params)
        act = Act(kind="blow", tip=tip, well=well, height_mm=height_mm, flow_ul_s=float(params["flowRate"]))
        act.touched = tuple(tip.touched)
        return self._into(act)

    def _into(self, act: Act) -> Act:
        """Let the tip's volume go into the well it stands in; a blow-out empties it."""
        assert act.well is not None and act.tip is not None
        act.held_ul = act.tip.held_ul
        volume_ul = act.held_ul if act.kind == "blow" else act.volume_ul
        act.parcels = [p for p in act.tip.release(volume_ul) if p.origin]
        for parcel in act.parcels:
            act.well.put(parcel)
        if act.well.vessel.drains and act.parcels:
            self.waste_ul += act.liquid_ul
            self.in_cell = act.parcels[-1].origin
            for parcel in act.parcels:
                liquid = parcel.liquid
                self.waste_names |= {n for n, x in {**liquid.solvents, **liquid.species_mmol_l}.items() if x > 0}
        self._touch(act)
        return act

    def _prepare(self, params: Mapping[str, Any], _: object) -> None:
        self.deck.tip(params)

    # time

    def _pass(self, seconds: float) -> None:
        self.clock_s += seconds
        self.latest_s += seconds

    def _wait(self, params: Mapping[str, Any], _: object) -> Act:
        seconds = float(params["seconds"])
        self._pass(max(0.0, seconds))
        return Act(kind="wait", value=seconds)

    def _pause(self, params: Mapping[str, Any], _: object) -> Act:
        """Take a hand-shake; ``was`` is when the arm can be there at the soonest."""
        message = params["message"]
        act = Act(kind="pause", text=message, was=self.clock_s if self.releases else None, undone=self.due)
        self.due = None
        self.said.append(message)
        if message.startswith("HAND "):
            self.handled.add(message.rpartition(" ")[2])
        release = Release.of(message)
        if release is not None:
            self.releases.append(release)
            self.due = release
            self.clock_s = release.at_s if act.was is None else max(release.at_s, self.clock_s)
            self.latest_s = max(self.clock_s, self.latest_s, self.bench.windows_s.get(message, (0.0, 0.0))[1])
        return act
