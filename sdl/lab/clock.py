"""The lab clock: every wait and time-out that concerns chemistry goes by it, whoever keeps it.

All clocks count seconds since 1970-01-01 UTC, so that they agree with the times in a robot's records.
"""

from __future__ import annotations

import time
from typing import Protocol

import httpx

from sdl.errors import Unreachable

LONGEST_SLEEP_S = 1.0
"""A wall clock is looked at this often, so that a machine that slept wakes to the right time (chosen)."""

ANSWER_S = 30.0
"""How long a clock on this machine may take to answer, in real time (chosen: seconds on a loaded machine)."""


class Clock(Protocol):
    """What tells the time in the lab."""

    def now_s(self) -> float:
        """Return seconds since 1970-01-01 UTC."""

    def wait_until(self, t_s: float) -> None:
        """Return when the clock shows ``t_s`` or later."""


class WallClock:
    """The clock of a real lab: this machine's."""

    def now_s(self) -> float:
        return time.time()

    def wait_until(self, t_s: float) -> None:
        while (left_s := t_s - self.now_s()) > 0:
            time.sleep(min(left_s, LONGEST_SLEEP_S))


class Pace(Protocol):
    """Real time, by which robots are polled and waited for, whatever the lab clock shows."""

    def monotonic_s(self) -> float:
        """Return seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Let this long pass."""


class RealTime:
    """The real time of this machine."""

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class RemoteClock:
    """A clock that the lab's own process keeps, asked over loopback."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx.Client(
            base_url=base_url,
            timeout=ANSWER_S,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def now_s(self) -> float:
        return self._told("GET", "/virtual/clock", None)

    def wait_until(self, t_s: float) -> None:
        while self._told("POST", "/virtual/clock/wait_until", {"t_s": t_s}) < t_s:
            pass

    def _told(self, method: str, path: str, body: dict[str, float] | None) -> float:
        try:
            answer = self._client.request(method, path, json=body)
            answer.raise_for_status()
            return float(answer.json()["now_s"])
        except (httpx.HTTPError, KeyError, ValueError) as exc:
            raise Unreachable(f"the lab clock at {self._client.base_url}: {exc}") from exc
