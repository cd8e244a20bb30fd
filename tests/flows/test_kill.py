"""A controller killed at any moment, then resumed: nothing lost, nothing dispensed twice."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from benchmarks.kills import acknowledged, live, look
from benchmarks.named_kills import POINTS, killed_at
from sdl.store import Store
from tests.flows.campaigns import (
    ENVIRONMENT,
    answer,
    budget,
    campaign_file,
    command,
    planned_strokes,
    sdl,
    servers,
    strokes,
)

pytestmark = pytest.mark.lab

STARTING = next(point for point in POINTS if point.name == "attempt STARTING")

KILLED_AFTER_LINES = (2, 4, 6, 6, 8, 10)
"""Lines of progress after which the controller dies: before planning, while arming, and in the middle of wells."""


def test_a_campaign_killed_six_times_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    file = campaign_file(tmp_path, budget(4, 4))
    state = tmp_path / ".sdl" / "blue-465"
    said = Counter[str]()
    for count in KILLED_AFTER_LINES:
        lines, ended = live(file, count)
        assert not ended, "it had ended by itself"
        said.update(acknowledged(lines))
        assert look(state, said) == []
    assert sum(said.values()) >= 1, "a read was acknowledged before a kill"
    done = sdl("resume", file, "--runner", "plain", "--json")
    assert done.returncode in (0, 7), done.stderr
    assert answer(done)["experiments"] == 4
    assert look(state, said) == []
    assert strokes(state) == planned_strokes(state), "the physical journal shows each stroke once"
    with Store.open(state, create=False) as store:
        assert [e.state for e in store.experiments()] == ["measured"] * 4
        assert {a.state for a in store.attempts()} == {"DONE"}
        wells = [w for a in store.attempts() for w in store.wells(a.id)]
        assert all(w.state == "measured" for w in wells)


def test_a_killed_controller_takes_its_prefect_server_along(tmp_path: Path) -> None:
    file = campaign_file(tmp_path, budget(1, 1))
    state = tmp_path / ".sdl" / "blue-465"
    home = state / "prefect"
    process = subprocess.Popen(command("run", file), stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    assert killed_at(process, state / "store.sqlite", STARTING, 0)
    give_up_s = time.monotonic() + 30.0
    while servers(home) and time.monotonic() < give_up_s:
        time.sleep(0.2)
    assert servers(home) == []
    assert _flow_runs(home) == ["RUNNING"], "Prefect itself never learns of a kill"
    _age_a_copy(home)
    assert _flow_runs(home) == ["COMPLETED", "RUNNING"]
    done = sdl("resume", file, "--json")
    assert done.returncode in (0, 7), done.stderr
    assert answer(done)["experiments"] == 1
    assert strokes(state) == planned_strokes(state)
    assert _flow_runs(home) == ["CRASHED", "COMPLETED"], "the old run is forgotten, the killed one marked"


def _flow_runs(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "prefect.db")) as connection:
        return [row[0] for row in connection.execute("SELECT state_type FROM flow_run ORDER BY start_time")]


def _age_a_copy(home: Path) -> None:
    """Let Prefect remember another run of this campaign, which ended long ago."""
    new = {"id": "'" + str(uuid4()) + "'", "state_id": "NULL", "idempotency_key": "NULL", "state_type": "'COMPLETED'"}
    new |= {"start_time": "'2026-01-01 00:00:00.000000'", "end_time": "'2026-01-02 00:00:00.000000'"}
    with closing(sqlite3.connect(home / "prefect.db")) as connection, connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(flow_run)")]
        values = ", ".join(new.get(name, f'"{name}"') for name in columns)
        connection.execute(f"INSERT INTO flow_run SELECT {values} FROM flow_run")
