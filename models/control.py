"""Control charts: how far each run lies off what its recipes should give, and whether runs drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from models.posterior import Posterior
from sdl.units import label_of, unit_of

SHEWHART = 3.0
"""Limit of one run in its own sd (W. A. Shewhart 1931; ISO 7870-2): 0.3 % of undisturbed runs lie beyond."""

MEMORY, EWMA = 0.3, 2.7
"""Weight of the newest run in the moving mean, and its limit in sd: a shift of 1.5 sd is seen after about five runs
(Lucas and Saccucci 1990, doi 10.1080/00401706.1990.10484583: average run length 5 at 1.5 sd, some 350 without one)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One outcome over the runs, in its unit: ``effect`` ``(r,)`` is how far a run lies off, ``sd`` that of telling so.

    ``limit`` is Shewhart's, by run; ``mean`` the moving mean (EWMA) and ``mean_limit`` its limit. ``run_sd`` is the
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
    z = (effect / sd).tolist()
    moving, before, left = [], 0.0, 1.0
    limits = []
    for value in z:
        before = MEMORY * value + (1.0 - MEMORY) * before
        left *= (1.0 - MEMORY) ** 2
        moving.append(before)
        limits.append(EWMA * (MEMORY / (2.0 - MEMORY) * (1.0 - left)) ** 0.5)
    said = [_alarm(name, *one) for one in zip(runs, effect.tolist(), z, moving, limits, strict=True)]
    return Chart(
        feature=name,
        runs=tuple(runs),
        effect=tuple(effect.tolist()),
        sd=tuple(sd.tolist()),
        limit=tuple((SHEWHART * sd).tolist()),
        mean=tuple(m * float(s) for m, s in zip(moving, sd, strict=True)),
        mean_limit=tuple(limit * float(s) for limit, s in zip(limits, sd, strict=True)),
        run_sd=run_sd,
        alarms=tuple(filter(None, said)),
    )


def _alarm(name: str, run: str, effect: float, z: float, moving: float, limit: float) -> str:
    """Say what is beyond its limit in one run, "" when nothing is."""
    if abs(z) > SHEWHART:
        off = f"{abs(effect):.1%}" if name == "plqy" else f"{abs(effect):.2g} {unit_of(name)}".rstrip()
        return (
            f"{run}: {label_of(name)} reads {off} {'high' if z > 0 else 'low'} in all wells, beyond {SHEWHART:g} sd; "
            "look for what was new in it (lot, lamp, pipette, room)"
        )
    if abs(moving) > limit:
        return (
            f"{run}: {label_of(name)} has drifted {'up' if moving > 0 else 'down'} over the last runs; compare lots "
            "and the reference dye"
        )
    return ""


def alarms(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what the charts of a diagnosis say lies beyond their limits."""
    return [text for chart in found.values() for text in chart["alarms"]]
