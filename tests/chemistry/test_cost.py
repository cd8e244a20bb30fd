"""What a well costs."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from sdl.campaign import Prices
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.cost import LEAST, robot_s, well_cost
from sdl.chemistry.demand import schedule
from sdl.chemistry.feasible import design_space
from sdl.config.load import load_campaign

BLUE = load_campaign(Path("examples/blue-465/campaign.yaml"))
STOCKS = {"PbBr2-TOPO": 0.012, "TOPO": 0.002}


def test_a_well_costs_what_its_recipe_pours_of_priced_stocks() -> None:
    space, compiler = design_space(BLUE), Compiler.of(BLUE)
    designs = space.sobol(8, seed=3)
    found = well_cost(compiler, Prices(currency="EUR", stock_per_ul=STOCKS), 8, space.columns(designs))
    for design, price in zip(designs, found, strict=True):
        recipe = compiler.recipe(design)
        weaker = {d.name: d for d in recipe.dilutions}
        poured = {
            t.reagent: t.volume_ul / (weaker[t.stock].factor if t.stock in weaker else 1.0) for t in recipe.transfers
        }
        assert price == pytest.approx(sum(poured.get(name, 0.0) * per_ul for name, per_ul in STOCKS.items()), rel=1e-6)


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_the_robot_time_of_the_wells_of_a_batch_is_about_that_of_the_batch(seed: int) -> None:
    space, compiler = design_space(BLUE), Compiler.of(BLUE)
    designs = space.sobol(8, seed=seed)
    designs = [{**d, "temperature_c": designs[0]["temperature_c"]} for d in designs]
    full = compiler.declared.complete(space.columns(designs))
    together = robot_s(compiler, full, compiler.pour(full)[0], 8).sum()
    assert 0.75 < together / schedule(BLUE, [compiler.recipe(d) for d in designs]).duration_s < 1.0


def test_a_well_keeps_the_robot_for_its_share_of_its_growth_and_for_every_read() -> None:
    space, compiler = design_space(BLUE), Compiler.of(BLUE)
    full = compiler.declared.complete(space.columns([space.sobol(1, seed=3)[0]] * 3))
    full["growth_time_s"] = np.array([1000.0, 1800.0, 800.0])
    poured = compiler.pour(full)[0]
    for reagent in poured.ul:  # the same liquid in each, whatever the reads take
        for part in (poured.ul, poured.diluting_ul):
            part[reagent] = np.full(3, part[reagent][0])
    found = robot_s(compiler, full, poured, 8)
    assert found[1] - found[0] == pytest.approx(100.0)
    assert found[0] - found[2] > 25.0 + 60.0  # one read less below 15 min of growth


def test_no_well_counts_as_cheaper_than_a_tenth_of_a_typical_one() -> None:
    assert design_space(BLUE).cost is None
    space = design_space(dataclasses.replace(BLUE, prices=Prices(currency="EUR", stock_per_ul={"TOPO": 0.002})))
    assert space.cost is not None
    columns = space.columns(space.sobol(64, seed=3))
    price, counted = space.cost.of(columns), np.exp(space.cost.log(columns))
    assert price.min() == 0.0  # no extra TOPO
    assert counted.min() == pytest.approx(LEAST * price.mean(), rel=0.2)
    assert counted[price > space.cost.least] == pytest.approx(price[price > space.cost.least])
