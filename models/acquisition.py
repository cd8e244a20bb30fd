"""Which designs to make next: expected improvement of the target's utility on joint samples of all outcomes.

This is qLogNEI (Ament et al. 2023, arXiv:2310.20708) on a composite objective, built greedily.  Its samples are drawn
once at the measured, pending and chosen designs and continued to any other design by conditioning, so that thousands
of designs that can really be made are compared in one call, without gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from botorch.utils.safe_math import log_fatplus, logmeanexp
from numpy.typing import NDArray
from torch import Tensor

from models.encode import Array, DesignCode, FeatureCode
from models.failure import p_works
from models.filling import Allowed, spread_out
from models.fitted import parts
from models.surrogate import Outcome, Surrogate, View
from sdl.errors import NothingFeasible
from sdl.space import Columns
from sdl.target import Goal, Target

NAME = "qLogNEI on the target's utility"

SAMPLES = 128
"""Joint samples of the outcomes: one ask stays near 1 s; other numbers are not compared yet."""

BASELINE = 16
"""Measured designs that the improvement is counted from: those of the best expected utility."""

SPREAD = 2048
"""Designs that fill the space in each search (a power of 2, as Sobol points want)."""

NEAR = 256
"""Designs drawn around the best ones in each round of shrinking."""

STEPS = (0.2, 0.07, 0.025, 0.008)
"""Standard deviations of the shrinking rounds, in shares of an axis."""

APART = 0.02
"""New members of a batch differ by at least this share of some axis: nearer, one only repeats the other, and repeats
are chosen as such (chosen: about what moves PL by its run-to-run scatter; over 8 seeds of
``benchmarks/campaign_model.py`` all confirmed within 40)."""

HALVINGS = 6
"""How often a step out of what can be made is halved before it is left out (chosen: below 1 % are)."""

SOFTNESS = 0.02
"""Temperature of the smoothed improvement, in units of utility (a hit of all goals is worth 1)."""

BEYOND = 0.02
"""What an improvement far beyond the bounds may add to the utility of a hit, per goal to minimise or maximise. Against
0.1 over 14 seeds of ``benchmarks/campaign_model.py`` (with the reach below): first hit after 14 instead of 15.5, all
confirmed within 40 instead of 48, first confirmed designs true in 14 instead of 13."""

OPEN = 0.1
"""The same for a goal without a bound beside others that have one; each further such goal counts a third (chosen:
the order of a target is that of importance)."""

P_DRAWS = 1024
"""Draws behind a probability of a hit: a standard error of at most 0.016."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utility:
    """What the target makes of outcome values ``... x m`` in the features' own units.

    ``reach`` ``(m,)`` is the distance outside a bound at which a goal is half met; what a goal to minimise or maximise
    gains beyond ``anchor`` ``(m,)``, its bound or else the best value seen, counts ``weight`` ``(m,)``.
    """

    goals: tuple[Goal, ...]
    reach: Tensor
    anchor: Tensor
    weight: Tensor

    @classmethod
    def of(cls, target: Target, names: Sequence[str], seen: Mapping[str, Sequence[float]]) -> Utility:
        """Read the goals of the modelled outcomes ``names``, of which the values ``seen`` were measured."""
        goals = tuple(target.goals[name] for name in names)
        values = [np.asarray(seen.get(name) or [0.0]) for name in names]
        known = any(goal.bounded for goal in goals)
        open_ended = [goal for goal in goals if goal.one_sided and not goal.bounded]
        found = [_terms(goal, v, open_ended, known) for goal, v in zip(goals, values, strict=True)]
        reach, anchor, weight = torch.tensor(found, dtype=torch.double).T
        return cls(goals=goals, reach=reach, anchor=anchor, weight=weight)

    def __call__(self, values: Tensor) -> Tensor:
        """Return utilities ``...``: 1 and a little more for a hit, falling to 0 far from the bounds."""
        product = torch.ones_like(values[..., 0])
        bonus = torch.zeros_like(product)
        for j, goal in enumerate(self.goals):
            value, reach = values[..., j], self.reach[j]
            product = product / (1.0 + _outside(goal, value) / reach)
            if goal.one_sided:
                sign = 1.0 if goal.kind == "maximize" else -1.0
                bonus = bonus + self.weight[j] * torch.tanh(sign * (value - self.anchor[j]) / (2.0 * reach))
        return product * (1.0 + bonus)

    def outside(self, values: Tensor) -> Tensor:
        """Return how far values ``... x m`` lie outside all bounds together ``...``, in reaches."""
        return torch.stack([_outside(goal, values[..., j]) / self.reach[j] for j, goal in enumerate(self.goals)]).sum(0)

    def hit(self, values: Tensor) -> Tensor:
        """Say for values ``... x m`` whether all bounds hold."""
        low = torch.tensor([g.low for g in self.goals], dtype=torch.double)
        high = torch.tensor([g.high for g in self.goals], dtype=torch.double)
        return ((values >= low) & (values <= high)).all(-1)


def _outside(goal: Goal, value: Tensor) -> Tensor:
    return (goal.low - value).clamp_min(0.0) + (value - goal.high).clamp_min(0.0)


def _terms(goal: Goal, seen: Array, open_ended: Sequence[Goal], known: bool) -> tuple[float, float, float]:
    """Return reach, anchor and weight of one goal whose values ``seen`` were measured.

    The reach is two tolerances of a window and a third of the data's sd for a one-sided goal. Beside bounded goals
    (``known``) a goal without a bound decides among hits; alone, the first of them is what is wanted.
    """
    if math.isfinite(goal.low) and math.isfinite(goal.high):
        return max(goal.high - goal.low, 1e-9), 0.0, 0.0
    reach = max(float(np.std(seen)) / 3.0, 1e-9)
    if goal.bounded:
        return reach, goal.low if goal.kind == "maximize" else goal.high, BEYOND
    best = float(seen.max() if goal.kind == "maximize" else seen.min())
    place = next(i for i, other in enumerate(open_ended) if other is goal)
    return 3.0 * reach, best, (OPEN if known else 0.5) / 3.0**place


Views = tuple[View, ...]
"""Designs as each outcome sees them."""


@dataclass(slots=True, kw_only=True)
class Search:
    """One batch under construction: joint samples at the designs known so far, and the best utility in each.

    ``X`` ``b x d`` are those designs, ``F`` ``S x b x m`` the samples there on the model's scales.  Where wells have
    failed, ``odds`` are those that one works: an improvement counts as far as it will be there to see.
    """

    surrogate: Surrogate
    codec: FeatureCode
    utility: Utility
    X: Tensor
    noise: Tensor
    odds: Outcome | None = None
    known: Views = field(init=False)
    F: Tensor = field(init=False)
    best: Tensor = field(init=False)

    def __post_init__(self) -> None:
        b = len(self.X)
        self.known = self.views(self.X)
        self.F = torch.empty(SAMPLES, b, len(self.surrogate.outcomes), dtype=torch.double)
        for j, (outcome, known) in enumerate(zip(self.surrogate.outcomes, self.known, strict=False)):
            C = outcome.covariance(known, known)
            root = torch.linalg.cholesky(C + _jitter(C))
            self.F[..., j] = outcome.mean(known) + self.noise[:, :b, j] @ root.T
        self.best = self._utilities(self.F).amax(1) if b else torch.zeros(SAMPLES, dtype=torch.double)

    def views(self, X: Tensor) -> Views:
        """Look at designs ``N x d`` once, the odds last; a batch asks about the same ones for each of its members."""
        seen = tuple(outcome.view(X) for outcome in self.surrogate.outcomes)
        return seen if self.odds is None else (*seen, self.odds.view(X))

    def _works(self, views: Views) -> Tensor:
        """Return the probability that each well works; 1 as long as none failed."""
        return torch.ones((), dtype=torch.double) if self.odds is None else p_works(self.odds, views[-1])

    def _utilities(self, F: Tensor) -> Tensor:
        return self.utility(self.codec.decode(F))

    def sample(self, views: Views) -> Tensor:
        """Continue every joint sample to ``N`` designs; return ``S x N x m``."""
        b = len(self.X)
        out = torch.empty(SAMPLES, len(views[0].X), len(self.surrogate.outcomes), dtype=torch.double)
        for j, (outcome, known, view) in enumerate(zip(self.surrogate.outcomes, self.known, views, strict=False)):
            C, cross = outcome.covariance(known, known), outcome.covariance(known, view)
            gain = torch.cholesky_solve(cross, torch.linalg.cholesky(C + _jitter(C)))
            left = (outcome.variance(view) - (gain * cross).sum(0)).clamp_min(0.0)
            out[..., j] = (self.F[..., j] - outcome.mean(known)) @ gain
            out[..., j] += outcome.mean(view) + left.sqrt() * self.noise[:, b, j : j + 1]
        return out

    def value(self, views: Views) -> Tensor:
        """Return the acquisition ``(N,)`` of ``N`` designs: the log of the expected smoothed improvement."""
        gain = self._utilities(self.sample(views)) - self.best.unsqueeze(-1)
        return logmeanexp(log_fatplus(gain, tau=SOFTNESS), dim=0) + self._works(views).log()

    def add(self, x: Tensor) -> None:
        """Take the design ``1 x d`` into the batch."""
        views = self.views(x)
        F = self.sample(views)
        self.F = torch.cat([self.F, F], dim=1)
        self.X = torch.cat([self.X, x], dim=0)
        self.known = tuple(known.and_(view) for known, view in zip(self.known, views, strict=True))
        gain = (self._utilities(F).squeeze(1) - self.best).clamp_min(0.0)
        self.best = self.best + self._works(views) * gain


def _jitter(C: Tensor) -> Tensor:
    """A diagonal that keeps the covariance ``C`` of nearly equal designs positive definite."""
    return torch.eye(len(C), dtype=C.dtype) * (1e-8 * float(C.diagonal().mean()) + 1e-12)


def p_hit(surrogate: Surrogate, codec: FeatureCode, utility: Utility, X: Tensor, *, noisy: bool, seed: int) -> Tensor:
    """Return P(all bounds hold) ``(N,)``: of one new measurement (``noisy``) or of the design's mean outcome."""
    mean, var = surrogate.moments(X)
    sd = (var + surrogate.noise_var if noisy else var).sqrt()
    draws = torch.randn(P_DRAWS, 1, mean.shape[-1], generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    hits = [utility.hit(codec.decode(mean[part] + draws * sd[part])).double().mean(0) for part in parts(len(X))]
    return torch.cat([mean.new_empty(0), *hits])


def start(
    surrogate: Surrogate,
    codec: FeatureCode,
    utility: Utility,
    known: Tensor,
    pending: Tensor,
    *,
    n: int,
    seed: int,
    odds: Outcome | None = None,
    kind: Callable[..., Search] | None = None,
) -> Search:
    """Open a batch of ``n``: improvement is counted from the best of ``known`` ``b x d`` and from ``pending``.

    ``kind`` makes another sort of search of the same samples.
    """
    mean = utility(codec.decode(surrogate.moments(known)[0]))
    best = mean.topk(min(BASELINE, len(known))).indices
    X = torch.cat([known[best], pending])
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(SAMPLES, len(X) + n + 1, len(codec.names), generator=generator, dtype=torch.double)
    return (kind or Search)(surrogate=surrogate, codec=codec, utility=utility, X=X, noise=noise, odds=odds)


@dataclass(frozen=True, slots=True)
class Taken:
    """Designs ``X`` ``t x d`` not on offer, nor is what is no farther away than ``within`` ``(t,)`` on each axis."""

    X: Tensor
    within: Tensor

    @classmethod
    def of(cls, measured: Tensor, batch: Tensor, same: float) -> Taken:
        """Measured designs may be approached; those of the ``batch`` and pending ones keep others `APART`."""
        return cls(
            torch.cat([measured, batch]),
            torch.cat([measured.new_full((len(measured),), same), batch.new_full((len(batch),), APART)]),
        )

    def and_(self, x: Tensor) -> Taken:
        """Take ``x`` ``1 x d`` into the batch."""
        return Taken(torch.cat([self.X, x]), torch.cat([self.within, x.new_full((len(x),), APART)]))

    def closely(self, same: float) -> Taken:
        """Forget the distance: only the designs themselves are taken."""
        return Taken(self.X, self.within.clamp_max(same))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Designs to choose from, as columns of ``n`` rows that can be made."""

    columns: Columns
    code: DesignCode

    @classmethod
    def spread(cls, code: DesignCode, axes: Array, allowed: Allowed, seed: int) -> Offer:
        """Carry points of the unit cube to designs that can be made, shared values among ``allowed``; none if none."""
        try:
            return cls(columns=spread_out(code, axes, allowed, seed), code=code)
        except NothingFeasible:
            return cls(columns={k: v[:0] for k, v in code.columns(axes).items()}, code=code)

    def around(self, n: int, allowed: Allowed, rng: np.random.Generator) -> Offer:
        """Return about ``n`` designs near these, in steps of all sizes; shared values are ``allowed`` ones."""
        if not len(self):
            return self
        near = self.rows(np.arange(n) % len(self))
        for name, values in allowed.items():
            near.columns[name] = values[rng.integers(len(values), size=n)]
        moves = rng.standard_normal((n, self.code.p)) * rng.choice(STEPS, (n, 1))
        moves *= rng.random(moves.shape) < 0.5
        return near.moved(moves, allowed)

    def moved(self, moves: Array, bound: Allowed) -> Offer:
        """Step away from each design by ``moves`` ``n x p`` in the cube; a step that leaves what can be made is halved.

        Shared values that are ``bound`` stay. Steps that lead nowhere after `HALVINGS` are left out.
        """
        start, left = self.code.axes(self.columns), np.arange(len(self))
        rows, made = [], []
        for halved in range(HALVINGS + 1):
            kept = {name: self.columns[name][left] for name in bound}
            columns, ok = self.code.make(start[left] + moves[left] * 0.5**halved, kept)
            rows.append(left[ok])
            made.append({name: values[ok] for name, values in columns.items()})
            left = left[~ok]
            if not len(left):
                break
        order = np.concatenate(rows).argsort()
        return Offer(columns={k: np.concatenate([m[k] for m in made])[order] for k in made[0]}, code=self.code)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def X(self) -> Tensor:
        return torch.from_numpy(self.code.inputs(self.columns))

    @property
    def log_cost(self) -> Tensor:
        """The logarithm of what each design costs ``(n,)``, 0 where the space has no prices."""
        cost = self.code.space.cost
        if cost is None or not len(self):
            return torch.zeros(len(self), dtype=torch.double)
        return torch.from_numpy(cost.log(self.columns))

    def apart(self, taken: Taken) -> NDArray[np.bool_]:
        """Say which designs are not ``taken`` already."""
        if not len(taken.X) or not len(self):
            return np.ones(len(self), dtype=bool)
        X = self.X
        free = [(torch.cdist(X[part], taken.X, p=math.inf) > taken.within).all(1) for part in parts(len(X))]
        return np.asarray(torch.cat(free).numpy())

    def allows(self, allowed: Allowed) -> NDArray[np.bool_]:
        """Say which designs have shared values among ``allowed``."""
        keep = [np.isin(self.columns[name], values) for name, values in allowed.items()]
        return np.logical_and.reduce(keep) if keep else np.ones(len(self), dtype=bool)

    def rows(self, which: NDArray[np.generic]) -> Offer:
        return Offer(columns={k: v[which] for k, v in self.columns.items()}, code=self.code)

    def and_(self, other: Offer) -> Offer:
        return Offer(
            columns={k: np.concatenate([v, other.columns[k]]) for k, v in self.columns.items()}, code=self.code
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Designs on offer as the outcomes see them: looked at once, asked about for every member of a batch.

    ``log_cost`` ``(N,)`` is what each costs to make, 0 where nothing has a price.
    """

    offer: Offer
    views: Views
    log_cost: Tensor

    @classmethod
    def of(cls, search: Search, offer: Offer) -> Seen:
        return cls(offer=offer, views=search.views(offer.X) if len(offer) else (), log_cost=offer.log_cost)

    def __len__(self) -> int:
        return len(self.offer)

    def worth(self, search: Search) -> Tensor:
        """Return what each design ``(N,)`` is expected to add for what it costs (Snoek et al. 2012, arXiv:1206.2944).

        In logarithms, so that only ratios of costs matter.
        """
        return search.value(self.views) - self.log_cost

    def rows(self, which: NDArray[np.bool_]) -> Seen:
        if which.all():
            return self
        mask = torch.from_numpy(which)
        views = tuple(view.rows(mask) for view in self.views)
        return Seen(offer=self.offer.rows(which), views=views, log_cost=self.log_cost[mask])


def best_design(search: Search, spread: Seen, taken: Taken, allowed: Allowed, rng: np.random.Generator) -> Offer:
    """Return the one design of the highest acquisition; none when all are taken.

    ``spread`` fills the space; the best of it are followed by rounds of shrinking steps, all through what can be made.
    """
    top, height = _top(search, spread, 8, spread.offer.apart(taken))
    for step in STEPS if len(top) else ():
        around = top.rows(np.repeat(np.arange(len(top)), NEAR // len(top)))
        moves = rng.standard_normal((len(around), top.code.p))
        moves *= (rng.random(moves.shape) < 0.5) * step
        offer = around.moved(moves, allowed)
        near, values = _top(search, Seen.of(search, offer.rows(offer.apart(taken))), 4)
        top, values = top.and_(near), torch.cat([height, values])
        order = values.argsort(descending=True, stable=True)[:4]
        top, height = top.rows(order.numpy()), values[order]
    return top.rows(np.arange(min(1, len(top))))


def best_of_pool(search: Search, pool: Seen, taken: Taken) -> Offer:
    """Return the pool's one design of the highest acquisition; none when all are taken."""
    return _top(search, pool, 1, pool.offer.apart(taken))[0]


def _top(search: Search, seen: Seen, k: int, free: NDArray[np.bool_] | None = None) -> tuple[Offer, Tensor]:
    """Return the ``k`` best of those ``seen`` that are ``free`` (all) and their acquisition, best first."""
    left = len(seen) if free is None else int(free.sum())
    if not left:
        return seen.offer.rows(np.arange(0)), torch.empty(0, dtype=torch.double)
    worth = seen.worth(search)
    if free is not None:
        worth = worth.where(torch.from_numpy(free), -math.inf)
    top = worth.topk(min(k, left))
    return seen.offer.rows(top.indices.numpy()), top.values
