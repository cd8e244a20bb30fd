from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sdl.store import Attempt, NewExperiment, Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blue-465"


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a store in which nothing has happened."""
    with Store.open(tmp_path_factory.mktemp("empty"), create=True) as store:
        pass
    return store.path.read_bytes()


@pytest.fixture
def store(folder: Path, empty: bytes) -> Iterator[Store]:
    """A new store, owned by this process, with one batch of three suggestions."""
    folder.mkdir()
    (folder / "store.sqlite").write_bytes(empty)
    with Store.open(folder, create=True) as store:
        store.claim()
        store.save_campaign("campaign: blue-465", "ab" * 32, {"name": "blue-465"})
        rows = [NewExperiment(kind="explore", suggestion={"design": {"pb_to_cs": 2.0 + n}}) for n in range(3)]
        store.add_batch(1, rows)
        yield store


@pytest.fixture
def attempt(store: Store) -> Attempt:
    """An attempt on the first two experiments, PLANNED."""
    return store.plan_attempt(1, {"vials/A1": "blue-465-0001", "vials/A2": "blue-465-0002"}, {"duration_s": 60.0})
