"""People and time: who answers for a run, how long it takes, and how often things fail (I12, I22, I23)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sdl.attempt.interlocks.sight import Sight, check
from sdl.attempt.session import LONGEST_ARMED
from sdl.errors import NeedsPerson, Unsafe

STARTS_PER_H = 6
"""How many runs may start in one hour of the lab's clock: the shortest useful one takes ten minutes (chosen)."""

FAILURES = 3
"""After so many attempts in a row that ended badly a person looks (interlock I23)."""

BAD_ENDS = ("UNKNOWN", "FAILED_SAFE")


@check("I12", Unsafe, "run")
def the_run_keeps_to_the_labs_hours(sight: Sight) -> Iterator[str]:
    begun_s = sight.starts_s.get(sight.attempt.id, sight.now_s)
    hours = (sight.now_s - begun_s) / 3600
    if hours > sight.lab.limits.max_run_h:
        yield f"the run has lasted {hours:.1f} h, limit {sight.lab.limits.max_run_h:g} h; see what holds it up"


@check("I12", Unsafe, "start")
def the_plan_keeps_to_the_labs_hours(sight: Sight) -> Iterator[str]:
    hours, most = float(sight.attempt.plan["duration_s"]) / 3600, sight.lab.limits.max_run_h
    if not hours <= most:
        yield f"the run would take {hours:.1f} h, the lab allows {most:g} h; make the batch smaller"


@check("I22", NeedsPerson, "start")
def somebody_answers_for_it(sight: Sight) -> Iterator[str]:
    lab = sight.lab
    if not lab.armed_by or not lab.armed_until:
        yield f"{lab.name} is not armed: set armed_by and armed_until (at most 72 h ahead) in the lab file"
        return
    if lab.unarmed:
        yield lab.unarmed
    if lab.armed_until == "always":
        if lab.robot != "simulated":
            yield f"{lab.name} is armed for ever, which is for simulated robots only; write a moment at most 72 h ahead"
        return
    until = datetime.fromisoformat(lab.armed_until).astimezone(UTC)
    end = sight.now + timedelta(seconds=float(sight.attempt.plan["duration_s"]))
    if not end <= until <= sight.now + LONGEST_ARMED:
        yield (
            f"{lab.name} is armed until {lab.armed_until}, the run would end at {end:%Y-%m-%dT%H:%MZ}: it must end "
            "before that, and that within 72 h; have it renewed in the lab file"
        )


@check("I23", NeedsPerson, "start")
def not_too_many_runs_an_hour(sight: Sight) -> Iterator[str]:
    recent = [start_s for start_s in sight.starts_s.values() if sight.now_s - start_s < 3600]
    if len(recent) >= STARTS_PER_H:
        yield f"{len(recent)} runs began within an hour, limit {STARTS_PER_H}; see why they are short, then sdl resume"


@check("I23", NeedsPerson, "start")
def not_too_many_failures_in_a_row(sight: Sight) -> Iterator[str]:
    ended = [a for a in sight.attempts if a.id != sight.attempt.id and a.state in (*BAD_ENDS, "DONE")]
    last = [attempt.state for attempt in sorted(ended, key=lambda a: a.n)[-FAILURES:]]
    if len(last) == FAILURES and set(last) <= set(BAD_ENDS):
        yield f"the last {FAILURES} attempts ended {', '.join(last)}: find out why; one good run resets this"
