"""What is known of one well: a Gaussian over its five numbers and the smooth rest, from a prior and its reads.

Levenberg-Marquardt to the most likely numbers, then Laplace's approximation; everything after is Gaussian
conditioning, a few hundred microseconds of linear algebra.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from models.kinetics import law
from models.kinetics.curve import Curve
from models.kinetics.law import Array

X1, PL, LN_YIELD, FINAL = range(4)
"""Kinds of observation: X1 and emission of growing dots, ln of the yield, emission after the quench."""

CLOCK_S = 10.0
"""Smoothness is counted in ln(t + 10 s): mixing and injection blur anything faster (chosen)."""
NUGGET_EV, NUGGET_LN = 5e-4, 0.01
"""Scatter below which no read is believed: 0.1 nm at 480 nm, 1 % of a yield (chosen: mixing and timing)."""
LEAST_YIELD_SD = 3.0
"""A yield below this many of its own sd is no logarithm (chosen)."""
ROUNDS = 2
"""The smooth rest is stretched by the law's slope, which is looked up again after the first fit."""
ITERATIONS, CLOSE = 25, 1e-3
"""Levenberg-Marquardt steps at most, and the gain in twice ln likelihood below which it has arrived (chosen)."""
DAMPING, HARDER = 1e-3, 8.0
"""Where the damping starts, and what a failed step multiplies it by (Marquardt 1963, 10.1137/0111030)."""
SLOPE_STEP = 1e-4
"""Step of the numerical slopes, in logarithms: far above rounding, far below any curvature."""
ROBUST_SD = 4.0
"""A read this far from the curve is weighed down as its distance (Huber): a bubble must not steer a quench."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How reads scatter about the law: factors on their stated sd; sd of the smooth rest and its length in ln time.

    ``smooth_ev`` is of sizes in eV, ``smooth_time`` of ln time as the law would have it, ``smooth_ln`` of ln yield.
    """

    x1: float = 0.5
    pl: float = 1.0
    amount: float = 1.0
    smooth_ev: float = 0.004
    smooth_time: float = 0.1
    smooth_ln: float = 0.05
    length: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quench:
    """What the quench does: growth goes on as if for ``lag_s``, then the emission is ``offset_ev`` off the law's.

    ``covariance`` ``(2, 2)`` is of offset and lag, ``sd_ev`` the scatter between wells, ``growing_ev`` the offset of
    the emission while dots still grow.
    """

    offset_ev: float = 0.0
    lag_s: float = 20.0
    covariance: Array = field(default_factory=lambda: np.diag([0.015**2, 20.0**2]))
    sd_ev: float = 0.006
    growing_ev: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """Everything read in one well, stacked: kind, time, value and variance, each ``(n,)``."""

    kind: NDArray[np.intp]
    time_s: Array
    value: Array
    variance: Array

    @classmethod
    def at(cls, kind: int, time_s: Array) -> Observations:
        """Return places to look at, without values."""
        nothing = np.full(time_s.size, np.nan)
        return cls(kind=np.full(time_s.size, kind), time_s=time_s, value=nothing, variance=nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Means and standard deviations along a curve, each ``(t,)``."""

    mean: Array
    sd: Array


def observed(curve: Curve, noise: Noise, quench: Quench, *, final: bool) -> Observations:
    """Stack the reads of a well; with ``final`` the emission after the quench counts as a read at quench plus lag.

    Where emission is seen X1 adds nothing: it is ten times as uncertain, and the Stokes law between them is not exact.
    """
    parts = []
    sizes = (
        (X1, "x1_ev", noise.x1, 0.0, curve.without("pl_ev")),
        (PL, "pl_ev", noise.pl, quench.growing_ev, curve),
    )
    for kind, name, factor, offset, seen in sizes:
        t, y, sd = seen.series(name)
        y = y - offset
        parts.append((np.full(t.size, kind), t, y, (factor * sd) ** 2 + NUGGET_EV**2))
    t, y, sd = curve.series("yield")
    sure = y > LEAST_YIELD_SD * sd
    rsd = sd[sure] / y[sure]
    parts.append((np.full(rsd.size, LN_YIELD), t[sure], np.log(y[sure]), (noise.amount * rsd) ** 2 + NUGGET_LN**2))
    if final and curve.final_ev is not None and curve.quench_s is not None:
        value = np.array([curve.final_ev.value - quench.offset_ev])
        variance = np.array([quench.sd_ev**2 + curve.final_ev.sd**2 + quench.covariance[0, 0]])
        parts.append((np.array([FINAL]), np.array([curve.quench_s + quench.lag_s]), value, variance))
    kinds, times, values, variances = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Observations(kind=kinds.astype(np.intp), time_s=times, value=values, variance=variances)


class Well:
    """The state of knowledge of one well."""

    def __init__(self, mean: Array, covariance: Array, noise: Noise, seen: Observations) -> None:
        self._noise, self._seen = noise, seen
        self._mean, self._precision = mean, np.linalg.inv(covariance)
        self.numbers = mean
        for _ in range(ROUNDS):
            variance = self._fit(seen.variance)
        off = np.abs(self._gap_left()) / np.sqrt(seen.variance)
        if (off > ROBUST_SD).any():
            self._fit(variance * np.maximum(1.0, off / ROBUST_SD) ** 2)

    def _fit(self, variance: Array) -> Array:
        """Find the most likely numbers and their covariance from the numbers so far, given each read's ``variance``."""
        seen = self._seen
        values, slopes = _law(self.numbers, seen.kind, seen.time_s)
        self._warp = slopes[:, law.RATE]
        self._smooth = _rest(self._noise, seen, self._warp, seen, self._warp)
        self._factor = np.linalg.cholesky(self._smooth + np.diag(variance))
        cost, damping = self._cost(self.numbers, values), DAMPING
        for _ in range(ITERATIONS):
            gap, lean = self._whiten(seen.value - values), self._whiten(slopes)
            curvature = lean.T @ lean + self._precision
            down = lean.T @ gap - self._precision @ (self.numbers - self._mean)
            step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), down)
            tried, tried_slopes = _law(self.numbers + step, seen.kind, seen.time_s)
            if (tried_cost := self._cost(self.numbers + step, tried)) > cost:
                damping *= HARDER
                continue
            arrived = cost - tried_cost < CLOSE
            self.numbers, values, slopes, cost = self.numbers + step, tried, tried_slopes, tried_cost
            damping /= HARDER
            if arrived:
                break
        self._lean, self._gap = self._whiten(slopes), self._whiten(seen.value - values)
        self.covariance = np.linalg.inv(self._lean.T @ self._lean + self._precision)
        return variance

    def _cost(self, numbers: Array, values: Array) -> float:
        """Return twice the negative log of how likely these numbers are, up to a constant."""
        gap, off = self._whiten(self._seen.value - values), numbers - self._mean
        return float(gap @ gap + off @ self._precision @ off)

    def along(self, kind: int, time_s: Array) -> Band:
        """Return X1, emission (both eV) or ln of the yield at ``time_s`` ``(t,)``, the smooth rest included."""
        there = Observations.at(kind, time_s)
        values, slopes = _law(self.numbers, there.kind, time_s)
        warp = slopes[:, law.RATE]
        cross = self._whiten(_rest(self._noise, self._seen, self._warp, there, warp))
        lean = slopes - cross.T @ self._lean
        own = self._noise.smooth_ln**2 * np.ones_like(warp)
        if kind != LN_YIELD:
            own = self._noise.smooth_ev**2 + (self._noise.smooth_time * warp) ** 2
        variance = own - (cross**2).sum(axis=0) + np.einsum("ti,ij,tj->t", lean, self.covariance, lean)
        return Band(mean=values + cross.T @ self._gap, sd=np.sqrt(np.maximum(variance, 0.0)))

    def pl_rate(self, time_s: Array) -> Array:
        """Return how fast the law's emission moves at ``time_s`` ``(t,)``, in eV/s: it depends on rate times time."""
        _, slopes = _law(self.numbers, np.full(time_s.size, PL), time_s)
        return np.asarray(slopes[:, law.RATE] / np.maximum(time_s, 1.0))

    def _gap_left(self) -> Array:
        """Return reads less the smoothed curve."""
        values, _ = _law(self.numbers, self._seen.kind, self._seen.time_s)
        return np.asarray(self._seen.value - values - self._whiten(self._smooth).T @ self._gap)

    def _whiten(self, rows: Array) -> Array:
        return np.asarray(solve_triangular(self._factor, rows, lower=True, check_finite=False))


def evidence(mean: Array, covariance: Array, noise: Noise, seen: Observations, numbers: Array) -> float:
    """Return ln of how likely the reads are under ``noise``, the law taken as straight around ``numbers``."""
    if not seen.value.size:
        return 0.0
    values, slopes = _law(numbers, seen.kind, seen.time_s)
    smooth = _rest(noise, seen, slopes[:, law.RATE], seen, slopes[:, law.RATE])
    factor = np.linalg.cholesky(smooth + np.diag(seen.variance) + slopes @ covariance @ slopes.T)
    gap = solve_triangular(factor, seen.value - values - slopes @ (mean - numbers), lower=True)
    return float(-0.5 * gap @ gap - np.log(np.diag(factor)).sum())


def _law(numbers: Array, kind: NDArray[np.intp], time_s: Array) -> tuple[Array, Array]:
    """Return the law's value at each observation ``(n,)`` and its slopes in the five numbers ``(n, 5)``."""
    moved = np.vstack([numbers, numbers + SLOPE_STEP * np.eye(law.SIZE)])
    edge = law.edge_nm(moved, time_s)
    size = law.x1_ev(edge) - np.where(kind == X1, 0.0, law.stokes_ev(edge))
    all_values = np.where(kind == LN_YIELD, law.ln_yield(moved, time_s), size)
    return all_values[0], ((all_values[1:] - all_values[0]) / SLOPE_STEP).T


def _rest(noise: Noise, one: Observations, warp: Array, other: Observations, warp2: Array) -> Array:
    """Return the covariance of the smooth rest between two sets ``(n, m)``: sizes share one, yields another.

    ``warp`` is how the law moves with ln time at each of them: a law that is early or late is wrong where it is fast.
    """
    far = (np.log(one.time_s + CLOCK_S)[:, None] - np.log(other.time_s + CLOCK_S)) / noise.length
    amount, amount2 = one.kind == LN_YIELD, other.kind == LN_YIELD
    sizes = noise.smooth_ev**2 + noise.smooth_time**2 * np.outer(warp, warp2)
    kept = (amount[:, None] & amount2) * noise.smooth_ln**2 + (~amount[:, None] & ~amount2) * sizes
    root = np.sqrt(5.0) * np.abs(far)
    return np.asarray(kept * (1 + root + root**2 / 3) * np.exp(-root))
