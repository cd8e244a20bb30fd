"""A small case of each benchmark, so that none of them can rot."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import (
    ablation,
    agreement,
    campaign,
    campaign_model,
    compiler,
    loo,
    offline,
    outcomes,
    priors,
    quench,
    spectra,
    spectrum_files,
    speed,
    stopping,
    stream,
    verifier,
    virtual_lab,
)
from benchmarks.peers import compare, tasks
from sdl.chemistry.outcomes import table_of
from sdl.chemistry.routes import ROUTES
from tests.chemistry.campaigns import NAMES
from tests.chemistry.campaigns import campaign as route_campaign


def test_the_virtual_lab_is_timed_and_misses_what_it_is_known_to_miss(capsys: pytest.CaptureFixture[str]) -> None:
    virtual_lab.main()
    said = capsys.readouterr().out
    assert "s of chemistry" in said and "(a miss)" in said


def test_spectra_are_scored_against_the_independent_generator(capsys: pytest.CaptureFixture[str]) -> None:
    spectra.main(6)
    said = capsys.readouterr().out
    assert "pl_peak_nm" in said and "false flags: 0 of 6 reads" in said
    assert re.search(r"full-spectrum fit +\d+ per s", said)


def test_a_stream_of_spectra_ends_in_decisions_and_keeps_nothing() -> None:
    outcome = stream.main(60, earlier_wells=2)
    assert outcome.latency_ms.size == 60 and outcome.latency_ms.min() > 0
    assert outcome.resident_mb[-1] - outcome.resident_mb[6] < 20


def test_a_folder_of_mixed_files_is_read_and_every_broken_one_named() -> None:
    results = spectrum_files.main(40)
    assert len({r.file for r in results if r.error}) == 2
    assert sum(bool(r.features.values) for r in results) >= 38


def test_compiling_and_spreading_is_timed_and_wastes_less_than_a_hundredth(capsys: pytest.CaptureFixture[str]) -> None:
    compiler.main(64)
    shares = [float(n) for n in re.findall(r"([\d.]+)%", capsys.readouterr().out)]
    assert len(shares) == 3 * len(NAMES)
    assert all(wasted < 1.0 for i, wasted in enumerate(shares) if i % 3)


@pytest.mark.parametrize("name", NAMES)
def test_planner_and_verifier_agree_on_random_designs(name: str) -> None:
    """Volumes to 0.1 uL and moles to 0.1 %, and no design that the planner calls feasible is refused."""
    found = agreement.agreement(route_campaign(name), 24, 12, seed=11)
    assert found.designs >= 12 and not found.refused
    assert found.worst_ul < 0.1 and found.worst_moles < 0.001


def test_a_list_of_one_vial_is_verified_and_timed(capsys: pytest.CaptureFixture[str]) -> None:
    verifier.main(wells=1, repeats=1)
    assert "| 1 | 1" in capsys.readouterr().out


def test_a_model_campaign_in_one_process_learns() -> None:
    law = campaign_model.GrowthLaw()
    outcome = campaign_model.campaign(campaign_model.virtual(), 3, budget=32, batch=8, start=8, law=law, reads=True)
    assert outcome.kinds.split()[0] == "ssssssss"
    assert len(outcome.kinds.split()[1]) == 8 and "s" not in outcome.kinds.split()[1]
    assert outcome.first is not None and outcome.first <= 16
    assert outcome.hits >= 3


@pytest.mark.parametrize("name", ["lab", "synthetic", "hartmann6", "crossed_barrel"])
def test_our_advisor_is_compared_with_the_peers_and_campaigns_on_record_are_not_run_again(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "crossed_barrel" and not tasks.DATASETS.exists():
        pytest.skip("the public tables of ../shared/data/datasets are not here")
    words = [f"--task={name}", "--seeds=1", "--batch=2", "--budget=2", "--methods=ours", f"--record={tmp_path / 'r'}"]
    compare.main(words)
    assert "ours 0:" in capsys.readouterr().err
    compare.main(words)
    said = capsys.readouterr()
    assert said.err == "" and "| ours | 1 |" in said.out
    (result,) = compare.recorded(tmp_path / "r").values()
    assert len(result.best) == 2 and result.best[0] <= result.best[1]


def test_the_synthetic_task_has_a_thousandth_of_its_space_in_specification() -> None:
    task, world = tasks.synthetic(), tasks.synthetic().world(0)
    designs = task.space.sobol(1 << 12, seed=0)
    assert 0.0002 < np.mean([task.target.hit(world.typical(d)) for d in designs]) < 0.003


@pytest.mark.lab
def test_one_short_campaign_is_measured_and_tabulated() -> None:
    outcome = campaign.one(3, experiments=3, batch=3)
    assert outcome.experiments == 3 and outcome.code in (0, 7)
    assert 0 < outcome.rss_mb < 1500
    text = campaign.table([outcome], [None])
    assert "Confirmed within the budget: 0 of 1" in text or "1 of 1" in text


def test_the_benchmark_pours_the_recipe_with_the_labs_own_pipettes() -> None:
    (design,) = campaign.design_space(campaign.CAMPAIGN).sobol(1, seed=2)
    ideal = campaign.vial(design, campaign.lot_effect(5, campaign.LOTS))
    real = campaign.vial(design, campaign.lot_effect(5, campaign.LOTS), seed=5)
    assert 0 < abs(ideal.pl_peak_nm - real.pl_peak_nm) < 5.0


@pytest.mark.parametrize("route", ["cspbbr3-topo", "cspbbr3-pbs", "pma2pbbr4-cspbbr3"])
def test_the_shipped_table_of_outcomes_comes_out_again(route: str) -> None:
    shipped = table_of(route)
    assert shipped is not None
    n, seed = len(shipped.columns["pl_peak_nm"]), int(shipped.origin.split("--seed ")[1].split(";")[0])
    asked = outcomes.campaign(ROUTES[route])
    design = outcomes.designs(ROUTES[route], outcomes.design_space(asked), n, seed)[0]
    recipe = outcomes.Compiler.of(asked).recipe(design)
    seen = outcomes.outcome(outcomes.poured(recipe, asked.stocks, 120.0))
    for name, value in {**design, **seen}.items():
        if name in shipped.columns:
            assert float(value) == pytest.approx(shipped.columns[name][0], rel=1e-4)


def test_a_small_table_is_imported_in_every_format_and_timed(capsys: pytest.CaptureFixture[str]) -> None:
    offline.imports(50)
    assert capsys.readouterr().out.count("import of 50 rows") == 3


def test_a_watched_quench_is_compared_with_a_fixed_one() -> None:
    (pair,) = quench.compare(1, 1, earlier_wells=3)
    assert pair.watched_s >= quench.FIRST_S + quench.LEAD_S
    assert "| all | 1 |" in quench.table([pair])
    late = quench.Ending(true_s=1800.0, flagged_s=2900.0, ripening_s=2400.0, broader_s=3000.0)
    said = quench.endings_in_words([late])
    assert (
        "0% within 15 min" in said and "before 45 min: 1; of these before the true line had broadened by 5%: 1;" in said
    )


@pytest.mark.skipif(not loo.NPL.exists(), reason=f"the public syntheses are not at {loo.NPL}")
def test_real_syntheses_are_predicted_better_than_by_a_plain_model_of_each_antisolvent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert loo.main([]) < 0.9
    ours = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| ours"))
    assert 0.90 <= float(ours.split("|")[5]) <= 0.98


def test_an_ask_is_timed_beside_botorch() -> None:
    assert speed.ours(12, 1, 1) > 0.0 and speed.botorch(12, 1, 1) > 0.0


def test_a_wrong_law_and_one_choice_of_the_model_are_tried_on_one_seed() -> None:
    found = priors.main(["--seeds", "1", "--batch", "8", "--budget", "8", "--cases", "law, wrong sign"])
    assert 1 <= found["law, wrong sign"] <= 9
    before = ablation.batch.REPEATS
    counts = ablation.main(["--seeds", "1", "--budget", "8", "--choices", "no repeats"])
    assert 1 <= counts["no repeats"][0] <= 9 and before == ablation.batch.REPEATS


def test_a_target_out_of_reach_and_one_within_it_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    found = stopping.main(["--seeds=1", "--batches=1", "--batch=4", "--targets", "430 nm", "465 nm"])
    (far,), (near,) = found["430 nm"][0].p, found["465 nm"][0].p
    assert far < 0.5 < near
    assert "| 430 nm | out of reach | 0 of 1 stopped |" in capsys.readouterr().out
