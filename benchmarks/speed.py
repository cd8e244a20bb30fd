"""CPU seconds of one ask, beside BoTorch's own composite in the same process, and the memory it takes.

``python -m benchmarks.speed [--cases 100x1,100x8,400x8,2000x8] [--repeats 3]``.  Three outcomes on the synthetic plant
of ``benchmarks.campaign_model``.  Each repeat tells one experiment more and asks again, fit included, both warm: torch
is loaded and ours starts from its last constants.  BoTorch's is `peers.worker.Composite`: a three-outcome SingleTaskGP
and qLogEI on the same kind of score, by `optimize_acqf`; it ignores pipettes and the one temperature of a batch, which
ours keeps to.  It is left out above ``--most`` rows, where one fit takes minutes.  Peak memory is that of a process
that does nothing but our asks.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.campaign_model import READ_SD, TARGET, space, synthetic
from benchmarks.peers.tasks import lab
from benchmarks.peers.worker import Composite
from models import Advisor
from models.encode import DesignCode
from sdl.space import Design

CASES = ((100, 1), (100, 8), (400, 8), (2000, 8))
WELLS = 8
"""Wells of one run."""


def experiments(n: int) -> list[tuple[Design, dict[str, float], int]]:
    """Return ``n`` designs that fill the space, what they gave, and their run."""
    rng, found = np.random.default_rng(0), []
    for i, design in enumerate(space().sobol(n, seed=3)):
        seen, _ = synthetic(design, 0.3 * rng.standard_normal(2))
        found.append((design, {k: v + READ_SD[k] * rng.standard_normal() for k, v in seen.items()}, i // WELLS))
    return found


def ours(n: int, q: int, repeats: int) -> float:
    """Return the median CPU seconds of our asks for ``q`` with ``n`` experiments told, the first ask left out."""
    advisor = Advisor(space(), TARGET, seed=1, start=0, law=None)

    def tell(design: Design, seen: dict[str, float], run: int) -> None:
        advisor.tell(design, seen, sd=READ_SD, run=run)

    return _median(tell, lambda: advisor.suggest(q), n, repeats)


def botorch(n: int, q: int, repeats: int) -> float:
    """Return the same of BoTorch's composite."""
    code, wishes = DesignCode(space()), [asdict(wish) for wish in lab().wishes]
    peer = Composite(code.p, wishes, None, 1)

    def tell(design: Design, seen: dict[str, float], run: int) -> None:
        [x] = code.axes(code.space.columns([design])).tolist()
        peer.tell(x, seen)

    return _median(tell, lambda: peer.ask(q), n, repeats)


def _median(tell: Callable[..., None], ask: Callable[[], Any], n: int, repeats: int) -> float:
    told = experiments(n)
    for row in told[: n - repeats]:
        tell(*row)
    ask()
    taken = []
    for row in told[n - repeats :]:
        tell(*row)
        begin = time.process_time()
        ask()
        taken.append(time.process_time() - begin)
    return float(np.median(taken))


def alone(n: int, q: int) -> float:
    """Return the peak memory in MB of a process that only asks us twice."""
    words = [sys.executable, "-m", "benchmarks.speed", "--cases", f"{n}x{q}", "--repeats", "1", "--memory"]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def peak_mb() -> float:
    """Return the highest resident memory of this program in MB; getrusage counts that of whoever started it, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak) / 1024


def main(arguments: Sequence[str] | None = None) -> dict[tuple[int, int], float]:
    """Print the table; return ours over BoTorch's by case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default=",".join(f"{n}x{q}" for n, q in CASES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--most", type=int, default=400)
    parser.add_argument("--memory", action="store_true", help="print only the peak memory of our asks in MB")
    args = parser.parse_args(arguments)
    cases = [tuple(map(int, case.split("x"))) for case in args.cases.split(",")]
    ratios: dict[tuple[int, int], float] = {}
    if args.memory:
        for n, q in cases:
            ours(n, q, args.repeats)
        print(peak_mb())
        return ratios
    print("| n, q | ours, CPU s | BoTorch composite, CPU s | ratio | our peak RSS, MB |\n|---|---|---|---|---|")
    for n, q in cases:
        own, theirs = ours(n, q, args.repeats), botorch(n, q, args.repeats) if n <= args.most else float("nan")
        ratios[n, q] = own / theirs
        print(f"| {n}, {q} | {own:.2f} | {theirs:.2f} | {own / theirs:.2f} | {alone(n, q):.0f} |", flush=True)
    return ratios


if __name__ == "__main__":
    main()
