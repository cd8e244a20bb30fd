"""Runway: whole draws from what is left, the first thing that ends, and the same by the ledger."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdl.chemistry.compiler import Compiler
from sdl.chemistry.demand import feasible, schedule, typical_runs, worst_batches
from sdl.chemistry.feasible import design_space
from sdl.chemistry.runway import Batch, Supply, runway, runway_in_words, supplies
from sdl.cli import command
from sdl.config.load import load_campaign
from sdl.store import NewExperiment, Store
from tests.benches import EXAMPLE, example
from tests.flows.campaigns import campaign_file


def test_a_supply_lasts_its_usable_volume_over_the_draw_in_whole_wells() -> None:
    left = [Supply(name="Cs-DOPA", unit="uL", places={"stocks/A1": 1000.0})]
    batches = [Batch(wells=4, takes={"Cs-DOPA": 400.0}), Batch(wells=4, takes={"Cs-DOPA": 640.0})]
    (one,) = runway(left, batches, [Batch(wells=1, takes={"Cs-DOPA": 300.0})])
    assert (one.per_well, one.per_well_worst) == (130.0, 300.0)
    assert (one.wells, one.wells_worst, one.batches) == (7.0, 3.0, 1.0)


def test_two_bottles_do_not_share_one_draw() -> None:
    left = [Supply(name="diluent", unit="uL", places={"B1": 5.0, "B2": 5.0})]
    (one,) = runway(left, [Batch(wells=1, takes={"diluent": 3.0})])
    assert one.wells == 2.0


def test_what_is_not_drawn_never_ends_and_is_null_in_json() -> None:
    (one,) = runway([Supply(name="TOPO", unit="uL", places={"A3": 5.0})], [Batch(wells=1, takes={})])
    assert math.isinf(one.wells)
    assert one.facts["wells"] is None
    json.dumps(one.facts, allow_nan=False)


def test_what_ends_first_stands_in_front_and_is_named() -> None:
    left = [Supply(name=name, unit="tips", places={"rack": room}) for name, room in (("a", 50.0), ("b", 9.0))]
    lasts = runway(left, [Batch(wells=2, takes={"a": 2.0, "b": 2.0})])
    assert [one.name for one in lasts] == ["b", "a"]
    assert "First to run out: b, after 9 wells of the 20 wanted" in runway_in_words(lasts, 20)[-1]
    assert "beyond the 5 wanted" in runway_in_words(lasts, 5)[-1]


@given(st.floats(1, 1e5), st.floats(0.1, 1e3), st.integers(1, 24))
def test_whole_wells_fit_and_one_more_does_not(room: float, draw: float, wells: int) -> None:
    left = [Supply(name="s", unit="uL", places={"A1": room})]
    (one,) = runway(left, [Batch(wells=wells, takes={"s": draw * wells})])
    assert one.wells * draw <= room * (1 + 1e-6)
    assert (one.wells + 1) * draw > room * (1 - 1e-6)


def test_no_random_batch_takes_more_per_well_than_the_worst_of_its_designs() -> None:
    campaign = example()
    space = design_space(campaign)
    columns = feasible(campaign, space)
    worst = worst_batches(campaign, space, columns)
    for run in typical_runs(campaign, space, columns):
        batch = Batch.of(run)
        for name, taken in batch.takes.items():
            assert taken / batch.wells <= max(w.takes[name] / w.wells for w in worst) * (1 + 1e-9)


def test_a_stocks_draw_is_what_its_recipes_ask_for() -> None:
    campaign = example()
    recipes = [Compiler.of(campaign).recipe(design) for design in design_space(campaign).sobol(8, seed=3)]
    recipes = [recipe for recipe in recipes if recipe.temperature_c == recipes[0].temperature_c]
    poured = sum(t.volume_ul for r in recipes for t in r.transfers if t.stock == "Cs-DOPA")
    assert Batch.of(schedule(campaign, recipes)).takes["Cs-DOPA"] == pytest.approx(poured)


def test_supplies_count_dead_volume_and_what_the_ledger_says() -> None:
    campaign = example()
    assert campaign.lab
    by_name = {s.name: s for s in supplies(campaign.lab, campaign.stocks)}
    assert by_name["Cs-DOPA"].places == {"stocks/A1": 19_000.0}  # 20 mL less 1 mL dead
    assert by_name["diluent"].places == {"stocks/B1": 190_000.0, "stocks/B2": 190_000.0}
    deck = {"vials_used": 8, "tips_gone": {"right": 67}, "waste_ul": 9_800.0}
    used = {s.name: s for s in supplies(campaign.lab, campaign.stocks, left_ul={"stocks/A1": 900.0}, deck=deck)}
    assert used["Cs-DOPA"].places == {"stocks/A1": 0.0}
    assert sum(used["right tips"].places.values()) == 3 * 96 - 67
    assert sum(used["vials"].places.values()) == 16
    assert sum(used["waste"].places.values()) == 890_200.0


def test_check_says_the_runway_and_what_runs_out_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["check", str(EXAMPLE), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["first_out"] == "vials"
    assert told["runway"]["vials"] == {
        "unit": "vials",
        "left": 24,
        "per_well": 1,
        "per_well_worst": 1,
        "wells": 24,
        "wells_worst": 24,
        "batches": 3,
    }
    assert set(told["runway"]) == {"vials", "waste", "left tips", "right tips", *load_campaign(EXAMPLE).stocks}
    for one in told["runway"].values():
        assert one["wells_worst"] <= one["wells"]


def test_check_of_a_campaign_that_has_begun_reads_the_ledger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = campaign_file(tmp_path)
    with Store.open(load_campaign(file).home, create=True) as store:
        store.claim()
        store.save_campaign("text", "0" * 64, {"name": "blue-465"})
        store.load_stock("stocks/A1", 20_000.0, "Cs-DOPA")
        store.update_deck(vials_used=20, tips_gone={}, waste_ul=0.0)
        rows = [NewExperiment(kind="sobol", suggestion={"design": {}})] * 4
        wells = {f"vials/A{i}": e.id for i, e in enumerate(store.add_batch(1, rows), 1)}
        attempt = store.plan_attempt(1, wells, {})
        store.reserve(attempt.id, {"stocks/A1": 18_900.0})
        store.release()
    assert command(["check", str(file)]) == 0
    said = capsys.readouterr().out
    assert "after 4 experiments, by the ledger" in said
    assert "First to run out: Cs-DOPA, after" in said
    assert "of the 44 wanted" in said
