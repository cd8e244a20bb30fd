"""What batches of a campaign take: typical ones, drawn from its feasible designs, and the hungriest for each supply."""

from __future__ import annotations

import numpy as np

from sdl.bench import Lab
from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import SEARCHED
from sdl.chemistry.quench_range import growth_range_s
from sdl.chemistry.recipe import Recipe, Run
from sdl.chemistry.runway import Batch
from sdl.chemistry.schedule import Scheduler
from sdl.route import Hold
from sdl.space import Columns, DesignSpace

DRAWN = 4096
"""Uniform designs from which feasible ones are taken (chosen: a few ms)."""

TYPICAL = 2
"""Batches that the mean draw is taken over (chosen: 16 wells of the example scatter by 6 % about the mean)."""


def feasible(campaign: Campaign, space: DesignSpace) -> Columns:
    """Return random feasible designs that share one value of every block parameter, as columns."""
    unit = np.random.default_rng(campaign.seed).random((DRAWN, len(space.parameters)))
    for j, p in enumerate(space.parameters):
        if p.scope == "block":
            unit[:, j] = 0.5
    made, ok = space.make(space.from_unit(unit))
    if not ok.any():
        found = space.columns(space.sobol(SEARCHED, seed=campaign.seed))
        shared = {name: np.repeat(found[name][:1], SEARCHED) for name in space.shared}
        made, ok = space.make(found | shared)
    return {name: column[ok] for name, column in made.items()}


def typical_runs(campaign: Campaign, space: DesignSpace, columns: Columns) -> list[Run]:
    """Schedule a few batches of the first of these designs."""
    size = campaign.budget.batch
    recipes = _recipes(campaign, space, columns, list(range(TYPICAL * size)))
    groups = [recipes[i : i + size] for i in range(0, len(recipes), size)]
    return [schedule(campaign, group) for group in groups]


def worst_batches(campaign: Campaign, space: DesignSpace, columns: Columns) -> list[Batch]:
    """Return batches in which every well is the design that takes most of one stock, of tips, or of reads."""
    recipes = _recipes(campaign, space, columns, sorted(_hungriest(Compiler.of(campaign), columns)))
    return [Batch.of(schedule(campaign, [recipe] * campaign.budget.batch)) for recipe in recipes]


def _hungriest(compiler: Compiler, columns: Columns) -> set[int]:
    """Return the rows that draw most of each reagent, take most transfers of each pipette, or have most reads."""
    full = compiler.declared.complete(columns)
    well, _ = compiler.pour(full)
    drawn = np.stack([well.drawn(dose.reagent) for dose in compiler.route.doses])
    holds = [step for step in compiler.route.steps if isinstance(step, Hold)]
    reads = sum((compiler.declared.reads(hold, full) for hold in holds), np.zeros(drawn.shape[1]))
    small = min(p.stroke_ul for p in compiler.lab.pipettes)
    counts = [((drawn > 0) & (drawn <= small)).sum(axis=0), (drawn > small).sum(axis=0) + 2 * reads]
    return {int(np.argmax(row)) for row in (*drawn, *counts, reads)}


def _recipes(campaign: Campaign, space: DesignSpace, columns: Columns, rows: list[int]) -> list[Recipe]:
    compiler = Compiler.of(campaign)
    kept = {name: column[[row for row in rows if row < len(column)]] for name, column in columns.items()}
    return [compiler.recipe(design) for design in space.designs(kept)]


def schedule(campaign: Campaign, recipes: list[Recipe]) -> Run:
    """Put ``recipes`` into the first wells of an empty rack and schedule them."""
    compiler = Compiler.of(campaign)
    lab = compiler.lab
    scheduler = Scheduler(
        lab=lab,
        declared=compiler.declared,
        sources={name: stock.at[0] for name, stock in campaign.stocks.items()},
        vials=_places(lab, lab.dilution_rack) if lab.dilution_rack else (),
        growth_s=growth_range_s(campaign),
    )
    free = (lab.reader.at,) if lab.reader.at else _places(lab, lab.blocks[0].rack)
    wells = {str(i): place for i, place in enumerate(free[: len(recipes)])}
    return scheduler.run({str(i): recipe for i, recipe in enumerate(recipes)}, wells)


def _places(lab: Lab, rack: str) -> tuple[str, ...]:
    """Return the places of a rack of four rows in order."""
    columns = max(1, lab.deck[rack].wells // 4)
    return tuple(f"{rack}/{row}{column}" for row in "ABCD" for column in range(1, columns + 1))
