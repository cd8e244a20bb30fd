"""A growing well is watched through the virtual robot, and quenched when the forecast says so, not the plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows import steps
from models.kinetics import Curve, Fleet, GrowthWatch, Look
from sdl.attempt import follow, prepare
from sdl.attempt.consumables import load_stocks
from sdl.attempt.session import Session, open_session
from sdl.attempt.wording import recipe_json
from sdl.campaign import Campaign
from sdl.chemistry.feasible import design_space
from sdl.lab import simulated
from sdl.lab.virtual.chance import batch_effect
from sdl.lab.virtual.chemistry import Growth
from sdl.lab.virtual.mix import Mix
from sdl.lab.virtual.optics import truth
from sdl.spectra.types import Value
from sdl.store import NewExperiment
from sdl.units import HC_EV_NM
from tests.benches import example

pytestmark = pytest.mark.lab

REACTOR = "vials/A1"
WANTED_NM = 478.0
CAMPAIGN = example()


def dip_probe() -> Campaign:
    """The example on a bench with a dip probe in its one heated vial."""
    assert CAMPAIGN.lab is not None
    reader = replace(
        CAMPAIGN.lab.reader, geometry="dip probe", at=REACTOR, path_mm=10.0, sample_ul=0.0, rinse_ul=0.0, rinses=0
    )
    goal = replace(CAMPAIGN.target.goals["pl_peak_nm"], wanted=WANTED_NM, low=WANTED_NM - 1, high=WANTED_NM + 1)
    target = replace(CAMPAIGN.target, goals={**CAMPAIGN.target.goals, "pl_peak_nm": goal})
    return replace(CAMPAIGN, lab=replace(CAMPAIGN.lab, reader=reader), target=target)


def earlier(number: int, design: dict[str, float | str]) -> Curve:
    """One well of the same lab, made before: X1 and emission as a good probe would read them."""
    d = {name: float(value) for name, value in design.items()}
    cs = d["cs_concentration_mmol_l"] / 1e3
    lead = cs * d["pb_to_cs"]
    mix = Mix(
        cs_mol_l=cs,
        pb_mol_l=lead,
        topo_mol_l=lead * d["topo_to_pb"],
        dopa_mol_l=cs * 4.75,
        temperature_c=d["temperature_c"],
    )
    growth = Growth(mix, batch_effect(CAMPAIGN.seed, {"2026-11-02"}, 100 + number, REACTOR))
    looks = []
    for t in np.geomspace(40.0, 0.9 * d["growth_time_s"], 9):
        seen = truth(growth.advance(float(t)))
        looks.append(Look(time_s=float(t), values={"pl_ev": Value(value=HC_EV_NM / seen.pl_peak_nm, sd=0.0005)}))
    growth.quench(d["growth_time_s"], d["lecithin_to_cs"])
    final = truth(growth.advance(d["growth_time_s"] + 300.0))
    return Curve(
        experiment=f"before-{number}",
        design=design,
        looks=tuple(looks),
        quench_s=d["growth_time_s"],
        final_ev=Value(value=HC_EV_NM / final.pl_peak_nm, sd=0.0005),
    )


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    opened = open_session(dip_probe(), tmp_path / "state")
    try:
        yield opened
    finally:
        simulated.end(opened.folder)
        opened.robot.close()
        opened.store.close()


@pytest.mark.parametrize("planned_s", [900.0, 120.0], ids=["a plan that is too long", "a plan that is too short"])
def test_a_well_is_quenched_when_the_forecast_says_so(session: Session, planned_s: float) -> None:
    space = design_space(session.campaign)
    near = {"pb_to_cs": 4.0, "topo_to_pb": 5.0, "cs_concentration_mmol_l": 0.2564, "lecithin_to_cs": 1.0}
    made = space.columns([{**near, "temperature_c": 25.0, "growth_time_s": planned_s}])
    (design,) = space.designs(space.make(made)[0])
    rng = np.random.default_rng(3)
    others = [
        {**design, "cs_concentration_mmol_l": 0.2564 * f, "topo_to_pb": 5.0 * g, "growth_time_s": t}
        for f, g, t in zip(
            np.exp(0.2 * rng.standard_normal(9)), 1 + rng.random(9), rng.uniform(200, 1500, 9), strict=True
        )
    ]
    fleet = Fleet.learn(space, [earlier(i, d) for i, d in enumerate(others)])
    load_stocks(session)
    recipe = recipe_json(session.compiler.recipe(design))
    session.store.add_batch(1, [NewExperiment(kind="sobol", suggestion={"design": design}, recipe=recipe)])
    attempt = prepare.plan(session, 1)
    (experiment,) = session.store.experiments()
    watch = GrowthWatch(fleet, {experiment.id: design}, {experiment.id: WANTED_NM})
    while (now := session.store.attempt(attempt.id)).state != "DONE":
        if now.state == "VERIFY":
            follow.follow(session, now, lambda: watch)
        else:
            steps.ARROWS[now.state](session, now)
    (done,) = session.store.experiments()
    grown_s = float(done.executed["growth_time_s"])
    assert (grown_s < 600.0) if planned_s == 900.0 else (grown_s > 150.0)
    assert done.design["growth_time_s"] == pytest.approx(grown_s), "what was really made is what is learned from"
    assert done.features.values["pl_peak_nm"].value == pytest.approx(WANTED_NM, abs=1.5)
    assert "timing" not in done.flags
    forecasts = session.store.events(kinds=["growth forecast"])
    assert len(forecasts) > 5 and forecasts[-1].data["moved"] and forecasts[-1].experiment == done.id
    assert forecasts[-1].data["quench_s"] == pytest.approx(grown_s, abs=6.0)
    reads = session.store.reads(experiment=done.id)
    assert sum(r.since_quench_s is None for r in reads) > 5 and reads[-1].outcome
    assert reads[-1].since_quench_s == pytest.approx(300.0, abs=30.0)
