"""What people are asked, what they decide and what they want; nobody needs to own the store for that."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from sdl.errors import Refused
from sdl.store import tables
from sdl.store.core import Core
from sdl.store.experiments import batch_hash, require_name
from sdl.store.rows import Approval, Ask, Request

__all__ = ["People"]

VERBS = ("pause", "stop", "refill", "repeat")
DECISIONS = ("approved", "rejected")


class People(Core):
    """The command line, a dashboard and a virtual operator are front ends of these methods."""

    def request(self, what: str, **detail: Any) -> int:
        """Ask people for something and return the request's id; the same open request again is one request."""
        with self._write("request asked", what=what, detail=detail) as tx:
            table = tables.requests
            for row in tx.connection.execute(select(table).where(table.c.what == what, table.c.answer == "")):
                if row.detail == detail:
                    tx.skip()
                    return int(row.id)
            id = tx.data["request"] = tx.next(table.c.id)
            tx.insert(table, id=id, what=what, detail=detail, asked_at=self._now())
        return id

    def answer(self, request: int, answer: str, by: str) -> None:
        """Answer a request; Refused without a name or with nothing said; StaleState if it was answered otherwise."""
        require_name(by)
        if not answer.strip():
            raise Refused(f"request {request}: an empty answer answers nothing")
        with self._write("request answered", fenced=False, request=request, answer=answer, by=by) as tx:
            row = tx.connection.execute(select(tables.requests).where(tables.requests.c.id == request)).first()
            if row is not None and (row.answer, row.by) == (answer, by):
                tx.skip()
                return
            said = {"answer": answer, "answered_at": self._now(), "by": by}
            tx.update(tables.requests, {"id": request}, {"answer": ""}, **said)

    def requests(self) -> list[Request]:
        """Return every request, oldest first."""
        return self._rows(Request, select(tables.requests).order_by(tables.requests.c.id))

    def open_requests(self) -> list[Request]:
        """Return the requests that nobody has answered."""
        return [request for request in self.requests() if not request.answer]

    def approve(self, batch: int, who: str, sha256: str, decision: str = "approved", note: str = "") -> None:
        """Decide on a batch as it was shown: ``sha256`` is its `batch_hash`, and must still be.

        The same decision again, of a second click or tab, is one decision.
        Refused without a name, for an unknown or empty decision, for a batch that is not there or has changed.
        """
        require_name(who)
        if decision not in DECISIONS:
            raise Refused(f"decision {decision!r} is none of {', '.join(DECISIONS)}")
        with self._write("batch decided", fenced=False, batch=batch, who=who, decision=decision, sha256=sha256) as tx:
            there = select(tables.experiments.c.id).where(tables.experiments.c.batch == batch).limit(1)
            if tx.connection.execute(there).first() is None:
                raise Refused(f"{self.path}: there is no batch {batch} to decide on")
            if batch_hash(tx.connection, batch) != sha256:
                raise Refused(f"batch {batch} has changed since it was shown; look at it again, then decide")
            said = {"who": who, "decision": decision, "sha256": sha256, "note": note}
            table = tables.approvals
            query = select(table).where(table.c.batch == batch).order_by(table.c.id.desc()).limit(1)
            last = tx.connection.execute(query).mappings().first()
            if last is not None and all(last[name] == value for name, value in said.items()):
                tx.skip()
                return
            row = {"batch": batch, "at_utc": self._now(), **said}
            tx.insert(table, id=tx.next(table.c.id), **row)

    def approval(self, batch: int) -> Approval | None:
        """Return the newest decision on a batch as it is now; None where there is none or the batch has changed."""
        table = tables.approvals
        query = select(table).where(table.c.batch == batch).order_by(table.c.id.desc()).limit(1)
        with self._read() as connection:
            row = connection.execute(query).mappings().first()
            if row is None or row["sha256"] != batch_hash(connection, batch):
                return None
            return Approval(**row)

    def ask(self, verb: str, who: str, **detail: Any) -> int:
        """Leave a wish for the controller and return its id; the same wish again, while it waits, is one wish."""
        require_name(who)
        if verb not in VERBS:
            raise Refused(f"{verb!r} is none of {', '.join(VERBS)}")
        with self._write("asked", fenced=False, verb=verb, who=who, detail=detail) as tx:
            table = tables.commands
            waiting = select(table).where(table.c.verb == verb, table.c.who == who, table.c.acknowledged_at == "")
            for row in tx.connection.execute(waiting):
                if row.detail == detail:
                    tx.skip()
                    return int(row.id)
            id = tx.data["ask"] = tx.next(table.c.id)
            tx.insert(table, id=id, verb=verb, who=who, asked_at=self._now(), detail=detail)
        return id

    def pending_asks(self) -> list[Ask]:
        """Return the wishes that the controller has not acknowledged, oldest first."""
        query = select(tables.commands).where(tables.commands.c.acknowledged_at == "").order_by(tables.commands.c.id)
        return self._rows(Ask, query)

    def acknowledge(self, ask: int, outcome: str) -> None:
        """Say what came of a wish; StaleState if that was said already."""
        with self._write("acknowledged", ask=ask, outcome=outcome) as tx:
            done = {"acknowledged_at": self._now(), "outcome": outcome}
            tx.update(tables.commands, {"id": ask}, {"acknowledged_at": ""}, **done)
