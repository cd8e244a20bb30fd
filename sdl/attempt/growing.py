"""Growth is watched: when the list waits for a quench, look at the forecast and release inside the verified window.

The controller never leaves the window; without a forecast, or with a wide one, the plan's time stands. Every forecast
that was acted on, or not, is an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from sdl.attempt.reading import look
from sdl.attempt.session import Session
from sdl.attempt.wishes import stop_wanted
from sdl.spectra.types import Features
from sdl.store import Attempt, Read

EVERY_S, EVERY_OF_TIME = 10.0, 0.04
"""A dip probe looks as soon as the arm waits, then every 10 s or 4 % of the time (chosen: growth runs in ln time, and
near 465 nm it moves 1 nm in 10 s)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """When the quench should be in the well (s after injection), what is then expected in nm, and why.

    ``moved`` is False where the plan's time stands; ``planned_nm`` is what that would give.
    """

    quench_s: float
    moved: bool
    expected_nm: float
    sd_nm: float
    planned_nm: float
    why: str


class Watch(Protocol):
    """Whoever forecasts a growing well."""

    def decide(
        self,
        experiment: str,
        growing: Sequence[tuple[float, Features]],
        *,
        window_s: tuple[float, float],
        planned_s: float,
    ) -> Decision | None:
        """Say when to quench ``experiment`` given its reads (s after injection) so far; None where nothing is aimed at.

        ``window_s`` and ``planned_s`` are growth times in s; a decision lies in the window.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One quench that the robot waits for: its command, well and planned growth, and its times on the lab clock."""

    command_id: str
    well: str
    planned_s: float
    due_s: float
    earliest_s: float
    latest_s: float

    def growth_s(self, release_s: float) -> float:
        """Return the growth time if the quench is released at ``release_s``: the plan's, moved by as much."""
        return self.planned_s + release_s - self.due_s

    def release_s(self, growth_s: float) -> float:
        """Return when to release for a growth time, inside the window."""
        return min(max(self.due_s + growth_s - self.planned_s, self.earliest_s), self.latest_s)


def hold(session: Session, attempt: Attempt, waiting: Waiting, watch: Watch) -> float:
    """Return when to release the quench, on the lab clock, once that is near; look on and on where a dip probe can.

    A person's wish to stop ends the watching at once.
    """
    experiment = next(w.experiment for w in session.store.wells(attempt.id) if w.well == waiting.well)
    reads = growing(session, experiment)
    while True:
        now_s = session.clock.now_s()
        next_s = _next_look_s(session, waiting, reads, now_s)
        if next_s <= now_s < waiting.latest_s:
            look(session, attempt, f"{waiting.command_id}-grown-{len(reads)}", label="sample", location=waiting.well)
            reads, now_s = growing(session, experiment), session.clock.now_s()
            next_s = _next_look_s(session, waiting, reads, now_s)
        decision = watch.decide(
            experiment,
            [(r.since_injection_s or 0.0, r.features) for r in reads],
            window_s=(waiting.growth_s(max(now_s, waiting.earliest_s)), waiting.growth_s(max(now_s, waiting.latest_s))),
            planned_s=waiting.growth_s(max(now_s, waiting.due_s)),
        )
        until_s = max(now_s, waiting.due_s)
        if decision is not None:
            until_s = waiting.release_s(decision.quench_s)
            session.store.event("growth forecast", attempt=attempt.id, experiment=experiment, **asdict(decision))
        if until_s <= next_s:
            if decision is not None and reads:  # a well that was never looked at has nothing to tell
                session.say(f"  {experiment} {waiting.well}: {decision.why}")
            return until_s
        if stop_wanted(session) is not None:
            return waiting.latest_s
        session.clock.wait_until(next_s)


def growing(session: Session, experiment: str) -> list[Read]:
    """Return the reads of one well while it grew, in order."""
    return [r for r in session.store.reads(experiment=experiment) if r.label == "sample" and r.since_quench_s is None]


def _next_look_s(session: Session, waiting: Waiting, reads: Sequence[Read], now_s: float) -> float:
    """Return when to look next on the lab clock; never for a reader that liquid must be brought to."""
    if session.lab.reader.geometry != "dip probe":
        return float("inf")
    if not reads:
        return now_s
    grown_s = reads[-1].since_injection_s or 0.0
    return reads[-1].time_s + max(EVERY_S, EVERY_OF_TIME * grown_s)
