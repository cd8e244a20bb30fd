"""Results told by people, now or days later: from a table or by hand, partly, with replicates and failures."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sdl.attempt.wording import campaign_json
from sdl.campaign import Campaign, DataColumn, DataSource
from sdl.config import quantities
from sdl.config.goals import FEATURE_NAMES
from sdl.config.headers import decimal_mark, unit_in
from sdl.config.load import load_campaign
from sdl.config.table import TEXT_UNIT, Excluded, Table, plausible, read_rows, width_nm
from sdl.errors import Refused
from sdl.history.sheet import Sheet, decoded, read_sheet
from sdl.progress import refuse_a_changed_campaign, state_folder
from sdl.spectra.types import Features, Value
from sdl.store import Experiment, NewExperiment, Store
from sdl.store.told import TOLD
from sdl.units import BY_NAME, label_of, nm_from_ev, unit_of, written_of

SAME = 1e-6
"""Relative difference below which two values, or two designs, are the same (rounding of a table's decimals)."""

_SD = "sd_of_"
"""Before a feature's name: the column of its standard deviations."""

_SPECIAL = {
    "experiment": ("experiment", "id", "experiment id"),
    "failed": ("failed", "failure"),
    "measured_at": ("measured at", "measured_at", "date"),
    "note": ("note", "remark"),
}

_OURS = re.compile(r"kind|why|p_hit|\w+ (expected|low|high)|state|batch|vial|hit|flags|source")
"""Columns that `sdl plan --out`, `sdl export` and the shipped tables add to be read, not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one row, or one command line, says: of a known experiment (``name``) or of a ``design`` made by hand.

    ``measured_at`` is an ISO moment, "" where it was not said; ``failed`` is why nothing could be measured; ``assumed``
    are the parameters that the row does not say.
    """

    place: str
    name: str = ""
    design: Mapping[str, float | str] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)
    measured_at: str = ""
    failed: str = ""
    note: str = ""
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Which quantity a column of a results table is, in which unit, and whether it is that quantity's sd."""

    name: str
    source: DataColumn
    is_sd: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A results table as it was read: what its rows say, and the columns that say it.

    ``table`` holds the rows behind the results, their sd left out; ``columns`` are the columns read by internal name,
    ``ignored`` the headers that mean nothing here.
    """

    results: tuple[Result, ...] = ()
    table: Table | None = None
    columns: Mapping[str, DataColumn] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    @property
    def excluded(self) -> tuple[Excluded, ...]:
        """Rows and cells that were left out, and why."""
        return self.table.excluded if self.table else ()


def tell(
    file: Path,
    results: Path | None,
    *,
    words: Sequence[str] = (),
    experiment: str = "",
    measured_at: str = "",
    failed: str = "",
    who: str = "",
    state: Path | None = None,
) -> dict[str, Any]:
    """Record results for the campaign ``file``: a table ``results``, or ``words`` such as ``pl_peak=466.2nm``.

    The same results twice change nothing. A feature that the experiment has already becomes a later measurement of
    the same experiment when the row says when it was measured, and is refused otherwise. Return what changed.
    """
    campaign = load_campaign(file)
    refuse_a_changed_campaign_of_a_robot(campaign, file, state)
    if results is not None:
        told = read_results(campaign, results)
    else:
        told = Told(results=(by_hand(campaign, words, experiment, measured_at, failed),))
    return {
        **record(campaign, told.results, who=who, folder=state_folder(file, state, campaign=campaign)),
        "left_out": [{"row": e.row, "column": e.column, "cell": e.cell, "reason": e.reason} for e in told.excluded],
        "ignored_columns": list(told.ignored),
    }


def record(campaign: Campaign, told: Sequence[Result], *, who: str, folder: Path) -> dict[str, Any]:
    """Write results into the store in ``folder``, all or none of them, and return what changed."""
    with Store.open(folder, create=campaign.mode == "offline") as store:
        _check(store, campaign, told)
        store.claim()
        if campaign.mode == "offline":
            text = Path(campaign.file).read_text(encoding="utf-8")
            store.save_campaign(text, campaign.sha256, campaign_json(campaign))
        changes = [_record(store, campaign, result, who) for result in told]
    return {
        "campaign": campaign.name,
        "told": [c for c in changes if c["change"] != "unchanged"],
        "unchanged": sum(c["change"] == "unchanged" for c in changes),
        "state_dir": str(folder),
    }


def refuse_a_changed_campaign_of_a_robot(campaign: Campaign, file: Path, state: Path | None) -> None:
    """Refuse a lab campaign's file that differs from its store; an offline file may grow with its table."""
    if campaign.mode == "lab":
        refuse_a_changed_campaign(campaign, state_folder(file, state, campaign=campaign))


def by_hand(campaign: Campaign, words: Sequence[str], name: str, measured_at: str, failed: str) -> Result:
    """Read ``pl_peak=466.2nm`` and ``fwhm="18 +- 0.3 nm"``; without an experiment the parameters are given too."""
    given: dict[str, str] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not text.strip():
            raise Refused(f"'{word}' is no result; write for example pl_peak=466.2nm")
        given[key.strip()] = text.strip()
    known = _known(campaign)
    names = {key: known.get(_key(key), "") for key in given}
    if wrong := [key for key, internal in names.items() if not internal]:
        raise Refused(f"'{wrong[0]}' is neither a parameter nor a feature; there are {', '.join(sorted(known))}")
    parameters = {p.name: p for p in campaign.parameters}
    design: dict[str, float | str] = {}
    values: dict[str, Value] = {}
    for key, internal in sorted(names.items(), key=lambda item: item[1] == "fwhm_nm"):
        if internal in parameters and parameters[internal].choices:
            design[internal] = given[key]
        elif internal in parameters:
            design[internal] = quantities.number(given[key], unit_of(internal))
        else:
            values[internal] = _value(internal, given[key], {n: v.value for n, v in values.items()})
    if not values and not failed:
        raise Refused("nothing is told; write for example pl_peak=466.2nm, or --failed 'why'")
    return Result(
        place="the command line",
        name=name,
        design=design,
        values=values,
        measured_at=moment_of(measured_at, "--at"),
        failed=failed,
    )


def _known(campaign: Campaign) -> dict[str, str]:
    """Return internal names by every way a person may write them."""
    outcomes = dict.fromkeys((*FEATURE_NAMES, *campaign.target.goals))
    found = {name: name for name in (*(p.name for p in campaign.parameters), *outcomes)}
    labels = {label_of(name): name for name in found.values()}
    found |= {_key(text): name for label, name in labels.items() for text in (label, unit_in(label)[0])}
    return found | {BY_NAME[name].written: name for name in list(found) if name in BY_NAME}


def _key(text: str) -> str:
    return text.lower().replace(" ", "_")


def _value(name: str, text: str, others: Mapping[str, float]) -> Value:
    parts = re.split(r"±|\+-|\+/-", quantities.tidy(text))
    unit = unit_of(name)
    symbol = re.sub(r"^[-+.\d]*\s*", "", parts[-1].strip())
    first = parts[0].strip() if re.search(r"[A-Za-z%]", parts[0]) else f"{parts[0].strip()} {symbol}".strip()
    if unit == "nm" and re.search(r"eV\s*$", first):
        energy_ev = quantities.number(first, "eV")
        value = width_nm(energy_ev, others) if name == "fwhm_nm" else nm_from_ev(energy_ev)
        if len(parts) > 1:
            raise Refused(f"{text}: give the value and its sd in nm")
        return Value(value=plausible(name, value), sd=0.0)
    sd = quantities.number(parts[1].strip(), unit) if len(parts) == 2 else 0.0
    return Value(value=plausible(name, quantities.number(first, unit)), sd=sd)


def moment_of(text: str, where: str) -> str:
    """Return an ISO moment as it is, \"\" where none was said; raise `Refused`, naming ``where``, for anything else."""
    if not text:
        return ""
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError as exc:
        raise Refused(f"{where}: '{text}' is no date and time; write 2026-11-24T18:00") from exc


def read_results(campaign: Campaign, table: Path, *, assumed: Mapping[str, float | str] | None = None) -> Told:
    """Return what a results table says, which cells could not be read, and which columns mean nothing here.

    Columns are found by the campaign's own column map, by internal names, or by written names and labels with their
    unit: ``PL peak (nm)``. A row is of a known experiment (column ``experiment``) or holds the whole design. With
    ``assumed`` the table is a history: every row holds the design, where a parameter without a column has its value of
    ``assumed``.
    """
    given = assumed or {}
    separator = _separator(table)
    sheet = read_sheet(table, separator=separator)
    columns, special, ignored = _columns(campaign, sheet)
    inputs = {c.name for c in columns if c.name not in _outcomes(campaign)}
    if assumed is not None:
        _refuse_another_table(campaign, sheet, columns)
    missing = [p.name for p in campaign.parameters if p.name not in inputs and p.name not in given]
    filled = {p.name: given[p.name] for p in campaign.parameters if p.name not in inputs and p.name in given}
    if missing and assumed is not None:
        raise Refused(f"{table}: no column gives {_understood(missing)}; add it")
    if missing and "experiment" not in special:
        raise Refused(
            f"{table}: no column 'experiment' says which experiment a row is, and the design lacks "
            f"{', '.join(missing)}; add one or the other (plan --out writes both)"
        )
    used = [c for c in columns if not missing or c.name not in inputs]
    outcomes = {*_outcomes(campaign), *(f"{_SD}{c.name}" for c in used if c.is_sd)}
    source = DataSource(
        file=table.name,
        columns={f"{_SD}{c.name}" if c.is_sd else c.name: c.source for c in used},
        separator=separator,
        decimal="," if decimal_mark(sheet) == "," else ".",
    )
    rows = read_rows(source, table.parent, outcomes=outcomes)
    told = _results(table, sheet, rows, special)
    if missing:
        told = [dataclasses.replace(result, design={}) for result in told]
    elif filled:
        told = [dataclasses.replace(r, design={**r.design, **filled}, assumed=tuple(filled)) for r in told]
    features = tuple({n: v for n, v in seen.items() if not n.startswith(_SD)} for seen in rows.features)
    return Told(
        results=tuple(told),
        table=dataclasses.replace(rows, features=features),
        columns={c.name: c.source for c in used if not c.is_sd},
        ignored=ignored,
    )


def _results(table: Path, sheet: Sheet, rows: Table, special: Mapping[str, int]) -> list[Result]:
    """Return what each row says that has a value or a failure; a row that was not measured yet waits."""
    at = {row: k for k, row in enumerate(sheet.rows)}
    told = []
    for design, seen, row in zip(rows.designs, rows.features, rows.rows, strict=True):
        said = {key: _text(sheet.columns[i][at[row]]) for key, i in special.items()}
        values = {n: Value(value=v, sd=seen.get(_SD + n, 0.0)) for n, v in seen.items() if not n.startswith(_SD)}
        if values or said.get("failed"):
            told.append(
                Result(
                    place=f"{table.name} row {row}",
                    name=said.get("experiment", ""),
                    design=design,
                    values=values,
                    measured_at=moment_of(said.get("measured_at", ""), f"{table} row {row}"),
                    failed=said.get("failed", ""),
                    note=said.get("note", ""),
                )
            )
    return told


def _refuse_another_table(campaign: Campaign, sheet: Sheet, columns: Sequence[Column]) -> None:
    """Raise `Refused` for a history that says nothing of what varies here, or nothing of what came of it."""
    known = {c.name for c in columns if not c.is_sd}
    parameters = [p.name for p in campaign.parameters]
    outcomes = dict.fromkeys((*campaign.target.goals, *FEATURE_NAMES))
    wanted = {"a parameter that varies here": parameters, "an outcome": list(outcomes)}
    for what, names in wanted.items():
        if not known & set(names):
            listed = ", ".join(f"'{header}'" for header in sheet.header if header)
            raise Refused(
                f"{sheet.file}: no column is {what}; its columns are {listed}. What is understood: {_understood(names)}"
            )


def _understood(names: Sequence[str]) -> str:
    """Return the headers that are understood for internal ``names``: as files write them, and as reports do."""
    said = []
    for name in names:
        unit = f" ({unit_of(name)})" if unit_of(name) else ""
        written, label = f"{written_of(name)}{unit}", f"{label_of(name)}{unit}"
        said.append(f"'{written}'" if written == label else f"'{written}' or '{label}'")
    return ", ".join(said)


def _outcomes(campaign: Campaign) -> set[str]:
    return {*FEATURE_NAMES, *campaign.target.goals}


def _separator(table: Path) -> str:
    if table.suffix.lower() not in (".csv", ".tsv", ".txt") or not table.is_file():
        return ","
    with table.open("rb") as stream:
        first = next((line for line in decoded(stream.read(65536)).splitlines() if line and line[0] != "#"), "")
    return max((",", ";", "\t"), key=first.count)


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return cell.isoformat() if isinstance(cell, datetime) else str(cell).strip()


def _columns(campaign: Campaign, sheet: Sheet) -> tuple[list[Column], dict[str, int], tuple[str, ...]]:
    """Return the columns that mean something here; a feature without a unit is refused, others are listed."""
    mapped = {c.column: (name, c) for name, c in (campaign.data.columns if campaign.data else {}).items()}
    known, words = _known(campaign), {w: key for key, ws in _SPECIAL.items() for w in ws}
    choices = {p.name for p in campaign.parameters if p.choices}
    found: list[Column] = []
    special: dict[str, int] = {}
    ignored: list[str] = []
    for i, header in enumerate(sheet.header):
        plain = header.lower().strip()
        is_sd = bool(re.search(r"[ _]sd\b", plain))
        stem, unit = unit_in(re.sub(r"[ _]sd\b", "", header, flags=re.IGNORECASE).strip())
        name = known.get(header) or known.get(_key(header)) or known.get(_key(stem)) or ""
        where = f"{sheet.file}: {sheet.cell(i, sheet.header_row)} '{header}'"
        if plain in words:
            special[words[plain]] = i
        elif header in mapped:
            found.append(Column(name=mapped[header][0], source=mapped[header][1]))
        elif name in choices:
            found.append(Column(name=name, source=DataColumn(column=header, unit=TEXT_UNIT)))
        elif name and unit and not _measures(unit, name, is_sd):
            wanted = f"give {'this sd' if is_sd else 'it'} in {unit_of(name) or 'no unit'}"
            raise Refused(f"{where}: '{unit}' does not measure {label_of(name)}; {wanted}")
        elif name and (unit or header == name or not unit_of(name)):
            found.append(Column(name=name, source=DataColumn(column=header, unit=unit or unit_of(name)), is_sd=is_sd))
        elif name:
            raise Refused(f"{where} has no unit; write '{header} ({unit_of(name)})'")
        elif header and not _OURS.fullmatch(plain):
            ignored.append(header)
    names = [(c.name, c.is_sd) for c in found]
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise Refused(f"{sheet.file}: two columns give {label_of(twice[0])}; keep one")
    return found, special, tuple(ignored)


def _measures(unit: str, name: str, is_sd: bool) -> bool:
    """Say whether ``unit`` is one of the quantity ``name``; a wavelength may be an energy, its sd may not."""
    energy = unit_of(name) == "nm" and not is_sd and quantities.same_kind(unit, "eV")
    return energy or quantities.same_kind(unit, unit_of(name))


def _check(store: Store, campaign: Campaign, told: Sequence[Result]) -> None:
    """Refuse everything that cannot be recorded before anything is, with the row of each."""
    wrong = []
    for result in told:
        try:
            before = _find(store, campaign, result)
            if before is None:
                _check_design(campaign, result)
            elif result.failed and before.state == "measured":
                raise Refused(f"{before.id} is measured already; a failure cannot be told after that")
            elif not result.measured_at:
                _refuse_changes(before, result)
        except Refused as exc:
            wrong.append(f"{result.place}: {exc}")
    if wrong:
        raise Refused("\n".join(wrong))


def _find(store: Store, campaign: Campaign, result: Result) -> Experiment | None:
    """Return the experiment a result belongs to: by its id, by that of `sdl plan`, or by the same row told before."""
    experiments = store.experiments()
    if result.name:
        for e in experiments:
            if result.name in (e.id, e.suggestion.get("label")):
                if campaign.mode == "offline" and result.design and not _alike(e.design, result.design):
                    raise Refused(
                        f"{result.name} was told before with another design; if this is a new experiment, empty the id"
                    )
                return e
        if campaign.mode == "lab" or not result.design:
            listed = ", ".join(e.id for e in experiments[-3:]) or "none yet"
            advice = (
                "" if campaign.mode == "lab" else "; to tell a suggestion of `sdl plan`, give its table (--out), or "
            )
            advice += "its parameters too" if advice else "; `sdl status` lists them"
            raise Refused(f"no experiment '{result.name}' is known (the last are {listed}){advice}")
        return None
    if campaign.mode == "lab":
        raise Refused("which experiment is this? name it in a column 'experiment', or with --experiment ID")
    for e in experiments:
        if e.suggestion.get("place") == result.place != "the command line" and _alike(e.design, result.design):
            return e
    return None


def _alike(a: Mapping[str, float | str], b: Mapping[str, float | str]) -> bool:
    return set(a) == set(b) and all(
        math.isclose(float(a[n]), float(b[n]), rel_tol=1e-4, abs_tol=1e-12)
        if isinstance(a[n], float | int) and isinstance(b[n], float | int)
        else a[n] == b[n]
        for n in a
    )


def _check_design(campaign: Campaign, result: Result) -> None:
    for p in campaign.parameters:
        if p.name not in result.design:
            raise Refused(f"{label_of(p.name)} is missing; a new experiment needs every parameter")
        value = result.design[p.name]
        if p.choices and value not in p.choices:
            raise Refused(f"{label_of(p.name)} is '{value}'; it may be {', '.join(p.choices)}")
        p.check(value)


def _refuse_changes(before: Experiment, result: Result) -> None:
    for name, value in result.values.items():
        known = before.features.values.get(name)
        if known is not None and not math.isclose(known.value, value.value, rel_tol=SAME):
            raise Refused(
                f"{before.id} has {label_of(name)} {known.value:.6g} {unit_of(name)} already, not {value.value:.6g}; "
                "for a later measurement say when (column 'measured at', or --at 2026-11-24T18:00)"
            )


def _record(store: Store, campaign: Campaign, result: Result, who: str) -> dict[str, Any]:
    """Write one result: a new experiment, more features of a known one, a later measurement, or a failure."""
    before = _find(store, campaign, result)
    fresh = before is None
    if before is None:
        row = {"design": dict(result.design), "why": f"told in {result.place}", "place": result.place}
        row |= {"label": result.name} if result.name else {}
        before = store.add_batch(store.next_batch(), [NewExperiment(kind="told", suggestion=row)])[0]
    if result.failed:
        if before.state != "lost":
            store.lose_experiment(before.id, why=result.failed)
        return {"experiment": before.id, "change": "unchanged" if before.state == "lost" else "failed"}
    new = {n: v for n, v in result.values.items() if n not in before.features.values}
    later = {n: v for n, v in result.values.items() if n not in new}
    again = _told_before(store, before.id, result)
    if again or (not new and not (later and result.measured_at)):
        return {"experiment": before.id, "change": "unchanged"}
    said = {n: [v.value, v.sd] for n, v in result.values.items()}
    store.event(
        TOLD,
        experiment=before.id,
        features=said,
        measured_at=result.measured_at,
        who=who,
        place=result.place,
        note=result.note,
    )
    if new:
        values = {**before.features.values, **new}
        features = Features(values=values, flags=before.features.flags)
        plain = features.plain
        hit = campaign.target.hit(plain) if set(campaign.target.bounded) <= set(plain) else None
        executed = {**before.executed, "design": dict(before.design)}
        flags = tuple(dict.fromkeys((*before.flags, "told")))
        store.finish_experiment(before.id, executed, features, hit, outcome_read=before.outcome_read, flags=flags)
    change = "new experiment" if fresh else "features added" if new else "later measurement"
    return {"experiment": before.id, "change": change, "features": said}


def _told_before(store: Store, experiment: str, result: Result) -> bool:
    """Say whether this very result was told before: the same values of the same moment."""
    said = {n: [v.value, v.sd] for n, v in result.values.items()}
    return any(
        e.experiment == experiment and e.data["features"] == said and e.data["measured_at"] == result.measured_at
        for e in store.events(kinds=[TOLD])
    )
