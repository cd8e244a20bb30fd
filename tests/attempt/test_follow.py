"""When a timed step is due, and what counts as late."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdl.attempt.follow import due, late_wells
from sdl.store import Handshake

STEPS = [
    {"action": "inject", "at_s": "100", "well": "vials/A1", "stock": "stocks/A2"},
    {"action": "inject", "at_s": "400", "well": "vials/A2", "stock": "stocks/A2"},
    {"action": "quench", "at_s": "700", "well": "vials/A1", "stock": "stocks/A4"},
    {"action": "mix", "at_s": "", "well": "vials/A1", "stock": "vials/A1"},
    {"action": "read", "at_s": "990", "well": "cell", "stock": "vials/A1"},
]
INJECT_1, INJECT_2 = "AT 100 inject vials/A1", "AT 400 inject vials/A2"
QUENCH, READ = "AT 700 quench vials/A1", "AT 990 read vials/A1"


def shaken(message: str, released_s: float) -> Handshake:
    return Handshake(attempt="a", command_id=message, message=message, written_at="", released_s=released_s, sent=True)


def test_the_first_timed_step_is_due_at_once() -> None:
    assert due(STEPS, {}, INJECT_1) is None


def test_a_later_injection_keeps_its_distance_from_the_first() -> None:
    assert due(STEPS, {INJECT_1: 5000.0}, INJECT_2) == 5300.0


@given(st.floats(0, 1e9), st.floats(0, 500))
def test_a_well_that_was_injected_late_is_quenched_as_much_later(first_s: float, late_s: float) -> None:
    """Growth time counts from the well's own injection, whatever happened to the others."""
    released = {INJECT_1: first_s, INJECT_2: first_s + 300 + late_s}
    assert due(STEPS, released, QUENCH) == pytest.approx(first_s + 600.0)
    steps = [*STEPS, {"action": "quench", "at_s": "900", "well": "vials/A2", "stock": "stocks/A4"}]
    assert due(steps, released, "AT 900 quench vials/A2") == pytest.approx(released[INJECT_2] + 500.0)


def test_the_outcome_read_counts_from_the_quench_however_late_that_was() -> None:
    """300 s after the quench is what makes it an outcome; a controller that was away must not spoil that."""
    assert due(STEPS, {INJECT_1: 1000.0}, READ) == 1890.0
    assert due(STEPS, {INJECT_1: 1000.0, QUENCH: 2200.0}, READ) == 2490.0
    growing = [*STEPS, {"action": "read", "at_s": "500", "well": "cell", "stock": "vials/A1"}]
    assert due(growing, {INJECT_1: 1000.0, QUENCH: 2200.0}, "AT 500 read vials/A1") == 1400.0


def test_only_a_step_released_outside_its_window_flags_a_well() -> None:
    on_time = [shaken(INJECT_1, 1000.0), shaken(QUENCH, 1600.0), shaken(READ, 1905.0)]
    assert late_wells(STEPS, on_time) == set()
    for quench_s, read_s in ((1600.0, 1940.0), (1640.0, 1930.0), (1550.0, 1840.0)):
        moved = [shaken(INJECT_1, 1000.0), shaken(QUENCH, quench_s), shaken(READ, read_s)]
        assert late_wells(STEPS, moved) == {"vials/A1"}


def test_a_late_injection_alone_is_not_late_for_chemistry() -> None:
    assert late_wells(STEPS, [shaken(INJECT_1, 1000.0), shaken(INJECT_2, 2000.0)]) == set()
