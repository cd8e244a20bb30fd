"""What people say to one small campaign, as typed: repeat, remeasure, refill, edit, reject, approve, label, verify."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from sdl.store import Store
from sdl.store.told import series
from tests.flows.campaigns import answer, budget, campaign_file, sdl
from tests.spectra.vendor_files import oceanview

pytestmark = pytest.mark.lab

RUN = ("--runner", "plain")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign of which the first batch of two waits for approval."""
    file = campaign_file(
        tmp_path_factory.mktemp("people"), {**budget(2, 2, hits=9), "approval: never ": "approval: every batch "}
    )
    assert sdl("run", file, *RUN).returncode == 4
    return file


def test_a_suggestion_is_edited_rejected_and_approved_only_as_it_was_shown(begun: Path) -> None:
    seen = answer(sdl("status", begun, "--json"))
    first, second = (p["id"] for p in seen["proposed"])
    assert sdl("edit", begun, first, "growth_time_s=240", "--by", "Mei").returncode == 0
    stale = sdl("approve", begun, "--by", "Mei", "--shown", seen["batch_hash"])
    assert stale.returncode == 2 and "look at it again" in stale.stderr
    for wrong in (("growth_time_s=1e9",), ("growth_time_s=nan",), ("growth_time_s",), ("magic=1",), ()):
        refused = sdl("edit", begun, first, *wrong, "--by", "Mei")
        assert refused.returncode == 2, refused.stderr
    assert sdl("approve", begun, "--by", " ").returncode == 2
    assert sdl("reject", begun, second, "--by", "Mei", "--note", "too close to the first").returncode == 0
    now = answer(sdl("status", begun, "--json"))
    assert [p["design"]["growth_time_s"] for p in now["proposed"]] == [240.0]
    done = sdl("approve", begun, "--by", "Mei", "--shown", now["batch_hash"], "--json")
    assert now["batch_hash"] in answer(done)["done"]


def test_a_repeat_is_the_next_batch_and_a_larger_budget_goes_on(begun: Path) -> None:
    with Store.open(begun.parent / ".sdl" / "blue-465", create=False) as store:
        (first,) = (e.id for e in store.experiments() if e.state != "rejected")
    assert sdl("repeat", begun, first, "-n", "1", "--by", "Mei").returncode == 0
    assert sdl("refill", begun, "stocks/A1", "--volume", "19 mL", "--by", "Mei").returncode == 0
    for wrong in ("19", "-3 mL", "", "300 mL", "19 nm"):
        assert sdl("refill", begun, "stocks/A1", "--volume", wrong, "--by", "Mei").returncode == 2
    assert sdl("resume", begun, *RUN).returncode == 4, "the approved one ran; the next batch waits"
    seen = answer(sdl("status", begun, "--json"))
    assert seen["experiments"] == 1 and seen["best"]["experiment"] == first
    assert [first in p["why"] for p in seen["proposed"]] == [True], "the repeat is the next batch"
    assert sdl("approve", begun, "--by", "Mei").returncode == 0
    done = sdl("resume", begun, *RUN, "--json")
    assert done.returncode == 7, done.stderr
    assert answer(done)["state"].startswith("finished")
    text = begun.read_text(encoding="utf-8")
    begun.write_text(text.replace("experiments: 2", "experiments: 3"), encoding="utf-8")
    assert sdl("resume", begun, *RUN).returncode == 4
    assert not answer(sdl("status", begun, "--json"))["state"].startswith("finished")
    with Store.open(begun.parent / ".sdl" / "blue-465", create=False) as store:
        assert [v.parsed["budget"]["experiments"] for v in store.campaign_versions()] == [2, 3]
        assert store.stock_left()["stocks/A1"] <= 19_000


def test_a_vial_measured_again_is_a_later_measurement_and_the_first_outcome_stays(begun: Path) -> None:
    w = np.linspace(350.0, 700.0, 1200)
    peak = 5000.0 * np.exp(-(((w - 467.0) / 11.0) ** 2)) + 20.0
    spectrum = begun.parent / "again.txt"
    spectrum.write_bytes(oceanview(w, peak, np.zeros_like(w), np.ones_like(w)))
    (first, *_) = answer(sdl("label", begun, "--json"))["vials"]
    again = ("remeasure", begun, first["experiment"], spectrum, "--at", "2099-01-02T10:00")
    assert sdl(*again, "--by", " ").returncode == 2
    done = sdl(*again, "--by", "Mei", "--json")
    assert done.returncode == 0, done.stderr
    assert [c["change"] for c in answer(done)["told"]] == ["later measurement"]
    waiting = answer(sdl("status", begun, "--json"))["proposed"][0]["id"]
    unmade = sdl("remeasure", begun, waiting, spectrum, "--by", "Mei")
    assert unmade.returncode == 2 and "nothing was made yet" in unmade.stderr
    with Store.open(begun.parent / ".sdl" / "blue-465", create=False) as store:
        known = store.experiment(first["experiment"])
        assert known.features.values["pl_peak_nm"].value == first["features"]["pl_peak_nm"]
        before, (moment, value, _) = series(store, known)["pl_peak_nm"]
    assert before[1] == first["features"]["pl_peak_nm"]
    assert value == pytest.approx(467.0, abs=0.3) and moment.startswith("2099-01-02T10:00")


def test_the_vials_are_labelled_and_a_tampered_row_stops_the_campaign_until_signed(begun: Path) -> None:
    vials = answer(sdl("label", begun, "--json"))["vials"]
    assert len(vials) == 2 and all(v["vial"].startswith("vials/") and v["load"] == 1 for v in vials)
    assert sdl("verify", begun).returncode == 0
    with closing(sqlite3.connect(begun.parent / ".sdl" / "blue-465" / "store.sqlite")) as connection, connection:
        connection.execute("UPDATE experiments SET is_hit = 1 - coalesce(is_hit, 0) WHERE seq = 1")
    found = sdl("verify", begun, "--json")
    assert found.returncode == 6
    assert answer(found)["problems"] == ["experiments/blue-465-0001: changed by hand"]
    stopped = sdl("resume", begun, *RUN)
    assert stopped.returncode == 4 and "blue-465-0001: changed by hand" in stopped.stderr
    assert sdl("verify", begun, "--by", "Mei").returncode == 2, "a signature says what is known"
    assert sdl("verify", begun, "--by", "Mei", "--note", "my own test").returncode == 0
    assert "approval" in sdl("resume", begun, *RUN).stderr
