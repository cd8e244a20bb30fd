"""Which readings the others contradict: well noise with heavy tails, only where the data show them.

Most wells scatter a little and a few go wrong (a clog, a mixture, a typing error).  Where some readings lie farther
from what all others say than Gaussian noise puts them, the noise is a Student's t: each reading's noise has a
weight of its own (Lange, Little and Taylor 1989, 10.1080/01621459.1989.10478852), learned by expectation and
maximisation in turn.  Nothing is thrown away: a second such well makes the first one believed.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from models.fitted import YVAR_FLOOR, Fitted, fit_quantity

HEAVY = 5.0
"""Kurtosis of the readings' distances from their leave-one-out forecasts above which tails are heavy: that of Student's
t with 7 degrees of freedom (Gaussian: 3; 289 real syntheses: 5.3; the virtual lab's smooth effects: up to 4.2)."""

FREEDOM = 4.0
"""Degrees of freedom of Student's t (chosen: the usual one; Gelman et al., Bayesian Data Analysis, section 17.2)."""

FEWEST = 12
"""Readings below which nobody can say which of them is wrong (chosen)."""

MOST = 640
"""Readings above which noise stays Gaussian: the weights cost some ten factorisations, 10 s with 2,000 readings."""

ROUNDS = 3
"""How often weights and constants are learned in turn (chosen: the third moves a PL by less than 0.1 nm)."""

WEIGHINGS = 5
"""How often the weights are worked out at the same constants (chosen: they settle to 1 %)."""


def steadied(fitted: Fitted) -> Fitted:
    """Return the model with readings trusted as far as the others bear them out; as it is where tails are light."""
    if not (FEWEST <= len(fitted.told.y) <= MOST and fitted.good) or kurtosis(fitted) < HEAVY:
        return fitted
    found = fitted
    for _ in range(ROUNDS):
        found = fit_quantity(
            found.told,
            trend=found.trend,
            begin=found.theta,
            units=(found.shift, found.spread),
            trust=_weighed(found),
            tail=FREEDOM / (FREEDOM - 2.0),
        )
    return dataclasses.replace(found, history=fitted.history) if found.good else fitted


def kurtosis(fitted: Fitted) -> float:
    """Return the kurtosis of the readings' distances from what all others say, in sds of that forecast."""
    inverse = torch.cholesky_inverse(fitted.factor)
    away = (inverse @ (fitted.factor @ fitted.weights)).square() / inverse.diagonal()
    return float(away.square().mean() / away.mean().square())


def _weighed(fitted: Fitted) -> Tensor:
    """Return the weights ``(n,)`` of the readings' noise at the constants of ``fitted``."""
    told, known = fitted.told, (fitted.told.yvar / fitted.spread**2).clamp_min(YVAR_FLOOR)
    noise, trust = torch.from_numpy(fitted.constants.noise)[told.kind], fitted.trust
    z, K = fitted.factor @ fitted.weights, fitted.factor @ fitted.factor.T
    signal = K - torch.diag(known + noise / trust)
    for _ in range(WEIGHINGS):
        own = known + noise / trust
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(signal + torch.diag(own)))
        left = (own * (inverse @ z)).square() + own - own.square() * inverse.diagonal()
        trust = (FREEDOM + 1.0) / (FREEDOM + (left - known).clamp_min(0.0) / noise)
    return trust
