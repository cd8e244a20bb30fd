"""Every rule broken: recorded lists, each changed so that exactly one rule must refuse it, or none may."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sdl.verifier import Bench, Liquid

Command = dict[str, Any]
Commands = list[Command]
Mutate = Callable[[Commands, Bench], Bench | None]


def every(commands: Commands, kind: str) -> Commands:
    return [c for c in commands if c["commandType"] == kind]


def under(commands: Commands, kind: str) -> Commands:
    """Movements of liquid below a rim: no air gaps."""
    return [c for c in every(commands, kind) if c["params"]["wellLocation"]["offset"]["z"] < 0]


def labware(commands: Commands, name: str) -> str:
    found = (c for c in every(commands, "loadLabware") if c["params"]["loadName"] == name)
    return str(next(found)["result"]["labwareId"])


def after(commands: Commands, anchor: Command, new: Command) -> None:
    """Put ``new`` behind ``anchor``, as analysis would have listed it."""
    commands.insert(commands.index(anchor) + 1, {"id": "x", "status": "succeeded", "result": {}, **new})


def change(command: Command, **params: Any) -> None:
    command["params"].update(params)


def shift(command: Command, z: float) -> None:
    command["params"]["wellLocation"]["offset"]["z"] = z


def injection(commands: Commands) -> Commands:
    """The draws and deliveries between the first injection's pause and the next."""
    messages = [c["params"].get("message", "") for c in commands]
    start, stop = messages.index("AT 600 inject vials/A1"), messages.index("AT 690 read vials/A1")
    return commands[start:stop]


# Ways to break a rule, of a recorded list or of the bench it is held against.


def vessel(b: Bench, name: str, **changes: Any) -> Bench:
    return replace(b, vessels=dict(b.vessels) | {name: replace(b.vessels[name], **changes)})


def pipette(b: Bench, mount: str, **changes: Any) -> Bench:
    return replace(b, pipettes=dict(b.pipettes) | {mount: replace(b.pipettes[mount], **changes)})


def held(b: Bench, name: str, well: str, volume_ul: float, **species: float) -> Bench:
    old = b.vessels[name].holds.get(well, Liquid(volume_ul=0, solvents={"chlorobenzene": 1.0}))
    new = replace(old, volume_ul=volume_ul, species_mmol_l={**old.species_mmol_l, **species})
    return vessel(b, name, holds={**b.vessels[name].holds, well: new})


def limited(**changes: Any) -> Mutate:
    """Return the mutation that replaces limits or promises of the bench."""
    return lambda c, b: replace(b, **changes)


def window(message: str, earliest_s: float, latest_s: float) -> Mutate:
    return lambda c, b: replace(b, windows_s=dict(b.windows_s) | {message: (earliest_s, latest_s)})


def inserted(kind: str, **params: Any) -> Mutate:
    """Return the mutation that puts one more command behind the loads."""
    return lambda c, b: after(c, every(c, "loadPipette")[-1], {"commandType": kind, "params": params})


def changed(kind: str, number: int, **params: Any) -> Mutate:
    """Return the mutation that changes the ``number``-th command of ``kind``."""
    return lambda c, b: change(every(c, kind)[number], **params)


def lost(kind: str, number: int) -> Mutate:
    return lambda c, b: c.remove(every(c, kind)[number])


def module_id(c: Commands, number: int = 0) -> str:
    return str(every(c, "loadModule")[number]["result"]["moduleId"])


def air_gap_too_large(c: Commands, b: Bench) -> None:
    gaps = [x for x in every(c, "aspirate") if x["params"]["wellLocation"]["offset"]["z"] > 0]
    change(gaps[-1], volume=45.0)


def small_dispense_of_many(c: Commands, b: Bench) -> None:
    change(every(c, "dispense")[2], volume=40.0)


def overfull_before(c: Commands, b: Bench) -> Bench:
    return held(b, "vials", "A2", 6000)


def overfull_by_blowing_out(c: Commands, b: Bench) -> Bench:
    return vessel(b, "stocks", capacity_ul=10_100)


def stock_evaporated(c: Commands, b: Bench) -> Bench:
    # over 26 min, the end of the last window, 4800 uL/h are more than 2000 uL
    return replace(held(b, "stocks", "A4", 2500), evaporation_ul_h={"stocks/A4": 4800.0})


def empty_vial_drawn(c: Commands, b: Bench) -> None:
    change(under(c, "aspirate")[-1], wellName="D6")


def plan_of_another_well(c: Commands, b: Bench) -> Bench:
    plan = dict(b.delivered_ul)
    plan["vials/B1"] = plan.pop("vials/A2")
    return replace(b, delivered_ul=plan)


def liquid_lost(c: Commands, b: Bench) -> None:
    c.remove(every(c, "blowout")[0])


def offset_not_finite(c: Commands, b: Bench) -> None:
    under(c, "aspirate")[0]["params"]["wellLocation"]["offset"]["z"] = math.inf


def pick_up_offset(axis: str, mm: float) -> Mutate:
    return lambda c, b: every(c, "pickUpTip")[0]["params"]["wellLocation"]["offset"].update({axis: mm})


def narrow_vials(c: Commands, b: Bench) -> Bench:
    return vessel(b, "vials", neck_mm=12.9)


def short_tips(c: Commands, b: Bench) -> Bench:
    rack = next(x for x in every(c, "loadLabware") if "tiprack_1000" in x["params"]["loadName"])
    rack["result"]["definition"]["parameters"]["tipLength"] = 40.0
    return vessel(b, "stocks", neck_mm=10.0)


def tip_forgotten(c: Commands, b: Bench) -> None:
    c.remove(every(c, "pickUpTip")[0])


def moved_too_deep(c: Commands, b: Bench) -> None:
    shift(every(c, "moveToWell")[0], -91.8)


def dipped_twice(c: Commands, b: Bench) -> None:
    for command in every(c, "dispense")[:2]:
        shift(command, -56.0)


def no_known_module(c: Commands, b: Bench) -> Bench:
    change(every(c, "loadModule")[0], model="thermocyclerModuleV2")
    return vessel(b, "vials", module="thermocyclerModuleV2")


def hot_chlorobenzene(c: Commands, b: Bench) -> Bench:
    return replace(b, open_vessel_c=dict(b.open_vessel_c) | {"chlorobenzene": 39.0})


def unknown_open_vessel(c: Commands, b: Bench) -> Bench:
    return replace(b, open_vessel_c={"hexane": 35, "ethanol": 35})


def waits_for_a_cold_block(c: Commands, b: Bench) -> None:
    first = every(c, "temperatureModule/setTargetTemperature")[0]
    c.remove(first)
    c.remove(every(c, "temperatureModule/deactivate")[0])


def second_block_left_on(c: Commands, b: Bench) -> None:
    c.remove(every(c, "temperatureModule/deactivate")[1])


def second_block_too_hot(c: Commands, b: Bench) -> None:
    change(every(c, "temperatureModule/setTargetTemperature")[1], celsius=70.0)


def growth_unknown(c: Commands, b: Bench) -> Bench:
    return replace(b, min_growth_s={})


def window_missing(c: Commands, b: Bench) -> Bench:
    return replace(b, windows_s={k: v for k, v in b.windows_s.items() if k != "AT 690 read vials/A1"})


def step_named_twice(c: Commands, b: Bench) -> Bench:
    old, new = "AT 750 inject vials/A2", "AT 600 inject vials/A1"
    for command in every(c, "waitForResume"):
        if command["params"]["message"] == old:
            change(command, message=new)
    return replace(b, pauses=tuple(new if p == old else p for p in b.pauses))


def slow_step_between(c: Commands, b: Bench) -> Bench:
    # between 690 s (a read) and 750 s (the next injection, at the latest 770 s) a mix of 12 uL/s takes 80 s
    for command in every(c, "aspirate") + every(c, "dispense"):
        if command["params"]["volume"] in (120.0, 140.0):
            change(command, flowRate=1.0)
    return b


def lazy_robot(c: Commands, b: Bench) -> Bench:
    reads = [x for x in every(c, "waitForResume") if x["params"]["message"] == "READ sample vials/A1"]
    after(c, reads[0], {"commandType": "waitForDuration", "params": {"seconds": 90.0}})
    return replace(b, max_delay_s=100)


def mixed_up_order(c: Commands, b: Bench) -> Bench:
    """The second injection is planned for before the first read, which comes before it in the list."""
    old, new = "AT 750 inject vials/A2", "AT 610 inject vials/A2"
    for command in every(c, "waitForResume"):
        if command["params"]["message"] == old:
            change(command, message=new)
    windows = dict(b.windows_s) | {new: (610.0, 630.0)}
    return replace(b, pauses=tuple(new if p == old else p for p in b.pauses), windows_s=windows)


def stranger_in_the_well(c: Commands, b: Bench) -> Bench:
    return replace(b, never_together=frozenset({frozenset({"Cs", "lecithin"})}))


def solvent_in_the_well(c: Commands, b: Bench) -> Bench:
    return replace(b, never_together=frozenset({frozenset({"hexane", "chlorobenzene"})}))


def mixed_at_the_start(c: Commands, b: Bench) -> Bench:
    b = held(b, "stocks", "A3", 10_000, TMS2S=0.001, water=0.001)
    pairs = frozenset({frozenset({"TMS2S", "water"})})
    return replace(b, never_together=pairs, max_umol=dict(b.max_umol) | {"TMS2S": 82, "water": 82})


def strangers_in_a_tip(c: Commands, b: Bench) -> Bench:
    b = replace(held(b, "stocks", "A2", 10_000, S=1.0), never_together=frozenset({frozenset({"Cs", "S"})}))
    draws = [x for x in under(c, "aspirate") if x["params"]["labwareId"] == labware(c, "sdl_8_vials_20ml")]
    change(draws[1], wellName="A2")
    return replace(b, max_umol=dict(b.max_umol) | {"S": 1000})


def strangers_in_the_waste(c: Commands, b: Bench) -> Bench:
    return replace(b, never_together=frozenset({frozenset({"lecithin", "ethanol"})}))


def strangers_in_old_waste(c: Commands, b: Bench) -> Bench:
    pairs = frozenset({frozenset({"bleach", "ethanol"})})
    return replace(b, never_together=pairs, waste_holds=frozenset({"bleach"}))


def new_species(c: Commands, b: Bench) -> Bench:
    return held(b, "stocks", "A3", 10_000, azide=0.1)


def much_sulfide(c: Commands, b: Bench) -> Bench:
    return replace(held(b, "stocks", "A3", 10_000, TMS2S=10.0), max_umol=dict(b.max_umol) | {"TMS2S": 82})


def much_lead_in_two_vials(c: Commands, b: Bench) -> Bench:
    return held(b, "stocks", "B4", 20_000, Pb=40.0)


def shared_slot(c: Commands, b: Bench) -> Bench:
    return vessel(b, "dye", slot=b.vessels["stocks"].slot)


def thing_in_the_trash(c: Commands, b: Bench) -> Bench:
    return vessel(b, "dye", slot="A3")


def shaking_into(c: Commands, b: Bench) -> None:
    """The shaker is switched on before the vial is filled."""
    shake = every(c, "heaterShaker/setAndWaitForShakeSpeed")[0]
    c.remove(shake)
    c.insert(c.index(every(c, "pickUpTip")[0]), shake)


def shaking_beside(c: Commands, b: Bench) -> Bench:
    """The stocks stand beside the shaker."""
    shaking_into(c, b)
    change(next(x for x in every(c, "loadLabware") if "8_vials" in x["params"]["loadName"]), location={"slotName": "7"})
    return vessel(b, "stocks", slot="7")


def open_while_filled(c: Commands, b: Bench) -> None:
    close = every(c, "heaterShaker/closeLabwareLatch")[0]
    c.remove(close)
    c.insert(c.index(every(c, "heaterShaker/setAndWaitForShakeSpeed")[0]), close)


def opened_while_shaking(c: Commands, b: Bench) -> None:
    still = every(c, "heaterShaker/deactivateShaker")[0]
    c.remove(still)
    c.append(still)


def other_version(c: Commands, b: Bench) -> None:
    change(every(c, "loadLabware")[1], version=2)


def other_namespace(c: Commands, b: Bench) -> None:
    change(every(c, "loadLabware")[1], namespace="opentrons")


def other_place_of_a_well(c: Commands, b: Bench) -> None:
    every(c, "loadLabware")[1]["result"]["definition"]["wells"]["A1"]["x"] += 0.5


def own_tips(c: Commands, b: Bench) -> None:
    rack = next(x for x in every(c, "loadLabware") if "tiprack_50ul" in x["params"]["loadName"])
    rack["result"]["definition"]["wells"]["A1"]["totalLiquidVolume"] = 20


def cut_short(c: Commands, b: Bench) -> None:
    for command in c[200:]:
        command["status"] = "queued"


def another_result(c: Commands, b: Bench) -> None:
    every(c, "waitForResume")[0]["status"] = "running"


def overfill(c: Commands, b: Bench) -> Bench:
    return replace(b, vessels=dict(b.vessels) | {"vials": replace(b.vessels["vials"], capacity_ul=3000)})


def overfill_with_declared_content(c: Commands, b: Bench) -> Bench:
    holds = {"A1": Liquid(volume_ul=5000, solvents={"chlorobenzene": 1.0})}
    return replace(b, vessels=dict(b.vessels) | {"vials": replace(b.vessels["vials"], holds=holds)})


def overdraw(c: Commands, b: Bench) -> Bench:
    holds = {**b.vessels["stocks"].holds, "A4": Liquid(volume_ul=620, solvents={"hexane": 1.0})}
    return replace(b, vessels=dict(b.vessels) | {"stocks": replace(b.vessels["stocks"], holds=holds)})


def below_minimum(c: Commands, b: Bench) -> None:
    change(under(injection(c), "aspirate")[0], volume=4.0)


def above_the_tip(c: Commands, b: Bench) -> None:
    change(under(injection(c), "aspirate")[0], volume=48.5)


def more_than_held(c: Commands, b: Bench) -> None:
    change(every(injection(c), "dispense")[0], volume=43.0)


def below_the_floor(c: Commands, b: Bench) -> None:
    shift(under(c, "aspirate")[0], -92 - 20)


def above_the_sky(c: Commands, b: Bench) -> None:
    shift(every(c, "moveToWell")[0], 40)


def sideways(c: Commands, b: Bench) -> None:
    under(c, "aspirate")[0]["params"]["wellLocation"]["offset"]["x"] = 3.0


def over_the_rim(c: Commands, b: Bench) -> None:
    shift(under(c, "dispense")[0], 1.0)


def draw_above_the_surface(c: Commands, b: Bench) -> None:
    shift(under(c, "aspirate")[0], -20)


def jet(c: Commands, b: Bench) -> None:
    change(under(c, "aspirate")[0], flowRate=1e6)


def standing_flow(c: Commands, b: Bench) -> None:
    change(under(c, "aspirate")[0], flowRate=0.0)


def dirty_tip(c: Commands, b: Bench) -> None:
    draws = [x for x in under(c, "aspirate") if x["params"]["labwareId"] == labware(c, "sdl_8_vials_20ml")]
    change(draws[1], wellName="A2")


def back_into_the_stock(c: Commands, b: Bench) -> None:
    shift(every(injection(c), "dispense")[0], -53.5)


def tip_left_on(c: Commands, b: Bench) -> None:
    last = every(c, "dropTipInPlace")[-1]
    at = c.index(last)
    del c[at - 1 : at + 1]


def full_tip_dropped(c: Commands, b: Bench) -> None:
    last = every(c, "dispense")[-1]
    c.remove(last)


def heater_left_on(c: Commands, b: Bench) -> None:
    c.remove(every(c, "temperatureModule/deactivate")[0])


def too_hot(c: Commands, b: Bench) -> None:
    change(every(c, "temperatureModule/setTargetTemperature")[0], celsius=94.0)


def hot_hexane(c: Commands, b: Bench) -> None:
    change(every(c, "temperatureModule/setTargetTemperature")[0], celsius=50.0)


def unknown_solvent(c: Commands, b: Bench) -> Bench:
    return replace(b, boiling_c={"hexane": 69, "ethanol": 78})


def too_cold(c: Commands, b: Bench) -> None:
    change(every(c, "temperatureModule/setTargetTemperature")[0], celsius=1.0)


def switched_off_twice(c: Commands, b: Bench) -> None:
    c.append(copy.deepcopy(every(c, "temperatureModule/deactivate")[0]))


def nothing_moved(c: Commands, b: Bench) -> None:
    change(under(c, "aspirate")[0], volume=0.0)


def not_a_number(c: Commands, b: Bench) -> None:
    change(under(c, "aspirate")[0], volume=math.nan)


def truth_as_volume(c: Commands, b: Bench) -> None:
    change(under(c, "aspirate")[0], volume=True)


def unknown_parameter(c: Commands, b: Bench) -> None:
    change(under(c, "aspirate")[0], correctionVolume=1.0)


def direct_move(c: Commands, b: Bench) -> None:
    change(every(c, "moveToWell")[0], forceDirect=True)


def meniscus(c: Commands, b: Bench) -> None:
    under(c, "aspirate")[0]["params"]["wellLocation"]["origin"] = "meniscus"


def failed_command(c: Commands, b: Bench) -> None:
    under(c, "aspirate")[0]["status"] = "failed"


def same_tip_twice(c: Commands, b: Bench) -> None:
    change(every(c, "pickUpTip")[1], wellName=every(c, "pickUpTip")[0]["params"]["wellName"])


def rack_half_empty(c: Commands, b: Bench) -> Bench:
    return replace(b, tip_racks=dict(b.tip_racks) | {"fine": replace(b.tip_racks["fine"], fresh=frozenset({"H12"}))})


def wrong_rack(c: Commands, b: Bench) -> Bench:
    return replace(b, pipettes=dict(b.pipettes) | {"left": replace(b.pipettes["left"], racks=("coarse",))})


def tip_on_tip(c: Commands, b: Bench) -> None:
    first = every(c, "dropTipInPlace")[0]
    at = c.index(first)
    del c[at - 1 : at + 1]


def tip_beside_the_trash(c: Commands, b: Bench) -> None:
    change(every(c, "moveToAddressableAreaForDropTip")[0], addressableAreaName="A2")


def tip_dropped_anywhere(c: Commands, b: Bench) -> None:
    c.remove(every(c, "moveToAddressableAreaForDropTip")[0])


def pause_lost(c: Commands, b: Bench) -> None:
    c.remove(every(c, "waitForResume")[3])


def pause_gained(c: Commands, b: Bench) -> None:
    after(c, every(c, "dropTipInPlace")[0], {"commandType": "waitForResume", "params": {"message": "open the door"}})


def last_pause_lost(c: Commands, b: Bench) -> None:
    c.remove(every(c, "waitForResume")[-1])


def pause_after_the_injection(c: Commands, b: Bench) -> None:
    pause = injection(c)[0]
    first = every(injection(c), "dispense")[-1]
    at = c.index(first)
    c.remove(pause)
    c.insert(at, pause)


def injection_into_the_neighbour(c: Commands, b: Bench) -> None:
    for command in every(injection(c), "dispense")[:2]:
        change(command, wellName="A2")


def read_without_filling(c: Commands, b: Bench) -> None:
    pauses = every(c, "waitForResume")
    pauses[0]["params"]["message"], pauses[1]["params"]["message"] = (
        p["params"]["message"] for p in (pauses[1], pauses[0])
    )


def probe_elsewhere(c: Commands, b: Bench) -> Bench:
    """A probe stands in A3, and the list reads A2, which is neither there nor in the cell."""
    change(every(c, "waitForResume")[4], message="READ sample vials/A2")
    return replace(b, probe_at="vials/A3")


def idle_look_away_from_the_probe(c: Commands, b: Bench) -> Bench:
    """Only where the probe stands may a timed look pass without any liquid."""
    pause = every(c, "waitForResume")[2]
    change(pause, message="AT 600 look vials/A1")
    c.remove(pause)
    c.insert(c.index(every(c, "waitForResume")[2]), pause)
    return replace(b, probe_at="vials/A3")


def stocks_swapped(c: Commands, b: Bench) -> None:
    for command in every(injection(c), "aspirate"):
        if command["params"]["labwareId"] == labware(c, "sdl_8_vials_20ml"):
            change(command, wellName="A3")


def one_percent_more(c: Commands, b: Bench) -> None:
    change(under(injection(c), "aspirate")[0], volume=40.8)
    change(every(injection(c), "dispense")[0], volume=42.8)


def waste_full(c: Commands, b: Bench) -> Bench:
    return replace(b, waste_ul=3000)


def too_much_hexane(c: Commands, b: Bench) -> Bench:
    return replace(b, max_fraction={"hexane": 0.05})


def another_labware(c: Commands, b: Bench) -> None:
    change(every(c, "loadLabware")[1], loadName="corning_24_wellplate_3.4ml_flat")


def another_slot(c: Commands, b: Bench) -> None:
    change(every(c, "loadLabware")[1], location={"slotName": "B2"})


def another_depth(c: Commands, b: Bench) -> None:
    every(c, "loadLabware")[1]["result"]["definition"]["wells"]["A1"]["depth"] = 40.0


def another_pipette(c: Commands, b: Bench) -> None:
    change(every(c, "loadPipette")[0], pipetteName="p1000_single_flex")


def another_module(c: Commands, b: Bench) -> None:
    change(every(c, "loadModule")[0], model="heaterShakerModuleV1")


def off_the_module(c: Commands, b: Bench) -> None:
    change(every(c, "loadLabware")[0], location={"slotName": "D1"})


def unloaded_labware(c: Commands, b: Bench) -> None:
    change(under(c, "aspirate")[0], labwareId="00000000-0000-0000-0000-000000000000")


def shadowed_well(c: Commands, b: Bench) -> None:
    change(under(injection(c), "aspirate")[0], wellName="B1")


# Sound lists that go up to a limit of each interlock.


def declare(c: Commands, volume_ul: Any, name: str = "sdl_24_vials_8ml") -> None:
    params = {"liquidId": "lead", "labwareId": labware(c, name), "volumeByWell": {"A1": volume_ul}}
    after(c, every(c, "loadLabware")[-1], {"commandType": "loadLiquid", "params": params})


def idle_pause(c: Commands, b: Bench) -> None:
    """The liquid of the first injection goes before its pause."""
    pause = every(c, "waitForResume")[2]
    c.remove(pause)
    c.insert(c.index(every(c, "waitForResume")[2]), pause)


def loaded_twice(c: Commands, b: Bench) -> None:
    after(c, every(c, "loadLabware")[1], copy.deepcopy(every(c, "loadLabware")[1]))


def air_gap_nowhere(c: Commands, b: Bench) -> None:
    pick = every(c, "pickUpTip")[0]
    params = {"pipetteId": pick["params"]["pipetteId"], "volume": 5.0, "flowRate": 50.0}
    after(c, pick, {"commandType": "airGapInPlace", "params": params})


def handled_before(c: Commands, b: Bench) -> Bench:
    after(c, every(c, "waitForResume")[1], {"commandType": "waitForResume", "params": {"message": "HAND 1 vials"}})
    return replace(b, pauses=(*b.pauses[:2], "HAND 1 vials", *b.pauses[2:]))


def at_the_floor(c: Commands, b: Bench) -> None:
    shift(under(c, "aspirate")[0], -91.5)


def wide_windows(c: Commands, b: Bench) -> Bench:
    wide = {text: (low - 60, high + 60) for text, (low, high) in b.windows_s.items()}
    return replace(b, windows_s=wide, min_growth_s={f"vials/A{n}": 540.5 for n in (1, 2, 3)})


def strangers_apart(c: Commands, b: Bench) -> Bench:
    b = held(b, "stocks", "A3", 10_000, S=1.0)
    return replace(b, never_together=frozenset({frozenset({"Cs", "S"})}), max_umol=dict(b.max_umol) | {"S": 10})


def whole_numbers(c: Commands, b: Bench) -> None:
    every(c, "loadLabware")[1]["result"]["definition"]["wells"]["A1"]["depth"] = 58.5
    every(c, "loadLabware")[1]["result"]["definition"]["dimensions"]["zDimension"] = 61
    every(c, "loadLabware")[1]["result"]["definition"]["gripperOffsets"] = {}


def spare_rack(c: Commands, b: Bench) -> Bench:
    return replace(b, vessels=dict(b.vessels) | {"spare": replace(b.vessels["dye"], slot="A2")})


def no_state(c: Commands, b: Bench) -> None:
    for command in c:
        command.pop("status", None)


POSITIVE: list[tuple[str, str, Mutate]] = [
    ("I1", "flex", lambda c, b: pipette(b, "left", max_ul=42)),
    ("I2", "flex", lambda c, b: pipette(b, "left", min_ul=10)),
    ("I3", "shaken", limited(max_fill_shaken_fraction=0.1)),
    ("I4", "flex", lambda c, b: held(b, "stocks", "A4", 600 + 3 * 80)),
    (
        "I5",
        "flex",
        lambda c, b: replace(
            b, delivered_ul={k: {o: v * 1.004 for o, v in p.items()} for k, p in b.delivered_ul.items()}
        ),
    ),
    ("I6", "flex", lambda c, b: change(under(c, "aspirate")[0], flowRate=150)),
    ("I7", "shared", lambda c, b: None),
    ("I8", "flex", at_the_floor),
    ("I9", "shaken", changed("heaterShaker/setTargetTemperature", 0, celsius=37.0)),
    ("I10", "flex", lambda c, b: replace(b, boiling_c=dict(b.boiling_c) | {"hexane": 60})),
    ("I11", "two blocks", lambda c, b: None),
    ("I12", "flex", wide_windows),
    ("I13", "diluted", strangers_apart),
    ("I14", "flex", lambda c, b: replace(b, max_umol=dict(b.max_umol) | {"Cs": 200, "Pb": 400})),
    ("I15", "flex", limited(waste_ul=8 * 120 + 16 * 150)),
    ("I16", "flex", spare_rack),
    ("I17", "shaken", limited(max_shake_rpm=400.0)),
    ("I20", "flex", whole_numbers),
    ("I21", "flex", limited(max_flow_rate_ul_s=150.0)),
    ("I25", "flex", lambda c, b: change(every(c, "loadLabware")[0], displayName="my vials")),
    ("I26", "flex", no_state),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One broken list: the interlock and rule that must refuse it, and what the refusal must say."""

    interlock: str
    rule: str
    base: str = "flex"
    mutate: Mutate
    says: str
    name: str


def _cases() -> Iterator[Case]:
    for (interlock, rule), rows in _NEGATIVE.items():
        for row in rows:
            mutate, says, *base = row
            name = getattr(mutate, "__name__", "")
            name = f"{rule} {name if name not in ('', '<lambda>') else says[:24]}"
            yield Case(interlock=interlock, rule=rule, base=(base or ["flex"])[0], mutate=mutate, says=says, name=name)


_Row = tuple[Mutate, str] | tuple[Mutate, str, str]

# fmt: off
_NEGATIVE: dict[tuple[str, str], list[_Row]] = {
    ("I1", "no_more_than_pipette_and_tip_hold"): [
        (above_the_tip, r"50.5 uL in pipette and tip, air included, limit 50"),
        (air_gap_too_large, r"55 uL in pipette and tip, air included, limit 50"),
        (lambda c, b: pipette(b, "right", max_ul=500), r"853.333 uL in pipette and tip, air included, limit 500"),
    ],
    ("I2", "no_less_than_the_pipette_can_set"): [
        (below_minimum, r"4 uL is below the pipette's minimum of 5"),  # H5
        (small_dispense_of_many, r"40 uL is below the pipette's minimum of 100", "shared"),
        (lambda c, b: pipette(b, "left", min_ul=11), r"10 uL is below the pipette's minimum of 11"),
    ],
    ("I3", "no_well_is_overfilled"): [
        (overfill, r"dispense: fills vials/A1 to 2500 uL, limit 2400"),  # H1
        (overfill_with_declared_content, r"dispense: fills vials/A1 to \d+ uL, 5000 uL of it from before"),  # H2, H4
        (overfull_before, r"fills vials/A2 to 8500 uL, 6000 uL of it"),
        (overfull_by_blowing_out, r"blowout: fills stocks/A1 to 9250 uL, 10000 uL of it from before", "shared"),
    ],
    ("I3", "no_shaken_well_is_overfilled"): [
        (limited(max_fill_shaken_fraction=0.09), r"shakes vials/A1 with 800 uL, limit 720 while shaken", "shaken"),
        (limited(max_fill_shaken_fraction=0.0), r"shakes vials/A1 with 800 uL, limit 0 while shaken", "shaken"),
        (shaking_into, r"shakes vials/A1 with 800 uL, limit 720 while shaken", "half shaken"),
    ],
    ("I3", "nothing_is_added_to_what_a_person_changed"): [
        (handled_before, r"dispenses into vials/A1 after a person worked on it, so that its volume is not known"),
    ],
    ("I3", "no_well_is_declared_overfull"): [
        (lambda c, b: declare(c, 9000), r"loadLiquid: declares 9000 uL in vials/A1, which may hold 6400"),
        (lambda c, b: declare(c, 1e300), r"loadLiquid: declares 1e\+300 uL in vials/A1"),
        (lambda c, b: declare(c, "x"), r"loadLiquid: declares nan uL in vials/A1, which may hold 6400"),
    ],
    ("I4", "no_stock_is_drawn_below_its_dead_volume"): [
        (overdraw, r"aspirate: leaves 5\d\d uL in stocks/A4, 600 cannot be drawn"),  # H3
        (stock_evaporated, r"leaves \d+\.?\d* uL in stocks/A4 after \d+\.?\d* uL evaporated, 600 cannot be drawn"),
        (lambda c, b: vessel(b, "vials", dead_ul=800), r"leaves 700 uL in vials/D6, 800 cannot be drawn", "diluted"),
    ],
    ("I4", "no_air_is_drawn_for_liquid"): [
        (draw_above_the_surface, r"draws air: stocks/B1 ends"),
        (empty_vial_drawn, r"draws air: vials/D6 ends"),
        (lambda c, b: vessel(b, "vials", area_mm2=800.0), r"draws air: vials/D6 ends 0.75 mm deep", "diluted"),
    ],
    ("I4", "the_protocol_declares_what_the_ledger_holds"): [
        (lambda c, b: declare(c, 100), r"declares 100 uL in vials/A1, the ledger holds 0"),
        (lambda c, b: declare(c, 9900, "sdl_8_vials_20ml"), r"declares 9900 uL in stocks/A1, the ledger holds 10000"),
        (lambda c, b: declare(c, math.nan), r"declares nan uL in vials/A1, the ledger holds 0"),
    ],
    ("I5", "no_more_is_dispensed_than_drawn"): [
        (more_than_held, r"dispenses 43 uL of 42 uL"),
        (changed("dispense", 2, volume=500.0), r"dispenses 500 uL of 400 uL", "shared"),
    ],
    ("I5", "no_liquid_goes_into_the_trash"): [
        (full_tip_dropped, r"drops a tip with 15 uL of liquid"),  # H11
        (liquid_lost, r"drops a tip with 150 uL of liquid", "shared"),
    ],
    ("I5", "every_well_got_what_the_plan_says"): [
        (stocks_swapped, r"vials/A1 gets 90 uL from stocks/A3, the plan says 10"),
        (one_percent_more, r"vials/A1 gets 80.8 uL from stocks/A2, the plan says 80"),
        (plan_of_another_well, r"vials/A2 gets 62.5 uL from stocks/A1, the plan says 0"),
        (changed("aspirate", -1, wellName="A1"), r"vials/A2 gets 0 uL from vials/D6, the plan says 150", "diluted"),
    ],
    ("I6", "every_number_is_finite"): [
        (not_a_number, r"volume is nan, not a finite number"),
        (truth_as_volume, r"volume is True, not a finite number"),
        (offset_not_finite, r"is not three finite numbers"),
        (changed("temperatureModule/setTargetTemperature", 0, celsius=math.inf), r"celsius is inf, not a finite"),
    ],
    ("I6", "every_volume_and_flow_is_above_zero"): [
        (nothing_moved, r"0 uL at 150 uL/s; both must be above zero"),  # H14
        (standing_flow, r"at 0 uL/s; both must be above zero"),
        (lambda c, b: change(under(c, "dispense")[0], volume=-5.0), r"-5 uL at 150 uL/s; both must be above zero"),
    ],
    ("I7", "a_pipette_has_its_own_tip_on"): [
        (wrong_rack, r"tips of fine; flex_1channel_50 takes them from coarse"),
        (tip_forgotten, r"uses a pipette that has no tip on"),
    ],
    ("I7", "no_tip_goes_over_another"): [(tip_on_tip, r"a tip is on already")],
    ("I7", "every_tip_is_fresh"): [
        (same_tip_twice, r"tip coarse/A1 was used before"),
        (rack_half_empty, r"tip fine/A1 was used before or is not there"),
    ],
    ("I7", "a_tip_touches_its_source_and_one_other_liquid"): [
        (dirty_tip, r"touched stocks/A1 and now enters stocks/A2; take a fresh tip"),  # H10
        (back_into_the_stock, r"touched stocks/A2 and vials/A1 and now enters stocks/A2"),
        (dipped_twice, r"touched stocks/A1 and vials/A1 and now enters vials/A2", "shared"),
    ],
    ("I7", "tips_go_into_the_trash"): [(tip_beside_the_trash, r"drops a tip at A2; the trash is movableTrashA3")],
    ("I7", "no_tip_is_dropped_beside_the_trash"): [
        (tip_dropped_anywhere, r"drops a tip that is not over the trash"),
    ],
    ("I7", "no_tip_is_left_on"): [(tip_left_on, r"at the end: a tip is still on")],  # H11
    ("I8", "no_tip_goes_below_the_floor"): [
        (below_the_floor, r"goes to -20 mm above the bottom, limit 0.5"),  # H6
        (moved_too_deep, r"moveToWell: goes to 0.2 mm above the bottom, limit 0.5"),
    ],
    ("I8", "no_tip_goes_far_above_the_rim"): [(above_the_sky, r"goes 40 mm above the rim, limit 15")],
    ("I8", "no_tip_goes_sideways"): [
        (sideways, r"goes 3 mm sideways, limit 2"),
        (pick_up_offset("y", -9.0), r"pickUpTip: goes 9 mm sideways, limit 2"),
    ],
    ("I8", "a_tip_is_taken_where_it_stands"): [(pick_up_offset("z", -5.0), r"takes a tip -5 mm off its height")],
    ("I8", "liquid_is_let_go_inside_the_rim"): [(over_the_rim, r"over the rim")],
    ("I8", "no_nozzle_enters_a_neck_that_is_too_narrow"): [
        (narrow_vials, r"the pipette itself enters vials/A1 by 6.1 mm, whose neck of 12.9 mm is narrower than 13"),
        (short_tips, r"the pipette itself enters stocks/A1 by", "shared"),
    ],
    ("I9", "the_module_can_hold_its_target"): [
        (too_cold, r"1 degC is below what temperatureModuleV2 holds, 4"),
        (changed("heaterShaker/setTargetTemperature", 0, celsius=30.0), r"30 degC is below what heaterShakerModuleV1 "
         r"holds, 37", "shaken"),
        (changed("temperatureModule/setTargetTemperature", 0, celsius=96.0), r"96 degC is above what .* holds, 95"),
        (no_known_module, r"40 degC is below what thermocyclerModuleV2 holds"),
    ],
    ("I9", "no_target_is_above_the_labs_limit"): [
        (too_hot, r"94 degC is above the lab's limit of 60"),  # H13
        (limited(max_temperature_c=39.0), r"40 degC is above the lab's limit of 39"),
        (second_block_too_hot, r"70 degC is above the lab's limit of 60", "two blocks"),
    ],
    ("I10", "nothing_is_heated_near_its_boiling_point"): [
        (hot_hexane, r"vials/A\d holds \d% hexane at 50 degC, its limit is 49"),  # H13
        (unknown_solvent, r"chlorobenzene at 40 degC, its boiling point is not known"),
        (limited(boiling_margin_c=90.0), r"holds 100% chlorobenzene at 45 degC, its limit is 42", "two blocks"),
    ],
    ("I10", "no_open_vessel_is_heated_above_its_solvents_limit"): [
        (hot_chlorobenzene, r"vials/A1 is mostly chlorobenzene at 40 degC, an open vessel of it stands 39"),
        (unknown_open_vessel, r"vials/A1 is mostly chlorobenzene at 40 degC, unknown"),
    ],
    ("I10", "vapour_stays_below_the_explosive_limit"): [
        (limited(airflow=False), r"the solvents on the deck reach 13 times the lower explosive limit, limit 1"),
        (limited(airflow=False, lel_ul={}), r"explosive limit of chlorobenzene, ethanol, hexane is not known"),
        (limited(airflow=False), r"reach 1.85 times the lower explosive limit", "shared"),
    ],
    ("I10", "no_well_ends_with_more_of_a_solvent_than_allowed"): [
        (too_much_hexane, r"vials/A1 ends with \d.\d% hexane, limit 5.0%"),
    ],
    ("I11", "only_a_heated_block_is_switched_off_or_waited_for"): [
        (switched_off_twice, r"switches off a block that was not set"),
        (waits_for_a_cold_block, r"waits for a block that was not set"),
    ],
    ("I11", "no_block_is_left_hot"): [
        (heater_left_on, r"the block in slot D1 is still set to 40 degC"),  # H12
        (second_block_left_on, r"the block in slot 1 is still set to 45 degC", "two blocks"),
        (lost("heaterShaker/deactivateHeater", 0), r"the block in slot 10 is still set to 40 degC", "shaken"),
    ],
    ("I12", "a_delay_is_above_zero"): [(inserted("waitForDuration", seconds=-1.0), r"waits -1 s")],  # H7
    ("I12", "a_delay_serves_liquids_only"): [
        (inserted("waitForDuration", seconds=1e12), r"waits 1e\+12 s, limit 10"),  # H8
        (limited(max_delay_s=4.0), r"waits 5 s, limit 4", "shaken"),
    ],
    ("I12", "every_pause_is_the_plans_next"): [
        (pause_lost, r"pauses with 'READ sample vials/A1', the plan has 'AT 690 read vials/A1'"),
        (pause_gained, r"pauses with 'open the door', the plan has 'READ blank stocks/B1'"),
    ],
    ("I12", "every_pause_of_the_plan_comes"): [
        (last_pause_lost, r"1 pause\(s\) of the plan never come, the first is 'READ sample vials/A3'"),
    ],
    ("I12", "a_timed_step_stands_behind_its_pause"): [
        (injection_into_the_neighbour, r"'AT 600 inject vials/A1' is followed by dispense at vials/A2"),
    ],
    ("I12", "a_pause_is_followed_by_its_step"): [
        (idle_pause, r"nothing was done at vials/A1 after its pause"),
        (idle_look_away_from_the_probe, r"nothing was done at vials/A1 after its pause"),
    ],
    ("I12", "what_is_read_is_in_the_cell"): [
        (read_without_filling, r"reads dye, and stocks/B1 is in the cell"),
        (changed("waitForResume", 4, message="READ sample vials/A2"), r"reads vials/A2, and vials/A1 is in the cell"),
        (probe_elsewhere, r"reads vials/A2, and vials/A1 is in the cell"),
    ],
    ("I12", "every_pause_has_a_known_form"): [
        (changed("waitForResume", 2, message="AT noon inject vials/A1"), r"'AT noon inject vials/A1', which nobody"),
        (changed("waitForResume", 2, message="AT nan inject vials/A1"), r"'AT nan inject vials/A1', which nobody"),
        (pause_gained, r"'open the door', which nobody would answer"),
    ],
    ("I12", "every_timed_step_has_a_window"): [
        (window_missing, r"'AT 690 read vials/A1' has no earliest and latest time"),
    ],
    ("I12", "every_timed_step_lies_in_its_window"): [
        (window("AT 690 read vials/A1", 691, 720), r"690 s is outside the step's own window of 691 to 720 s"),
        (window("AT 600 inject vials/A1", 500, 599), r"600 s is outside the step's own window of 500 to 599 s"),
        (window("AT 600 inject vials/A1", 620, 590), r"600 s is outside the step's own window of 620 to 590 s"),
    ],
    ("I12", "every_timed_step_comes_once"): [(step_named_twice, r"'AT 600 inject vials/A1' comes a second time")],
    ("I12", "the_arm_can_be_there_in_time"): [
        (slow_step_between, r"the arm cannot be here before \d+.\d s, the window ends at 770 s"),
        (lazy_robot, r"the arm cannot be here before 7\d\d.\d s, the window ends at 770 s"),
        (mixed_up_order, r"the arm cannot be here before 69\d.\d s, the window ends at 630 s: the order of the list"),
    ],
    ("I12", "no_dot_is_quenched_before_its_least_growth"): [
        (window("AT 1200.5 quench vials/A1", 900, 1220), r"vials/A1 may be quenched after 300 s, least growth 600 s"),
        (limited(min_growth_s={f"vials/A{n}": 601.0 for n in (1, 2, 3)}), r"vials/A2 may be quenched after 600.5 s"),
        (growth_unknown, r"quenches vials/A1, whose injection or least growth is not known"),
    ],
    ("I12", "the_run_ends_in_the_labs_time"): [
        (limited(max_run_s=1500.0), r"the run may last 0.4\d\d\d h, limit 0.4167 h"),
        (window("AT 1590.5 read vials/A3", 1590.5, 9e4), r"the run may last 25 h, limit 24 h"),
    ],
    ("I13", "what_must_not_meet_never_shares_a_well"): [
        (stranger_in_the_well, r"Cs and lecithin meet in vials/A1, which the lab forbids"),
        (solvent_in_the_well, r"chlorobenzene and hexane meet in vials/A1"),
        (mixed_at_the_start, r"before the first command: TMS2S and water meet in stocks/A3"),
    ],
    ("I13", "what_must_not_meet_never_shares_a_tip"): [
        (strangers_in_a_tip, r"Cs and S meet in the tip that goes from stocks/A1 to stocks/A2"),
    ],
    ("I14", "no_more_of_a_species_than_the_lab_allows"): [
        (new_species, r"1 umol of azide on the deck, and the lab file has no limit for it"),
        (much_sulfide, r"100 umol of TMS2S on the deck, limit 82; load less"),
        (much_lead_in_two_vials, r"1200 umol of Pb on the deck, limit 1000; load less"),
    ],
    ("I15", "the_waste_bottle_has_room"): [
        (waste_full, r"3\d\d\d uL of waste, room for 3000"),
        (limited(waste_ul=-50.0), r"120 uL of waste, room for -50"),
    ],
    ("I15", "what_must_not_meet_never_shares_the_waste"): [
        (strangers_in_the_waste, r"ethanol and lecithin meet in the waste, which the lab forbids"),
        (strangers_in_old_waste, r"bleach and ethanol meet in the waste"),
    ],
    ("I16", "everything_stands_where_the_bench_says"): [
        (another_labware, r"corning_24_wellplate_3.4ml_flat in slot C2"),
        (another_slot, r"sdl_8_vials_20ml in slot B2"),
        (another_module, r"a heaterShakerModuleV1 in slot D1"),
        (off_the_module, r"sdl_24_vials_8ml in slot D1"),
        (loaded_twice, r"uses stocks a second time"),
    ],
    ("I16", "every_slot_holds_one_thing"): [
        (shared_slot, r"dye and stocks share slot C2; move one in the lab file"),
        (thing_in_the_trash, r"dye and the trash share slot A3"),
    ],
    ("I17", "the_latch_is_closed_before_it_shakes"): [
        (lost("heaterShaker/closeLabwareLatch", 0), r"shakes slot 10 with its latch open", "shaken"),
    ],
    ("I17", "the_latch_stays_closed_while_it_shakes"): [
        (opened_while_shaking, r"opens the latch of slot 10 at 400 rpm; stop the shaker first", "shaken"),
    ],
    ("I17", "the_shaker_keeps_the_labs_speed"): [
        (changed("heaterShaker/setAndWaitForShakeSpeed", 0, rpm=2000.0), r"2000 rpm, limit 500; slow down", "shaken"),
        (changed("heaterShaker/setAndWaitForShakeSpeed", 0, rpm=-100.0), r"-100 rpm, limit 500", "shaken"),
        (limited(max_shake_rpm=0.0), r"400 rpm, and the lab file allows no shaking", "shaken"),
    ],
    ("I17", "nobody_reaches_into_or_beside_a_shaker"): [
        (shaking_into, r"dispense: goes to slot 10 while slot 10 shakes at 400 rpm", "shaken"),
        (shaking_beside, r"aspirate: goes to slot 7 while slot 10 shakes at 400 rpm", "shaken"),
    ],
    ("I17", "nobody_reaches_into_an_open_latch"): [
        (open_while_filled, r"goes to slot 10 with its latch open", "shaken"),
    ],
    ("I17", "no_shaker_is_left_on"): [
        (lost("heaterShaker/deactivateShaker", 0), r"the shaker in slot 10 still turns at 400 rpm", "shaken"),
    ],
    ("I20", "labware_and_pipettes_are_the_plans_own"): [
        (another_depth, r"uses stocks with another definition of sdl_8_vials_20ml"),
        (other_place_of_a_well, r"another definition of sdl_8_vials_20ml \(\w{12}\) than the plan"),
        (other_version, r"labware \('custom_beta', 'sdl_8_vials_20ml', 2\), and analysis took"),
        (other_namespace, r"labware \('opentrons', 'sdl_8_vials_20ml', 1\), and analysis took"),
        (own_tips, r"holds tips of \['20', '50'\] uL, not 50"),
        (another_pipette, r"p1000_single_flex on the left mount; the bench has flex_1channel_50"),
    ],
    ("I21", "no_flow_is_faster_than_the_lab_allows"): [
        (jet, r"1e\+06 uL/s, limit 200"),  # H9
        (limited(max_flow_rate_ul_s=149.0), r"dispense: 150 uL/s, limit 149; slow down"),
        (changed("blowout", 0, flowRate=500.0), r"blowout: 500 uL/s, limit 200", "shared"),
    ],
    ("I25", "every_command_and_parameter_is_known"): [
        (inserted("touchTip"), r"unknown command 'touchTip'"),
        (inserted("absorbanceReader/initialize"), r"unknown command 'absorbanceReader/initialize'"),  # H15
        (inserted("configureNozzleLayout"), r"unknown command 'configureNozzleLayout'"),
        (unknown_parameter, r"unknown parameter correctionVolume=1.0"),
        (direct_move, r"forceDirect=True, and only False"),
        (meniscus, r"unknown origin 'meniscus'"),
        (unloaded_labware, r"a labware that was not loaded"),
        (shadowed_well, r"stocks/B1, which is no well for liquid"),
        (air_gap_nowhere, r"uses a place that the arm never moved to"),
    ],
    ("I26", "the_analysis_carried_out_every_command"): [
        (failed_command, r"its analysis ended 'failed'"),
        (cut_short, r"its analysis ended 'queued'"),
        (another_result, r"its analysis ended 'running'"),
    ],
}
# fmt: on

NEGATIVE = tuple(_cases())
