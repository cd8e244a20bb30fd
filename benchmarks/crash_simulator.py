"""Every crash and second crash, under every robot fault, in one process: `python -m benchmarks.crash_simulator`.

Prints one line a fault: how many cases, how many runs of the real code they took, and what was wrong (nothing may
be). Then the four mistakes of ``benchmarks.crashes.bugs``, each of which must be caught.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.crashes.bugs import BUGS
from benchmarks.crashes.explore import Tally, explore
from benchmarks.crashes.world import FAULTS, Laboratory

WORKERS = 2

STRIDE = 20
"""With a fault, after each first crash every 20th second one, at an offset that moves on (chosen: 90 s on two cores).

Without a fault it is every second crash of every first one.
"""

MEMORY = Path("/dev/shm")


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; the first argument is another stride, 1 for every second crash of every first."""
    stride = int(arguments[0]) if arguments else STRIDE
    began = time.perf_counter()
    base = Path(mkdtemp(prefix="sdl-crashes-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        Laboratory(base / "first").live("start")  # the vendor's software is asked before the workers part
        with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
            told = [pool.submit(_fault, n, base, stride) for n in range(len(FAULTS))]
            caught = [pool.submit(_bug, n, base) for n in range(len(BUGS))]
            tallies, bugs = [t.result() for t in told], [b.result() for b in caught]
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return _print(tallies, bugs, time.perf_counter() - began)


def _fault(n: int, base: Path, stride: int) -> Tally:
    return explore(base / f"{os.getpid()}", FAULTS[n], stride=stride if n else 1)


def _bug(n: int, base: Path) -> Tally:
    """Look for one mistake under one fault after the other until it shows."""
    for fault in FAULTS:
        tally = explore(base / f"{os.getpid()}", fault, bug=BUGS[n], every=1, stride=7)
        if tally.wrong:
            break
    return tally


def _print(tallies: Sequence[Tally], bugs: Sequence[Tally], seconds: float) -> int:
    print(f"| {'fault':45} | cases | runs | points | CPU s | wrong |\n|---|---|---|---|---|---|")
    for t in tallies:
        wrong = "; ".join(f"{n}x {text}" for text, n in t.wrong.most_common(3)) or "0"
        print(f"| {t.fault:45} | {t.cases} | {t.runs} | {t.points} | {t.cpu_s:.1f} | {wrong} |")
    cpu_s = sum(t.cpu_s for t in tallies)
    cases, runs = sum(t.cases for t in tallies), sum(t.runs for t in tallies)
    print(f"\n{cases} cases, {runs} runs, {cpu_s:.0f} s of CPU on {WORKERS} workers; {seconds:.0f} s with the mistakes")
    missed = 0
    for bug, t in zip(BUGS, bugs, strict=True):
        missed += not t.wrong
        seen = f"caught after {t.cases} cases, {t.cpu_s:.1f} s: {next(iter(t.wrong))}" if t.wrong else "NOT CAUGHT"
        print(f"seeded mistake, {bug.name}: {seen}")
    return int(bool(missed or any(t.wrong for t in tallies)))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
