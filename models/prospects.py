"""Whether the target can be reached at all, by joint samples of everything that can be made: when to stop hoping."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from botorch.utils.sampling import draw_sobol_normal_samples
from torch import Tensor

from models.acquisition import Offer
from models.filling import sobol_axes
from models.palette import views
from models.posterior import Posterior
from sdl.target import Goal
from sdl.units import label_of, unit_of

SPREAD = 2048
"""Designs over the space that are looked at first (a power of 2, as Sobol points want)."""

KEPT = 320
"""Designs at which the outcomes are sampled jointly: half of the best chance, half of the widest doubt (chosen)."""

SAMPLES = 512
"""Joint samples: a probability of 1 % rests on five of them."""

NOISES, WORLDS = 64, 16
"""Measurements imagined of each design, the same for all, and samples in which they are (chosen: P(hit) to 0.02)."""

SLACK = 1.0
"""Share of its width by which a window is widened, since samples are looked at on designs and not between them."""

SLACK_ONE_SIDED = 0.05
"""Share of its bound by which a one-sided goal is eased (chosen: what a better model may still find)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What may become of one target: ``p_reachable`` that any design's mean outcome meets all bounds (a little eased).

    ``rate`` is the share of tries that hit with the best recipe, once it is known, averaged over what may be true.
    ``barrier`` says which goal is in the way, ``readings`` how often the least measured goal was measured.
    """

    target: str
    p_reachable: float
    rate: float
    barrier: str
    readings: int

    @property
    def json(self) -> dict[str, Any]:
        return asdict(self)


def prospects(posterior: Posterior) -> list[Prospect]:
    """Return the prospect of the target, or of each of a palette; none where a bounded goal was never measured."""
    if not posterior.decidable or not posterior.rows:
        return []
    code = posterior.code
    spread = Offer.spread(code, sobol_axes(code.p, SPREAD, posterior.seed), {}, posterior.seed)
    known = Offer(columns=code.space.columns([r.design for r in posterior.rows]), code=code)
    known = known.rows(code.space.make(known.columns)[1])
    with torch.no_grad():
        return [_prospect(view, spread.and_(known)) for view in views(posterior)]


def _prospect(view: Posterior, offer: Offer) -> Prospect:
    """Sample the outcomes at the designs that matter for one target, and see in how many samples one meets it."""
    X = _matter(view, offer)
    F = _joint(view, X)
    values = view.codec.decode(F)
    goals = [view.target.goals[name] for name in view.codec.names]
    met = torch.stack([_within(values[..., j], *_eased(goal)) for j, goal in enumerate(goals)])
    alone = met.any(-1).double().mean(-1)
    drawn = draw_sobol_normal_samples(F.shape[-1], NOISES, dtype=torch.double, seed=view.seed)
    noise = (drawn * view.surrogate.noise_var.sqrt())[:, None, None, :]
    hit = view.utility.hit(view.codec.decode(F[:WORLDS] + noise)).double().mean(0)
    least = int(alone.argmin())
    return Prospect(
        target=view.target.name,
        p_reachable=float(met.all(0).any(-1).double().mean()),
        rate=float(hit.amax(-1).mean()),
        barrier=_barrier(view.codec.names[least], goals[least], values[..., least]),
        readings=min(sum(name in r.features for r in view.rows) for name in view.target.bounded),
    )


def _matter(view: Posterior, offer: Offer) -> Tensor:
    """Return the designs ``N x d`` at which the target is most likely to be met, or least is known."""
    mean, variance = view.surrogate.moments(offer.X)
    near = view.utility(view.codec.decode(mean)) + view.p(offer.X, noisy=False)
    doubt = (variance / variance.amax(0)).amax(-1)
    best = near.topk(min(KEPT // 2, len(offer))).indices
    wide = doubt.topk(min(KEPT // 2, len(offer))).indices
    keep = torch.unique(torch.cat([best, wide]))
    top = offer.rows(best[:8].numpy())
    rng = np.random.default_rng(view.seed)
    around = top.rows(np.repeat(np.arange(len(top)), KEPT // 2 // max(1, len(top))))
    close = around.moved(0.03 * rng.standard_normal((len(around), view.code.p)), {})
    return torch.unique(torch.cat([offer.X[keep], close.X]), dim=0)


def _joint(view: Posterior, X: Tensor) -> Tensor:
    """Return joint samples ``S x N x m`` of the mean outcomes, on the model's scales."""
    generator = torch.Generator().manual_seed(view.seed)
    F = torch.empty(SAMPLES, len(X), len(view.surrogate.outcomes), dtype=torch.double)
    for j, outcome in enumerate(view.surrogate.outcomes):
        seen = outcome.view(X)
        C = outcome.covariance(seen, seen)
        root = torch.linalg.cholesky(C + torch.eye(len(X), dtype=C.dtype) * (1e-6 * float(C.diagonal().mean()) + 1e-12))
        F[..., j] = outcome.mean(seen) + torch.randn(SAMPLES, len(X), generator=generator, dtype=torch.double) @ root.T
    return F


def _within(values: Tensor, low: float, high: float) -> Tensor:
    return (values >= low) & (values <= high)


def _eased(goal: Goal) -> tuple[float, float]:
    """Return bounds a little wider than a goal's own."""
    if math.isfinite(goal.low) and math.isfinite(goal.high):
        slack = SLACK * (goal.high - goal.low) / 2.0
        return goal.low - slack, goal.high + slack
    return goal.low - SLACK_ONE_SIDED * abs(goal.low), goal.high + SLACK_ONE_SIDED * abs(goal.high)


def _barrier(name: str, goal: Goal, values: Tensor) -> str:
    """Say how near a goal can be come by itself: the median over samples of the nearest value."""
    outside = (goal.low - values).clamp_min(0.0) + (values - goal.high).clamp_min(0.0)
    best = values.gather(-1, outside.argmin(-1, keepdim=True)).squeeze(-1)
    low, middle, high = (float(q) for q in best.quantile(torch.tensor([0.025, 0.5, 0.975], dtype=torch.double)))
    unit = unit_of(name)
    return (
        f"{label_of(name)} comes to {middle:.4g} {unit}".rstrip() + f" at the nearest (95 %: {low:.4g} .. {high:.4g})"
    )
