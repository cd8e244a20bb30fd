"""The reliability curve tells honest intervals from those that are too narrow or too wide."""

from __future__ import annotations

import numpy as np

from sdl.report.reliability import Case, reliability


def stated(n: int, *, sd_told: float) -> list[Case]:
    """Return predictions of standard normal outcomes by a model that believes in the sd ``sd_told``."""
    measured = np.random.default_rng(4).standard_normal(n)
    return [(0.0, -1.96 * sd_told, 1.96 * sd_told, float(v)) for v in measured]


def held(cases: list[Case], at: float) -> float:
    """Return the share that held of intervals stated with the probability ``at``, as drawn."""
    fig = reliability({"pl_peak_nm": cases})
    assert fig is not None
    (curve,) = [trace for trace in fig.data if trace.name]
    return float(max(y for x, y in zip(curve.x, curve.y, strict=True) if x <= at))


def test_honest_intervals_lie_on_the_line() -> None:
    for p in (0.2, 0.5, 0.8, 0.95):
        assert abs(held(stated(400, sd_told=1.0), p) - p) < 0.06


def test_too_sure_lies_below_too_timid_above() -> None:
    assert held(stated(400, sd_told=0.5), 0.8) < 0.6
    assert held(stated(400, sd_told=2.0), 0.5) > 0.7


def test_each_side_of_a_lopsided_interval_counts_by_itself() -> None:
    assert held([(0.0, -0.5, 4.0, 2.0)] * 6, 0.7) == 1.0  # a half of the upper side: 67 %
    assert held([(0.0, -0.5, 4.0, -0.5)] * 6, 0.94) == 0.0  # the end of the lower one: 95 %


def test_too_few_predictions_draw_nothing() -> None:
    assert reliability({"pl_peak_nm": stated(4, sd_told=1.0)}) is None
    assert reliability({}) is None
