"""What people want of a running campaign, done between attempts; a stop is done at once, wherever the robot is."""

from __future__ import annotations

from sdl.attempt.consumables import deck_now
from sdl.attempt.session import Session
from sdl.errors import Stopped
from sdl.store import Ask

HOLDS = ("pause", "stop")
"""Wishes that end the controller; the next `sdl resume` is the person's word that they are over."""


def begin(session: Session) -> None:
    """End every pause or stop that was asked before this controller was started by a person."""
    for wish in session.store.pending_asks():
        if wish.verb in HOLDS:
            session.store.acknowledge(wish.id, "ended: a person started the campaign again")


def heed(session: Session) -> None:
    """Do what people have asked for since the last attempt; raise `Stopped` for a pause or stop."""
    for wish in session.store.pending_asks():
        if wish.verb in HOLDS:
            session.store.acknowledge(wish.id, "done: nothing was started after it")
            raise Stopped(f"{said(wish)}: nothing runs on the robot; `sdl resume {session.campaign.file}` goes on")
        if wish.verb == "refill":
            session.store.acknowledge(wish.id, _refill(session, wish))


def stop_wanted(session: Session) -> Ask | None:
    """Return the wish to stop now, if there is one."""
    return next((wish for wish in session.store.pending_asks() if wish.verb == "stop"), None)


def said(wish: Ask) -> str:
    """Say who wants what since when."""
    note = f" ({wish.detail['note']})" if wish.detail.get("note") else ""
    return f"{wish.verb} wanted by {wish.who} since {wish.asked_at}{note}"


def _refill(session: Session, wish: Ask) -> str:
    """Enter what a person has put on the deck: a stock's new volume, tips, vials or an empty waste bottle."""
    store, what, deck = session.store, str(wish.detail["what"]), deck_now(session)
    session.operator.ask(what, {"why": said(wish)})
    if what == "vials":
        store.update_deck(vials_used=0, vials_elsewhere={}, vial_load=deck["vial_load"] + 1)
    elif what == "tips":
        store.update_deck(tips_gone={})
    elif what == "waste":
        store.update_deck(waste_ul=0.0)
    else:
        left_ul = store.stock_left().get(what, 0.0)
        store.load_stock(what, float(wish.detail["volume_ul"]) - left_ul, f"refilled by {wish.who}")
    return "entered"
