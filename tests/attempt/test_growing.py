"""A quench that is steered stays inside its verified window, and only outside of it is a well late."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdl.attempt.follow import late_wells, window
from sdl.attempt.growing import Waiting
from sdl.store import Handshake

STEPS = [
    {"action": "inject", "at_s": "100", "earliest_s": "100", "latest_s": "120", "well": "vials/A1", "stock": "s"},
    {"action": "quench", "at_s": "700", "earliest_s": "400", "latest_s": "1900", "well": "vials/A1", "stock": "q"},
    {"action": "read", "at_s": "990", "earliest_s": "690", "latest_s": "2210", "well": "cell", "stock": "vials/A1"},
]
INJECT, QUENCH, READ = "AT 100 inject vials/A1", "AT 700 quench vials/A1", "AT 990 read vials/A1"


@given(st.floats(-1e4, 1e4), st.floats(0, 2000), st.floats(0, 2000))
def test_a_release_never_leaves_the_window(growth_s: float, early_s: float, late_s: float) -> None:
    waiting = Waiting(
        command_id="c",
        well="vials/A1",
        planned_s=600.0,
        due_s=5000.0,
        earliest_s=5000.0 - early_s,
        latest_s=5000.0 + late_s,
    )
    assert 5000.0 - early_s <= waiting.release_s(growth_s) <= 5000.0 + late_s
    if waiting.growth_s(waiting.earliest_s) <= growth_s <= waiting.growth_s(waiting.latest_s):
        assert waiting.growth_s(waiting.release_s(growth_s)) == pytest.approx(growth_s)


def test_the_window_of_a_step_is_that_of_the_list() -> None:
    assert window(STEPS, QUENCH) == (-300.0, 1200.0)
    assert window(STEPS, INJECT) == (0.0, 20.0)


@pytest.mark.parametrize(
    ("quench_s", "late"),
    [(1301.0, False), (2799.0, False), (2801.0, True), (1299.0, True)],
    ids=["earliest", "latest", "after the window", "before the window"],
)
def test_a_steered_quench_is_late_only_outside_its_window(quench_s: float, late: bool) -> None:
    released = {INJECT: 1000.0, QUENCH: quench_s, READ: quench_s + 295.0}
    shaken = [
        Handshake(attempt="a", command_id=m, message=m, written_at="", released_s=t, sent=True)
        for m, t in released.items()
    ]
    assert late_wells(STEPS, shaken) == ({"vials/A1"} if late else set())
