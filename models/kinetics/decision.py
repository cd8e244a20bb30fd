"""When to quench: the moment in the allowed window that brings the final emission closest to what is wanted."""

from __future__ import annotations

import numpy as np

from models.kinetics.forecast import Forecast
from sdl.attempt.growing import Decision

LEAST_LOOKS = 2
"""Reads of the growing dots before the plan's time may be left: one alone cannot tell its own mistake (chosen)."""
WIDE_NM = 5.0
"""A forecast with a larger sd is wide: twice the run-to-run scatter near 465 nm without looking (bench)."""
GAIN = 0.9
"""The expected squared error must fall below this part of the plan's, or the plan's time stands (chosen)."""
GRID = 81
"""Moments that are compared, in two passes: 0.2 % of the time in a window of an hour."""


def decide(forecast: Forecast, wanted_nm: float, *, window_s: tuple[float, float], planned_s: float) -> Decision:
    """Choose the moment in ``window_s`` (s after injection) with the least expected squared error of the emission.

    The plan's time ``planned_s`` stands with too few reads, a wide forecast, nothing to gain, or a target out of reach.
    """
    best_s, mean_nm, sd_nm, risk = best_moment(forecast, wanted_nm, window_s)
    plan = forecast.final(np.array([planned_s]))
    plan_nm, plan_sd_nm = float(plan.mean[0]), float(plan.sd[0])
    looks = sum("x1_ev" in look.values or "pl_ev" in look.values for look in forecast.curve.looks)
    stands = ""
    if looks < LEAST_LOOKS:
        stands = f"{looks} reads of X1 or emission, {LEAST_LOOKS} are needed"
    elif sd_nm > WIDE_NM:
        stands = f"the forecast is wide, +-{sd_nm:.1f} nm"
    elif mean_nm + 2 * sd_nm < wanted_nm:
        stands = f"{wanted_nm:.1f} nm is out of reach in the window, {mean_nm:.1f} nm at its end"
    elif risk > GAIN * ((plan_nm - wanted_nm) ** 2 + plan_sd_nm**2):
        stands = "the plan's time is as good"
    if stands:
        return Decision(
            quench_s=planned_s,
            moved=False,
            expected_nm=plan_nm,
            sd_nm=plan_sd_nm,
            planned_nm=plan_nm,
            why=f"plan stands: {stands}",
        )
    return Decision(
        quench_s=best_s,
        moved=True,
        expected_nm=mean_nm,
        sd_nm=sd_nm,
        planned_nm=plan_nm,
        why=f"{mean_nm:.1f} +- {sd_nm:.1f} nm at {best_s:.0f} s, {plan_nm:.1f} nm by the plan's {planned_s:.0f} s",
    )


def best_moment(
    forecast: Forecast, wanted_nm: float, window_s: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Return the best moment in ``window_s``, mean and sd in nm there, and the expected squared error in nm2."""
    low_s, high_s = window_s
    for _ in range(2):
        moments = np.geomspace(max(low_s, 1.0), max(high_s, low_s, 1.0), GRID)
        band = forecast.final(moments)
        risk = (band.mean - wanted_nm) ** 2 + band.sd**2
        i = int(np.argmin(risk))
        low_s, high_s = float(moments[max(i - 1, 0)]), float(moments[min(i + 1, GRID - 1)])
    return float(moments[i]), float(band.mean[i]), float(band.sd[i]), float(risk[i])
