"""Every crash, every second crash, every way back, for one fault: counted as cases, judged one by one.

A controller that restarts where another one stood before, with the same rows, robot and clock, has the same future: it
is judged once and counted each time. So 100,000 cases need some thousand runs of the real code.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.crashes.bugs import Bug
from benchmarks.crashes.world import FAULTS, Fault, Laboratory, Life
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


def explore(folder: Path, fault: Fault, *, bug: Bug | None = None, every: int = 1, stride: int = 1) -> Tally:
    """Enumerate the cases of one fault.

    ``every`` n-th first crash point, and after the k-th of them each ``stride``-th second one, beginning at k, so that
    together they meet every point; with a ``bug`` it ends at the first case that shows it.
    """
    began, ways = time.process_time(), WAYS if fault is FAULTS[0] else FAULT_WAYS
    laboratory = Laboratory(folder, fault=fault)
    if bug is not None:
        laboratory.arrows = {**ARROWS, **bug.arrows}
        laboratory.restart = bug.restart
    tally, lives = Tally(fault=fault.name), {}

    def lived(key: str) -> Life:
        if key not in lives:
            lives[key] = laboratory.live(key)
            tally.runs += 1
        tally.cases += 1
        tally.wrong.update(lives[key].wrong)
        return lives[key]

    first = lived("start")
    tally.points = len(first.points)
    for n, point in enumerate(first.points[::every]):
        for way in ways:
            again = lived(laboratory.after(point, way))
            for second in again.points[n % stride :: stride]:
                for way_back in ways:
                    lived(laboratory.after(second, way_back))
                    if tally.wrong and bug is not None:
                        tally.cpu_s = time.process_time() - began
                        return tally
    tally.cpu_s = time.process_time() - began
    return tally
