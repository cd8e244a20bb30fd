"""Four mistakes that the simulator must see: each is the real step with one thing done wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import update

from flows import steps
from sdl.attempt import follow, record
from sdl.attempt.preflight import preflight
from sdl.attempt.session import Session
from sdl.errors import Unreachable
from sdl.lab.robot import ENDED
from sdl.store import Attempt, Store, tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A mistake: other steps for some states, or something that a restart does."""

    name: str
    arrows: steps.Arrows = field(default_factory=dict)
    restart: Callable[[Store], None] = lambda store: None


def _play_first(session: Session, attempt: Attempt) -> None:
    """Press play, then write the intent down."""
    preflight(session, attempt)
    try:
        session.robot.play(attempt.run_id)
    except Unreachable as exc:
        session.say(str(exc))
    session.store.move_attempt(attempt.id, "ARMED", "STARTING")
    follow.after_play(session, session.store.attempt(attempt.id))


def _try_again(session: Session, attempt: Attempt) -> None:
    """Make another run of the same attempt when the first one failed."""
    run = session.robot.run(attempt.run_id)
    if run["status"] in ENDED and run["status"] != "succeeded":
        again = session.robot.create_run(attempt.protocol_id, attempt.file_id)
        session.store.set_attempt(attempt.id, run_id=again)
        session.robot.play(again)
        return
    follow.follow(session, attempt)


def _start_over(store: Store) -> None:
    """Put every attempt in flight back to where its run is made."""
    table = tables.attempts
    with store._write("restarted") as tx:
        flying = table.c.state.in_(("STARTING", "VERIFY"))
        tx.connection.execute(update(table).where(flying).values(state="VERIFIED", run_id=""))


def _new_run(session: Session, attempt: Attempt) -> None:
    run_id = session.robot.create_run(attempt.protocol_id, attempt.file_id)
    session.store.move_attempt(attempt.id, "VERIFIED", "ARMED", run_id=run_id)


def _done_first(session: Session, attempt: Attempt) -> None:
    """Say DONE, then save the results."""
    session.store.move_attempt(attempt.id, "MEASURED", "DONE")
    record.keep_outcomes(session, attempt)
    session.robot.uncurrent(attempt.run_id)


BUGS = (
    Bug(name="intent after play", arrows={"ARMED": _play_first}),
    Bug(name="a failed run is tried again", arrows={"VERIFY": _try_again}),
    Bug(name="a restart resets what is in flight", arrows={"VERIFIED": _new_run}, restart=_start_over),
    Bug(name="results saved after DONE", arrows={"MEASURED": _done_first}),
)
