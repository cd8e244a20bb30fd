"""Control charts: how far each run lies off what its recipes should give, and whether runs drift."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from models.encode import Array
from models.posterior import Posterior
from sdl.units import label_of, unit_of

SHEWHART = 3.0
"""Limit of one run in its own sd (W. A. Shewhart 1931; ISO 7870-2): 0.3 % of undisturbed runs lie beyond."""

MEMORY = 0.3
"""Weight of the newest run in the moving mean (EWMA; Lucas and Saccucci 1990, 10.1080/00401706.1990.10484583)."""

QUIET, DRAWS = 0.99, 4096
"""Share of undisturbed campaigns whose moving mean stays within its limit in all runs (chosen), and how many imagined
ones that limit is read from."""

ROUNDING = 1e-6
"""What arithmetic may add to a moving mean that stands at its limit, as a share (chosen)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One outcome over the runs, in its unit: ``effect`` ``(r,)`` is how far a run lies off, ``sd`` that of telling so.

    ``limit`` is Shewhart's, by run; ``mean`` the moving mean (EWMA) and ``mean_limit`` its limit, from how much
    neighbouring runs differ: a drift widens the scatter over all runs and would hide behind that. ``run_sd`` is the
    scatter between runs that the model learned. ``alarms`` says in words what lies beyond.
    """

    feature: str
    runs: tuple[str, ...]
    effect: tuple[float, ...]
    sd: tuple[float, ...]
    limit: tuple[float, ...]
    mean: tuple[float, ...]
    mean_limit: tuple[float, ...]
    run_sd: float
    alarms: tuple[str, ...]

    @property
    def json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "feature"}


def charts(posterior: Posterior) -> list[Chart]:
    """Return a chart of each goal's outcome over the runs in the order they were told; none with fewer than two.

    The model knows what each recipe of a run should give, so that every run can be compared with every other, whatever
    was made in it; recipes that are made again in each run (sentinels) let it do so more finely.
    """
    runs = list(dict.fromkeys(row.run for row in posterior.rows if row.run is not None))
    if len(runs) < 2:
        return []
    centre = posterior.surrogate.moments(posterior.X)[0].median(dim=0).values
    found = []
    for j, name in enumerate(posterior.codec.names):
        effect, spread = _effects(posterior, j, runs)
        seen = [k for k, s in enumerate(spread) if s > 0]
        if len(seen) > 1:
            unit = _per_unit(posterior, centre, j)
            run_sd = posterior.surrogate.outcomes[j].run_var ** 0.5 * abs(unit)
            found.append(_chart(name, [runs[k] for k in seen], effect[seen] * unit, spread[seen] * abs(unit), run_sd))
    return found


def _effects(posterior: Posterior, j: int, runs: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the most probable effect of each run ``(r,)``, and the sd that this number has among undisturbed runs."""
    f = posterior.surrogate.outcomes[j].fitted
    inverse = torch.cholesky_inverse(f.factor)
    alpha = torch.linalg.solve_triangular(f.factor.T, f.weights.unsqueeze(-1), upper=True).squeeze(-1)
    place = {run: k for k, run in enumerate(runs)}
    member = torch.zeros(len(f.told.row), len(runs), dtype=torch.double)
    for i, row in enumerate(f.told.row.tolist()):
        run = posterior.rows[row].run
        if run is not None:
            member[i, place[run]] = 1.0
    scale = f.spread * f.constants.run
    variance = (member * (inverse @ member)).sum(0).clamp_min(0.0)
    return scale * (member.T @ alpha), scale * variance.sqrt()


def _per_unit(posterior: Posterior, centre: torch.Tensor, j: int) -> float:
    """Return the feature's change in its unit per unit of the model's scale, at the middle of the data."""
    step = 1e-4 * max(1.0, abs(float(centre[j])))
    moved = centre.clone()
    moved[j] += step
    both = posterior.codec.decode(torch.stack([centre, moved]))[:, j]
    return float(both[1] - both[0]) / step


def _chart(name: str, runs: list[str], effect: torch.Tensor, sd: torch.Tensor, run_sd: float) -> Chart:
    z, scale = (effect / sd).numpy(), sd.numpy()
    moving, limits = _moving(z), drift_limit(len(z)) * _unit(z)
    beyond = np.abs(z) > SHEWHART
    said = [_off(name, runs[k], float(effect[k])) for k in np.flatnonzero(beyond)]
    if ((np.abs(moving) > limits) & ~beyond).any():
        said.append(_drifted(name, runs, moving * scale))
    return Chart(
        feature=name,
        runs=tuple(runs),
        effect=tuple(effect.tolist()),
        sd=tuple(sd.tolist()),
        limit=tuple((SHEWHART * sd).tolist()),
        mean=tuple((moving * scale).tolist()),
        mean_limit=tuple((limits * scale).tolist()),
        run_sd=run_sd,
        alarms=tuple(said),
    )


def _moving(z: Array) -> Array:
    """Return the moving mean ``... x r`` of standardised effects."""
    mean = np.empty_like(z)
    before = np.zeros(z.shape[:-1])
    for k in range(z.shape[-1]):
        mean[..., k] = before = MEMORY * z[..., k] + (1.0 - MEMORY) * before
    return mean


def _unit(z: Array) -> Array:
    """Return the sd ``... x r`` that the moving mean has when runs scatter as much as neighbours differ."""
    apart = np.sqrt(np.square(np.diff(z, axis=-1)).mean(-1, keepdims=True) / 2.0)
    left = (1.0 - MEMORY) ** (2.0 * np.arange(1, z.shape[-1] + 1))
    return np.asarray(apart * np.sqrt(MEMORY / (2.0 - MEMORY) * (1.0 - left)))


@functools.cache
def drift_limit(runs: int) -> float:
    """Return the limit of the moving mean in its own sd: a share `QUIET` of undisturbed campaigns stays within it.

    Both the scale and the level are taken from the same few runs, so that no table for known ones holds.
    """
    z = np.random.default_rng(0).standard_normal((DRAWS, runs))
    z -= z.mean(-1, keepdims=True)
    return float(np.quantile((np.abs(_moving(z)) / _unit(z)).max(-1), QUIET)) * (1.0 + ROUNDING)


def _off(name: str, run: str, effect: float) -> str:
    return (
        f"{run}: {label_of(name)} reads {_amount(name, effect)} {'high' if effect > 0 else 'low'} in all wells, beyond "
        f"{SHEWHART:g} sd; look for what was new in it (lot, lamp, pipette, room)"
    )


def _drifted(name: str, runs: Sequence[str], mean: Array) -> str:
    """Say between which runs the moving mean went how far."""
    low, high = int(mean.argmin()), int(mean.argmax())
    return (
        f"{runs[min(low, high)]} to {runs[max(low, high)]}: {label_of(name)} has drifted "
        f"{'up' if low < high else 'down'}, its moving mean by {_amount(name, float(mean[high] - mean[low]))}; compare "
        "lots and the reference dye"
    )


def _amount(name: str, value: float) -> str:
    return f"{abs(value):.1%}" if name == "plqy" else f"{abs(value):.2g} {unit_of(name)}".rstrip()


def alarms(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what the charts of a diagnosis say lies beyond their limits."""
    return [text for chart in found.values() for text in chart["alarms"]]
