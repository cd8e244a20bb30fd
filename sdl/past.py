"""The history a campaign names: earlier experiments of another lab, another campaign or the literature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdl.campaign import Campaign
from sdl.chemistry.routes import route_of
from sdl.config.quality import doubts, left_out, refuse_lost
from sdl.errors import Refused
from sdl.history.shipped import PREFIX, shipped
from sdl.space import Parameter
from sdl.store import Store
from sdl.telling import Result, Told, read_results
from sdl.units import counted, label_of
from sdl.words import amount

_SHOWN = 5  # rows left out that are named one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One source of history: its experiments in the campaign's own parameters, and what was left out of it."""

    source: str
    results: tuple[Result, ...]
    notes: tuple[str, ...]


def read_past(campaign: Campaign) -> list[Past]:
    """Return every history of ``campaign``; raise `Refused` for a table that lacks its parameters.

    A table names its columns as `sdl export` writes them, or by written names with units. A parameter of the route
    that a table does not have is taken at the route's published value; the notes say that, and what else was not read.
    A folder is the state of
    an earlier campaign.
    """
    return [_read(campaign, name) for name in campaign.history]


def _read(campaign: Campaign, name: str) -> Past:
    path = shipped(name) if name.startswith(PREFIX) else Path(campaign.file).parent / name
    nominal: Mapping[str, float | str] = route_of(campaign).nominal if campaign.route or campaign.synthesis else {}
    assumed = {p.name: nominal[p.name] for p in campaign.parameters if p.name in nominal}
    if path.is_dir():
        return _of_a_store(campaign, name, path, assumed)
    told = read_results(campaign, path, assumed=assumed)
    for p in campaign.parameters:
        if told.table and p.name in told.columns and not p.choices:
            refuse_lost(told.table, p.name, told.columns[p.name].column, "correct the cell, or take the row out")
    usable, odd = _fitting(campaign, [r for r in told.results if r.values])
    return Past(source=name, results=tuple(usable), notes=(*_notes(name, told, assumed), *odd))


def _notes(name: str, told: Told, assumed: Mapping[str, float | str]) -> list[str]:
    """Say what a table lacks and what is taken instead, what it has that is not read, and what is doubtful in it."""
    lacking = [p for p in assumed if p not in told.columns]
    notes = [f"{name} has no {label_of(p)}: taken as {amount(p, assumed[p])}, the published value" for p in lacking]
    if told.ignored:
        listed = ", ".join(f"'{header}'" for header in told.ignored)
        notes.append(f"{name}: {counted(len(told.ignored), 'column')} without meaning here, not read: {listed}")
    said = left_out(told.table) if told.table else ""
    notes += [f"{said}. Correct them in the table."] if said else []
    return [*notes, *(f"{name}: {doubt}" for doubt in (doubts(told.table) if told.table else ()))]


def _fitting(campaign: Campaign, results: Sequence[Result]) -> tuple[list[Result], list[str]]:
    """Return the results whose design this campaign can express, and say of the others why not."""
    strange = {r.place: why for r in results for p in campaign.parameters if (why := _strange(p, r.design[p.name]))}
    said = [f"{why}: {place} is left out" for place, why in strange.items()][:_SHOWN]
    said += [f"{len(strange) - _SHOWN} more rows like these are left out"] if len(strange) > _SHOWN else []
    return [r for r in results if r.place not in strange], said


def _strange(p: Parameter, value: float | str) -> str:
    """Say why ``value`` cannot be that of ``p``, "" where it can; a number outside the range is no reason."""
    if p.choices:
        return "" if value in p.choices else f"{label_of(p.name)} '{value}' is a choice that does not vary here"
    if p.logarithmic and float(value) <= 0.0:
        return f"{label_of(p.name)} {value:g} is not above 0, where its range {p.low:g} .. {p.high:g} counts by factors"
    return ""


def _of_a_store(campaign: Campaign, name: str, folder: Path, assumed: Mapping[str, float | str]) -> Past:
    results = []
    with Store.open(folder, create=False) as store:
        for e in store.experiments("measured"):
            design = {p.name: e.design.get(p.name, assumed.get(p.name)) for p in campaign.parameters}
            if lacking := [p for p, value in design.items() if value is None]:
                raise Refused(f"{name}: experiment {e.id} has no {label_of(lacking[0])}, which varies in this campaign")
            known = {p: value for p, value in design.items() if value is not None}
            results.append(Result(place=f"{name} {e.id}", name=e.id, design=known, values=dict(e.features.values)))
    fitting, odd = _fitting(campaign, results)
    return Past(source=name, results=tuple(fitting), notes=tuple(odd))
