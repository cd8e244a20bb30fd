"""One look at the world, and where the checks that are made of it are listed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sdl.bench import Lab
from sdl.errors import NeedsPerson, SdlError, Unsafe
from sdl.lab.reader import ReaderStatus
from sdl.lab.robot import heaters
from sdl.store import Attempt

Json = Mapping[str, Any]
When = Literal["start", "run", "look"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Everything that is known at one moment: the robot's answers as its API words them, and our own books.

    ``now`` is the wall clock's, ``now_s`` and ``starts_s`` (when each attempt began, by its id) the lab clock's.
    From ``verified_with`` on, the software that analysed the approved list, it is asked before the start only:
    ``offsets`` and ``deck_calibration`` are an OT-2's, ``analysed`` is the hash of the list that the robot would run,
    ``tops_mm`` and ``travel_mm`` how high that list's labware stands and the lowest end of a tip goes,
    ``stock_left`` (less what evaporated so far) and ``consumables`` the ledger with this attempt's share taken out.
    """

    lab: Lab
    attempt: Attempt
    now: datetime
    now_s: float
    health: Json
    modules: Sequence[Json]
    door: Json
    estop: str
    runs: Sequence[Json]
    run: Json
    attempts: Sequence[Attempt]
    starts_s: Mapping[str, float]
    verified_with: str = ""
    instruments: Sequence[Json] = ()
    fixtures: Sequence[Json] = ()
    offsets: Sequence[Json] = ()
    deck_calibration: Json = field(default_factory=dict)
    analysed: str = ""
    tops_mm: Mapping[str, float] = field(default_factory=dict)
    travel_mm: float = math.nan
    reader: ReaderStatus | None = None
    stock_left: Mapping[str, float] = field(default_factory=dict)
    consumables: Json = field(default_factory=dict)


Look = Callable[[Sight], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its interlock, when it is made, and whether a person can put it right (`NeedsPerson`) or not."""

    name: str
    interlock: str
    when: tuple[When, ...]
    refusal: type[SdlError]
    look: Look


CHECKS: dict[str, Check] = {}
"""Every check by name: a start makes those of "start", the follow loop those of "run", a laser's looks "look"."""


def check(interlock: str, refusal: type[SdlError], *when: When) -> Callable[[Look], Look]:
    """List the function below as a check."""

    def listed(look: Look) -> Look:
        CHECKS[look.__name__] = Check(name=look.__name__, interlock=interlock, when=when, refusal=refusal, look=look)
        return look

    return listed


def raise_unless_held(sight: Sight, when: When) -> None:
    """Make every check of ``when``; raise `Unsafe` with all that is wrong, `NeedsPerson` if a person can right it."""
    wrong: list[tuple[Check, str]] = []
    for one in CHECKS.values():
        if when in one.when:
            wrong += [(one, f"{text} [{one.interlock}]") for text in one.look(sight)]
    if wrong:
        refusal = Unsafe if any(one.refusal is Unsafe for one, _ in wrong) else NeedsPerson
        raise refusal("\n".join(text for _, text in wrong))


def heated(sight: Sight) -> list[Json]:
    """Return the modules of the robot that heat."""
    return heaters(sight.modules)
