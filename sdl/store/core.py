"""The open store: its file, its owner, its events; every other room of the store stands on this one."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from os import getpid, stat_result
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, select, update
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.pool import QueuePool

from sdl.errors import Refused, SdlError
from sdl.store import postgres, schema, tables
from sdl.store.chain import problems
from sdl.store.faults import StaleState, StoreFailed, explain, is_final
from sdl.store.folding import AT_LATEST_PAGES, Folding
from sdl.store.owner import boot, is_running, started
from sdl.store.place import place_of, refuse_shared_folder, remember_url, url_of
from sdl.store.rows import Event, Owner
from sdl.store.transaction import Transaction

__all__ = ["Core"]

FREE_BYTES = 500_000_000
"""Free disk below which no new attempt is planned (design: reliability F09)."""

_OWNER = select(tables.owner)

_Row = TypeVar("_Row")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Core:
    """A store that can be opened, owned, written to by events, and verified."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self.path = place_of(folder)
        self._url = url_of(folder)
        self._lease = postgres.Lease(self._url) if self._url else None
        self._clock = clock
        self._epoch: int | None = None
        self._failed = ""
        self._file = _identity(self.path.stat())
        self._writer = self._engine("rw", "IMMEDIATE")
        self._reader = self._engine("ro", "DEFERRED")
        self._folding = Folding(lambda: self._connect("rw"))

    @classmethod
    def open(cls, folder: Path, create: bool, clock: Callable[[], datetime] = _utc_now, url: str = "") -> Self:
        """Open the store in the state ``folder``; make it if ``create``, else raise Refused where there is none.

        With a ``url`` (postgresql://...) the folder remembers that its store is on that server. Reading never writes
        to the store. A newer schema, a damaged file, a network or sync folder are Refused.
        """
        refuse_shared_folder(folder)
        if url:
            postgres.named(url)
            remember_url(folder, url)
        path = place_of(folder)
        if not path.exists() and not create:
            raise Refused(
                f"{folder}: no campaign has started here; start one with `sdl run`, or name its --state folder"
            )
        if not schema.ready(path, url_of(folder)):
            if not create:
                raise Refused(f"{path}: written by an older version of this program; `sdl resume` raises it")
            folder.mkdir(parents=True, exist_ok=True)
            schema.build(path, url_of(folder))
        return cls(folder, clock)

    def close(self) -> None:
        """Let go of the file, and of the store if this object holds it."""
        if self._epoch is not None and not self._failed:
            with suppress(StoreFailed):
                self.release()
        self._folding.close()
        self._reader.dispose()
        self._writer.dispose()
        if self._lease is not None:
            self._lease.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def claim(self) -> int:
        """Become the one controller and return the new epoch; Refused while another live process holds the store."""
        with self._write("claimed", fenced=False) as tx:
            held = _owner(tx.connection)
            if not self._may_take(tx.connection, held):
                raise Refused(
                    f"{self.path}: held by pid {held.pid} on {held.host} since {held.since}; "
                    "stop it with `sdl stop`, or wait until it ends"
                )
            epoch = held.epoch + 1
            holder = {"pid": getpid(), "started": started(getpid()) or "", "boot": boot(), "host": socket.gethostname()}
            tx.connection.execute(update(tables.owner).values(epoch=epoch, since=self._now(), **holder))
            tx.data.update(epoch=epoch, pid=holder["pid"], host=holder["host"])
        self._epoch = epoch
        return epoch

    def release(self) -> None:
        """Stop being the controller; nothing happens if another one took over meanwhile."""
        with self._write("released", fenced=False, epoch=self._epoch) as tx:
            mine = update(tables.owner).where(tables.owner.c.epoch == self._epoch)
            if tx.connection.execute(mine.values(pid=None)).rowcount != 1:
                tx.skip()
        self._epoch = None

    def _may_take(self, connection: Connection, held: Owner) -> bool:
        """Say whether nobody else who lives holds the store; on a server, take the lead."""
        ours = held.pid == getpid() and held.boot == boot()
        if self._lease is None or ours:
            return ours or held.pid is None or not is_running(held.pid, held.started, held.boot)
        return self._lease.take()

    def is_held(self) -> bool:
        """Say whether a controller that lives holds the store now."""
        with self._read() as connection:
            held = _owner(connection)
            if held.pid is None or self._lease is None:
                return held.pid is not None and is_running(held.pid, held.started, held.boot)
            return postgres.is_led(connection)

    def owner(self) -> Owner:
        """Return who holds, or last held, the store."""
        with self._read() as connection:
            return _owner(connection)

    def event(self, kind: str, *, attempt: str | None = None, experiment: str | None = None, **data: Any) -> None:
        """Remember something that changes no row."""
        with self._write(kind, attempt=attempt, experiment=experiment, **data):
            pass

    def events(self, after: int = 0, kinds: Collection[str] | None = None) -> list[Event]:
        """Return the events with ``seq`` above ``after``, oldest first, of these ``kinds`` only if given."""
        query = select(tables.events).where(tables.events.c.seq > after).order_by(tables.events.c.seq)
        return self._rows(Event, query if kinds is None else query.where(tables.events.c.kind.in_(kinds)))

    def verify_chain(self) -> list[str]:
        """Return what is wrong with the file, the event chain or any row it names; empty when all is as written."""
        with self._read() as connection:
            return problems(connection)

    def require_space(self) -> None:
        """Raise Refused if the disk could fill up during an attempt."""
        free = shutil.disk_usage(self.path.parent).free
        if free < FREE_BYTES:
            raise Refused(
                f"Need {FREE_BYTES // 10**6} MB free in {self.path.parent}, have {free // 10**6} MB; free some"
            )

    def _now(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="microseconds")

    def _rows(self, kind: type[_Row], query: Any) -> list[_Row]:
        with self._read() as connection:
            return [kind(**row) for row in connection.execute(query).mappings()]

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """Give a connection that sees one moment of the store and cannot write."""
        try:
            with self._reader.begin() as connection:
                yield connection
        except DBAPIError as exc:
            raise explain(exc.orig, self.path) from exc

    @contextmanager
    def _write(
        self, kind: str, *, attempt: str | None = None, experiment: str | None = None, fenced: bool = True, **data: Any
    ) -> Iterator[Transaction]:
        """Give a transaction that becomes durable, with its event of this ``kind``, when the block ends well.

        ``fenced`` writes are the controller's: they raise StaleState unless this object still holds the store.
        """
        self._require_usable()
        try:
            with self._writer.begin() as connection:
                if fenced:
                    self._require_epoch(connection)
                tx = Transaction(connection, data)
                yield tx
                if not tx.silent:
                    tx.append_event(self._now(), kind, attempt, experiment)
            if not self._url:
                self._folding.committed()
        except OverflowError as exc:
            raise Refused(f"{self.path}: {exc}; a whole number must be below 2**63") from exc
        except StatementError as exc:
            failure = exc.orig if isinstance(exc.orig, SdlError) else explain(exc.orig, self.path)
            if is_final(exc.orig):
                self._failed = str(failure)
            raise failure from exc

    def _require_usable(self) -> None:
        """Refuse to write after an I/O error (a failed fsync may have dropped pages) or to a replaced file."""
        if self._folding.failure is not None:
            self._failed = str(explain(self._folding.failure, self.path))
        if self._failed:
            raise StoreFailed(f"{self._failed}; this store stays closed until it is opened again")
        try:
            same = _identity(self.path.stat()) == self._file
        except FileNotFoundError:
            same = False
        if not same:
            raise StoreFailed(f"{self.path}: was moved, deleted or replaced while open; put it back, then resume")

    def _require_epoch(self, connection: Connection) -> None:
        held = _owner(connection)
        if self._epoch is None:
            raise StaleState(f"{self.path}: claim() comes before the controller's writes")
        if held.epoch != self._epoch:
            raise StaleState(
                f"{self.path}: taken over by pid {held.pid} on {held.host} since {held.since} "
                f"(epoch {held.epoch}, ours was {self._epoch}); stop here"
            )

    def _engine(self, mode: str, begin: str) -> Engine:
        """Return an engine in which SQLAlchemy, not the driver, begins transactions."""
        if self._url:
            return postgres.engine(self._url, mode)
        engine = create_engine("sqlite://", creator=lambda: self._connect(mode), poolclass=QueuePool)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(f"BEGIN {begin}"))
        return engine

    def _connect(self, mode: str) -> sqlite3.Connection:
        connection = schema.connect(self.path, mode)
        connection.execute("PRAGMA foreign_keys=ON")
        if mode == "rw":
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint={AT_LATEST_PAGES}")
        return connection

    def _count(self, query: Any) -> dict[str, int]:
        with self._read() as connection:
            return {str(state): int(n) for state, n in connection.execute(query)}

    def _by_state(self, table: Any) -> dict[str, int]:
        return self._count(select(table.c.state, func.count()).group_by(table.c.state))


def _identity(status: stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _owner(connection: Connection) -> Owner:
    row = dict(connection.execute(_OWNER).mappings().one())
    del row["id"]
    return Owner(**row)
