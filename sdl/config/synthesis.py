"""A synthesis that a chemist declares in YAML becomes a `sdl.route.Route`: in the campaign, or in a file beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sdl.config import quantities
from sdl.config.report import Report, draft, suggestion
from sdl.config.schema import RouteParameterEntry, StepEntry, SynthesisEntry
from sdl.config.strict import read
from sdl.errors import Refused
from sdl.route import (
    Addition,
    Amount,
    By,
    Concentration,
    Dose,
    Fill,
    Hold,
    Manual,
    MoleFraction,
    MoleRatio,
    Read,
    Route,
    RouteParameter,
    Step,
    Volume,
    VolumeFraction,
    VolumeRatio,
)
from sdl.space import When
from sdl.units import BY_WRITTEN

MIXING = "mixing"
"""The route whose steps the campaign file declares itself."""

_SUFFIX = {"": "", "s": "_s", "degC": "_c", "mmol/L": "_mmol_l", "uL": "_ul"}
"""The units that amounts, times and temperatures are kept in, and how names carry them."""

_ADDITIONS: tuple[Addition, ...] = ("dispense", "inject", "add", "quench")
_AMOUNTS = ("concentration", "ratio", "mole_fraction", "volume_ratio", "volume_fraction", "volume", "fill")
_RATIO = re.compile(r"\s*([^/\s]+)\s*/\s*([^/\s]+)\s*")
_FRACTION = re.compile(r"\s*([^/\s]+)\s*/\s*\(([^)]+)\)\s*")


def load_route(path: Path, room_c: float, report: Report) -> Route | None:
    """Read a route from a file of its own; its problems join those of the campaign's ``report``."""
    own = Report(read(path))
    entry = draft(SynthesisEntry, own)
    found = route(path.stem, entry, room_c, own)
    report.problems.extend(own.problems)
    return found


def route(name: str, entry: SynthesisEntry, room_c: float, report: Report, *loc: str) -> Route | None:
    """Return the declared route; every problem is reported at its line below ``loc``."""
    before = 0 if not loc else len(report.problems)
    internal: dict[str, str] = {}
    parameters: dict[str, RouteParameter] = {}
    for written, given in entry.parameters.items():
        with report.at(*loc, "parameters", written):
            parameter = _parameter(written, given)
            internal[written], parameters[parameter.name] = parameter.name, parameter
    if "temperature_c" not in parameters:
        parameters["temperature_c"] = RouteParameter(name="temperature_c", nominal=room_c, low=room_c, high=room_c)
    steps: list[Step] = []
    for i, step in enumerate(entry.steps):
        with report.at(*loc, "steps", i):
            steps.append(_step(step, internal))
    if not entry.steps or not entry.medium:
        report.say(*loc, text=f"{'steps' if entry.medium else 'medium'} is missing; add it")
    if len(report.problems) > before:
        return None
    with report.at(*loc, "steps"):
        return Route(
            name=name,
            title=entry.title,
            source=entry.source,
            parameters=parameters,
            steps=tuple(steps),
            medium=entry.medium,
            allows=frozenset(entry.allows),
            notes=tuple(entry.notes),
        )
    return None


def _parameter(written: str, entry: RouteParameterEntry) -> RouteParameter:
    when = When(parameter=entry.when.parameter, among=tuple(entry.when.among)) if entry.when else None
    if entry.choices is not None:
        return RouteParameter(
            name=written, nominal=str(entry.nominal), choices=tuple(entry.choices), when=when, source=entry.source
        )
    unit = _unit(entry.nominal)
    known = BY_WRITTEN.get(written)
    if known is not None and known.unit != unit:
        raise Refused(
            f"{written} is measured in {known.unit or 'no unit'}, not in {unit or 'no unit'}; use another name"
        )
    if entry.limits is None:
        raise Refused("needs limits, such as 'limits: 1 .. 10', or choices")
    low, high = quantities.interval(entry.limits, unit)
    name = known.name if known else f"{written}{_SUFFIX[unit]}"
    nominal = quantities.number(entry.nominal, unit)
    scope = "block" if name == "temperature_c" else entry.scope
    return RouteParameter(name=name, nominal=nominal, low=low, high=high, scope=scope, when=when, source=entry.source)


def _unit(value: object) -> str:
    """Return which of the units we keep a quantity is measured in; raise `Refused` for any other."""
    for unit in _SUFFIX:
        try:
            quantities.number(value, unit)
        except Refused:
            continue
        return unit
    raise Refused(f"{quantities.shown(value)} is no ratio, time, temperature, concentration in mmol/L, or volume")


def _step(entry: StepEntry, names: Mapping[str, str]) -> Step:
    actions = [a for a in _ADDITIONS if getattr(entry, a) is not None]
    others = [a for a in ("hold", "read", "manual") if getattr(entry, a) is not None]
    if len(actions) + len(others) != 1:
        raise Refused(f"a step is exactly one of {', '.join(_ADDITIONS)}, hold, read, manual")
    if entry.hold is not None:
        return Hold(by=_by(entry.hold, "s", names), watched=entry.watched)
    if entry.read is not None:
        return Read(window_s=quantities.number(entry.read, "s"))
    if entry.manual is not None:
        return Manual(text=entry.manual)
    reagent = str(getattr(entry, actions[0]))
    return Dose(
        reagent=reagent,
        amount=_amount(entry, names),
        action=actions[0],
        carries=frozenset(entry.carries),
        optional=entry.optional,
    )


def _amount(entry: StepEntry, names: Mapping[str, str]) -> Amount:
    kinds = [kind for kind in _AMOUNTS if getattr(entry, kind) is not None]
    if len(kinds) != 1:
        raise Refused(f"an amount is exactly one of {', '.join(_AMOUNTS)}; found {' and '.join(kinds) or 'none'}")
    kind = kinds[0]
    if kind in ("volume", "fill", "volume_fraction"):
        by = _by(getattr(entry, kind), "" if kind == "volume_fraction" else "uL", names)
        return Volume(by=by) if kind == "volume" else Fill(by=by) if kind == "fill" else VolumeFraction(by=by)
    if entry.by is None:
        raise Refused(f"'{kind}' needs 'by', the parameter or number that sets it")
    by = _by(entry.by, "mmol/L" if kind == "concentration" else "", names)
    text = str(getattr(entry, kind))
    if kind == "concentration":
        return Concentration(species=text, by=by)
    if kind == "volume_ratio":
        return VolumeRatio(to=text, by=by)
    if kind == "ratio" and (found := _RATIO.fullmatch(text)):
        return MoleRatio(species=found[1], to=found[2], by=by)
    if kind == "mole_fraction" and (found := _FRACTION.fullmatch(text)):
        return MoleFraction(species=found[1], of=tuple(s.strip() for s in found[2].split("+")), by=by)
    raise Refused(f"'{text}' is no {kind}; write 'ratio: Pb/Cs' or 'mole_fraction: Br/(Br+Cl)'")


def _by(value: object, unit: str, names: Mapping[str, str]) -> By:
    """Return the internal name of a parameter, or a fixed number in ``unit``."""
    if isinstance(value, str) and value in names:
        return names[value]
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z]\w*", value):
        raise Refused(f"'{value}' is no parameter; {suggestion(value, names)}")
    return quantities.number(value, unit)
