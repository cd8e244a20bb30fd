"""A controller killed at any point, and again while it recovers: the real code on the deterministic laboratory.

A small case of ``benchmarks/crash_simulator.py``, which enumerates all of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.crashes.bugs import BUGS, Bug
from benchmarks.crashes.explore import caught, explore
from benchmarks.crashes.faults import FAULTS, HANGS, NONE, Fault
from benchmarks.crashes.world import Laboratory
from sdl.store import Store

BY_NAME = {fault.name: fault for fault in FAULTS}


@pytest.fixture(scope="module")
def enumerated(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """One laboratory for every fault that is enumerated: what lies behind them is lived once."""
    return Laboratory(tmp_path_factory.mktemp("enumerated") / "lab")


@pytest.mark.parametrize("fault", [NONE, BY_NAME["answer to play lost"]], ids=lambda fault: fault.name)
def test_two_crashes_anywhere_double_nothing_lose_nothing_and_leave_nothing_stuck(
    enumerated: Laboratory, fault: Fault
) -> None:
    tally = explore(enumerated, fault, every=7, stride=13)
    assert tally.cases > 50
    assert not tally.wrong


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_seeded_mistake_is_caught(tmp_path: Path, bug: Bug) -> None:
    _, how = caught(tmp_path / "lab", bug)
    assert how


def _outcome(tmp_path: Path, name: str) -> tuple[Laboratory, Store]:
    laboratory = Laboratory(tmp_path / "lab", fault=BY_NAME[name])
    life = laboratory.live("start")
    assert life.wrong == ()
    return laboratory, Store.open(laboratory.folder, create=False)


def test_a_robot_that_hangs_is_said_to_hang_once_with_a_reason(tmp_path: Path) -> None:
    laboratory = Laboratory(tmp_path / "lab", fault=HANGS)
    assert laboratory.live("start").wrong == ()
    with Store.open(laboratory.folder, create=False) as store:
        (stall,) = store.events(kinds=["stalled"])
        assert "no progress for" in stall.data["why"] and "the run is running" in stall.data["why"]
        assert store.attempts("DONE"), "it was watched on, and went on when somebody freed it"


@pytest.mark.parametrize("step", ["injection", "quench"])
def test_a_step_that_a_person_released_at_the_robot_is_recorded_with_its_time(tmp_path: Path, step: str) -> None:
    _, store = _outcome(tmp_path, f"a person releases the {step}")
    with store:
        (event,) = store.events(kinds=["released at the robot"])
        (attempt,) = store.attempts("DONE")
        (well,) = store.wells(attempt.id)
        shaken = [h.message for h in store.handshakes(attempt.id)]
    assert step[:6] in event.data["text"] and len(shaken) == len(set(shaken)) == 7
    assert well.state == "measured" and well.injected_s is not None and well.quenched_s is not None
    waited_s = well.quenched_s - well.injected_s
    assert waited_s == pytest.approx(300.0 if step == "injection" else 15.0, abs=15.0)


def test_a_read_that_a_person_released_leaves_the_well_without_an_outcome_and_says_so(tmp_path: Path) -> None:
    _, store = _outcome(tmp_path, "a person releases the outcome's read")
    with store:
        (experiment,) = store.experiments("measured")
        assert "no_outcome" in experiment.flags and experiment.outcome_read is None
        assert store.attempts("DONE")


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("the run fails between injection and quench", "FAILED_SAFE"),
        ("a person stops the run", "FAILED_SAFE"),
        ("the robot waits for recovery", "FAILED_SAFE"),
        ("a person pauses the run", "DONE"),
        ("the door is opened", "DONE"),
        ("POST /runs conflicts with a foreign run", "DONE"),
        ("the reader does not answer once", "DONE"),
        ("play answered with broken JSON", "DONE"),
    ],
)
def test_a_fault_of_the_robot_ends_as_the_fault_matrix_says(tmp_path: Path, name: str, state: str) -> None:
    laboratory, store = _outcome(tmp_path, name)
    with store:
        assert [a.state for a in store.attempts()][-1] == state
        assert store.verify_chain() == []
    assert set(laboratory.now.robot.starts.values()) == {1}
    if state == "FAILED_SAFE":
        assert not laboratory.now.robot.heat, "heat is off when we stop watching"
