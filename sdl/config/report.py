"""Problems of one file, collected with their positions: fields first, then what fields must mean to each other.

Pydantic stops checking a parent while a child is wrong, so a file is validated twice: once whole, to name every wrong
field, and once without those, so that the checks across fields can run on what is sound and be reported together.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sdl.config.quantities import shown
from sdl.config.strict import Document, Loc, dotted
from sdl.errors import Problem, Refused

Model = TypeVar("Model", bound=BaseModel)


class Report:
    """The problems found so far in one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems = list(document.problems)

    def say(self, *loc: str | int, text: str, key: bool = False) -> None:
        """Note one problem at ``loc``; ``key`` points at the name instead of the value."""
        line, column = self.document.at(loc, key=key)
        self.problems.append(Problem(file=self.document.file, line=line, column=column, path=dotted(loc), text=text))

    def at(self, *loc: str | int) -> _At:
        """Note what the block refuses as a problem at ``loc``, and go on."""
        return _At(report=self, loc=loc)

    def given(self, name: str) -> bool:
        """Say whether the file has a top-level entry ``name`` that is not empty, sound or not."""
        entries = self.document.root.value
        return isinstance(entries, dict) and name in entries and entries[name].value not in (None, {}, [], "")

    def _order(self, problem: Problem) -> tuple[bool, str, int, int, str]:
        return problem.file != self.document.file, problem.file, problem.line, problem.column, problem.text

    def finish(self) -> None:
        """Raise `Refused` with every problem in the order of the file, if there is one."""
        unread = {(p.line, p.column) for p in self.document.problems}  # the value stands in for one not understood
        news = {p for p in self.problems if p.file != self.document.file or (p.line, p.column) not in unread}
        if found := news | set(self.document.problems):
            raise Refused("", problems=tuple(sorted(found, key=self._order)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _At:
    """A block whose refusal becomes a problem of the report."""

    report: Report
    loc: tuple[str | int, ...]

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> bool:
        if not isinstance(exc, Refused):
            return False
        self.report.say(*self.loc, text=str(exc))
        return True


def draft(model: type[Model], report: Report) -> Model:
    """Return the sound part of the document as a ``model``; wrong entries are reported and left out."""
    data = report.document.root.plain()
    if not isinstance(data, dict):
        report.say(text="a mapping is wanted: lines of 'name: value'")
        report.finish()
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        for error in exc.errors(include_url=False):
            loc = _existing(data, error["loc"], error["type"])
            report.say(*loc, text=_text(model, loc, dict(error)), key=error["type"] == "extra_forbidden")
        for error in exc.errors(include_url=False):
            _cut(data, error["loc"], error["type"])
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        return model.model_validate({k: v for k, v in data.items() if k not in {e["loc"][0] for e in exc.errors()}})


def suggestion(name: str, known: typing.Iterable[str]) -> str:
    """Return "did you mean ...?" for a name that is not among ``known``, and what there is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}" if names else "there are none"


def _existing(data: Any, loc: Loc, kind: str) -> Loc:
    """Return ``loc`` without the parts that pydantic adds and the file has not."""
    kept: list[str | int] = []
    for i, step in enumerate(loc):
        if (isinstance(data, list) and isinstance(step, int)) or (isinstance(data, dict) and step in data):
            data = data[step]  # type: ignore[index]  # a list has an int here
            kept.append(step)
        elif kind == "missing" and i == len(loc) - 1:
            kept.append(step)
        else:
            break
    return tuple(kept)


def _cut(data: dict[str, Any], loc: Loc, kind: str) -> None:
    """Remove the smallest part of ``data`` that holds the problem and may be absent."""
    parent: Any = data
    for depth, step in enumerate(loc):
        below = parent.get(step) if isinstance(parent, dict) else None
        inner = loc[depth + 1] if depth + 1 < len(loc) else None
        named = (depth == 0 and step in _NAMED) or (depth == 1 and loc[:2] == ("data", "columns"))
        if isinstance(below, dict) and (named or kind == "extra_forbidden"):
            if inner in below:
                parent = below
                continue
            if kind != "missing" or depth + 2 < len(loc):
                return  # cut already
        if isinstance(parent, dict):
            parent.pop(step, None)
        return


_NAMED = frozenset({"target", "vary", "stocks", "pipettes", "deck", "data"})
"""Sections whose entries stand on their own: one wrong entry leaves the others to be checked."""

_TEXTS: Mapping[str, str] = {
    "string_type": "text is wanted here",
    "int_type": "a whole number is wanted here, without quotes or unit",
    "int_from_float": "a whole number is wanted here",
    "bool_type": "true or false is wanted here",
    "list_type": "a list is wanted here: [one, two]",
    "tuple_type": "a list is wanted here: [one, two]",
    "dict_type": "entries 'name: value' are wanted here",
    "model_type": "entries 'name: value' are wanted here",
    "model_attributes_type": "entries 'name: value' are wanted here",
}


def _text(model: type[BaseModel], loc: Loc, error: Mapping[str, Any]) -> str:
    kind, given = str(error["type"]), error.get("input")
    if kind == "extra_forbidden":
        return f"unknown key '{loc[-1]}'; {suggestion(str(loc[-1]), _keys(model, loc[:-1]))}"
    if kind == "missing":
        return "is missing; add it"
    context = error.get("ctx") or {}
    if kind == "literal_error":
        return f"{shown(given)} is not allowed; write {context['expected']}"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"
        return f"{shown(given)} is out of range; give {bound}"
    return f"{shown(given)} is given; {_TEXTS[kind]}" if kind in _TEXTS else str(error["msg"])


def _keys(model: type[BaseModel], loc: Loc) -> list[str]:
    """Return the keys allowed at ``loc`` below ``model``."""
    annotation: Any = model
    for step in loc:
        annotation = _unwrap(annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            names = {f.alias or n: f.annotation for n, f in annotation.model_fields.items()}
            annotation = names.get(str(step))
        else:
            annotation = (get_args(annotation) or (None,))[-1]
    annotation = _unwrap(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [f.alias or n for n, f in annotation.model_fields.items()]
    return []


def _unwrap(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        return next(a for a in get_args(annotation) if a is not type(None))
    return annotation
