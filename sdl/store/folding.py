"""Folding the write-ahead log into the database file: beside the writer, so that no commit waits for it.

SQLite does this inside every commit that finds the log long, with two more waits for the disk: a read in a hundred then
takes several times as long as the others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from threading import Event, Thread

__all__ = ["AT_LATEST_PAGES", "Folding"]

EVERY = 100
"""Commits between two foldings: some 1.5 MB of spectra, as in SQLite's own 1000 pages (sqlite.org/wal.html)."""

AT_LATEST_PAGES = 10_000
"""The log at which a commit folds by itself, 40 MB, should nobody else have done it (chosen)."""


class Folding:
    """A thread of its own, begun with the first hundred commits; what the disk refuses it is in ``failure``."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._commits = 0
        self._due, self._over = Event(), False
        self._thread: Thread | None = None
        self.failure: sqlite3.Error | None = None

    def committed(self) -> None:
        """Count a commit; let the log be folded when enough were made."""
        self._commits += 1
        if self._commits % EVERY == 0:
            if self._thread is None:
                self._thread = Thread(target=self._fold, name="store folding", daemon=True)
                self._thread.start()
            self._due.set()

    def close(self) -> None:
        """Do what is due and end."""
        if self._thread is not None:
            self._over = True
            self._due.set()
            self._thread.join()
            self._thread = None

    def _fold(self) -> None:
        try:
            with closing(self._connect()) as connection:
                over = False
                while not over:
                    self._due.wait()
                    self._due.clear()
                    over = self._over
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as exc:
            self.failure = exc
