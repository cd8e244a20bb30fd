"""The whole store, and the counts that `sdl status` shows."""

from __future__ import annotations

from sqlalchemy import func, select

from sdl.store import tables
from sdl.store.attempts import Attempts
from sdl.store.experiments import Experiments
from sdl.store.people import People
from sdl.store.reads import Reads
from sdl.store.rows import Summary

__all__ = ["Store"]


class Store(Experiments, Attempts, Reads, People):
    """One campaign's memory, opened with `open`, owned with `claim`."""

    def summary(self) -> Summary:
        """Count what is there, for a status line."""
        table, events = tables.experiments, tables.events
        with self._read() as connection:
            campaign = self._name(connection)
            batches = connection.execute(select(func.count(table.c.batch.distinct()))).scalar_one()
            hits = connection.execute(select(func.count()).where(table.c.is_hit.is_(True))).scalar_one()
            last = connection.execute(
                select(events.c.seq, events.c.at_utc).order_by(events.c.seq.desc()).limit(1)
            ).first()
        states, owner = self._by_state(table), self.owner()
        return Summary(
            campaign=campaign,
            experiments=sum(states.values()),
            measured=states.get("measured", 0),
            hits=hits,
            batches=batches,
            by_state=states,
            attempts=self._by_state(tables.attempts),
            wells=self._by_state(tables.wells),
            reads=self.read_count(),
            events=last.seq if last else 0,
            last_event_at=last.at_utc if last else "",
            owner=owner,
            running=self.is_held(),
            open_requests=tuple(self.open_requests()),
            pending_asks=tuple(self.pending_asks()),
        )
