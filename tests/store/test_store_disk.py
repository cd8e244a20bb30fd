"""A full disk, a store of an older release, and files that are complete or absent."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from sdl.spectra.types import Spectrum
from sdl.store import Attempt, Store, StoreFailed
from sdl.store.disk import write_durably
from sdl.store.folding import AT_LATEST_PAGES, EVERY, Folding
from sdl.store.spill import folder_of

SNAPSHOTS = sorted((Path(__file__).parent / "data").glob("schema-*.sql"))
GRID = np.linspace(340.0, 800.0, 2048)


def look() -> Spectrum:
    counts = np.random.default_rng(1).normal(1e4, 100.0, GRID.size)
    counts[3] = np.nan
    return Spectrum(kind="pl", role="sample", wavelength_nm=GRID, counts=counts, time_s=1.0, instrument="x")


def _fill_up(store: Store, room_pages: int) -> None:
    """Let the database's file grow by so many pages and no more (SQLite: PRAGMA max_page_count)."""
    with store._writer.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + room_pages}")


@pytest.mark.parametrize("room_pages", range(8))
def test_spectra_that_a_full_disk_refuses_wait_elsewhere_and_are_taken_in_exactly(
    store: Store, folder: Path, attempt: Attempt, room_pages: int
) -> None:
    _fill_up(store, room_pages)
    with pytest.raises(StoreFailed, match=r"disk is full.*the spectra are safe in (\S+)"):
        for n in range(9):
            store.save_read(attempt.id, f"c{n}", label="sample", time_s=1.0, spectra=[look()], flags=("timing",))
    acknowledged = len(store.reads())
    store.close()
    with Store.open(folder, create=False) as again:
        again.claim()
        assert len(again.reads()) == acknowledged and again.verify_chain() == []
        assert again.take_in_spilled() == 1
        last = again.reads()[-1]
        assert (last.command_id, last.flags) == (f"c{acknowledged}", ("timing",))
        (saved,) = again.spectra(last.id)
        assert saved.counts.tobytes() == look().counts.tobytes()
        assert again.take_in_spilled() == 0 and again.verify_chain() == []
    assert not list(folder_of(store.path).iterdir())


@pytest.mark.parametrize("snapshot", SNAPSHOTS, ids=lambda path: path.stem)
def test_a_campaign_of_every_released_schema_opens_and_is_as_written(folder: Path, snapshot: Path) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection:
        connection.executescript(snapshot.read_text(encoding="utf-8"))
    with Store.open(folder, create=True) as store:
        store.claim()
        assert store.verify_chain() == []
        assert [e.state for e in store.experiments()] == ["measured", "planned", "suggested"]
        assert [a.state for a in store.attempts()] == ["VERIFY"]
        (read,) = store.reads()
        assert store.spectra(read.id)[0].counts[-1] == 800.0
        assert store.approval(1) is not None and store.stock_left() == {"stocks/A1": 700.0}
        store.move_attempt(store.attempts()[0].id, "VERIFY", "DISPENSED")


def test_there_is_a_snapshot_of_the_newest_schema() -> None:
    from sdl.store import schema

    assert f"schema-{schema.HEAD}" in [path.stem for path in SNAPSHOTS]


def test_a_truncated_database_is_refused_and_not_touched(store: Store, folder: Path, attempt: Attempt) -> None:
    from sdl.errors import SdlError

    store.close()
    half = store.path.read_bytes()[: store.path.stat().st_size // 2]
    store.path.write_bytes(half)
    with pytest.raises(SdlError, match=r"damaged|malformed"), Store.open(folder, create=True) as again:
        assert again.verify_chain() == []
    assert store.path.read_bytes() == half


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "analysis.json"
    write_durably(path, "first")
    with pytest.raises(UnicodeEncodeError):
        write_durably(path, "\ud800")
    assert path.read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["analysis.json"]


def test_the_log_is_folded_into_the_file_beside_the_commits(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute(f"PRAGMA wal_autocheckpoint={AT_LATEST_PAGES}")
        writer.execute("CREATE TABLE t (x)")
        folding = Folding(lambda: sqlite3.connect(path))
        for _ in range(EVERY):
            assert path.stat().st_size < 8192, "nothing is folded inside a commit"
            writer.execute("INSERT INTO t VALUES (randomblob(3000))")
            folding.committed()
        folding.close()
        assert folding.failure is None and path.stat().st_size > EVERY * 3000


def test_a_disk_that_refuses_the_folding_stops_the_store(tmp_path: Path) -> None:
    with Store.open(tmp_path, create=True) as store:
        store.claim()
        store._folding.failure = sqlite3.OperationalError("disk I/O error")
        with pytest.raises(StoreFailed, match="disk I/O error"):
            store.event("anything")
