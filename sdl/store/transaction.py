"""One durable step of the campaign: rows change and one event names them, or nothing happens."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    Table,
    Update,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from sdl.store import tables
from sdl.store.columns import dumps
from sdl.store.faults import StaleState

__all__ = ["GENESIS", "Transaction", "digests", "link", "raw"]

GENESIS = "0" * 64
"""The hash before the first event."""


class Transaction:
    """Changes on one connection, inside one ``BEGIN IMMEDIATE``; ``data`` becomes the event's data."""

    def __init__(self, connection: Connection, data: dict[str, Any]) -> None:
        self.connection = connection
        self.data = data
        self.silent = False
        self._changed: dict[tuple[str, tuple[Any, ...]], None] = {}

    def skip(self) -> None:
        """Write no event, because what was asked for is there already."""
        self.silent = True

    def insert(self, table: Table, **values: Any) -> None:
        """Add a row."""
        self.connection.execute(_insert(table), values)
        self._touch(table, values)

    def update(self, table: Table, key: Mapping[str, Any], where: Mapping[str, Any], **values: Any) -> None:
        """Change the one row with primary ``key`` if it is still as ``where`` says, else raise StaleState."""
        known = {**key, **where}
        if self.connection.execute(_update(table, tuple(known)), {**_given(known), **values}).rowcount != 1:
            raise StaleState(self._why(table, key, where))
        self._touch(table, key)

    def next(self, column: ColumnElement[int]) -> int:
        """Return one more than the largest number in ``column``."""
        return int(self.connection.execute(_largest(column)).scalar_one()) + 1

    def append_event(self, at_utc: str, kind: str, attempt: str | None, experiment: str | None) -> None:
        """Write the event that names every changed row, chained to the one before."""
        last, previous = str(self.connection.execute(_HEAD).scalar_one()).split(" ")
        seq = int(last) + 1
        rows = {_name(table, key): self._digest(table, key) for table, key in self._changed}
        values = {"seq": seq, "at_utc": at_utc, "kind": kind, "attempt": attempt, "experiment": experiment}
        digest = link(previous, [*values.values(), dumps(self.data), dumps(rows)])
        event = {**values, "data": self.data, "rows": rows, "prev_hash": previous, "hash": digest}
        self.connection.execute(_insert(tables.events), event)
        self.connection.execute(_update(tables.meta, ("key",)), {**_given({"key": "head"}), "value": f"{seq} {digest}"})

    def _touch(self, table: Table, values: Mapping[str, Any]) -> None:
        self._changed[(table.name, tuple(values[c.name] for c in table.primary_key))] = None

    def _digest(self, name: str, key: tuple[Any, ...]) -> str:
        table = tables.metadata.tables[name]
        known = dict(zip((c.name for c in table.primary_key), key, strict=True))
        return _row_digest(self.connection.execute(_row(table), _given(known)).one())

    def _why(self, table: Table, key: Mapping[str, Any], where: Mapping[str, Any]) -> str:
        condition = and_(*(table.c[name] == value for name, value in key.items()))
        row = self.connection.execute(select(table).where(condition)).mappings().first()
        now = "is not in the store" if row is None else f"is {', '.join(f'{row[name]!r}' for name in where)} by now"
        return (
            f"{table.name} {'/'.join(str(v) for v in key.values())} {now}, not {', '.join(map(repr, where.values()))}"
        )


_HEAD = select(tables.meta.c.value).where(tables.meta.c.key == "head")
"""Number and hash of the last event; a chain that lost its end by hand is not joined again."""


# Statements are made once: to build one takes SQLAlchemy longer than to carry it out.


@cache
def _insert(table: Table) -> Insert:
    return insert(table)


@cache
def _update(table: Table, names: tuple[str, ...]) -> Update:
    return update(table).where(_where(table, names))


@cache
def _row(table: Table) -> Any:
    return raw(table).where(_where(table, tuple(c.name for c in table.primary_key)))


@cache
def _largest(column: ColumnElement[int]) -> Any:
    return select(func.coalesce(func.max(column), 0))


def _where(table: Table, names: tuple[str, ...]) -> ColumnElement[bool]:
    return and_(*(table.c[name] == bindparam(f"known_{name}", type_=table.c[name].type) for name in names))


def _given(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of `_where`."""
    return {f"known_{name}": value for name, value in known.items()}


def link(previous: str, fields: list[Any]) -> str:
    """Return the hash of an event from the hash before it and its own stored fields."""
    text = json.dumps([previous, *fields], separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def digests(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield name and digest of every row that an event must have named, as it stands now."""
    for table in tables.metadata.sorted_tables:
        if table.name in tables.UNGUARDED:
            continue
        columns = [c.name for c in table.columns]
        places = [columns.index(c.name) for c in table.primary_key]
        for row in connection.execute(raw(table)):
            yield _name(table.name, tuple(row[i] for i in places)), _row_digest(row)


def raw(table: Table) -> Any:
    """Select the columns of ``table`` as they are stored, not as they are read."""
    return select(*(literal_column(f'"{c.name}"') for c in table.columns)).select_from(table)


def _name(table: str, key: tuple[Any, ...]) -> str:
    return "/".join((table, *map(str, key)))


def _row_digest(row: Iterable[Any]) -> str:
    plain = [hashlib.sha256(v).hexdigest() if isinstance(v, bytes) else v for v in row]
    return hashlib.sha256(repr(plain).encode()).hexdigest()
