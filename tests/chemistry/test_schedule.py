"""The list of timed steps: one arm, every well on time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space
from sdl.chemistry.recipe import Recipe, Run
from sdl.chemistry.schedule import Scheduler, shares_tip
from sdl.chemistry.windows import LATE_S
from tests.benches import example

CAMPAIGN = example()
COMPILER = Compiler.of(CAMPAIGN)
SPACE = design_space(CAMPAIGN)
assert CAMPAIGN.lab is not None
SCHEDULER = Scheduler(
    lab=CAMPAIGN.lab,
    declared=COMPILER.declared,
    sources={name: stock.at[0] for name, stock in CAMPAIGN.stocks.items()},
)


def batch(seed: int, n: int = 8) -> tuple[dict[str, Recipe], Run]:
    designs = SPACE.sobol(n, seed=seed)
    shared = designs[0]["temperature_c"]
    recipes = {f"e{i}": COMPILER.recipe({**d, "temperature_c": shared}) for i, d in enumerate(designs)}
    return recipes, SCHEDULER.run(recipes, {e: f"vials/A{i + 1}" for i, e in enumerate(recipes)})


@pytest.mark.parametrize("seed", range(6))
def test_timed_steps_come_in_order_and_never_ask_the_arm_twice(seed: int) -> None:
    _, run = batch(seed)
    steps = list(run.steps)
    starts = [i for i, s in enumerate(steps) if s.at_s is not None]
    for here, there in pairwise(starts):
        busy = sum(SCHEDULER._seconds(s) for s in steps[here:there])
        assert steps[there].at_s >= steps[here].at_s + busy  # type: ignore[operator]


@pytest.mark.parametrize("seed", range(6))
def test_every_well_is_quenched_and_read_at_its_own_time(seed: int) -> None:
    recipes, run = batch(seed)
    for experiment, recipe in recipes.items():
        well = run.wells[experiment]
        moment = {
            s.action if s.action != "read" else f"read{i}": s.at_s + SCHEDULER.lead_s(s)
            for i, s in enumerate(run.steps)
            if s.at_s is not None and well in (s.well, s.source)
        }
        reads = sorted(v for k, v in moment.items() if k.startswith("read"))
        assert moment["quench"] - moment["inject"] == pytest.approx(recipe.growth_time_s, abs=0.3)
        assert reads[-1] - moment["quench"] == pytest.approx(300.0, abs=0.3), "the outcome read of the bench"
        assert len(reads) == len(recipe.read_s)


def test_volumes_of_a_well_sum_to_its_total_and_draws_add_up() -> None:
    recipes, run = batch(1)
    for experiment, recipe in recipes.items():
        steps = [s for s in run.steps if s.well == run.wells[experiment] and s.action in ("dispense", "inject")]
        assert sum(s.volume_ul for s in steps) == pytest.approx(recipe.total_ul, abs=0.01)
        assert recipe.total_ul == pytest.approx(3120.0, abs=5.0)
    cs = sum(t.volume_ul for r in recipes.values() for t in r.transfers if t.stock == "Cs-DOPA")
    assert run.draws_ul["Cs-DOPA"] == pytest.approx(cs)


def test_no_tip_enters_a_second_stock_and_none_returns_from_a_well() -> None:
    _, run = batch(2)
    for before, step in pairwise(run.steps):
        if shares_tip(before, step):
            same_stock = before.source == step.source and before.action in ("dispense", "rinse")
            same_well = step.action == "mix" and before.well == step.well
            assert same_stock or same_well


def test_the_shortest_growth_in_the_space_can_be_scheduled() -> None:
    for design in SPACE.sobol(60, seed=5):
        columns, ok = SPACE.make(SPACE.columns([{**design, "growth_time_s": 60.0}]))
        if ok[0]:
            recipe = COMPILER.recipe(SPACE.designs(columns)[0])
            assert SCHEDULER.run({"e": recipe}, {"e": "vials/A1"}).duration_s > 0


@pytest.mark.parametrize("seed", range(4))
def test_a_quench_may_move_as_far_as_the_arm_is_free_for_it_and_its_outcome_read(seed: int) -> None:
    watched = replace(SCHEDULER, growth_s=(60.0, 3600.0))
    recipes, plain = batch(seed)
    run = watched.run(recipes, plain.wells)
    starts = [i for i, s in enumerate(run.steps) if s.at_s is not None]
    ends = [*starts[1:], len(run.steps)]
    busy = {
        i: (run.steps[i].at_s or 0.0, (run.steps[i].at_s or 0.0) + sum(SCHEDULER._seconds(s) for s in run.steps[i:end]))
        for i, end in zip(starts, ends, strict=True)
    }
    for i in starts:
        step = run.steps[i]
        assert step.at_s is not None and step.earliest_s is not None and step.latest_s is not None
        assert step.earliest_s <= step.at_s <= step.latest_s
        if step.action != "quench":
            continue
        assert step.at_s - step.earliest_s > 5.0 and step.latest_s - step.at_s >= LATE_S, "the arm's gaps allow some"
        outcome = next(j for j in starts if j > i and run.steps[j].source == step.well)
        for moved in (step.earliest_s - step.at_s, step.latest_s - step.at_s):
            for j in (i, outcome):
                start, end = busy[j][0] + moved, busy[j][1] + moved
                others = [busy[k] for k in starts if k not in (i, outcome)]
                late = moved > 0 and moved <= LATE_S
                assert late or all(end <= a + 1.0 or start >= b - 1.0 for a, b in others)


def test_a_well_alone_may_be_quenched_over_the_whole_range_of_growth() -> None:
    design = {**SPACE.sobol(1, seed=3)[0], "growth_time_s": 400.0}
    recipe = COMPILER.recipe(SPACE.designs(SPACE.make(SPACE.columns([design]))[0])[0])
    watched = replace(SCHEDULER, growth_s=(60.0, 3600.0))
    run = watched.run({"e": recipe}, {"e": "vials/A1"})
    quench = next(s for s in run.steps if s.action == "quench")
    inject = next(s for s in run.steps if s.action == "inject")
    assert quench.at_s is not None and quench.latest_s is not None and quench.earliest_s is not None
    assert quench.latest_s - quench.at_s == pytest.approx(3200.0, abs=0.2)
    mixed_s = (inject.at_s or 0.0) + sum(SCHEDULER._seconds(s) for s in run.steps[run.steps.index(inject) :][:2])
    assert quench.earliest_s == pytest.approx(max(quench.at_s - 340.0, mixed_s + 3.0), abs=0.2)


def test_a_growth_time_that_is_fixed_is_not_moved() -> None:
    _, run = batch(1)
    quenches = [s for s in run.steps if s.action == "quench"]
    assert all(s.earliest_s == s.at_s and s.latest_s == pytest.approx((s.at_s or 0.0) + LATE_S) for s in quenches)
