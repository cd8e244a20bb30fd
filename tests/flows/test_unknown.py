"""When nobody can prove what moved: the campaign says so, waits for a person, and goes on as that person says."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from benchmarks.kills import live
from sdl.store import Store
from tests.flows.campaigns import answer, budget, campaign_file, planned_strokes, sdl, strokes

pytestmark = pytest.mark.lab


def test_a_robot_that_forgot_its_run_is_never_trusted_and_never_repeated(tmp_path: Path) -> None:
    file = campaign_file(tmp_path, budget(4, 2))
    state = tmp_path / ".sdl" / "blue-465"
    _, ended = live(file, 13)
    assert not ended
    os.kill(json.loads((state / "virtual-lab.json").read_text(encoding="utf-8"))["pid"], signal.SIGKILL)
    poured = strokes(state)
    assert poured, "the power went off in the middle of a run"

    waiting = sdl("resume", file, "--runner", "plain")
    assert waiting.returncode == 4, waiting.stderr
    assert "UNKNOWN" in waiting.stderr and "--outcome ran|not-run|discard" in waiting.stderr
    with Store.open(state, create=False) as store:
        (attempt,) = store.attempts("UNKNOWN")
        kept = sum(read.outcome for read in store.reads(attempt=attempt.id))
    assert strokes(state) == poured

    untrue = sdl("resolve", file, "--attempt", attempt.id, "--outcome", "not-run", "--by", "A", "--note", "looked")
    assert untrue.returncode == 2 and "liquid is on record" in untrue.stderr
    nameless = sdl("resolve", file, "--attempt", attempt.id, "--outcome", "discard", "--by", " ", "--note", "looked")
    assert nameless.returncode == 2
    said = ("--outcome", "discard", "--by", "A. Chemist", "--note", "vials half full")
    assert sdl("resolve", file, "--attempt", attempt.id, *said).returncode == 0
    done = sdl("resume", file, "--runner", "plain", "--json")
    assert done.returncode in (0, 7), done.stderr
    assert answer(done)["experiments"] == 2 + kept, "an outcome on disk is kept, the rest is lost with the vials"
    after, planned = strokes(state), planned_strokes(state)
    assert all(n <= planned[key] for key, n in after.items()), "no stroke was made twice"
    assert all(after[key] == n for key, n in poured.items()), "the discarded attempt poured nothing more"
