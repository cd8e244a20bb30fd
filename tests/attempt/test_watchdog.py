"""Heat goes off when the controller is killed and nobody takes over; a goodbye leaves it alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sdl.store import NewExperiment, Store
from tests.benches import ROOT
from tests.lab.command_lists import command, opening
from tests.lab.conftest import Bench, opened

CONTROLLER = """
import os, sys
from pathlib import Path
from sdl.attempt.watchdog import guarded
from sdl.store import Store

folder, address, end, grace_s = Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
with Store.open(folder, create=False) as store:
    store.claim()
    with guarded(folder, address, grace_s=grace_s):
        if end == "killed":
            os.kill(os.getpid(), 9)
"""

HEATING = [*opening(), command("temperatureModule/setTargetTemperature", moduleId="heat", celsius=40.0)]


def _warm(bench: Bench) -> None:
    run_id = bench.make_run()
    bench.robot.play(run_id)
    for _ in range(2000):
        if bench.robot.run(run_id)["status"] == "succeeded":
            break
    assert bench.robot.modules()[0]["data"]["targetTemperature"] == 40.0


@pytest.mark.parametrize("end", ["killed", "goodbye"])
def test_heat_goes_off_only_when_the_controller_is_gone_without_a_goodbye(tmp_path: Path, end: str) -> None:
    folder = tmp_path / "state"
    with Store.open(folder, create=True) as store:
        store.claim()
        store.save_campaign("", "ab" * 32, {"name": "blue"})
        store.add_batch(1, [NewExperiment(kind="explore", suggestion={"design": {}})])
        attempt = store.plan_attempt(1, {"vials/A1": "blue-0001"}, {}).id
        if end == "goodbye":
            store.move_attempt(attempt, "PLANNED", "CANCELLED")
    (tmp_path / "lab").mkdir()
    with opened(tmp_path / "lab", HEATING) as bench:
        _warm(bench)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", CONTROLLER, str(folder), bench.url, end, "0"], env=environment, check=False
        )
        assert done.returncode == (-9 if end == "killed" else 0)
        target = _settled(bench, folder, end)
        assert target == (None if end == "killed" else 40.0)
    with Store.open(folder, create=False) as store:
        said = [e.data["text"] for e in store.events(kinds=["heat looked after"])]
    assert bool(said) == (end == "killed") and all("heat switched off" in text for text in said)


def _settled(bench: Bench, folder: Path, end: str) -> object:
    """Return the module's target once the watchdog has had its say, or after 3000 looks."""
    for _ in range(3000 if end == "killed" else 1):
        with Store.open(folder, create=False) as store:
            if store.events(kinds=["heat looked after"]):
                break
    return bench.robot.modules()[0]["data"].get("targetTemperature")


def test_a_watch_ends_by_itself_when_a_later_controller_has_handed_the_campaign_back(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with Store.open(folder, create=True) as store:
        store.claim()
        store.save_campaign("", "ab" * 32, {"name": "blue"})
    (tmp_path / "lab").mkdir()
    with opened(tmp_path / "lab", HEATING) as bench:
        _warm(bench)
        words = [sys.executable, "-c", CONTROLLER, str(folder), bench.url, "killed", "600"]
        subprocess.run(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
        assert len(_watching(folder)) == 1, "the campaign was not handed back: it is still watched"
        with Store.open(folder, create=False) as store:
            store.claim()
        give_up_s = time.monotonic() + 60.0
        while _watching(folder) and time.monotonic() < give_up_s:
            time.sleep(0.1)
        assert _watching(folder) == []
        assert bench.robot.modules()[0]["data"]["targetTemperature"] == 40.0, "the later controller's heat is its own"


def _watching(folder: Path) -> list[str]:
    """Return the watchdogs of a campaign's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"sdl.attempt.watchdog" in words and str(folder).encode() in words:
            found.append(process.name)
    return found
