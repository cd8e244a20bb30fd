"""What a plan promises the verifier: taken from the lab and the steps, and refused where a limit is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sdl.attempt.expectation import expected
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.evaporation import gone_after_ul
from sdl.chemistry.feasible import design_space
from sdl.chemistry.schedule import Scheduler
from sdl.errors import Unsafe
from sdl.lab.protocol import csv_text
from sdl.verifier import Bench, verify
from tests.benches import example
from tests.chemistry.campaigns import campaign
from tests.protocols.listing import listed

STEPS = """action,at_s,earliest_s,latest_s,well,stock,volume_ul,pipette,place,value
dispense,,,,vials/A1,stocks/B1,2500,right,,
inject,600,600,620,vials/A1,stocks/A2,80,left,,
mix,,,,vials/A1,vials/A1,400,right,,2
quench,1200,1100,1300,vials/A1,stocks/A4,40,left,,
read,1500,,,cell,vials/A1,120,right,,sample
"""


def promised(**of_lab: Any) -> Bench:
    campaign = example()
    assert campaign.lab is not None
    campaign = replace(campaign, lab=replace(campaign.lab, **of_lab))
    route = Compiler.of(campaign).route
    return expected(campaign, route, STEPS, held_ul={"stocks/A2": 5000.0}, tips_gone={"left": 97}, waste_ul=1000.0)


@pytest.mark.parametrize("missing", ["substances", "never_together"])
def test_a_lab_that_leaves_a_limit_out_approves_nothing(missing: str) -> None:
    with pytest.raises(Unsafe, match="a missing limit means refuse; state both"):
        promised(**{missing: None})


def test_windows_come_from_the_steps_and_one_without_stays_out() -> None:
    bench = promised()
    assert bench.windows_s == {
        "AT 600 inject vials/A1": (600.0, 620.0),
        "AT 1200 quench vials/A1": (1100.0, 1300.0),
    }
    assert bench.pauses[-2:] == ("AT 1500 read vials/A1", "READ sample vials/A1")
    assert bench.delivered_ul["vials/A1"] == {"stocks/B1": 2500.0, "stocks/A2": 80.0, "stocks/A4": 40.0}
    assert bench.min_growth_s == {"vials/A1": 40.0}  # the route's minute, less what a release may lead by


def test_stocks_tips_and_waste_come_from_the_ledger() -> None:
    bench = promised()
    lead = bench.vessels["stocks"].holds["A2"]
    assert lead.volume_ul == 5000.0 and lead.umol == pytest.approx({"Pb": 200.0, "TOPO": 1000.0})
    assert bench.tip_racks["tips50_1"].fresh == frozenset()
    assert bench.waste_ul == 900_000.0 - 1000.0
    assert {"hexane", "Cs", "ethanol"} <= bench.waste_holds


@pytest.mark.parametrize("route", ["cspbbr3-topo", "cspbbr3-pbs"])
def test_planner_and_verifier_hold_back_the_same_for_what_evaporates_in_a_long_run(route: str) -> None:
    """A stock with just what the planner asks for is approved; one without the share that evaporates is not."""
    planned = campaign(route)
    lab, compiler = planned.lab, Compiler.of(planned)
    assert lab is not None
    designs = design_space(planned).sobol(3, seed=4)
    same = {name: value for name, value in designs[0].items() if name == "temperature_c"}
    recipes = {f"c-{n}": compiler.recipe({**d, **same, "growth_time_s": 3000.0}) for n, d in enumerate(designs)}
    wells = {name: f"{lab.blocks[0].rack}/A{n + 1}" for n, name in enumerate(recipes)}
    sources = {name: stock.at[0] for name, stock in planned.stocks.items()}
    vials = tuple(f"{lab.dilution_rack}/A{n}" for n in range(1, 7))
    run = Scheduler(lab=lab, declared=compiler.declared, sources=sources, vials=vials).run(recipes, wells)
    gone = gone_after_ul(lab, planned.stocks.values(), run)
    drawn = {sources[name]: volume_ul for name, volume_ul in run.draws_ul.items()}
    dead = {at: lab.deck[lab.locate(at)[0]].dead_ul for at in gone}
    commands, steps = listed(lab, run), csv_text(lab, run)

    def verified(held: dict[str, float]) -> None:
        verify(commands, expected(planned, compiler.route, steps, held_ul=held, tips_gone={}, waste_ul=0.0))

    enough = {at: dead[at] + drawn.get(at, 0.0) + gone[at] for at in gone}
    verified(enough)
    last = next(step.source for step in reversed(run.steps) if step.source in gone)
    assert gone[last] > 20.0, "the run is long enough to matter"
    with pytest.raises(Unsafe, match=rf"in {last} after [0-9.]+ uL evaporated, .* cannot be drawn"):
        verified({**enough, last: dead[last] + drawn[last]})
    with pytest.raises(Unsafe, match=rf"in {last} after [0-9.]+ uL evaporated"):
        verified({**enough, last: enough[last] - 0.2 * gone[last]})
