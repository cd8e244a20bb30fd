"""Where wells fail: the odds that a design gives dots at all, learned from those that did and those that did not.

A Gaussian process on the log odds.  GPyTorch turns each yes or no into a reading of them with the noise that one
answer leaves (Milios et al. 2018, arXiv:1805.10915), so that the classifier is fitted like every other outcome.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from gpytorch.likelihoods import DirichletClassificationLikelihood
from torch import Tensor

from models.encode import DesignCode
from models.fitted import NO_RUN, Told, fit_quantity
from models.suggestion import Row
from models.surrogate import Outcome, View, outcome
from models.trend import LEVEL_SD, Level

USUAL = math.log(0.9 / 0.1)
"""Log odds that a well works before any failed: nine of ten, as chemists choose ranges (chosen)."""

LEVEL, SPREAD = 1.0, 2.0
"""Prior sds of the log odds: of their level, and of how they differ between designs (chosen: odds of 1 to 10 and back,
so that two failures in one corner say little about the others; ``tests/models/test_failure.py``)."""

ASSUMED = 0.1
"""Answers of each sort that are taken as given at every design (chosen; the paper's 0.01 makes one failure certain)."""


def odds(code: DesignCode, rows: Sequence[Row]) -> Outcome | None:
    """Return the log odds that a design's well works; None as long as none failed."""
    told = [row for row in rows if row.failed or row.features or row.reads]
    if not any(row.failed for row in told):
        return None
    X = torch.from_numpy(code.matrix([row.design for row in told]))
    works = torch.tensor([*(not row.failed for row in told), True], dtype=torch.long)  # one more, so that both occur
    read = DirichletClassificationLikelihood(works, alpha_epsilon=ASSUMED, dtype=torch.double)
    no, yes = read.transformed_targets[:, :-1]
    nothing = torch.zeros(len(told), dtype=torch.long)
    seen = Told(
        row=torch.arange(len(told)),
        X=X,
        run=nothing + NO_RUN,
        y=yes - no,
        yvar=read.noise_covar.noise.reshape(2, -1)[:, :-1].sum(0),
        kind=nothing,
        choices=code.choices,
    )
    level = Level(mean=USUAL, spread=LEVEL / LEVEL_SD)
    return outcome(fit_quantity(seen, trend=level, units=(USUAL, SPREAD)), 0)


def p_works(chances: Outcome, view: View) -> Tensor:
    """Return the probability ``(N,)`` that each design's well works (MacKay 1992: the mean of a logistic function)."""
    mean, variance = chances.mean(view), chances.variance(view)
    return torch.sigmoid(mean / (1.0 + math.pi / 8.0 * variance).sqrt())
