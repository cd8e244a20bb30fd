"""The schedule of a batch on a deck as the load list asks for it, before anything is started."""

from __future__ import annotations

from collections.abc import Mapping

from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.recipe import Recipe, Run
from sdl.chemistry.schedule import Scheduler


def provisional(campaign: Campaign, compiler: Compiler, recipes: Mapping[str, Recipe]) -> Run:
    """Schedule ``recipes`` by id into the first vials, one batch; raise `Refused` where the arm cannot do that."""
    lab = compiler.lab
    scheduler = Scheduler(
        lab=lab,
        declared=compiler.declared,
        sources={name: stock.at[0] for name, stock in campaign.stocks.items()},
        vials=tuple(f"{lab.dilution_rack}/{row}{column}" for row in "ABCD" for column in range(1, 7)),
        growth_s=growth_range_s(campaign),
    )
    places = [lab.reader.probe] if lab.reader.probe else [f"vials/{'ABCD'[i // 6]}{i % 6 + 1}" for i in range(24)]
    return scheduler.run(recipes, {id: places[i % len(places)] for i, id in enumerate(recipes)})


def growth_range_s(campaign: Campaign) -> tuple[float, float] | None:
    """Return the least and longest growth time that the campaign varies over; None where it is fixed."""
    grown = next((p for p in campaign.parameters if p.name == "growth_time_s" and not p.choices), None)
    return None if grown is None else (grown.low, grown.high)


def quench_windows_s(run: Run) -> dict[str, tuple[float, float]]:
    """Return the shortest and longest growth, by id, that live control may choose in a run's verified windows."""
    ids = {well: id for id, well in run.wells.items()}
    found = {}
    for step in run.steps:
        if step.action == "quench" and step.at_s is not None and step.earliest_s is not None and step.latest_s:
            planned_s = run.recipes[ids[step.well]].growth_time_s
            found[ids[step.well]] = (
                planned_s + step.earliest_s - step.at_s,
                planned_s + step.latest_s - step.at_s,
            )
    return found
