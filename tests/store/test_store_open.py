from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from sdl.errors import Refused
from sdl.store import StaleState, Store, StoreFailed, core, schema, tables
from sdl.store.place import refuse_shared_folder


def test_reading_a_store_that_is_not_there_is_refused_with_advice_and_makes_nothing(folder: Path) -> None:
    with pytest.raises(Refused, match="sdl run"):
        Store.open(folder, create=False)
    assert not folder.exists()


def test_the_migrations_build_the_tables_that_the_program_uses(store: Store) -> None:
    engine = create_engine(f"sqlite:///{store.path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
        assert context.get_current_revision() == schema.HEAD
        checks = "\n".join(r[0] for r in connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql NOT NULL"))
    engine.dispose()
    assert checks.count("abs(") == sum(str(c).startswith("abs") for c in _checks())


def _checks() -> list[str]:
    return [str(c.sqltext) for t in tables.metadata.tables.values() for c in t.constraints if hasattr(c, "sqltext")]


def test_the_newest_migration_is_the_one_the_program_knows() -> None:
    config = Config()
    config.set_main_option("script_location", "sdl.store:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


@pytest.mark.parametrize("create", [True, False], ids=["run", "status"])
def test_a_newer_schema_is_refused_untouched(store: Store, folder: Path, create: bool) -> None:
    store.close()
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    before = store.path.read_bytes()
    with pytest.raises(Refused, match="newer version"):
        Store.open(folder, create=create)
    assert store.path.read_bytes() == before


def test_an_older_schema_is_raised_on_a_copy_and_the_old_file_is_kept(folder: Path) -> None:
    folder.mkdir()
    path = folder / "store.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    before = path.read_bytes()
    with pytest.raises(Refused, match="older version"):
        Store.open(folder, create=False)
    with Store.open(folder, create=True) as store:
        assert store.claim() == 1
    assert (folder / "store.bak").read_bytes() == before


def test_a_database_of_another_program_is_refused(folder: Path) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(Refused, match="not a campaign store"):
        Store.open(folder, create=True)


def test_a_damaged_file_is_refused_and_not_overwritten(store: Store, folder: Path) -> None:
    store.close()
    store.path.write_bytes(b"\xff" * 4096)
    with pytest.raises(Refused, match="damaged"):
        Store.open(folder, create=True)
    assert store.path.read_bytes() == b"\xff" * 4096


def test_reading_changes_no_byte_of_the_store(store: Store, folder: Path) -> None:
    store.close()
    before = store.path.read_bytes()
    with Store.open(folder, create=False) as reader:
        assert reader.summary().experiments == 3
        assert reader.owner().pid is None
    assert store.path.read_bytes() == before


@pytest.mark.parametrize("name", ["Dropbox", "OneDrive - ACME", "Google Drive", "Mobile Documents"])
def test_a_synchronised_folder_is_refused_and_nothing_is_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="--state"):
        Store.open(tmp_path / name / "state", create=True)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_a_network_disk_is_refused(kind: str) -> None:
    mounts = f"/dev/sda1 / ext4 rw 0 0\nserver:/data /mnt/group\\040data {kind} rw 0 0\n"
    with pytest.raises(Refused, match="network disk"):
        refuse_shared_folder(Path("/mnt/group data/blue"), mounts)
    refuse_shared_folder(Path("/mnt/group data 2/blue"), mounts)


@pytest.mark.parametrize("of", ["the same store", "a copy of it"])
def test_a_second_controller_is_told_who_holds_the_store_since_when(store: Store, folder: Path, of: str) -> None:
    place = folder if of == "the same store" else shutil.copytree(folder, folder.parent / "copy")
    program = f"from pathlib import Path\nfrom sdl.store import Store\nStore.open(Path({str(place)!r}), False).claim()"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert f"held by pid {os.getpid()}" in other.stderr
    assert store.owner().since in other.stderr
    assert store.owner().epoch == 1


def test_a_controller_that_was_taken_over_can_write_nothing_more(store: Store, folder: Path) -> None:
    with Store.open(folder, create=True) as second:
        assert second.claim() == 2
        with pytest.raises(StaleState, match="epoch 2, ours was 1"):
            store.event("still here")
        second.event("mine now")
        store.release()
        assert second.owner().pid == os.getpid()


def test_a_holder_whose_number_was_given_to_another_process_holds_nothing(store: Store, folder: Path) -> None:
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE owner SET pid = 1, started = 'long ago'")
    with Store.open(folder, create=True) as second:
        assert second.claim() == 2


def test_a_controller_that_never_claimed_cannot_write(store: Store, folder: Path) -> None:
    with Store.open(folder, create=True) as second, pytest.raises(StaleState, match="claim"):
        second.event("hello")


def test_a_file_replaced_while_open_stops_the_controller(store: Store) -> None:
    copy = store.path.with_name("copy")
    copy.write_bytes(store.path.read_bytes())
    copy.replace(store.path)
    with pytest.raises(StoreFailed, match="replaced"):
        store.event("lost")


def test_a_lock_by_another_program_is_waited_for_and_then_named(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_S", 0.01)
    with Store.open(folder, create=True) as second, closing(sqlite3.connect(store.path)) as backup:
        backup.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreFailed, match=r"store\.sqlite: another program has locked"):
            second.claim()


def test_a_nearly_full_disk_is_refused_before_an_attempt(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "FREE_BYTES", 10**18)
    with pytest.raises(Refused, match="Need 1000000000000 MB free"):
        store.plan_attempt(1, {"vials/A1": "blue-465-0001"}, {})
    assert store.attempts() == []


def test_after_a_write_error_nothing_is_acknowledged_and_the_store_stays_closed(folder: Path) -> None:
    Store.open(folder, create=True).close()
    program = f"""
import resource
from pathlib import Path
from sdl.store import Store, StoreFailed
store = Store.open(Path({str(folder)!r}), create=False)
store.claim()
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
acknowledged, said = 0, []
for n in range(40):
    try:
        store.event("big", text="x" * 20_000)
        acknowledged += 1
    except StoreFailed as error:
        said.append(str(error))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
try:
    store.event("after")
except StoreFailed as error:
    said.append(str(error))
with Store.open(Path({str(folder)!r}), create=False) as again:
    assert len(again.events(kinds=["big"])) == acknowledged > 0
    assert again.verify_chain() == []
assert "opened again" in said[-1], said
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
