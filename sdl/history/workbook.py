"""An Excel workbook: which sheet is meant, its cells, what is merged, and which formulas have no stored result."""

from __future__ import annotations

import io
import posixpath
import re
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from sdl.errors import Refused
from sdl.history.sheet import Cell

_LARGEST = 2**30
"""Largest content once unpacked: 1 GiB, 16 times the largest file (a bomb unpacks to thousands of times its size)."""

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
"""Names of ECMA-376 part 1, SpreadsheetML."""

_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z0-9:]+)"')
_UNCOMPUTED = re.compile(
    rb'<(?:\w+:)?c\s[^>]*?r="([A-Z]+[0-9]+)"[^>]*>\s*<(?:\w+:)?f\b[^>]*?(?:/>|>[^<]*</(?:\w+:)?f>)\s*'
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
"""A cell whose formula is there but whose value is empty: it was never computed by the program that saved the file."""

_HEADER_ROWS = 20


def read(
    path: Path, raw: bytes, sheet: str, wanted: Sequence[str]
) -> tuple[str, list[tuple[int, Sequence[Cell]]], tuple[str, ...], tuple[str, ...]]:
    """Return the sheet's name, its rows with their numbers, merged ranges, and formulas without a result."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        _refuse_bombs(path, raw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and extensions that openpyxl does not keep are no concern here
            book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
            name = _choose(path, book, sheet, wanted)
            page = book[name]
            page.reset_dimensions()  # some programs write a wrong size, and rows beyond it would be lost
            cells: Iterable[Sequence[Any]] = page.iter_rows(values_only=True)
            rows: list[tuple[int, Sequence[Cell]]] = [(i, row) for i, row in enumerate(cells, start=1) if _any(row)]
        xml = _xml(raw, name)
    except (InvalidFileException, zipfile.BadZipFile, ElementTree.ParseError, KeyError, ValueError, OSError) as exc:
        raise Refused(f"{path}: cannot be read as an Excel workbook ({exc}); save it again in Excel") from exc
    merged = tuple(m.decode() for m in _MERGED.findall(xml))
    return name, rows, merged, tuple(m.decode() for m in _UNCOMPUTED.findall(xml))


def _any(cells: Sequence[Any]) -> bool:
    return any(cell is not None and cell != "" for cell in cells)


def _refuse_bombs(path: Path, raw: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
            raise Refused(f"{path}: unpacks to more than {_LARGEST // 2**30} GiB; give a table of syntheses")


def _choose(path: Path, book: Any, sheet: str, wanted: Sequence[str]) -> str:
    """Return the sheet that is meant: the named one, or the only one that is not empty."""
    names: list[str] = [page.title for page in book.worksheets]
    heads = {name: _head(book[name]) for name in names}
    filled = [name for name in names if heads[name]]
    fitting = [name for name in filled if wanted and set(wanted) <= {cell for row in heads[name] for cell in row}]
    listed = ", ".join(f"'{n}'" for n in names)
    if sheet:
        if sheet not in names:
            raise Refused(f"{path}: there is no sheet '{sheet}'; it has {listed}: correct 'sheet' under data")
        if fitting and sheet not in fitting:
            raise Refused(f"{path}: sheet '{sheet}' lacks the columns, sheet '{fitting[0]}' has them: correct 'sheet'")
        return sheet
    if len(filled) == 1:
        return filled[0]
    if not filled:
        raise Refused(f"{path}: every sheet is empty ({listed}); one synthesis per row is wanted")
    advice = f"'{fitting[0]}' has the columns: " if len(fitting) == 1 else ""
    raise Refused(f"{path}: has the sheets {listed}; {advice}say which is meant with 'sheet: NAME' under data")


def _head(page: Any) -> list[list[str]]:
    rows = page.iter_rows(min_row=1, max_row=_HEADER_ROWS, values_only=True)
    return [[" ".join(str(c).split()) for c in row if c is not None] for row in rows if _any(row)]


def _xml(raw: bytes, sheet: str) -> bytes:
    """Return the XML of ``sheet``, found as the workbook's own relationships say."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        links = {
            link.get("Id"): str(link.get("Target"))
            for link in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        }
        for page in book.iter(f"{_MAIN}sheet"):
            if page.get("name") == sheet:
                target = links[page.get(_LINK)]
                part = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
                return archive.read(part)
    return b""


def longest_sheet(path: Path) -> str:
    """Return the name of the sheet with most rows, "" where the file cannot be opened (reading it says why)."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            lengths: dict[str, int] = {page.title: page.max_row or 0 for page in book.worksheets}
            book.close()
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError):
        return ""
    longest: str = max(lengths, key=lambda name: lengths[name], default="")
    return longest
