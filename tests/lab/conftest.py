"""A virtual bench behind a loopback port, with an analyser that returns a list written by hand."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from sdl.lab.analysis import Analysis
from sdl.lab.robot import Robot
from sdl.lab.virtual.bench import JOURNAL, VirtualBench
from sdl.lab.virtual.endpoints import application
from tests.lab.command_lists import DECK

TOKEN = "token-of-the-test"

LOAD = {
    "stocks/A1": {
        "contains": {"Cs": 20.0, "DOPA": 75.0},
        "solvent": "hexane",
        "volume_ul": 20000.0,
        "lot": "2026-11-02",
    },
    "stocks/A2": {"contains": {"Pb": 40.0, "TOPO": 200.0}, "solvent": "hexane", "volume_ul": 20000.0},
    "stocks/A4": {"contains": {"lecithin": 66.0}, "solvent": "hexane", "volume_ul": 10000.0},
    "stocks/B1": {"contains": {}, "solvent": "chlorobenzene", "volume_ul": 200000.0},
}

SPEC = {
    "seed": 7,
    "robot_type": "Flex",
    "deck": {name: asdict(place) for name, place in DECK.items()},
    "load": LOAD,
    "channels": ["absorption", "pl"],
    "batch_effect": True,
    "pipettes": [{"mount": "left", "name": "flex_1channel_50", "min_ul": 5.0, "max_ul": 50.0}],
    "operator_delay_s": 100.0,
    "analyzer": sys.executable,  # never called: the analyser is injected, and the process tests send no protocol
}


@dataclass
class Bench:
    """The lab as the outside sees it, and its inside for comparison."""

    url: str
    robot: Robot
    inside: VirtualBench
    folder: Path

    def journal(self, kind: str) -> list[dict[str, Any]]:
        lines = (self.folder / JOURNAL).read_text().splitlines()
        return [entry for entry in map(json.loads, lines) if entry["kind"] == kind]

    def send(self, key: str = "blue-a001") -> tuple[str, str]:
        """Upload a protocol whose text does not matter; return its id and the id of its CSV."""
        script, csv = self.folder / "protocol.py", self.folder / "steps.csv"
        script.write_text(f"# {key}")
        csv.write_text("action,at_s")
        return self.robot.upload(script, [], csv, key=key)

    def make_run(self, key: str = "blue-a001") -> str:
        protocol_id, file_id = self.send(key)
        self.robot.analysis(protocol_id)
        return self.robot.create_run(protocol_id, file_id)


@contextmanager
def opened(folder: Path, commands: Sequence[dict[str, Any]], spec: Mapping[str, Any] | None = None) -> Iterator[Bench]:
    def analyze(protocol: Path, labware: Sequence[Path], csv: Path) -> Analysis:
        return Analysis(commands=list(commands), result="ok", errors=[], raw={})

    changed = {**SPEC, **(spec or {})}
    inside = VirtualBench(folder=folder, spec=changed, analyze=analyze)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application(inside, TOKEN, lambda: None), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    robot = Robot(url, deadline_s=20.0)
    try:
        yield Bench(url=url, robot=robot, inside=inside, folder=folder)
    finally:
        robot.close()
        server.should_exit = True
        thread.join()
        listener.close()
        inside.close()


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Open a bench whose analyser always returns the given list; a second argument changes its spec."""
    doors: list[Any] = []

    def open_one(commands: Sequence[dict[str, Any]], spec: Mapping[str, Any] | None = None) -> Bench:
        doors.append(opened(tmp_path, commands, spec))
        bench: Bench = doors[-1].__enter__()
        return bench

    yield open_one
    for door in reversed(doors):
        door.__exit__(None, None, None)
