"""Real SIGKILLs of the controller at random times, then what is left: `python -m benchmarks.kills [N] [SEED]`.

The shipped example runs with the plain step runner in a process of its own and is killed N times (60), each time after
a random while, and resumed. After every kill the database must be whole, hold all that the controller had said it
saved, and the virtual lab's physical journal must show no stroke that was not planned, and none twice.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sdl.lab import simulated
from sdl.store import Store
from tests.flows.campaigns import ENVIRONMENT, budget, campaign_file, command, planned_strokes, strokes

KILLS = 60
LATEST_S = 25.0
"""Each controller lives 1 s to this long: from before its first write to the middle of a batch (chosen)."""

_SAID = re.compile(r"^  (\S+-\d{4}) (vials\S*): ")


@dataclass(slots=True, kw_only=True)
class Tally:
    """What the kills came to; ``wrong`` holds every broken promise."""

    kills: int = 0
    acknowledged: int = 0
    states: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def kill_many(folder: Path, kills: int, seed: int, *, experiments: int = 24, batch: int = 4) -> Tally:
    """Kill a campaign in ``folder`` again and again; then let it end, and compare journal and store."""
    file = campaign_file(folder, budget(experiments, batch, hits=experiments))
    state, chance, tally = folder / ".sdl" / "blue-465", random.Random(seed), Tally()
    said: Counter[str] = Counter()
    for _ in range(kills):
        lines, ended = _live(file, chance.uniform(1.0, LATEST_S))
        said.update(found.group(1) for line in lines if (found := _SAID.match(line)))
        tally.kills += not ended
        if (state / "store.sqlite").exists():
            tally.wrong += _look(state, said, tally)
        if ended:
            break
    done = subprocess.run(
        command("resume", file, "--runner", "plain"), capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    if done.returncode not in (0, 7):
        tally.wrong.append(f"the last resume ended with {done.returncode}: {done.stderr[-300:]}")
    tally.wrong += _look(state, said, tally)
    if strokes(state) != planned_strokes(state):
        tally.wrong.append("the physical journal differs from the verified lists")
    tally.acknowledged = sum(said.values())
    simulated.end(state)
    return tally


def _live(file: Path, seconds: float) -> tuple[list[str], bool]:
    """Run a controller and kill it after a while; return what it said, and whether it had ended by itself."""
    process = subprocess.Popen(
        command("run", file, "--runner", "plain"),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=ENVIRONMENT,
        text=True,
    )
    time.sleep(seconds)
    ended = process.poll() is not None
    if not ended:
        os.kill(process.pid, signal.SIGKILL)
    _, said = process.communicate()
    return said.splitlines(), ended


def _look(state: Path, said: Counter[str], tally: Tally) -> list[str]:
    """Return what is wrong with the store and the journal as they are now."""
    wrong = []
    with closing(sqlite3.connect(state / "store.sqlite")) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            wrong.append("integrity_check is not ok")
    with Store.open(state, create=False) as store:
        stored = Counter(read.experiment for read in store.reads() if read.experiment)
        wrong += [f"{name}: {n} reads said, {stored[name]} stored" for name, n in said.items() if stored[name] < n]
        wrong += store.verify_chain()
        tally.states.update(a.state for a in store.attempts() if a.state not in ("DONE",))
    planned = planned_strokes(state) if (state / "attempts").exists() else Counter()
    moved = strokes(state) if (state / "journal.jsonl").exists() else Counter()
    wrong += [f"{where}: {n} strokes, {planned[where]} planned" for where, n in moved.items() if n > planned[where]]
    return wrong


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table."""
    kills = int(arguments[0]) if arguments else KILLS
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    began = time.perf_counter()
    with TemporaryDirectory(prefix="sdl-kills-") as folder:
        tally = kill_many(Path(folder), kills, seed)
    found = ", ".join(f"{state} {n}" for state, n in tally.states.most_common())
    print(f"{tally.kills} SIGKILLs, {tally.acknowledged} reads acknowledged, {len(tally.wrong)} broken promises")
    print(f"attempts found in flight: {found or 'none'}; {time.perf_counter() - began:.0f} s")
    for line in tally.wrong[:10]:
        print(f"  {line}")
    return int(bool(tally.wrong))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
