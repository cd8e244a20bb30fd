"""One quantity fitted to its readings: its latent functions, and the lab's noise told apart.

A reading is ``f(design) + run effect + well noise + the spectrum's own noise``.  The last is known, the rest is
learned.  Readings of several kinds (PL peak, X1, X1 of dots that still grow) can share one ``f``: each further kind
differs from the first by a function of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from gpytorch.kernels import MaternKernel, ScaleKernel
from numpy.typing import NDArray
from torch import Tensor

from models.evidence import LEFT_PRIOR, SCALE_PRIOR, Array, Constants, Readings, most_probable, start
from models.trend import Level, Trend

NO_RUN = -1
"""The run of a row that belongs to none, and of the mean outcome: it shares no effect with any row."""

YVAR_FLOOR = 1e-6
"""Smallest noise variance in standardised units: keeps the Cholesky factor well conditioned in double precision."""

PART = 256
"""Designs whose covariances are worked out at once: bounds the memory of the kernel's intermediate results (chosen)."""

FIT_ROWS = 320
"""Readings that the constants are fitted to at most, evenly picked; the posterior is conditioned on all of them.
A fit costs n^3: with 400 rows it took 1.5 s of an ask, and more rows move the constants less than their priors do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the latent functions may bend: the ``smoothness`` of their Matern kernels, and the inputs (by number) that
    count by their root."""

    smoothness: float = 2.5
    roots: tuple[int, ...] = ()

    def bent(self, X: Tensor) -> Tensor:
        """Return designs ``n x d`` as the kernels see them."""
        if not self.roots:
            return X
        bent, roots = X.clone(), list(self.roots)
        bent[:, roots] = X[:, roots].clamp_min(0.0).sqrt()
        return bent


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All readings of one quantity on the model's scale, as told: see `Readings` for the shapes.

    ``row`` ``(n,)`` is the experiment that each belongs to.
    """

    row: Tensor
    X: Tensor
    run: Tensor
    y: Tensor
    yvar: Tensor
    kind: Tensor
    foreseen: int = 1
    """Kinds that are asked for, read here or not: a history may know one that was never read here."""
    choices: tuple[bool, ...] = ()
    """Which of the ``d`` inputs say what was chosen (a solvent); none where empty."""
    zeros: tuple[int, ...] = ()
    """The inputs (by number) whose range begins at nothing."""
    form: Form = Form()

    @property
    def kinds(self) -> int:
        return max(self.foreseen, int(self.kind.max()) + 1 if len(self.kind) else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """What became of a history: the ``weight`` that the trend of its ``sources`` is given, the evidence in nats that it
    adds, which sources are left out, and what foresees our own rows better ``instead``."""

    weight: float
    gain: float
    sources: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    instead: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """One quantity, fitted: its latent functions as GPyTorch kernels, and the factor of its readings' covariance.

    ``trust`` ``(n,)`` divides each reading's well noise, ``tail`` is what the well noise of a new one is multiplied by
    (both 1 where noise is Gaussian).
    """

    told: Told
    shift: float
    spread: float
    trend: Trend
    latents: tuple[ScaleKernel, ...]
    shares: Tensor
    constants: Constants
    theta: Array
    evidence: float
    factor: Tensor
    weights: Tensor
    features: Tensor
    good: bool
    trust: Tensor
    tail: float
    history: Recollection | None = None

    @property
    def found(self) -> Array:
        """The most probable coefficients ``(p,)`` of the trend's features, in prior sds."""
        return np.asarray(
            (
                self.features.T @ torch.linalg.solve_triangular(self.factor.T, self.weights.unsqueeze(-1), upper=True)
            ).squeeze(-1)
        )


def scale(y: Tensor) -> tuple[float, float]:
    """Return the shift and spread that standardise values ``(n,)``; the spread of equal values is a small one."""
    shift, spread = float(y.mean()), float(y.std()) if len(y) > 1 else 0.0
    if spread <= 1e-9 * max(1.0, abs(shift)):
        spread = max(1e-3 * abs(shift), 1e-6)
    return shift, spread


def fit_quantity(
    told: Told,
    *,
    trend: Trend | None = None,
    begin: Array | None = None,
    units: tuple[float, float] | None = None,
    trust: Tensor | None = None,
    tail: float = 1.0,
) -> Fitted:
    """Fit one quantity to its readings, none with a ``trend``; without one, about a level of its own.

    ``units`` are the shift and spread that standardise it, by default those of the first kind's readings; for
    ``trust`` and ``tail`` see `Fitted`.
    """
    shift, spread = units or scale(told.y[told.kind == 0] if (told.kind == 0).any() else told.y)
    trend = trend or Level(mean=shift, spread=spread, kinds=told.kinds)
    readings, features = _readings(told, shift, spread, trend)
    if trust is not None:
        readings = dataclasses.replace(readings, trust=trust.numpy())
    picked = np.linspace(0, len(told.y) - 1, min(len(told.y), FIT_ROWS)).astype(int)
    try:
        theta, evidence = most_probable(readings.rows(picked), begin) if len(picked) else (start(readings), 0.0)
        good = True
    except FloatingPointError:
        theta, evidence, good = start(readings), -np.inf, False
    constants = Constants.of(theta, readings.moves)
    latents = tuple(
        _kernel(*own, told.form.smoothness) for own in zip(constants.lengths, constants.scales, strict=True)
    )
    factor = _factor(readings, constants, latents)
    weights = torch.linalg.solve_triangular(factor, torch.from_numpy(readings.z).unsqueeze(-1), upper=False)
    return Fitted(
        told=told,
        shift=shift,
        spread=spread,
        trend=trend,
        latents=latents,
        shares=torch.from_numpy(readings.shares),
        constants=constants,
        theta=theta,
        evidence=evidence,
        factor=factor,
        weights=weights.squeeze(-1),
        features=features,
        good=good,
        trust=torch.from_numpy(readings.trust),
        tail=tail,
    )


def _readings(told: Told, shift: float, spread: float, trend: Trend) -> tuple[Readings, Tensor]:
    """Standardise readings and take their trend away; return the trend's features ``n x p`` too."""
    parts = [standardised(trend, told.X, kind, shift, spread) for kind in range(told.kinds)]
    shares, moves = _structure(told)
    rows = torch.arange(len(told.y))
    mean = torch.stack([m for m, _ in parts])[told.kind, rows]
    features = torch.stack([f for _, f in parts])[told.kind, rows]
    readings = Readings(
        X=told.form.bent(told.X).numpy(),
        kind=told.kind.numpy(),
        run=told.run.numpy(),
        z=((told.y - shift) / spread - mean).numpy(),
        zvar=(told.yvar / spread**2).clamp_min(YVAR_FLOOR).numpy(),
        features=features.numpy(),
        shares=shares,
        moves=moves,
        trust=np.ones(len(told.y)),
        smoothness=told.form.smoothness,
        signal=LEFT_PRIOR if trend.leads else SCALE_PRIOR,
    )
    return readings, features


def _structure(told: Told) -> tuple[Array, Array]:
    """Return the `Readings.shares` and ``moves`` of the latent functions.

    The first is common to all kinds of reading, each further one belongs to one further kind.  Where something is
    chosen, another one is common to all kinds and all choices: what one solvent teaches holds in part for the others.
    """
    shares = np.eye(told.kinds)
    shares[0] = 1.0
    moves = np.ones((told.kinds, told.X.shape[1]))
    if any(told.choices) and not all(told.choices):
        shares = np.concatenate([shares, np.ones((1, told.kinds))])
        moves = np.concatenate([moves, 1.0 - np.array([told.choices], dtype=float)])
    return shares, moves


def _kernel(lengths: NDArray[np.float64], scale: float, smoothness: float) -> ScaleKernel:
    """Return a scaled Matern kernel with these constants."""
    kernel = ScaleKernel(MaternKernel(nu=smoothness, ard_num_dims=len(lengths))).double()
    kernel.base_kernel.lengthscale = torch.from_numpy(lengths)
    kernel.outputscale = torch.tensor(float(scale), dtype=torch.double)
    return kernel.requires_grad_(False).eval()


def _factor(readings: Readings, constants: Constants, latents: Sequence[ScaleKernel]) -> Tensor:
    """Return the Cholesky factor ``n x n`` of the readings' covariance."""
    X, features, run = (torch.from_numpy(a) for a in (readings.X, readings.features, readings.run))
    K = features @ features.T
    for part in parts(len(X)):
        K[part] += constants.run * ((run[part, None] == run) & (run[part, None] >= 0))
        for own, kernel in zip(readings.shares, latents, strict=True):
            share = torch.from_numpy(own[readings.kind])
            K[part] += share[part, None] * share * kernel(X[part], X).to_dense()
    K.diagonal().add_(torch.from_numpy(readings.noise(constants)))
    return torch.linalg.cholesky(K)


def parts(n: int) -> list[slice]:
    """Cut ``n`` rows into slices of at most `PART`."""
    return [slice(i, i + PART) for i in range(0, n, PART)]


def standardised(trend: Trend, X: Tensor, kind: int, shift: float, spread: float) -> tuple[Tensor, Tensor]:
    """Return a trend's mean ``(N,)`` and features ``N x p`` in standardised units."""
    mean, features = trend(X.numpy(), kind)
    return torch.from_numpy((mean - shift) / spread), torch.from_numpy(features / spread)
