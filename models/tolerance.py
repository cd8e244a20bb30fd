"""How exactly a recipe must be made: what a slip of the pipette moves, and the chance of a hit with slips in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.palette import views
from models.posterior import Posterior
from sdl.chemistry.uncertainty import moved_by
from sdl.space import Columns, Design
from sdl.units import label_of, unit_of

if TYPE_CHECKING:
    from sdl.chemistry.compiler import Compiler

SLIPS = 64
"""Pours of one recipe that are imagined, the same for all recipes that are compared (chosen: a standard error of P
below 0.03, and 512 recipes in 0.1 s)."""

ONE_UL, TEN_S, ONE_C = 1.0, 10.0, 1.0
"""The slips of a tolerance card: a round volume, a late hand, a block's own accuracy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """One slip and what it does to the mean of each outcome, in the outcome's unit."""

    what: str
    moves: Mapping[str, float]


def robust(posterior: Posterior, columns: Columns) -> NDArray[np.float64]:
    """Return P(hit of one new measurement) ``(n,)`` where the recipe is poured with the pipettes' own scatter.

    Of a palette, for the target that each recipe serves best. The scatter of wells that the model learned holds the
    average of such slips already, so that the result errs on the safe side. Without pipettes it is the plain P(hit).
    """
    space = posterior.code.space
    n = len(next(iter(columns.values())))
    poured = columns
    draws = SLIPS if space.input_sd is not None else 1
    if space.input_sd is not None:
        sd = space.input_sd(columns)
        rng = np.random.default_rng(posterior.seed)
        z = {name: rng.standard_normal((1, SLIPS)) for name in sd}
        poured = {
            name: (values[:, None] + sd[name][:, None] * z[name]).ravel() if name in sd else np.repeat(values, SLIPS)
            for name, values in columns.items()
        }
        low = {p.name: p.low for p in space.parameters if not p.choices and p.low > 0}
        poured = {name: np.maximum(v, 0.5 * low[name]) if name in low else v for name, v in poured.items()}
    X = torch.from_numpy(posterior.code.inputs(poured))
    with torch.no_grad():
        each = torch.stack([view.p(X, noisy=True).reshape(n, draws).mean(1) for view in views(posterior)])
    return np.asarray(each.amax(0))


def card(posterior: Posterior, design: Design, compiler: Compiler | None) -> list[Slip]:
    """Return what slips in making ``design`` move, by volume (with a ``compiler``), time and temperature."""
    space = posterior.code.space
    columns = space.columns([design])
    slips: list[tuple[str, Columns]] = []
    if compiler is not None:
        moved = moved_by(compiler, columns, ul=ONE_UL)
        slips += [(f"+{ONE_UL:g} µL of {design.get(reagent, reagent)}", there) for reagent, there in moved.items()]
    for p in space.parameters:
        step = {"s": TEN_S, "degC": ONE_C}.get(unit_of(p.name))
        if step is not None:
            slips.append(
                (f"+{step:g} {unit_of(p.name)} of {label_of(p.name)}", {**columns, p.name: columns[p.name] + step})
            )
    here = _means(posterior, columns)
    return [
        Slip(what=what, moves={name: there[name] - here[name] for name in here})
        for what, there in ((what, _means(posterior, moved)) for what, moved in slips)
    ]


def _means(posterior: Posterior, columns: Columns) -> dict[str, float]:
    with torch.no_grad():
        X = torch.from_numpy(posterior.code.inputs(columns))
        mean = posterior.means(X)[0]
    return dict(zip(posterior.codec.names, mean.tolist(), strict=True))


def card_json(slips: list[Slip]) -> list[dict[str, Any]]:
    """Return a tolerance card as plain JSON."""
    return [{"what": slip.what, "moves": dict(slip.moves)} for slip in slips]
