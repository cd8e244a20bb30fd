"""What can go wrong with the store itself, and how SQLite's words become ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sdl.errors import Refused, SdlError, Stopped

__all__ = ["StaleState", "StoreFailed", "explain", "is_final"]


class StaleState(Stopped):
    """The row is not in the state, or this controller not in the epoch, that the caller believed."""


class StoreFailed(Stopped):
    """The disk did not take a write: nothing was acknowledged. Stop, repair, reopen; the write is not repeated."""


def explain(error: BaseException | None, path: Path) -> SdlError:
    """Return our error for a driver's ``error`` on the database at ``path``."""
    if not isinstance(error, sqlite3.Error):
        return _of_server(error, path)
    name = getattr(error, "sqlite_errorname", "")
    if isinstance(error, sqlite3.IntegrityError):
        return Refused(f"{path}: {error}; the row was not written")
    if name.startswith("SQLITE_BUSY"):
        return StoreFailed(f"{path}: another program has locked the database (a backup?); let it finish, then resume")
    if name == "SQLITE_FULL":
        return StoreFailed(f"{path}: the disk is full; free some space, then resume")
    if name.startswith("SQLITE_CORRUPT") or name == "SQLITE_NOTADB":
        return Refused(f"{path}: database damaged: {error}; nothing was overwritten; restore the file from a copy")
    return StoreFailed(f"{path}: {error} ({name or type(error).__name__}); check the disk, then resume")


def is_final(error: BaseException | None) -> bool:
    """Say whether nobody can know what the disk or the server holds now: the store stays closed until reopened."""
    name = getattr(error, "sqlite_errorname", "")
    return name.startswith("SQLITE_IOERR") or type(error).__name__ in ("OperationalError", "AdminShutdown")


def _of_server(error: BaseException | None, path: Path) -> SdlError:
    """Return our error for PostgreSQL's, by its SQLSTATE (PostgreSQL manual, appendix A)."""
    state = getattr(error, "sqlstate", None) or ""
    words = str(error).splitlines()[0] if error is not None and str(error) else type(error).__name__
    if state.startswith(("22", "23")):
        return Refused(f"{path}: {words}; the row was not written")
    if state == "53100":
        return StoreFailed(f"{path}: the server's disk is full; free some space, then resume")
    return StoreFailed(f"{path}: the database server: {words} ({state or 'no answer'}); see to it, then resume")
