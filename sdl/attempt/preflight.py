"""Looking once more: gather what robot, reader and ledger say, and hold it against the run's own interlocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sdl.attempt import consumables, holding
from sdl.attempt.clearance import tops_mm, travel_mm
from sdl.attempt.interlocks import Sight, When, raise_unless_held
from sdl.attempt.prepare import VERIFIED_WITH
from sdl.attempt.session import Session
from sdl.store import Attempt
from sdl.verifier import command_hash

WATCH_S = 60.0
"""How often a going run is looked at, on the lab clock: a block heats a few kelvin in that time (chosen)."""


def preflight(session: Session, attempt: Attempt) -> None:
    """Look just before the start; raise `Unsafe` or `NeedsPerson` with everything that is not as verified."""
    holding.hold(session)
    raise_unless_held(sight_of(session, attempt, "start"), "start")


def watch(session: Session, attempt: Attempt, last_s: float) -> float:
    """Look at a going run when `WATCH_S` have passed since ``last_s``; return when it was looked at last."""
    now_s = session.clock.now_s()
    if now_s - last_s < WATCH_S:
        return last_s
    holding.renew(session)
    raise_unless_held(sight_of(session, attempt, "run"), "run")
    return now_s


def sight_of(session: Session, attempt: Attempt, when: When) -> Sight:
    """Ask robot, reader and store what the checks of ``when`` need; asking moves nothing and can be repeated."""
    robot, attempts = session.robot, session.store.attempts()
    sight = Sight(
        lab=session.lab,
        attempt=attempt,
        now=datetime.now(UTC),
        now_s=session.clock.now_s(),
        health=robot.health(),
        modules=robot.modules(),
        door=robot.door(),
        estop=robot.estop(),
        runs=robot.runs(),
        run=robot.run(attempt.run_id),
        attempts=attempts,
        starts_s={a.id: start for a in attempts if (start := _began_s(session, a)) is not None},
    )
    if when != "start":
        return sight
    flex, commands = session.lab.robot_type == "Flex", robot.analysis(attempt.protocol_id)
    return replace(
        sight,
        verified_with=_verified_with(session, attempt),
        instruments=robot.instruments(),
        fixtures=robot.deck() if flex else (),
        offsets=() if flex else robot.pipette_offsets(),
        deck_calibration={} if flex else robot.deck_calibration(),
        analysed=command_hash(commands),
        tops_mm=tops_mm(commands, sight.run.get("labwareOffsets") or (), session.lab.robot_type),
        travel_mm=travel_mm(commands),
        reader=session.reader.status(),
        stock_left=consumables.left_ul(session),
        consumables=consumables.deck_now(session),
    )


def _verified_with(session: Session, attempt: Attempt) -> str:
    """Return the software with which the robot analysed the approved list; "" where that was not written down."""
    told = [e.data["software"] for e in session.store.events(kinds=[VERIFIED_WITH]) if e.attempt == attempt.id]
    return str(told[-1]) if told else ""


def _began_s(session: Session, attempt: Attempt) -> float | None:
    """Return when the first hand-shake of ``attempt`` was released, on the lab clock; None before."""
    moments = [h.released_s for h in session.store.handshakes(attempt.id) if h.released_s is not None]
    return min(moments, default=None)
