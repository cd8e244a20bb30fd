"""Historical tables: a chemist's CSV, Excel or Parquet file becomes designs and features in internal units."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdl.campaign import Campaign, DataColumn, DataSource
from sdl.config import quantities
from sdl.config.goals import FEATURE_NAMES
from sdl.errors import Refused
from sdl.space import Parameter
from sdl.units import HC_EV_NM, nm_from_ev, unit_of

TEXT_UNIT = "text"
"""The unit of a column of names, such as which antisolvent was used."""

_MAX_BYTES = 64 * 1024 * 1024  # far above any table of syntheses made by hand, far below memory
_MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "-", "n.d."})


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """A row, or one cell of it, that was left out: its line in the file (from 1), its column, and why."""

    row: int
    column: str
    reason: str
    whole_row: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """``n`` syntheses: ``designs[i]`` gave ``features[i]`` and stands in line ``rows[i]``; repeats are replicates."""

    designs: tuple[Mapping[str, float | str], ...]
    features: tuple[Mapping[str, float], ...]
    rows: tuple[int, ...]
    excluded: tuple[Excluded, ...]
    file: str
    sha256: str


def read_table(source: DataSource, base: Path, *, outcomes: Collection[str] = FEATURE_NAMES) -> Table:
    """Read the table that ``source`` names, relative to ``base``; columns in ``outcomes`` are features.

    Raise `Refused` when the file or a column is not there. A row whose inputs cannot be read, or that has no feature
    at all, is excluded with its reason; a feature that cannot be read is missing in its row and listed too.
    """
    path = base / source.file
    raw = _bytes(path, source)
    header, lines = _rows(path, raw, source)
    for name, column in source.columns.items():
        if header.count(column.column) != 1:
            times = "twice or more" if column.column in header else "not"
            raise Refused(f"{path}: column '{column.column}' for {name} is {times} there; it has {', '.join(header)}")
    place = {name: header.index(column.column) for name, column in source.columns.items()}
    taken: list[tuple[dict[str, float | str], dict[str, float], int]] = []
    excluded: list[Excluded] = []
    for row, cells in lines:
        given = {name: cells[i].strip() if i < len(cells) else "" for name, i in place.items()}
        design, bad = _design(given, source.columns, outcomes, row)
        features, notes = _features(given, source.columns, outcomes, row)
        excluded += bad + notes
        if not bad and not features:
            excluded.append(Excluded(row=row, column="", reason="no feature was measured"))
        elif not bad:
            taken.append((design, features, row))
    return Table(
        designs=tuple(t[0] for t in taken),
        features=tuple(t[1] for t in taken),
        rows=tuple(t[2] for t in taken),
        excluded=tuple(excluded),
        file=str(path),
        sha256=hashlib.sha256(raw).hexdigest(),
    )


def campaign_table(campaign: Campaign) -> Table:
    """Return the table of an offline campaign with its parameters only; rows outside their ranges are excluded."""
    if campaign.data is None:
        raise Refused(f"{campaign.file}: has no data; add 'mode: offline' and 'data:'")
    outcomes = {*FEATURE_NAMES, *campaign.target.goals}
    table = read_table(campaign.data, Path(campaign.file).parent, outcomes=outcomes)
    keep: list[int] = []
    excluded = list(table.excluded)
    for i, design in enumerate(table.designs):
        outside = next((p for p in campaign.parameters if not _within(design[p.name], p)), None)
        if outside is None:
            keep.append(i)
        else:
            reason = f"{design[outside.name]} is outside what varies"
            excluded.append(Excluded(row=table.rows[i], column=outside.name, reason=reason))
    names = [p.name for p in campaign.parameters]
    return Table(
        designs=tuple({name: table.designs[i][name] for name in names} for i in keep),
        features=tuple(table.features[i] for i in keep),
        rows=tuple(table.rows[i] for i in keep),
        excluded=tuple(excluded),
        file=table.file,
        sha256=table.sha256,
    )


def _within(value: float | str, parameter: Parameter) -> bool:
    if parameter.choices:
        return value in parameter.choices
    slack = 1e-9 * (parameter.high - parameter.low)
    return isinstance(value, float) and parameter.low - slack <= value <= parameter.high + slack


def _bytes(path: Path, source: DataSource) -> bytes:
    if not path.is_file():
        public = f"; it is public at {source.public}" if source.public else ""
        raise Refused(f"{path}: there is no such table{public}; put it there or point to it with --data FILE")
    if path.stat().st_size > _MAX_BYTES:
        raise Refused(f"{path}: larger than {_MAX_BYTES // 2**20} MiB; give a table of syntheses, one row each")
    return path.read_bytes()


def _rows(path: Path, raw: bytes, source: DataSource) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and each row as text with its line number; comment lines begin with '#'."""
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".parquet"):
        return _frame(path, raw, source)
    if suffix not in (".csv", ".tsv", ".txt"):
        raise Refused(f"{path}: '{suffix}' is not a table format; save it as .csv, .xlsx or .parquet")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")  # what Excel writes on Windows
    reader = csv.reader(io.StringIO(text), delimiter=source.separator)
    try:
        lines = [(reader.line_num, cells) for cells in reader if cells and not cells[0].startswith("#")]
    except csv.Error as exc:
        raise Refused(f"{path}: line {reader.line_num}: not a table separated by '{source.separator}' ({exc})") from exc
    if len(lines) < 2:
        raise Refused(f"{path}: has no rows below its header; one synthesis per row is wanted")
    return [name.strip() for name in lines[0][1]], lines[1:]


def _frame(path: Path, raw: bytes, source: DataSource) -> tuple[list[str], list[tuple[int, list[str]]]]:
    import pandas as pd

    try:
        if path.suffix.lower() == ".parquet":
            frame = pd.read_parquet(io.BytesIO(raw))
        else:
            frame = pd.read_excel(io.BytesIO(raw), sheet_name=source.sheet or 0)
    except (ValueError, KeyError, OSError, ImportError) as exc:
        raise Refused(f"{path}: cannot be read as a table ({exc}); check the file and 'sheet'") from exc
    values: Sequence[Sequence[Any]] = frame.astype(object).where(frame.notna(), "").to_numpy().tolist()
    return [str(c).strip() for c in frame.columns], [
        (i, [str(v) for v in row]) for i, row in enumerate(values, start=2)
    ]


def _design(
    given: Mapping[str, str], columns: Mapping[str, DataColumn], outcomes: Collection[str], row: int
) -> tuple[dict[str, float | str], list[Excluded]]:
    design: dict[str, float | str] = {}
    bad: list[Excluded] = []
    for name, column in columns.items():
        if name in outcomes:
            continue
        text = given[name]
        if column.unit == TEXT_UNIT and text:
            design[name] = text
            continue
        try:
            value = _number(text, column)
            if value is None:
                raise Refused("is empty")
            factor, offset = quantities.scale(column.unit, unit_of(name))
            design[name] = value * factor + offset
        except Refused as exc:
            bad.append(Excluded(row=row, column=column.column, reason=str(exc)))
    return design, bad


def _features(
    given: Mapping[str, str], columns: Mapping[str, DataColumn], outcomes: Collection[str], row: int
) -> tuple[dict[str, float], list[Excluded]]:
    features: dict[str, float] = {}
    notes: list[Excluded] = []
    for name in sorted(set(columns) & set(outcomes), key=lambda n: n == "fwhm_nm"):  # the width needs the peak first
        column = columns[name]
        try:
            value = _number(given[name], column)
            if value is not None:
                features[name] = _feature(name, value, column.unit, features)
        except Refused as exc:
            notes.append(Excluded(row=row, column=column.column, reason=str(exc), whole_row=False))
    return features, notes


def _feature(name: str, value: float, unit: str, others: Mapping[str, float]) -> float:
    """Return a feature in its internal unit; an energy becomes a wavelength, a width in eV needs the row's peak.

    Width: d(lambda) = lambda**2 / (h c) dE, the derivative of lambda = h c / E.
    """
    if unit_of(name) == "nm" and quantities.same_kind(unit, "eV"):
        energy_ev = value * quantities.scale(unit, "eV")[0]
        if energy_ev <= 0:
            raise Refused(f"{value:g} {unit} is not above 0")
        if name != "fwhm_nm":
            return nm_from_ev(energy_ev)
        if "pl_peak_nm" not in others:
            raise Refused("a width in eV needs the PL peak of its row to become nm")
        return energy_ev * others["pl_peak_nm"] ** 2 / HC_EV_NM
    factor, offset = quantities.scale(unit, unit_of(name))
    value = value * factor + offset
    if name == "plqy" and not 0.0 <= value <= 1.0:
        raise Refused(f"PLQY of {value:g} is outside 0 .. 1; if the column is in per cent, write unit: '%'")
    if unit_of(name) == "nm" and value <= 0:
        raise Refused(f"{value:g} nm is not above 0")
    return value


def _number(text: str, column: DataColumn) -> float | None:
    """Return the cell as a number, None where nothing was measured; raise `Refused` for anything else."""
    if text.lower() in _MISSING:
        return None
    try:
        value = float(text)
    except ValueError as exc:
        comma = "; write a decimal point" if "," in text else ""
        raise Refused(f"'{text[:40]}' is not a number{comma}") from exc
    if not math.isfinite(value):
        raise Refused(f"'{text[:40]}' is not a finite number")
    return None if column.zero_is_missing and value == 0.0 else value
