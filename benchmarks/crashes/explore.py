"""Every crash, every second crash, every way back, for one fault: counted as cases, judged one by one.

A controller that restarts where another one stood before, with the same rows, robot and clock, has the same future: it
is judged once and counted each time. So 100,000 cases need some thousand runs of the real code.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from benchmarks.crashes.bugs import Bug
from benchmarks.crashes.faults import FAULTS, NONE, Fault
from benchmarks.crashes.world import Laboratory, Life
from flows.steps import ARROWS

WAYS = ("quick", "slow", "power cut")
"""How a crash ends: a restart at once, 15 min later, or after the robot lost its power too."""

FAULT_WAYS = ("quick", "power cut")
"""With a fault of the robot: late wells are the same there, and enumerated without one."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one fault came to."""

    fault: str
    cases: int = 0
    runs: int = 0
    points: int = 0
    cpu_s: float = 0.0
    wrong: Counter[str] = field(default_factory=Counter)


def cases(laboratory: Laboratory, fault: Fault, *, every: int = 1, stride: int = 1) -> Iterator[Life]:
    """Yield what each case of one fault came to: no crash, one crash, two.

    ``every`` n-th first crash point, and after the k-th of them each ``stride``-th second one, beginning at k, so that
    together they meet every point.
    """
    ways = WAYS if fault is NONE else FAULT_WAYS
    first = laboratory.lived(laboratory.begin(fault))
    yield first
    points = first.points[::every]
    for way, point in product(ways, points):
        yield laboratory.lived(laboratory.after(point, way))
    for n, point in enumerate(points):
        for way in ways:
            again = laboratory.lived(laboratory.after(point, way))
            for second in again.points[n % stride :: stride]:
                for way_back in ways:
                    yield laboratory.lived(laboratory.after(second, way_back))


def explore(laboratory: Laboratory, fault: Fault, *, every: int = 1, stride: int = 1) -> Tally:
    """Count the cases of one fault and what is wrong with them; each life is lived once for all faults."""
    began, known = time.process_time(), len(laboratory.lives)
    tally = Tally(fault=fault.name)
    for life in cases(laboratory, fault, every=every, stride=stride):
        tally.cases += 1
        tally.wrong.update(life.wrong)
    tally.points = len(laboratory.lived(laboratory.begin(fault)).points)
    tally.runs, tally.cpu_s = len(laboratory.lives) - known, time.process_time() - began
    return tally


def caught(folder: Path, bug: Bug, *, stride: int = 7) -> tuple[int, str]:
    """Return after how many cases a mistake showed and how, under one fault after the other; "" if it never did."""
    laboratory = Laboratory(folder, arrows={**ARROWS, **bug.arrows})
    laboratory.restart = bug.restart
    n = 0
    for n, life in enumerate((life for fault in FAULTS for life in cases(laboratory, fault, stride=stride)), 1):
        if life.wrong:
            return n, life.wrong[0]
    return n, ""
