"""A campaign's own experiments are recalled one by one: what no model can learn from is named and left out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from models.memory import advisor_of
from sdl.chemistry.feasible import design_space
from sdl.config.load import load_campaign
from sdl.store import Experiment
from tests.benches import ROOT
from tests.report.synthetic_campaign import whole_campaign


def made(e: Experiment, **design: float) -> Experiment:
    """Return the experiment as if it had been made with other values of its design."""
    return dataclasses.replace(e, executed={**e.executed, "design": {**e.design, "lecithin_to_cs": 1.0, **design}})


def test_an_experiment_from_before_the_range_was_narrowed_is_left_out_by_name(tmp_path: Path) -> None:
    campaign = load_campaign(ROOT / "examples" / "blue-465" / "campaign.yaml")
    with whole_campaign(tmp_path) as store:
        experiments, reads = [made(e) for e in store.experiments() if e.state == "measured"], store.reads()
    far = made(experiments[3], growth_time_s=1e7)
    advisor, notes = advisor_of(campaign, design_space(campaign), [*experiments[:3], far, *experiments[4:]], reads)
    assert {row.experiment for row in advisor.rows} == {e.id for e in experiments} - {far.id}
    (note,) = notes
    assert note.startswith(f"{far.id} teaches the model nothing: growth_time_s: 1e+07 lies more than 100 times")
