from __future__ import annotations

from itertools import pairwise

import pytest

from sdl.errors import NeedsPerson, Refused
from sdl.store import Attempt, StaleState, Store
from sdl.store.attempts import ARROWS, WELL_ARROWS

ROAD = ["PLANNED", "RESERVED", "UPLOADED", "VERIFIED", "ARMED", "STARTING", "VERIFY", "DISPENSED", "MEASURED", "DONE"]
APPROVED = "cd" * 32
STATES = [*ROAD, "UNKNOWN", "FAILED_SAFE", "CANCELLED"]


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The contract holds on both."""
    return str(request.param)


def walk(store: Store, attempt: Attempt, to: str, since: str = "PLANNED") -> None:
    for frm, then in pairwise(ROAD[ROAD.index(since) : ROAD.index(to) + 1]):
        approval = {"list_hash": APPROVED} if then == "VERIFIED" else {}
        store.move_attempt(attempt.id, frm, then, **approval)


def test_an_attempt_walks_the_whole_road_and_every_step_is_an_event(store: Store, attempt: Attempt) -> None:
    walk(store, attempt, "DONE")
    assert store.attempt(attempt.id).state == "DONE"
    moves = [(e.data["frm"], e.data["to"]) for e in store.events(kinds=["attempt moved"])]
    assert moves == list(pairwise(ROAD))


def test_every_move_without_an_arrow_is_refused(store: Store, attempt: Attempt) -> None:
    for frm, to in {(a, b) for a in STATES for b in STATES} - ARROWS:
        with pytest.raises(Refused, match="no arrow"):
            store.move_attempt(attempt.id, frm, to, who="Mei", note="sure")


def test_the_arrows_never_lead_back_over_the_start_except_when_it_is_proven_not_started() -> None:
    back = {(a, b) for a, b in ARROWS if a in ROAD and b in ROAD and ROAD.index(b) <= ROAD.index(a)}
    assert back == {("STARTING", "ARMED")}
    assert {a for a, b in ARROWS if b == "UNKNOWN"} == {"STARTING", "VERIFY", "DISPENSED"}
    assert {b for a, b in ARROWS if a == "UNKNOWN"} == {"DONE", "CANCELLED", "FAILED_SAFE"}
    assert not {a for a, _ in ARROWS} & {"DONE", "CANCELLED", "FAILED_SAFE"}


def test_only_one_of_two_equal_moves_succeeds(store: Store, attempt: Attempt) -> None:
    store.move_attempt(attempt.id, "PLANNED", "RESERVED")
    count = len(store.events())
    with pytest.raises(StaleState, match="is 'RESERVED' by now, not 'PLANNED'"):
        store.move_attempt(attempt.id, "PLANNED", "RESERVED")
    assert len(store.events()) == count


def test_a_move_sets_columns_of_the_attempt_and_no_others(store: Store, attempt: Attempt) -> None:
    walk(store, attempt, "VERIFIED")
    store.move_attempt(attempt.id, "VERIFIED", "ARMED", run_id="run-1")
    store.set_attempt(attempt.id, t0_s=12.5)
    now = store.attempt(attempt.id)
    assert (now.run_id, now.list_hash, now.t0_s, now.state) == ("run-1", "cd" * 32, 12.5, "ARMED")
    with pytest.raises(Refused, match="no column state"):
        store.set_attempt(attempt.id, state="DONE")


@pytest.mark.parametrize("given", [{}, {"list_hash": ""}, {"list_hash": "CD" * 32}, {"list_hash": "cd" * 31}])
def test_without_an_approval_nothing_is_verified_and_so_nothing_armed(
    store: Store, attempt: Attempt, given: dict[str, str]
) -> None:
    walk(store, attempt, "UPLOADED")
    with pytest.raises(Refused, match="without the SHA-256 of the approved list"):
        store.move_attempt(attempt.id, "UPLOADED", "VERIFIED", **given)
    with pytest.raises(Refused, match="no arrow UPLOADED -> ARMED"):
        store.move_attempt(attempt.id, "UPLOADED", "ARMED", run_id="run-1", list_hash=APPROVED)
    assert store.attempt(attempt.id).state == "UPLOADED"


def test_nothing_is_armed_with_another_list_than_the_approved(store: Store, attempt: Attempt) -> None:
    walk(store, attempt, "VERIFIED")
    with pytest.raises(Refused, match="the list abababababab is not the approved one, cdcdcdcdcdcd"):
        store.move_attempt(attempt.id, "VERIFIED", "ARMED", run_id="run-1", list_hash="ab" * 32)
    with pytest.raises(Refused, match="set by the move to VERIFIED, and by nothing else"):
        store.set_attempt(attempt.id, list_hash="ab" * 32)
    store.move_attempt(attempt.id, "VERIFIED", "ARMED", run_id="run-1", list_hash=APPROVED)
    assert store.attempt(attempt.id).list_hash == APPROVED


def test_unknown_is_left_only_by_a_person_with_a_name_and_a_note(store: Store, attempt: Attempt) -> None:
    walk(store, attempt, "STARTING")
    store.move_attempt(attempt.id, "STARTING", "UNKNOWN")
    for who, note in (("", "saw it"), ("  ", "saw it"), ("Mei", " ")):
        with pytest.raises(Refused):
            store.move_attempt(attempt.id, "UNKNOWN", "DONE", who=who, note=note)
    store.move_attempt(attempt.id, "UNKNOWN", "DONE", who="Mei", note="wells are full")
    assert store.events()[-1].data["who"] == "Mei"


def test_a_cancelled_attempt_gives_stock_and_experiments_back(store: Store, attempt: Attempt) -> None:
    store.load_stock("TOPO", 1000.0, "first load")
    store.reserve(attempt.id, {"TOPO": 300.0}, {"tips50_1": 7})
    assert store.stock_left() == {"TOPO": 700.0}
    assert store.deck() == {"tips50_1": 7}
    store.move_attempt(attempt.id, "RESERVED", "CANCELLED")
    assert store.stock_left() == {"TOPO": 1000.0}
    assert {e.state for e in store.experiments()} == {"suggested"}
    assert store.plan_attempt(1, {"vials/B1": "blue-465-0001"}, {}).id != attempt.id


def test_an_unknown_attempt_keeps_its_stock_and_experiments_until_a_person_decides(
    store: Store, attempt: Attempt
) -> None:
    store.load_stock("TOPO", 1000.0, "first load")
    store.reserve(attempt.id, {"TOPO": 300.0})
    walk(store, attempt, "STARTING", since="RESERVED")
    store.move_attempt(attempt.id, "STARTING", "UNKNOWN")
    assert store.stock_left() == {"TOPO": 700.0}
    with pytest.raises(StaleState):
        store.plan_attempt(1, {"vials/B1": "blue-465-0001"}, {})
    store.move_attempt(attempt.id, "UNKNOWN", "FAILED_SAFE", who="Mei", note="discarded")
    assert store.stock_left() == {"TOPO": 700.0}
    assert [e.state for e in store.experiments()] == ["lost", "lost", "suggested"]


def test_a_stock_that_does_not_hold_enough_is_named_and_nothing_is_reserved(store: Store, attempt: Attempt) -> None:
    store.load_stock("TOPO", 100.0, "first load")
    with pytest.raises(NeedsPerson, match="TOPO: 300 uL needed, 100 uL left"):
        store.reserve(attempt.id, {"TOPO": 300.0})
    assert store.attempt(attempt.id).state == "PLANNED"
    assert store.stock_left() == {"TOPO": 100.0}


def test_an_experiment_is_planned_once(store: Store, attempt: Attempt) -> None:
    with pytest.raises(StaleState, match="blue-465-0001 is 'planned'"):
        store.plan_attempt(1, {"vials/B1": "blue-465-0003", "vials/B2": "blue-465-0001"}, {})
    assert store.experiment("blue-465-0003").state == "suggested"
    assert len(store.attempts()) == 1


def test_an_unknown_attempt_id_moves_nothing(store: Store) -> None:
    with pytest.raises(Refused, match="no attempt 'forged'"):
        store.attempt("forged")
    with pytest.raises(StaleState, match="is not in the store"):
        store.move_attempt("forged", "PLANNED", "RESERVED")


def test_a_well_keeps_its_true_times_and_collects_flags(store: Store, attempt: Attempt) -> None:
    store.move_well(attempt.id, "vials/A1", "planned", "dispensed", injected_s=60.0, flags=("timing",))
    store.move_well(attempt.id, "vials/A1", "dispensed", "quenched", quenched_s=660.5, flags=("timing", "late"))
    first, second = store.wells(attempt.id)
    assert (first.injected_s, first.quenched_s, first.flags) == (60.0, 660.5, ("timing", "late"))
    assert second.state == "planned"
    with pytest.raises(StaleState):
        store.move_well(attempt.id, "vials/A1", "dispensed", "quenched")
    with pytest.raises(Refused, match="no arrow"):
        store.move_well(attempt.id, "vials/A1", "quenched", "dispensed")


def test_no_well_is_dispensed_twice() -> None:
    assert [arrow for arrow in WELL_ARROWS if arrow[1] in ("planned", "dispensed")] == [("planned", "dispensed")]


def test_a_handshake_is_written_once_before_it_is_sent(store: Store, attempt: Attempt) -> None:
    assert store.write_handshake(attempt.id, "c1", "AT 60 inject vials/A1", 60.2) is True
    assert store.write_handshake(attempt.id, "c1", "AT 60 inject vials/A1", 60.2) is False
    assert [h.sent for h in store.handshakes(attempt.id)] == [False]
    store.mark_handshake_sent(attempt.id, "c1")
    (handshake,) = store.handshakes(attempt.id)
    assert (handshake.sent, handshake.released_s) == (True, 60.2)
    with pytest.raises(StaleState):
        store.mark_handshake_sent(attempt.id, "c2")
