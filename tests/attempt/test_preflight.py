"""The run's own interlocks: what the world says just before the start and during the run, one by one.

The answers are those of the virtual robot (`tests.lab` speaks its HTTP), in the words of robot-server 8.1.0.
"""

from __future__ import annotations

import copy
import functools
import gzip
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from sdl.attempt.clearance import tops_mm, travel_mm
from sdl.attempt.interlocks import CHECKS, Sight, When, raise_unless_held
from sdl.bench import Lab
from sdl.errors import NeedsPerson, SdlError, Unsafe
from sdl.lab.reader import ReaderStatus
from sdl.lab.readers.remote import RemoteReader
from sdl.store import Attempt
from sdl.verifier import command_hash
from tests.benches import example
from tests.lab.command_lists import opening
from tests.lab.conftest import opened

COLUMN_C = ["I4", "I7", "I8", "I9", "I11", "I12", "I15", "I16", "I18", "I19", "I20", "I22", "I23", "I24", "I26"]
"""The interlocks of the run itself (reliability notes, section 5)."""

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
YOUNG = "1970-01-01T00:00:00+00:00"
"""The lab clock stands at 50,000 s: half a day after this."""
CSV = "action,at_s,well,stock,volume_ul,value\ntemperature,,vials,,,40\ndispense,,vials/A1,stocks/A1,50,\n"


@functools.cache
def lab() -> Lab:
    found = example().lab
    assert found is not None
    return replace(found, robot_serial="FLX-1", armed_until=(NOW + timedelta(hours=10)).isoformat())


def attempt(n: int = 7, state: str = "ARMED", **changes: Any) -> Attempt:
    plain = Attempt(
        id=f"blue-a{n:03}",
        n=n,
        batch=n,
        state=state,
        epoch=1,
        robot="http://127.0.0.1:9",
        protocol_hash="",
        csv=CSV,
        list_hash="cd" * 32,
        protocol_id="p7",
        file_id="f7",
        run_id=f"run-{n}",
        t0_s=None,
        plan={"draws_ul": {"stocks/A1": 50.0}, "duration_s": 7200.0},
    )
    return replace(plain, **changes)


def run(n: int, status: str = "idle", *actions: str) -> dict[str, Any]:
    files = [{"variableName": "steps", "file": {"id": "f7"}}]
    return {
        "id": f"run-{n}",
        "status": status,
        "protocolId": "p7",
        "actions": [{"actionType": action} for action in actions],
        "labwareOffsets": [{"definitionUri": "custom_beta/vials/1", "vector": {"x": 0.1, "y": -0.2, "z": 1.0}}],
        "runTimeParameters": files,
    }


def pipette(mount: str, name: str, low: float, high: float) -> dict[str, Any]:
    offset = {"offset": {"x": 0.0, "y": 0.5, "z": -1.0}, "last_modified": YOUNG}
    data = {"channels": 1, "min_volume": low, "max_volume": high, "calibratedOffset": offset}
    return {"mount": mount, "instrumentName": name, "ok": True, "data": data, "state": {"tipDetected": False}}


def seen() -> Sight:
    """What is seen when all is well, two earlier runs of ours behind us."""
    block = {"currentTemperature": 24.0, "targetTemperature": None}
    module = {"moduleModel": "temperatureModuleV2", "serialNumber": "TM-1", "data": block}
    module["moduleOffset"] = {"offset": {"x": 0.0, "y": 0.0, "z": 0.3}, "last_modified": YOUNG}
    fixtures = [
        {"cutoutId": "cutoutD1", "cutoutFixtureId": "temperatureModuleV2"},
        {"cutoutId": "cutoutA3", "cutoutFixtureId": "trashBinAdapter"},
    ]
    return Sight(
        lab=lab(),
        attempt=attempt(),
        now=NOW,
        now_s=50_000.0,
        health={
            "robot_serial": "FLX-1",
            "robot_model": "OT-3 Standard",
            "maximum_protocol_api_version": [2, 20],
            "api_version": "8.1.0",
        },
        verified_with="8.1.0",
        modules=[module],
        door={"status": "closed", "doorRequiredClosedForProtocol": True},
        estop="disengaged",
        runs=[run(5, "succeeded", "play"), run(6, "succeeded", "play"), run(7)],
        run=run(7),
        attempts=[attempt(5, "DONE"), attempt(6, "DONE"), attempt()],
        starts_s={"blue-a005": 30_000.0, "blue-a006": 40_000.0},
        instruments=[
            pipette("left", "p50_single_flex", 5.0, 50.0),
            pipette("right", "p1000_single_flex", 5.0, 1000.0),
        ],
        fixtures=fixtures,
        analysed="cd" * 32,
        tops_mm={"sdl_24_vials_8ml in D1": 70.0, "sdl_1_bottle_250ml in C1": 98.0},
        travel_mm=162.9,
        reader=reader(),
        stock_left={"stocks/A1": 5000.0},
        consumables={"tips_gone": {"left": 40, "right": 288}, "waste_ul": 899_000.0},
    )


def reader(**changes: Any) -> ReaderStatus:
    plain = ReaderStatus(
        instrument="USB4", grid_id="g", channels=("absorption", "pl"), ok=True, lamp_h=120.0, shutter="closed"
    )
    return replace(plain, **changes)


Change = Callable[[Sight], Sight]


def with_(**changes: Any) -> Change:
    return lambda sight: replace(sight, **changes)


def answering(field: str, number: int | None, **changes: Any) -> Change:
    """Change what the robot answers: the ``number``-th of a list, or an object itself; ``data__x`` reaches deeper."""

    def changed(sight: Sight) -> Sight:
        told = copy.deepcopy(getattr(sight, field))
        inner = told if number is None else told[number]
        for key, value in changes.items():
            *path, last = key.split("__")
            at = inner
            for step in path:
                at = at[step]
            at[last] = value
        return replace(sight, **{field: told})

    return changed


def of_lab(**changes: Any) -> Change:
    return lambda sight: replace(sight, lab=replace(sight.lab, **changes))


def of_reader(**changes: Any) -> Change:
    """Change the lab file's reader, its instrument counting no hours and knowing of no shutter."""
    return lambda sight: replace(
        of_lab(reader=replace(sight.lab.reader, **changes))(sight), reader=reader(lamp_h=None, shutter="")
    )


def ot2(deck: str = "1970-01-01T06:00:00+00:00", **changes: Any) -> Change:
    """Let the robot be an OT-2, which tells the offsets of its pipettes and its deck apart."""
    offsets = [
        {"mount": mount, "offset": [0.1, 0.2, 0.3], "lastModified": YOUNG, "status": {"markedBad": False}}
        for mount in ("left", "right")
    ]

    def changed(sight: Sight) -> Sight:
        told = {
            "offsets": [{**offset, **changes} for offset in offsets],
            "deck_calibration": {"status": "OK", "data": {"lastModified": deck}},
            "health": {**sight.health, "robot_model": "OT-2 Standard"},
        }
        return replace(sight, lab=replace(sight.lab, robot_type="OT-2"), **told)

    return changed


def of_limits(**changes: Any) -> Change:
    return lambda sight: replace(sight, lab=replace(sight.lab, limits=replace(sight.lab.limits, **changes)))


def of_attempt(**changes: Any) -> Change:
    return lambda sight: replace(sight, attempt=replace(sight.attempt, **changes))


def ended(*states: str) -> Change:
    before = [attempt(n, state, robot="http://127.0.0.1:8") for n, state in enumerate(states)]
    return with_(attempts=[*before, attempt()], runs=[run(7)])


def started(*ago_s: float) -> Change:
    return with_(starts_s={f"a{n}": 50_000.0 - s for n, s in enumerate(ago_s)})


Row = tuple[str, str, When, Change, str]

POSITIVE: list[tuple[str, When, Change]] = [
    ("I4", "start", with_(stock_left={"stocks/A1": 1000.0})),
    ("I7", "start", with_(consumables={"tips_gone": {"left": 96, "right": 288}, "waste_ul": 0.0})),
    ("I8", "start", answering("instruments", 0, data__calibratedOffset__offset__z=-3.0)),
    ("I9", "run", answering("modules", 0, data__currentTemperature=65.0)),
    ("I11", "run", answering("modules", 0, data__targetTemperature=40.0)),
    ("I12", "run", with_(starts_s={"blue-a007": 50_000.0 - 24 * 3600.0})),
    ("I15", "start", with_(consumables={"tips_gone": {}, "waste_ul": 900_000.0})),
    ("I16", "start", with_(modules=[*seen().modules, {"moduleModel": "magneticBlockV1"}])),
    ("I16", "start", with_(tops_mm={"a flask in C2": 152.9})),
    ("I18", "start", with_(estop="not there")),
    ("I19", "run", with_(runs=[run(7, "running", "play")])),
    ("I20", "start", answering("health", None, maximum_protocol_api_version=[2, 27])),
    ("I20", "start", answering("instruments", 1, data__calibratedOffset__last_modified="1969-10-04T14:00:00Z")),
    ("I20", "start", ot2()),
    ("I22", "start", of_lab(armed_until=(NOW + timedelta(hours=72)).isoformat())),
    ("I22", "start", of_lab(robot="http://10.0.0.7:31950", armed_for=lab().mark)),
    ("I23", "start", ended("FAILED_SAFE", "UNKNOWN", "DONE", "FAILED_SAFE", "FAILED_SAFE")),
    ("I24", "start", of_lab(reader=replace(lab().reader, channels=("absorption",)))),
    ("I24", "start", of_reader(lamp_h=976.0, lamp_read="2026-11-20T12:00Z")),
    ("I24", "start", of_reader(light="led")),
    ("I24", "start", of_lab(reader=replace(lab().reader, light="laser"))),
    ("I24", "look", answering("door", None, status="open")),
    ("I26", "start", with_(run=run(7))),
]

# fmt: off
NEGATIVE: list[Row] = [
    ("I4", "the_stocks_hold_what_was_reserved", "start", with_(stock_left={"stocks/A1": 999.0}),
     r"stocks/A1: 999 uL would be left, 1000 uL cannot be drawn; refill it"),
    ("I4", "the_stocks_hold_what_was_reserved", "start", with_(stock_left={}), r"stocks/A1 is drawn from and not in"),
    ("I4", "the_stocks_hold_what_was_reserved", "start", with_(stock_left={"stocks/A1": -3.0}), r"-3 uL would be left"),
    ("I4", "the_stocks_hold_what_was_reserved", "start",
     of_attempt(plan={"draws_ul": {"stocks/A1": 50.0}, "evaporates_ul": {"stocks/A1": 4001.0}, "duration_s": 7200.0}),
     r"stocks/A1: 999 uL would be left after 4001 uL evaporated"),
    ("I7", "the_racks_hold_the_tips", "start",
     with_(consumables={"tips_gone": {"left": 97}, "waste_ul": 0.0}), r"left: 97 tips would be used of 96"),
    ("I7", "the_racks_hold_the_tips", "start",
     with_(consumables={"tips_gone": {"right": 289}, "waste_ul": 0.0}), r"right: 289 tips would be used of 288"),
    ("I7", "no_tip_is_on_yet", "start", answering("instruments", 1, state__tipDetected=True),
     r"the right pipette has a tip on; take it off"),
    ("I8", "no_offset_is_large", "start", answering("instruments", 0, data__calibratedOffset__offset__z=-3.1),
     r"the left pipette is offset by 3.1 mm, limit 3; calibrate"),
    ("I8", "no_offset_is_large", "start",
     lambda s: answering("run", None, labwareOffsets=[{"definitionUri": "a/b/1", "vector": {"x": 8.0}}])(s),
     r"labware a/b/1 is offset by 8 mm"),
    ("I8", "no_offset_is_large", "start", answering("instruments", 0, data__calibratedOffset__offset__x=float("nan")),
     r"the left pipette is offset by nan mm"),
    ("I9", "no_block_is_too_hot", "run", answering("modules", 0, data__currentTemperature=65.5),
     r"TM-1 is at 65.5 degC, limit 65; let it cool"),
    ("I9", "no_block_is_too_hot", "start", answering("modules", 0, data__currentTemperature=None),
     r"temperatureModuleV2 TM-1 does not tell its temperature"),
    ("I9", "no_block_is_too_hot", "start", lambda s: of_limits(max_temperature_c=18.0)(s), r"24 degC, limit 23"),
    ("I11", "no_block_is_heated_before_the_start", "start", answering("modules", 0, data__targetTemperature=40.0),
     r"TM-1 is set to 40 degC already, not by us; switch it off"),
    ("I11", "every_block_is_set_as_verified", "run", answering("modules", 0, data__targetTemperature=45.0),
     r"TM-1 is set to 45 degC, verified were \[40.0\]; switch it off"),
    ("I11", "every_block_is_set_as_verified", "run",
     lambda s: answering("modules", 0, data__targetTemperature=40.0)(of_attempt(csv="action,value\n")(s)),
     r"TM-1 is set to 40 degC, verified were \[\]"),
    ("I12", "the_run_keeps_to_the_labs_hours", "run", with_(starts_s={"blue-a007": 50_000.0 - 24.2 * 3600}),
     r"the run has lasted 24.2 h, limit 24 h"),
    ("I12", "the_plan_keeps_to_the_labs_hours", "start", of_limits(max_run_h=1.5),
     r"the run would take 2.0 h, the lab allows 1.5 h"),
    ("I12", "the_plan_keeps_to_the_labs_hours", "start",
     of_attempt(plan={"draws_ul": {}, "duration_s": 90_000.0}), r"the run would take 25.0 h"),
    ("I15", "the_waste_bottle_has_room", "start", with_(consumables={"tips_gone": {}, "waste_ul": 901_000.0}),
     r"901 mL of waste after this run, limit 900; empty the bottle"),
    ("I15", "the_waste_bottle_has_room", "start", of_limits(waste_ul=500_000.0), r"899 mL of waste .* limit 500"),
    ("I15", "the_waste_bottle_has_room", "start", with_(consumables={"tips_gone": {}, "waste_ul": 1e9}),
     r"1000000 mL of waste after this run"),
    ("I16", "the_deck_is_as_the_lab_file_says", "start", with_(modules=[]),
     r"1 temperatureModuleV2 less on the robot than in the lab file"),
    ("I16", "the_deck_is_as_the_lab_file_says", "start", answering("fixtures", 0, cutoutId="cutoutC1"),
     r"vials: the robot's deck has nothing in D1, the lab file temperatureModuleV2"),
    ("I16", "the_deck_is_as_the_lab_file_says", "start", answering("fixtures", 1, cutoutFixtureId="singleRightSlot"),
     r"the robot's deck configuration has no trash bin"),
    ("I16", "nothing_stands_in_the_way_of_a_tip", "start", with_(tops_mm={"a flask in C2": 153.0}),
     r"a flask in C2 stands 153 mm high and a tip travels at 162.9 mm, less than 10 mm above it; take a lower vessel"),
    ("I16", "nothing_stands_in_the_way_of_a_tip", "start", with_(travel_mm=107.9),
     r"sdl_1_bottle_250ml in C1 stands 98 mm high and a tip travels at 107.9 mm"),
    ("I16", "nothing_stands_in_the_way_of_a_tip", "start", of_limits(clearance_mm=65.0), r"less than 65 mm above it"),
    ("I16", "nothing_stands_in_the_way_of_a_tip", "start", with_(tops_mm={}), r"the deck, of which nothing is known"),
    ("I16", "nobody_elses_run_left_the_deck_changed", "start",
     with_(runs=[{"id": "theirs", "status": "succeeded", "actions": [{"actionType": "play"}]}, run(7)]),
     r"run theirs on this robot was not ours: compare the deck"),
    ("I18", "the_door_is_closed", "run", answering("door", None, status="open"), r"the door of .* is open: close it"),
    ("I18", "an_open_door_would_stop_the_robot", "start", answering("door", None, doorRequiredClosedForProtocol=False),
     r"lets it run with its door open; switch the door safety switch on"),
    ("I18", "the_emergency_stop_is_released", "start", with_(estop="physicallyEngaged"),
     r"the emergency stop is physicallyEngaged"),
    ("I19", "no_other_run_is_active", "run", with_(runs=[run(7, "running"), run(9, "paused")]),
     r"run run-9 is active on .* and is not ours"),
    ("I19", "no_other_attempt_is_in_flight", "start", with_(attempts=[attempt(6, "UNKNOWN"), attempt()]),
     r"blue-a006 is UNKNOWN on the same robot: sdl resolve it"),
    ("I19", "no_other_attempt_is_in_flight", "start", with_(attempts=[attempt(8, "VERIFY"), attempt()]),
     r"blue-a008 is VERIFY on the same robot"),
    ("I20", "it_is_the_robot_of_the_lab_file", "run", answering("health", None, robot_serial="FLX-2"),
     r"is robot FLX-2, the lab file names FLX-1: check the address"),
    ("I20", "it_is_the_robot_of_the_lab_file", "start", answering("health", None, robot_model="OT-2 Standard"),
     r"is a OT-2 Standard, the lab file says Flex"),
    ("I20", "its_software_knows_the_protocol", "start", answering("health", None, maximum_protocol_api_version=[2, 15]),
     r"knows API level 2.15, the protocol needs 2.20"),
    ("I20", "its_pipettes_are_those_of_the_lab_file", "start",
     answering("instruments", 0, instrumentName="p1000_single_flex"), r"left mount holds p1000_single_flex, the lab"),
    ("I20", "its_pipettes_are_those_of_the_lab_file", "start", answering("instruments", 1, data__channels=8),
     r"the right pipette is not ready, or not a one-channel one"),
    ("I20", "its_pipettes_are_those_of_the_lab_file", "start", answering("instruments", 0, data__max_volume=20.0),
     r"the left pipette takes 5.0 to 20.0 uL, the lab file says 5 to 50"),
    ("I20", "no_calibration_is_old", "start",
     answering("instruments", 1, data__calibratedOffset__last_modified="1969-08-22T13:53:20Z"),
     r"the right pipette was calibrated 132.0 d ago, limit 90 d: calibrate it again at the robot"),
    ("I20", "no_calibration_is_old", "start", answering("instruments", 0, data__calibratedOffset__last_modified=None),
     r"the left pipette was never calibrated"),
    ("I20", "no_calibration_is_old", "start", answering("modules", 0, moduleOffset={}),
     r"temperatureModuleV2 TM-1 was never calibrated"),
    ("I20", "no_calibration_is_old", "start",
     answering("instruments", 0, data__calibratedOffset__last_modified="1970-01-03T00:00:00Z"),
     r"the left pipette was calibrated on 1970-01-03, which is to come: set the robot's clock"),
    ("I20", "no_calibration_is_old", "start", of_limits(max_calibration_age_h=1.0), r"0.6 d ago, limit 0.04"),
    ("I20", "no_calibration_is_old", "start", ot2(deck="1969-06-01T00:00:00Z"), r"the deck was calibrated 214.6 d ago"),
    ("I20", "no_calibration_is_old", "start", ot2(status={"markedBad": True}),
     r"the right pipette was never calibrated, or marked bad"),
    ("I22", "somebody_answers_for_it", "start", of_lab(robot="http://10.0.0.7:31950"),
     r"does not say what it is armed for; robot, deck, substances and limits of its file are now deck-"),
    ("I22", "somebody_answers_for_it", "start", of_lab(robot="http://10.0.0.7:31950", armed_for="deck-00000000"),
     r"was armed for deck-00000000; .* compare the bench with the load list of `sdl check`, then write armed_for"),
    ("I22", "somebody_answers_for_it", "start",
     of_lab(robot="http://10.0.0.7:31950", armed_for=lab().mark, mark="deck-11111111"), r"are now deck-11111111"),
    ("I22", "somebody_answers_for_it", "start", of_lab(armed_by=""), r"is not armed: set armed_by and armed_until"),
    ("I22", "somebody_answers_for_it", "start", of_lab(armed_until=(NOW + timedelta(hours=1)).isoformat()),
     r"the run would end at 2026-11-21T14:00Z: it must end before that"),
    ("I22", "somebody_answers_for_it", "start", of_lab(armed_until=(NOW + timedelta(hours=73)).isoformat()),
     r"and that within 72 h"),
    ("I22", "somebody_answers_for_it", "start", of_lab(armed_until="always", robot="http://10.0.0.7:31950"),
     r"armed for ever, which is for simulated robots only"),
    ("I23", "not_too_many_failures_in_a_row", "start", ended("DONE", "FAILED_SAFE", "UNKNOWN", "FAILED_SAFE"),
     r"the last 3 attempts ended FAILED_SAFE, UNKNOWN, FAILED_SAFE"),
    ("I23", "not_too_many_runs_an_hour", "start", started(10, 600, 1200, 1800, 2400, 3000),
     r"6 runs began within an hour, limit 6"),
    ("I23", "not_too_many_runs_an_hour", "start", started(*range(0, 3600, 300)), r"12 runs began within an hour"),
    ("I24", "the_spectrometer_is_ready", "start",
     with_(reader=reader(ok=False)),
     r"the reader USB4 says it cannot measure: look at lamp and shutter"),
    ("I24", "the_spectrometer_is_ready", "start",
     with_(reader=reader(channels=("absorption",))),
     r"the reader USB4 has no pl, the lab file says it has"),
    ("I24", "the_spectrometer_is_ready", "start", with_(reader=None), r"the reader was not asked"),
    ("I24", "the_lamp_is_not_worn_out", "start", with_(reader=reader(lamp_h=1000.5)),
     r"the lamp has burned 1000 h, limit 1000 h: change it, or read its meter"),
    ("I24", "the_lamp_is_not_worn_out", "start", of_reader(lamp_h=977.0, lamp_read="2026-11-20T11:00Z"),
     r"the lamp has burned at most 1002 h, limit 1000 h"),
    ("I24", "the_lamp_is_not_worn_out", "start", of_reader(), r"nobody says how long the lamp has burned"),
    ("I24", "no_light_shines_before_the_first_look", "start", with_(reader=reader(shutter="open")),
     r"the shutter of the lamp is open: close it"),
    ("I24", "no_light_shines_before_the_first_look", "start",
     of_reader(light="laser", lamp_h=1.0, lamp_read="2026-11-21"),
     r"the shutter of the laser is not known to be closed"),
    ("I24", "no_light_shines_before_the_first_look", "start",
     lambda s: with_(reader=reader(shutter="open"))(of_reader(light="laser")(s)), r"the shutter of the laser is open"),
    ("I24", "no_laser_shines_past_an_open_door", "look",
     lambda s: answering("door", None, status="open")(of_reader(light="laser")(s)), r"the reader's light is a laser"),
    ("I24", "no_laser_shines_past_an_open_door", "look",
     lambda s: answering("door", None, status="unknown")(of_reader(light="laser")(s)), r"nothing is read; close it"),
    ("I24", "no_laser_shines_past_an_open_door", "look",
     lambda s: with_(door={})(of_reader(light="laser")(s)), r"the door is open and the reader's light is a laser"),
    ("I26", "the_robot_would_run_what_was_verified", "start", with_(analysed="ab" * 32),
     r"the robot would run the list abababababab, verified was cdcdcdcdcdcd"),
    ("I26", "the_robot_would_run_what_was_verified", "start", of_attempt(list_hash=""), r"verified was none"),
    ("I26", "the_robot_would_run_what_was_verified", "start",
     answering("run", None, runTimeParameters=[{"file": {"id": "f8"}}]), r"has the files \['f8'\], verified was f7"),
    ("I26", "its_software_is_that_of_the_verified_list", "start", answering("health", None, api_version="8.2.0"),
     r"software is 8.2.0, when the list was verified it was 8.1.0: sdl resolve"),
    ("I26", "its_software_is_that_of_the_verified_list", "start", with_(verified_with=""), r"it was not recorded"),
    ("I26", "the_run_is_that_of_the_verified_protocol", "run", answering("run", None, protocolId="p8"),
     r"run run-7 is of protocol p8, verified was p7"),
]
# fmt: on


@pytest.mark.parametrize("when", ["start", "run", "look"])
def test_when_all_is_well_nothing_is_said(when: When) -> None:
    raise_unless_held(seen(), when)
    assert [text for one in CHECKS.values() if when in one.when for text in one.look(seen())] == []


@pytest.mark.parametrize(
    ("interlock", "when", "change"), POSITIVE, ids=[f"{i} within its limit" for i, _, _ in POSITIVE]
)
def test_what_reaches_a_limit_and_no_more_may_go_on(interlock: str, when: When, change: Change) -> None:
    raise_unless_held(change(seen()), when)
    assert interlock in {one.interlock for one in CHECKS.values() if when in one.when}


@pytest.mark.parametrize(
    ("interlock", "name", "when", "change", "says"), NEGATIVE, ids=[f"{r[0]} {r[4][:40]}" for r in NEGATIVE]
)
def test_what_is_not_as_verified_stops_the_run_by_its_own_words(
    interlock: str, name: str, when: When, change: Change, says: str
) -> None:
    with pytest.raises(SdlError, match=rf"{says}(?s:.*)\[{interlock}\]") as refused:
        raise_unless_held(change(seen()), when)
    assert type(refused.value) is CHECKS[name].refusal
    without = [text for check in CHECKS.values() if check.name != name for text in check.look(change(seen()))]
    assert not [text for text in without if re.search(says, text)], (
        "another check says the same: this one would be idle"
    )


def test_every_interlock_of_column_c_has_a_check_one_positive_and_three_negatives() -> None:
    assert {check.interlock for check in CHECKS.values()} == set(COLUMN_C)
    assert {interlock for interlock, _, _ in POSITIVE} == set(COLUMN_C)
    count = Counter(row[0] for row in NEGATIVE)
    assert set(count) == set(COLUMN_C) and min(count.values()) >= 3
    assert {row[1] for row in NEGATIVE} == set(CHECKS)
    assert all(
        CHECKS[name].interlock == interlock and when in CHECKS[name].when for interlock, name, when, *_ in NEGATIVE
    )


def test_everything_wrong_is_said_at_once_and_the_graver_refusal_wins() -> None:
    wrong = answering("door", None, status="open")(with_(analysed="ab" * 32)(seen()))
    with pytest.raises(Unsafe, match=r"is open(?s:.*)would run the list"):
        raise_unless_held(wrong, "start")
    with pytest.raises(NeedsPerson, match="is open"):
        raise_unless_held(answering("door", None, status="open")(seen()), "start")


@pytest.mark.parametrize(
    ("robot", "vials_mm", "bottle_mm", "tip_mm"),
    [("Flex", 9.0 + 61.0, 98.0, 248.0 - (95.6 - 10.5)), ("OT-2", 80.09 + 61.0, 98.0, 220.29 - (88.0 - 7.95))],
    ids=["Flex", "OT-2"],
)
def test_heights_are_those_of_the_definitions_that_the_robot_loaded(
    robot: Literal["Flex", "OT-2"], vials_mm: float, bottle_mm: float, tip_mm: float
) -> None:
    """Against the vendor's definitions of labware, modules and tips, in a list as analysis returned it."""
    commands = recorded(robot)
    slots = {"Flex": ("D1", "C1"), "OT-2": ("10", "4")}[robot]
    tops = tops_mm(commands, [], robot)
    assert tops[f"sdl_24_vials_8ml in {slots[0]}"] == pytest.approx(vials_mm)
    assert tops[f"sdl_1_bottle_250ml in {slots[1]}"] == pytest.approx(bottle_mm)
    assert travel_mm(commands) == pytest.approx(tip_mm)
    uri = next(u for c in commands if (u := uri_of(c)).split("/")[1:2] == ["sdl_1_bottle_250ml"])
    entered = [{"definitionUri": uri, "location": {"slotName": slots[1]}, "vector": {"x": 0, "y": 0, "z": 2.5}}]
    lifted = tops_mm(commands, entered, robot)
    assert lifted.pop(f"sdl_1_bottle_250ml in {slots[1]}") == pytest.approx(bottle_mm + 2.5)
    assert lifted == {name: mm for name, mm in tops.items() if name in lifted}


def recorded(robot: str) -> list[dict[str, Any]]:
    packed = Path(__file__).parents[1] / "verifier" / "data" / f"{robot.lower()}.json.gz"
    found: list[dict[str, Any]] = json.loads(gzip.decompress(packed.read_bytes()))
    return found


def uri_of(command: dict[str, Any]) -> str:
    known = (command.get("result") or {}).get("definition") or {}
    return f"{known.get('namespace')}/{(known.get('parameters') or {}).get('loadName')}/{known.get('version')}"


def test_an_ot2_tells_its_calibrations_apart_and_over_http(tmp_path: Path) -> None:
    with opened(tmp_path, opening(), {"robot_type": "OT-2"}) as bench:
        one = replace(lab(), robot_type="OT-2", pipettes=lab().pipettes[:1])
        told = replace(
            seen(),
            lab=one,
            now_s=bench.inside.clock.now_s(),
            instruments=bench.robot.instruments(),
            offsets=bench.robot.pipette_offsets(),
            deck_calibration=bench.robot.deck_calibration(),
        )
        old = CHECKS["no_calibration_is_old"]
        assert "calibratedOffset" not in told.instruments[0]["data"], "as robot-server 8.1.0 has it on an OT-2"
        assert list(old.look(told)) == []
        later = replace(told, now_s=told.now_s + 91 * 86_400.0)
        assert [text.split(" was ")[0] for text in old.look(later)] == ["the left pipette", "the deck"]


def test_the_virtual_robot_over_http_passes_and_an_open_bench_does_not(tmp_path: Path) -> None:
    with opened(tmp_path, opening()) as bench:
        protocol_id, file_id = bench.send()
        found = bench.robot.analysis(protocol_id)
        run_id = bench.robot.create_run(protocol_id, file_id)
        deck = {name: place for name, place in lab().deck.items() if place.module or name == "stocks"}
        there = replace(lab(), robot_serial=bench.inside.serial, deck=deck, pipettes=lab().pipettes[:1])
        sight = replace(
            seen(),
            lab=there,
            now_s=bench.inside.clock.now_s(),
            attempt=attempt(run_id=run_id, protocol_id=protocol_id, file_id=file_id, list_hash=command_hash(found)),
            health=bench.robot.health(),
            instruments=bench.robot.instruments(),
            modules=bench.robot.modules(),
            door=bench.robot.door(),
            estop=bench.robot.estop(),
            fixtures=bench.robot.deck(),
            runs=bench.robot.runs(),
            run=bench.robot.run(run_id),
            analysed=command_hash(bench.robot.analysis(protocol_id)),
            reader=RemoteReader(f"{bench.url}/virtual/reader").status(),
        )
        raise_unless_held(sight, "start")
        raise_unless_held(sight, "run")
        other = bench.make_run("theirs")
        bench.robot.play(other)
        with pytest.raises(SdlError, match=r"was not ours|is active on"):
            raise_unless_held(replace(sight, runs=bench.robot.runs()), "start")
