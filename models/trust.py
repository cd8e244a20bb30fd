"""How far the model can be trusted on the user's own data: each experiment predicted without itself, and in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models.encode import DesignCode
from models.filling import sobol_axes
from models.posterior import NORMAL_95, Posterior
from models.suggestion import Row
from models.surrogate import Outcome
from sdl.target import Target

SPREAD = 2048
"""Designs over the space on which ignorance is measured (a power of 2, as Sobol points want)."""

IGNORANT = 0.8
"""Share of the sd among all data from which a prediction says nothing that guessing the mean does not (chosen)."""

SHARES = (0.3, 0.45, 0.6, 0.75, 0.9)
"""Shares of the data, oldest first, after which the next ones are predicted."""

EMPTY_BINS = 4
"""Equal parts of each parameter's axis in which experiments are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One experiment predicted by a model that had not seen it: mean, 95 % interval, and what was measured."""

    experiment: str
    mean: float
    low: float
    high: float
    measured: float

    @property
    def covered(self) -> bool:
        return self.low <= self.measured <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How good predictions were: ``mae`` mean absolute error, ``guess`` that of guessing the others' mean instead."""

    n: int
    mae: float
    guess: float
    coverage: float

    @classmethod
    def of(cls, held: Sequence[Held]) -> Score:
        measured = np.array([h.measured for h in held])
        n = len(held)
        others = (measured.sum() - measured) / max(n - 1, 1)
        return cls(
            n=n,
            mae=float(np.mean([abs(h.mean - h.measured) for h in held])),
            guess=float(np.mean(np.abs(measured - others))),
            coverage=float(np.mean([h.covered for h in held])),
        )


def leave_one_out(posterior: Posterior, groups: Sequence[int] | None = None) -> dict[str, list[Held]]:
    """Return each experiment of every outcome predicted without it and without its replicates.

    ``groups`` number the rows that are left out together, if not replicates.

    In closed form from the factor of the fitted model (Rasmussen and Williams 2006, section 5.4.2, by blocks): the
    model's constants are those of all data, so the errors are a little too small where data are few.
    """
    mean, sd = (torch.zeros(len(posterior.rows), len(posterior.codec.names), dtype=torch.double) for _ in range(2))
    groups, known = groups or _groups(posterior), []
    for j, outcome in enumerate(posterior.surrogate.outcomes):
        rows, without, spread = _without(outcome, groups)
        known.append(rows.tolist())
        mean[rows, j], sd[rows, j] = without, spread
    return _held(posterior, mean, sd, known)


def _groups(posterior: Posterior) -> list[int]:
    """Return one number per row, the same for replicates of one design."""
    same = np.round(posterior.X.numpy() / posterior.code.same)
    return [int(g) for g in np.unique(same, axis=0, return_inverse=True)[1].ravel()]


def _without(outcome: Outcome, groups: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return rows, and mean and sd of each one's measurement by a model without any reading of its group."""
    f = outcome.fitted
    inverse = torch.cholesky_inverse(f.factor)
    weighted = inverse @ (f.factor @ f.weights)
    away, var = torch.empty_like(weighted), torch.empty_like(weighted)
    own = [groups[row] for row in f.told.row.tolist()]
    for g in set(own):
        at = [i for i, other in enumerate(own) if other == g]
        block = torch.linalg.inv(inverse[at][:, at])
        away[at] = block @ weighted[at]
        var[at] = block.diagonal()
    noise = torch.from_numpy(f.constants.noise)[f.told.kind]
    sd = (var + noise * (f.tail - 1.0 / f.trust)).clamp_min(1e-12).sqrt()  # what a new well has, doubted or not
    here = f.told.kind == outcome.kind
    return f.told.row[here], (f.told.y - f.spread * away)[here], f.spread * sd[here]


def _held(
    posterior: Posterior, mean: torch.Tensor, sd: torch.Tensor, known: Sequence[Sequence[int]]
) -> dict[str, list[Held]]:
    """Return predictions ``n x m`` on the model's scales in the features' own units."""
    middle, ends = posterior.codec.decode(mean), posterior.codec.ends(mean, NORMAL_95 * sd)
    found: dict[str, list[Held]] = {}
    for j, name in enumerate(posterior.codec.names):
        low, high = ends[:, j].unbind(-1)
        found[name] = [
            Held(
                experiment=posterior.rows[i].experiment,
                mean=float(middle[i, j]),
                low=float(low[i]),
                high=float(high[i]),
                measured=posterior.rows[i].features[name],
            )
            for i in known[j]
            if name in posterior.rows[i].features
        ]
    return found


def in_time(code: DesignCode, target: Target, rows: Sequence[Row], seed: int) -> dict[str, list[Held]]:
    """Return later experiments predicted from earlier ones only, in the order of ``rows``, refitted each time."""
    cuts = sorted({max(4, round(share * len(rows))) for share in SHARES} & set(range(len(rows))))
    found: dict[str, list[Held]] = {}
    before: Posterior | None = None
    for cut, end in zip(cuts, [*cuts[1:], len(rows)], strict=True):
        learned = Posterior.of(code, target, rows[:cut], seed, before=before)
        if isinstance(learned, str):
            continue
        before = learned
        later = rows[cut:end]
        forecasts = learned.forecasts(code.space.columns([row.design for row in later]))
        for row, forecast in zip(later, forecasts, strict=True):
            for name, e in forecast.expected.items():
                if name in row.features and name in target.goals:
                    held = Held(
                        experiment=row.experiment, mean=e.mean, low=e.low, high=e.high, measured=row.features[name]
                    )
                    found.setdefault(name, []).append(held)
    return found


def ignorance(posterior: Posterior) -> float:
    """Return the share of the space where the model knows no more of the first goal than the data's own spread."""
    columns, ok = posterior.code.make(sobol_axes(posterior.code.p, SPREAD, posterior.seed), {})
    X = torch.from_numpy(posterior.code.inputs({name: values[ok] for name, values in columns.items()}))
    if not len(X):
        return 1.0
    sd = posterior.surrogate.moments(X)[1][:, 0].sqrt()
    return float((sd > IGNORANT * posterior.surrogate.outcomes[0].fitted.spread).double().mean())


def empty(posterior: Posterior) -> dict[str, list[Mapping[str, float | str]]]:
    """Return the parts of each parameter's range, and its choices, in which no experiment was made."""
    space = posterior.code.space
    columns = space.columns([row.design for row in posterior.rows])
    axes = posterior.code.axes(columns)
    found: dict[str, list[Mapping[str, float | str]]] = {}
    for j, p in enumerate(space.parameters):
        if p.choices:
            gone: list[Mapping[str, float | str]] = [{"choice": c} for c in p.choices if c not in set(columns[p.name])]
        else:
            counts, edges = np.histogram(axes[:, j], bins=EMPTY_BINS, range=(0.0, 1.0))
            corners = np.full((EMPTY_BINS + 1, len(space.parameters)), 0.5)
            corners[:, j] = edges
            at = posterior.code.columns(corners)[p.name]
            gone = [{"low": float(at[k]), "high": float(at[k + 1])} for k in range(EMPTY_BINS) if not counts[k]]
        if gone:
            found[p.name] = gone
    return found
