"""Who holds the robot: a note in the robot's own memory, by which two controllers with two stores see each other.

Two campaigns, or a campaign and a copy of its store, may name the same robot; neither's store knows of the other. The
note is a lease that its controller renews. The robot forgets it with its power, and two that look in the same instant
both write: the later note stands, and the earlier controller finds that before its next start. Until then
robot-server's rule of one active run holds.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from os import getpid
from typing import Any

from sdl.attempt.session import Session
from sdl.errors import NeedsPerson, Unreachable

LEASE = timedelta(minutes=15)
"""How long a note holds after its last renewal, by clocks that agree to minutes (chosen: a batch is suggested in one
or two, and a run in progress keeps others off the robot by itself)."""


def hold(session: Session) -> None:
    """Take or renew the robot; raise `NeedsPerson` with who holds it since when while another controller does."""
    known, now = session.robot.note(), datetime.now(UTC)
    mine = known.get("holder") == _holder(session)
    if known and not mine and now < _until(session, known):
        raise NeedsPerson(
            f"{session.robot.address} is held by campaign {known.get('campaign')}, pid {known.get('pid')}, "
            f"{known.get('holder')}, since {known.get('since')}: end it there (`sdl stop`, or wait until it is done), "
            f"then sdl resume; if it was killed, its hold ends at {known.get('until')}"
        )
    session.robot.leave_note(_note(session, now, since=str(known["since"]) if mine else f"{now:%Y-%m-%dT%H:%M:%SZ}"))


def renew(session: Session) -> None:
    """Renew the hold during a run; a run of ours keeps others off, so that a foreign note is left as it is."""
    known = session.robot.note()
    if known.get("holder") == _holder(session):
        session.robot.leave_note(_note(session, datetime.now(UTC), since=str(known["since"])))


@contextmanager
def held(session: Session) -> Iterator[None]:
    """Hold the robot while the block lasts; a killed controller's hold ends with its lease, or with its restart."""
    hold(session)
    try:
        yield
    finally:
        with suppress(Unreachable):
            if session.robot.note().get("holder") == _holder(session):
                session.robot.clear_note()


def _holder(session: Session) -> str:
    """Return which store this is, and where: a copy of it elsewhere is another."""
    return f"{session.store.path.resolve().parent} on {socket.gethostname()}"


def _note(session: Session, now: datetime, *, since: str) -> dict[str, Any]:
    return {
        "holder": _holder(session),
        "campaign": session.campaign.name,
        "pid": getpid(),
        "since": since,
        "until": (now + LEASE).isoformat(timespec="seconds"),
    }


def _until(session: Session, known: dict[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(str(known["until"])).astimezone(UTC)
    except (KeyError, ValueError) as exc:
        raise NeedsPerson(
            f"{session.robot.address} holds a note of a controller that cannot be read ({str(known)[:200]}): find out "
            "whose it is; the robot forgets it when it is switched off and on"
        ) from exc
