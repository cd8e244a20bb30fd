"""The embedded Prefect: a new campaign begins with the empty database that the environment keeps."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from flows import server


def _count(database: Path, table: str) -> int:
    with closing(sqlite3.connect(database)) as there:
        return int(there.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_the_first_start_keeps_a_migrated_database_without_runs_and_the_next_begins_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    for name in server.settings(tmp_path):
        monkeypatch.setenv(name, "")  # put back what prefect_api leaves behind
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    with server.prefect_api(tmp_path / "first"):
        (kept,) = (tmp_path / "environment" / "share" / "sdl").iterdir()
    assert (_count(kept, "alembic_version"), _count(kept, "flow_run")) == (1, 0)
    server._begin_empty(tmp_path / "second.db")
    assert (tmp_path / "second.db").read_bytes() == kept.read_bytes()
    before = kept.read_bytes()
    server._keep_empty(tmp_path / "first" / "prefect.db")
    assert kept.read_bytes() == before


def test_an_environment_that_cannot_be_written_to_starts_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a file, not a folder"
    place.write_text("")
    with closing(sqlite3.connect(tmp_path / "started.db")) as started:
        started.execute("CREATE TABLE t (x)")
    monkeypatch.setattr(sys, "prefix", str(place))
    server._keep_empty(tmp_path / "started.db")
    server._begin_empty(tmp_path / "second.db")
    assert place.read_text() == "" and not (tmp_path / "second.db").exists()


def test_nothing_is_kept_of_a_campaign_whose_database_is_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    server._keep_empty(tmp_path / "not here.db")
    assert list(tmp_path.rglob("*.db")) == []
