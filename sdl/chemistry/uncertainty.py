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
        up = 1.0 + _relative_sd(compiler, well, dose.reagent)
        moved = compiler.designed(full, _scaled(compiler, full, well, dose.reagent, up))
        for name in variance:
            step = moved[name] - made[name]
            variance[name] += np.where(np.isfinite(step), step, 0.0) ** 2
    return {name: np.sqrt(v) for name, v in variance.items()}


def moved_by(compiler: Compiler, columns: Columns, *, ul: float) -> dict[str, Columns]:
    """Return, by reagent, the ``n`` designs that come of ``columns`` when its draw is ``ul`` more than it should be.

    Reagents that no design uses are left out.
    """
    full = compiler.declared.complete(columns)
    well, _ = compiler.pour(full)
    found = {}
    for dose in compiler.route.doses:
        drawn = well.drawn(dose.reagent)
        if not (drawn > 0).any():
            continue
        up = 1.0 + np.where(drawn > 0, ul / np.maximum(drawn, TINY_UL), 0.0)
        made = compiler.designed(full, _scaled(compiler, full, well, dose.reagent, up))
        found[dose.reagent] = {name: made[name] for name in columns}
    return found


def _scaled(compiler: Compiler, full: Columns, well: Well, reagent: str, up: NDArray[np.float64]) -> Well:
    """Return the wells as they are when one reagent's draw is ``up`` times what it should be ``(n,)``."""
    other = compiler.empty(full)
    for dose in compiler.route.doses:
        other.copy(dose.reagent, well)
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
