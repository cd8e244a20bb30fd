"""How long a well may grow: by its campaign, and by the verified windows of one run."""

from __future__ import annotations

from sdl.campaign import Campaign
from sdl.chemistry.recipe import Run


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


def reads_while_growing(run: Run) -> dict[str, int]:
    """Return how many planned reads of each quenched well, by id, come before its quench."""
    ids = {well: id for id, well in run.wells.items()}
    quench_s = {step.well: step.at_s for step in run.steps if step.action == "quench" and step.at_s is not None}
    read_s = [(step.source, step.at_s) for step in run.steps if step.action == "read" and step.at_s is not None]
    return {
        ids[well]: sum(source == well and at_s < before_s for source, at_s in read_s)
        for well, before_s in quench_s.items()
    }
