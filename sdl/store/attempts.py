"""Attempts, their wells and their hand-shakes: the only right to move liquid, one state at a time.

::

    PLANNED -> RESERVED -> UPLOADED -> VERIFIED -> ARMED -> STARTING -> VERIFY -> DISPENSED -> MEASURED -> DONE
    PLANNED .. ARMED                -> CANCELLED, FAILED_SAFE           nothing moved: stock and experiments go back
    STARTING                        -> ARMED                            proven not started
    STARTING, VERIFY, DISPENSED     -> UNKNOWN                          nobody can prove whether liquid moved
    DISPENSED                       -> FAILED_SAFE                      dispensed, and cannot be measured
    UNKNOWN                         -> DONE, CANCELLED, FAILED_SAFE     a person says: it ran, it did not, discard

STARTING is durable before the one ``play`` is sent. VERIFIED needs the SHA-256 of the command list that the verifier
approved; it cannot be changed afterwards, and nothing is armed with another.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select

from sdl.errors import NeedsPerson, Refused
from sdl.store import tables
from sdl.store.core import Core
from sdl.store.experiments import require_name
from sdl.store.rows import Attempt, Handshake, Well
from sdl.store.transaction import Transaction

__all__ = ["ARROWS", "BEFORE_START", "WELL_ARROWS", "Attempts"]

_ROAD = ("PLANNED", "RESERVED", "UPLOADED", "VERIFIED", "ARMED", "STARTING", "VERIFY", "DISPENSED", "MEASURED", "DONE")
BEFORE_START = _ROAD[: _ROAD.index("STARTING")]

ARROWS = frozenset(
    {
        *pairwise(_ROAD),
        *((state, end) for state in BEFORE_START for end in ("CANCELLED", "FAILED_SAFE")),
        ("STARTING", "ARMED"),
        *((state, "UNKNOWN") for state in ("STARTING", "VERIFY", "DISPENSED")),
        ("DISPENSED", "FAILED_SAFE"),
        *(("UNKNOWN", end) for end in ("DONE", "CANCELLED", "FAILED_SAFE")),
    }
)
"""Every allowed move of an attempt."""

WELL_ARROWS = frozenset(
    {
        ("planned", "dispensed"),
        ("dispensed", "quenched"),
        ("dispensed", "measured"),
        ("quenched", "measured"),
        *((state, "lost") for state in ("planned", "dispensed", "quenched")),
    }
)
"""Every allowed move of a well; a route without a quench goes from dispensed to measured."""

_SETTABLE = frozenset(
    {"robot", "protocol_hash", "csv", "list_hash", "protocol_id", "file_id", "run_id", "t0_s", "plan"}
)

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Attempts(Core):
    """What may be executed, once."""

    def plan_attempt(
        self, batch: int, wells: Mapping[str, str], plan: Mapping[str, Any], *, robot: str = "", csv: str = ""
    ) -> Attempt:
        """Plan one run: ``wells`` maps each well to its experiment, which must still be only suggested.

        Refused while the disk has no room for what the run would measure.
        """
        self.require_space()
        with self._write("attempt planned", batch=batch) as tx:
            n = tx.next(tables.attempts.c.n)
            id = f"{self._prefix(tx, wells)}-a{n:03d}-{self._token(tx, n)}"
            row = {"id": id, "n": n, "batch": batch, "state": "PLANNED", "epoch": self._epoch}
            tx.insert(tables.attempts, **row, robot=robot, csv=csv, plan=plan)
            for well, experiment in wells.items():
                taken = {"state": "planned", "attempt": id, "well": well}
                tx.update(tables.experiments, {"id": experiment}, {"state": "suggested"}, **taken)
                tx.insert(tables.wells, attempt=id, well=well, experiment=experiment)
            tx.data["attempt"] = id
        return self.attempt(id)

    def attempt(self, id: str) -> Attempt:
        """Return one attempt; Refused if there is none with this id (a forged flow run moves nothing)."""
        found = self._rows(Attempt, select(tables.attempts).where(tables.attempts.c.id == id))
        if not found:
            raise Refused(f"{self.path}: no attempt {id!r}")
        return found[0]

    def attempts(self, *states: str) -> list[Attempt]:
        """Return attempts in the order they were planned, in these ``states`` only if given."""
        query = select(tables.attempts).order_by(tables.attempts.c.n)
        return self._rows(Attempt, query.where(tables.attempts.c.state.in_(states)) if states else query)

    def move_attempt(self, id: str, frm: str, to: str, *, who: str = "", note: str = "", **columns: Any) -> None:
        """Move an attempt from state ``frm`` to ``to`` and set ``columns``, in one transaction.

        StaleState if it is not in ``frm`` or another controller took over; Refused if there is no such arrow, or if
        UNKNOWN is left without a person's name and note. An attempt that ends before STARTING, or by a person's word
        that it did not run, gives its stock and experiments back; FAILED_SAFE later loses those without an outcome.
        """
        _allow(ARROWS, frm, to)
        if frm == "UNKNOWN":
            require_name(who)
            if not note.strip():
                raise Refused(f"attempt {id} is UNKNOWN: say in a note how you know what happened")
        if to == "STARTING":
            self.require_space()
        with self._write("attempt moved", attempt=id, frm=frm, to=to, **_given(who=who, note=note)) as tx:
            self._move(tx, id, frm, to, columns)

    def reserve(self, id: str, draws_ul: Mapping[str, float], deck: Mapping[str, Any] | None = None) -> None:
        """Move an attempt from PLANNED to RESERVED with its stock drawn and the ``deck`` updated at once.

        NeedsPerson if a stock does not hold enough, naming which, how much is needed and how much is left.
        """
        with self._write("attempt moved", attempt=id, frm="PLANNED", to="RESERVED", draws_ul=dict(draws_ul)) as tx:
            self._move(tx, id, "PLANNED", "RESERVED", {})
            for stock, volume_ul in draws_ul.items():
                left_ul = _left_ul(tx, stock)
                if left_ul < volume_ul:
                    raise NeedsPerson(f"stock {stock}: {volume_ul:.0f} uL needed, {left_ul:.0f} uL left; refill it")
                _draw(tx, stock, volume_ul, "reserved", id)
            for name, value in (deck or {}).items():
                put(tx, name, value)

    def set_attempt(self, id: str, **columns: Any) -> None:
        """Set ``columns`` of an attempt (such as ``t0_s``, ``run_id``) without moving it."""
        if "list_hash" in columns:
            raise Refused(f"attempt {id}: the approved list is set by the move to VERIFIED, and by nothing else")
        with self._write("attempt noted", attempt=id, columns=sorted(columns)) as tx:
            tx.update(tables.attempts, {"id": id}, {}, **_settable(columns), epoch=self._epoch)

    def wells(self, attempt: str) -> list[Well]:
        """Return the wells of an attempt."""
        return self._rows(Well, select(tables.wells).where(tables.wells.c.attempt == attempt))

    def move_well(
        self,
        attempt: str,
        well: str,
        frm: str,
        to: str,
        *,
        injected_s: float | None = None,
        quenched_s: float | None = None,
        flags: tuple[str, ...] = (),
    ) -> None:
        """Move a well, set the true times given, and add ``flags``; StaleState, Refused as for an attempt."""
        _allow(WELL_ARROWS, frm, to)
        key = {"attempt": attempt, "well": well}
        times = _given(injected_s=injected_s, quenched_s=quenched_s)
        with self._write("well moved", attempt=attempt, well=well, frm=frm, to=to, **times) as tx:
            known = tx.connection.execute(select(tables.wells.c.flags).filter_by(**key)).scalar() or ()
            all_flags = (*known, *(flag for flag in flags if flag not in known))
            tx.update(tables.wells, key, {"state": frm}, state=to, flags=all_flags, **times)

    def write_handshake(self, attempt: str, command_id: str, message: str, released_s: float) -> bool:
        """Write down that one waiting command is released now, at ``released_s`` on the lab clock.

        Call it only while that command waits: then nothing has moved, and an older moment is replaced. True the first
        time, False when the row is there already.
        """
        with self._write("handshake written", attempt=attempt, command_id=command_id, message=message) as tx:
            key = {"attempt": attempt, "command_id": command_id}
            if tx.connection.execute(select(tables.handshakes.c.sent).filter_by(**key)).first() is not None:
                tx.update(tables.handshakes, key, {}, released_s=released_s)
                return False
            tx.insert(tables.handshakes, **key, message=message, written_at=self._now(), released_s=released_s)
        return True

    def mark_handshake_sent(self, attempt: str, command_id: str) -> None:
        """Note that the robot took the release."""
        key = {"attempt": attempt, "command_id": command_id}
        with self._write("handshake sent", attempt=attempt, command_id=command_id) as tx:
            tx.update(tables.handshakes, key, {}, sent=True)

    def handshakes(self, attempt: str) -> list[Handshake]:
        """Return the hand-shakes of an attempt, oldest first."""
        query = select(tables.handshakes).where(tables.handshakes.c.attempt == attempt)
        return self._rows(Handshake, query.order_by(tables.handshakes.c.written_at))

    def draw_stock(self, stock: str, volume_ul: float, why: str, attempt: str | None = None) -> None:
        """Record that ``volume_ul`` left a stock; facts are recorded even where they overdraw the ledger."""
        with self._write("stock drawn", attempt=attempt, stock=stock, volume_ul=volume_ul, why=why) as tx:
            _draw(tx, stock, volume_ul, why, attempt)

    def load_stock(self, stock: str, volume_ul: float, why: str, *, lot: str = "", made: str = "") -> None:
        """Record that ``volume_ul`` of a stock was put on the deck, of which lot and when that was made."""
        known = _given(lot=lot, made=made)
        with self._write("stock loaded", stock=stock, volume_ul=volume_ul, why=why, **known) as tx:
            _draw(tx, stock, -volume_ul, why, None)

    def stock_left(self) -> dict[str, float]:
        """Return the microlitres left of each stock, by the ledger."""
        ledger = tables.stock_ledger
        query = select(ledger.c.stock, func.sum(ledger.c.delta_ul)).group_by(ledger.c.stock)
        with self._read() as connection:
            return {str(stock): float(left_ul) for stock, left_ul in connection.execute(query)}

    def deck(self) -> dict[str, Any]:
        """Return the current consumables: tips and wells used, waste, number of the vial load."""
        with self._read() as connection:
            return {row.name: row.value for row in connection.execute(select(tables.deck))}

    def update_deck(self, **values: Any) -> None:
        """Replace the named entries of `deck`."""
        with self._write("deck updated", values=values) as tx:
            for name, value in values.items():
                put(tx, name, value)

    def _move(self, tx: Transaction, id: str, frm: str, to: str, columns: Mapping[str, Any]) -> None:
        _hold_approval(tx, id, to, columns)
        tx.data.update({name: value for name, value in columns.items() if name not in ("csv", "plan")})
        tx.update(tables.attempts, {"id": id}, {"state": frm}, state=to, epoch=self._epoch, **_settable(columns))
        if to == "CANCELLED" or (to == "FAILED_SAFE" and frm in BEFORE_START):
            _give_back(tx, id)
        elif to == "FAILED_SAFE":
            _end_experiments(tx, id, {"state": "lost"})

    def _prefix(self, tx: Transaction, wells: Mapping[str, str]) -> str:
        if not wells:
            raise Refused("an attempt needs at least one well")
        return next(iter(wells.values())).rpartition("-")[0] or self.path.parent.name

    def _token(self, tx: Transaction, n: int) -> str:
        """Return eight hex digits that differ between any two stores, from the chain so far."""
        head = tx.connection.execute(select(tables.meta.c.value).where(tables.meta.c.key == "head")).scalar_one()
        return hashlib.sha256(f"{head} {n}".encode()).hexdigest()[:8]


def put(tx: Transaction, name: str, value: Any) -> None:
    """Set one entry of the deck."""
    if tx.connection.execute(select(tables.deck.c.name).where(tables.deck.c.name == name)).first() is None:
        tx.insert(tables.deck, name=name, value=value)
    else:
        tx.update(tables.deck, {"name": name}, {}, value=value)


def _allow(arrows: frozenset[tuple[str, str]], frm: str, to: str) -> None:
    if (frm, to) not in arrows:
        allowed = ", ".join(sorted(end for start, end in arrows if start == frm)) or "nothing"
        raise Refused(f"no arrow {frm} -> {to}; from {frm} there is {allowed}")


def _hold_approval(tx: Transaction, id: str, to: str, columns: Mapping[str, Any]) -> None:
    """Refuse VERIFIED without the hash of an approved list, and any later move that brings another."""
    table = tables.attempts
    known = tx.connection.execute(select(table.c.list_hash).where(table.c.id == id)).scalar() or ""
    given = columns.get("list_hash", known)
    if to in ("VERIFIED", "ARMED") and not _SHA256.fullmatch(given):
        raise Refused(f"attempt {id} cannot be {to} without the SHA-256 of the approved list, given {given!r}")
    if to != "VERIFIED" and given != known:
        raise Refused(f"attempt {id}: the list {given[:12]} is not the approved one, {known[:12] or 'none'}")


def _settable(columns: Mapping[str, Any]) -> Mapping[str, Any]:
    if unknown := columns.keys() - _SETTABLE:
        raise Refused(
            f"an attempt has no column {', '.join(sorted(unknown))}; there are {', '.join(sorted(_SETTABLE))}"
        )
    return columns


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in ("", None)}


def _left_ul(tx: Transaction, stock: str) -> float:
    total = select(func.coalesce(func.sum(tables.stock_ledger.c.delta_ul), 0.0))
    return float(tx.connection.execute(total.where(tables.stock_ledger.c.stock == stock)).scalar_one())


def _draw(tx: Transaction, stock: str, volume_ul: float, why: str, attempt: str | None) -> None:
    id = tx.next(tables.stock_ledger.c.id)
    tx.insert(tables.stock_ledger, id=id, stock=stock, delta_ul=-volume_ul, why=why, attempt=attempt)


def _give_back(tx: Transaction, attempt: str) -> None:
    """Return stock, vials, tips and experiments of an attempt of which nothing was dispensed."""
    ledger = tables.stock_ledger
    drawn = select(ledger.c.stock, func.sum(ledger.c.delta_ul)).where(ledger.c.attempt == attempt)
    for stock, delta_ul in tx.connection.execute(drawn.group_by(ledger.c.stock)).all():
        _draw(tx, stock, delta_ul, "given back", attempt)
    plan = tx.connection.execute(select(tables.attempts.c.plan).where(tables.attempts.c.id == attempt)).scalar_one()
    for name, value in plan.get("deck_before", {}).items():
        put(tx, name, value)
    _end_experiments(tx, attempt, {"state": "suggested", "attempt": None, "well": ""})


def _end_experiments(tx: Transaction, attempt: str, values: Mapping[str, Any]) -> None:
    table = tables.experiments
    open_ones = select(table.c.id).where(table.c.attempt == attempt, table.c.state == "planned")
    for id in tx.connection.execute(open_ones).scalars().all():
        tx.update(table, {"id": id}, {"state": "planned"}, **values)
