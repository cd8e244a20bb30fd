"""The campaign store: what happened, what may happen next, and who may decide it.

One SQLite database per campaign, ``<state>/store.sqlite`` (WAL, synchronous=FULL, local disk). A scheduler schedules;
this store decides. Every method that writes is one durable transaction that ends with one event; the events form a
SHA-256 chain, and each names the digest of every row it changed, so a row edited by hand is found (`verify_chain`).

One controller owns a store at a time (`claim`): it holds a fencing epoch that every write of its checks, so that a
controller which slept through a take-over cannot move anything. People write without owning: they ask, answer and
approve.

What may enter: errors, units, the types of spectra and features. Nothing here knows robots, models or flows. SQLAlchemy
Core is imported because it keeps one schema for SQLite and PostgreSQL; Alembic only when a schema is made or raised.
"""

from sdl.store.faults import StaleState, StoreFailed
from sdl.store.rows import (
    Approval,
    Ask,
    Attempt,
    CampaignVersion,
    Event,
    Experiment,
    Handshake,
    NewExperiment,
    Owner,
    Read,
    Request,
    Summary,
    Well,
)
from sdl.store.store import Store

__all__ = [
    "Approval",
    "Ask",
    "Attempt",
    "CampaignVersion",
    "Event",
    "Experiment",
    "Handshake",
    "NewExperiment",
    "Owner",
    "Read",
    "Request",
    "StaleState",
    "Store",
    "StoreFailed",
    "Summary",
    "Well",
]
