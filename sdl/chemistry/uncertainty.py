"""How well pipettes hit a design: the standard deviation of each parameter that comes from the volumes alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdl.chemistry.balance import Well
from sdl.chemistry.compiler import Compiler
from sdl.space import Columns

TINY_UL = 1e-9
"""Keeps a volume of nothing from being divided by (chosen)."""


def input_sd(compiler: Compiler, columns: Columns) -> Columns:
    """Return the sd that pipetting gives each numeric parameter of ``n`` rounded designs, by name ``(n,)``.

    First order: the sd of each draw, and of the dilution it comes from, moved through the mole balance one at a time.
    Times and temperatures are not pipetted and have 0 here.
    """
    full = compiler.declared.complete(columns)
    well, _ = compiler.pour(full)
    made = compiler.designed(full, well)
    variance = {name: np.zeros(well.n) for name in columns if made[name].dtype.kind == "f"}
    for dose in compiler.route.doses:
        moved = compiler.designed(full, _off_by_one_sd(compiler, full, well, dose.reagent))
        for name in variance:
            step = moved[name] - made[name]
            variance[name] += np.where(np.isfinite(step), step, 0.0) ** 2
    return {name: np.sqrt(v) for name, v in variance.items()}


def _off_by_one_sd(compiler: Compiler, full: Columns, well: Well, reagent: str) -> Well:
    """Return the wells as they are when one reagent's draw is off by its own standard deviation."""
    other = compiler.empty(full)
    for dose in compiler.route.doses:
        other.copy(dose.reagent, well)
    up = 1.0 + _relative_sd(compiler, well, reagent)
    other.ul[reagent] = well.ul[reagent] * up
    other.diluting_ul[reagent] = well.diluting_ul[reagent] * up
    return other


def _relative_sd(compiler: Compiler, well: Well, reagent: str) -> NDArray[np.float64]:
    """Return the relative sd of what arrives of a stock: its draw, and the two transfers that made its dilution."""
    drawn = well.drawn(reagent)
    pipetting = compiler.pipetting
    draw = pipetting.sd_ul(drawn) / np.maximum(drawn, TINY_UL)
    worst = max(pipette.cv for pipette in compiler.lab.pipettes)
    return np.asarray(np.sqrt(draw**2 + np.where(well.factor[reagent] > 1.0, 2.0 * worst**2, 0.0)))
