"""Which schema a database has, and how an absent or older one is brought to ours: on a copy, then swapped in."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sdl.errors import Refused
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


def ready(path: Path) -> bool:
    """Say whether the database has our schema; False means `build` is needed; Refused if it is newer or not ours."""
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
    revision = rows[0][0] if rows else ""
    if not rows and names - {"alembic_version"}:
        raise Refused(f"{path}: this is a database, but not a campaign store; use another state folder")
    if revision != HEAD and revision not in _OLDER:
        raise Refused(
            f"{path}: written by a newer version of this program (schema {revision}, this one knows {HEAD}); "
            "nothing was changed; update the program"
        )
    return revision == HEAD


def build(path: Path) -> None:
    """Make the schema, or raise an older one, on a copy that takes the place of ``path`` when it is complete."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    if path.exists():
        _leave_wal(path)
        shutil.copyfile(path, fresh)
        shutil.copyfile(path, path.with_suffix(".bak"))
    _migrate(fresh)
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


def _migrate(path: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", "sdl.store:migrations")
    config.set_main_option("path_separator", "os")
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path), poolclass=NullPool)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
