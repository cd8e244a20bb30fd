"""Do planner and verifier agree on volumes and moles of every well? ``python -m benchmarks.agreement [DESIGNS]``.

Random feasible designs of every route are compiled, scheduled in whole batches and rendered; the verifier, which shares
no code with the planner, derives from the raw command list what every well received. The list is the one that analysis
gives (`tests.protocols.listing`, compared with it by hash in a test), so that thousands of designs take a minute.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sdl.attempt.consumables import rack_wells
from sdl.attempt.expectation import expected
from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space
from sdl.chemistry.recipe import Recipe
from sdl.chemistry.schedule import Scheduler
from sdl.errors import Refused, Unsafe
from sdl.lab.protocol import csv_text
from sdl.space import Design
from sdl.verifier import Approval, verify
from tests.chemistry.campaigns import NAMES, campaign
from tests.protocols.listing import listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How many designs were compared, and the largest differences: uL of one stock, fraction of one species' moles."""

    designs: int
    commands: int
    refused: Counter[str]
    worst_ul: float
    worst_moles: float
    verify_s: float


def agreement(campaign: Campaign, designs: int, batch: int, seed: int) -> Agreement:
    """Compare ``designs`` random designs of one campaign, ``batch`` wells to a list."""
    compiler, lab = Compiler.of(campaign), campaign.lab
    assert lab is not None
    drawn = design_space(campaign).sobol(designs, seed=seed)
    worst_ul = worst_moles = verify_s = 0.0
    commands, compared, refused = 0, 0, Counter[str]()
    for group in _groups(drawn, compiler, min(batch, lab.deck[lab.blocks[0].rack].wells)):
        recipes = {f"c-{n:04}": recipe for n, recipe in enumerate(group)}
        wells = dict(zip(recipes, rack_wells(lab.blocks[0].rack, 24), strict=False))
        try:
            places, approval, took_s, length = _verified(campaign, compiler, recipes, wells)
        except (Unsafe, Refused) as exc:
            refused[str(exc).splitlines()[-1][:160]] += len(recipes)
            continue
        verify_s, commands, compared = verify_s + took_s, commands + length, compared + len(recipes)
        for name, recipe in recipes.items():
            ul, moles = _differences(recipe, places, approval, wells[name])
            worst_ul, worst_moles = max(worst_ul, ul), max(worst_moles, moles)
    return Agreement(
        designs=compared,
        commands=commands,
        refused=refused,
        worst_ul=worst_ul,
        worst_moles=worst_moles,
        verify_s=verify_s,
    )


def _groups(designs: Sequence[Design], compiler: Compiler, batch: int) -> Iterator[list[Recipe]]:
    """Yield recipes in batches; the wells of one block share the first one's temperature."""
    recipes: list[Recipe] = []
    for design in designs:
        shared = {"temperature_c": recipes[0].temperature_c} if recipes and "temperature_c" in design else {}
        try:
            recipes.append(compiler.recipe({**design, **shared}))
        except Refused:
            continue  # not feasible at its neighbours' temperature; the count in the table leaves it out
        if len(recipes) == batch:
            yield recipes
            recipes = []
    if recipes:
        yield recipes


def _verified(
    campaign: Campaign, compiler: Compiler, recipes: dict[str, Recipe], wells: dict[str, str]
) -> tuple[dict[str, str], Approval, float, int]:
    lab = campaign.lab
    assert lab is not None
    sources = {name: stock.at[0] for name, stock in campaign.stocks.items()}
    rack = lab.dilution_rack
    vials = tuple(rack_wells(rack, lab.deck[rack].wells)) if rack else ()
    run = Scheduler(lab=lab, declared=compiler.declared, sources=sources, vials=vials).run(recipes, wells)
    commands = listed(lab, run)
    held = {at: stock.volume_ul / len(stock.at) for stock in campaign.stocks.values() for at in stock.at}
    bench = expected(campaign, compiler.route, csv_text(lab, run), held_ul=held, tips_gone={}, waste_ul=0.0)
    begin = time.perf_counter()
    approval = verify(commands, bench)
    return {**sources, **run.dilutions}, approval, time.perf_counter() - begin, len(commands)


def _differences(recipe: Recipe, places: Mapping[str, str], approval: Approval, well: str) -> tuple[float, float]:
    """Return the largest difference of one well: uL from one place, and moles of one species as a fraction."""
    planned = Counter[str]()
    for transfer in recipe.transfers:
        planned[places[transfer.stock]] += transfer.volume_ul
    got = approval.received_ul[well]
    volumes = [abs(planned[at] - got.get(at, 0.0)) for at in planned.keys() | got.keys()]
    species = approval.received_umol[well]
    moles = [abs(species.get(name, 0.0) - umol) / umol for name, umol in recipe.moles_umol.items()]
    assert {name for name, umol in species.items() if umol > 1e-6} == set(recipe.moles_umol)
    return max(volumes), max(moles, default=0.0)


def main(designs: int = 2000, batch: int = 12) -> None:
    """Print one row a campaign."""
    print("| campaign | designs | commands | refused | worst volume uL | worst moles % | verify s/list |")
    print("|---|---|---|---|---|---|---|")
    for number, name in enumerate(NAMES):
        share = designs // len(NAMES) + (number < designs % len(NAMES))
        found = agreement(campaign(name), share, batch, seed=number)
        lists = max(1, found.designs // batch)
        worst = f"{found.worst_ul:.4f} | {100 * found.worst_moles:.4f}"
        refused = sum(found.refused.values())
        print(f"| {name} | {found.designs} | {found.commands} | {refused} | {worst} | {found.verify_s / lists:.3f} |")
        for text, count in found.refused.most_common(3):
            print(f"  {count} designs: {text}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
