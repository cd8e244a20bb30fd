"""Two goals without an order: the designs that trade one for the other best, chosen by what they add to the front."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import torch
from botorch.utils.multi_objective.box_decompositions import FastNondominatedPartitioning
from botorch.utils.safe_math import log_fatplus, logmeanexp
from torch import Tensor

from models.acquisition import SOFTNESS, Search, Utility, Views
from models.posterior import Posterior

NAME = "qLogNEHVI on the trade-off"

AT_ONCE = 256
"""Designs whose volumes are computed together: bounds the memory to some tens of megabytes (chosen)."""

TINY = 1e-12
"""Weight of a design that misses another goal entirely (chosen: far below any real one)."""

EDGE = 0.1
"""How far outside another goal's bounds, in shares of its reach, a design's weight has fallen to a third.  Nearly a
step: what lies outside is no hit, however far it pushes the front (with the utility's own slow fall, 1, all eight
suggestions of a trade-off beside 460 +- 2 nm stood at 500 nm)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """The two traded outcomes: their columns, the signs that make more better, their scale and the point to beat."""

    columns: tuple[int, int]
    sign: Tensor
    scale: Tensor
    reference: Tensor
    others: Utility

    @classmethod
    def of(cls, posterior: Posterior) -> Trade:
        """Read a target's trade-off; the point to beat is the bound of each side, else the worst that was measured."""
        names, target = posterior.codec.names, posterior.target
        sides = [names.index(name) for name in target.traded]
        goals = [target.goals[names[j]] for j in sides]
        sign = torch.tensor([1.0 if goal.kind == "maximize" else -1.0 for goal in goals], dtype=torch.double)
        mean = posterior.means(posterior.X)[:, sides]
        scale = (mean.amax(0) - mean.amin(0)).clamp_min(1e-9) if len(mean) > 1 else torch.ones_like(sign)
        worst = (sign * mean).amin(0) if len(mean) else torch.zeros_like(sign)
        bound = [goal.low if goal.kind == "maximize" else -goal.high for goal in goals]
        reference = torch.tensor([b if b > float("-inf") else float(w) for b, w in zip(bound, worst, strict=True)])
        mine, kept = posterior.utility, torch.tensor([j for j in range(len(names)) if j not in sides]).long()
        others = dataclasses.replace(
            mine,
            goals=tuple(mine.goals[j] for j in kept.tolist()),
            reach=mine.reach[kept],
            anchor=mine.anchor[kept],
            weight=mine.weight[kept],
        )
        return cls(
            columns=(sides[0], sides[1]), sign=sign, scale=scale, reference=reference.double() / scale, others=others
        )

    def sides(self, values: Tensor) -> Tensor:
        """Return both sides ``... x 2`` of outcome values ``... x m``, more is better, in shares of their range."""
        return self.sign * values[..., list(self.columns)] / self.scale

    def weight(self, values: Tensor) -> Tensor:
        """Return how well the other goals are met ``...``, 1 where they all are."""
        kept = [j for j in range(values.shape[-1]) if j not in self.columns]
        if not kept:
            return torch.ones_like(values[..., 0])
        other = values[..., kept]
        return (self.others(other) * torch.exp(-self.others.outside(other) / EDGE)).clamp(TINY, 1.0)

    def begun(self, posterior: Posterior) -> bool:
        """Say whether a measured design meets all other goals: before, there is no front to push but one to find."""
        return bool((self.weight(posterior.means(posterior.X)) > 0.5).any())


@dataclass(slots=True, kw_only=True)
class FrontSearch(Search):
    """A batch under construction that is to push the front: noisy expected hypervolume improvement, in logarithms.

    Daulton et al. 2021 (arXiv:2105.08195), smoothed as by Ament et al. 2023; BoTorch's box decomposition of what each
    joint sample already dominates, over designs that can really be made.
    """

    trade: Trade
    cells: Tensor = field(init=False)

    def __post_init__(self) -> None:
        Search.__post_init__(self)
        self._decompose()

    def add(self, x: Tensor) -> None:
        """Take the design ``1 x d`` into the batch."""
        Search.add(self, x)
        self._decompose()

    def value(self, views: Views) -> Tensor:
        """Return the logarithm ``(N,)`` of the volume that each design is expected to add."""
        n = len(views[0].X)
        parts = [slice(k, min(k + AT_ONCE, n)) for k in range(0, n, AT_ONCE)]
        added = torch.cat([self._value(tuple(view.rows(part) for view in views)) for part in parts])
        return added + self._works(views).log()

    def _value(self, views: Views) -> Tensor:
        values = self.codec.decode(self.sample(views))
        low, high = self.cells[0].unsqueeze(1), self.cells[1].unsqueeze(1)
        past = log_fatplus(self.trade.sides(values).unsqueeze(2) - low, tau=SOFTNESS).exp()
        volume = torch.minimum(past, high - low).prod(-1).sum(-1)
        return logmeanexp(volume.clamp_min(TINY).log() + self.trade.weight(values).log(), dim=0)

    def _decompose(self) -> None:
        """Cut what no chosen or measured design dominates into cells, ``2 x S x c x 2``, sample by sample."""
        values = self.codec.decode(self.F)
        reference = self.trade.reference
        Y = torch.where((self.trade.weight(values) > 0.5).unsqueeze(-1), self.trade.sides(values), reference)
        Y = torch.maximum(Y, reference)
        if not Y.shape[1]:
            Y = reference.expand(len(self.F), 1, 2)
        boxes = FastNondominatedPartitioning(ref_point=reference, Y=Y)
        self.cells = boxes.get_hypercell_bounds()
        self.best = boxes.compute_hypervolume()
