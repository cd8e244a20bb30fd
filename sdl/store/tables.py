"""The tables of a campaign. The migrations build the same ones; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.schema import SchemaItem

from sdl.spectra.types import Features
from sdl.store.columns import LARGEST, FeatureSet, Finite, Json, Words

metadata = MetaData(
    naming_convention={
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def _text(name: str, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, default=default)


def _table(name: str, *items: SchemaItem) -> Table:
    """Return a table whose every number is also checked by the database itself."""
    finite = [
        CheckConstraint(f"abs({c.name}) < {LARGEST:.0f}", name=c.name)
        for c in items
        if isinstance(c, Column) and isinstance(c.type, Finite)
    ]
    return Table(name, metadata, *items, *finite)


meta = _table("meta", Column("key", Text, primary_key=True), _text("value"))

owner = _table(
    "owner",
    Column("id", Integer, CheckConstraint("id = 1", name="one"), primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("pid", Integer),
    _text("started"),
    _text("boot"),
    _text("host"),
    _text("since"),
)

events = _table(
    "events",
    Column("seq", Integer, primary_key=True, autoincrement=False),
    _text("at_utc"),
    _text("kind"),
    Column("attempt", Text),
    Column("experiment", Text),
    Column("data", Json, nullable=False),
    Column("rows", Json, nullable=False),
    _text("prev_hash"),
    _text("hash"),
)

campaign_versions = _table(
    "campaign_versions",
    Column("version", Integer, primary_key=True, autoincrement=False),
    _text("at_utc"),
    _text("text"),
    _text("sha256"),
    Column("parsed", Json, nullable=False),
)

attempts = _table(
    "attempts",
    Column("id", Text, primary_key=True),
    Column("n", Integer, nullable=False, unique=True),
    Column("batch", Integer, nullable=False),
    _text("state"),
    Column("epoch", Integer, nullable=False),
    _text("robot", ""),
    _text("protocol_hash", ""),
    _text("csv", ""),
    _text("list_hash", ""),
    _text("protocol_id", ""),
    _text("file_id", ""),
    _text("run_id", ""),
    Column("t0_s", Finite),
    Column("plan", Json, nullable=False),
)

experiments = _table(
    "experiments",
    Column("id", Text, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("batch", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    _text("state"),
    _text("kind"),
    Column("suggestion", Json, nullable=False),
    Column("recipe", Json, nullable=False),
    _text("well", ""),
    Column("attempt", Text, ForeignKey("attempts.id")),
    Column("executed", Json, nullable=False, default=lambda: {}),
    Column("features", FeatureSet, nullable=False, default=lambda: Features()),
    Column("flags", Words, nullable=False, default=lambda: ()),
    Column("is_hit", Boolean),
    Column("outcome_read", Integer),
    UniqueConstraint("batch", "position"),
)

wells = _table(
    "wells",
    Column("attempt", Text, ForeignKey("attempts.id"), primary_key=True),
    Column("well", Text, primary_key=True),
    Column("experiment", Text, ForeignKey("experiments.id"), nullable=False),
    _text("state", "planned"),
    Column("injected_s", Finite),
    Column("quenched_s", Finite),
    Column("flags", Words, nullable=False, default=lambda: ()),
)

handshakes = _table(
    "handshakes",
    Column("attempt", Text, ForeignKey("attempts.id"), primary_key=True),
    Column("command_id", Text, primary_key=True),
    _text("message"),
    _text("written_at"),
    Column("released_s", Finite),
    Column("sent", Boolean, nullable=False, default=False),
)

reads = _table(
    "reads",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("attempt", Text, ForeignKey("attempts.id"), nullable=False),
    _text("command_id"),
    Column("experiment", Text, ForeignKey("experiments.id"), index=True),
    _text("well", ""),
    _text("label"),
    Column("time_s", Finite, nullable=False),
    Column("since_injection_s", Finite),
    Column("since_quench_s", Finite),
    Column("features", FeatureSet, nullable=False, default=lambda: Features()),
    Column("flags", Words, nullable=False, default=lambda: ()),
    Column("outcome", Boolean, nullable=False),
    UniqueConstraint("attempt", "command_id"),
)

grids = _table("grids", Column("id", Text, primary_key=True), Column("wavelength_nm", LargeBinary, nullable=False))

spectra = _table(
    "spectra",
    Column("read_id", Integer, ForeignKey("reads.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _text("kind"),
    _text("role"),
    Column("grid", Text, ForeignKey("grids.id"), nullable=False),
    Column("counts", LargeBinary, nullable=False),
    Column("time_s", Finite, nullable=False),
    _text("instrument"),
    Column("meta", Json, nullable=False),
)

stock_ledger = _table(
    "stock_ledger",
    Column("id", Integer, primary_key=True, autoincrement=False),
    _text("stock"),
    Column("delta_ul", Finite, nullable=False),
    _text("why"),
    Column("attempt", Text, ForeignKey("attempts.id")),
)

deck = _table("deck", Column("name", Text, primary_key=True), Column("value", Json, nullable=False))

requests = _table(
    "requests",
    Column("id", Integer, primary_key=True, autoincrement=False),
    _text("what"),
    Column("detail", Json, nullable=False),
    _text("asked_at"),
    _text("answer", ""),
    _text("answered_at", ""),
    _text("by", ""),
)

approvals = _table(
    "approvals",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("batch", Integer, nullable=False),
    _text("who"),
    _text("at_utc"),
    _text("decision"),
    _text("sha256"),
    _text("note", ""),
)

commands = _table(
    "commands",
    Column("id", Integer, primary_key=True, autoincrement=False),
    _text("verb"),
    _text("who"),
    _text("asked_at"),
    Column("detail", Json, nullable=False),
    _text("acknowledged_at", ""),
    _text("outcome", ""),
)

diagnostics = _table(
    "diagnostics", Column("batch", Integer, primary_key=True, autoincrement=False), Column("data", Json, nullable=False)
)

UNGUARDED = frozenset({"meta", "owner", "events"})
"""Tables whose rows no event needs to name: the chain itself, its head, and who holds the store."""

__all__ = ["UNGUARDED", "metadata"]
