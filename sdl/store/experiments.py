"""The campaign file's versions, and its experiments from suggestion to outcome."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from sdl.errors import Refused
from sdl.spectra.types import Features
from sdl.store import tables
from sdl.store.columns import dumps
from sdl.store.core import Core
from sdl.store.faults import StaleState
from sdl.store.rows import CampaignVersion, Experiment, NewExperiment

__all__ = ["Experiments", "batch_hash", "require_name"]

_FINISHABLE = ("suggested", "planned", "measured", "lost")


class Experiments(Core):
    """What was asked for, what was suggested, what came out."""

    def save_campaign(self, text: str, sha256: str, parsed: Mapping[str, Any]) -> int:
        """Remember a version of the campaign file and return its number; the same version twice is one version.

        ``parsed`` is JSON and names the campaign under "name" or "campaign".
        """
        if not (parsed.get("name") or parsed.get("campaign")):
            raise Refused("a campaign has a name")
        with self._write("campaign saved", sha256=sha256) as tx:
            last = tx.connection.execute(
                select(tables.campaign_versions).order_by(tables.campaign_versions.c.version.desc()).limit(1)
            ).first()
            if last is not None and last.sha256 == sha256:
                tx.skip()
                return int(last.version)
            version = tx.data["version"] = tx.next(tables.campaign_versions.c.version)
            row = {"version": version, "at_utc": self._now(), "text": text, "sha256": sha256, "parsed": parsed}
            tx.insert(tables.campaign_versions, **row)
        return version

    def campaign(self) -> CampaignVersion | None:
        """Return the newest version of the campaign file, None before the first."""
        newest = select(tables.campaign_versions).order_by(tables.campaign_versions.c.version.desc()).limit(1)
        return next(iter(self._rows(CampaignVersion, newest)), None)

    def campaign_versions(self) -> list[CampaignVersion]:
        """Return every version of the campaign file, oldest first."""
        return self._rows(
            CampaignVersion, select(tables.campaign_versions).order_by(tables.campaign_versions.c.version)
        )

    def add_batch(self, batch: int, rows: Sequence[NewExperiment]) -> list[Experiment]:
        """Remember the suggestions of a batch once; the same call again returns what is stored and changes nothing."""
        with self._write("batch suggested", batch=batch) as tx:
            stored = select(func.count()).select_from(tables.experiments).where(tables.experiments.c.batch == batch)
            if tx.connection.execute(stored).scalar_one():
                tx.skip()
            else:
                name, seq = self._name(tx.connection), tx.next(tables.experiments.c.seq)
                for position, row in enumerate(rows):
                    number = seq + position
                    tx.insert(
                        tables.experiments,
                        id=f"{name}-{number:04d}",
                        seq=number,
                        batch=batch,
                        position=position,
                        state="suggested",
                        kind=row.kind,
                        suggestion=row.suggestion,
                        recipe=row.recipe,
                    )
        return self.experiments(batch=batch)

    def next_batch(self) -> int:
        """Return the number of the next batch, 1 for the first."""
        with self._read() as connection:
            return (
                int(connection.execute(select(func.coalesce(func.max(tables.experiments.c.batch), 0))).scalar_one()) + 1
            )

    def experiments(self, state: str | None = None, batch: int | None = None) -> list[Experiment]:
        """Return experiments in the order they were suggested, of one state or batch only if given."""
        query = select(tables.experiments).order_by(tables.experiments.c.seq)
        if state is not None:
            query = query.where(tables.experiments.c.state == state)
        if batch is not None:
            query = query.where(tables.experiments.c.batch == batch)
        return self._rows(Experiment, query)

    def experiment(self, id: str) -> Experiment:
        """Return one experiment; Refused if there is none with this id."""
        found = self._rows(Experiment, select(tables.experiments).where(tables.experiments.c.id == id))
        if not found:
            raise Refused(f"{self.path}: no experiment {id!r}; `sdl status` lists them")
        return found[0]

    def edit_suggestion(
        self, id: str, *, who: str, suggestion: Mapping[str, Any], recipe: Mapping[str, Any] | None = None
    ) -> None:
        """Replace what is suggested while nothing is planned yet; any approval of the batch ends with that."""
        require_name(who)
        values = {"suggestion": suggestion} | ({} if recipe is None else {"recipe": recipe})
        with self._write("suggestion edited", experiment=id, who=who) as tx:
            tx.update(tables.experiments, {"id": id}, {"state": "suggested"}, **values)

    def reject(self, id: str, *, who: str, note: str) -> None:
        """Take a suggestion that is not planned yet out of its batch."""
        require_name(who)
        with self._write("suggestion rejected", experiment=id, who=who, note=note) as tx:
            tx.update(tables.experiments, {"id": id}, {"state": "suggested"}, state="rejected")

    def finish_experiment(
        self,
        id: str,
        executed: Mapping[str, Any],
        features: Features,
        is_hit: bool | None,
        *,
        outcome_read: int | None = None,
        flags: tuple[str, ...] = (),
    ) -> None:
        """Record the outcome; again when a value arrives later (`sdl tell`), every version staying in the events.

        ``executed`` holds as-executed volumes, times and "design"; ``is_hit`` is None where the target needs more.
        """
        values = {"executed": executed, "features": features, "is_hit": is_hit, "outcome_read": outcome_read}
        outcome = {name: [v.value, v.sd] for name, v in features.values.items()}
        with self._write("experiment finished", experiment=id, features=outcome, is_hit=is_hit) as tx:
            state = _state(tx.connection, id)
            if state not in _FINISHABLE:
                raise StaleState(f"experiment {id} is {state}; an outcome needs one of {', '.join(_FINISHABLE)}")
            tx.update(tables.experiments, {"id": id}, {"state": state}, state="measured", flags=flags, **values)

    def lose_experiment(self, id: str, *, why: str) -> None:
        """Record that an experiment gives no outcome, planned or made by hand; a failure is a recorded result."""
        with self._write("experiment lost", experiment=id, why=why) as tx:
            state = _state(tx.connection, id)
            if state not in ("suggested", "planned"):
                raise StaleState(f"experiment {id} is {state}; only a suggested or planned one can be lost")
            tx.update(tables.experiments, {"id": id}, {"state": state}, state="lost")

    def batch_hash(self, batch: int) -> str:
        """Return the SHA-256 of what is suggested in ``batch``: what an approval is given to."""
        with self._read() as connection:
            return batch_hash(connection, batch)

    def save_diagnostics(self, batch: int, data: Mapping[str, Any]) -> None:
        """Remember what the model knew when it suggested ``batch`` (summary, slices), for the report."""
        with self._write("diagnostics saved", batch=batch) as tx:
            known = select(tables.diagnostics.c.batch).where(tables.diagnostics.c.batch == batch)
            if tx.connection.execute(known).first() is None:
                tx.insert(tables.diagnostics, batch=batch, data=data)
            else:
                tx.update(tables.diagnostics, {"batch": batch}, {}, data=data)

    def diagnostics(self) -> dict[int, Mapping[str, Any]]:
        """Return the diagnostics of each batch, by batch number."""
        with self._read() as connection:
            rows = connection.execute(select(tables.diagnostics).order_by(tables.diagnostics.c.batch))
            return {row.batch: row.data for row in rows}

    def _name(self, connection: Connection) -> str:
        newest = select(tables.campaign_versions.c.parsed).order_by(tables.campaign_versions.c.version.desc()).limit(1)
        parsed = connection.execute(newest).scalar_one_or_none() or {}
        return str(parsed.get("name") or parsed.get("campaign") or self.path.parent.name)


def batch_hash(connection: Connection, batch: int) -> str:
    """Return the SHA-256 of what is suggested in ``batch``, as this connection sees it."""
    table = tables.experiments
    query = select(table.c.id, table.c.suggestion, table.c.recipe).where(
        table.c.batch == batch, table.c.state != "rejected"
    )
    rows = [list(row) for row in connection.execute(query.order_by(table.c.position))]
    return hashlib.sha256(dumps(rows).encode()).hexdigest()


def _state(connection: Connection, id: str) -> str:
    state = connection.execute(select(tables.experiments.c.state).where(tables.experiments.c.id == id)).scalar()
    if state is None:
        raise Refused(f"no experiment {id!r}; `sdl status` lists them")
    return str(state)


def require_name(who: str) -> None:
    """Raise Refused unless somebody stands behind a decision."""
    if not who.strip():
        raise Refused("a decision needs the name of the person who takes it")
