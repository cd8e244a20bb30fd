"""Historical tables in, the next experiments out."""

from __future__ import annotations

import csv
import math
import shutil
from pathlib import Path

import pytest

from flows.planning import plan_experiments
from sdl.config.load import load_campaign
from sdl.words import suggestions_in_words
from tests.benches import ROOT
from tests.flows.campaigns import answer, campaign_file, sdl

NPL = ROOT.parent / "shared" / "data" / "datasets" / "lmu_cspbbr3_npl" / "dataset_synthesizer.csv"


def test_the_published_k_alloyed_series_gives_four_experiments_and_an_honest_warning(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "historical-kalloyed", tmp_path / "k")
    out = tmp_path / "next.csv"
    done = sdl("plan", tmp_path / "k" / "campaign.yaml", "--json", "--out", out)
    assert done.returncode == 0, done.stderr
    document = answer(done)
    assert len(document["suggestions"]) == 4
    for suggestion in document["suggestions"]:
        expected = suggestion["expected"]["x1_nm"]
        assert expected["low"] < expected["mean"] < expected["high"]
        assert 0.0 <= suggestion["p_hit"] <= 1.0
        assert suggestion["why"]
    (warning,) = document["warnings"]
    assert "r = 0.99" in warning and "changed together" in warning and "Make two experiments" in warning
    with out.open(encoding="utf-8", newline="") as table:
        assert len(list(csv.DictReader(table))) == 4
    assert sorted(p.name for p in (tmp_path / "k").iterdir()) == ["campaign.yaml", "table-s1.csv"]


@pytest.mark.skipif(not NPL.is_file(), reason="the 289 public syntheses are not beside the project")
def test_the_289_real_syntheses_give_eight_experiments_for_450_nm() -> None:
    done = sdl("plan", ROOT / "examples" / "historical-npl" / "campaign.yaml", "--data", NPL, "--json")
    assert done.returncode == 0, done.stderr
    document = answer(done)
    assert len(document["suggestions"]) == 8
    assert document["data"]["rows_used"] == 289
    for suggestion in document["suggestions"]:
        expected = suggestion["expected"]["pl_peak_nm"]
        assert math.isclose(expected["mean"], 450.0, abs_tol=12.0), (
            "within the error a first surrogate has on these data"
        )
        assert expected["low"] < expected["mean"] < expected["high"]


def test_a_table_that_is_not_there_says_where_it_is_public(tmp_path: Path) -> None:
    done = sdl("plan", ROOT / "examples" / "historical-npl" / "campaign.yaml", "--data", tmp_path / "none.csv")
    assert done.returncode == 2
    assert "none.csv" in done.stderr and "synthesizer" in done.stderr


@pytest.mark.parametrize(
    ("example", "unit", "said"),
    [
        ("historical-kalloyed", 300.0, "when the precursor's band at 311 nm is gone"),
        ("historical-zn-halide", 88.0, "ZnBr2 is a hidden variable"),
    ],
)
def test_a_route_off_the_deck_is_planned_on_its_published_series(example: str, unit: float, said: str) -> None:
    file = ROOT / "examples" / example / "campaign.yaml"
    document = plan_experiments(file, n=2)
    campaign = load_campaign(file)
    assert any("Not for a deck" in note for note in document["notes"])
    assert any(said in note for note in document["notes"])
    assert document["data"]["rows_used"] == 8 and not document["data"]["excluded"]
    first = campaign.parameters[0]
    assert first.low == unit
    for suggestion in document["suggestions"]:
        assert first.low <= suggestion["design"][first.name] <= first.high
        assert abs(suggestion["expected"]["x1_nm"]["mean"] - campaign.target.goals["x1_nm"].wanted) < 6.0


def test_every_suggestion_says_what_its_well_costs_where_the_file_gives_prices(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "blue-465", tmp_path / "dear", ignore=shutil.ignore_patterns(".sdl"))
    file = tmp_path / "dear" / "campaign.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("at: stocks/A2}", "at: stocks/A2, price: 12 EUR/mL}"))
    out = tmp_path / "next.csv"
    document = plan_experiments(file, n=1, out=out)
    [suggestion] = document["suggestions"]
    poured = {t["stock"]: t["volume_ul"] for t in suggestion["recipe"]["transfers"]}
    assert suggestion["price"] == {"amount": pytest.approx(0.012 * poured["PbBr2-TOPO"], rel=1e-3), "currency": "EUR"}
    price = f"{suggestion['price']['amount']:.2f} EUR a well"
    assert suggestion["why"].endswith(f"; costs {price}") and f"({price})" in suggestions_in_words(document)
    [row] = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
    assert float(row["price (EUR)"]) == pytest.approx(suggestion["price"]["amount"])


def own_table(folder: Path, target: str, rows: list[str]) -> Path:
    """Write a campaign on a table of times, PL peaks, FWHM and PLQY."""
    (folder / "t.csv").write_text("\n".join(["t (min),PL,W,QY", *rows]) + "\n", encoding="utf-8")
    (folder / "campaign.yaml").write_text(
        "campaign: own\nmode: offline\ndata:\n  file: t.csv\n  columns:\n"
        "    growth_time: {column: t (min), unit: min}\n    pl_peak: {column: PL, unit: nm}\n"
        "    fwhm: {column: W, unit: nm}\n    plqy: {column: QY, unit: '%'}\n"
        f"target:\n  {target}\nbudget: {{experiments: 8, batch: 1}}\n",
        encoding="utf-8",
    )
    return folder / "campaign.yaml"


SERIES = [f"{t},{450 + t},{18 + t / 10:g}" for t in (1, 2, 4, 6, 9, 12, 15, 20)]


@pytest.mark.parametrize(
    ("plqy", "said"),
    [
        (["", "", "", "", "", "", "", ""], "none of 8 rows has a value"),
        (["", "", "50", "", "", "50", "", ""], "its only value is 0.5, in 2 of 8 rows"),
    ],
    ids=["empty", "one value"],
)
def test_an_outcome_that_cannot_be_learned_is_said_by_check_and_plan(
    tmp_path: Path, plqy: list[str], said: str
) -> None:
    target = "pl_peak: {match: 460 nm, within: 1 nm, from: pl}\n  plqy: {maximize: true, above: 60 %, from: pl}"
    file = own_table(tmp_path, target, [f"{row},{q}" for row, q in zip(SERIES, plqy, strict=True)])
    for words in (("check", file), ("plan", file, "-n", "1")):
        done = sdl(*words)
        assert done.returncode == 0, done.stderr
        assert f"Nothing can be learned of PLQY: {said}; no design is chosen for it, and P(hit) stays 0" in done.stdout
        assert "learned of PL peak" not in done.stdout


def test_a_colour_is_planned_from_peaks_and_widths_alone(tmp_path: Path) -> None:
    target = "colour: {match: rec2020-blue, within: 0.02, from: pl}"
    file = own_table(tmp_path, target, [f"{row}," for row in SERIES])
    done = sdl("plan", file, "-n", "1", "--json")
    assert done.returncode == 0, done.stderr
    [suggestion] = answer(done)["suggestions"]
    assert set(suggestion["expected"]) == {"cie_x", "cie_y", "pl_peak_nm", "fwhm_nm"} and suggestion["p_hit"] > 0.1
    assert not any("learned" in text for text in answer(done)["warnings"])
    file.write_text(file.read_text(encoding="utf-8").replace("    fwhm: {column: W, unit: nm}\n", ""), encoding="utf-8")
    refused = sdl("check", file)
    assert refused.returncode == 2 and "cie_x (a colour follows from PL peak and FWHM, where" in refused.stderr


def test_a_plan_for_a_target_out_of_reach_says_so_and_one_within_reach_does_not(tmp_path: Path) -> None:
    file = own_table(tmp_path, "pl_peak: {match: 620 nm, within: 1 nm, from: pl}", [f"{row}," for row in SERIES])
    said = sdl("plan", file, "-n", "1").stdout
    assert "Not reachable by what is known (PL peak was 451 .. 470 nm in all experiments); the closest is PL" in said
    file.write_text(file.read_text(encoding="utf-8").replace("620 nm", "460 nm"), encoding="utf-8")
    assert answer(sdl("plan", file, "-n", "1", "--json"))["verdict"] == []


def test_a_lab_whose_law_does_not_reach_the_target_says_so_before_the_first_experiment(tmp_path: Path) -> None:
    far = campaign_file(tmp_path, {"match: 465 nm": "match: 620 nm"})
    assert "Not reachable by what is known; the closest is PL peak 5" in sdl("plan", far, "-n", "1").stdout
