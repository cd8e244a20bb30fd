"""A controller killed at any moment, then resumed: nothing lost, nothing dispensed twice."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

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

KILLED_AFTER_LINES = (2, 4, 6, 9, 14, 23)
"""Lines of progress after which the controller dies: before planning, while arming, and in the middle of wells."""


def run_and_kill(file: Path, lines: int, runner: str = "plain") -> None:
    """Start the campaign and kill -9 its controller once it has said ``lines`` lines."""
    process = subprocess.Popen(
        command("run", file, "--runner", runner), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=ENVIRONMENT
    )
    assert process.stderr is not None
    for _ in range(lines):
        if not process.stderr.readline():
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()


def test_a_campaign_killed_six_times_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    file = campaign_file(tmp_path, budget(6, 3))
    state = tmp_path / ".sdl" / "blue-465"
    measured: set[str] = set()
    for lines in KILLED_AFTER_LINES:
        run_and_kill(file, lines)
        assert sqlite3.connect(state / "store.sqlite").execute("PRAGMA integrity_check").fetchone() == ("ok",)
        with Store.open(state, create=False) as store:
            now = {e.id for e in store.experiments("measured")}
        assert measured <= now, "what was acknowledged is still there"
        measured = now
    done = sdl("resume", file, "--runner", "plain", "--json")
    assert done.returncode in (0, 7), done.stderr
    assert answer(done)["experiments"] == 6
    assert strokes(state) == planned_strokes(state), "the physical journal shows each stroke once"
    with Store.open(state, create=False) as store:
        assert store.verify_chain() == []
        assert [e.state for e in store.experiments()] == ["measured"] * 6
        assert {a.state for a in store.attempts()} == {"DONE"}
        wells = [w for a in store.attempts() for w in store.wells(a.id)]
        assert all(w.state == "measured" for w in wells)


def test_a_killed_controller_takes_its_prefect_server_along(tmp_path: Path) -> None:
    file = campaign_file(tmp_path, budget(2, 2))
    run_and_kill(file, 7, runner="prefect")
    home = tmp_path / ".sdl" / "blue-465" / "prefect"
    assert (home / "prefect.db").is_file()
    give_up_s = time.monotonic() + 30.0
    while servers(home) and time.monotonic() < give_up_s:
        time.sleep(0.2)
    assert servers(home) == []
    assert _flow_runs(home) == ["RUNNING"], "Prefect itself never learns of a kill"
    done = sdl("resume", file, "--json")
    assert done.returncode in (0, 7), done.stderr
    assert answer(done)["experiments"] == 2
    assert _flow_runs(home) == ["CRASHED", "COMPLETED"]


def _flow_runs(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "prefect.db")) as connection:
        return [row[0] for row in connection.execute("SELECT state_type FROM flow_run ORDER BY start_time")]
