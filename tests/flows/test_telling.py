"""Results come in later, partly, again, or never; a question gets the recipe, the doubt, or what comes closest."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from flows.asking import ask_for
from flows.planning import plan_experiments
from sdl.errors import Refused
from sdl.progress import open_store
from sdl.report import write_report
from sdl.store.told import series
from sdl.telling import tell
from sdl.words import answer_in_words
from tests.benches import ROOT


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "examples" / "historical-kalloyed", tmp_path / "k")
    return tmp_path / "k" / "campaign.yaml"


def filled(table: Path, cells: dict[tuple[int, str], str]) -> Path:
    """Type results into the table that `sdl plan --out` wrote."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for (row, column), text in cells.items():
        assert column in rows[row]
        rows[row][column] = text
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return table


def changes(told: dict[str, object]) -> list[tuple[str, str]]:
    return [(c["experiment"], c["change"]) for c in told["told"]]  # type: ignore[attr-defined]


def test_a_planned_table_is_told_partly_then_more_and_never_twice(campaign: Path) -> None:
    out = campaign.parent / "next.csv"
    first = plan_experiments(campaign, n=3, out=out)
    filled(out, {(0, "X1 (nm)"): "440.5", (1, "failed"): "precipitated"})
    assert changes(tell(campaign, out)) == [
        ("historical-kalloyed-0001", "new experiment"),
        ("historical-kalloyed-0002", "failed"),
    ]
    again = tell(campaign, out)
    assert again["told"] == [] and again["unchanged"] == 2
    filled(out, {(2, "X1 (nm)"): "441"})
    assert changes(tell(campaign, out)) == [("historical-kalloyed-0003", "new experiment")]
    second = plan_experiments(campaign, n=2)
    assert second["model"]["id"].startswith("gp, 11 rows"), "8 published, 2 measured, and 1 that says where wells fail"
    assert {s["id"] for s in second["suggestions"]}.isdisjoint(s["id"] for s in first["suggestions"])
    failed = first["suggestions"][1]["design"]
    assert all(s["design"] != failed for s in second["suggestions"])


def test_a_measurement_days_later_is_a_time_series_of_its_experiment(campaign: Path) -> None:
    told = tell(campaign, None, words=["reaction_time=20min", "precursor_volume=0.2mL", "x1=436.0 +- 0.3 nm"])
    (name, _) = changes(told)[0]
    with pytest.raises(Refused, match="436 nm already, not 438"):
        tell(campaign, None, words=["x1=438nm"], experiment=name)
    later = tell(campaign, None, words=["x1=438nm"], experiment=name, measured_at="2099-01-02T10:00", who="Ada")
    assert changes(later) == [(name, "later measurement")]
    with open_store(campaign, None) as store:
        experiment = store.experiment(name)
        assert experiment.features.plain == {"x1_nm": 436.0}, "the first outcome stays the outcome"
        assert [value for _, value, _ in series(store, experiment)["x1_nm"]] == [436.0, 438.0]
        assert store.verify_chain() == []
        page = write_report(store, campaign.parent / "report.html").read_text(encoding="utf-8")
        assert "Measured again" in page and name in page


def test_replicates_are_experiments_of_their_own_and_a_new_feature_joins_its_experiment(campaign: Path) -> None:
    results = campaign.parent / "results.csv"
    rows = ["reaction_time (min),precursor_volume (mL),X1 (nm),PL peak (nm)", "20,0.2,436,", "20,0.2,436.5,"]
    results.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert [c for _, c in changes(tell(campaign, results))] == ["new experiment", "new experiment"]
    results.write_text("\n".join([rows[0], rows[1] + "447", rows[2]]) + "\n", encoding="utf-8")
    told = tell(campaign, results)
    assert changes(told) == [("historical-kalloyed-0001", "features added")]
    assert told["unchanged"] == 1


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("reaction_time (min),X1 (nm)", "20,436", "the design lacks precursor_volume_ul"),
        ("reaction_time,precursor_volume (mL),X1 (nm)", "20,0.2,436", "A1 'reaction_time' has no unit"),
        ("experiment,X1 (nm)", "nobody,436", "r.csv row 2: no experiment 'nobody' is known"),
        ("experiment,X1 (nm),x1 [nm]", "a,436,437", "two columns give X1"),
        ("experiment,X1 (nm),X1 sd (meV)", "a,436,437", "give this sd in nm"),
    ],
)
def test_a_results_table_that_cannot_be_placed_is_refused(campaign: Path, header: str, row: str, said: str) -> None:
    table = campaign.parent / "r.csv"
    table.write_text(f"{header}\n{row}\n", encoding="utf-8")
    with pytest.raises(Refused) as caught:
        tell(campaign, table)
    assert said in str(caught.value)
    assert not (campaign.parent / ".sdl").exists() or "nobody" in row, "a refusal writes nothing"


def test_a_bad_cell_among_good_ones_is_named_and_the_rest_is_kept(campaign: Path) -> None:
    table = campaign.parent / "r.csv"
    table.write_text(
        "reaction_time (min),precursor_volume (mL),X1 (nm),colour\n20,0.2,436,blue\n30,0.2,lost,\n", encoding="utf-8"
    )
    told = tell(campaign, table)
    assert len(told["told"]) == 1
    assert told["left_out"][0]["cell"] == "C3" and "'lost' is not a number" in told["left_out"][0]["reason"]
    assert told["ignored_columns"] == ["colour"]


def test_a_reachable_wish_gets_recipes_and_the_experiments_most_alike(campaign: Path) -> None:
    answer = ask_for(campaign, "x1 436 nm")
    assert answer["reachable"]
    best = answer["answers"][0]
    assert abs(best["expected"]["x1_nm"]["mean"] - 436.0) < 1.5
    assert best["p_hit"] == max(a["p_hit"] for a in answer["answers"])
    assert best["nearest"][0]["experiment"] in ("row 6", "row 7", "row 8"), "made in 30 to 50 min, 434 to 440 nm"
    assert answer["closest_measured"][0]["features"]["x1_nm"] == 436.2


def test_a_wish_beyond_the_data_is_not_reachable_and_the_closest_is_said(campaign: Path) -> None:
    answer = ask_for(campaign, "x1 520 nm")
    assert not answer["reachable"]
    assert answer["text"].startswith("Not reachable by what is known (X1 was 420 .. 452.5 nm in all experiments)")
    assert answer["answers"][0]["expected"]["x1_nm"]["mean"] > 449.0


def test_a_palette_is_answered_for_each_of_its_members(campaign: Path) -> None:
    answer = ask_for(campaign, "x1 430, 436, 520 nm", n=1)
    assert {name: one["reachable"] for name, one in answer["palette"].items()} == {
        "430 nm": True,
        "436 nm": True,
        "520 nm": False,
    }
    for wanted in (430.0, 436.0):
        [best] = answer["palette"][f"{wanted:g} nm"]["answers"]
        assert abs(best["expected"]["x1_nm"]["mean"] - wanted) < 1.5
    said = answer_in_words(answer)
    assert said.index("For 430 nm:\nReachable") < said.index("For 436 nm:") < said.index("For 520 nm:\nNot reachable")


def test_a_bare_table_answers_too_and_says_that_its_columns_are_guesses() -> None:
    answer = ask_for(ROOT / "examples" / "historical-kalloyed" / "table-s1.csv", "x1 436 nm")
    assert answer["reachable"]
    assert "3 columns are guesses that nobody confirmed" in answer["warnings"][0]


def test_a_wish_for_what_was_never_measured_is_refused(campaign: Path) -> None:
    with pytest.raises(Refused, match="nothing is known about PLQY"):
        ask_for(campaign, "plqy > 60 %")
