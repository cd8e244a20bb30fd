"""A campaign file drafted from a table of past syntheses: guesses to confirm, ``?`` where only the chemist knows."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sdl.campaign import DataColumn, DataSource
from sdl.config.goals import FEATURE_NAMES
from sdl.config.headers import OPEN, Guess, decimal_mark, guess
from sdl.config.offline import internal_name
from sdl.config.quality import refuse_lost
from sdl.config.table import TEXT_UNIT, Table, read_table
from sdl.config.wish import read_wish
from sdl.errors import Refused
from sdl.history.sheet import Sheet, decoded, first_rows, read_sheet
from sdl.space import Parameter
from sdl.target import Target
from sdl.units import BY_NAME, BY_WRITTEN, unit_of

_GOALS = {
    "pl_peak": 'match: "?", within: 2 nm, from: pl',
    "fwhm": "minimize: true, from: pl",
    "plqy": "maximize: true, from: pl",
    "x1": 'match: "?", within: 2 nm, from: absorption',
}
_BATCH = 8  # suggestions at a time, as the built-in lab makes


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What was written: the campaign file, the copy of the table, the guesses, and what is left open."""

    file: Path
    table: Path
    guesses: tuple[Guess, ...]
    left_open: tuple[str, ...]


def draft_campaign(table: Path, folder: Path, *, target: str = "") -> Draft:
    """Copy ``table`` into ``folder`` and write a campaign file beside it; refuse to overwrite anything.

    ``target`` is a wish such as "465 nm, FWHM < 20 nm"; without one the file leaves it open.
    """
    file, copy = folder / "campaign.yaml", folder / table.name
    if not table.is_file():
        raise Refused(f"{table}: there is no such table; give the path of a .csv, .xlsx or .parquet file")
    if file.exists() or (copy.exists() and not copy.samefile(table)):
        raise Refused(f"{folder} already holds {file.name if file.exists() else copy.name}: name another folder")
    separator = _separator(table)
    sheet, titled = _with_header(table, separator)
    decimal = decimal_mark(sheet)
    units_row = _has_units_row(sheet)
    guesses = guess(sheet, decimal=decimal, units_row=units_row)
    wish = read_wish(target, known={}, tolerances={}) if target else None
    features = [g for g in guesses if g.role == "feature"]
    if wish and (
        lacking := [BY_NAME[n].written for n in wish.goals if BY_NAME[n].written not in {g.name for g in features}]
    ):
        raise Refused(
            f"{table}: no column looks like {', '.join(lacking)}; leave --target out and map the column by hand"
        )
    options = {"separator": separator if separator != "," else "", "decimal": decimal if decimal != "." else ""}
    text = _text(table, sheet, guesses, wish, options, units_row=units_row, titled=titled)
    folder.mkdir(parents=True, exist_ok=True)
    if not copy.exists():
        shutil.copy(table, copy)
    file.write_text(text, encoding="utf-8")
    left_open = [f"unit of {g.name} ('{g.column}')" for g in guesses if g.unit == OPEN]
    if wish is None:
        left_open.append("target")
    return Draft(file=file, table=copy, guesses=tuple(guesses), left_open=tuple(left_open))


def describe_table(table: Path) -> tuple[DataSource, tuple[Parameter, ...]]:
    """Return a bare table's columns and what varies in it, as its headers seem to say; every column is a guess.

    A column without a known unit keeps its own numbers.
    """
    if not table.is_file():
        raise Refused(f"{table}: there is no such table; give the path of a .csv, .xlsx or .parquet file")
    separator = _separator(table)
    sheet, _ = _with_header(table, separator)
    decimal, units_row = decimal_mark(sheet), _has_units_row(sheet)
    columns: dict[str, DataColumn] = {}
    for g in guess(sheet, decimal=decimal, units_row=units_row):
        if g.role != "left out":
            unit = "" if g.unit == OPEN else g.unit
            name = BY_WRITTEN[g.name].name if g.name in BY_WRITTEN else internal_name(g.name, unit)
            columns[name] = DataColumn(column=g.column, unit=unit, zero_is_missing=g.zero_is_missing, guess=g.why)
    source = DataSource(
        file=str(table.resolve()),
        columns=columns,
        separator=separator,
        decimal="," if decimal == "," else ".",
        sheet=sheet.name,
        header=sheet.header_row,
        exclude={sheet.rows[0]: "units of the columns"} if units_row else {},
    )
    read = read_table(source, table.parent)
    found = [varied(name, source, read) for name in columns if name not in FEATURE_NAMES]
    return source, tuple(p for p in found if p is not None)


def varied(name: str, source: DataSource, read: Table) -> Parameter | None:
    """Return the range, or the names, that a column has in the rows that can be used; None where nothing varies."""
    seen = [design[name] for design in read.designs]
    if source.columns[name].unit == TEXT_UNIT:
        names = tuple(sorted({str(v) for v in seen}))
        return Parameter(name=name, choices=names) if len(names) > 1 else None
    refuse_lost(read, name, source.columns[name].column, "correct the cell")
    numbers = [float(v) for v in seen]
    if not numbers or min(numbers) == max(numbers):
        return None
    return Parameter(name=name, low=min(numbers), high=max(numbers))


def _separator(table: Path) -> str:
    """Return what separates the columns of a text table: what stands equally often in most of its first lines."""
    if table.suffix.lower() not in (".csv", ".tsv", ".txt"):
        return ","
    with table.open("rb") as stream:
        lines = [line for line in decoded(stream.read(65536)).splitlines() if line and not line.startswith("#")][:10]

    def evenness(separator: str) -> tuple[int, int]:
        counts = Counter(line.count(separator) for line in lines if separator in line)
        often, times = max(((n, c) for c, n in counts.items()), default=(0, 0))
        return often, times

    return max((";", "\t", "|", ","), key=evenness) if lines else ","


def _with_header(table: Path, separator: str) -> tuple[Sheet, bool]:
    """Return the sheet read from its row of names, and whether anything stands above that row.

    The names are the first row with two or more texts and nothing else, at least half as wide as the widest row.
    """
    name = ""
    if table.suffix.lower() in (".xlsx", ".xlsm"):
        from sdl.history.workbook import longest_sheet

        name = longest_sheet(table)
    lines = first_rows(table, separator=separator, sheet=name)
    widest = max((sum(c not in (None, "") for c in cells) for _, cells in lines), default=0)
    for row, cells in lines:
        filled = [c for c in cells if c not in (None, "")]
        if len(filled) >= max(2, widest / 2) and all(isinstance(c, str) for c in filled):
            return read_sheet(table, separator=separator, sheet=name, header=row), row != lines[0][0]
    return read_sheet(table, separator=separator, sheet=name), False


def _has_units_row(sheet: Sheet) -> bool:
    """Say whether the first row below the names is words, without digits, where later rows have numbers."""
    first = [c[0] for c in sheet.columns if c and c[0] not in (None, "")]
    words = [c for c in first if isinstance(c, str) and not re.search(r"\d", c)]
    second = [c[1] for c in sheet.columns if len(c) > 1 and c[1] not in (None, "")]
    numbers = [c for c in second if not isinstance(c, str) or re.search(r"\d", c)]
    return len(words) == len(first) > 0 and len(numbers) > len(second) / 2


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _text(
    table: Path,
    sheet: Sheet,
    guesses: Sequence[Guess],
    wish: Target | None,
    options: dict[str, str],
    *,
    units_row: bool,
    titled: bool,
) -> str:
    """Return the campaign file."""
    name = re.sub(r"[^a-z0-9_-]+", "-", table.stem.lower()).strip("-_")[:60] or "past"
    name = f"past-{name}" if name.isdigit() or not name[0].isalnum() else name
    lines = [
        f"campaign: {name}",
        'why: ""',
        "mode: offline                      # suggestions from a table; no robot",
        "data:",
        f"  file: {_quoted(table.name)}",
        *(f"  {key}: {_quoted(value)}" for key, value in options.items() if value),
    ]
    if sheet.name:
        lines.append(f"  sheet: {_quoted(sheet.name)}")
    if titled:
        lines.append(f"  header: {sheet.header_row}")
    if units_row:
        lines.append(f"  exclude: {{{sheet.rows[0]}: units of the columns}}")
    lines += [
        "  # Guessed from the headers. Correct each line and delete its 'guess: ...' to confirm it; delete the lines"
    ]
    lines += ["  # of columns that were not set by you before the synthesis. '?' must be answered.", "  columns:"]
    width = max((len(g.name) for g in guesses if g.name), default=0) + 1
    for g in (g for g in guesses if g.role != "left out"):
        parts = [f"column: {_quoted(g.column)}", f"unit: {_quoted(g.unit)}", *(["zero: missing"] * g.zero_is_missing)]
        lines.append(f"    {g.name + ':':<{width}} {{{', '.join(parts)}, guess: {_quoted(g.why)}}}")
    lines += [f"    # left out: {_quoted(g.column)} ({g.why})" for g in guesses if g.role == "left out"]
    lines += ["target:                            # most important first", *_target(guesses, wish)]
    lines += [f"budget: {{experiments: 40, batch: {_BATCH}}}", "seed: 7", ""]
    return "\n".join(lines)


def _target(guesses: Sequence[Guess], wish: Target | None) -> list[str]:
    if wish is not None:
        return [f"  {BY_NAME[name].written}: {{{_wanted(name, wish)}}}" for name in wish.goals]
    features = [g.name for g in guesses if g.role == "feature" and g.name in _GOALS]
    if not features:
        return [
            '  # no column looks like a result: name one of the columns, such as  yield: {maximize: true, above: "?"}'
        ]
    ordered = sorted(features, key=list(_GOALS).index)
    return [f"  {name}: {{{_GOALS[name]}}}" for name in ordered]


def _wanted(name: str, wish: Target) -> str:
    unit, goal = unit_of(name), wish.goals[name]
    if goal.kind == "match":
        values = list(dict.fromkeys(f"{target.goals[name].wanted:g} {unit}" for target in wish.each))
        listed = values[0] if len(values) == 1 else f"[{', '.join(values)}]"
        return f"match: {listed}, within: {goal.high - (goal.wanted or 0.0):g} {unit}, from: {goal.source}"
    if goal.kind == "inside":
        return f"inside: {goal.low:g} .. {goal.high:g} {unit}".rstrip() + f", from: {goal.source}"
    side, bound = ("below", goal.high) if goal.kind == "minimize" else ("above", goal.low)
    return f"{goal.kind}: true, {side}: {bound:g} {unit}".rstrip() + f", from: {goal.source}"
