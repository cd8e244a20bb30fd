"""The question asked backwards: which design gives these features, how surely, and if none, what comes closest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models import acquisition
from models.acquisition import Offer
from models.filling import sobol_axes
from models.posterior import Posterior
from models.suggestion import Forecast
from models.tolerance import robust
from sdl.space import Design

SPREAD = 8192
"""Designs over the whole space that are compared first (a power of 2, as Sobol points want)."""

ROUNDS = (0.1, 0.04, 0.015, 0.006, 0.002)
"""Standard deviations of the moves around the best designs, round by round, in shares of an axis (chosen)."""

APART = 0.08
"""Answers differ by at least this share of an axis: two recipes within it are the same one to a chemist (chosen)."""

REACHABLE = 0.05
"""P(hit) of the best design below which a target is called not reachable: one in twenty tries of the best recipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One design with what it should give; ``closeness`` is 1 where its mean meets every goal, falling to 0.

    ``robust`` is P(hit) where the recipe is poured with the pipettes' scatter (`models.tolerance.robust`).
    """

    design: Design
    forecast: Forecast
    closeness: float
    robust: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The best answers, best first, and the range of each outcome's mean over everything that can be made."""

    answers: tuple[Answer, ...]
    ranges: dict[str, tuple[float, float]]

    @property
    def reachable(self) -> bool:
        return bool(self.answers) and self.answers[0].forecast.p_hit >= REACHABLE


def ask(posterior: Posterior, n: int, *, pool: Sequence[Design] | None = None) -> Reach:
    """Return up to ``n`` designs most likely to hit the posterior's target, from ``pool`` only if given."""
    code, rng = posterior.code, np.random.default_rng(posterior.seed)
    with torch.no_grad():
        if pool is not None:
            offer = Offer(columns=code.space.columns(pool), code=code)
        else:
            known = Offer(columns=code.space.columns([r.design for r in posterior.rows]), code=code)
            known = known.rows(code.space.make(known.columns)[1])
            offer = Offer.spread(code, sobol_axes(code.p, SPREAD, posterior.seed), {}, posterior.seed).and_(known)
        means = posterior.means(offer.X)
        top = _apart(posterior, _best(posterior, offer, 512), 2 * n)
        if pool is None:
            top = _refined(posterior, top, rng)
        steady = robust(posterior, top.columns) + 1e-6 * _score(posterior, top).numpy()
        chosen = _apart(posterior, top.rows(np.argsort(-steady, kind="stable")), n)
        closeness = posterior.utility(posterior.means(chosen.X)).tolist()
    forecasts = posterior.forecasts(chosen.columns)
    designs = code.space.designs(chosen.columns)
    answers = tuple(
        Answer(design=d, forecast=f, closeness=min(1.0, float(c)), robust=float(r))
        for d, f, c, r in zip(designs, forecasts, closeness, robust(posterior, chosen.columns), strict=True)
    )
    ranges = {
        name: (float(means[:, j].min()), float(means[:, j].max())) for j, name in enumerate(posterior.codec.names)
    }
    return Reach(answers=answers, ranges=ranges)


def _score(posterior: Posterior, offer: Offer) -> torch.Tensor:
    """Rank by P(hit); where that is nil everywhere, by how near the mean comes."""
    near = posterior.utility(posterior.means(offer.X))
    return posterior.p(offer.X, noisy=True) + 0.5 / acquisition.P_DRAWS * near


def _best(posterior: Posterior, offer: Offer, k: int) -> Offer:
    best = _score(posterior, offer).topk(min(k, len(offer)))
    return offer.rows(best.indices.numpy())


def _refined(posterior: Posterior, starts: Offer, rng: np.random.Generator) -> Offer:
    """Let each start climb by itself, so that the answers stay different."""
    found = starts
    for i in range(len(starts)):
        top = starts.rows(np.array([i]))
        for step in ROUNDS:
            around = top.rows(np.repeat(np.arange(len(top)), 96 // len(top)))
            moves = rng.standard_normal((len(around), starts.code.p))
            moves *= (rng.random(moves.shape) < 0.5) * step
            top = _best(posterior, top.and_(around.moved(moves, {})), 4)
        found = found.and_(top.rows(np.arange(1)))
    return found


def _apart(posterior: Posterior, top: Offer, n: int) -> Offer:
    """Keep the first ``n`` designs that differ from one another by `APART` on some axis."""
    axes = posterior.code.axes(top.columns)
    kept: list[int] = []
    for i in range(len(top)):
        if len(kept) < n and all(np.abs(axes[i] - axes[j]).max() >= APART for j in kept):
            kept.append(i)
    return top.rows(np.array(kept))


def nearest(posterior: Posterior, design: Design, k: int) -> list[tuple[int, float]]:
    """Return the ``k`` told rows most alike ``design``: row number, and distance in length scales of the first goal."""
    scale = torch.from_numpy(posterior.surrogate.outcomes[0].fitted.constants.lengths[0])
    away = ((posterior.X - posterior.inputs([design])) / scale).norm(dim=-1)
    order = away.argsort(stable=True)[:k].tolist()
    return [(i, float(away[i])) for i in order]


def closest(posterior: Posterior, k: int) -> list[int]:
    """Return the ``k`` told rows whose measured features come nearest to the target."""
    names = posterior.codec.names
    rows = [i for i, r in enumerate(posterior.rows) if all(name in r.features for name in names)]
    if not rows:
        return []
    values = torch.tensor([[posterior.rows[i].features[n] for n in names] for i in rows], dtype=torch.double)
    order = posterior.utility(values).argsort(descending=True, stable=True)[:k].tolist()
    return [rows[j] for j in order]
