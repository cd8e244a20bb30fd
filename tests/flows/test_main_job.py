"""The main job: from a campaign file to results, through the command line, on the built-in virtual lab."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sdl.store import Store
from tests.flows.campaigns import answer, budget, campaign_file, planned_strokes, sdl, servers, strokes

pytestmark = pytest.mark.lab

REAL = {"robot: simulated ": "robot: http://127.0.0.1:9 ", "kind: simulated ": "kind: http://127.0.0.1:9 "}
"""The edits that turn the example's lab file into one of a robot and a reader service that are not there."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole small campaign with the embedded Prefect server; returns its campaign file."""
    file = campaign_file(tmp_path_factory.mktemp("blue"), budget(4, 2))
    done = sdl("run", file, "--json")
    assert done.returncode in (0, 7), done.stderr
    assert answer(done)["experiments"] == 4
    return file


def test_every_well_was_dispensed_as_verified_and_once(finished: Path) -> None:
    state = finished.parent / ".sdl" / "blue-465"
    assert strokes(state) == planned_strokes(state)


def test_lots_and_corrected_concentrations_are_recorded_with_each_experiment(finished: Path) -> None:
    with Store.open(finished.parent / ".sdl" / "blue-465", create=False) as store:
        first, *_, last = (e.executed["stocks"] for e in store.experiments())
    assert (first["Cs-DOPA"]["at"], first["Cs-DOPA"]["lot"]) == ("stocks/A1", "2026-11-02")
    assert 20.0 <= first["Cs-DOPA"]["contains"]["Cs"] < last["Cs-DOPA"]["contains"]["Cs"] < 20.4
    runway = answer(sdl("status", finished, "--json"))["runway"]
    assert runway["vials"]["left"] == 20 and runway["Cs-DOPA"]["left"] < 19_900.0


def test_status_says_what_run_said_and_a_second_run_changes_nothing(finished: Path) -> None:
    state = finished.parent / ".sdl" / "blue-465"
    before = strokes(state)
    status = answer(sdl("status", finished, "--json"))
    assert status["experiments"] == 4
    assert status["state"].startswith("finished")
    assert status["best"]["features"]["pl_peak_nm"]["sd"] > 0
    again = sdl("resume", finished, "--json", "--runner", "plain")
    assert again.returncode in (0, 7)
    assert answer(again)["experiments"] == 4
    assert strokes(state) == before


def test_outcomes_are_reads_300_s_after_the_quench_with_their_spectra(finished: Path) -> None:
    with Store.open(finished.parent / ".sdl" / "blue-465", create=False) as store:
        assert store.verify_chain() == []
        forecast = {e.experiment: e.data["quench_s"] for e in store.events(kinds=["growth forecast"])}
        for experiment in store.experiments():
            assert experiment.state == "measured"
            assert experiment.outcome_read is not None
            read = store.read(experiment.outcome_read)
            assert read.since_quench_s == pytest.approx(300.0, abs=30.0)
            assert {s.kind for s in store.spectra(read.id)} == {"absorption", "pl"}
            wanted_s = forecast.get(experiment.id, experiment.recipe["growth_time_s"])
            assert experiment.executed["growth_time_s"] == pytest.approx(wanted_s, abs=10.0)
            assert experiment.features.values["pl_peak_nm"].sd > 0
        labels = {read.label for read in store.reads()}
        assert labels == {"dark", "rinse", "blank", "dye", "sample"}
        assert [a.state for a in store.attempts()] == ["DONE", "DONE"]
        assert all(len(a.list_hash) == 64 for a in store.attempts())


def test_the_report_is_one_page_that_names_every_experiment(finished: Path) -> None:
    page = finished.parent / "page.html"
    assert sdl("report", finished, "--out", page).returncode == 0
    text = page.read_text(encoding="utf-8")
    assert all(f"blue-465-{n:04d}" in text for n in range(1, 5))


def test_prefect_remembers_its_flow_below_the_state_folder_and_leaves_no_server(finished: Path) -> None:
    home = finished.parent / ".sdl" / "blue-465" / "prefect"
    assert (home / "prefect.db").is_file()
    assert servers(home) == []


def test_plan_goes_on_from_the_store_without_touching_the_lab(finished: Path) -> None:
    before = strokes(finished.parent / ".sdl" / "blue-465")
    document = answer(sdl("plan", finished, "-n", "2", "--json"))
    assert len(document["suggestions"]) == 2
    for suggestion in document["suggestions"]:
        assert suggestion["recipe"]["total_ul"] == pytest.approx(3120.0, abs=5.0)
        assert set(suggestion["expected"]) >= {"pl_peak_nm", "fwhm_nm", "plqy"}
        assert suggestion["why"]
    assert strokes(finished.parent / ".sdl" / "blue-465") == before


def test_an_edit_that_makes_it_another_campaign_is_refused(finished: Path) -> None:
    text = finished.read_text(encoding="utf-8")
    finished.write_text(text.replace("2 .. 8 ", "2 .. 9 "), encoding="utf-8")
    done = sdl("run", finished)
    finished.write_text(text, encoding="utf-8")
    assert done.returncode == 2
    assert "vary.pb_to_cs" in done.stderr


def test_a_lab_with_an_absorption_reader_only_runs(tmp_path: Path) -> None:
    from tests.benches import ROOT

    for name in ("campaign.yaml", "lab.yaml"):
        text = (ROOT / "examples" / "absorption-only" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text, encoding="utf-8")
    file = tmp_path / "campaign.yaml"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines = [
        "budget: {experiments: 2, batch: 2, stop: 2 confirmed hits}" if x.startswith("budget:") else x for x in lines
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    done = sdl("run", file, "--json", "--runner", "plain")
    assert done.returncode in (0, 7), done.stderr
    best = answer(done)["best"]["features"]
    assert {"x1_nm", "pl_peak_nm"} <= set(best)
    assert "plqy" not in best
    assert best["pl_peak_nm"]["sd"] > 1.5, "X1 minus the Stokes shift is good to 2-3 nm"


def test_an_ot2_runs_the_same_campaign(tmp_path: Path) -> None:
    from tests.benches import ROOT

    file = campaign_file(tmp_path, budget(2, 2))
    lab = (ROOT / "sdl" / "config" / "labs" / "ot2.yaml").read_text(encoding="utf-8")
    (tmp_path / "lab.yaml").write_text(lab, encoding="utf-8")
    done = sdl("run", file, "--json", "--runner", "plain")
    assert done.returncode in (0, 7), done.stderr
    assert answer(done)["experiments"] == 2


def test_a_robot_that_does_not_answer_ends_with_5_and_its_address(tmp_path: Path) -> None:
    until = f"armed_until: {_tomorrow()} "
    unseen = sdl("run", campaign_file(tmp_path, lab=REAL | {"armed_until: always ": until}), "--runner", "plain")
    assert unseen.returncode == 4, "nobody has said that he saw this deck and these limits"
    seen = re.search(r"armed_for: deck-[0-9a-f]{8}", unseen.stderr)
    assert seen, unseen.stderr
    lab = REAL | {"armed_until: always ": f"{seen[0]}\n{until}"}
    done = sdl("run", campaign_file(tmp_path, lab=lab), "--runner", "plain")
    assert done.returncode == 5, done.stderr
    assert "http://127.0.0.1:9" in done.stderr
    assert not (tmp_path / ".sdl").exists()


def test_a_bench_nobody_answers_for_waits_for_a_person(tmp_path: Path) -> None:
    lab = REAL | {"armed_until: always ": "armed_until: 2020-01-01T00:00Z "}
    done = sdl("run", campaign_file(tmp_path, lab=lab), "--runner", "plain")
    assert done.returncode == 4, done.stderr
    assert "armed" in done.stderr


def test_approval_is_asked_for_by_name_and_then_goes_on(tmp_path: Path) -> None:
    file = campaign_file(tmp_path, {**budget(2, 2), "approval: never ": "approval: first batch "})
    waiting = sdl("run", file, "--runner", "plain")
    assert waiting.returncode == 4, waiting.stderr
    assert "sdl approve" in waiting.stderr
    seen = answer(sdl("status", file, "--json"))
    first = [p["design"] for p in seen["proposed"]]
    assert len(first) == 2 and "approval" in seen["waiting"][0] and seen["proposed"][0]["recipe"]["transfers"]
    assert sdl("approve", file, "--by", "A. Chemist", "--reject", "--note", "too hot").returncode == 0
    assert sdl("resume", file, "--runner", "plain").returncode == 4
    second = [p["design"] for p in answer(sdl("status", file, "--json"))["proposed"]]
    assert second and not [d for d in second if d in first], "a rejected batch gives way to another"
    assert sdl("approve", file, "--by", "A. Chemist").returncode == 0
    done = sdl("resume", file, "--runner", "plain", "--json")
    assert done.returncode in (0, 7), done.stderr
    assert answer(done)["experiments"] == 2


def test_no_design_left_ends_with_3_and_names_what_binds(tmp_path: Path) -> None:
    file = campaign_file(tmp_path, {"Cs: 20 mmol/L": "Cs: 0.05 mmol/L"})
    for verb in ("check", "run"):
        done = sdl(verb, file)
        assert done.returncode == 3, done.stderr
        assert "hexane stays below 25% of a well (refuses 100%)" in done.stderr
    assert not (tmp_path / ".sdl").exists()


def test_check_says_the_plan_and_creates_nothing(tmp_path: Path) -> None:
    file = campaign_file(tmp_path)
    done = sdl("check", file, cwd=tmp_path)
    assert done.returncode == 0
    for said in ("465 nm within 1 nm", "one value per thermal block", "stocks/A1: Cs-DOPA", "Runway:", "robot time"):
        assert said in done.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["campaign.yaml", "lab.yaml"]
    facts = answer(sdl("check", file, "--json"))
    assert facts["ok"] is True and facts["feasible_share"] > 0.5


def test_init_makes_a_folder_that_checks(tmp_path: Path) -> None:
    assert sdl("init", tmp_path / "mine").returncode == 0
    assert sdl("check", tmp_path / "mine" / "campaign.yaml").returncode == 0
    schema = json.loads((tmp_path / "mine" / "campaign.schema.json").read_text(encoding="utf-8"))
    assert "target" in schema["properties"]
    again = sdl("init", tmp_path / "mine")
    assert again.returncode == 2 and "campaign.yaml" in again.stderr


def _tomorrow() -> str:
    from datetime import UTC, datetime, timedelta

    return f"{datetime.now(UTC) + timedelta(hours=24):%Y-%m-%dT%H:%MZ}"
