"""Why this design, in words: what it resembles, what each parameter would do to it, and what keeps it where it is."""

from __future__ import annotations

import numpy as np
import torch

from models.encode import Array
from models.inverse import nearest
from models.posterior import Posterior
from sdl.space import Columns, Design
from sdl.units import label_of, unit_of

STEP = 0.05
"""How far each parameter is moved to see what it does, in shares of its axis (chosen: within a length scale)."""

AT_EDGE = 0.005
"""Distance from an end of its axis at which a parameter is called at its limit (chosen)."""

LEVERS = 3
"""Parameters whose effect is said, the strongest first (chosen)."""

ALIKE = 0.02
"""Difference on an axis below which two designs are called alike in a parameter (chosen)."""


def reasons(posterior: Posterior, design: Design) -> str:
    """Return what lies behind one suggestion: the most alike well, the strongest parameters, the limits that bind."""
    said = [_alike(posterior, design), _levers(posterior, design), *_limits(posterior, design)]
    return "; ".join(filter(None, said))


def effects(posterior: Posterior, design: Design) -> dict[str, tuple[float, float]]:
    """Return for each ranged parameter a step in its unit, and what it does to the mean of the first goal's outcome.

    The step is `STEP` of the parameter's axis about ``design``, the effect is in the feature's unit.
    """
    ranged = [(j, p) for j, p in enumerate(posterior.code.space.parameters) if not p.choices]
    at = posterior.code.axes(posterior.code.space.columns([design]))
    axes = np.repeat(at, 2 * len(ranged), axis=0)
    for k, (j, _) in enumerate(ranged):
        axes[2 * k : 2 * k + 2, j] = np.clip([at[0, j] - STEP / 2, at[0, j] + STEP / 2], 0.0, 1.0)
    columns = posterior.code.columns(axes)
    for p in posterior.code.space.parameters:
        if p.choices:
            columns[p.name] = np.full(len(axes), design[p.name])
    mean = _means(posterior, columns)[:, 0]
    return {
        p.name: (float(np.diff(columns[p.name][2 * k : 2 * k + 2])[0]), float(mean[2 * k + 1] - mean[2 * k]))
        for k, (_, p) in enumerate(ranged)
    }


def _means(posterior: Posterior, columns: Columns) -> Array:
    with torch.no_grad():
        X = torch.from_numpy(posterior.code.inputs(columns))
        return np.asarray(posterior.means(X))


def _alike(posterior: Posterior, design: Design) -> str:
    if not posterior.rows:
        return ""
    row = posterior.rows[nearest(posterior, design, 1)[0][0]]
    name = posterior.codec.names[0]
    gave = f" ({label_of(name)} {_said(name, row.features[name])})" if name in row.features else ""
    both = posterior.code.axes(posterior.code.space.columns([design, row.design]))
    away = np.abs(both[0] - both[1])
    apart = [
        f"{label_of(p.name)} {_said(p.name, row.design[p.name])} there"
        for j, p in sorted(enumerate(posterior.code.space.parameters), key=lambda jp: -away[jp[0]])
        if away[j] > ALIKE
    ]
    return f"most alike: {row.experiment}{gave}{', ' if apart else ''}{', '.join(apart[:2])}"


def _levers(posterior: Posterior, design: Design) -> str:
    """Say what the strongest parameters do to the first goal here."""
    name = posterior.codec.names[0]
    found = sorted(effects(posterior, design).items(), key=lambda item: -abs(item[1][1]))[:LEVERS]
    said = [f"{label_of(p)} +{_said(p, step)} {_signed(name, moved)}" for p, (step, moved) in found if step > 0]
    return f"moves {label_of(name)}: {', '.join(said)}" if said else ""


def _limits(posterior: Posterior, design: Design) -> list[str]:
    """Name the ends of ranges, the constraints and the recipe limits that a small step from ``design`` would break."""
    space, code = posterior.code.space, posterior.code
    at = code.axes(space.columns([design]))[0]
    said, moves = [], []
    for j, p in enumerate(space.parameters):
        if p.choices:
            continue
        for end, value in ((0.0, p.low), (1.0, p.high)):
            if abs(at[j] - end) < AT_EDGE:
                said.append(f"{label_of(p.name)} is at its limit {_said(p.name, value)}")
        moves += [(j, step) for step in (-STEP / 2, STEP / 2) if 0.0 <= at[j] + step <= 1.0]
    axes = np.repeat(at[None, :], len(moves), axis=0)
    for row, (j, step) in enumerate(moves):
        axes[row, j] += step
    columns = code.columns(axes)
    broken = [c.text for c in space.constraints if moves and not c.holds(columns).all()]
    said += [f"constraint {text} binds" for text in broken]
    if moves and not broken and not space.make(columns)[1].all():
        said.append("stocks, pipettes or safety bind")
    return said


def _said(name: str, value: float | str) -> str:
    """Write a value with its unit as a chemist would."""
    if isinstance(value, str):
        return value
    unit = unit_of(name)
    if unit == "s" and abs(value) >= 120:
        value, unit = value / 60, "min"
    return f"{value:.3g} {unit}".rstrip() if name != "plqy" else f"{value:.0%}"


def _signed(name: str, value: float) -> str:
    return ("+" if value >= 0 else "") + _said(name, value)
