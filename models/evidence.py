"""How probable a set of constants is: the evidence of a Gaussian process in closed form, with its gradient.

The same quantity that ``gpytorch`` differentiates step by step (a test compares the two), written out because it is
asked for some hundred times per suggestion: 11 times faster with 100 readings, 4 times with 400 (``benchmarks``).
All constants are logarithms, with a normal prior each; the search is L-BFGS-B within bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_solve, cholesky, lapack
from scipy.optimize import minimize

Array = NDArray[np.float64]

LENGTH, LENGTH_SD = math.exp(math.sqrt(2.0) - 3.0), 1.0
"""Most probable length scale over sqrt(d) (Hvarfner et al. 2024, arXiv:2402.02229), and the sd of its logarithm: of the
level that a latent function's length scales have in common, and of each input that says what was chosen."""

ALIKE_SD, ALIKE_FREEDOM = 0.7, 4.0
"""Scale and degrees of freedom of the Student's t by which the length scales of the other inputs are off their level:
most inputs matter about alike, and one may well not matter at all.

Against an sd of 1.7 for each input by itself, over 20 seeds of ``benchmarks.peers``: Hartmann's function 0.24 short of
its least value after 40 experiments instead of 0.46; other counts moved by no more than chance moves them; 289 real
syntheses are foreseen 2 % worse (``benchmarks.loo``)."""

NOISE_PRIOR = (-4.5, 1.5)
"""Mean and sd of the logarithm of the well-to-well and of the run-to-run variance, in standardised units: sds of a
tenth of the outcome's spread, within a factor of 4; 1-3 nm of PL over a spread of 20 nm."""

SCALE_PRIOR = (0.0, 1.0)
"""The same of a signal: about the outcome's own variance."""

LEFT_PRIOR = (-2.5, 1.0)
"""The same of what a law or a history leaves to learn: a third of the outcome's spread.

With `SCALE_PRIOR` the law took 5 instead of 3.5 experiments to the first hit, a wrong-signed one 16.5 instead of 13.5
(``benchmarks.priors``, 20 seeds, before length scales were expected alike)."""

OFFSET_PRIOR = (-3.5, 1.0)
"""The same of what tells two kinds of reading apart (a Stokes shift): a sixth of the outcome's spread (chosen)."""

LENGTH_BOUNDS = (math.log(0.025), math.log(1e3))
VARIANCE_BOUNDS = (math.log(1e-6), math.log(1e3))

UNMOVED = 1e6
"""Length scale of an input that a latent function does not change with: the unit cube is a point on it."""

BEGIN = math.exp(math.sqrt(2.0) - 1.5)
"""Length scale over sqrt(d) from which a search begins: longer than what is probable, so that it ends in smooth optima
(chosen)."""

STEPS = 60
"""L-BFGS iterations at most: bounds the time of one fit."""

TOLERANCE = 1e-6
"""Relative gain of the objective below which the search stops: a thousandth of what changes a suggestion (chosen)."""

_FAILED = 1e10
"""Objective where the covariance cannot be factorised: far above any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """``n`` standardised readings of one quantity, of one or several kinds.

    ``X`` ``n x d`` designs, ``kind`` ``(n,)`` which kind each is, ``run`` ``(n,)`` (negative: none), ``z`` ``(n,)``
    values less their trend, ``zvar`` ``(n,)`` known variances, ``features`` ``n x p`` those of the trend.
    ``shares`` ``L x C`` is 1 where the latent function ``l`` contributes to readings of kind ``c``, ``moves``
    ``L x d`` is 1 where it changes with an input, ``smoothness`` is that of its Matern kernel (1.5 or 2.5).  ``trust``
    ``(n,)`` divides the well noise: below 1 for a reading that the others contradict.
    """

    X: Array
    kind: NDArray[np.int64]
    run: NDArray[np.int64]
    z: Array
    zvar: Array
    features: Array
    shares: Array
    moves: Array
    trust: Array
    smoothness: float = 2.5
    signal: tuple[float, float] = SCALE_PRIOR

    def rows(self, which: NDArray[np.int64]) -> Readings:
        """Return the readings ``which``."""
        return Readings(
            X=self.X[which],
            kind=self.kind[which],
            run=self.run[which],
            z=self.z[which],
            zvar=self.zvar[which],
            features=self.features[which],
            shares=self.shares,
            moves=self.moves,
            trust=self.trust[which],
            smoothness=self.smoothness,
            signal=self.signal,
        )

    def noise(self, constants: Constants) -> Array:
        """Return the variance ``(n,)`` that each reading has of its own."""
        return np.asarray(self.zvar + constants.noise[self.kind] / self.trust)

    def share(self, latent: int) -> Array:
        """Return ``n x n``, 1 where latent function ``latent`` links two readings."""
        weight = self.shares[latent, self.kind]
        return np.asarray(np.outer(weight, weight))

    @property
    def same_run(self) -> Array:
        """Return ``n x n``, 1 where two readings are of one run."""
        return ((self.run[:, None] == self.run[None, :]) & (self.run[:, None] >= 0)).astype(float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Length scales ``L x d`` and variances ``(L,)`` of the latent functions, the run's, and each kind's noise."""

    lengths: Array
    scales: Array
    run: float
    noise: Array

    @classmethod
    def of(cls, theta: Array, moves: Array) -> Constants:
        """Read the vector of logarithms that the search moves; see `Readings` for ``moves``."""
        values, (latents, d) = np.exp(theta), moves.shape
        heads = values[: latents * (d + 1)].reshape(latents, d + 1)
        tail = values[latents * (d + 1) :]
        lengths = np.where(moves > 0, heads[:, :d], UNMOVED)
        return cls(lengths=lengths, scales=heads[:, d], run=float(tail[0]), noise=tail[1:])


@dataclass(slots=True)
class Evidence:
    """The logarithm of the evidence of ``readings`` plus that of the priors, negative, per reading."""

    readings: Readings
    _squares: Array = field(init=False, repr=False)
    _known: Array = field(init=False, repr=False)
    _links: list[Array] = field(init=False, repr=False)
    _runs: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        r = self.readings
        n, d = r.X.shape
        self._squares = np.square(r.X[:, None, :] - r.X[None, :, :]).reshape(n * n, d)
        self._known = r.features @ r.features.T
        self._links = [r.share(latent) for latent in range(len(r.shares))]
        self._runs = r.same_run

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Return the objective and its gradient at the logarithms ``theta``."""
        r, n = self.readings, len(self.readings.X)
        c = Constants.of(theta, r.moves)
        K = self._known + c.run * self._runs
        parts = []
        for lengths, scale, link in zip(c.lengths, c.scales, self._links, strict=True):
            root = np.sqrt(2.0 * r.smoothness * (self._squares @ lengths**-2.0)).reshape(n, n)
            decay = scale * link * np.exp(-root)
            if r.smoothness == 2.5:
                parts.append((5.0 / 3.0 * decay * (1.0 + root), decay * (1.0 + root + root**2 / 3.0)))
            else:
                parts.append((3.0 * decay, decay * (1.0 + root)))
            K = K + parts[-1][1]
        K[np.diag_indices(n)] += r.noise(c)
        try:
            L = cholesky(K, lower=True, check_finite=False, overwrite_a=True)
        except LinAlgError:
            return _FAILED, np.zeros_like(theta)
        alpha = cho_solve((L, True), r.z, check_finite=False)
        inverse, _ = lapack.dpotri(L, lower=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        W = np.outer(alpha, alpha) - inverse
        slopes: list[float] = []
        for (slope, full), lengths in zip(parts, c.lengths, strict=True):
            slopes += (0.5 * ((W * slope).reshape(n * n) @ self._squares) * lengths**-2.0).tolist()
            slopes.append(0.5 * float(np.sum(W * full)))
        slopes.append(0.5 * c.run * float(np.sum(W * self._runs)))
        own = 0.5 * np.diagonal(W) / r.trust
        slopes += [float(noise * own[r.kind == k].sum()) for k, noise in enumerate(c.noise)]
        value = -0.5 * float(r.z @ alpha) - float(np.log(np.diagonal(L)).sum()) - 0.5 * n * math.log(2.0 * math.pi)
        height, steep = believed(r, theta)
        return -(value + height) / n, -(np.array(slopes) + steep) / n


def priors(readings: Readings) -> tuple[Array, Array]:
    """Return the mean and sd of the logarithm of every constant by itself; `believed` ties length scales together."""
    kinds, d = readings.shares.shape[1], readings.X.shape[1]
    length = math.log(LENGTH) + 0.5 * math.log(d)
    signal = [readings.signal if own.all() else OFFSET_PRIOR for own in readings.shares]
    rows = [row for own in signal for row in (*[(length, LENGTH_SD)] * d, own)]
    rows += [NOISE_PRIOR] * (1 + kinds)
    centre, sd = np.array(rows).T
    return centre, sd


def believed(readings: Readings, theta: Array) -> tuple[float, Array]:
    """Return the logarithm of the priors' density at the logarithms ``theta``, less a constant, and its gradient."""
    centre, sd = priors(readings)
    away = theta - centre
    height, slope = -0.5 * np.square(away / sd), -away / np.square(sd)
    latents, d = readings.moves.shape
    alike = np.arange(latents)[:, None] * (d + 1) + np.flatnonzero(readings.moves.all(0))
    level = away[alike].mean(1, keepdims=True)
    off = (away[alike] - level) / ALIKE_SD
    pull = (ALIKE_FREEDOM + 1.0) * off / (ALIKE_FREEDOM + off**2) / ALIKE_SD
    common = level / LENGTH_SD**2 / alike.shape[1]
    height[alike] = -0.5 * ((ALIKE_FREEDOM + 1.0) * np.log1p(off**2 / ALIKE_FREEDOM) + level * common)
    slope[alike] = pull.mean(1, keepdims=True) - pull - common
    return float(height.sum()), slope


def start(readings: Readings) -> Array:
    """Return the constants to begin a search from: the priors' own, with longer length scales."""
    theta = priors(readings)[0]
    latents, d = len(readings.shares), readings.X.shape[1]
    theta[: latents * (d + 1)].reshape(latents, d + 1)[:, :d] = math.log(BEGIN) + 0.5 * math.log(d)
    return theta


def most_probable(readings: Readings, begin: Array | None = None) -> tuple[Array, float]:
    """Return the most probable logarithms and the log evidence there, the priors included.

    ``begin`` are those of an earlier fit of the same structure.  Raise
    `FloatingPointError` when no finite optimum is found.
    """
    objective = Evidence(readings)
    first = start(readings) if begin is None or begin.shape != start(readings).shape else begin
    latents, d = len(readings.shares), readings.X.shape[1]
    bounds = ([LENGTH_BOUNDS] * d + [VARIANCE_BOUNDS]) * latents
    bounds += [VARIANCE_BOUNDS] * (len(first) - len(bounds))
    with np.errstate(all="ignore"):
        found = minimize(
            objective, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS, "ftol": TOLERANCE}
        )
    if not (np.isfinite(found.x).all() and np.isfinite(found.fun) and found.fun < _FAILED):
        raise FloatingPointError("the evidence has no finite optimum")
    return np.asarray(found.x), -float(found.fun) * len(readings.z)
