"""What batches of a campaign take: typical ones, drawn from its feasible designs, and the hungriest for each supply."""

from __future__ import annotations

import numpy as np

from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.recipe import Recipe, Run
from sdl.chemistry.runway import Batch
from sdl.chemistry.schedule import Scheduler
from sdl.space import DesignSpace

DRAWN = 4096
"""Uniform designs from which feasible ones are taken (chosen: a few ms)."""

LOOKED_AT = 64
"""Feasible designs among which the hungriest are looked for (chosen: the tutorial's check stays below a second)."""

TYPICAL = 3
"""Batches that the mean draw is taken over (chosen: 24 wells of the example scatter by 5 % about the mean)."""


def feasible_recipes(campaign: Campaign, space: DesignSpace, n: int) -> list[Recipe]:
    """Compile up to ``n`` random feasible designs that share one value of every block parameter."""
    compiler = Compiler.of(campaign)
    unit = np.random.default_rng(campaign.seed).random((DRAWN, len(space.parameters)))
    for j, p in enumerate(space.parameters):
        if p.scope == "block":
            unit[:, j] = 0.5
    made, ok = space.make(space.from_unit(unit))
    return [compiler.recipe(design) for design in space.designs({k: v[ok][:n] for k, v in made.items()})]


def schedule(campaign: Campaign, recipes: list[Recipe]) -> Run:
    """Put ``recipes`` into the first wells of an empty rack and schedule them."""
    lab = campaign.lab
    assert lab is not None
    scheduler = Scheduler(
        lab=lab,
        route=Compiler.of(campaign).route,
        stocks=campaign.stocks,
        sources={name: stock.at[0] for name, stock in campaign.stocks.items()},
    )
    rack = lab.blocks[0].rack
    columns = max(1, lab.deck[rack].wells // 4)
    wells = {str(i): f"{rack}/{'ABCD'[i // columns]}{i % columns + 1}" for i in range(len(recipes))}
    return scheduler.run({str(i): recipe for i, recipe in enumerate(recipes)}, wells)


def typical_runs(campaign: Campaign, recipes: list[Recipe]) -> list[Run]:
    """Schedule a few random batches."""
    size = campaign.budget.batch
    groups = [recipes[i : i + size] for i in range(0, TYPICAL * size, size)]
    return [schedule(campaign, group) for group in groups if group]


def worst_batches(campaign: Campaign, recipes: list[Recipe]) -> list[Batch]:
    """Return batches in which every well is the design that takes most of one supply."""
    single = [Batch.of(schedule(campaign, [recipe])) for recipe in recipes[:LOOKED_AT]]
    supplies = {name for batch in single for name in batch.takes}
    hungriest = {max(range(len(single)), key=lambda i: single[i].takes.get(name, 0.0)) for name in sorted(supplies)}
    size = campaign.budget.batch
    return [Batch.of(schedule(campaign, [recipes[i]] * size)) for i in sorted(hungriest)]
