"""Whether the store is as it was written: the file, the chain of events, and every row an event names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from sdl.store import tables
from sdl.store.transaction import GENESIS, digests, link, raw

__all__ = ["problems"]


def problems(connection: Connection) -> list[str]:
    """Return one line for each thing that is not as written, naming its row; empty when all is well.

    This finds damage and edits by hand. It is no proof against someone who recomputes the whole chain.
    """
    found = []
    if connection.dialect.name == "sqlite":  # a server checks its own pages
        found = [f"file: {row[0]}" for row in connection.exec_driver_sql("PRAGMA integrity_check") if row[0] != "ok"]
    expected: dict[str, str] = {}
    found += _chain(connection, expected)
    now = dict(digests(connection))
    found += [f"{name}: changed by hand" for name, digest in now.items() if expected.get(name, digest) != digest]
    found += [f"{name}: added by hand; no event names it" for name in now.keys() - expected.keys()]
    found += [f"{name}: deleted by hand" for name in expected.keys() - now.keys()]
    return found


def _chain(connection: Connection, expected: dict[str, str]) -> Iterator[str]:
    """Walk the events; collect in ``expected`` the last digest of each row, yield what does not fit."""
    previous, seq = GENESIS, 0
    for row in connection.execute(raw(tables.events).order_by(tables.events.c.seq)):
        number, at_utc, kind, attempt, experiment, data, rows, prev_hash, digest = row
        if number != seq + 1 or prev_hash != previous:
            yield f"events/{number}: does not follow events/{seq}; something between them was deleted or changed"
        if link(prev_hash, [number, at_utc, kind, attempt, experiment, data, rows]) != digest:
            yield f"events/{number}: changed by hand"
        expected.update(_digests_in(rows))
        previous, seq = digest, number
    head = connection.execute(select(tables.meta.c.value).where(tables.meta.c.key == "head")).scalar_one_or_none()
    if head != f"{seq} {previous}":
        yield f"events/{seq}: is not the last event that was written ({str(head).split(' ')[0]})"


def _digests_in(rows: str) -> dict[str, Any]:
    try:
        return dict(json.loads(rows))
    except (TypeError, ValueError):
        return {}
