from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from sdl.store import Attempt, NewExperiment, Store
from tests.store import postgres

_NUMBER = itertools.count(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blue-465"


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a store in which nothing has happened."""
    with Store.open(tmp_path_factory.mktemp("empty"), create=True) as store:
        pass
    return store.path.read_bytes()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server of our own; where none is installed, what needs it is skipped with a line."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql): tested on SQLite only")
    folder = Path(mkdtemp(prefix="sdl-pg-", dir="/tmp"))  # a socket's path is at most 107 characters
    with postgres.cluster(folder / "pg") as socket:
        yield socket
    shutil.rmtree(folder)


@pytest.fixture
def kind() -> str:
    """Where the store is; modules that hold the contract of both run each test on each."""
    return "sqlite"


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    if kind == "sqlite":
        return ""
    return postgres.fresh_database(request.getfixturevalue("server"), f"campaign_{next(_NUMBER)}")


@pytest.fixture
def store(folder: Path, empty: bytes, url: str) -> Iterator[Store]:
    """A new store, owned by this process, with one batch of three suggestions."""
    folder.mkdir()
    if not url:
        (folder / "store.sqlite").write_bytes(empty)
    with Store.open(folder, create=True, url=url) as store:
        store.claim()
        store.save_campaign("campaign: blue-465", "ab" * 32, {"name": "blue-465"})
        rows = [NewExperiment(kind="explore", suggestion={"design": {"pb_to_cs": 2.0 + n}}) for n in range(3)]
        store.add_batch(1, rows)
        yield store


@pytest.fixture
def attempt(store: Store) -> Attempt:
    """An attempt on the first two experiments, PLANNED."""
    return store.plan_attempt(1, {"vials/A1": "blue-465-0001", "vials/A2": "blue-465-0002"}, {"duration_s": 60.0})
