"""What the experiments say about every design: Gaussian processes of the outcomes, with the lab's noise told apart.

A reading is ``f(design) + run effect + well noise + the spectrum's own noise``.  The last is known, the rest is
learned, so that the posterior without run effect and noise is the design's mean outcome.  Readings of several kinds
(PL peak, X1, X1 of dots that still grow) can share one ``f``: each further kind differs from the first by a function
of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from gpytorch.kernels import MaternKernel, ScaleKernel
from numpy.typing import NDArray
from torch import Tensor

from models.evidence import Array, Constants, Readings, most_probable, start
from models.trend import Level, Trend

NO_RUN = -1
"""The run of a row that belongs to none, and of the mean outcome: it shares no effect with any row."""

YVAR_FLOOR = 1e-6
"""Smallest noise variance in standardised units: keeps the Cholesky factor well conditioned in double precision."""

FIT_ROWS = 320
"""Readings that the constants are fitted to at most, evenly picked; the posterior is conditioned on all of them.
A fit costs n^3: with 400 rows it took 1.5 s of an ask, and more rows move the constants less than their priors do."""


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

    @property
    def kinds(self) -> int:
        return max(self.foreseen, int(self.kind.max()) + 1 if len(self.kind) else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """What became of a history: the ``weight`` its trend is given, and the evidence in nats that it adds."""

    weight: float
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """One quantity, fitted: its latent functions as GPyTorch kernels, and the factor of its readings' covariance."""

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
    history: Recollection | None = None

    @property
    def found(self) -> Array:
        """The most probable coefficients ``(p,)`` of the trend's features, in prior sds."""
        return np.asarray(
            (
                self.features.T @ torch.linalg.solve_triangular(self.factor.T, self.weights.unsqueeze(-1), upper=True)
            ).squeeze(-1)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Designs ``X`` ``N x d`` as one outcome sees them: trend, features, and ``L^-1 k(train, X)`` (``n x N``)."""

    X: Tensor
    trend: Tensor
    features: Tensor
    V: Tensor

    def rows(self, which: Tensor | slice) -> View:
        return View(X=self.X[which], trend=self.trend[which], features=self.features[which], V=self.V[:, which])

    def and_(self, other: View) -> View:
        """Return both, one after the other."""
        return View(
            X=torch.cat([self.X, other.X]),
            trend=torch.cat([self.trend, other.trend]),
            features=torch.cat([self.features, other.features]),
            V=torch.cat([self.V, other.V], dim=1),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The posterior of one kind of reading of a fitted quantity, on the model's scale."""

    fitted: Fitted
    kind: int = 0
    read_var: float = field(default=0.0)

    def view(self, X: Tensor) -> View:
        """Look at designs ``N x d``: all posterior moments follow from this."""
        f = self.fitted
        trend, features = _standard(f.trend, X, self.kind, f.shift, f.spread)
        cross = f.features @ features.T
        for kernel, share in zip(f.latents, f.shares, strict=True):
            if share[self.kind]:
                cross = cross + share[f.told.kind].unsqueeze(-1) * kernel(f.told.X, X).to_dense()
        V = torch.linalg.solve_triangular(f.factor, cross, upper=False)
        return View(X=X, trend=trend, features=features, V=V)

    def mean(self, view: View) -> Tensor:
        """Return the posterior mean ``(N,)``."""
        return self.fitted.shift + self.fitted.spread * (view.trend + view.V.T @ self.fitted.weights)

    def covariance(self, a: View, b: View) -> Tensor:
        """Return the posterior covariance ``A x B`` of the mean outcomes of two sets of designs."""
        prior = a.features @ b.features.T
        for kernel, share in zip(self.fitted.latents, self.fitted.shares, strict=True):
            if share[self.kind]:
                prior = prior + kernel(a.X, b.X).to_dense()
        return self.fitted.spread**2 * (prior - a.V.T @ b.V)

    def variance(self, view: View) -> Tensor:
        """Return the posterior variance ``(N,)`` of the mean outcome of each design."""
        c = self.fitted.constants
        prior = view.features.square().sum(-1) + float(self.fitted.shares[:, self.kind].numpy() @ c.scales)
        return self.fitted.spread**2 * (prior - view.V.square().sum(0)).clamp_min(1e-10)

    @property
    def run_var(self) -> float:
        return self.fitted.spread**2 * self.fitted.constants.run

    @property
    def well_var(self) -> float:
        return float(self.fitted.spread**2 * self.fitted.constants.noise[self.kind])

    @property
    def noise_var(self) -> float:
        """What one new measurement in a new run adds to the variance of the mean outcome."""
        return self.run_var + self.well_var + self.read_var


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrogate:
    """All outcomes; those of one fitted quantity share its latent function, different quantities are independent."""

    outcomes: tuple[Outcome, ...]

    def moments(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance, both ``N x m``, of the mean outcomes of designs ``N x d``."""
        with torch.no_grad():
            views = [o.view(X) for o in self.outcomes]
            mean = torch.stack([o.mean(v) for o, v in zip(self.outcomes, views, strict=True)], dim=-1)
            variance = torch.stack([o.variance(v) for o, v in zip(self.outcomes, views, strict=True)], dim=-1)
        return mean, variance

    @property
    def noise_var(self) -> Tensor:
        """The variance ``(m,)`` that one new measurement in a new run adds."""
        return torch.tensor([o.noise_var for o in self.outcomes], dtype=torch.double)

    @property
    def good(self) -> bool:
        """Whether every search for constants ended well; if not, default constants stand in."""
        return all(o.fitted.good for o in self.outcomes)

    @property
    def thetas(self) -> tuple[Array, ...]:
        """The logarithms of the constants of each outcome, to start the next fit from."""
        return tuple(o.fitted.theta for o in self.outcomes)


def fit(X: Tensor, runs: Tensor, Y: Tensor, Yvar: Tensor, *, warm: Sequence[Array] | None = None) -> Surrogate:
    """Fit every outcome on its own to the rows that have it, by maximum a posteriori.

    ``X`` ``n x d``, ``runs`` ``(n,)`` (`NO_RUN` where unknown), ``Y`` and ``Yvar`` ``n x m`` with NaN where missing;
    ``warm`` are the `Surrogate.thetas` of an earlier fit of the same outcomes.
    """
    begin = list(warm) if warm is not None and len(warm) == Y.shape[-1] else [None] * Y.shape[-1]
    outcomes = []
    for j, theta in enumerate(begin):
        known = Y[:, j].isfinite()
        kind = torch.zeros(int(known.sum()), dtype=torch.long)
        row = known.nonzero().squeeze(-1)
        told = Told(row=row, X=X[known], run=runs[known], y=Y[known, j], yvar=Yvar[known, j], kind=kind)
        outcomes.append(outcome(fit_quantity(told, begin=theta), 0))
    return Surrogate(outcomes=tuple(outcomes))


def outcome(fitted: Fitted, kind: int) -> Outcome:
    """Return the outcome that readings of ``kind`` measure."""
    own = fitted.told.yvar[fitted.told.kind == kind]
    return Outcome(fitted=fitted, kind=kind, read_var=float(own.median()) if len(own) else 0.0)


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
) -> Fitted:
    """Fit one quantity to its readings, none with a ``trend``; without one, about a level of its own.

    ``units`` are the shift and spread that standardise it, by default those of the first kind's readings.
    """
    shift, spread = units or scale(told.y[told.kind == 0] if (told.kind == 0).any() else told.y)
    trend = trend or Level(mean=shift, spread=spread, kinds=told.kinds)
    readings, features = _readings(told, shift, spread, trend)
    picked = np.linspace(0, len(told.y) - 1, min(len(told.y), FIT_ROWS)).astype(int)
    try:
        theta, evidence = most_probable(readings.rows(picked), begin) if len(picked) else (start(readings), 0.0)
        good = True
    except FloatingPointError:
        theta, evidence, good = start(readings), -np.inf, False
    constants = Constants.of(theta, len(readings.shares), readings.X.shape[1])
    latents = tuple(_kernel(*own) for own in zip(constants.lengths, constants.scales, strict=True))
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
    )


def _readings(told: Told, shift: float, spread: float, trend: Trend) -> tuple[Readings, Tensor]:
    """Standardise readings and take their trend away; return the trend's features ``n x p`` too."""
    parts = [_standard(trend, told.X, kind, shift, spread) for kind in range(told.kinds)]
    rows = torch.arange(len(told.y))
    mean = torch.stack([m for m, _ in parts])[told.kind, rows]
    features = torch.stack([f for _, f in parts])[told.kind, rows]
    readings = Readings(
        X=told.X.numpy(),
        kind=told.kind.numpy(),
        run=told.run.numpy(),
        z=((told.y - shift) / spread - mean).numpy(),
        zvar=(told.yvar / spread**2).clamp_min(YVAR_FLOOR).numpy(),
        known=(features @ features.T).numpy(),
        shares=_shares(told.kinds),
    )
    return readings, features


def _shares(kinds: int) -> Array:
    """The first latent function is common to all kinds, each further one belongs to one further kind."""
    shares = np.eye(kinds)
    shares[0] = 1.0
    return shares


def _kernel(lengths: NDArray[np.float64], scale: float) -> ScaleKernel:
    """Return a scaled Matern-5/2 kernel with these constants."""
    kernel = ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=len(lengths))).double()
    kernel.base_kernel.lengthscale = torch.from_numpy(lengths)
    kernel.outputscale = torch.tensor(float(scale), dtype=torch.double)
    return kernel.requires_grad_(False).eval()


def _factor(readings: Readings, constants: Constants, latents: Sequence[ScaleKernel]) -> Tensor:
    """Return the Cholesky factor ``n x n`` of the readings' covariance."""
    X = torch.from_numpy(readings.X)
    K = torch.from_numpy(readings.known + constants.run * readings.same_run)
    for number, kernel in enumerate(latents):
        K = K + torch.from_numpy(readings.share(number)) * kernel(X).to_dense()
    return torch.linalg.cholesky(K + torch.diag(torch.from_numpy(readings.zvar + constants.noise[readings.kind])))


def _standard(trend: Trend, X: Tensor, kind: int, shift: float, spread: float) -> tuple[Tensor, Tensor]:
    """Return a trend's mean ``(N,)`` and features ``N x p`` in standardised units."""
    mean, features = trend(X.numpy(), kind)
    return torch.from_numpy((mean - shift) / spread), torch.from_numpy(features / spread)
