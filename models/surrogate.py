"""What the experiments say about every design: posteriors of the outcomes, without run effect and noise.

What remains is the design's mean outcome, which is what a confirmed hit is about.
"""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.evidence import Array
from models.fitted import Fitted, parts, standardised


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Designs ``X`` ``N x d`` as one outcome's kernels see them: trend, features, ``L^-1 k(train, X)`` (``n x N``)."""

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
    placed: Fitted | None = None
    """The same with what views need on another device; results come back to the CPU."""

    def on(self, device: torch.device) -> Outcome:
        """Return the outcome with its views worked out on ``device``."""
        return self if device.type == "cpu" else dataclasses.replace(self, placed=_placed(self.fitted, device))

    @property
    def _here(self) -> Fitted:
        return self.placed or self.fitted

    def view(self, X: Tensor) -> View:
        """Look at designs ``N x d``: all posterior moments follow from this."""
        f = self._here
        place = f.factor.device
        trend, features = (a.to(place) for a in standardised(f.trend, X, self.kind, f.shift, f.spread))
        X, V = f.told.form.bent(X).to(place), torch.empty(len(f.told.X), len(X), dtype=torch.double, device=place)
        known = f.told.form.bent(f.told.X)
        for part in parts(len(X)):
            cross = f.features @ features[part].T
            for kernel, share in zip(f.latents, f.shares, strict=True):
                if share[self.kind]:
                    cross += share[f.told.kind].unsqueeze(-1) * kernel(known, X[part]).to_dense()
            V[:, part] = torch.linalg.solve_triangular(f.factor, cross, upper=False)
        return View(X=X, trend=trend, features=features, V=V)

    def mean(self, view: View) -> Tensor:
        """Return the posterior mean ``(N,)``."""
        return self.fitted.shift + self.fitted.spread * (view.trend + view.V.T @ self._here.weights).cpu()

    def covariance(self, a: View, b: View) -> Tensor:
        """Return the posterior covariance ``A x B`` of the mean outcomes of two sets of designs."""
        prior = a.features @ b.features.T
        for kernel, share in zip(self._here.latents, self.fitted.shares, strict=True):
            if share[self.kind]:
                prior = prior + kernel(a.X, b.X).to_dense()
        return self.fitted.spread**2 * (prior - a.V.T @ b.V).cpu()

    def variance(self, view: View) -> Tensor:
        """Return the posterior variance ``(N,)`` of the mean outcome of each design."""
        c = self.fitted.constants
        prior = view.features.square().sum(-1) + float(self.fitted.shares[:, self.kind].numpy() @ c.scales)
        return self.fitted.spread**2 * (prior - view.V.square().sum(0)).clamp_min(1e-10).cpu()

    @property
    def run_var(self) -> float:
        return self.fitted.spread**2 * self.fitted.constants.run

    @property
    def well_var(self) -> float:
        return float(self.fitted.spread**2 * self.fitted.constants.noise[self.kind]) * self.fitted.tail

    @property
    def noise_var(self) -> float:
        """What one new measurement in a new run adds to the variance of the mean outcome."""
        return self.run_var + self.well_var + self.read_var


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrogate:
    """All outcomes; those of one fitted quantity share its latent function, different quantities are independent."""

    outcomes: tuple[Outcome, ...]

    def on(self, device: torch.device) -> Surrogate:
        """Return the same with the views of every outcome worked out on ``device``."""
        return Surrogate(outcomes=tuple(o.on(device) for o in self.outcomes))

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


def _placed(fitted: Fitted, device: torch.device) -> Fitted:
    """Return a copy with everything that views need on ``device``."""
    told = dataclasses.replace(fitted.told, X=fitted.told.X.to(device), kind=fitted.told.kind.to(device))
    return dataclasses.replace(
        fitted,
        told=told,
        latents=tuple(copy.deepcopy(kernel).to(device) for kernel in fitted.latents),
        shares=fitted.shares.to(device),
        factor=fitted.factor.to(device),
        weights=fitted.weights.to(device),
        features=fitted.features.to(device),
    )


def outcome(fitted: Fitted, kind: int) -> Outcome:
    """Return the outcome that readings of ``kind`` measure."""
    own = fitted.told.yvar[fitted.told.kind == kind]
    return Outcome(fitted=fitted, kind=kind, read_var=float(own.median()) if len(own) else 0.0)
