"""Clocks: time jumps where it is told to, never goes back, and says so when nobody answers."""

from __future__ import annotations

import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdl.errors import Unreachable
from sdl.lab.clock import RemoteClock, WallClock
from sdl.lab.virtual.clock import EPOCH_S, VirtualClock, iso


@given(st.lists(st.floats(-1e4, 1e6), min_size=1, max_size=20))
def test_a_virtual_clock_never_goes_back_and_shows_what_it_waited_for(offsets: list[float]) -> None:
    clock = VirtualClock()
    shown = EPOCH_S
    for offset in offsets:
        clock.wait_until(EPOCH_S + offset)
        assert clock.now_s() == pytest.approx(max(shown, EPOCH_S + offset), abs=1e-6)
        shown = clock.now_s()
    assert clock.advance(-5.0) == shown


def test_a_free_running_clock_follows_real_time_by_its_factor() -> None:
    clock = VirtualClock(factor=3600.0)
    real_s, shown_s = time.monotonic(), clock.now_s()
    while clock.now_s() - shown_s < 1.0:
        pass
    assert time.monotonic() - real_s < 60.0


def test_times_are_written_as_the_robot_writes_them() -> None:
    assert iso(EPOCH_S + 1.5) == "2026-01-01T00:00:01.500000+00:00"


def test_a_wall_clock_does_not_wait_for_what_is_past() -> None:
    clock = WallClock()
    clock.wait_until(clock.now_s() - 100.0)
    assert clock.now_s() == pytest.approx(time.time(), abs=5.0)


def test_a_clock_that_does_not_answer_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match=str(port)):
        RemoteClock(f"http://127.0.0.1:{port}").now_s()
