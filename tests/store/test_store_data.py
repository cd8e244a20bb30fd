from __future__ import annotations

import math

import numpy as np
import pytest

from sdl.errors import Refused
from sdl.spectra.types import Features, Spectrum, Value
from sdl.store import Attempt, NewExperiment, StaleState, Store

WAVELENGTH_NM = np.linspace(340.0, 800.0, 2048)
SEEN = Features(values={"x1_nm": Value(value=451.25, sd=0.3)}, flags=("bubble",))


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The contract holds on both."""
    return str(request.param)


def look(kind: str, seed: int, full_well: float = math.inf) -> Spectrum:
    counts = np.random.default_rng(seed).normal(1e4, 100.0, WAVELENGTH_NM.size)
    counts[17] = math.nan
    return Spectrum(
        kind="pl" if kind == "pl" else "absorption",
        role="sample",
        wavelength_nm=WAVELENGTH_NM,
        counts=counts,
        time_s=61.5,
        instrument="QE-1",
        full_well=full_well,
    )


def save(store: Store, attempt: Attempt, command: str, outcome: bool = True) -> int:
    return store.save_read(
        attempt.id,
        command,
        label="sample",
        time_s=960.0,
        spectra=[look("pl", 1), look("absorption", 2, full_well=2e5)],
        features=SEEN,
        experiment="blue-465-0001",
        well="vials/A1",
        since_injection_s=900.0,
        since_quench_s=300.0,
        flags=("timing",),
        outcome=outcome,
    )


def test_spectra_come_back_bit_for_bit_and_share_their_grid(store: Store, attempt: Attempt) -> None:
    read = save(store, attempt, "c1")
    for saved, given in zip(store.spectra(read), (look("pl", 1), look("absorption", 2, full_well=2e5)), strict=True):
        assert saved.counts.tobytes() == given.counts.tobytes()
        assert saved.wavelength_nm.tobytes() == given.wavelength_nm.tobytes()
        for name in ("kind", "role", "time_s", "instrument", "averages", "integration_ms", "full_well"):
            assert getattr(saved, name) == getattr(given, name)
    assert sum(name.startswith("grids/") for event in store.events() for name in event.rows) == 1


def test_a_read_its_spectra_its_event_and_its_well_are_one_step(store: Store, attempt: Attempt) -> None:
    store.move_well(attempt.id, "vials/A1", "planned", "dispensed", injected_s=60.0)
    store.move_well(attempt.id, "vials/A1", "dispensed", "quenched", quenched_s=660.0)
    read = save(store, attempt, "c1")
    event = store.events()[-1]
    assert event.data["read"] == read
    assert set(event.rows) >= {
        f"reads/{read}",
        f"spectra/{read}/0",
        f"spectra/{read}/1",
        f"wells/{attempt.id}/vials/A1",
    }
    assert store.wells(attempt.id)[0].state == "measured"
    (row,) = store.reads("blue-465-0001")
    assert (row.features, row.flags, row.since_quench_s, row.outcome) == (SEEN, ("timing",), 300.0, True)


def test_a_read_during_growth_leaves_its_well_growing(store: Store, attempt: Attempt) -> None:
    store.move_well(attempt.id, "vials/A1", "planned", "dispensed", injected_s=60.0)
    save(store, attempt, "c1", outcome=False)
    assert store.wells(attempt.id)[0].state == "dispensed"


def test_the_same_read_twice_is_one_read(store: Store, attempt: Attempt) -> None:
    first, count = save(store, attempt, "c1"), len(store.events())
    assert save(store, attempt, "c1") == first
    assert len(store.events()) == count
    assert save(store, attempt, "c2") != first


def test_a_read_that_cannot_be_stored_leaves_nothing_behind(store: Store, attempt: Attempt) -> None:
    with pytest.raises(Refused):
        store.save_read(attempt.id, "c1", label="dye", time_s=math.nan, spectra=[look("pl", 1)])
    with pytest.raises(Refused):
        store.save_read("forged", "c1", label="dye", time_s=1.0, spectra=[look("pl", 1)])
    assert store.reads() == []
    assert store.spectra(1) == ()
    assert store.verify_chain() == []


def test_the_latest_reference_is_the_newest_of_its_label(store: Store, attempt: Attempt) -> None:
    assert store.latest_reference("dye", attempt.id) is None
    for n, label in enumerate(("blank", "dye", "blank")):
        store.save_read(attempt.id, f"r{n}", label=label, time_s=float(n), spectra=[])
    found = store.latest_reference("blank", attempt.id)
    assert found is not None
    assert found.time_s == 2.0
    assert store.latest_reference("blank", "another attempt") is None


def test_features_found_later_replace_those_of_the_read(store: Store, attempt: Attempt) -> None:
    read = save(store, attempt, "c1")
    later = Features(values={"plqy": Value(value=0.61, sd=0.02)})
    store.save_features(read, later)
    assert store.read(read).features == later


def test_a_batch_is_added_once(store: Store) -> None:
    again = store.add_batch(1, [NewExperiment(kind="exploit", suggestion={"design": {}})])
    assert [e.id for e in again] == ["blue-465-0001", "blue-465-0002", "blue-465-0003"]
    assert {e.kind for e in again} == {"explore"}
    assert store.next_batch() == 2
    assert store.add_batch(2, [NewExperiment(kind="exploit", suggestion={"design": {}})])[0].id == "blue-465-0004"


def test_an_outcome_is_recorded_and_completed_later(store: Store, attempt: Attempt) -> None:
    executed = {"design": {"pb_to_cs": 2.01}}
    store.finish_experiment("blue-465-0001", executed, SEEN, None, outcome_read=1)
    store.finish_experiment("blue-465-0001", executed, SEEN, True, outcome_read=1, flags=("manual",))
    done = store.experiment("blue-465-0001")
    assert (done.state, done.is_hit, done.features, done.flags) == ("measured", True, SEEN, ("manual",))
    assert done.design == {"pb_to_cs": 2.01}
    assert store.experiment("blue-465-0002").design == {"pb_to_cs": 3.0}
    assert len(store.events(kinds=["experiment finished"])) == 2
    assert store.experiments("measured") == [done]


def test_a_rejected_suggestion_gets_no_outcome(store: Store) -> None:
    store.reject("blue-465-0003", who="Mei", note="too dilute")
    with pytest.raises(StaleState, match="rejected"):
        store.finish_experiment("blue-465-0003", {}, SEEN, True)
    with pytest.raises(Refused, match="no experiment"):
        store.finish_experiment("blue-465-0009", {}, SEEN, True)


def test_every_version_of_the_campaign_file_is_kept(store: Store) -> None:
    assert store.save_campaign("campaign: blue-465", "ab" * 32, {"name": "blue-465"}) == 1
    assert store.save_campaign("campaign: blue-465 # more", "cd" * 32, {"name": "blue-465", "budget": 9}) == 2
    newest = store.campaign()
    assert newest is not None
    assert (newest.version, newest.parsed["budget"]) == (2, 9)
    assert [v.text for v in store.campaign_versions()] == ["campaign: blue-465", "campaign: blue-465 # more"]


def test_diagnostics_are_kept_for_each_batch(store: Store) -> None:
    store.save_diagnostics(1, {"lengthscales": [0.1]})
    store.save_diagnostics(1, {"lengthscales": [0.2]})
    store.save_diagnostics(2, {"slices": {}})
    assert store.diagnostics() == {1: {"lengthscales": [0.2]}, 2: {"slices": {}}}


def test_an_approval_is_of_one_batch_as_it_was(store: Store) -> None:
    shown = store.batch_hash(1)
    store.approve(1, "Mei", shown)
    approval = store.approval(1)
    assert approval is not None
    assert (approval.who, approval.decision) == ("Mei", "approved")
    store.edit_suggestion("blue-465-0002", who="Mei", suggestion={"design": {"pb_to_cs": 5.0}})
    assert store.approval(1) is None
    with pytest.raises(Refused, match="has changed"):
        store.approve(1, "Mei", shown)


@pytest.mark.parametrize(("who", "decision", "batch"), [("", "approved", 1), ("Mei", "", 1), ("Mei", "approved", 7)])
def test_an_empty_or_misplaced_approval_approves_nothing(store: Store, who: str, decision: str, batch: int) -> None:
    with pytest.raises(Refused):
        store.approve(batch, who, store.batch_hash(batch), decision)
    assert store.approval(batch) is None


def test_people_need_not_own_the_store(store: Store) -> None:
    request = store.request("refill diluent", volume_ml=100)
    assert store.request("refill diluent", volume_ml=100) == request
    with Store.open(store.path.parent, create=False) as people:
        assert [r.what for r in people.open_requests()] == ["refill diluent"]
        with pytest.raises(Refused):
            people.answer(request, "", "Mei")
        people.answer(request, "done", "Mei")
        people.answer(request, "done", "Mei")
        with pytest.raises(StaleState):
            people.answer(request, "not done", "Tom")
        pause = people.ask("pause", "Mei")
        assert people.ask("pause", "Mei") == pause
        with pytest.raises(Refused):
            people.ask("self-destruct", "Mei")
    assert store.open_requests() == []
    assert [(a.id, a.verb) for a in store.pending_asks()] == [(pause, "pause")]
    store.acknowledge(pause, "paused after vials/A2")
    assert store.pending_asks() == []


def test_the_summary_counts_what_is_there(store: Store, attempt: Attempt) -> None:
    store.finish_experiment("blue-465-0001", {}, SEEN, True)
    store.ask("stop", "Mei")
    summary = store.summary()
    assert (summary.campaign, summary.experiments, summary.measured, summary.hits) == ("blue-465", 3, 1, 1)
    assert (summary.batches, summary.attempts, summary.wells) == (1, {"PLANNED": 1}, {"planned": 2})
    assert summary.running
    assert summary.events == len(store.events())
    assert [ask.verb for ask in summary.pending_asks] == ["stop"]
