"""Real SIGKILLs of the controller at random times, then what is left: `python -m benchmarks.kills [N] [SEED]`.

The shipped example runs with the plain step runner in a process of its own and is killed N times (60), each time after
a random while, and resumed; a campaign that ends makes room for the next, of another seed. After every kill the
database must be whole, hold all that the controller had said it saved, and the virtual lab's physical journal must show
no stroke that was not planned, and none twice. The table says in which state each kill found the work.

`python -m benchmarks.kills --prefect 19` kills at named points instead, under Prefect (``benchmarks.named_kills``).
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
MOST_LINES, MOST_S = 30, 2.0
"""A controller dies after a random number of its own lines up to this, and a random while after it (chosen).

Its lines, not its age, so that a slow machine is killed in the middle of batches too; one batch says about 40.
"""

_SAID = re.compile(r"^  (\S+-\d{4}) (vials\S*): \w+ \S+\+-")


@dataclass(slots=True, kw_only=True)
class Tally:
    """What the kills came to; ``wrong`` holds every broken promise."""

    kills: int = 0
    acknowledged: int = 0
    campaigns: int = 0
    states: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def kill_many(folder: Path, kills: int, seed: int, *, experiments: int = 24, batch: int = 4) -> Tally:
    """Kill campaigns in ``folder`` until there were ``kills``; let each end, and compare journal and store."""
    chance, tally = random.Random(seed), Tally()
    while tally.kills < kills:
        tally.campaigns += 1
        place = folder / str(tally.campaigns)
        place.mkdir(parents=True)
        changes = {**budget(experiments, batch, hits=experiments), "seed: 7": f"seed: {seed + tally.campaigns}"}
        _campaign(campaign_file(place, changes), kills, chance, tally)
    return tally


def _campaign(file: Path, kills: int, chance: random.Random, tally: Tally) -> None:
    """Kill one campaign until it ends, or until there were ``kills`` in all and it was left to end."""
    state, said, ended = file.parent / ".sdl" / "blue-465", Counter[str](), False
    while tally.kills < kills and not ended:
        lines, ended = live(file, chance.randint(1, MOST_LINES), chance.uniform(0.0, MOST_S))
        said.update(acknowledged(lines))
        if ended:
            break
        tally.kills += 1
        tally.states[_landed(state)] += 1
        if (state / "store.sqlite").exists():
            tally.wrong += look(state, said)
    done = subprocess.run(
        command("resume", file, "--runner", "plain"), capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    if done.returncode not in (0, 7):
        tally.wrong.append(f"the last resume ended with {done.returncode}: {done.stderr[-300:]}")
    tally.wrong += look(state, said)
    if strokes(state) != planned_strokes(state):
        tally.wrong.append("the physical journal differs from the verified lists")
    tally.acknowledged += sum(said.values())
    simulated.end(state)


def live(file: Path, lines: int, seconds: float = 0.0) -> tuple[list[str], bool]:
    """Run a controller and kill it a while after it said ``lines``; return what it said, and whether it had ended."""
    process = subprocess.Popen(
        command("run", file, "--runner", "plain"),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=ENVIRONMENT,
        text=True,
    )
    assert process.stderr is not None
    said = [line for _, line in zip(range(lines), process.stderr, strict=False)]
    time.sleep(seconds)
    ended = process.poll() is not None
    if not ended:
        os.kill(process.pid, signal.SIGKILL)
    _, rest = process.communicate()
    return [*said, *rest.splitlines(keepends=True)], ended


def acknowledged(lines: Sequence[str]) -> list[str]:
    """Return the experiment of every read that a controller said it had saved."""
    return [found.group(1) for line in lines if (found := _SAID.match(line))]


def _landed(state: Path) -> str:
    """Return in which state a kill found the open attempt; before the first and between two there is none."""
    if not (state / "store.sqlite").exists():
        return "no store yet"
    with Store.open(state, create=False) as store:
        return next((a.state for a in store.attempts() if a.state != "DONE"), "no open attempt")


def look(state: Path, said: Counter[str]) -> list[str]:
    """Return what is wrong with the store and the journal as they are now."""
    wrong = []
    with closing(sqlite3.connect(state / "store.sqlite")) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            wrong.append("integrity_check is not ok")
    with Store.open(state, create=False) as store:
        stored = Counter(read.experiment for read in store.reads() if read.experiment)
        wrong += [f"{name}: {n} reads said, {stored[name]} stored" for name, n in said.items() if stored[name] < n]
        wrong += store.verify_chain()
    planned = planned_strokes(state) if (state / "attempts").exists() else Counter()
    moved = strokes(state) if (state / "journal.jsonl").exists() else Counter()
    wrong += [f"{where}: {n} strokes, {planned[where]} planned" for where, n in moved.items() if n > planned[where]]
    return wrong


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table."""
    if arguments and arguments[0] == "--prefect":
        return _named(int(arguments[1]) if len(arguments) > 1 else None)
    kills = int(arguments[0]) if arguments else KILLS
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    began = time.perf_counter()
    with TemporaryDirectory(prefix="sdl-kills-") as folder:
        tally = kill_many(Path(folder), kills, seed)
    found = ", ".join(f"{state} {n}" for state, n in tally.states.most_common())
    print(f"{tally.kills} SIGKILLs in {tally.campaigns} campaigns, {tally.acknowledged} reads acknowledged")
    print(f"{len(tally.wrong)} broken promises")
    print(f"found the open attempt in: {found or 'none'}; {time.perf_counter() - began:.0f} s")
    for line in tally.wrong[:10]:
        print(f"  {line}")
    return int(bool(tally.wrong))


def _named(kills: int | None) -> int:
    from benchmarks.named_kills import POINTS, kill_at_each

    began = time.perf_counter()
    with TemporaryDirectory(prefix="sdl-kills-") as folder:
        wrong = kill_at_each(Path(folder), POINTS[:kills])
    print(f"{len(POINTS[:kills])} SIGKILLs at named points under Prefect, {len(wrong)} broken promises", end="; ")
    print(f"{time.perf_counter() - began:.0f} s")
    for line in wrong[:10]:
        print(f"  {line}")
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
