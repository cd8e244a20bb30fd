"""The virtual robot keeps robot-server's rules, and its journal says what physically happened."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

from sdl.lab.clock import RemoteClock
from sdl.lab.readers.remote import RemoteReader
from sdl.lab.robot import ENDED, Unexpected
from tests.lab.command_lists import command, drop, liquid, opening, pause, stroke, tip
from tests.lab.conftest import TOKEN, Bench, opened

Open = Callable[[list[dict[str, Any]]], Bench]

CS, PB, LECITHIN, MEDIUM = ("stocks", "A1"), ("stocks", "A2"), ("stocks", "A4"), ("stocks/B1", "A1")
WELL, CELL = ("vials", "A1"), ("cell", "A1")


def _with_tip(number: int, *steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [tip(f"{'ABCDEFGH'[number]}1"), *(c for step in steps for c in step), *drop()]


ONE_WELL = [
    *opening(),
    command("temperatureModule/setTargetTemperature", moduleId="heat", celsius=30.0),
    command("temperatureModule/waitForTemperature", moduleId="heat"),
    *_with_tip(0, stroke(MEDIUM, WELL, 40.0)),
    *_with_tip(1, stroke(CS, WELL, 20.0)),
    pause("AT 600 inject vials/A1"),
    *_with_tip(2, stroke(PB, WELL, 40.0), [liquid("aspirate", *WELL, 40.0), liquid("dispense", *WELL, 40.0)] * 2),
    command("waitForDuration", seconds=2.0),
    command("temperatureModule/deactivate", moduleId="heat"),
]


def _until(bench: Bench, run_id: str, *statuses: str) -> str:
    """Ask until the run has one of these statuses; bounded by the calls, not by a clock."""
    for _ in range(2000):
        status = str(bench.robot.run(run_id)["status"])
        if status in statuses:
            return status
    raise AssertionError(f"the run is still {status}")


def test_a_run_stops_at_its_hand_shake_and_goes_on_when_played(open_bench: Open) -> None:
    bench = open_bench(ONE_WELL)
    run_id = bench.make_run()
    assert bench.robot.run(run_id)["status"] == "idle"
    assert bench.robot.current_command(run_id) is None
    bench.robot.play(run_id)
    _until(bench, run_id, "paused")
    at = bench.robot.current_command(run_id)
    assert at is not None
    assert (at["commandType"], at["status"], at["params"]["message"]) == (
        "waitForResume",
        "running",
        "AT 600 inject vials/A1",
    )
    assert [m["source"] for m in bench.journal("move")] == ["stocks/B1", "stocks/A1"]
    bench.robot.play(run_id)
    assert _until(bench, run_id, *ENDED) == "succeeded"
    assert [c["commandType"] for c in bench.robot.commands(run_id)] == [c["commandType"] for c in ONE_WELL]
    assert (bench.robot.current_command(run_id) or {})["status"] == "succeeded"
    assert [a["actionType"] for a in bench.robot.run(run_id)["actions"]] == ["play", "play"]


def test_the_journal_names_every_movement_with_its_attempt_and_no_air_or_mix(open_bench: Open) -> None:
    bench = open_bench([c for c in ONE_WELL if c["commandType"] != "waitForResume"])
    run_id = bench.make_run("blue-a007")
    bench.robot.play(run_id)
    _until(bench, run_id, "succeeded")
    moves = bench.journal("move")
    assert [(m["source"], m["dest"], m["planned_ul"]) for m in moves] == [
        ("stocks/B1", "vials/A1", 40.0),
        ("stocks/A1", "vials/A1", 20.0),
        ("stocks/A2", "vials/A1", 40.0),
    ]
    assert {(m["run"], m["key"]) for m in moves} == {(run_id, "blue-a007")}
    assert all(0 < abs(m["volume_ul"] / m["planned_ul"] - 1) < 0.1 for m in moves)
    assert [r["event"] for r in bench.journal("run")] == ["started", "succeeded"]
    assert bench.inside.world.volumes_ul()["vials/A1"] == pytest.approx(sum(m["volume_ul"] for m in moves))


def test_the_lab_clock_advances_by_the_stated_durations_and_stands_still_otherwise(open_bench: Open) -> None:
    bench = open_bench([*opening(), command("waitForDuration", seconds=50.0), *_with_tip(0, stroke(CS, WELL, 20.0))])
    clock = RemoteClock(bench.url)
    run_id = bench.make_run()
    start_s = clock.now_s()
    assert clock.now_s() == start_s
    bench.robot.play(run_id)
    _until(bench, run_id, "succeeded")
    # delay 50, tip 4, aspirate 1.5 + 2, move 1, air 1.5 + 0.5, dispense 1.5 + 2.5, to the trash 1, drop 4
    assert clock.now_s() - start_s == pytest.approx(69.5)
    clock.wait_until(start_s + 1000.0)
    clock.wait_until(start_s)
    assert clock.now_s() - start_s == pytest.approx(1000.0)


def test_heating_takes_its_time_and_the_module_says_how_warm_it_is(open_bench: Open) -> None:
    bench = open_bench(ONE_WELL)
    run_id = bench.make_run()
    start_s = bench.inside.clock.now_s()
    bench.robot.play(run_id)
    _until(bench, run_id, "paused")
    (module,) = bench.robot.modules()
    assert (module["data"]["currentTemperature"], module["data"]["targetTemperature"]) == (30.0, 30.0)
    assert bench.inside.clock.now_s() - start_s > 5.0 * 20.0
    bench.robot.heat_off(module)
    assert "targetTemperature" not in bench.robot.modules()[0]["data"]


def test_heat_goes_off_past_a_run_that_is_under_way_and_a_command_that_failed_is_no_success(open_bench: Open) -> None:
    """robot-server refuses single commands then, and says 201 of a command that failed."""
    bench = open_bench(ONE_WELL)
    run_id = bench.make_run()
    (module,) = bench.robot.modules()
    with pytest.raises(Unexpected, match="deactivate failed"):
        bench.robot.heat_off({"id": "another", "serialNumber": "another"})
    bench.robot.play(run_id)
    _until(bench, run_id, "paused")
    with pytest.raises(Unexpected, match="RunActive") as refused:
        bench.robot.home()
    assert refused.value.status == 409
    bench.robot.heat_off(module)
    assert "targetTemperature" not in bench.robot.modules()[0]["data"]
    assert bench.robot.run(run_id)["status"] == "paused"
    with pytest.raises(Unexpected, match="ModuleNotPresent"):
        bench.robot.heat_off({"id": "another", "serialNumber": "another"})


def test_a_run_that_somebody_closed_at_the_robot_is_archived(open_bench: Open) -> None:
    bench = open_bench([c for c in ONE_WELL if c["commandType"] != "waitForResume"])
    run_id = bench.make_run()
    bench.robot.play(run_id)
    _until(bench, run_id, "succeeded")
    bench.robot.uncurrent(run_id)
    bench.robot.uncurrent(run_id)
    assert not bench.robot.run(run_id)["current"]


def test_a_page_behind_the_end_is_the_last_command_again_and_no_command_is_told_twice(open_bench: Open) -> None:
    bench = open_bench([c for c in ONE_WELL if c["commandType"] != "waitForResume"])
    run_id = bench.make_run()
    bench.robot.play(run_id)
    _until(bench, run_id, "succeeded")
    found = bench.robot.commands(run_id)
    page = httpx.get(f"{bench.url}/runs/{run_id}/commands?cursor=5000", headers={"Opentrons-Version": "*"}).json()
    assert [c["id"] for c in page["data"]] == [found[-1]["id"]]
    assert len({c["id"] for c in found}) == len(found)


def test_what_comes_too_late_is_a_conflict(open_bench: Open) -> None:
    bench = open_bench(ONE_WELL)
    protocol_id, file_id = bench.send()
    run_id = bench.robot.create_run(protocol_id, file_id)
    bench.robot.play(run_id)
    _until(bench, run_id, "paused")
    for late in (lambda: bench.robot.create_run(protocol_id, file_id), lambda: bench.robot.uncurrent(run_id)):
        with pytest.raises(Unexpected, match=r"RunAlreadyActive|RunNotIdle") as refused:
            late()
        assert refused.value.status == 409
    bench.robot.stop(run_id)
    assert _until(bench, run_id, *ENDED) == "stopped"
    assert bench.robot.commands(run_id)[-1]["error"]["errorType"] == "RunStoppedError"
    with pytest.raises(Unexpected, match="RunActionNotAllowed"):
        bench.robot.play(run_id)
    older, newer = (bench.robot.create_run(protocol_id, file_id) for _ in range(2))
    with pytest.raises(Unexpected, match="RunStopped"):
        bench.robot.play(older)
    assert bench.robot.run(newer)["current"]


def test_a_second_play_is_harmless_and_liquid_moves_once(open_bench: Open) -> None:
    bench = open_bench([c for c in ONE_WELL if c["commandType"] != "waitForResume"])
    run_id = bench.make_run()
    bench.robot.play(run_id)
    try:
        bench.robot.play(run_id)
    except Unexpected as exc:  # the run may have ended meanwhile
        assert exc.status == 409
    _until(bench, run_id, "succeeded")
    assert len(bench.journal("move")) == 3


def test_the_same_files_have_the_same_ids(open_bench: Open) -> None:
    bench = open_bench(ONE_WELL)
    assert bench.send("one") == bench.send("one")
    assert bench.send("one")[0] != bench.send("two")[0]


def test_a_call_without_the_version_header_is_refused(open_bench: Open) -> None:
    bench = open_bench(ONE_WELL)
    assert httpx.get(f"{bench.url}/health", trust_env=False).status_code == 422
    assert bench.robot.health()["robot_model"] == "OT-3 Standard"


def test_another_host_name_and_a_missing_token_are_refused(open_bench: Open) -> None:
    bench = open_bench(ONE_WELL)
    foreign = httpx.get(f"{bench.url}/virtual/clock", headers={"Host": "evil.example"}, trust_env=False)
    assert foreign.status_code == 400
    assert httpx.post(f"{bench.url}/virtual/shutdown", trust_env=False).status_code == 401
    proof = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(f"{bench.url}/virtual/status", headers=proof, trust_env=False).status_code == 200


def test_a_used_tip_stops_the_run_until_the_operator_brings_new_ones(open_bench: Open) -> None:
    bench = open_bench([*opening(), *_with_tip(0, stroke(CS, WELL, 20.0))])
    for expected in ("succeeded", "failed"):
        run_id = bench.make_run(expected)
        bench.robot.play(run_id)
        assert _until(bench, run_id, *ENDED) == expected
    assert "no tip at tips50_1/A1" in bench.robot.run(run_id)["errors"][0]["detail"]
    before_s = bench.inside.clock.now_s()
    for what in ("tips50", "vials"):
        done = httpx.post(f"{bench.url}/virtual/operator/requests", json={"what": what}, trust_env=False)
        assert done.json()["done"]
    assert bench.inside.clock.now_s() - before_s == pytest.approx(200.0)
    assert bench.inside.world.volumes_ul()["vials/A1"] == 0.0
    run_id = bench.make_run("again")
    bench.robot.play(run_id)
    assert _until(bench, run_id, *ENDED) == "succeeded"
    unknown = httpx.post(f"{bench.url}/virtual/operator/requests", json={"what": "coffee"}, trust_env=False)
    assert unknown.status_code == 404


def test_an_empty_vial_gives_what_it_has(open_bench: Open) -> None:
    shots = [c for _ in range(3) for c in stroke(("dye", "A1"), ("vials", "B1"), 45.0)]
    bench = open_bench([*opening(), tip("A1"), *stroke(("vials", "C1"), WELL, 20.0), *shots, *drop()])
    run_id = bench.make_run()
    bench.robot.play(run_id)
    _until(bench, run_id, "succeeded")
    moves = bench.journal("move")
    assert moves[0]["volume_ul"] == 0.0
    assert moves[1]["volume_ul"] > 40.0


def test_a_lab_that_was_killed_finds_its_vials_as_they_were(open_bench: Open, tmp_path: Any) -> None:
    bench = open_bench(ONE_WELL)
    run_id = bench.make_run()
    bench.robot.play(run_id)
    _until(bench, run_id, "paused")
    copy = tmp_path / "after"
    copy.mkdir()
    torn = (tmp_path / "journal.jsonl").read_bytes() + b'{"t_s": 17'
    (copy / "journal.jsonl").write_bytes(torn)
    with opened(copy, ONE_WELL) as again:
        assert again.inside.world.volumes_ul() == bench.inside.world.volumes_ul()
        assert again.inside.clock.now_s() == pytest.approx(bench.journal("move")[-1]["t_s"], abs=60.0)
        assert again.robot.runs() == []
        again.inside.world.refill("waste")
        assert len(again.journal("move")) == 2


def test_only_twenty_runs_are_remembered(open_bench: Open) -> None:
    bench = open_bench([*opening()])
    protocol_id, file_id = bench.send()
    made = [bench.robot.create_run(protocol_id, file_id) for _ in range(22)]
    assert [run["id"] for run in bench.robot.runs()] == made[2:]
    with pytest.raises(Unexpected) as gone:
        bench.robot.run(made[0])
    assert gone.value.status == 404


def test_two_callers_that_play_at_once_start_one_run(open_bench: Open) -> None:
    bench = open_bench(ONE_WELL)
    run_id = bench.make_run()
    threads = [threading.Thread(target=bench.robot.play, args=(run_id,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _until(bench, run_id, "paused", "succeeded")
    assert [r["event"] for r in bench.journal("run")].count("started") == 1


def test_the_reader_sees_blank_dye_and_the_dots_that_were_poured(open_bench: Open) -> None:
    seen = [(MEDIUM, "blank"), (("dye", "A1"), "dye"), (WELL, "sample")]
    wells = [c for c in ONE_WELL if c["commandType"] != "waitForResume"]
    reads = [[*_with_tip(3 + i, stroke(a, CELL, 40.0)), pause(f"READ {role}")] for i, (a, role) in enumerate(seen)]
    wait = command("waitForDuration", seconds=600.0)
    bench = open_bench([*wells, wait, *(c for read in reads for c in read)])
    reader = RemoteReader(f"{bench.url}/virtual/reader")
    run_id = bench.make_run()
    brightest = {}
    for spectra in (reader.dark, lambda: reader.reference("blank"), lambda: reader.reference("dye"), reader.measure):
        found = {s.kind: s for s in spectra()}
        brightest[found["pl"].role] = np.nanmax(found["pl"].counts)
        bench.robot.play(run_id)
        _until(bench, run_id, "paused", "succeeded")
    assert brightest["dark"] < brightest["blank"] < brightest["sample"] < brightest["dye"]  # so strong, it re-absorbs
    assert reader.status().grid_id == found["pl"].grid_id
    assert found["pl"].time_s == pytest.approx(bench.journal("read")[-1]["t_s"])
    assert [entry["role"] for entry in bench.journal("read")] == ["dark", "blank", "dye", "sample"]


def test_the_truth_of_a_design_needs_no_well(open_bench: Open) -> None:
    bench = open_bench([])
    mix = {"cs_mol_l": 2.564e-4, "pb_mol_l": 1.026e-3, "topo_mol_l": 5.128e-3, "dopa_mol_l": 1.213e-3}
    well = {**mix, "growth_time_s": 300.0, "lecithin_ratio": 1.0, "read_s": 600.0}
    url = f"{bench.url}/virtual/truth"
    told = httpx.post(url, json={"wells": [well, {**well, "read_s": 0.01}]}, trust_env=False).json()["wells"]
    assert told[0]["pl_peak_nm"] == pytest.approx(483.0, abs=6.0)  # check point of the model, and the lots of seed 7
    assert told[1]["pl_peak_nm"] is None, "no dots yet"
    assert httpx.post(url, json={"wells": [{}]}, trust_env=False).status_code == 422
    assert bench.journal("move") == []
