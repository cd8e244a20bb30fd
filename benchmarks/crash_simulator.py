"""Every crash and second crash, under every robot fault, in one process: `python -m benchmarks.crash_simulator`.

Prints one line a fault: how many cases, how many runs of the real code they took, and what was wrong (nothing may
be). Then the four mistakes of ``benchmarks.crashes.bugs``, each of which must be caught.
"""

from __future__ import annotations

import gc
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.crashes.bugs import BUGS
from benchmarks.crashes.explore import Tally, caught, explore
from benchmarks.crashes.faults import FAULTS
from benchmarks.crashes.world import Laboratory

WORKERS = 2

STRIDE = 12
"""After each first crash every 12th second one, at an offset that moves on (chosen: 90 s on two cores)."""

OBJECTS = 200_000
"""New objects between two collections of garbage: thousands of moments are kept on purpose (chosen)."""

MEMORY = Path("/dev/shm")

Caught = tuple[int, str, float]
"""After how many cases a mistake showed, how, and the seconds of CPU that took."""


def main(arguments: Sequence[str] = ()) -> int:
    """Print the table; the first argument is another stride, 1 for every second crash of every first."""
    stride = int(arguments[0]) if arguments else STRIDE
    began = time.perf_counter()
    base = Path(mkdtemp(prefix="sdl-crashes-", dir=MEMORY if MEMORY.is_dir() else None))
    gc.set_threshold(OBJECTS)
    try:
        Laboratory(base / "first").live("start")  # the vendor's software is asked before the workers part
        with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
            shares = [pool.submit(_share, n, base, stride) for n in range(WORKERS)]
            bugs = [pool.submit(_bug, n, base) for n in range(len(BUGS))]
            tallies = [tally for share in shares for tally in share.result()]
            found = [bug.result() for bug in bugs]
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return _print(tallies, found, time.perf_counter() - began)


def _share(n: int, base: Path, stride: int) -> list[Tally]:
    """Enumerate every second fault, or all but those, in one laboratory, so that they share what lies behind them."""
    laboratory = Laboratory(base / f"share {n}")
    return [explore(laboratory, fault, stride=stride) for fault in FAULTS[n::WORKERS]]


def _bug(n: int, base: Path) -> Caught:
    began = time.process_time()
    return *caught(base / f"bug {n}", BUGS[n]), time.process_time() - began


def _print(tallies: Sequence[Tally], bugs: Sequence[Caught], seconds: float) -> int:
    print(f"| {'fault':45} | cases | runs | points | CPU s | wrong |\n|---|---|---|---|---|---|")
    for t in tallies:
        wrong = "; ".join(f"{n}x {text}" for text, n in t.wrong.most_common(3)) or "0"
        print(f"| {t.fault:45} | {t.cases} | {t.runs} | {t.points} | {t.cpu_s:.1f} | {wrong} |")
    cpu_s = sum(t.cpu_s for t in tallies)
    cases, runs = sum(t.cases for t in tallies), sum(t.runs for t in tallies)
    print(f"\n{cases} cases, {runs} runs, {cpu_s:.0f} s of CPU on {WORKERS} workers; {seconds:.0f} s with the mistakes")
    missed = 0
    for bug, (n, how, took_s) in zip(BUGS, bugs, strict=True):
        missed += not how
        said = f"caught after {n} cases, {took_s:.1f} s: {how}" if how else f"NOT CAUGHT in {n} cases"
        print(f"seeded mistake, {bug.name}: {said}")
    return int(bool(missed or any(t.wrong for t in tallies)))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
