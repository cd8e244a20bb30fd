"""Every fault of the robot, of stocks, of concurrency and of text by its number in the fault matrix, and what shows it.

A row names tests elsewhere that perform the fault; what no other test performs is performed below.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from benchmarks.crashes.faults import FORGETS, STOPS_FOR_EVER, Fault
from benchmarks.crashes.world import Laboratory, suggest
from flows.steps import ARROWS
from sdl.attempt import consumables, follow, prepare
from sdl.attempt.session import Session
from sdl.errors import NeedsPerson
from sdl.lab.operator import Person
from sdl.progress import resolve
from sdl.store import Attempt, NewExperiment, Store

TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault, in the words of the matrix, and the tests that perform it, as file below ``tests`` and name."""

    what: str
    shown_by: Sequence[tuple[str, str]]


HERE = "attempt/test_fault_matrix.py"
CRASHES = ("attempt/test_crashes.py", "test_two_crashes_anywhere_double_nothing_lose_nothing_and_leave_nothing_stuck")
ROBOT = ("attempt/test_crashes.py", "test_a_fault_of_the_robot_ends_as_the_fault_matrix_says")
INTERLOCK = ("attempt/test_preflight.py", "test_what_is_not_as_verified_stops_the_run_by_its_own_words")
HOSTILE = ("test_security.py", "test_a_hostile_answer_is_an_instrument_that_cannot_be_reached_never_a_guess")
DRIVER = "lab/test_robot_driver.py"
RELEASED = "test_a_step_that_a_person_released_at_the_robot_is_recorded_with_its_time"

# fmt: off
FAULTS = {
    "F22": Row(what="connection refused", shown_by=[
        (DRIVER, "test_a_closed_port_is_unreachable_and_named"),
        ("flows/test_main_job.py", "test_a_robot_that_does_not_answer_ends_with_5_and_its_address")]),
    "F23": Row(what="timeout before the robot acted", shown_by=[
        (HERE, "test_a_play_that_was_lost_or_answered_badly_starts_the_robot_once")]),
    "F24": Row(what="answer lost after the robot acted", shown_by=[CRASHES]),
    "F25": Row(what="half an answer", shown_by=[(DRIVER, "test_a_play_whose_answer_is_bad_is_sent_exactly_once")]),
    "F26": Row(what="500, 502, 503, 401, 403, 404, 409, 429", shown_by=[
        ROBOT, (DRIVER, "test_the_status_of_a_refusal_is_kept")]),
    "F27": Row(what="200 with what is no answer", shown_by=[
        ROBOT, HOSTILE, (DRIVER, "test_an_answer_that_is_not_what_the_api_promises_is_unexpected_and_quoted")]),
    "F28": Row(what="an answer without end, a byte a second", shown_by=[
        (DRIVER, "test_a_body_without_end_is_cut_at_the_limit"),
        (DRIVER, "test_an_answer_that_never_comes_ends_at_the_deadline")]),
    "F29": Row(what="the run fails at a command", shown_by=[ROBOT]),
    "F30": Row(what="stopped at the touch screen", shown_by=[ROBOT]),
    "F31": Row(what="paused or resumed by a person", shown_by=[ROBOT, ("attempt/test_crashes.py", RELEASED)]),
    "F32": Row(what="awaiting recovery", shown_by=[ROBOT]),
    "F33": Row(what="the door is open", shown_by=[ROBOT, INTERLOCK]),
    "F34": Row(what="power cut or emergency stop in a run", shown_by=[
        ("flows/test_unknown.py", "test_a_robot_that_forgot_its_run_is_never_trusted_and_never_repeated")]),
    "F35": Row(what="a stop that never completes", shown_by=[
        (HERE, "test_a_stop_that_never_completes_sends_a_person_to_the_emergency_stop")]),
    "F36": Row(what="the robot deleted our run", shown_by=[
        (HERE, "test_a_run_that_the_robot_deleted_is_unknown_and_never_made_again")]),
    "F37": Row(what="somebody ran another protocol between ours", shown_by=[INTERLOCK]),
    "F38": Row(what="other software on the robot", shown_by=[
        INTERLOCK, (HERE, "test_other_software_on_the_robot_stops_what_it_would_run_otherwise"),
        (HERE, "test_software_that_changed_after_the_list_was_verified_stops_the_start_until_it_is_verified_anew")]),
    "F39": Row(what="a module vanished, or is not as set", shown_by=[
        INTERLOCK, ("attempt/test_watch.py", "test_a_block_set_to_what_was_not_verified_ends_the_run_cold_and_unknown"),
        ("attempt/test_crashes.py", "test_a_robot_that_hangs_is_said_to_hang_once_with_a_reason")]),
    "F48": Row(what="outcomes and fits that are no numbers", shown_by=[
        ("models/test_surrogate.py", "test_a_failed_search_falls_back_to_default_constants_and_says_so"),
        ("models/test_advisor.py", "test_degenerate_data_end_in_labelled_space_filling"),
        ("models/test_advisor.py", "test_a_model_that_is_late_gives_way_to_labelled_space_filling"),
        ("models/test_advisor.py", "test_nonsense_is_refused_and_changes_nothing")]),
    "F49": Row(what="contradicting replicates, an outlier", shown_by=[
        ("models/test_advisor.py", "test_an_outlier_or_contradicting_repeats_do_not_stop_the_advisor"),
        ("models/test_deciding.py", "test_a_run_that_reads_off_is_beyond_the_limits_of_its_chart")]),
    "F50": Row(what="a proposed design that cannot be", shown_by=[
        ("test_security.py", "test_a_poisoned_design_is_feasible_for_nobody"),
        ("models/test_advisor.py", "test_a_finite_space_that_is_used_up_still_answers")]),
    "F51": Row(what="a row changed by hand", shown_by=[
        ("store/test_store_chain.py", "test_a_row_changed_by_hand_is_named"),
        ("flows/test_people.py", "test_the_vials_are_labelled_and_a_tampered_row_stops_the_campaign_until_signed")]),
    "F52": Row(what="a stock empty, evaporated or too old", shown_by=[
        ("store/test_store_attempts.py", "test_a_stock_that_does_not_hold_enough_is_named_and_nothing_is_reserved"),
        ("attempt/test_composition.py", "test_past_two_per_cent_the_stock_is_replaced_before_the_next_batch"),
        ("attempt/test_composition.py",
         "test_a_lot_that_comes_of_age_during_a_campaign_stops_it_before_anything_moves")]),
    "F53": Row(what="tips run out in an attempt", shown_by=[
        INTERLOCK, (HERE, "test_tips_for_a_whole_attempt_are_there_before_it_is_planned"),
        ("chemistry/test_runway.py", "test_a_stocks_draw_is_what_its_recipes_ask_for")]),
    "F55": Row(what="the waste bottle is full", shown_by=[INTERLOCK]),
    "F56": Row(what="two controllers, one store", shown_by=[
        ("store/test_store_open.py", "test_a_second_controller_is_told_who_holds_the_store_since_when"),
        ("store/test_store_postgres.py", "test_a_second_controller_anywhere_is_told_who_leads_since_when")]),
    "F57": Row(what="two controllers, two stores, one robot", shown_by=[
        INTERLOCK, (HERE, "test_a_run_of_another_controller_on_our_robot_is_not_started_over"),
        ("attempt/test_holding.py", "test_a_second_controller_is_told_who_holds_the_robot_since_when"),
        ("attempt/test_holding.py", "test_a_copy_of_a_store_does_not_get_the_robot_of_the_first")]),
    "F58": Row(what="a double click, two tabs", shown_by=[
        ("store/test_store_data.py", "test_people_need_not_own_the_store"),
        (HERE, "test_the_same_decision_twice_is_one_decision")]),
    "F59": Row(what="stores of other versions", shown_by=[
        ("store/test_store_disk.py", "test_a_campaign_of_every_released_schema_opens_and_is_as_written"),
        ("store/test_store_open.py", "test_a_newer_schema_is_refused_untouched"),
        ("store/test_store_open.py", "test_an_older_schema_is_raised_on_a_copy_and_the_old_file_is_kept")]),
    "F60": Row(what="text of every kind", shown_by=[
        ("store/test_store_chain.py", "test_the_data_of_an_event_come_back_exactly_and_the_chain_holds"),
        ("test_security.py", "test_no_name_changes_the_protocol_but_for_one_literal")]),
    "F61": Row(what="a file half written", shown_by=[
        ("store/test_store_disk.py", "test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_draft")]),
}
# fmt: on

NOT_SEEN = {"F54": "no robot here has a tip sensor to ask; an empty aliquot shows as a read without light or crystals"}


@pytest.mark.parametrize("number", [*range(22, 40), *range(48, 62)])
def test_every_fault_of_the_matrix_is_performed_by_tests_that_are_there(number: int) -> None:
    name = f"F{number}"
    if name in NOT_SEEN:
        assert name not in FAULTS
        return
    assert FAULTS[name].shown_by
    for file, test in FAULTS[name].shown_by:
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}: {test}"


def _after(tmp_path: Path, fault: Fault) -> tuple[Laboratory, Store, list[str]]:
    """Run a campaign of one well to its end under ``fault``; return what was said to people on the way."""
    laboratory = Laboratory(tmp_path / "lab", fault=fault)
    life = laboratory.live("start")
    assert life.wrong == ()
    return laboratory, Store.open(laboratory.folder, create=False), life.stops


@pytest.mark.parametrize("way", ["lost", "500", "acted", "garbage"])
def test_a_play_that_was_lost_or_answered_badly_starts_the_robot_once(tmp_path: Path, way: str) -> None:
    laboratory, store, _ = _after(tmp_path, Fault(name=f"play {way}", call="play", way=way))
    with store:
        assert [a.state for a in store.attempts()] == ["DONE"]
    assert list(laboratory.now.robot.starts.values()) == [1]


def test_a_stop_that_never_completes_sends_a_person_to_the_emergency_stop(tmp_path: Path) -> None:
    laboratory, store, stops = _after(tmp_path, STOPS_FOR_EVER)
    with store:
        assert store.attempts()[0].state == "FAILED_SAFE"
        assert ["the run is stop-requested" in e.data["why"] for e in store.events(kinds=["stalled"])] == [True]
    assert "use the emergency stop or the power" in stops[0]
    assert max(laboratory.now.robot.starts.values()) == 1


def test_a_run_that_the_robot_deleted_is_unknown_and_never_made_again(tmp_path: Path) -> None:
    laboratory, store, stops = _after(tmp_path, FORGETS)
    with store:
        assert store.attempts()[0].state == "FAILED_SAFE"
        (lost,) = store.events(kinds=["attempt lost sight of"])
    assert lost.data["why"] == "the robot does not know the run any more"
    assert "UNKNOWN" in stops[0]
    assert not laboratory.now.robot.heat


class Updated(Laboratory):
    """A robot whose new software makes one command less of the same protocol."""

    def wire(self, request: httpx.Request) -> httpx.Response:
        answer = super().wire(request)
        if "/analyses/" not in request.url.path:
            return answer
        told = answer.json()
        told["data"]["commands"] = told["data"]["commands"][:-1]
        return httpx.Response(200, json=told)


def test_other_software_on_the_robot_stops_what_it_would_run_otherwise(tmp_path: Path) -> None:
    laboratory = Updated(tmp_path / "lab")
    stops = laboratory.live("start").stops
    with Store.open(laboratory.folder, create=False) as store:
        assert {a.state for a in store.attempts()} == {"UPLOADED"}
    assert "the robot would run another command list" in stops[0]
    assert not laboratory.now.robot.starts


def test_software_that_changed_after_the_list_was_verified_stops_the_start_until_it_is_verified_anew(
    tmp_path: Path,
) -> None:
    def updated(session: Session, attempt: Attempt) -> None:
        if attempt.n == 1:
            laboratory.now.robot.software = "8.2.0"
        follow.start(session, attempt)

    laboratory = Laboratory(tmp_path / "lab", arrows={**ARROWS, "ARMED": updated})
    stops = laboratory.live("start").stops
    assert "software is 8.2.0, when the list was verified it was 8.1.0: sdl resolve" in stops[0]
    assert not laboratory.now.robot.starts
    with Store.open(laboratory.folder, create=False) as store:
        store.claim()
        resolve(store, laboratory.campaign.target, store.attempts()[0].id, "not-run", who="Mei", note="updated it")
        assert [e.state for e in store.experiments()] == ["suggested"], "nothing was poured: it is planned again"


def test_tips_for_a_whole_attempt_are_there_before_it_is_planned(tmp_path: Path) -> None:
    laboratory = Laboratory(tmp_path / "lab")
    with laboratory._session() as session:
        store = session.store
        store.claim()
        consumables.load_stocks(session)
        store.update_deck(tips_gone={"left": 95, "right": 0})
        batch = suggest(session)
        with pytest.raises(NeedsPerson, match="request 1: tips"):
            prepare.plan(replace(session, operator=Person()), batch)
        assert store.attempts() == [], "nothing is planned, reserved or drawn before the racks are full"
        attempt = prepare.plan(session, batch)
        assert attempt.plan["tips_gone"]["left"] == 0 < attempt.plan["deck_after"]["tips_gone"]["left"] <= 96


def test_a_run_of_another_controller_on_our_robot_is_not_started_over(tmp_path: Path) -> None:
    laboratory, store, stops = _after(tmp_path, Fault(name="foreign", call="create", way="conflict"))
    with store:
        assert [a.state for a in store.attempts()] == ["DONE"]
    assert "is taken by run foreign (running) of protocol ?, not ours: end it there" in stops[0]
    assert list(laboratory.now.robot.starts.values()) == [1]


def test_the_same_decision_twice_is_one_decision(tmp_path: Path) -> None:
    with Store.open(tmp_path, create=True) as store:
        store.claim()
        store.save_campaign("", "ab" * 32, {"name": "blue"})
        store.add_batch(1, [NewExperiment(kind="explore", suggestion={"design": {}})])
        shown = store.batch_hash(1)
        for _ in range(2):
            store.approve(1, "Mei", shown)
        assert len(store.events(kinds=["batch decided"])) == 1
        store.approve(1, "Mei", shown, "rejected", note="too hot")
        store.approve(1, "Mei", shown)
        assert len(store.events(kinds=["batch decided"])) == 3, "a change of mind is a decision"
