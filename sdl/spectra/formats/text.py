"""Spectra written as text: AvaSoft, OceanView, SpectraSuite, Jaz, Cary and plain tables, in any of their dialects.

The longest run of lines that begin with a number is the data; what stands above it says which column is what.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sdl.errors import Refused
from sdl.spectra.formats.recording import FEWEST, Array, Recording
from sdl.spectra.formats.words import Column, column_of, in_nm, quantity_of

NUMBER = r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?"
_RUN = re.compile(rf"(?m)(?:^[ \t]*\"?{NUMBER}\"?[ \t]*(?:[;\t, ][^\n]*)?(?:\n|\Z))+")
"""Lines that begin with a number, as many as follow each other."""
_CONTROL = bytes(code for code in range(32) if code not in (9, 10, 11, 12, 13, 26))
_KEY = re.compile(r"\s*#*\s*([^:;\t]{2,60}?)\s*:\s*(\S.*)")
_FORMS = (
    ("Jaz", r"^Jaz|Spectrometers: *JAZ"),
    ("SpectraSuite", r"SpectraSuite|>>>>>Begin Processed"),
    ("OceanView", r">>>>>Begin Spectral Data|OceanView|from .* Node"),
    ("AvaSoft 7", r"Data measured with spectrometer name|Nr of pixels used for smoothing"),
    ("AvaSoft 8", r"Integration time \[ms\]|Wave\s*;\s*Sample"),
    ("Cary", r"Wavelength \(nm\),\s*(?:Abs|%T)"),
)
_MILLISECONDS = ((r"integration.*\(usec\)", 1e-3), (r"integration.*\(sec\)", 1e3), (r"integration", 1.0))
_MEASURED: frozenset[Column] = frozenset({"sample", "absorbance", "transmittance"})
STRANGE = 0.002
"""Share of control characters that a text may hold: a damaged header has a few, binary data a tenth; chosen."""
HEADER_LINES = 60
"""How many lines above the data are looked at; the longest vendor header has some 30."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """The numbers of a file ``(rows, columns)``, and the header above them, split as the data is."""

    numbers: Array
    header: Sequence[str]
    separator: str
    flags: tuple[str, ...]


def decoded(raw: bytes) -> str:
    """Return the text of a file in UTF-8, UTF-16 or cp1252, without NUL padding; raise `Refused` for binary data."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    nuls = raw.count(b"\0")
    if nuls > 0.3 * len(raw):  # UTF-16 without its mark: every other byte of ASCII is NUL
        even = raw[::2].count(b"\0") > raw[1::2].count(b"\0")
        text = raw.decode("utf-16-be" if even else "utf-16-le", errors="replace")
        return _printable(text.rstrip("\0"))
    plain = raw.replace(b"\0", b"")
    try:
        return _printable(plain.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return _printable(plain.decode("cp1252", errors="replace"))


def _printable(text: str) -> str:
    raw = text.encode(errors="replace")
    strange = len(raw) - len(raw.translate(None, _CONTROL)) + text.count("\ufffd")
    if strange > STRANGE * len(text) + 1:
        raise Refused("binary data of no known layout; export the spectrum as text")
    return text


def table_spectra(text: str) -> list[Recording]:
    """Return the spectra of a text table; raise `Refused` with what makes it unreadable."""
    table = _table(text)
    if table.numbers.shape[1] < 2:
        raise Refused("one column of numbers is no spectrum; export wavelengths with the values")
    form = next((name for name, pattern in _FORMS if re.search(pattern, text[:4000])), "table")
    names = _names(table)
    groups = _groups(names, table)
    keys = _keys(table.header)
    return [_recording(table, names, group, form, keys, text) for group in groups]


def _table(text: str) -> _Table:
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a")
    run = max(_RUN.finditer(text), key=lambda found: found.end() - found.start(), default=None)
    body = run[0].rstrip() if run else ""
    if run is None or body.count("\n") < FEWEST - 1:
        raise Refused(f"no column of at least {FEWEST} numbers was found; this is no spectrum")
    separator = _separator(body.split("\n", 1)[0])
    start = body[:2000]
    if separator != "," and "," in start:
        if "." in start:
            raise Refused("numbers have both a decimal point and a decimal comma; export with one of them")
        body = body.replace(",", ".")
    header = [line.strip() for line in text[: run.start()].split("\n")[-HEADER_LINES:]]
    numbers, flags = _numbers(body, separator)
    stated = re.search(r"(?i)number of pixels in[^:]*:\s*(\d+)", "\n".join(header))
    if (stated and numbers.shape[0] < int(stated[1])) or (
        ">>>>>Begin Processed" in text and ">>>>>End" not in text[-400:]
    ):
        flags = (*flags, "truncated")
    return _Table(numbers=numbers, header=header, separator=separator, flags=tuple(dict.fromkeys(flags)))


def _separator(row: str) -> str:
    row = row.strip()
    if ";" in row:
        return ";"
    if "\t" in row:
        return "\t"
    if "," in row and not re.fullmatch(rf"{NUMBER}(?:\s+{NUMBER})+\s*", row):
        return ","
    return " "


def _numbers(body: str, separator: str) -> tuple[Array, tuple[str, ...]]:
    """Return the numbers ``(rows, columns)``: at once where every row is complete, else cell by cell."""
    width = len(_cells(body.split("\n", 1)[0], separator))
    try:
        plain = np.array(body.replace(separator, " ").split(), dtype=float)
        if plain.size == width * (body.count("\n") + 1):
            return plain.reshape(-1, width), ()
    except ValueError:
        pass  # a cell that is no number: looked at one by one below
    rows = [_cells(row, separator) for row in body.split("\n")]
    whole = [row for row in rows if len(row) >= width]
    cut = len(rows[-1]) < width
    if len(whole) < len(rows) - cut:
        raise Refused(f"{len(rows) - len(whole)} rows have fewer than {width} columns; export the file again")
    cells = np.array([[_number(cell) for cell in row[:width]] for row in whole])
    return cells, ("truncated",) if cut else ()


def _cells(row: str, separator: str) -> list[str]:
    cells = row.split() if separator == " " else row.split(separator)
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _number(cell: str) -> float:
    try:
        return float(cell.strip().strip('"') or "nan")
    except ValueError:
        return math.nan


def _names(table: _Table) -> list[tuple[str, str]]:
    """Return name and unit of each column; empty where no header line has as many cells as the data."""
    width = table.numbers.shape[1]
    rows = [_cells(line, table.separator) for line in table.header[-6:] if line]
    rows = [[c.strip() for c in row] for row in rows if len(row) == width and ":" not in row[0]]
    names = next((row for row in rows if any(column_of(cell) != "other" for cell in row)), [""] * width)
    after = rows[rows.index(names) + 1 :] if names in rows else []
    units = next((row for row in after if all(not cell or cell.startswith("[") for cell in row)), [""] * width)
    return list(zip(names, units, strict=True))


def _groups(names: Sequence[tuple[str, str]], table: _Table) -> list[dict[Column, int]]:
    """Return which column is what, once a spectrum."""
    kinds = [column_of(name) for name, _ in names]
    axes = [n for n, kind in enumerate(kinds) if kind == "wavelength"] or [_axis(table.numbers)]
    groups: list[dict[Column, int]] = []
    for axis, end in zip(axes, [*axes[1:], len(kinds)], strict=True):
        others = range(axis + 1, end) if len(axes) > 1 else [n for n in range(len(kinds)) if n != axis]
        found: dict[Column, int] = {"wavelength": axis}
        for n in others:
            if kinds[n] in ("dark", "reference", "sample", "absorbance", "transmittance", "processed"):
                found.setdefault(kinds[n], n)
        if len(found) == 1:
            groups += [{"wavelength": axis, "other": n} for n in others]
        elif len(_MEASURED & found.keys()) == 1 and "dark" not in found:
            quantity = next(iter(_MEASURED & found.keys()))
            shared: dict[Column, int] = {k: v for k, v in found.items() if k in ("reference", "wavelength")}
            groups += [{**shared, quantity: n} for n in others if kinds[n] == quantity]
        else:
            groups.append(found)
    return groups


def _axis(numbers: Array) -> int:
    """Return the first column, if it can be wavelengths; refuse where another one looks like them."""

    def runs(column: Array) -> bool:
        steps = np.diff(column)
        return bool(np.all(np.isfinite(column)) and (np.all(steps > 0) or np.all(steps < 0)))

    if not runs(numbers[:, 0]):
        for n in range(1, numbers.shape[1]):
            if runs(numbers[:, n]):
                raise Refused(f"columns are shuffled: column {n + 1} looks like the wavelengths, column 1 does not")
    return 0


def _recording(
    table: _Table,
    names: Sequence[tuple[str, str]],
    group: Mapping[Column, int],
    form: str,
    keys: Mapping[str, str],
    text: str,
) -> Recording:
    axis = group["wavelength"]
    n = next((group[k] for k in ("sample", "absorbance", "transmittance", "processed", "other") if k in group), None)
    if "dark" in group and "reference" in group and "sample" not in group and n is not None:
        group = {k: v for k, v in group.items() if k not in ("dark", "reference")}
    if n is None:
        raise Refused("no column of a sample was found beside dark and reference; export the sample too")
    rows = np.isfinite(table.numbers[:, axis])
    values = table.numbers[rows, n]
    said = " ".join(part for part in names[n] if part) or keys.get("y axis", "") or keys.get("yunits", "")
    quantity, scale = quantity_of(said, values) if np.isfinite(values).any() else ("counts", 1.0)
    extra = {k: table.numbers[rows, group[k]] for k in ("dark", "reference") if k in group and quantity == "counts"}
    flags = table.flags if np.isfinite(values).mean() > 0.8 else (*table.flags, "broken_pixels")
    return Recording(
        form=form,
        wavelength_nm=in_nm(table.numbers[rows, axis], " ".join(names[axis])),
        quantity=quantity,
        values=np.asarray(values * scale),
        dark=extra.get("dark"),
        reference=extra.get("reference"),
        instrument=_instrument(keys),
        integration_ms=_integration_ms(keys),
        averages=_averages(keys),
        label=_label(table.header, n, names) if quantity != "counts" else "",
        flags=flags,
    )


def _label(header: Sequence[str], column: int, names: Sequence[tuple[str, str]]) -> str:
    """Return the name a Cary file gives a pair of columns: in the line above the column names."""
    for line, below in pairwise(header):
        cells = [cell.strip() for cell in line.split(",")]
        if column_of(below.split(",")[0]) == "wavelength" and 0 < column <= len(cells) and cells[column - 1]:
            return cells[column - 1]
    return names[column][0] if len(names) > 2 else ""


def _keys(header: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in header:
        if match := _KEY.match(line):
            found.setdefault(match[1].strip().lower(), match[2].strip())
    return found


def _instrument(keys: Mapping[str, str]) -> str:
    return next((v.split()[0].strip(";") for k, v in keys.items() if "spectrometer" in k and v), "")


def _integration_ms(keys: Mapping[str, str]) -> float:
    for key, value in keys.items():
        for pattern, scale in _MILLISECONDS:
            if re.search(pattern, key) and (number := re.match(NUMBER, value)):
                return float(number[0].replace(",", ".")) * scale
    return math.nan


def _averages(keys: Mapping[str, str]) -> int:
    for key, value in keys.items():
        if re.search(r"averag", key) and (number := re.match(r"\d+", value)):
            return max(1, int(number[0]))
    return 1
