"""Which schema a database has, and how an absent or older one is brought to ours: on a copy, then swapped in."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from sdl.errors import Refused
from sdl.store import postgres
from sdl.store.disk import sync
from sdl.store.faults import explain

__all__ = ["HEAD", "connect", "ready"]

HEAD = "0001"
"""The newest revision in ``migrations/versions``; a test compares."""

_OLDER: tuple[str, ...] = ("",)
"""Revisions that can be raised to `HEAD`; "" is a database in which nothing was made yet."""

BUSY_S = 10.0
"""How long to wait for another program's lock (design: reliability F11)."""


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open ``path`` with SQLite URI ``mode`` "ro" or "rw", in manual transaction control."""
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)


def ready(path: Path, url: str = "") -> bool:
    """Say whether the database has our schema; False means `build` is needed; Refused if it is newer or not ours."""
    if url:
        return _judge(path, *_on_server(path, url))
    if not path.exists():
        return False
    try:
        with closing(connect(path, "ro")) as connection:
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            rows = (
                connection.execute("SELECT version_num FROM alembic_version").fetchall()
                if "alembic_version" in names
                else []
            )
    except sqlite3.Error as exc:
        raise explain(exc, path) from exc
    return _judge(path, names, rows[0][0] if rows else "")


def _on_server(path: Path, url: str) -> tuple[set[str], str]:
    """Return the tables of a server's database and its revision."""
    engine = postgres.engine(url, "ro")
    try:
        with engine.begin() as connection:
            names = set(inspect(connection).get_table_names())
            known = "SELECT version_num FROM alembic_version"
            return names, str(connection.exec_driver_sql(known).scalar() or "") if "alembic_version" in names else ""
    except DBAPIError as exc:
        raise explain(exc.orig, path) from exc
    finally:
        engine.dispose()


def _judge(path: Path, names: set[str], revision: str) -> bool:
    if not revision and names - {"alembic_version"}:
        raise Refused(f"{path}: this is a database, but not a campaign store; use another state folder")
    if revision != HEAD and revision not in _OLDER:
        raise Refused(
            f"{path}: written by a newer version of this program (schema {revision}, this one knows {HEAD}); "
            "nothing was changed; update the program"
        )
    return revision == HEAD


def build(path: Path, url: str = "") -> None:
    """Make the schema, or raise an older one, on a copy that takes the place of ``path`` when it is complete.

    On a server it is one transaction: it happens as a whole or not at all. Keep a pg_dump of your own.
    """
    if url:
        _migrate(postgres.engine(url, "rw"))
        return
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    if path.exists():
        _leave_wal(path)
        shutil.copyfile(path, fresh)
        shutil.copyfile(path, path.with_suffix(".bak"))
    _migrate(create_engine("sqlite://", creator=lambda: sqlite3.connect(fresh), poolclass=NullPool))
    sync(fresh)
    fresh.replace(path)
    sync(path.parent)


def _leave_wal(path: Path) -> None:
    """Fold the write-ahead log into the file, which needs that nobody else has it open."""
    with closing(connect(path, "rw")) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as exc:
            raise Refused(
                f"{path}: is open in another program; close it, then start again to raise the schema"
            ) from exc


def _migrate(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "sdl.store:migrations")
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
