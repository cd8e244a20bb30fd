"""How well pipettes hit a design: the standard deviation of each parameter that comes from the volumes alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sdl.chemistry.balance import Well
from sdl.chemistry.compiler import Compiler
from sdl.space import Columns

TINY_UL = 1e-9
"""Keeps a volume of nothing from being divided by (chosen)."""

Array = NDArray[np.float64]


def input_sd(compiler: Compiler, columns: Columns) -> Columns:
    """Return the sd that pipetting gives each numeric parameter of ``n`` rounded designs, by name ``(n,)``.

    In the unit of the parameter's name: mol/mol or v/v for ratios, mmol/L for concentrations. First order, through the
    mole balance: what differs from stroke to stroke moves one draw at a time, and what lasts moves everything that one
    pipette brings together, so that a ratio of two of its volumes keeps only the first. A dilution adds the two
    transfers it was made by. Times and temperatures are not pipetted and have 0 here.
    """
    full = compiler.declared.complete(columns)
    well, _ = compiler.pour(full)
    made = compiler.designed(full, well)
    variance = {name: np.zeros(well.n) for name in columns if made[name].dtype.kind == "f"}
    for off in _one_sd_each(compiler, well):
        moved = compiler.designed(full, _off(compiler, full, well, off))
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
        more = np.where(drawn > 0, ul / np.maximum(drawn, TINY_UL), 0.0)
        made = compiler.designed(full, _off(compiler, full, well, {dose.reagent: more}))
        found[dose.reagent] = {name: made[name] for name in columns}
    return found


def _one_sd_each(compiler: Compiler, well: Well) -> list[Mapping[str, Array]]:
    """Return every independent error as the fraction ``(n,)`` by which it moves what each reagent brings."""
    draws: list[Mapping[str, Array]] = []
    lasting: list[dict[str, Array]] = [{} for _ in compiler.lab.pipettes]
    worst = max(pipette.cv for pipette in compiler.lab.pipettes)
    for dose in compiler.route.doses:
        drawn_ul = well.drawn(dose.reagent)
        random_ul, lasting_ul = compiler.pipetting.errors_ul(drawn_ul)
        whole_ul = np.maximum(drawn_ul, TINY_UL)
        diluting = np.where(well.factor[dose.reagent] > 1.0, 2.0 * worst**2, 0.0)
        draws.append({dose.reagent: np.asarray(np.sqrt((random_ul / whole_ul) ** 2 + diluting))})
        for of_pipette, ul in zip(lasting, lasting_ul, strict=True):
            of_pipette[dose.reagent] = np.asarray(ul / whole_ul)
    return [*draws, *lasting]


def _off(compiler: Compiler, full: Columns, well: Well, off: Mapping[str, Array]) -> Well:
    """Return the wells as they are when each reagent in ``off`` brings so much more."""
    other = compiler.empty(full)
    for dose in compiler.route.doses:
        other.copy(dose.reagent, well)
    for reagent, fraction in off.items():
        other.ul[reagent] = well.ul[reagent] * (1.0 + fraction)
        other.diluting_ul[reagent] = well.diluting_ul[reagent] * (1.0 + fraction)
    return other
