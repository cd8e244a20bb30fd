from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdl.errors import Refused
from sdl.store import Attempt, Event, Store
from sdl.store.transaction import link

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.open(tmp_path_factory.mktemp("chain"), create=True)
    store.claim()
    return store


@settings(max_examples=25, deadline=None)
@given(data=_JSON)
def test_the_data_of_an_event_come_back_exactly_and_the_chain_holds(long_lived: Store, data: Any) -> None:
    before = long_lived.events()[-1].seq
    long_lived.event("seen", value=data)
    (event,) = long_lived.events(after=before)
    assert event.data == {"value": data}
    assert long_lived.verify_chain() == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, object()], ids=["nan", "inf", "-inf", "object"])
def test_what_is_not_json_is_refused_and_no_event_is_written(store: Store, value: object) -> None:
    count = len(store.events())
    with pytest.raises(Refused, match="cannot be stored"):
        store.event("bad", deep=[{"x": value}])
    assert len(store.events()) == count


@pytest.mark.parametrize("volume_ul", [math.nan, math.inf, 1e300])
def test_a_number_that_is_none_is_refused_by_the_store_and_by_the_database(store: Store, volume_ul: float) -> None:
    with pytest.raises(Refused, match="cannot be stored"):
        store.draw_stock("TOPO", volume_ul, "test")
    with closing(sqlite3.connect(store.path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO stock_ledger VALUES (1, 'TOPO', ?, 'test', NULL)", (volume_ul,))


def test_a_number_too_large_for_the_database_is_refused(store: Store) -> None:
    with pytest.raises(Refused, match=r"2\*\*63"):
        store.save_diagnostics(2**63, {})


def test_events_are_ordered_by_number_and_name_every_row_they_change(store: Store, attempt: Attempt) -> None:
    events = store.events()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    planned = store.events(kinds=["attempt planned"])[0]
    assert set(planned.rows) == {
        f"attempts/{attempt.id}",
        f"wells/{attempt.id}/vials/A1",
        f"wells/{attempt.id}/vials/A2",
        "experiments/blue-465-0001",
        "experiments/blue-465-0002",
    }
    assert store.events(after=planned.seq - 1)[0] == planned


def test_time_that_jumps_back_changes_no_order(folder: Path) -> None:
    times = iter([datetime(2030, 1, 1, tzinfo=UTC)] * 2 + [datetime(1970, 1, 1, tzinfo=UTC)] * 9)
    with Store.open(folder, create=True, clock=lambda: next(times)) as store:
        store.claim()
        store.event("later")
        assert [event.kind for event in store.events()] == ["claimed", "later"]
        assert store.verify_chain() == []


TAMPERING = {
    "an outcome": ("UPDATE experiments SET is_hit = 1 WHERE seq = 2", "experiments/blue-465-0002: changed by hand"),
    "a suggestion": ("UPDATE experiments SET suggestion = x'00' WHERE seq = 3", "experiments/blue-465-0003: changed"),
    "event data": ("UPDATE events SET data = '{}' WHERE seq = 2", "events/2: changed by hand"),
    "event rows": ("UPDATE events SET rows = 'x' WHERE seq = 2", "events/2: changed by hand"),
    "an event gone": ("DELETE FROM events WHERE seq = 2", "events/3: does not follow events/1"),
    "the last event gone": ("DELETE FROM events WHERE seq = 4", "events/3: is not the last event"),
    "a row gone": ("DELETE FROM wells WHERE well = 'vials/A2'", "/vials/A2: deleted by hand"),
    "a row more": ("INSERT INTO stock_ledger VALUES (9, 'TOPO', 1e6, 'gift', NULL)", "stock_ledger/9: added by hand"),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_a_row_changed_by_hand_is_named(store: Store, attempt: Attempt, name: str) -> None:
    assert store.verify_chain() == []
    change, expected = TAMPERING[name]
    with closing(sqlite3.connect(store.path)) as connection, connection:
        assert connection.execute(change).rowcount == 1
    assert any(expected in problem for problem in store.verify_chain())


def test_the_hash_of_an_event_is_the_sha256_that_its_fields_give(store: Store) -> None:
    event: Event = store.events(kinds=["campaign saved"])[0]
    data, rows = (json.dumps(part, sort_keys=True, separators=(",", ":")) for part in (event.data, event.rows))
    fields = [event.prev_hash, event.seq, event.at_utc, event.kind, event.attempt, event.experiment, data, rows]
    expected = hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
    assert event.hash == expected == link(event.prev_hash, fields[1:])
