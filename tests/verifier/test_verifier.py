"""The verifier approves the recorded lists, agrees with the lab's own reader of lists, and never crashes."""

from __future__ import annotations

import copy
import json
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdl.bench import Place
from sdl.errors import Unsafe
from sdl.lab.commands import Aspirated, Dispensed, TipTaken, events
from sdl.verifier import Bench, command_hash, verify
from sdl.verifier.rules import RULES
from sdl.verifier.scene import Scene
from sdl.verifier.walk import judge
from tests.verifier.conftest import Commands, base
from tests.verifier.mutations import heater_left_on, jet, labware, under

Both = Callable[[str], tuple[Commands, Bench]]

SOUND_LISTS = ("flex", "ot-2", "shared", "diluted", "two blocks")
"""Not the shaken one: the virtual lab has no shaker, and its reader refuses what it does not know."""


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


@pytest.mark.parametrize("name", SOUND_LISTS)
def test_the_verifier_and_the_labs_reader_of_lists_agree(name: str) -> None:
    """Two readers that share no code: who got what from where, how many tips, and what is in the waste."""
    commands, bench = base(name)
    items = {**bench.vessels, **bench.tip_racks}
    deck = {
        item: Place(labware=place.labware, slot=place.slot, wells=len(getattr(place, "wells", range(96))))
        for item, place in items.items()
    }
    got: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    tips: dict[str, int] = defaultdict(int)
    left = {f"{n}/{w}": liquid.volume_ul for n, v in bench.vessels.items() for w, liquid in v.holds.items()}
    for event in events(commands):
        if isinstance(event, Dispensed) and event.well != event.source:
            got[event.well.on(deck)][event.source.on(deck)] += event.volume_ul
        if isinstance(event, Aspirated):
            left[event.source.on(deck)] = left.get(event.source.on(deck), 0.0) - event.volume_ul
        if isinstance(event, Dispensed):
            left[event.well.on(deck)] = left.get(event.well.on(deck), 0.0) + event.volume_ul
        if isinstance(event, TipTaken):
            tips[event.rack.on(deck).rpartition("/")[0]] += 1
    scene = Scene(bench)
    assert judge(commands, scene, RULES.values()) == []
    approval = verify(commands, bench)
    assert {w.location: w.received_ul for w in scene.wells if w.received_ul} == {
        well: pytest.approx(dict(origins), abs=1e-6) for well, origins in got.items()
    }
    assert {rack: len(taken) for rack, taken in approval.tips_used.items() if taken} == tips
    assert {well: liquid.volume_ul for well, liquid in approval.wells.items()} == pytest.approx(
        {well: left[well] for well in approval.wells}
    )


def test_a_dilution_carries_its_composition_on() -> None:
    commands, bench = base("diluted")
    approval = verify(commands, bench)
    # 100 uL of 20 mmol/L in 1000 uL, of which each vial gets 150 uL
    assert approval.wells["vials/A2"].species_mmol_l == pytest.approx({"Cs": 2.0})
    assert approval.wells["vials/A2"].umol == pytest.approx({"Cs": 0.3})
    assert approval.wells["vials/D6"].umol == pytest.approx({"Cs": 2.0 - 2 * 0.3})
    assert approval.received_umol["vials/D6"] == pytest.approx({"Cs": 2.0})
    assert set(approval.stocks_left) == {"stocks/A1", "stocks/A2"}


def test_moles_follow_from_volumes_and_stocks(commands: Commands, bench: Bench) -> None:
    approval = verify(commands, bench)
    given = approval.received_umol["vials/A1"]
    # 62.5 uL of 20 mM Cs; 80 uL of 40 mM Pb with 200 mM TOPO; 10 uL of 200 mM TOPO; 80 uL of 66 mM lecithin
    assert given == pytest.approx({"Cs": 1.25, "Pb": 3.2, "TOPO": 16.0 + 2.0, "lecithin": 5.28})
    cs_left = 1.25 * (1 - 120 / 2642.5) * (1 - 120 / (2642.5 - 120 + 80))
    assert approval.wells["vials/A1"].umol["Cs"] == pytest.approx(cs_left)


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
        )
    finally:
        command["params"][key] = old
