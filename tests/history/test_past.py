"""The history that a campaign names."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import Advisor
from models.memory import recall
from sdl.chemistry.feasible import design_space
from sdl.config.load import load_campaign
from sdl.errors import Refused
from sdl.history.shipped import FOLDER, READY
from sdl.past import read_past
from tests.flows.campaigns import campaign_file

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
