"""Each reading as the model would foresee it without the design that it comes from, in closed form."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from models.surrogate import Outcome

SAME = 1e-6
"""Designs closer than this on every input are one design (as `models.encode.DesignCode.same`)."""


def without(outcome: Outcome, n: int) -> tuple[Tensor, Tensor]:
    """Return mean and sd ``(n,)`` of the first ``n`` readings of an outcome, each by a model without its design.

    All readings of a design are left out together: replicates, and what else was read of the same well. Rasmussen and
    Williams 2006, section 5.4.2, by blocks; the model's constants stay those of all data.
    """
    f = outcome.fitted
    inverse = torch.cholesky_inverse(f.factor)
    weighted = inverse @ (f.factor @ f.weights)
    group = np.unique(np.round(f.told.X.numpy() / SAME), axis=0, return_inverse=True)[1].ravel()
    own = np.flatnonzero(f.told.kind.numpy() == outcome.kind)[:n]
    mean, sd = torch.empty(len(own), dtype=torch.double), torch.empty(len(own), dtype=torch.double)
    place = {int(i): k for k, i in enumerate(own)}
    for g in set(group[own].tolist()):
        at = np.flatnonzero(group == g)
        block = torch.linalg.inv(inverse[at][:, at])
        moved, var = block @ weighted[at], block.diagonal().clamp_min(1e-12)
        for k, i in enumerate(at.tolist()):
            if i in place:
                mean[place[i]] = f.told.y[i] - f.spread * moved[k]
                sd[place[i]] = f.spread * var[k].sqrt()
    return mean, sd


def density(outcome: Outcome, n: int) -> float:
    """Return the log probability density of the first ``n`` readings, each by a model without its design, summed."""
    mean, sd = without(outcome, n)
    own = torch.from_numpy(np.flatnonzero(outcome.fitted.told.kind.numpy() == outcome.kind)[:n])
    away = (outcome.fitted.told.y[own] - mean) / sd
    return float((-0.5 * away.square() - sd.log() - 0.5 * math.log(2 * math.pi)).sum())
