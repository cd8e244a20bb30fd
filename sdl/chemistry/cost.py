"""What a well costs: the priced stocks that go into it, and its share of the robot's time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdl.bench import Lab
from sdl.campaign import Campaign, Prices
from sdl.chemistry.balance import Well
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.schedule import GAP_S, PACE, look_s, mixing_pipette
from sdl.route import Hold, Read
from sdl.space import Columns, Cost

LEAST = 0.1
"""Share of a typical well's cost below which no well counts as cheaper: one that takes nothing of the priced stocks
would else be made whatever it teaches (chosen)."""

Array = NDArray[np.float64]


def cost_of(campaign: Campaign, compiler: Compiler, typical: Columns) -> Cost | None:
    """Return what wells of a campaign cost, None without prices; its ``typical`` designs say what is little."""
    prices, batch = campaign.prices, campaign.budget.batch
    if prices is None:
        return None

    def of(columns: Columns) -> Array:
        return well_cost(compiler, prices, batch, columns)

    return Cost(of=of, currency=prices.currency, least=LEAST * float(of(typical).mean()))


def well_cost(compiler: Compiler, prices: Prices, batch: int, columns: Columns) -> Array:
    """Return the cost ``(n,)`` of ``n`` rounded designs in wells of a batch of ``batch``.

    What goes into a well counts; blanks, rinses and what is left of a dilution do not.
    """
    full = compiler.declared.complete(columns)
    well, _ = compiler.pour(full)
    spent = np.zeros(well.n)
    for reagent, ul in well.whole():
        for stock, rows in compiler.declared.stocks_of(reagent, full):
            spent += np.where(rows, ul * prices.stock_per_ul.get(stock.name, 0.0), 0.0)
    return spent + prices.robot_per_s * robot_s(compiler, full, well, batch)


def robot_s(compiler: Compiler, full: Columns, well: Well, batch: int) -> Array:
    """Return the seconds ``(n,)`` that each well keeps the robot: the arm's visits, and a share of the time it grows.

    The wells of a batch stand side by side, so that each counts for one of ``batch`` while it grows.  A batch takes up
    to a quarter longer than its wells together: the arm also waits.
    """
    declared, lab = compiler.declared, compiler.lab
    later = PACE.tip_s + PACE.mix_s(mixing_pipette(lab)) + GAP_S
    seconds = declared.held_s(full) / batch
    for dose in compiler.route.doses:
        drawn_ul = well.drawn(dose.reagent)
        seconds += _transfer_s(lab, drawn_ul)
        seconds += np.where((drawn_ul > 0) & (dose.action != "dispense"), later, 0.0)
    for step in compiler.route.steps:
        if isinstance(step, Hold | Read):
            seconds += (look_s(lab) + GAP_S) * (declared.reads(step, full) if isinstance(step, Hold) else 1.0)
    return seconds


def _transfer_s(lab: Lab, volume_ul: Array) -> Array:
    """Return how long the arm takes for volumes ``(n,)``, with the pipette that needs the fewest strokes for each."""
    seconds, fewest = np.zeros_like(volume_ul), np.full_like(volume_ul, np.inf)
    for pipette in sorted(lab.pipettes, key=lambda p: p.resolution_ul):
        strokes = np.ceil(volume_ul / pipette.stroke_ul)
        better = (volume_ul >= pipette.min_ul) & (strokes < fewest)
        seconds = np.where(better, strokes * 2 * PACE.move_s + 2 * volume_ul / PACE.flow(pipette), seconds)
        fewest = np.where(better, strokes, fewest)
    return seconds
