"""Historical tables and offline campaigns."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path

import pytest

from sdl.campaign import DataColumn, DataSource
from sdl.config.draft import describe_table
from sdl.config.load import load_campaign
from sdl.config.quality import doubts
from sdl.config.table import campaign_table, read_table
from sdl.errors import Refused
from sdl.units import ev_from_nm

EXAMPLES = Path(__file__).parents[2] / "examples"
NPL_HEADER = "V (PbBr2 prec.);c (PbBr2);Cs_Pb_ratio;AS_Pb_ratio;molecule_name;peak_pos;fwhm;PLQY"

SOURCE = DataSource(
    file="t.csv",
    columns={
        "volume_ml": DataColumn(column="V", unit="uL"),
        "growth_time_s": DataColumn(column="t", unit="min"),
        "solvent": DataColumn(column="S", unit="text"),
        "pl_peak_nm": DataColumn(column="PL", unit="nm"),
        "fwhm_nm": DataColumn(column="W", unit="eV"),
        "plqy": DataColumn(column="QY", unit="%", zero_is_missing=True),
    },
)


def table(folder: Path, *rows: str) -> Path:
    path = folder / "t.csv"
    path.write_text("\n".join(["# a comment", "V,t,S,PL,W,QY", *rows]) + "\n", encoding="utf-8")
    return path


def test_rows_become_designs_and_features_in_internal_units(tmp_path: Path) -> None:
    path = table(tmp_path, "250,2,octane,460,0.1,60")
    read = read_table(SOURCE, tmp_path)
    assert read.designs == ({"volume_ml": pytest.approx(0.25), "growth_time_s": 120.0, "solvent": "octane"},)
    assert read.features[0]["plqy"] == pytest.approx(0.6)
    assert read.features[0]["pl_peak_nm"] == 460.0
    assert read.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_width_in_ev_agrees_with_the_distance_between_its_flanks(tmp_path: Path) -> None:
    table(tmp_path, "250,2,octane,460,0.02,60")
    low, high = (1239.841984 / (ev_from_nm(460.0) + sign * 0.01) for sign in (1, -1))
    assert read_table(SOURCE, tmp_path).features[0]["fwhm_nm"] == pytest.approx(high - low, rel=1e-4)


def test_zeros_that_mean_missing_are_missing_and_repeats_are_kept(tmp_path: Path) -> None:
    table(tmp_path, "250,2,octane,460,0.1,0", "250,2,octane,460,0.1,0")
    read = read_table(SOURCE, tmp_path)
    assert len(read.designs) == 2
    assert set(read.features[0]) == {"pl_peak_nm", "fwhm_nm"}


def test_what_cannot_be_read_is_named_by_row_and_column(tmp_path: Path) -> None:
    table(tmp_path, "oops,2,octane,460,0.1,60", "250,2,octane,460,wide,60", "250,2,octane,,,", "250,nan,octane,460,,")
    read = read_table(SOURCE, tmp_path)
    found = {(e.row, e.column, e.whole_row) for e in read.excluded}
    assert found == {(3, "V", True), (4, "W", False), (5, "", True), (6, "t", True)}
    assert [set(f) for f in read.features] == [{"pl_peak_nm", "plqy"}]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("250,2,octane,460,0.1,6000", "outside 0 .. 1"),
        ("250,2,octane,-460,,60", "not above 0"),
        ("250,2,octane,,0.1,60", "needs the PL peak"),
        ('250,2,octane,"460,5",,60', "decimal point"),
    ],
)
def test_impossible_features_are_missing_with_their_reason(tmp_path: Path, row: str, reason: str) -> None:
    table(tmp_path, row)
    assert any(reason in e.reason for e in read_table(SOURCE, tmp_path).excluded)


def test_a_missing_file_or_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="--data FILE"):
        read_table(SOURCE, tmp_path)
    (tmp_path / "t.csv").write_text("V,t\n1,2\n", encoding="utf-8")
    with pytest.raises(Refused, match="column 'S'"):
        read_table(SOURCE, tmp_path)


def test_excel_reads_like_csv(tmp_path: Path) -> None:
    import dataclasses

    import pandas as pd

    path = table(tmp_path, "250,2,octane,460,0.1,60", "300,3,toluene,470,,0")
    pd.read_csv(path, comment="#").to_excel(tmp_path / "t.xlsx", index=False)
    from_excel = read_table(dataclasses.replace(SOURCE, file="t.xlsx"), tmp_path)
    from_csv = read_table(SOURCE, tmp_path)
    assert from_excel.designs == from_csv.designs
    assert from_excel.features == from_csv.features


def test_the_eight_published_syntheses_are_an_offline_campaign() -> None:
    campaign = load_campaign(EXAMPLES / "historical-kalloyed" / "campaign.yaml")
    read = campaign_table(campaign)
    assert [p.name for p in campaign.parameters] == ["reaction_time_s", "precursor_volume_ul"]
    assert len(read.designs) == 8
    assert read.designs[0] == {"reaction_time_s": 300.0, "precursor_volume_ul": 50.0}
    assert read.features[-1] == {"x1_nm": 452.5}
    assert campaign.target.goals["x1_nm"].source == "absorption"


def test_a_table_that_is_not_shipped_is_pointed_to(tmp_path: Path) -> None:
    example = EXAMPLES / "historical-npl" / "campaign.yaml"
    with pytest.raises(Refused, match=r"public at https://github\.com/leoluber/synthesizer.*--data FILE"):
        load_campaign(example)
    data = tmp_path / "elsewhere.csv"
    rows = ["3000;0.01;0.1;0.11;Ethanol;460;0.085;0", "1500;0.02;0.2;0.12;Methanol;455;0.08;0.5"]
    data.write_text("\n".join([NPL_HEADER, *rows]), encoding="utf-8")
    campaign = load_campaign(example, data=data)
    parameters = {p.name: p for p in campaign.parameters}
    assert parameters["antisolvent"].choices == ("Ethanol", "Methanol")
    assert (parameters["pb_volume_ul"].low, parameters["pb_volume_ul"].high) == (1500.0, 3000.0)
    assert [set(f) for f in campaign_table(campaign).features] == [
        {"pl_peak_nm", "fwhm_nm"},
        {"pl_peak_nm", "fwhm_nm", "plqy"},
    ]


OFFLINE = """
campaign: past
mode: offline
data:
  file: t.csv
  columns:
    volume: {column: V, unit: mL}
    solvent: {column: S, unit: text}
    pl_peak: {column: PL, unit: nm}
target: {pl_peak: {match: 465 nm, within: 2 nm, from: pl}}
"""


def offline(folder: Path, text: str) -> Path:
    (folder / "t.csv").write_text("V,S,PL\n1,a,460\n2,b,470\n3,a,480\n", encoding="utf-8")
    path = folder / "campaign.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_vary_and_budget_the_table_says_what_varies(tmp_path: Path) -> None:
    campaign = load_campaign(offline(tmp_path, OFFLINE))
    assert [(p.name, p.low, p.high, p.choices) for p in campaign.parameters] == [
        ("volume_ml", 1.0, 3.0, ()),
        ("solvent", 0.0, 0.0, ("a", "b")),
    ]
    assert campaign.budget.batch == 8


def test_rows_outside_what_varies_are_excluded_with_a_reason(tmp_path: Path) -> None:
    campaign = load_campaign(
        offline(tmp_path, OFFLINE + "vary: {volume: 1500 .. 3500 uL}\nconstraints: ['volume < 2.9 mL']")
    )
    read = campaign_table(campaign)
    assert read.designs == ({"volume_ml": 2.0}, {"volume_ml": 3.0})
    assert [(e.row, e.column) for e in read.excluded] == [(2, "volume_ml")]
    assert campaign.constraints == ("(1000.0*volume_ml) < 2900.0",)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("unit: mL", "unit: uL/s", "not kept"),
        ("unit: mL", "unit: text", None),
        ("column: V", "column: W", "column 'W'"),
        ("pl_peak: {column: PL, unit: nm}", "pl_peak: {column: PL, unit: mL}", "does not measure pl_peak"),
        ("file: t.csv", "file: ../t.csv", "leads out"),
        ("mode: offline", "mode: offline\nlab: lab.yaml", "does not go with mode: offline"),
        ("mode: offline", "mode: offline\nroute: cspbbr3-kalloyed", "'volume' does not vary in cspbbr3-kalloyed"),
        ("mode: offline", "mode: offline\nroute: kalloyed", "route 'kalloyed' is not known"),
        ("target: {pl_peak", "vary: {colour: 1 .. 2}\ntarget: {pl_peak", "is no input column"),
        ("target: {pl_peak", "vary: {solvent: [a, c]}\ntarget: {pl_peak", "c is not in the table"),
        (
            "target: {pl_peak",
            "target: {x1: {match: 1 nm, within: 1 nm, from: absorption}, pl_peak",
            "no column gives x1",
        ),
    ],
)
def test_a_wrong_column_map_is_refused(tmp_path: Path, old: str, new: str, expected: str | None) -> None:
    path = offline(tmp_path, OFFLINE.replace(old, new))
    if expected is None:
        assert load_campaign(path).parameters[0].choices == ("1", "2", "3")
        return
    with pytest.raises(Refused) as caught:
        load_campaign(path)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("5 .. 160 min", "5 .. 170 min", "leaves 300 .. 9600 s, the limits of cspbbr3-kalloyed"),
        ("reaction_time_min, unit: min", "reaction_time_min, unit: mL", "does not measure reaction_time of the route"),
        ("file: table-s1.csv", "file: literature/none", "is not among the shipped histories"),
    ],
)
def test_a_route_off_the_deck_holds_its_limits_and_units_on_a_table(
    old: str, new: str, expected: str, tmp_path: Path
) -> None:
    folder = EXAMPLES / "historical-kalloyed"
    text = (folder / "campaign.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "table-s1.csv").write_bytes((folder / "table-s1.csv").read_bytes())
    (tmp_path / "campaign.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(Refused, match=expected):
        load_campaign(tmp_path / "campaign.yaml")


def test_the_shipped_hot_injections_are_an_offline_campaign_on_their_route() -> None:
    campaign = load_campaign(EXAMPLES / "historical-zn-halide" / "campaign.yaml")
    read = campaign_table(campaign)
    assert campaign.route == "cspbbr3-zn-halide" and [p.name for p in campaign.parameters] == ["temperature_c"]
    assert [d["temperature_c"] for d in read.designs] == [88, 93, 100, 110, 120, 120, 130, 140]
    assert read.features[0]["x1_nm"] == pytest.approx(1239.842 / 2.82)


@pytest.mark.parametrize(
    ("last", "said"),
    [("1800", "60 times smaller unit in row 9 (1.08e+05)"), ("60", "")],
    ids=["seconds among minutes", "all minutes"],
)
def test_a_few_values_in_another_unit_are_doubted(tmp_path: Path, last: str, said: str) -> None:
    times = ("2", "10", "30", "55", "20", "40", last)
    table(tmp_path, *(f"250,{t},octane,{460 + i},0.1,60" for i, t in enumerate(times)))
    found = [text for text in doubts(read_table(SOURCE, tmp_path)) if "growth time" in text]
    assert (said in found[0]) if said else not found


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        (1, ("0.1", "0.25", "0.4", "0.6", "0.3", "0.2", "0.00035"), "row 9 (0.00035): converted, these lie among"),
        (5, ("35", "50", "62", "71", "44", "58", "0.55"), "looks like a fraction among per cent in row 9 (0.0055)"),
        (5, ("35", "20", "9", "3", "1", "0.8", "0.3"), ""),
    ],
    ids=["mol/L", "fraction", "dark rows"],
)
def test_a_few_values_far_below_are_doubted(tmp_path: Path, column: int, values: tuple[str, ...], said: str) -> None:
    rows = [["250", "30", "octane", str(460 + i), "0.1", "60"] for i in range(len(values))]
    for row, value in zip(rows, values, strict=True):
        row[column] = value
    table(tmp_path, *map(",".join, rows))
    columns = {**SOURCE.columns, "cs_concentration_mmol_l": DataColumn(column="t", unit="mmol/L")}
    del columns["growth_time_s"]
    source = dataclasses.replace(SOURCE, columns=columns)
    found = [text for text in doubts(read_table(source, tmp_path)) if " looks like " in text]
    assert (said in found[0]) if said else not found


ABSURD = [
    (("0.1", "0.2", "0.3", "0.5", "1e300"), "row 7 (1e+300): so far from all others (0.1 .. 0.5 mmol/L)"),
    (("1e-9", "0.2", "0.3", "0.5", "0.4"), "row 3 (1e-09): so far from all others (0.2 .. 0.5 mmol/L)"),
    (("0.1", "0.2", "0.3", "0.5", "400"), ""),
    (("0.001", "0.01", "0.1", "1", "10"), ""),
    (("0", "0", "0", "0", "5"), ""),
]


@pytest.mark.parametrize(
    ("values", "said"), ABSURD, ids=["huge", "tiny", "a slip of thousand", "series", "mostly none"]
)
def test_a_cell_that_alone_would_set_the_range_is_refused(tmp_path: Path, values: tuple[str, ...], said: str) -> None:
    table(tmp_path, *(f"{v},1,octane,{460 + i},0.1,60" for i, v in enumerate(values)))
    text = (
        "campaign: c\nmode: offline\ndata:\n  file: t.csv\n  columns:\n"
        "    cs_concentration: {column: V, unit: mmol/L}\n    pl_peak: {column: PL, unit: nm}\n"
        "target:\n  pl_peak: {match: 465 nm, within: 1 nm, from: pl}\n"
        "vary:\n  cs_concentration: from data\nbudget: {experiments: 8, batch: 4}\n"
    )
    file = tmp_path / "campaign.yaml"
    file.write_text(text, encoding="utf-8")
    if not said:
        assert load_campaign(file).parameters[0].high == float(values[-1])
        return
    with pytest.raises(
        Refused, match=re.escape(f"column 'V', {said}") + ".* list its row under data: exclude, or write"
    ):
        load_campaign(file)
    with pytest.raises(Refused, match=re.escape("column 'V'")):
        describe_table(tmp_path / "t.csv")
    file.write_text(text.replace("from data", "0.1 .. 0.5 mmol/L"), encoding="utf-8")
    assert load_campaign(file).parameters[0].high == 0.5
