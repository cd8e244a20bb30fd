"""The hash of a command list: the same for two analyses of the same files, different for any other doing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_MADE = ("labwareId", "pipetteId", "moduleId")
"""Results that name what a load command made; they tie later ids to a slot or mount."""


def command_hash(commands: Sequence[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of every command's type and parameters, in order.

    Random ids become the order of their first appearance; keys, times, states and other results are not part of it.
    """
    ids: dict[str, int] = {}
    listed = []
    for command in commands:
        result = command.get("result") or {}
        made = [result.get(name) for name in _MADE] if str(command["commandType"]).startswith("load") else []
        listed.append([command["commandType"], _plain(command["params"], ids), _plain(made, ids)])
    text = json.dumps(listed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any, ids: dict[str, int]) -> Any:
    """Number the ids in ``value`` and leave out what is null."""
    if isinstance(value, Mapping):
        return {key: _plain(value[key], ids) for key in sorted(value) if value[key] is not None}
    if isinstance(value, list | tuple):
        return [_plain(item, ids) for item in value]
    if isinstance(value, str) and _UUID.fullmatch(value):
        return f"id {ids.setdefault(value, len(ids))}"
    return value
