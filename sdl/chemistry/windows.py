"""How far each quench may move while the order of the list stands: what the arm's free time leaves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sdl.chemistry.recipe import TimedStep

LATE_S = 20.0
"""How late the controller may release any timed step before its verified window is left (chosen: 1/3 of a minute)."""

MARGIN_S = 3.0
"""Least pause between two visits of one well, for what the estimate of the arm's pace leaves out (chosen)."""

Visit = tuple[float, list[TimedStep]]
"""When the arm is released, and what it does then without a pause; the first step carries the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How long a well grows by its recipe, and the least and longest growth that its campaign allows, in s."""

    planned_s: float
    least_s: float
    longest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """A visit as the arm sees it; ``moves`` for a quench and the reads after it, which go along."""

    at_s: float
    ends_s: float
    well: str
    moves: bool


def windowed(
    visits: Sequence[Visit], growths: Mapping[str, Growth], seconds: Callable[[TimedStep], float]
) -> list[Visit]:
    """Return ``visits`` in order of time, each with its window; ``seconds`` says how long a step keeps the arm.

    A quench may come as early as the visit before it ends and as late as the next one begins; its outcome read goes
    along and must find the arm free too. Every other step may be `LATE_S` late and never early. Two neighbours may
    both move: whoever comes second still finds the arm free at its planned time.
    """
    ordered = sorted(visits, key=lambda visit: visit[0])
    slots = _slots(ordered, seconds)
    moves: dict[str, tuple[float, float]] = {}
    for well, growth in growths.items():
        early_s, late_s = growth.least_s - growth.planned_s, growth.longest_s - growth.planned_s
        for slot in slots:
            if slot.well == well and slot.moves:
                room = _room(slot, slots)
                early_s, late_s = max(early_s, room[0]), min(late_s, room[1])
        moves[well] = (min(early_s, 0.0), max(late_s, 0.0))
    return [_with_window(v, moves[s.well] if s.moves else (0.0, 0.0)) for v, s in zip(ordered, slots, strict=True)]


def place(step: TimedStep) -> str:
    """Return the location that a step is about: a read happens where the liquid is drawn."""
    return step.source if step.action in ("read", "look") else step.well


def _slots(visits: Sequence[Visit], seconds: Callable[[TimedStep], float]) -> list[_Slot]:
    quenched: set[str] = set()
    slots = []
    for at_s, steps in visits:
        well = place(steps[0])
        if steps[0].action == "quench":
            quenched.add(well)
        ends_s = at_s + sum(map(seconds, steps))
        slots.append(_Slot(at_s=at_s, ends_s=ends_s, well=well, moves=well in quenched))
    return slots


def _room(slot: _Slot, slots: Sequence[_Slot]) -> tuple[float, float]:
    """Return how much earlier (0 or less) and later (0 or more) a visit may begin between those of the others."""
    others = [s for s in slots if not (s.well == slot.well and s.moves)]
    free_s = max((s.ends_s + MARGIN_S for s in others if s.at_s < slot.at_s), default=slot.at_s)
    busy_s = min((s.at_s - MARGIN_S for s in others if s.at_s > slot.at_s), default=math.inf)
    return min(0.0, free_s - slot.at_s), max(0.0, busy_s - slot.ends_s)


def _with_window(visit: Visit, move_s: tuple[float, float]) -> Visit:
    """Return a visit whose first step may be released ``move_s`` before and after its time, `LATE_S` at least."""
    at_s, steps = visit
    early_s, late_s = move_s
    after_quench = LATE_S if steps[0].action in ("read", "look") else 0.0
    latest_s = at_s + max(late_s + after_quench, LATE_S)
    return at_s, [replace(steps[0], earliest_s=round(at_s + early_s, 1), latest_s=round(latest_s, 1)), *steps[1:]]
