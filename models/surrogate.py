"""What the experiments say about every design: one Gaussian process per outcome, with the lab's noise told apart.

A measured outcome is ``f(design) + run effect + well noise + the spectrum's own noise``.  The last is known, the
rest is learned, so that the posterior without run effect and noise is the design's mean outcome.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gpytorch
import torch
from botorch.models.gpytorch import GPyTorchModel
from botorch.optim.fit import fit_gpytorch_mll_scipy
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import Kernel, MaternKernel, ScaleKernel
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood
from gpytorch.priors import LogNormalPrior
from linear_operator.utils.errors import NanError, NotPSDError
from torch import Tensor

NO_RUN = -1
"""The run of a row that belongs to none, and of the mean outcome: it shares no effect with any row."""

YVAR_FLOOR = 1e-6
"""Smallest noise variance in standardised units: keeps the Cholesky factor well conditioned in double precision."""

_LENGTH_SHIFT, _LENGTH_SD = math.sqrt(2.0), math.sqrt(3.0)
"""Dimension-scaled length-scale prior LogNormal(sqrt 2 + log(d)/2, sqrt 3): Hvarfner et al. 2024, arXiv:2402.02229."""

_NOISE_PRIOR = (-4.5, 1.5)
"""Mean and sd of the logarithm of the well-to-well and of the run-to-run variance, in standardised units: sds of a
tenth of the outcome's spread, within a factor of 4; 1-3 nm of PL over a spread of 20 nm."""

_SCALE_PRIOR = (0.0, 1.0)
"""The same of the signal: about the outcome's own variance."""

_FIT_STEPS = 100
"""L-BFGS iterations at most: bounds the time of one fit."""


class RunKernel(Kernel):
    """Covariance 1 between rows of one run, 0 otherwise and for `NO_RUN`; the input's last column is the run."""

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        a, b = x1[..., 0], x2[..., 0]
        if diag:
            return ((a == b) & (a != NO_RUN)).to(x1)
        return ((a.unsqueeze(-1) == b.unsqueeze(-2)) & (a.unsqueeze(-1) != NO_RUN)).to(x1)


class _OutcomeGP(gpytorch.models.ExactGP, GPyTorchModel):
    """Constant mean, scaled Matern-5/2 over the design, plus the run effect."""

    def __init__(self, X: Tensor, y: Tensor, yvar: Tensor) -> None:
        d = X.shape[-1] - 1
        likelihood = FixedNoiseGaussianLikelihood(
            yvar,
            learn_additional_noise=True,
            noise_prior=_prior(*_NOISE_PRIOR),
            noise_constraint=_above(1e-6, math.exp(_NOISE_PRIOR[0])),
        )
        super().__init__(X, y, likelihood)
        location = _LENGTH_SHIFT + 0.5 * math.log(d)
        self.mean_module = gpytorch.means.ConstantMean()
        matern = MaternKernel(
            nu=2.5,
            ard_num_dims=d,
            active_dims=tuple(range(d)),
            lengthscale_prior=LogNormalPrior(location, _LENGTH_SD),
            lengthscale_constraint=_above(0.025, math.exp(location - 1.5)),
        )
        self.design = _scaled(matern, _SCALE_PRIOR)
        self.run = _scaled(RunKernel(active_dims=(d,)), _NOISE_PRIOR)
        self.double()

    def forward(self, X: Tensor) -> gpytorch.distributions.MultivariateNormal:
        return gpytorch.distributions.MultivariateNormal(self.mean_module(X), self.design(X) + self.run(X))


def _scaled(kernel: Kernel, prior: tuple[float, float]) -> ScaleKernel:
    constraint = _above(1e-6, math.exp(prior[0]))
    return ScaleKernel(kernel, outputscale_prior=_prior(*prior), outputscale_constraint=constraint)


def _prior(location: float, sd: float) -> LogNormalPrior:
    """Return a prior whose most probable *logarithm* is ``location``: the search maximises over values, not logs."""
    return LogNormalPrior(location + sd**2, sd)


def _above(bound: float, initial: float) -> GreaterThan:
    """Keep a constant above ``bound`` and let the search move in its logarithm."""
    return GreaterThan(bound, transform=torch.exp, inv_transform=torch.log, initial_value=initial)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The posterior of one outcome, on the model's scale; ``fitted`` is False when default constants stand in."""

    X: Tensor
    gp: _OutcomeGP
    shift: float
    spread: float
    factor: Tensor
    weights: Tensor
    read_var: float
    fitted: bool
    history: History | None = None

    def project(self, X: Tensor) -> Tensor:
        """Return ``L^-1 k(train, X)``, ``n x N``, from which all posterior moments follow."""
        return torch.linalg.solve_triangular(self.factor, self.gp.design(self.X, _design(X)).to_dense(), upper=False)

    def mean(self, X: Tensor, V: Tensor) -> Tensor:
        """Return the posterior mean ``(N,)`` of designs ``N x d``, which ``V`` projects."""
        own = self.shift + self.spread * (self.gp.mean_module.constant + V.T @ self.weights)
        return own if self.history is None else own + self.history.mean(X)

    @property
    def evidence(self) -> float:
        """The log probability density of every row by the model without it, summed: what a history must improve.

        Closed form: Rasmussen and Williams 2006, eqs. 5.10 to 5.12.
        """
        inverse = torch.cholesky_inverse(self.factor)
        away = (inverse @ self.factor @ self.weights) / inverse.diagonal()
        var = 1.0 / inverse.diagonal()
        density = -0.5 * (2 * math.pi * var).log() - 0.5 * away.square() / var - math.log(self.spread)
        return float(density.sum())

    def covariance(self, XA: Tensor, VA: Tensor, XB: Tensor, VB: Tensor) -> Tensor:
        """Return the posterior covariance ``A x B`` of the mean outcomes of two sets of designs."""
        prior = self.gp.design(_design(XA), _design(XB)).to_dense()
        return self.spread**2 * (prior - VA.T @ VB)

    def variance(self, V: Tensor) -> Tensor:
        """Return the posterior variance ``(N,)`` of the mean outcome of each design."""
        prior = self.gp.design.outputscale
        return self.spread**2 * (prior - V.square().sum(0)).clamp_min(1e-10)

    @property
    def run_var(self) -> float:
        return float(self.spread**2 * self.gp.run.outputscale)

    @property
    def well_var(self) -> float:
        return float(self.spread**2 * self.gp.likelihood.second_noise)

    @property
    def noise_var(self) -> float:
        """What one new measurement in a new run adds to the variance of the mean outcome."""
        return self.run_var + self.well_var + self.read_var


def _design(X: Tensor) -> Tensor:
    """Append the run column `NO_RUN` to designs ``N x d``."""
    return torch.cat([X, X.new_full((len(X), 1), NO_RUN)], dim=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrogate:
    """All outcomes, independent of each other."""

    outcomes: tuple[Outcome, ...]

    def moments(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance, both ``N x m``, of the mean outcomes of designs ``N x d``."""
        with torch.no_grad():
            V = [o.project(X) for o in self.outcomes]
            mean = torch.stack([o.mean(X, v) for o, v in zip(self.outcomes, V, strict=True)], dim=-1)
            variance = torch.stack([o.variance(v) for o, v in zip(self.outcomes, V, strict=True)], dim=-1)
        return mean, variance

    @property
    def noise_var(self) -> Tensor:
        """The variance ``(m,)`` that one new measurement in a new run adds."""
        return torch.tensor([o.noise_var for o in self.outcomes], dtype=torch.double)

    @property
    def fitted(self) -> bool:
        return all(o.fitted for o in self.outcomes)

    @property
    def states(self) -> tuple[dict[str, Tensor], ...]:
        """The hyper-parameters, to start the next fit from."""
        return tuple({k: v.detach().clone() for k, v in o.gp.named_parameters()} for o in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What another lab's experiments say of an outcome beforehand: ``weight`` times the trend of their own model.

    ``gain`` is how much the evidence of our rows grew by it, in nats. Our own constant and Gaussian process correct an
    offset and whatever else differs here.
    """

    past: Outcome
    weight: float
    gain: float

    def mean(self, X: Tensor) -> Tensor:
        """Return what is expected of designs ``N x d`` before our own experiments, ``(N,)``."""
        with torch.no_grad():
            return self.weight * (self.past.mean(X, self.past.project(X)) - self.past.shift)


HISTORY_WEIGHTS = (0.5, 1.0)
"""Shares of a history that are compared with none of it (chosen: half serves where only the trend is right)."""

HISTORY_GAIN = 1.0
"""Evidence in nats that a history must add before it is believed: less happens by chance with two tries (chosen)."""


def fit(
    X: Tensor,
    runs: Tensor,
    Y: Tensor,
    Yvar: Tensor,
    *,
    warm: Sequence[dict[str, Tensor]] | None = None,
    past: Sequence[Outcome | None] | None = None,
) -> Surrogate:
    """Fit every outcome to the rows that have it, by maximum a posteriori, on top of what ``past`` models say of it.

    ``X`` ``n x d``, ``runs`` ``(n,)`` (`NO_RUN` where unknown), ``Y`` and ``Yvar`` ``n x m`` with NaN where missing;
    ``warm`` are the `Surrogate.states` of an earlier fit of the same outcomes.
    """
    rows = torch.cat([X, runs.to(X).unsqueeze(-1)], dim=-1)
    warm = warm if warm is not None and len(warm) == Y.shape[-1] else [{}] * Y.shape[-1]
    return Surrogate(
        outcomes=tuple(
            _with_history(rows, Y[:, j], Yvar[:, j], warm[j], past[j] if past else None) for j in range(Y.shape[-1])
        )
    )


def _with_history(X: Tensor, y: Tensor, yvar: Tensor, warm: dict[str, Tensor], past: Outcome | None) -> Outcome:
    """Return the outcome with the weight of its history that lets our own rows be foreseen best; 0 is none of it."""
    alone = _outcome(X, y, yvar, warm)
    if past is None:
        return alone
    best = dataclasses.replace(alone, history=History(past=past, weight=0.0, gain=0.0))
    gain = HISTORY_GAIN
    for weight in HISTORY_WEIGHTS:
        history = History(past=past, weight=weight, gain=0.0)
        tried = _outcome(X, y - history.mean(X[:, :-1]), yvar, warm)
        if tried.evidence - alone.evidence > gain:
            gain = tried.evidence - alone.evidence
            best = dataclasses.replace(tried, history=dataclasses.replace(history, gain=gain))
    return best


def _outcome(X: Tensor, y: Tensor, yvar: Tensor, warm: dict[str, Tensor]) -> Outcome:
    known = y.isfinite()
    X, y, yvar = X[known], y[known], yvar[known]
    shift, spread = float(y.mean()), float(y.std()) if len(y) > 1 else 0.0
    if spread <= 1e-9 * max(1.0, abs(shift)):
        spread = max(1e-3 * abs(shift), 1e-6)
    z, zvar = (y - shift) / spread, (yvar / spread**2).clamp_min(YVAR_FLOOR)
    gp, fitted = _fitted(X, z, zvar, warm)
    with torch.no_grad():
        K = (gp.design(X) + gp.run(X)).to_dense() + torch.diag(zvar + gp.likelihood.second_noise)
        factor = torch.linalg.cholesky(K)
        residual = (z - gp.mean_module.constant).unsqueeze(-1)
        weights = torch.linalg.solve_triangular(factor, residual, upper=False).squeeze(-1)
    return Outcome(
        X=X,
        gp=gp,
        shift=shift,
        spread=spread,
        factor=factor,
        weights=weights,
        read_var=float(yvar.median()),
        fitted=fitted,
    )


def _fitted(X: Tensor, z: Tensor, zvar: Tensor, warm: dict[str, Tensor]) -> tuple[_OutcomeGP, bool]:
    """Return the model at its most probable constants, or at the priors' when the search fails."""
    gp = _OutcomeGP(X, z, zvar)
    for name, parameter in gp.named_parameters():
        if name in warm and warm[name].shape == parameter.shape:
            parameter.data.copy_(warm[name])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mll = gpytorch.mlls.ExactMarginalLogLikelihood(gp.likelihood, gp).train()
            fit_gpytorch_mll_scipy(mll, options={"maxiter": _FIT_STEPS})
        good = all(bool(p.isfinite().all()) for p in gp.parameters())
    except (NanError, NotPSDError, RuntimeError, ValueError):
        good = False
    gp = (gp if good else _OutcomeGP(X, z, zvar)).eval()
    return gp.requires_grad_(False), good
