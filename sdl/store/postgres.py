"""A store on a PostgreSQL server, for a campaign that several machines look at: one database per campaign.

The state folder then holds ``store.url`` instead of ``store.sqlite``. Writers take turns by a lock inside each
transaction; the one controller holds a session lock for as long as it lives (so: a direct connection, no transaction
pooler), and the fencing epoch guards the rest, as in a file.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from sdl.errors import Refused

__all__ = ["Lease", "engine", "is_led", "named"]

WRITING, LEADING = 7_364_001, 7_364_002
"""Keys of the two advisory locks in the campaign's own database (chosen)."""

CONNECT_S = 10
"""How long a server may take to answer (as long as a lock of another program is waited for in a file)."""


def named(url: str) -> str:
    """Return ``url`` in the form that SQLAlchemy needs; Refused for anything but PostgreSQL."""
    try:
        found = make_url(url)
    except ArgumentError as exc:
        raise Refused(f"{url!r} is no database URL; write postgresql://user@host/database") from exc
    if found.get_backend_name() != "postgresql" or not found.database:
        raise Refused(f"{found!r}: a store is a local file or postgresql://user@host/database, one per campaign")
    return found.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def engine(url: str, mode: str) -> Engine:
    """Return connections that write, one writer at a time, or that see one moment and cannot write."""
    made = create_engine(named(url), connect_args={"connect_timeout": CONNECT_S})
    first = (
        f"SELECT pg_advisory_xact_lock({WRITING})"
        if mode == "rw"
        else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
    )
    event.listen(made, "begin", lambda connection: connection.exec_driver_sql(first))
    return made


class Lease:
    """The right to be the one controller, held by a connection of its own; it ends with the process."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(named(url), isolation_level="AUTOCOMMIT", pool_size=1)
        self._held: Connection | None = None

    def take(self) -> bool:
        """Become the leader; False while another connection is."""
        connection = self._engine.connect()
        if not connection.execute(text(f"SELECT pg_try_advisory_lock({LEADING})")).scalar_one():
            connection.close()
            return False
        self._held = connection
        return True

    def drop(self) -> None:
        """Stop leading."""
        if self._held is not None:
            self._held.invalidate()
            self._held.close()
            self._held = None
        self._engine.dispose()


def is_led(connection: Connection) -> bool:
    """Say whether some controller leads now."""
    query = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :key AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    found: Any = connection.execute(text(query), {"key": LEADING}).scalar_one()
    return bool(found)
