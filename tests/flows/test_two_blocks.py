"""A bench with two heated racks makes two temperatures in one batch, each vial in the rack that holds its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flows import steps
from sdl.attempt import consumables
from sdl.attempt.consumables import racks_at
from sdl.attempt.session import Session, open_session
from sdl.attempt.wording import recipe_json
from sdl.bench import Block
from sdl.chemistry.feasible import design_space
from sdl.config.load import load_campaign
from sdl.errors import Refused
from sdl.lab import simulated
from sdl.store import NewExperiment
from tests.benches import example
from tests.flows.campaigns import budget, campaign_file, journal

TWO_BLOCKS = {
    "  spare:      {labware: sdl_24_vials_8ml, slot: D2,": (
        "  warm:       {labware: sdl_24_vials_8ml, slot: D3, module: temperatureModuleV2,"
    ),
    "opentrons_flex_96_tiprack_1000ul, slot: D3}": "opentrons_flex_96_tiprack_1000ul, slot: D2}",
    "  - {rack: spare}": "  - {rack: warm, range: 4 .. 95 degC}",
}


@pytest.mark.lab
def test_two_temperatures_in_one_batch_are_verified_made_and_recorded(tmp_path: Path) -> None:
    campaign = load_campaign(campaign_file(tmp_path, budget(3, 3), TWO_BLOCKS))
    assert design_space(campaign).shared == {"temperature_c": 2}, "the model may ask for two at once"
    session = replace(open_session(campaign, tmp_path), say=lambda _: None)
    try:
        consumables.load_stocks(session)
        session.store.add_batch(1, [suggested(session, t) for t in (30.0, 45.0, 30.0)])
        steps.execute(session, steps.plan(session, 1))
        (attempt,) = session.store.attempts()
        wells = {w.experiment: w.well for w in session.store.wells(attempt.id)}
        found, deck = session.store.experiments(), session.store.deck()
    finally:
        session.robot.close()
        session.store.release()
        session.store.close()
        simulated.end(tmp_path)
    assert attempt.state == "DONE" and len(attempt.list_hash) == 64, "the verifier approved the list"
    assert attempt.plan["temperatures_c"] == {"vials": 30.0, "warm": 45.0}
    assert [wells[e.id] for e in found] == ["vials/A1", "warm/A1", "vials/A2"]
    assert [(e.state, e.executed["design"]["temperature_c"]) for e in found] == [
        ("measured", 30.0),
        ("measured", 45.0),
        ("measured", 30.0),
    ]
    assert (deck["vials_used"], deck["vials_elsewhere"]) == (2, {"warm": 1})
    commands = json.loads((tmp_path / "attempts" / attempt.id / "analysis.json").read_text(encoding="utf-8"))
    set_c = [c["params"]["celsius"] for c in commands if c["commandType"].endswith("setTargetTemperature")]
    assert sorted(set_c) == [30.0, 45.0]
    assert {"vials/A1", "vials/A2", "warm/A1"} <= {e["dest"] for e in journal(tmp_path) if e["kind"] == "move"}


def suggested(session: Session, temperature_c: float) -> NewExperiment:
    design = {**design_space(session.campaign).sobol(1, seed=3)[0], "growth_time_s": 300.0}
    design["temperature_c"] = temperature_c
    suggestion = {"design": design, "kind": "explore", "why": "two blocks", "p_hit": 0.0, "expected": {}}
    recipe = {**recipe_json(session.compiler.recipe(design)), "stocks": {}}
    return NewExperiment(kind="explore", suggestion=suggestion, recipe=recipe)


def test_blocks_are_chosen_so_that_every_temperature_is_held() -> None:
    lab = example().lab
    assert lab is not None
    both = replace(lab, blocks=(Block(rack="vials", low_c=4, high_c=95), Block(rack="spare", low_c=20, high_c=40)))
    assert racks_at(both, [30.0, 70.0, 30.0]) == {30.0: "spare", 70.0: "vials"}
    assert racks_at(both, [30.0, 30.0]) == {30.0: "vials"}
    for wanted in ([50.0, 70.0], [30.0, 35.0, 38.0], [96.0]):
        with pytest.raises(Refused, match=r"cannot hold .* degC at once: vials 4 .. 95 degC, spare 20 .. 40 degC"):
            racks_at(both, wanted)
