"""What is different on a server: who leads, what a lost connection means, whose database it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from sdl.errors import Refused
from sdl.store import Attempt, Store, StoreFailed


@pytest.fixture
def kind() -> str:
    return "postgresql"


def _by_hand(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def test_a_second_controller_anywhere_is_told_who_leads_since_when(store: Store, folder: Path) -> None:
    store.close()
    with Store.open(folder, create=False) as first:
        first.claim()
        claim = (
            f"from pathlib import Path\nfrom sdl.store import Store\nStore.open(Path({str(folder)!r}), False).claim()"
        )
        other = subprocess.run([sys.executable, "-c", claim], capture_output=True, text=True, check=False)
        assert f"held by pid {os.getpid()}" in other.stderr and first.owner().since in other.stderr
        assert first.summary().running
    with Store.open(folder, create=False) as again:
        assert not again.summary().running


def test_a_controller_that_died_leaves_the_lead(store: Store, folder: Path) -> None:
    store.close()
    die = "from pathlib import Path\nfrom sdl.store import Store\nimport os\n"
    die += f"print(Store.open(Path({str(folder)!r}), False).claim(), flush=True)\nos.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", die], capture_output=True, check=False)
    with Store.open(folder, create=False) as next_one:
        assert next_one.claim() == 3


def test_a_connection_lost_in_the_middle_of_a_write_stops_the_controller_and_loses_nothing(
    store: Store, folder: Path, url: str, attempt: Attempt
) -> None:
    count = len(store.events())
    end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    with pytest.raises(StoreFailed, match="server"), store._write("half done"):
        _by_hand(url, f"{end_all} AND datname = current_database()")
    with pytest.raises(StoreFailed, match="opened again"):
        store.event("after")
    with Store.open(folder, create=False) as again:
        assert len(again.events()) == count and again.verify_chain() == []
        assert again.attempt(attempt.id).state == "PLANNED"


def test_a_row_changed_by_hand_is_named_and_a_newer_schema_is_refused(store: Store, folder: Path, url: str) -> None:
    assert store.verify_chain() == []
    _by_hand(url, "UPDATE experiments SET is_hit = true WHERE seq = 2")
    assert store.verify_chain() == ["experiments/blue-465-0002: changed by hand"]
    store.close()
    _by_hand(url, "UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(Refused, match="newer version"):
        Store.open(folder, create=True)


@pytest.mark.parametrize("wrong", ["mysql://host/db", "postgresql://host", "not a url", "sqlite:///x.db"])
def test_only_a_database_of_a_postgresql_server_is_a_url_of_a_store(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(Refused, match="postgresql://user@host/database"):
        Store.open(tmp_path / "state", create=True, url=wrong)


def test_a_folder_belongs_to_one_store(store: Store, folder: Path, url: str) -> None:
    assert (folder / "store.url").stat().st_mode & 0o077 == 0
    with pytest.raises(Refused, match="here already"):
        Store.open(folder, create=True, url=url + "&application_name=other")
