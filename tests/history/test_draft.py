"""From a chemist's table to a campaign file ready to edit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sdl.config.draft import draft_campaign
from sdl.config.headers import unit_in
from sdl.config.load import load_campaign
from sdl.config.table import campaign_table
from sdl.errors import Refused
from sdl.words import plan_in_words

PAST = [
    ["Entry", "OAm (µL)", "T / °C", "c(Cs) [mM]", "stirring", "Solvent", "PL max (nm)", "FWHM", "QY", "remark"],
    [1, 50, 25, 10, 3, "toluene", 466.0, 18, 0, "ok"],
    [2, 100, 30, 11, 4, "octane", 470.5, 19, 0, "cloudy"],
    [3, 150, 35, 10, 5, "toluene", 475.0, 20, 62, "ok again"],
    [4, 200, 40, 12, 3, "octane", 480.1, 21, 55, "fine"],
    [5, 260, 45, 13, 6, "toluene", 484.0, 22, 58, "good"],
]


def workbook(folder: Path, rows: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(folder / "past.xlsx")
    return folder / "past.xlsx"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("OAm (µL)", ("OAm", "uL")),
        ("T / °C", ("T", "degC")),
        ("c(Cs) [mM]", ("c(Cs)", "mM")),
        ("V (PbBr2 prec.)", ("V (PbBr2 prec.)", "")),
        ("reaction_time_min", ("reaction_time", "min")),
        ("cs_concentration_mmol_l", ("cs_concentration", "mmol/L")),
        ("growth time min", ("growth time", "min")),
        ("Pb/Cs", ("Pb/Cs", "")),
        ("FWHM, meV", ("FWHM", "meV")),
    ],
)
def test_a_unit_is_found_in_a_header_and_nothing_else_is_taken_for_one(header: str, expected: tuple[str, str]) -> None:
    assert unit_in(header) == expected


def test_a_workbook_becomes_a_file_whose_guesses_are_shown_and_whose_gaps_are_refused(tmp_path: Path) -> None:
    made = draft_campaign(workbook(tmp_path, PAST), tmp_path / "mine")
    found = {g.column: (g.role, g.name, g.unit) for g in made.guesses}
    assert found["OAm (µL)"] == ("input", "oam", "uL")
    assert found["T / °C"] == ("input", "t", "degC")
    assert found["Solvent"] == ("input", "solvent", "text")
    assert found["PL max (nm)"] == ("feature", "pl_peak", "nm")
    assert found["QY"] == ("feature", "plqy", "%")
    assert found["stirring"] == ("input", "stirring", "?")
    assert [g.column for g in made.guesses if g.role == "left out"] == ["Entry", "remark"]
    with pytest.raises(Refused) as caught:
        load_campaign(made.file)
    problems = {p.path: p for p in caught.value.problems}
    assert set(problems) == {"data.columns.stirring.unit", "target.pl_peak.match"}
    assert "left open" in problems["data.columns.stirring.unit"].text
    lines = made.file.read_text(encoding="utf-8").splitlines()
    assert "stirring" in lines[problems["data.columns.stirring.unit"].line - 1]


def test_the_edited_file_reads_the_table_and_check_lists_what_is_not_confirmed(tmp_path: Path) -> None:
    made = draft_campaign(workbook(tmp_path, PAST), tmp_path / "mine", target="475 nm +- 1 nm, FWHM < 20 nm")
    text = made.file.read_text(encoding="utf-8").replace('unit: "?"', 'unit: ""')
    made.file.write_text(re.sub(r', guess: "unit from the header"', "", text), encoding="utf-8")
    campaign = load_campaign(made.file)
    table = campaign_table(campaign)
    assert len(table.designs) == 5
    assert table.features[2] == pytest.approx({"pl_peak_nm": 475.0, "fwhm_nm": 20.0, "plqy": 0.62})
    assert "plqy" not in table.features[0], "zeros were taken for not measured"
    assert campaign.target.goals["pl_peak_nm"].wanted == 475.0
    said = plan_in_words(campaign)
    assert set(said.facts["guessed"]) == {"stirring", "Solvent", "FWHM", "QY"}
    assert "not yet confirmed" in said.text


def test_a_title_and_a_row_of_units_are_written_into_the_file(tmp_path: Path) -> None:
    rows = [["Nanoplatelets, spring"], [], ["V", "t", "PL"], ["mL", "min", "nm"], [1, 5, 460], [2, 6, 470], [3, 9, 475]]
    made = draft_campaign(workbook(tmp_path, rows), tmp_path / "mine", target="465, 470 nm")
    text = made.file.read_text(encoding="utf-8")
    assert "pl_peak: {match: [465 nm, 470 nm], within: 1 nm, from: pl}" in text
    assert "header: 3" in text and "exclude: {4: units of the columns}" in text
    campaign = load_campaign(made.file)
    assert [p.name for p in campaign.parameters] == ["v_ml", "t_min"]
    assert len(campaign_table(campaign).designs) == 3


def test_commas_and_semicolons_are_found_out(tmp_path: Path) -> None:
    (tmp_path / "past.csv").write_text("V (mL);PL (nm)\n0,5;460,5\n0,7;470,5\n", encoding="utf-8")
    made = draft_campaign(tmp_path / "past.csv", tmp_path / "mine", target="465 nm")
    assert [d["v_ml"] for d in campaign_table(load_campaign(made.file)).designs] == [0.5, 0.7]


def test_columns_that_say_the_same_are_left_out_but_named(tmp_path: Path) -> None:
    rows = [["V (uL)", "V (mL)", "Salt", "Code", "PL (nm)"]]
    rows += [[v, v / 1000, s, c, 460 + v] for v, s, c in ((1, "A", "x"), (2, "B", "y"), (4, "A", "x"), (5, "B", "y"))]
    made = draft_campaign(workbook(tmp_path, rows), tmp_path / "mine")
    assert {g.column: g.why for g in made.guesses if g.role == "left out"} == {
        "V (mL)": "says the same as 'V (uL)' in every row",
        "Code": "says the same as 'Salt' in every row",
    }


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    table = workbook(tmp_path, PAST)
    draft_campaign(table, tmp_path / "mine")
    with pytest.raises(Refused, match=r"already holds campaign\.yaml"):
        draft_campaign(table, tmp_path / "mine")
