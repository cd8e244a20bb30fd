"""The history that a campaign names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from models import Advisor
from models.memory import recall
from sdl.campaign import Campaign
from sdl.chemistry.feasible import design_space
from sdl.config.load import load_campaign
from sdl.errors import Refused
from sdl.history.shipped import FOLDER, READY
from sdl.past import read_past
from sdl.units import label_of, unit_of
from tests.flows.campaigns import campaign_file, sdl

HISTORY = {"# history: [past.csv]              # optional: earlier experiments, ours or from the literature": "HERE"}


def with_history(folder: Path, *names: str) -> Path:
    old = next(iter(HISTORY))
    return campaign_file(folder, {old: f"history: [{', '.join(names)}]"})


def test_the_published_recipe_ships_as_a_history_with_its_source(tmp_path: Path) -> None:
    (past,) = read_past(load_campaign(with_history(tmp_path, "literature/topo-room-temperature")))
    (result,) = past.results
    assert {n: v.value for n, v in result.values.items()} == {"pl_peak_nm": 495.0}
    assert result.design == {
        "pb_to_cs": 4.0,
        "topo_to_pb": 5.0,
        "cs_concentration_mmol_l": 0.2564,
        "growth_time_s": 1800.0,
        "lecithin_to_cs": 1.0,
        "temperature_c": 25.0,
    }


@pytest.mark.parametrize("name", READY)
def test_every_shipped_history_names_its_source_and_sources_are_complete(name: str) -> None:
    text = (FOLDER / f"{name}.csv").read_text(encoding="utf-8")
    assert text.startswith("# ") and "20" in text.splitlines()[0] + text.splitlines()[1]
    listed = (FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    for table in FOLDER.glob("*.csv"):
        short = "_" + table.name.rpartition("_")[2]  # listed together with its neighbour
        assert table.stem in READY or table.name in listed or short in listed, table.name


def test_units_may_be_mixed_and_a_missing_parameter_is_taken_as_published_and_said(tmp_path: Path) -> None:
    file = with_history(tmp_path, "past.csv")
    (tmp_path / "past.csv").write_text(
        "pb_to_cs,topo_to_pb,Cs (mmol/L),growth time (min),lecithin_to_cs,PL peak (nm),FWHM (nm),who\n"
        "4,5,0.2,30,1,470,18,ann\n"
        "4,5,0.2 mM,90 s,1,472,,ann\n"
        "4,5,200 mL,30,1,474,,ben\n",
        encoding="utf-8",
    )
    (past,) = read_past(load_campaign(file))
    assert [r.design["growth_time_s"] for r in past.results] == [1800.0, 90.0]
    assert [r.design["temperature_c"] for r in past.results] == [25.0, 25.0]
    assert [r.design["cs_concentration_mmol_l"] for r in past.results] == [0.2, 0.2]
    assert any("C4" in note and "200 mL" in note for note in past.notes)
    assert any("no temperature: taken as 25" in note for note in past.notes)


@pytest.mark.parametrize(
    ("name", "said"),
    [("literature/none", "there are literature/topo-room-temperature"), ("missing.csv", "is not beside")],
)
def test_a_history_that_is_not_there_is_refused_with_the_file(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        load_campaign(with_history(tmp_path, name))


ROW = {
    "pb_to_cs": 3.5,
    "topo_to_pb": 9.0,
    "cs_concentration_mmol_l": 0.3,
    "growth_time_s": 600.0,
    "lecithin_to_cs": 0.7,
}


def lab_campaign(folder: Path, text: str) -> Campaign:
    """Return the shipped lab campaign with a history of ``text``."""
    (folder / "past.csv").write_text(text, encoding="utf-8")
    return load_campaign(with_history(folder, "past.csv"))


def labelled(name: str) -> str:
    return f"{label_of(name)} ({unit_of(name)})".removesuffix(" ()")


@pytest.mark.parametrize("header", [labelled, lambda name: labelled(name).split(" (")[0] + f" / {unit_of(name)}"])
def test_headers_as_this_program_prints_them_are_understood(tmp_path: Path, header: Callable[[str], str]) -> None:
    names = [*ROW, "pl_peak_nm"]
    heads = ",".join(header(name).removesuffix(" / ") for name in names)
    campaign = lab_campaign(tmp_path, heads + "\n" + ",".join(map(str, ROW.values())) + ",470\n")
    (past,) = read_past(campaign)
    assert past.results[0].design == {**ROW, "temperature_c": 25.0}
    assert past.notes == ("past.csv has no temperature: taken as 25 degC, the published value",)


def test_a_column_without_meaning_is_named_with_the_value_taken_instead_by_check_and_plan(tmp_path: Path) -> None:
    lab_campaign(tmp_path, "pb_to_cs,Cs conc,PL peak (nm)\n4,0.2,470\n4,0.3,475\n")
    for verb in ("check", "plan"):
        found = sdl(verb, tmp_path / "campaign.yaml", *(("-n", "1") if verb == "plan" else ()))
        assert found.returncode == 0 and "past.csv: 1 column without meaning here, not read: 'Cs conc'" in found.stdout
        assert "past.csv has no Cs: taken as 0.2564 mmol/L, the published value" in found.stdout


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("a,PL peak (nm)", "no column is a parameter that varies here; its columns are 'a', 'PL peak .nm.'. What is"),
        ("pb_to_cs,b", "no column is an outcome; its columns are 'pb_to_cs', 'b'. .* 'fwhm .nm.' or 'PL FWHM .nm.'"),
        ("Pb:Cs (mmol/L),fwhm (nm)", "A1 'Pb:Cs .mmol/L.': 'mmol/L' does not measure Pb:Cs .*; give it in no unit"),
    ],
)
def test_another_table_is_refused_as_a_history_with_what_is_understood(tmp_path: Path, header: str, said: str) -> None:
    with pytest.raises(Refused, match=f"past.csv: {said}"):
        read_past(lab_campaign(tmp_path, f"{header}\n1,2\n"))


MIXED = "mol/L in row 8 (0.0003)", "K in row 7 (303.1)", "per cent in row 6 (0.0055)", "smaller unit in row 5 (5.4e+04)"


def test_mixed_units_and_impossible_values_of_a_history_are_said_by_check_and_plan(tmp_path: Path) -> None:
    lab_campaign(
        tmp_path,
        "pb_to_cs,Cs (mmol/L),growth time (min),temperature (degC),PL peak (nm),PLQY (%)\n"
        "4,0.2,10,25,470,50\n"
        "4,0.3,20,35,475,60\n"
        "4,0.4,15,40,478,55\n"
        "4,0.4,900,40,478,55\n"
        "4,0.4,15,40,478,0.55\n"
        "4,0.4,15,303.1,478,55\n"
        "4,0.0003,15,40,478,55\n"
        "-3,0.4,15,40,478,55\n"
        "4,0.4,0,40,478,55\n",
    )
    for words in (("check",), ("plan", "-n", "1")):
        found = sdl(words[0], tmp_path / "campaign.yaml", *words[1:])
        assert found.returncode == 0 and "np.float64" not in found.stdout + found.stderr
        for said in MIXED:
            assert said in found.stdout, found.stdout
        assert "A9 (pb_to_cs) -3 is below 0, which no Pb:Cs (mol/mol) can be" in found.stdout
        assert "growth time 0 is not above 0, where its range 60 .. 3600 counts by factors: past.csv row 10 is" in (
            found.stdout
        )


def test_an_absurd_value_in_a_history_is_refused_with_its_row(tmp_path: Path) -> None:
    rows = "".join(f"{ratio},{470 + i}\n" for i, ratio in enumerate((3, 4, 5, 6, 1e9)))
    with pytest.raises(Refused, match=r"past.csv: column 'Pb:Cs', row 6 .1e.09.: so far .* correct the cell, or take"):
        read_past(lab_campaign(tmp_path, f"Pb:Cs,PL peak (nm)\n{rows}"))


def test_a_row_far_from_anything_that_varies_is_left_out_and_named(tmp_path: Path) -> None:
    file = with_history(tmp_path, "past.csv")
    (tmp_path / "past.csv").write_text(
        "pb_to_cs,topo_to_pb,Cs (mmol/L),growth time (min),lecithin_to_cs,PL peak (nm)\n"
        "4,5,0.2,30,1,470\n4000000,5,0.2,30,1,472\n1,5,0.2,90,1,474\n",
        encoding="utf-8",
    )
    campaign = load_campaign(file)
    advisor = Advisor(design_space(campaign), campaign.target)
    notes = recall(advisor, campaign)
    assert [row.features["pl_peak_nm"] for row in advisor.history] == [470.0, 474.0]
    (said,) = (note for note in notes if "row 3" in note)
    assert said.startswith("past.csv row 3: pb_to_cs: 4e+06 lies more than 100 times the width of 2 to 8 outside it")
