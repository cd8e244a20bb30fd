"""The virtual lab's clock: it jumps with every stated duration and stands still while nobody asks for time."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

EPOCH_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""When a virtual lab opens (chosen: a date that nobody takes for a measurement's)."""


class VirtualClock:
    """Seconds since 1970-01-01 UTC; with ``factor`` > 0 it also runs by itself, so many times as fast as real time."""

    def __init__(self, start_s: float = EPOCH_S, factor: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._base_s = start_s
        self._real_s = time.monotonic()
        self._factor = factor

    def now_s(self) -> float:
        with self._lock:
            return self._now_s()

    def advance(self, seconds: float) -> float:
        """Let ``seconds`` pass; return the new time."""
        with self._lock:
            self._base_s += max(0.0, seconds)
            return self._now_s()

    def wait_until(self, t_s: float) -> None:
        """Jump to ``t_s`` unless it is past already; time never goes back."""
        with self._lock:
            self._base_s += max(0.0, t_s - self._now_s())

    def _now_s(self) -> float:
        return self._base_s + self._factor * (time.monotonic() - self._real_s)


def iso(t_s: float) -> str:
    """Return a time as the robot's API writes it."""
    return datetime.fromtimestamp(t_s, UTC).isoformat()
