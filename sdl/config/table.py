"""Historical tables: a chemist's CSV, Excel or Parquet file becomes designs and features in internal units."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path

from sdl.campaign import Campaign, DataColumn, DataSource
from sdl.config import quantities
from sdl.config.goals import FEATURE_NAMES
from sdl.config.report import suggestion
from sdl.errors import Refused
from sdl.history.sheet import Cell, Sheet, letters, number_of, read_sheet
from sdl.space import Parameter
from sdl.units import BY_NAME, HC_EV_NM, SEEN_NM, WIDEST_NM, label_of, nm_from_ev, unit_of

TEXT_UNIT = "text"
"""The unit of a column of names, such as which antisolvent was used."""

MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "-", "--", "n.d.", "nd", "?"})
"""What people write, in any case, where nothing was measured."""

_IF_ZERO = "; if it means not measured, empty the cell, or write 'zero: missing' at the column where 0 does"
_SHOWN = 6  # places listed in one refusal; the rest is counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """A row, or one cell of it, that was left out: its line in the file (from 1), its column, its address, and why."""

    row: int
    column: str
    reason: str
    whole_row: bool = True
    cell: str = ""


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

    Raise `Refused` when the file or a column is not there, or the sheet is not one row of names above one row per
    synthesis. A row whose inputs cannot be read, or that has no feature at all, is excluded with its reason; a feature
    that cannot be read is missing in its row and listed too.
    """
    table = read_rows(source, base, outcomes=outcomes)
    silent = {row for row, seen in zip(table.rows, table.features, strict=True) if not seen}
    kept = [i for i, row in enumerate(table.rows) if row not in silent]
    excluded = [*table.excluded, *(Excluded(row=r, column="", reason="no feature was measured") for r in silent)]
    return Table(
        designs=tuple(table.designs[i] for i in kept),
        features=tuple(table.features[i] for i in kept),
        rows=tuple(table.rows[i] for i in kept),
        excluded=tuple(sorted(excluded, key=lambda e: e.row)),
        file=table.file,
        sha256=table.sha256,
    )


def read_rows(source: DataSource, base: Path, *, outcomes: Collection[str]) -> Table:
    """Return every row whose inputs can be read, also those where nothing was measured yet; see `read_table`."""
    names = [column.column for column in source.columns.values()]
    path = base / source.file
    sheet = read_sheet(
        path, separator=source.separator, sheet=source.sheet, header=source.header, wanted=names, public=source.public
    )
    place = _places(sheet, source.columns)
    _refuse_structure(sheet, source, place)
    excluded = _set_aside(sheet, source)
    left_out = {e.row for e in excluded}
    inputs = {name: i for name, i in place.items() if name not in outcomes}
    designs, bad = _designs(sheet, source, inputs, left_out)
    features, notes = _all_features(sheet, source, {n: i for n, i in place.items() if n in outcomes}, left_out)
    keep = [k for k, row in enumerate(sheet.rows) if row not in left_out and row not in bad]
    excluded += [e for found in bad.values() for e in found] + notes
    return Table(
        designs=tuple(designs[k] for k in keep),
        features=tuple(features[k] for k in keep),
        rows=tuple(sheet.rows[k] for k in keep),
        excluded=tuple(sorted(excluded, key=lambda e: e.row)),
        file=str(path),
        sha256=sheet.sha256,
    )


def campaign_table(campaign: Campaign) -> Table:
    """Return the table of an offline campaign with its parameters only; rows outside their ranges are excluded."""
    if campaign.data is None:
        raise Refused(f"{campaign.file}: has no data; add 'mode: offline' and 'data:'")
    outcomes = {*FEATURE_NAMES, *campaign.target.goals}
    table = read_table(campaign.data, Path(campaign.file).parent, outcomes=outcomes)
    return within(table, campaign.parameters)


def within(table: Table, parameters: Sequence[Parameter]) -> Table:
    """Return the rows whose values lie in the ranges of ``parameters``, with these only; the others are excluded."""
    keep: list[int] = []
    excluded = list(table.excluded)
    for i, design in enumerate(table.designs):
        outside = next((p for p in parameters if p.name not in design or not _within(design[p.name], p)), None)
        if outside is None:
            keep.append(i)
        else:
            given = design.get(outside.name, "nothing")
            reason = f"{given} is outside what varies"
            excluded.append(Excluded(row=table.rows[i], column=outside.name, reason=reason))
    names = [p.name for p in parameters]
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


def _places(sheet: Sheet, columns: Mapping[str, DataColumn]) -> dict[str, int]:
    """Return where each mapped column stands; raise `Refused` naming every one that is not there, and its likeness."""
    wrong = []
    for name, column in columns.items():
        places = [letters(i) for i, h in enumerate(sheet.header) if h == column.column]
        if not places:
            near = suggestion(column.column, filter(None, sheet.header))
            wrong.append(f"column '{column.column}' for {name} is not there (moved or renamed?); {near}")
        elif len(places) > 1:
            wrong.append(
                f"column '{column.column}' for {name} is there {len(places)} times, in {' and '.join(places)}; "
                "give each column a name of its own"
            )
    if wrong:
        where = f"sheet '{sheet.name}' " if sheet.name else ""
        raise Refused("\n".join(f"{sheet.file}: {where}row {sheet.header_row}: {text}" for text in wrong))
    return {name: sheet.header.index(column.column) for name, column in columns.items()}


def _refuse_structure(sheet: Sheet, source: DataSource, place: Mapping[str, int]) -> None:
    """Raise `Refused` for merged cells, formulas without results and second header rows in the mapped columns."""
    used = set(place.values())
    say = f"{sheet.file}: {sheet.name + '!' if sheet.name else ''}"
    problems = []
    for area in sheet.merged:
        (left, top), (right, bottom) = (_corner(c) for c in (area.split(":") * 2)[:2])
        if bottom >= sheet.header_row and used & set(range(left, right + 1)):
            hidden = f"rows {top + 1} to {bottom}" if bottom > top else "the cells beside the first"
            problems.append(f"{say}{area}: merged cells, so {hidden} look empty; unmerge them and fill every cell")
    for address in sheet.uncomputed:
        column, row = _corner(address)
        if column in used and row > sheet.header_row and row not in source.exclude:
            problems.append(f"{say}{address}: a formula without a stored result; open the file in Excel and save it")
    second = _second_header(sheet, source, place)
    if second:
        cells = ", ".join(f"{sheet.cell(i, sheet.rows[0])} '{sheet.columns[i][0]}'" for i in second[:_SHOWN])
        row = sheet.rows[0]
        problems.append(
            f"{sheet.file}: row {row} looks like a second header row ({cells}); join it with row {sheet.header_row}, "
            f"or write 'exclude: {{{row}: second header row}}' under data"
        )
    if problems:
        more = [f"{sheet.file}: {len(problems) - 20} more like these"] if len(problems) > 20 else []
        raise Refused("\n".join(problems[:20] + more))


def _corner(address: str) -> tuple[int, int]:
    name = address.rstrip("0123456789")
    return number_of(name), int(address[len(name) :])


def _second_header(sheet: Sheet, source: DataSource, place: Mapping[str, int]) -> list[int]:
    """Return the number columns whose first cell is words, if that is so for all that are filled and two at least."""
    if not sheet.rows or sheet.rows[0] in source.exclude:
        return []
    numeric = [i for name, i in place.items() if source.columns[name].unit != TEXT_UNIT]
    filled = [i for i in numeric if not _is_missing(sheet.columns[i][0])]
    words = [i for i in filled if isinstance(c := sheet.columns[i][0], str) and not re.search(r"\d", c)]
    return words if len(words) == len(filled) and (len(words) > 1 or len(numeric) == 1) else []


def _is_missing(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING)


def _set_aside(sheet: Sheet, source: DataSource) -> list[Excluded]:
    """Return the rows that the file itself excludes, and those with more cells than there are columns."""
    unknown = sorted(set(source.exclude) - set(sheet.rows))
    if unknown:
        raise Refused(f"{sheet.file}: exclude names row {unknown[0]}, which holds no data; correct the row number")
    excluded = [Excluded(row=row, column="", reason=why) for row, why in source.exclude.items()]
    for row, count in sheet.extra.items():
        if row not in source.exclude:
            reason = (
                f"has {len(sheet.header) + count} cells, the header {len(sheet.header)}: a comma as decimal mark, or "
                "a separator inside a text; put that text in quotes or write a decimal point"
            )
            excluded.append(Excluded(row=row, column="", reason=reason, cell=sheet.cell(len(sheet.header), row)))
    return excluded


def _designs(
    sheet: Sheet, source: DataSource, inputs: Mapping[str, int], left_out: Collection[int]
) -> tuple[list[dict[str, float | str]], dict[int, list[Excluded]]]:
    designs: list[dict[str, float | str]] = [{} for _ in sheet.rows]
    bad: dict[int, list[Excluded]] = {}
    for name, i in inputs.items():
        column = source.columns[name]
        read: Callable[[Cell], float | str | None] = (
            _words if column.unit == TEXT_UNIT else _reader(name, column, source)
        )
        for k, cell in enumerate(sheet.columns[i]):
            if sheet.rows[k] in left_out:
                continue
            try:
                value = read(cell)
                if value is None:
                    raise Refused("is empty")
                designs[k][name] = value
            except Refused as exc:
                row = sheet.rows[k]
                found = Excluded(row=row, column=column.column, reason=str(exc), cell=sheet.cell(i, row))
                bad.setdefault(row, []).append(found)
    return designs, bad


def _all_features(
    sheet: Sheet, source: DataSource, outcomes: Mapping[str, int], left_out: Collection[int]
) -> tuple[list[dict[str, float]], list[Excluded]]:
    features: list[dict[str, float]] = [{} for _ in sheet.rows]
    notes: list[Excluded] = []
    for name in sorted(outcomes, key=lambda n: n == "fwhm_nm"):  # the width needs the peak first
        column, i = source.columns[name], outcomes[name]
        read = _feature_reader(name, column, source)
        for k, cell in enumerate(sheet.columns[i]):
            row = sheet.rows[k]
            if row in left_out:
                continue
            try:
                value = read(cell, features[k])
                if value is not None:
                    features[k][name] = value
            except Refused as exc:
                notes.append(
                    Excluded(row=row, column=column.column, reason=str(exc), whole_row=False, cell=sheet.cell(i, row))
                )
    return features, notes


def _words(cell: Cell) -> str | None:
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        return f"{cell:g}"
    return None if _is_missing(cell) else " ".join(str(cell).split())


def _reader(name: str, column: DataColumn, source: DataSource) -> Callable[[Cell], float | None]:
    """Return how a cell of an input column becomes a number in its internal unit."""
    factor, offset = quantities.scale(column.unit, unit_of(name))

    def read(cell: Cell) -> float | None:
        value = number(cell, column, decimal=source.decimal)
        return None if value is None else _possible(name, value * factor + offset)

    return read


_AMOUNTS = frozenset({"s", "min", "mmol/L", "mol/L", "umol", "mg", "mL", "uL"})
"""Units of which there is nothing below none."""


def _possible(name: str, value: float) -> float:
    """Return ``value`` if an input may have it; raise `Refused` for less than nothing of an amount or a ratio."""
    if value < 0.0 and (unit_of(name) in _AMOUNTS or (name in BY_NAME and not unit_of(name))):
        raise Refused(f"{value:g} {unit_of(name)}".rstrip() + f" is below 0, which no {label_of(name)} can be")
    return value


def _feature_reader(
    name: str, column: DataColumn, source: DataSource
) -> Callable[[Cell, Mapping[str, float]], float | None]:
    energy = unit_of(name) == "nm" and quantities.same_kind(column.unit, "eV")
    factor, offset = quantities.scale(column.unit, "eV" if energy else unit_of(name))
    checked: Callable[[float, float, Mapping[str, float]], float]

    def from_energy(value: float, given: float, others: Mapping[str, float]) -> float:
        if value <= 0:
            raise Refused(f"{given:g} {column.unit} is not above 0")
        return nm_from_ev(value) if name != "fwhm_nm" else width_nm(value, others)

    checked = from_energy if energy else lambda value, _, __: value

    def read(cell: Cell, others: Mapping[str, float]) -> float | None:
        value = number(cell, column, decimal=source.decimal)
        if value is None:
            return None
        return plausible(name, checked(value * factor + offset, value, others))

    return read


def width_nm(width_ev: float, others: Mapping[str, float]) -> float:
    """Return a width in eV as nm at its row's peak: d(lambda) = lambda**2 / (h c) dE, as lambda = h c / E."""
    if "pl_peak_nm" not in others:
        raise Refused("a width in eV needs the PL peak of its row to become nm")
    return width_ev * others["pl_peak_nm"] ** 2 / HC_EV_NM


def plausible(name: str, value: float) -> float:
    """Return ``value`` if it can be the feature ``name``; raise `Refused` with what it may be instead."""
    if name == "plqy" and not 0.0 <= value <= 1.0:
        raise Refused(f"PLQY of {value:g} is outside 0 .. 1; if the column is in per cent, write unit: '%'")
    if name in ("pl_peak_nm", "x1_nm"):
        if value <= 0:
            raise Refused(f"{value:g} nm is not above 0{_IF_ZERO}")
        if not SEEN_NM[0] <= value <= SEEN_NM[1]:
            hint = f"; in eV it would be {nm_from_ev(value):.0f} nm" if 0.4 <= value <= 6.3 else ""
            raise Refused(f"{value:g} nm is outside {SEEN_NM[0]:g} .. {SEEN_NM[1]:g} nm{hint}: another unit or column?")
    elif name == "fwhm_nm" and not 0 < value <= WIDEST_NM:
        raise Refused(f"a width of {value:g} nm is not {'above 0' + _IF_ZERO if value <= 0 else 'that of a peak'}")
    elif unit_of(name) == "nm" and value <= 0:
        raise Refused(f"{value:g} nm is not above 0{_IF_ZERO}")
    return value


def number(cell: Cell, column: DataColumn, *, decimal: str = ".") -> float | None:
    """Return a cell in the column's unit, None where nothing was measured; raise `Refused` for anything else."""
    if isinstance(cell, str):
        value = _parsed(cell, column, decimal)
        if value is None:
            return None
    elif cell is None:
        return None
    elif isinstance(cell, date | time | timedelta):
        raise Refused(
            f"'{cell}' is a date or time, which Excel makes of ratios such as 1/2 or 1:2; format the column as text "
            "and type the ratio as a decimal number"
        )
    elif isinstance(cell, bool):
        raise Refused(f"'{cell}' is not a number; type the number")
    else:
        value = float(cell)
    if not math.isfinite(value):
        if math.isnan(value):
            return None
        raise Refused(f"'{cell}' is not a finite number")
    return None if column.zero_is_missing and value == 0.0 else value


def _parsed(cell: str, column: DataColumn, decimal: str) -> float | None:
    """Return the number that a text stands for in the column's unit; it may carry a unit of its own."""
    text = cell.strip()
    if text.lower() in MISSING:
        return None
    plain = text
    if decimal == ",":
        if "." in text and "," in text:
            raise Refused(f"'{text[:40]}' has a point and a comma; remove the separator of thousands")
        plain = text.replace(",", ".")
    try:
        value = float(plain)
        if "_" not in plain and not plain.lower().lstrip("+-").startswith("n"):
            return value
    except ValueError:
        pass
    if re.fullmatch(r"[-+.\d][-+.\deE]*\s*[A-Za-zµμ%°][^\d]*", plain):
        return quantities.number(plain, column.unit)
    raise Refused(_not_a_number(text))


_DATE = re.compile(r"\d{1,4}[-/.:]\d{1,2}([-/.: ]\d{1,4})*|\d{1,2}[-. ]?[A-Za-z]{3}([-. ]?\d{2,4})?|[A-Za-z]{3}-\d{2}")


def _not_a_number(text: str) -> str:
    shown = f"'{text[:40]}'"
    if text.startswith("#"):
        return f"{shown} is an error of a formula; correct the formula or empty the cell"
    if text.startswith("="):
        return f"{shown} is a formula; store its result"
    if re.fullmatch(r"[-+]?[\d.]*,\d+", text):
        return f"{shown} has a decimal comma; write a decimal point, or 'decimal: \",\"' under data"
    if _DATE.fullmatch(text):
        return f"{shown} is a date or a ratio; type the ratio as a decimal number, such as 0.5 for 1/2"
    if re.match(r"[<>~≈≤≥]", text):
        return f"{shown} is a limit or an estimate; type the number, or leave the cell empty and exclude the row"
    if re.search(r"±|\+-|\+/-", text):
        return f"{shown} has a mean and an error; give the mean alone, the error in a column of its own"
    return f"{shown} is not a number; type the number, or empty the cell where nothing was measured"
