"""A table as its file has it, CSV, Excel or Parquet: header, columns of raw cells, and the address of each cell."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from sdl.errors import Refused

MAX_BYTES = 64 * 1024 * 1024
"""Largest file read (chosen: far above any table of syntheses made by hand, far below memory)."""

Cell = str | float | bool | datetime | date | time | timedelta | None
"""What one cell holds before anybody gives it a meaning."""

_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OLE, _ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"
"""First bytes of a compound file (MS-CFB 2.2: old .xls, or a password around a new one) and of a ZIP (.xlsx)."""

SEPARATORS = {",": "','", ";": "';'", "\t": '"\\t" (tab)', "|": "'|'"}
_LOOKED_AT = 20  # rows below the first in which a header is looked for: a title, a date, a remark, a units row


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A header and ``columns[i][k]``, the raw cell of column ``i`` in line ``rows[k]`` (from 1) of the file.

    ``extra[row]`` is how many cells a row has beyond the header; ``merged`` and ``uncomputed`` are addresses such as
    ``C2:C4`` and ``C12`` of merged cells and of formulas without a stored result.
    """

    file: str
    name: str
    header: tuple[str, ...]
    header_row: int
    rows: Sequence[int]
    columns: Sequence[Sequence[Cell]]
    sha256: str
    extra: Mapping[int, int] = field(default_factory=dict)
    merged: tuple[str, ...] = ()
    uncomputed: tuple[str, ...] = ()

    def cell(self, column: int, row: int) -> str:
        """Return the address of a cell as a spreadsheet shows it: ``Data!C12``, or ``C12`` in a text file."""
        address = f"{letters(column)}{row}"
        return f"{self.name}!{address}" if self.name else address


def letters(column: int) -> str:
    """Return the letters of column ``column`` (from 0): A .. Z, AA ..."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def number_of(name: str) -> int:
    """Return the column (from 0) that the letters ``name`` stand for."""
    value = 0
    for letter in name:
        value = value * 26 + ord(letter) - 64
    return value - 1


def read_sheet(
    path: Path, *, separator: str = ",", sheet: str = "", header: int = 0, wanted: Sequence[str] = (), public: str = ""
) -> Sheet:
    """Read ``path``; ``header`` is the line of the column names (0: the first line that is not empty).

    ``wanted`` are column names that must be there. Raise `Refused` for a file that is no such table, saying what is.
    """
    raw = _bytes(path, public)
    return _sheet(path, _lines(path, raw, separator, sheet, wanted), header, wanted, hashlib.sha256(raw).hexdigest())


def first_rows(path: Path, *, separator: str = ",", sheet: str = "", n: int = 30) -> list[tuple[int, Sequence[Cell]]]:
    """Return the first ``n`` rows that are not empty with their numbers, whatever they are."""
    return _lines(path, _bytes(path, ""), separator, sheet, ()).rows[:n]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """A file's rows that are not empty, before anyone has said which one is the header."""

    name: str = ""
    rows: list[tuple[int, Sequence[Cell]]]
    merged: tuple[str, ...] = ()
    uncomputed: tuple[str, ...] = ()


def _lines(path: Path, raw: bytes, separator: str, sheet: str, wanted: Sequence[str]) -> _Lines:
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".xlsm"):
        from sdl.history import workbook

        name, rows, merged, uncomputed = workbook.read(path, raw, sheet, wanted)
        return _Lines(name=name, rows=rows, merged=merged, uncomputed=uncomputed)
    if suffix == ".parquet":
        return _Lines(rows=_parquet(path, raw))
    if suffix in (".csv", ".tsv", ".txt"):
        return _Lines(rows=_text(path, raw, separator))
    raise Refused(f"{path}: '{suffix}' is not a table format; save it as .csv, .xlsx or .parquet")


def _sheet(path: Path, found: _Lines, header: int, wanted: Sequence[str], sha256: str) -> Sheet:
    lines = found.rows
    at = 0 if not header else next((i for i, (row, _) in enumerate(lines) if row == header), -1)
    if at < 0 or len(lines) < at + 2:
        where = f"no row {header}" if at < 0 else "no rows below its header"
        raise Refused(f"{path}: has {where}; one synthesis per row below one row of column names is wanted")
    row, cells = lines[at]
    names = [_name(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    if wanted and not header:
        _require(path, found.name, lines, at, names, wanted)
    body = lines[at + 1 :]
    width = len(names)
    extra = {
        r: len(line) - width for r, line in body if len(line) > width and any(c not in (None, "") for c in line[width:])
    }
    blank = [None] * width
    columns = list(zip(*([*line, *blank][:width] for _, line in body), strict=True))
    return Sheet(
        file=str(path),
        name=found.name,
        header=tuple(names),
        header_row=row,
        rows=[r for r, _ in body],
        columns=columns,
        sha256=sha256,
        extra=extra,
        merged=found.merged,
        uncomputed=found.uncomputed,
    )


def _name(cell: Cell) -> str:
    return "" if cell is None else " ".join(str(cell).split())


def _require(
    path: Path,
    sheet: str,
    lines: list[tuple[int, Sequence[Cell]]],
    at: int,
    names: Sequence[str],
    wanted: Sequence[str],
) -> None:
    """Raise `Refused` when another row is the header: it has more of the wanted names than the first one."""
    here = len(set(wanted) & set(names))
    for row, cells in lines[at + 1 : at + 1 + _LOOKED_AT]:
        if len(set(wanted) & {_name(c) for c in cells}) > here:
            what = f"sheet '{sheet}' " if sheet else ""
            raise Refused(
                f"{path}: {what}row {row} has the column names, row {lines[at][0]} has {', '.join(filter(None, names))}"
                f"; write 'header: {row}' under data"
            )


def _bytes(path: Path, public: str) -> bytes:
    if not path.is_file():
        where = f"; it is public at {public}" if public else ""
        raise Refused(f"{path}: there is no such table{where}; put it there or point to it with --data FILE")
    if path.stat().st_size > MAX_BYTES:
        raise Refused(f"{path}: larger than {MAX_BYTES // 2**20} MiB; give a table of syntheses, one row each")
    raw = path.read_bytes()
    suffix = path.suffix.lower()
    if raw.startswith(_OLE):
        if _ENCRYPTED in raw:
            raise Refused(f"{path}: is protected by a password; in Excel, File > Info > Encrypt: empty it, save")
        raise Refused(f"{path}: is an Excel file of before 2007; save it as .xlsx")
    if raw.startswith(_ZIP) and suffix not in (".xlsx", ".xlsm"):
        raise Refused(f"{path}: is an Excel file (or another ZIP) by its content; name it .xlsx")
    if suffix in (".xlsx", ".xlsm") and not raw.startswith(_ZIP):
        raise Refused(f"{path}: is not an Excel file by its content; if it is text, name it .csv")
    return raw


def decoded(raw: bytes) -> str:
    """Return a text file's text: UTF-8, UTF-16 with its mark (Excel's "Unicode text"), or what Windows writes."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _text(path: Path, raw: bytes, separator: str) -> list[tuple[int, Sequence[Cell]]]:
    """Return the rows of a text table; lines that begin with '#' are comments."""
    reader = csv.reader(io.StringIO(decoded(raw)), delimiter=separator, strict=True)
    try:
        lines: list[tuple[int, Sequence[Cell]]] = [
            (reader.line_num, cells)
            for cells in reader
            if cells and not cells[0].startswith("#") and any(c.strip() for c in cells)
        ]
    except csv.Error as exc:
        raise Refused(f"{path}: line {reader.line_num}: not a table separated by '{separator}' ({exc})") from exc
    if lines and len(lines[0][1]) == 1:
        alone = str(lines[0][1][0])
        for other, shown in SEPARATORS.items():
            if other != separator and other in alone:
                raise Refused(f"{path}: its columns are separated by {shown}; write 'separator: {shown}' under data")
    return lines


def _parquet(path: Path, raw: bytes) -> list[tuple[int, Sequence[Cell]]]:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        table = pq.read_table(io.BytesIO(raw))
    except (pa.ArrowException, OSError) as exc:
        raise Refused(f"{path}: cannot be read as Parquet ({exc}); write it again") from exc
    columns = [[_plain(v) for v in column.to_pylist()] for column in table.columns]
    lines: list[tuple[int, Sequence[Cell]]] = [(1, list(table.column_names))]
    return lines + list(enumerate(zip(*columns, strict=True), start=2))


def _plain(value: object) -> Cell:
    if value is None or isinstance(value, str | float | bool | datetime | date | time | timedelta):
        return value
    return float(value) if isinstance(value, int) else str(value)
