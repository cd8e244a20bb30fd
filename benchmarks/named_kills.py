"""SIGKILLs at named points of an attempt's road, under Prefect with a dedicated server that wants an auth string.

Another process reads the events that the store commits and kills the controller at the one that a point names: nothing
in the program knows of it. `python -m benchmarks.kills --prefect 19`.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.kills import look
from flows.server import START_TIMEOUT_S, settings
from sdl.lab import simulated
from sdl.store import Store
from tests.flows.campaigns import ENVIRONMENT, budget, campaign_file, command, planned_strokes, strokes

AUTH = "lab:named-kills"
LOOK_S = 0.002
"""How often the store is looked at: the kill lands within milliseconds of the commit (chosen)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One commit of the store, by its event and what that says."""

    name: str
    kind: str
    says: Mapping[str, str | bool] = field(default_factory=dict)


def _moved(to: str) -> Point:
    return Point(name=f"attempt {to}", kind="attempt moved", says={"to": to})


POINTS = (
    Point(name="first stock loaded", kind="stock loaded"),
    Point(name="batch suggested", kind="batch suggested"),
    Point(name="attempt planned", kind="attempt planned"),
    *map(_moved, ("RESERVED", "UPLOADED", "VERIFIED", "ARMED", "STARTING", "VERIFY")),
    Point(name="reference read saved", kind="read saved", says={"label": "dark"}),
    Point(name="hand-shake written", kind="handshake written"),
    Point(name="hand-shake sent", kind="handshake sent"),
    Point(name="well dispensed", kind="well moved", says={"to": "dispensed"}),
    Point(name="well quenched", kind="well moved", says={"to": "quenched"}),
    Point(name="outcome saved", kind="read saved", says={"outcome": True}),
    Point(name="its features saved", kind="features saved"),
    *map(_moved, ("DISPENSED", "MEASURED")),
    Point(name="experiment finished", kind="experiment finished"),
)
"""In the order in which a batch of four wells comes by them."""


def killed_at(process: subprocess.Popen[bytes], database: Path, point: Point, after: int) -> bool:
    """Kill ``process`` at the first event of ``point`` with a number above ``after``; False if it ended before."""
    while not database.exists() and process.poll() is None:
        time.sleep(LOOK_S)
    if not database.exists():
        return False
    with closing(_reading(database)) as connection:
        while process.poll() is None:
            for kind, data in connection.execute("SELECT kind, data FROM events WHERE seq > ?", (after,)):
                after += 1
                if kind == point.kind and point.says.items() <= json.loads(data).items():
                    process.kill()
                    process.wait()
                    return True
            time.sleep(LOOK_S)
    return False


def last_event(database: Path) -> int:
    """Return the number of the newest event; 0 where there is no store yet."""
    if not database.exists():
        return 0
    with closing(_reading(database)) as connection:
        return int(connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])


def _reading(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10.0)


@contextmanager
def prefect_server(home: Path) -> Iterator[Mapping[str, str]]:
    """Run ``prefect server start`` on loopback; give the environment of its clients."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    home.mkdir(parents=True)
    environment = {**ENVIRONMENT, **settings(home), "PREFECT_SERVER_API_AUTH_STRING": AUTH}
    words = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port, "--no-ui"]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}/api"
            _wait_for(url, server)
            yield {"PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": AUTH}
        finally:
            server.terminate()
            server.wait(timeout=60)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    give_up_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up_s and server.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=2.0).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise RuntimeError(f"no Prefect server at {url}")


def flow_runs(access: Mapping[str, str]) -> dict[str, int]:
    """Count the flow runs that the server knows, by their state."""
    user, _, word = access["PREFECT_API_AUTH_STRING"].partition(":")
    answer = httpx.post(f"{access['PREFECT_API_URL']}/flow_runs/filter", json={}, auth=(user, word), timeout=30.0)
    states = [str(run["state_type"]) for run in answer.raise_for_status().json()]
    return {state: states.count(state) for state in sorted(set(states))}


def kill_at_each(folder: Path, points: Sequence[Point]) -> list[str]:
    """Kill one campaign at each point, let it end, and return every broken promise; print what happened."""
    folder.mkdir(parents=True, exist_ok=True)
    file = campaign_file(folder, budget(4, 4, hits=9))
    state = folder / ".sdl" / "blue-465"
    wrong: list[str] = []
    with prefect_server(folder / "prefect") as access:
        environment = {**os.environ, **ENVIRONMENT, **access}
        for point in points:
            after = last_event(state / "store.sqlite")
            words = command("run", file)
            with (folder / "controller.log").open("ab") as log:
                process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=log)
                if not killed_at(process, state / "store.sqlite", point, after):
                    wrong.append(f"{point.name}: the controller ended with {process.returncode} before it")
            if (state / "store.sqlite").exists():
                wrong += [f"{point.name}: {text}" for text in look(state, Counter())]
            print(f"killed at: {point.name}; the store is {'whole' if not wrong else 'NOT AS PROMISED'}", flush=True)
        done = subprocess.run(command("resume", file), env=environment, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 7):
            wrong.append(f"the last resume ended with {done.returncode}: {done.stderr[-500:]}")
        print(f"Prefect's own records: {flow_runs(access)}")
    with Store.open(state, create=False) as store:
        ends = [(e.id, e.state) for e in store.experiments()] + [(a.id, a.state) for a in store.attempts()]
    wrong += [f"{name} ended {end}" for name, end in ends if end not in ("measured", "DONE")]
    if strokes(state) != planned_strokes(state):
        wrong.append("the physical journal differs from the verified lists")
    wrong += look(state, Counter())
    simulated.end(state)
    return wrong
