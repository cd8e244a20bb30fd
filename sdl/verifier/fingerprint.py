"""Hashes: of a command list, the same for two analyses of the same files, and of a labware definition."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_MADE = ("labwareId", "pipetteId", "moduleId")
"""Results that name what a load command made; they tie later ids to a slot or mount."""

_NOTHING = {"volumeOffset": 0.0}
"""Parameters that only newer software writes, with what they say when they say nothing: a depth that does not follow
the volume (opentrons 9.0.0 writes it in each ``wellLocation``, robot-server 8.1.0 does not know it)."""


def command_hash(commands: Sequence[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of every command's type and parameters, in order.

    Random ids become the order of their first appearance; keys, times, states and other results are not part of it,
    nor what one version of the vendor's software writes and another leaves out to say the same.
    """
    ids: dict[str, int] = {}
    listed = []
    for command in commands:
        result = command.get("result") or {}
        made = [result.get(name) for name in _MADE] if str(command["commandType"]).startswith("load") else []
        listed.append([command["commandType"], _plain(command["params"], ids), _plain(made, ids)])
    return _digest(listed)


def definition_hash(definition: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a labware definition: the same for its file and for what analysis made of it.

    Empty entries are left out and whole numbers written as decimals: analysis adds the first and writes the second.
    """
    return _digest(_filled(definition))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _plain(value: Any, ids: dict[str, int]) -> Any:
    """Number the ids in ``value`` and leave out what is null or says nothing."""
    if isinstance(value, Mapping):
        said = {key: item for key, item in value.items() if item is not None and _NOTHING.get(key, ...) != item}
        return {key: _plain(said[key], ids) for key in sorted(said)}
    if isinstance(value, list | tuple):
        return [_plain(item, ids) for item in value]
    if isinstance(value, str) and _UUID.fullmatch(value):
        return f"id {ids.setdefault(value, len(ids))}"
    return value


def _filled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _filled(item) for key, item in value.items() if item not in (None, [], {})}
    if isinstance(value, list | tuple):
        return [_filled(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
