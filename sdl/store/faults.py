"""What can go wrong with the store itself, and how SQLite's words become ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sdl.errors import Refused, SdlError, Stopped

__all__ = ["StaleState", "StoreFailed", "explain"]


class StaleState(Stopped):
    """The row is not in the state, or this controller not in the epoch, that the caller believed."""


class StoreFailed(Stopped):
    """The disk did not take a write: nothing was acknowledged. Stop, repair, reopen; the write is not repeated."""


def explain(error: BaseException | None, path: Path) -> SdlError:
    """Return our error for a driver's ``error`` on the database at ``path``."""
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
