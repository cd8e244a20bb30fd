"""YAML 1.2 with the surprises taken out: every value knows its line and column, nothing is constructed but plain data.

The file is judged on its event stream before any tree exists, so that an alias bomb or a 3000-deep list costs nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdl.errors import Problem, Refused

Loc = tuple[str | int, ...]
"""Where a value stands in a file: keys and list positions from the top."""

# Threat T10 (exhaustion by file): generous for people, small for machines.
MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_NODES = 10_000
MAX_TEXT = 64 * 1024
_SHOWN = 12  # problems of structure listed one by one; an alias bomb has hundreds of the same kind
_SHOWN_STEPS = 6  # of a path into a wrongly nested file
MAX_DIGITS = 18  # any whole number of 18 digits fits in 64 bits

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""What may name a campaign or lab: safe as a folder on every system."""

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Node:
    """One value with the line and column (from 1) where it starts: a dict or list of nodes, or a plain scalar."""

    value: Any
    line: int
    column: int
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)

    def plain(self) -> Any:
        """Return the value without positions."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


@dataclass(frozen=True, slots=True)
class Document:
    """A file as read: its name as the user gave it, its tree, its hash, and problems that did not stop the reading."""

    file: str
    root: Node
    sha256: str
    problems: tuple[Problem, ...]

    def at(self, loc: Loc, *, key: bool = False) -> tuple[int, int]:
        """Return line and column of the value at ``loc`` (or of its key); of the nearest parent where there is none."""
        node, place = self.root, (self.root.line, self.root.column)
        for i, step in enumerate(loc):
            last = i == len(loc) - 1
            if isinstance(node.value, dict) and step in node.value:
                place = node.keys[str(step)]
                node = node.value[step]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                place = node.line, node.column
            else:
                return place
            if not (last and key):
                place = place if _empty(node) else (node.line, node.column)
        return place


def read(path: Path) -> Document:
    """Read ``path``; raise `Refused` with every problem when it is not plain, small, honest YAML."""
    raw = _bytes(path)
    reader = _Reader(file=str(path))
    root = reader.tree(_text(raw, path))
    if root is None or reader.fatal:
        raise Refused("", problems=tuple(_shortened(reader.problems)))
    return Document(str(path), root, hashlib.sha256(raw).hexdigest(), tuple(reader.problems))


def _shortened(problems: list[Problem]) -> list[Problem]:
    if len(problems) <= _SHOWN:
        return problems
    last = problems[_SHOWN]
    return [
        *problems[:_SHOWN],
        dataclasses.replace(last, text=f"{len(problems) - _SHOWN} more like these from here on"),
    ]


def _empty(node: Node) -> bool:
    return node.value is None


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as exc:
        raise Refused(f"{path}: cannot be read ({exc.strerror}); give the path of a YAML file") from exc
    if len(raw) > MAX_BYTES:
        raise Refused(f"{path}: larger than {MAX_BYTES // 1024} KiB; a campaign or lab file is a page of text")
    return raw


def _text(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        column = exc.start - raw.rfind(b"\n", 0, exc.start)
        problem = Problem(file=str(path), line=line, column=column, path="", text="not UTF-8; save the file as UTF-8")
        raise Refused("", problems=(problem,)) from exc


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not been seen; ``key`` waits for its value."""

    node: Node
    key: str | None = None
    keyed: bool = False
    repeated: bool = False


class _Reader:
    """Turn the event stream into nodes; iterative, so depth cannot exhaust the stack."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.fatal = False
        self.stack: list[_Open] = []
        self.root: Node | None = None

    def say(self, mark: Any, text: str, *, fatal: bool = True) -> None:
        self.fatal |= fatal
        steps = [str(step) for step in self._path()]
        path = ".".join(steps[:_SHOWN_STEPS]) + ("..." if len(steps) > _SHOWN_STEPS else "")
        place = {"line": mark.line + 1, "column": mark.column + 1}
        self.problems.append(Problem(file=self.file, path=path, text=text, **place))

    def _path(self) -> Iterator[str | int]:
        for i, frame in enumerate(self.stack):
            if isinstance(frame.node.value, list):
                yield len(frame.node.value) - (i < len(self.stack) - 1)
            elif frame.key is not None:
                yield frame.key

    def tree(self, text: str) -> Node | None:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLStreamError
        from ruamel.yaml.reader import ReaderError

        nodes = documents = 0
        try:
            for event in YAML(typ="safe", pure=True).parse(text):
                kind = type(event).__name__.removesuffix("Event")
                nodes += kind in ("Scalar", "MappingStart", "SequenceStart", "Alias")
                documents += kind == "DocumentStart"
                if self._too_large(event, nodes, documents):
                    return None
                self._take(kind, event)
        except MarkedYAMLError as exc:
            mark = exc.problem_mark or exc.context_mark
            reason = " ".join(str(part) for part in (exc.context, exc.problem) if part)
            self.say(mark, f"not YAML: {reason}; look at the indentation, colons and brackets here")
        except (ReaderError, YAMLStreamError) as exc:
            raise Refused(
                f"{self.file}: not plain text ({str(exc).splitlines()[0]}); remove control characters"
            ) from exc
        if self.root is None and not self.problems:
            raise Refused(f"{self.file}: the file is empty; `sdl init` writes one that runs")
        return self.root

    def _too_large(self, event: Any, nodes: int, documents: int) -> bool:
        text = ""
        if len(self.stack) > MAX_DEPTH:
            text = f"nested deeper than {MAX_DEPTH} levels; a bracket or indentation is wrong"
        elif nodes > MAX_NODES:
            text = f"more than {MAX_NODES} values; move tables into a CSV file"
        elif documents > 1:
            text = "a second document begins here; one file holds one document, remove the '---'"
        elif len(getattr(event, "value", None) or "") > MAX_TEXT:
            text = f"text longer than {MAX_TEXT // 1024} KiB; shorten it"
        if text:
            self.say(event.start_mark, text)
        return bool(text)

    def _take(self, kind: str, event: Any) -> None:
        mark = event.start_mark
        if kind == "DocumentStart" and (event.version or event.tags):
            self.say(mark, "directives such as %YAML are not allowed; remove the line")
        if kind == "Alias":
            self.say(mark, f"aliases (*{event.anchor}) are not allowed; write the value out")
            self._put(Node(None, mark.line + 1, mark.column + 1))
        elif kind in ("Scalar", "MappingStart", "SequenceStart"):
            if event.anchor:
                self.say(mark, f"anchors (&{event.anchor}) are not allowed; write the value out where it is needed")
            if event.tag:
                self.say(mark, f"tags ({event.tag}) are not allowed; write the plain value")
            if kind == "Scalar":
                self._scalar(event)
            else:
                node = Node({} if kind == "MappingStart" else [], mark.line + 1, mark.column + 1)
                self._put(node)
                self.stack.append(_Open(node))
        elif kind in ("MappingEnd", "SequenceEnd"):
            self.stack.pop()

    def _scalar(self, event: Any) -> None:
        mark, text = event.start_mark, str(event.value)
        if self.stack and isinstance(self.stack[-1].node.value, dict) and not self.stack[-1].keyed:
            self._key(text, mark, plain=event.implicit[0])
        else:
            value = self._resolve(text, mark) if event.implicit[0] else text
            self._put(Node(value, mark.line + 1, mark.column + 1))

    def _key(self, text: str, mark: Any, *, plain: bool) -> None:
        frame = self.stack[-1]
        frame.key, frame.keyed = text, True
        if plain and text == "<<":
            self.say(mark, "merge keys (<<) are not allowed; write the entries out")
        elif text in frame.node.keys:
            line, _ = frame.node.keys[text]
            self.say(mark, f"'{text}' is given twice (first in line {line}); keep one", fatal=False)
            frame.repeated = True
            return
        frame.node.keys[text] = (mark.line + 1, mark.column + 1)

    def _put(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        if isinstance(frame.node.value, list):
            frame.node.value.append(node)
        elif frame.keyed:
            if not frame.repeated:
                frame.node.value[str(frame.key)] = node
            frame.keyed = frame.repeated = False
        else:
            place = Problem(
                file=self.file, line=node.line, column=node.column, path="", text="a key must be plain text"
            )
            self.problems.append(place)
            self.fatal = True
            frame.key, frame.keyed, frame.repeated = "?", True, True

    def _resolve(self, text: str, mark: Any) -> Any:
        """Return what YAML 1.2's core schema makes of a plain scalar, less what other readers see differently."""
        if text.lower() in _WORDS and (text in _WORDS or text.islower() or text.istitle() or text.isupper()):
            return _WORDS[text.lower()]
        if _INT.fullmatch(text):
            digits = text.lstrip("+-")
            if len(digits) > MAX_DIGITS:
                self.say(mark, f"a number of {len(digits)} digits; at most {MAX_DIGITS} are allowed", fatal=False)
            elif len(digits) > 1 and digits[0] == "0":
                advice = f"write {int(digits)}, or '{text}' in quotes if it is a name"
                self.say(mark, f"{text} begins with a zero, which some readers take as octal; {advice}", fatal=False)
            else:
                return int(text)
            return 0
        if _FLOAT.fullmatch(text):
            value = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            if math.isfinite(value):
                return value
            self.say(mark, f"{text} is not a finite number; give one that is", fatal=False)
            return 0.0
        return text


def dotted(loc: Sequence[str | int]) -> str:
    """Return ``loc`` as people read it: ``stocks.TOPO.volume``, ``history.0``."""
    return ".".join(str(step) for step in loc)
