"""The verifier approves the recorded lists, and refuses each once it breaks one rule, by that rule's message."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdl.errors import Unsafe
from sdl.verifier import Bench, Liquid, command_hash, verify

Command = dict[str, Any]
Commands = list[Command]
Both = Callable[[str], tuple[Commands, Bench]]


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


# Each mutation breaks one rule of one recorded list and names what the refusal must say.


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


def negative_delay(c: Commands, b: Bench) -> None:
    after(c, c[20], {"commandType": "waitForDuration", "params": {"seconds": -1.0}})


def endless_delay(c: Commands, b: Bench) -> None:
    after(c, c[20], {"commandType": "waitForDuration", "params": {"seconds": 1e12}})


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


def unknown_command(c: Commands, b: Bench) -> None:
    after(c, c[20], {"commandType": "blowout", "params": {}})


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


BROKEN: list[tuple[Callable[[Commands, Bench], Bench | None], str]] = [
    (overfill, r"dispense: fills vials/A1 to 2500 uL, limit 2400"),  # H1
    (overfill_with_declared_content, r"dispense: fills vials/A1 to \d+ uL, limit 6400"),  # H2, H4
    (overdraw, r"aspirate: leaves 5\d\d uL in stocks/A4, 600 cannot be drawn"),  # H3
    (below_minimum, r"4 uL is below the pipette's minimum of 5"),  # H5
    (below_the_floor, r"goes to -20 mm above the bottom, limit 0.5"),  # H6
    (negative_delay, r"waits -1 s"),  # H7
    (endless_delay, r"waits 1e\+12 s, limit 10"),  # H8
    (jet, r"1e\+06 uL/s, limit 200"),  # H9
    (dirty_tip, r"touched stocks/A1 and now enters stocks/A2; take a fresh tip"),  # H10
    (tip_left_on, r"at the end: a tip is still on"),  # H11
    (full_tip_dropped, r"drops a tip with 15 uL of liquid"),  # H11
    (heater_left_on, r"the block in slot D1 is still set to 40 degC"),  # H12
    (too_hot, r"94 degC is above the lab's limit of 60"),  # H13
    (hot_hexane, r"vials/A\d holds \d% hexane at 50 degC, its limit is 49"),  # H13
    (nothing_moved, r"0 uL at 150 uL/s; both must be above zero"),  # H14
    (above_the_tip, r"50.5 uL in pipette and tip, air included, limit 50"),
    (more_than_held, r"dispenses 43 uL of 42 uL"),
    (above_the_sky, r"goes 40 mm above the rim, limit 15"),
    (sideways, r"goes 3 mm sideways, limit 2"),
    (over_the_rim, r"over the rim"),
    (draw_above_the_surface, r"draws air: stocks/B1 ends"),
    (standing_flow, r"at 0 uL/s; both must be above zero"),
    (back_into_the_stock, r"touched stocks/A2 and vials/A1 and now enters stocks/A2"),
    (unknown_solvent, r"chlorobenzene at 40 degC, its boiling point is not known"),
    (too_cold, r"1 degC is below what the module holds, 4"),
    (switched_off_twice, r"switches off a block that was not set"),
    (not_a_number, r"volume is nan, not a finite number"),
    (truth_as_volume, r"volume is True, not a finite number"),
    (unknown_command, r"unknown command 'blowout'"),
    (unknown_parameter, r"unknown parameter correctionVolume=1.0"),
    (direct_move, r"forceDirect=True, and only False"),
    (meniscus, r"unknown origin 'meniscus'"),
    (failed_command, r"its analysis ended 'failed'"),
    (same_tip_twice, r"tip coarse/A1 was used before"),
    (rack_half_empty, r"tip fine/A1 was used before or is not there"),
    (wrong_rack, r"tips of fine; flex_1channel_50 takes them from coarse"),
    (tip_on_tip, r"a tip is on already"),
    (tip_beside_the_trash, r"drops a tip at A2; the trash is movableTrashA3"),
    (tip_dropped_anywhere, r"drops a tip that is not over the trash"),
    (pause_lost, r"pauses with 'READ sample vials/A1', the plan has 'AT 690 read vials/A1'"),
    (pause_gained, r"pauses with 'open the door', the plan has 'READ blank stocks/B1'"),
    (last_pause_lost, r"1 pause\(s\) of the plan never come, the first is 'READ sample vials/A3'"),
    (pause_after_the_injection, r"nothing was done at|is followed by"),
    (injection_into_the_neighbour, r"'AT 600 inject vials/A1' is followed by dispense at vials/A2"),
    (read_without_filling, r"reads dye, and stocks/B1 is in the cell"),
    (stocks_swapped, r"vials/A1 gets 90 uL from stocks/A3, the plan says 10"),
    (one_percent_more, r"vials/A1 gets 80.8 uL from stocks/A2, the plan says 80"),
    (waste_full, r"3\d\d\d uL of waste, room for 3000"),
    (too_much_hexane, r"vials/A1 ends with \d.\d% hexane, limit 5.0%"),
    (another_labware, r"corning_24_wellplate_3.4ml_flat in slot C2"),
    (another_slot, r"sdl_8_vials_20ml in slot B2"),
    (another_depth, r"other wells or depths"),
    (another_pipette, r"p1000_single_flex on the left mount; the bench has flex_1channel_50"),
    (another_module, r"a heaterShakerModuleV1 in slot D1"),
    (off_the_module, r"sdl_24_vials_8ml in slot D1"),
    (unloaded_labware, r"a labware that was not loaded"),
    (shadowed_well, r"stocks/B1, which is no well for liquid"),
]


@pytest.mark.parametrize("robot", ["flex", "ot-2"])
def test_the_recorded_run_is_approved(robot: str, both: Both) -> None:
    commands, bench = both(robot)
    approval = verify(commands, bench)
    assert approval.sha256 == command_hash(commands)
    assert set(approval.wells) == {"vials/A1", "vials/A2", "vials/A3"}
    # 2500 + 62.5 + 80 + 80 in, two reads of 120 out
    assert approval.wells["vials/A2"].volume_ul == pytest.approx(2482.5)
    assert approval.stocks_left["stocks/A2"] == pytest.approx(10_000 - 3 * 80)
    assert approval.stocks_left["stocks/B1"] == pytest.approx(100_000 - 3 * 2500 - 120 - 16 * 150)
    assert approval.waste_ul == pytest.approx(8 * 120 + 16 * 150)
    # left: Cs for all wells, 3 injections, 3 quenches, 1 late injection with its mix; right: 8 reads, 8 rinses, 1 + 6
    assert {rack: len(tips) for rack, tips in approval.tips_used.items()} == {"fine": 8, "coarse": 23}
    assert len(set(approval.tips_used["coarse"])) == 23


def test_the_hexane_fraction_of_a_well_follows_from_what_was_delivered(commands: Commands, bench: Bench) -> None:
    # before the first read there are 2500 uL of diluent, 62.5 + 80 of hexane stocks; 120 of that leave; 80 more come in
    hexane_ul = 142.5 * (1 - 120 / 2642.5) + 80
    hexane_ul *= 1 - 120 / (2642.5 - 120 + 80)
    assert verify(commands, bench).wells["vials/A3"].solvents["hexane"] == pytest.approx(hexane_ul / 2482.5)


@pytest.mark.parametrize(("mutate", "says"), BROKEN, ids=[f.__name__ for f, _ in BROKEN])
def test_a_broken_rule_is_refused_by_its_own_message(
    mutate: Callable[[Commands, Bench], Bench | None], says: str, commands: Commands, bench: Bench
) -> None:
    with pytest.raises(Unsafe, match=says):
        verify(commands, mutate(commands, bench) or bench)


def test_every_violation_is_listed_with_its_command(commands: Commands, bench: Bench) -> None:
    heater_left_on(commands, bench)
    jet(commands, bench)
    number = commands.index(under(commands, "aspirate")[0])
    with pytest.raises(Unsafe, match=rf"2 violation(?s:.*)#{number} aspirate: 1e\+06(?s:.*)at the end: the block"):
        verify(commands, bench)


def test_a_missing_limit_is_refused(bench: Bench) -> None:
    with pytest.raises(Unsafe, match="max_temperature_c"):
        replace(bench, max_temperature_c=math.nan)


def test_a_list_without_results_of_its_loads_is_refused(commands: Commands, bench: Bench) -> None:
    for command in commands:
        command["result"] = None
    with pytest.raises(Unsafe, match="has no moduleId"):
        verify(commands, bench)


def test_the_hash_ignores_ids_times_and_keys(commands: Commands) -> None:
    before = command_hash(commands)
    new = copy.deepcopy(commands)
    made = [c["result"][k] for c in new for k in ("labwareId", "moduleId", "pipetteId") if k in (c.get("result") or {})]
    text = json.dumps(new)
    for n, old in enumerate(made):
        text = text.replace(old, f"{n:08x}-aaaa-bbbb-cccc-0123456789ab")
    renamed: Commands = json.loads(text)
    for command in renamed:
        command |= {"id": "other", "key": "other", "startedAt": "later", "completedAt": "later"}
    assert command_hash(renamed) == before


def test_the_hash_tells_two_slots_apart_whose_ids_are_swapped(commands: Commands) -> None:
    before = command_hash(commands)
    vials, dye = labware(commands, "sdl_24_vials_8ml"), labware(commands, "sdl_1_vial_8ml")
    for command in commands:
        if command["commandType"] == "loadLabware":
            made = command["result"]["labwareId"]
            command["result"]["labwareId"] = {vials: dye, dye: vials}.get(made, made)
    assert command_hash(commands) != before


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_lost_command_changes_the_hash_and_any_lost_movement_is_refused(
    data: st.DataObject, commands: Commands, bench: Bench
) -> None:
    number = data.draw(st.integers(0, len(commands) - 1))
    rest = commands[:number] + commands[number + 1 :]
    assert command_hash(rest) != command_hash(commands)
    if commands[number]["commandType"] not in ("home", "comment", "moveToWell", "temperatureModule/waitForTemperature"):
        with pytest.raises(Unsafe):
            verify(rest, bench)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nonsense_in_any_parameter_ends_in_a_refusal_never_in_a_crash(
    data: st.DataObject, commands: Commands, bench: Bench
) -> None:
    command = data.draw(st.sampled_from([c for c in commands if c["params"] and c["commandType"] != "comment"]))
    key = data.draw(st.sampled_from(sorted(command["params"])))
    old = command["params"][key]
    command["params"][key] = data.draw(st.sampled_from([math.inf, -1.0, 1e9, "x", [], {}, {"x": 1}]))
    try:
        verify(commands, bench)
    except Unsafe:
        pass
    else:
        assert key in (
            "tipOverlapNotAfterVersion",
            "liquidPresenceDetection",
            "alternateDropLocation",
            "namespace",
        )
    finally:
        command["params"][key] = old
