"""Every way a chemist's table goes wrong is named by its cell, with what to do; nothing is silently dropped."""

from __future__ import annotations

import dataclasses
import datetime
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sdl.campaign import DataColumn, DataSource
from sdl.config.table import Table, read_table
from sdl.errors import Refused

ROWS: list[list[Any]] = [[250, 2, "octane", 460, 20], [300, 3, "toluene", 470, 22], [350, 4, "octane", 480, 24]]
HEADER = ["V", "t", "S", "PL", "W"]
SOURCE = DataSource(
    file="past.xlsx",
    columns={
        "volume_ml": DataColumn(column="V", unit="uL"),
        "growth_time_s": DataColumn(column="t", unit="min"),
        "solvent": DataColumn(column="S", unit="text"),
        "pl_peak_nm": DataColumn(column="PL", unit="nm", zero_is_missing=True),
        "fwhm_nm": DataColumn(column="W", unit="nm"),
    },
)


def workbook(folder: Path, change: Callable[[Any], None] = lambda sheet: None, *, rows: list[list[Any]] = ROWS) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Data"
    sheet.append(HEADER)
    for row in rows:
        sheet.append(row)
    change(sheet)
    book.save(folder / "past.xlsx")
    return folder / "past.xlsx"


def put(address: str, value: Any) -> Callable[[Any], None]:
    def change(sheet: Any) -> None:
        sheet[address] = value

    return change


def merge(area: str) -> Callable[[Any], None]:
    return lambda sheet: sheet.merge_cells(area)


def left_out(table: Table) -> dict[str, str]:
    return {e.cell or f"row {e.row}": e.reason for e in table.excluded}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(merge("D2:D4"), ["Data!D2:D4", "rows 3 to 4 look empty", "unmerge"], id="merged cells"),
        pytest.param(put("D3", "=D2+10"), ["Data!D3", "formula without a stored result", "save"], id="empty formula"),
        pytest.param(
            lambda s: (
                s.insert_rows(2),
                [put(f"{c}2", u)(s) for c, u in zip("ABDE", ("uL", "min", "nm", "nm"), strict=True)],
            ),
            ["row 2", "second header row", "Data!A2 'uL'", "exclude: {2:"],
            id="two header rows",
        ),
        pytest.param(
            lambda s: s.insert_rows(1, 2) or put("A1", "Syntheses of May")(s),
            ["row 3 has the column names", "header: 3"],
            id="a title above the header",
        ),
        pytest.param(put("D1", "PL max"), ["column 'PL' for pl_peak_nm", "moved or renamed"], id="a renamed column"),
        pytest.param(put("F1", "PL"), ["'PL' for pl_peak_nm is there 2 times, in D and F"], id="a doubled column"),
        pytest.param(
            lambda s: s.parent.create_sheet("Notes").append(["who", "when"]),
            ["sheets 'Data', 'Notes'", "'Data' has the columns", "sheet: NAME"],
            id="two sheets",
        ),
    ],
)
def test_a_sheet_of_the_wrong_shape_is_refused_with_the_cell_and_the_remedy(
    tmp_path: Path, change: Callable[[Any], None], said: list[str]
) -> None:
    workbook(tmp_path, change)
    with pytest.raises(Refused) as caught:
        read_table(SOURCE, tmp_path)
    for text in said:
        assert text in str(caught.value)


@pytest.mark.parametrize(
    ("address", "value", "reason"),
    [
        pytest.param("A3", "0,3", "decimal comma", id="a comma as decimal mark"),
        pytest.param("A3", "a little", "'a little' is not a number", id="text in a number column"),
        pytest.param("A3", datetime.date(2026, 2, 1), "Excel makes of ratios such as 1/2", id="a date made of 1/2"),
        pytest.param("A3", datetime.time(1, 2), "Excel makes of ratios such as 1/2 or 1:2", id="a time made of 1:2"),
        pytest.param("A3", "#DIV/0!", "error of a formula", id="a formula's error"),
        pytest.param("A3", True, "not a number", id="a yes or no"),
        pytest.param("A3", None, "is empty", id="an empty input"),
        pytest.param("A3", "5 nm", "not a volume", id="a unit of another kind"),
        pytest.param("A3", "<5", "a limit", id="a limit"),
        pytest.param("D3", 2.7, "in eV it would be 459 nm", id="an energy among wavelengths"),
        pytest.param("E3", "18 ± 2", "a mean and an error", id="a mean with its error"),
    ],
)
def test_a_cell_that_is_no_measurement_is_left_out_by_its_address(
    tmp_path: Path, address: str, value: Any, reason: str
) -> None:
    workbook(tmp_path, put(address, value))
    table = read_table(SOURCE, tmp_path)
    assert list(left_out(table)) == [f"Data!{address}"]
    assert reason in left_out(table)[f"Data!{address}"]
    assert table.rows == ((2, 3, 4) if address[0] in "DE" else (2, 4))


def test_a_zero_that_means_missing_leaves_the_rest_of_its_row(tmp_path: Path) -> None:
    workbook(tmp_path, put("D3", 0))
    table = read_table(SOURCE, tmp_path)
    assert [set(f) for f in table.features] == [{"pl_peak_nm", "fwhm_nm"}, {"fwhm_nm"}, {"pl_peak_nm", "fwhm_nm"}]


def test_a_cell_with_its_own_unit_is_read_in_it(tmp_path: Path) -> None:
    workbook(tmp_path, put("B3", "300 s"))
    assert [d["growth_time_s"] for d in read_table(SOURCE, tmp_path).designs] == [120.0, 300.0, 240.0]


def test_decimal_commas_are_read_where_the_file_says_so(tmp_path: Path) -> None:
    rows = "V;t;S;PL;W\n250,5;2;octane;460,5;20\n1.250,5;2;octane;460,5;20\n"
    (tmp_path / "past.csv").write_text(rows, encoding="utf-8")
    source = dataclasses.replace(SOURCE, file="past.csv", separator=";", decimal=",")
    table = read_table(source, tmp_path)
    assert table.designs[0]["volume_ml"] == pytest.approx(0.2505)
    assert left_out(table) == {"A3": "'1.250,5' has a point and a comma; remove the separator of thousands"}


def test_a_decimal_comma_in_a_comma_separated_file_is_a_cell_too_many(tmp_path: Path) -> None:
    (tmp_path / "past.csv").write_text("V,t,S,PL,W\n250,2,octane,460,20\n250,5,2,octane,460,20\n", encoding="utf-8")
    table = read_table(dataclasses.replace(SOURCE, file="past.csv"), tmp_path)
    assert table.rows == (2,)
    assert "6 cells, the header 5" in left_out(table)["F3"]


def test_rows_the_chemist_excludes_are_listed_with_the_chemists_reason(tmp_path: Path) -> None:
    workbook(tmp_path)
    table = read_table(dataclasses.replace(SOURCE, exclude={3: "spilled"}), tmp_path)
    assert table.rows == (2, 4)
    assert left_out(table) == {"row 3": "spilled"}
    with pytest.raises(Refused, match="exclude names row 9"):
        read_table(dataclasses.replace(SOURCE, exclude={9: "spilled"}), tmp_path)


@pytest.mark.parametrize(("sheet", "said"), [("Dta", "it has 'Data', 'Notes'"), ("Notes", "'Data' has")])
def test_a_wrong_sheet_is_refused_with_the_right_one(tmp_path: Path, sheet: str, said: str) -> None:
    workbook(tmp_path, lambda s: s.parent.create_sheet("Notes").append(["who", "when"]))
    with pytest.raises(Refused, match=said):
        read_table(dataclasses.replace(SOURCE, sheet=sheet), tmp_path)
    assert len(read_table(dataclasses.replace(SOURCE, sheet="Data"), tmp_path).rows) == 3


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param(
            "past.xlsx", OLE + "EncryptedPackage".encode("utf-16-le"), "protected by a password", id="password"
        ),
        pytest.param("past.xlsx", OLE + "Workbook".encode("utf-16-le"), "before 2007", id="an old .xls"),
        pytest.param("past.xlsx", b"V,t\n1,2\n", "name it .csv", id="text called Excel"),
        pytest.param("past.csv", b"PK\x03\x04rest", "name it .xlsx", id="Excel called text"),
        pytest.param("past.xlsx", b"PK\x03\x04rest", "cannot be read as an Excel workbook", id="a broken workbook"),
        pytest.param("past.parquet", b"PAR1", "cannot be read as Parquet", id="a broken Parquet file"),
        pytest.param("past.ods", b"x", "not a table format", id="another format"),
        pytest.param("past.csv", b"V;t;S;PL;W\n1;2;a;460;2\n", "write 'separator: ';''", id="another separator"),
        pytest.param("past.csv", b"V,t,S,PL,W\n", "no rows below its header", id="a header alone"),
        pytest.param("past.csv", b'V,t,S,PL,W\n"1"2,2,a,460,2\n', "line 2: not a table", id="a stray quote"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Refused) as caught:
        read_table(dataclasses.replace(SOURCE, file=name), tmp_path)
    assert said in str(caught.value) and name in str(caught.value)


def test_a_workbook_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/media/zeros.bin", b"")
        archive.filelist[-1].file_size = 2**31
    with pytest.raises(Refused, match="unpacks to more than 1 GiB"):
        read_table(SOURCE, tmp_path)


def test_a_text_of_excels_unicode_export_reads_like_any_other(tmp_path: Path) -> None:
    rows = "V\tt\tS\tPL\tW\n250\t2\tµ-emulsion\t460\t20\n"
    (tmp_path / "past.txt").write_bytes(rows.encode("utf-16"))
    table = read_table(dataclasses.replace(SOURCE, file="past.txt", separator="\t"), tmp_path)
    assert table.designs[0]["solvent"] == "µ-emulsion"


def test_excel_and_parquet_read_alike(tmp_path: Path) -> None:
    import pandas as pd

    workbook(tmp_path)
    pd.DataFrame(ROWS, columns=HEADER).to_parquet(tmp_path / "past.parquet")
    one, two = (read_table(dataclasses.replace(SOURCE, file=f"past.{kind}"), tmp_path) for kind in ("xlsx", "parquet"))
    assert (one.designs, one.features, one.rows) == (two.designs, two.features, two.rows)
