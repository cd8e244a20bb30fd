"""What comes out of the store: rows as small frozen objects, one class per table that others read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sdl.spectra.types import Features


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened: ``rows`` maps "table/key" to the SHA-256 of each row it changed."""

    seq: int
    at_utc: str
    kind: str
    attempt: str | None
    experiment: str | None
    data: Mapping[str, Any]
    rows: Mapping[str, str]
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The controller that holds, or last held, the store; ``pid`` is None when nobody does."""

    epoch: int
    pid: int | None
    started: str
    boot: str
    host: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignVersion:
    """One version of the campaign file, as text and as validated."""

    version: int
    at_utc: str
    text: str
    sha256: str
    parsed: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExperiment:
    """A suggestion to be remembered: ``suggestion`` holds design, why, expected, p_hit, model id, acquisition."""

    kind: str
    suggestion: Mapping[str, Any]
    recipe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One experiment from suggestion to outcome; ``state`` is suggested, planned, measured, lost or rejected."""

    id: str
    seq: int
    batch: int
    position: int
    state: str
    kind: str
    suggestion: Mapping[str, Any]
    recipe: Mapping[str, Any]
    well: str
    attempt: str | None
    executed: Mapping[str, Any]
    features: Features
    flags: tuple[str, ...]
    is_hit: bool | None
    outcome_read: int | None

    @property
    def design(self) -> Mapping[str, float | str]:
        """The design as executed where that is known, else as suggested."""
        design: Mapping[str, float | str] = self.executed.get("design") or self.suggestion["design"]
        return design


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The right to execute one run once; ``epoch`` is that of the controller that moved it last."""

    id: str
    n: int
    batch: int
    state: str
    epoch: int
    robot: str
    protocol_hash: str
    csv: str
    list_hash: str
    protocol_id: str
    file_id: str
    run_id: str
    t0_s: float | None
    plan: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Well:
    """One well of an attempt; ``state`` is planned, dispensed, quenched, measured or lost; times on the lab clock."""

    attempt: str
    well: str
    experiment: str
    state: str
    injected_s: float | None
    quenched_s: float | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """A ``play`` for one waiting command of a run, written down before it is sent."""

    attempt: str
    command_id: str
    message: str
    written_at: str
    released_s: float | None
    sent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One look through the cell: ``label`` is blank, dye or sample; its spectra come by `Store.spectra`."""

    id: int
    attempt: str
    command_id: str
    experiment: str | None
    well: str
    label: str
    time_s: float
    since_injection_s: float | None
    since_quench_s: float | None
    features: Features
    flags: tuple[str, ...]
    outcome: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Something a person must do (refill, empty waste, look at a plate); open while ``answer`` is empty."""

    id: int
    what: str
    detail: Mapping[str, Any]
    asked_at: str
    answer: str
    answered_at: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's decision on one batch as it was when ``sha256`` was its hash."""

    id: int
    batch: int
    who: str
    at_utc: str
    decision: str
    sha256: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A person's wish (pause, stop, resolve, ...) that the controller acknowledges with an outcome."""

    id: int
    verb: str
    who: str
    asked_at: str
    detail: Mapping[str, Any]
    acknowledged_at: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts for the status line; ``running`` says whether the owner is alive now."""

    campaign: str
    experiments: int
    measured: int
    hits: int
    batches: int
    by_state: Mapping[str, int]
    attempts: Mapping[str, int]
    wells: Mapping[str, int]
    reads: int
    events: int
    last_event_at: str
    owner: Owner
    running: bool
    open_requests: tuple[Request, ...]
    pending_asks: tuple[Ask, ...]
