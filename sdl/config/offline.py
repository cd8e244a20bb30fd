"""Campaigns on historical data: the column map, and what varies as the table itself shows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from sdl.campaign import DataColumn, DataSource
from sdl.config import quantities
from sdl.config.fields import inside
from sdl.config.goals import FEATURE_NAMES
from sdl.config.headers import OPEN
from sdl.config.quality import refuse_lost
from sdl.config.report import Report, suggestion
from sdl.config.schema import CampaignFile, DataEntry
from sdl.config.table import TEXT_UNIT, Table, read_table
from sdl.errors import Refused
from sdl.history.shipped import PREFIX, shipped
from sdl.route import Route
from sdl.space import Parameter
from sdl.target import BEHIND, Target, paints
from sdl.units import BY_NAME, BY_WRITTEN, unit_of, written_of

BATCH = 8
"""Suggestions at a time where an offline file does not say: the batch of the built-in lab's example."""

_KEPT = ("min", "s", "mL", "uL", "mmol/L", "mol/L", "umol", "mg", "nm", "eV", "degC")
"""Units that internal names carry; a column in another unit of the same kind is kept in the first of that kind."""

FROM_DATA = "from data"
"""What ``vary`` may say instead of a range: the range, or the names, that the table has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The table and the internal name of each column that the file names."""

    data: DataSource
    internal: Mapping[str, str]


def source(
    file: CampaignFile, path: Path, data: Path | None, report: Report, route: Route | None = None
) -> Source | None:
    """Return the column map in internal names, those of ``route`` first; ``data`` replaces the file it names."""
    entry = file.data
    if entry is None:
        return None
    internal: dict[str, str] = {}
    columns: dict[str, DataColumn] = {}
    for name, column in entry.columns.items():
        if column.unit == OPEN:
            text = f"the unit of '{column.column}' is left open; write it, such as uL, min, mmol/L, or '' for a ratio"
            report.say("data", "columns", name, "unit", text=text)
            continue
        with report.at("data", "columns", name):
            unit = TEXT_UNIT if column.unit == TEXT_UNIT else quantities.canonical(column.unit)
            internal[name] = internal_name(name, unit, route)
            zero = column.zero == "missing"
            columns[internal[name]] = DataColumn(
                column=column.column, unit=unit, zero_is_missing=zero, guess=column.guess
            )
    return Source(data=_data_source(entry, columns, path, data, report), internal=internal)


def _data_source(
    entry: DataEntry, columns: Mapping[str, DataColumn], path: Path, data: Path | None, report: Report
) -> DataSource:
    found = DataSource(
        file=entry.file,
        columns=columns,
        separator=entry.separator,
        decimal=entry.decimal,
        sheet=entry.sheet,
        header=entry.header or 0,
        exclude={int(row): why for row, why in entry.exclude.items()},
        public=entry.public,
    )
    if data is not None:
        return dataclasses.replace(found, file=str(data.resolve()))
    with report.at("data", "file"):
        if entry.file.startswith(PREFIX):
            return dataclasses.replace(found, file=str(shipped(entry.file)))
        if not inside(path.parent, entry.file).is_file():
            public = f"; it is public at {entry.public}" if entry.public else ""
            raise Refused(f"'{entry.file}' is not beside {path.name}{public}; point to it with --data FILE")
    return found


def internal_name(name: str, unit: str, route: Route | None = None) -> str:
    """Return the internal name: of the table of units, of ``route``, or the given name with its unit as suffix."""
    if name in BY_WRITTEN:
        known = BY_WRITTEN[name]
        energy = known.unit == "nm" and unit != TEXT_UNIT and quantities.same_kind(unit, "eV")
        if unit == TEXT_UNIT or not (energy or quantities.same_kind(unit, known.unit)):
            raise Refused(f"unit '{unit}' does not measure {name}; write for example {known.unit or 'no unit'}")
        return known.name
    for p in route.parameters.values() if route else ():
        if written_of(p.name) == name:
            if (unit == TEXT_UNIT) != bool(p.choices) or not (p.choices or quantities.same_kind(unit, unit_of(p.name))):
                wanted = TEXT_UNIT if p.choices else unit_of(p.name) or "no unit"
                raise Refused(f"unit '{unit}' does not measure {name} of the route; write for example {wanted}")
            return p.name
    if not name.isidentifier() or not name.isascii() or name.lower() != name:
        raise Refused(f"'{name}' cannot name a column here; write lower-case letters, digits and _")
    if unit in (TEXT_UNIT, "", "%"):
        return name
    kept = unit if unit in _KEPT else next((k for k in _KEPT if quantities.same_kind(unit, k)), "")
    if not kept:
        raise Refused(f"columns in '{unit}' are not kept; convert to one of {', '.join(_KEPT)}")
    return f"{name}_{kept.lower().replace('/', '_').replace('degc', 'c')}"


def check_target(target: Target, data: DataSource, report: Report) -> None:
    """Report goals that no column of the table informs."""
    if any(problem.path.startswith("data.columns") for problem in report.problems):
        return  # the column may be among those that are not understood
    for name in uninformed(target, data.columns):
        written = BY_NAME[name].written if name in BY_NAME else name
        line = " (a colour follows from PL peak and FWHM, where neither is a goal)" if name in BEHIND else ""
        report.say("target", written, text=f"no column gives {written}{line}; add it to data.columns or drop the goal")


def uninformed(target: Target, columns: Collection[str]) -> list[str]:
    """Return the goals that none of the ``columns`` informs, be it by the line that a colour is read from."""
    read = BEHIND if paints(target, columns) else {}
    return [name for name in target.goals if name not in columns and name not in read]


def check_route(written: Mapping[str, Parameter], route: Route, report: Report) -> None:
    """Report what varies but is no parameter of ``route``, or leaves its limits."""
    known = {written_of(name): name for name in route.parameters}
    for name, p in written.items():
        place = ("vary", name) if report.given("vary") else ("data", "columns", name)
        if p.name not in route.parameters:
            report.say(*place, text=f"'{name}' does not vary in {route.name}; {suggestion(name, known)}", key=True)
            continue
        allowed = route.parameters[p.name]
        inside_it = (
            set(p.choices) <= set(allowed.choices) if p.choices else allowed.low <= p.low <= p.high <= allowed.high
        )
        if not inside_it:
            limits = ", ".join(allowed.choices) or f"{allowed.low:g} .. {allowed.high:g} {unit_of(p.name)}".rstrip()
            report.say(*place, text=f"leaves {limits}, the limits of {route.name}; keep within them")


def parameters(
    vary: Mapping[str, object] | None, source: Source | None, target: Target | None, base: Path, report: Report
) -> dict[str, Parameter]:
    """Return what varies by written name; without ``vary`` every column that is no feature varies as the table does."""
    if source is None or report.problems:
        return {}
    outcomes = {*FEATURE_NAMES, *(target.goals if target else ())}
    inputs = {written: name for written, name in source.internal.items() if name not in outcomes}
    wanted = dict.fromkeys(inputs, FROM_DATA) if vary is None else dict(vary)
    table: Table | None = None
    with report.at("data"):
        table = read_table(source.data, base, outcomes=outcomes)
    found: dict[str, Parameter] = {}
    for written, value in wanted.items():
        if written not in inputs:
            text = f"'{written}' is no input column; {suggestion(written, inputs)}"
            report.say("vary", written, text=text, key=True)
        elif table is not None:
            with report.at("vary", written):
                found[written] = _parameter(inputs[written], value, source.data, table)
    return found


def _parameter(name: str, value: object, data: DataSource, table: Table) -> Parameter:
    seen = [design[name] for design in table.designs]
    if not seen:
        raise Refused(f"no row of {table.file} can be used: {_reasons(table)}")
    if data.columns[name].unit == TEXT_UNIT:
        names = tuple(sorted({str(v) for v in seen})) if value == FROM_DATA else value
        if not isinstance(names, tuple):
            raise Refused(f"is a column of names; write a list of them, or '{FROM_DATA}'")
        if unknown := sorted(set(names) - set(map(str, seen))):
            raise Refused(f"{', '.join(unknown)} is not in the table; it has {', '.join(sorted(set(map(str, seen))))}")
        if len(names) < 2:
            raise Refused(f"is {names[0]} in every row: nothing varies; remove it from data.columns")
        return Parameter(name=name, choices=names)
    if value == FROM_DATA:
        refuse_lost(
            table, name, data.columns[name].column, "correct it, list its row under data: exclude, or write the range"
        )
    numbers = [float(v) for v in seen]
    low, high = (min(numbers), max(numbers)) if value == FROM_DATA else quantities.interval(value, unit_of(name))
    if low == high:
        raise Refused(f"is {low:g} in every row: nothing varies; remove it from data.columns")
    return Parameter(name=name, low=low, high=high)


def _reasons(table: Table) -> str:
    first = [f"line {e.row}, '{e.column}': {e.reason}" for e in table.excluded if e.whole_row][:3]
    return "; ".join(first) or "it is empty"
