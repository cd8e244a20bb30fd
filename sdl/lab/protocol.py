"""What one attempt uploads: the protocol with the attempt's name in it, its labware, and the CSV of timed steps.

The script and the labware are data in ``protocols/``, found beside this package and never imported.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import sdl
from sdl.bench import Lab, RobotType
from sdl.chemistry.recipe import Run, TimedStep
from sdl.errors import Refused

PROTOCOLS = Path(sdl.__file__).parent.parent / "protocols"
TEMPLATE = PROTOCOLS / "timed_steps.py"

COLUMNS = ("action", "at_s", "earliest_s", "latest_s", "well", "stock", "volume_ul", "pipette", "place", "value")

TRASH_SLOT: Mapping[RobotType, str] = {"Flex": "A3", "OT-2": ""}
"""Where the trash bin stands: A3 is the factory setting of a Flex; an OT-2 has a fixed one (Opentrons manuals)."""

_ATTEMPT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def labware_files() -> list[Path]:
    """Return the labware definitions that go with the protocol, in a fixed order."""
    return sorted((PROTOCOLS / "labware").glob("*.json"))


def render(robot_type: RobotType, attempt_id: str) -> str:
    """Return the protocol for one attempt: the template with its robot type and attempt id, and no other change."""
    if not _ATTEMPT.fullmatch(attempt_id):
        raise Refused(f"attempt id {attempt_id!r}: up to 64 of a-z, 0-9, _ and -, the first a letter or digit")
    source = TEMPLATE.read_text(encoding="utf-8")
    lines = source.splitlines(keepends=True)
    for name, key, value in (("metadata", "attempt", attempt_id), ("requirements", "robotType", robot_type)):
        old = _literal(source, name, key)
        row = old.lineno - 1
        line = lines[row].encode()  # ast counts columns in UTF-8 bytes
        lines[row] = (line[: old.col_offset] + json.dumps(value).encode() + line[old.end_col_offset :]).decode()
    return "".join(lines)


def csv_text(lab: Lab, run: Run, tips_gone: Mapping[str, int] | None = None) -> str:
    """Return the one CSV of a run: the deck from ``lab``, then a row a step.

    ``tips_gone`` counts, by mount, the tips that earlier attempts took from that pipette's racks.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(_preamble(lab, run, tips_gone or {}))
    table.writerows(_row(step) for step in run.steps)
    return text.getvalue()


def pauses(run: Run) -> Iterator[tuple[int, str]]:
    """Yield every hand-shake of a run in order: the index of its step, and the message the robot will show."""
    for index, step in enumerate(run.steps):
        place = step.source if step.action in ("read", "look") else step.well
        if step.at_s is not None:
            yield index, f"AT {_number(step.at_s)} {step.action} {place}"
        if step.action in ("read", "look"):
            yield index, f"READ {step.label} {place}"
        if step.action == "hand":
            yield index, f"HAND {step.label} {place}"


def _literal(source: str, name: str, key: str) -> ast.Constant:
    """Find the constant at ``key`` of the dictionary that the top level assigns to ``name``."""
    for node in ast.parse(source).body:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)):
            continue
        if [t.id for t in node.targets if isinstance(t, ast.Name)] == [name]:
            for k, v in zip(node.value.keys, node.value.values, strict=True):
                if isinstance(k, ast.Constant) and k.value == key and isinstance(v, ast.Constant):
                    return v
    raise Refused(f"{TEMPLATE.name} has no literal {name}[{key!r}]: restore it from the repository")


def _preamble(lab: Lab, run: Run, tips_gone: Mapping[str, int]) -> Iterator[dict[str, str]]:
    for name, place in lab.deck.items():
        if place.slot:
            row = {"action": "labware", "well": name, "stock": place.labware, "place": place.slot}
            yield row | {"value": place.module}
    for p in lab.pipettes:
        row = {"action": "pipette", "well": p.mount, "stock": p.name, "place": ";".join(p.tip_racks)}
        yield row | {"volume_ul": str(tips_gone.get(p.mount, 0)), "value": _number(p.air_gap_ul)}
    yield {"action": "trash", "place": TRASH_SLOT[lab.robot_type]}
    for block in lab.blocks:
        if block.rack in run.temperatures_c and block.low_c < block.high_c:
            yield {"action": "temperature", "well": block.rack, "value": _number(run.temperatures_c[block.rack])}


def _row(step: TimedStep) -> dict[str, str]:
    times = {"at_s": step.at_s, "earliest_s": step.earliest_s, "latest_s": step.latest_s}
    value = {"read": step.label, "look": step.label, "hand": step.label, "mix": str(step.times)}.get(step.action, "")
    row = {"action": step.action, "well": step.well, "stock": step.source, "pipette": step.pipette, "value": value}
    return row | {"volume_ul": _number(step.volume_ul)} | {k: _number(v) for k, v in times.items() if v is not None}


def _number(value: float) -> str:
    """Write a volume, time or temperature to a thousandth, as short as it goes."""
    return f"{value:.3f}".rstrip("0").rstrip(".")
