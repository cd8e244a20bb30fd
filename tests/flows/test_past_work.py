"""What a chemist without a robot gets: choices from a pool, recipes by hand, a judgement, a replay, a rehearsal."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from flows.backtest import backtest
from flows.parallel import each
from flows.planning import plan_experiments
from flows.rehearsal import LabGround
from flows.rehearse import rehearse
from flows.sayings import backtest_in_words, rehearsal_in_words
from flows.trust import trust, write_trust_report
from models.replay import Pool, replay
from sdl.chemistry.feasible import design_space
from sdl.config.load import load_campaign
from sdl.errors import Refused
from sdl.export import export
from sdl.past import read_past
from sdl.space import DesignSpace
from sdl.target import Target, match
from tests.benches import EXAMPLE
from tests.flows.campaigns import budget, campaign_file

CAMPAIGN = """
campaign: past
mode: offline
data:
  file: past.csv
  columns:
    dose:    {column: dose, unit: mL}
    solvent: {column: solvent, unit: text}
    pl_peak: {column: PL, unit: nm}
    fwhm:    {column: FWHM, unit: nm}
target:
  pl_peak: {match: 470 nm, within: 2 nm, from: pl}
  fwhm:    {minimize: true, below: 24 nm, from: pl}
budget: {experiments: 12, batch: 4, stop: 1 confirmed hit}
"""


def peak_nm(dose: float, solvent: str) -> float:
    return 450.0 + 30.0 * dose**0.5 + (6.0 if solvent == "octane" else 0.0)


def past(folder: Path, more: str = "") -> Path:
    rows = ["dose,solvent,PL,FWHM"]
    for i in range(24):
        dose, solvent = 0.1 + (i * 7 % 24) / 24, ("octane", "toluene")[i % 2]
        rows.append(f"{dose:.4f},{solvent},{peak_nm(dose, solvent) + (i % 3 - 1) * 0.3:.2f},{18 + i % 5}")
    (folder / "past.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "campaign.yaml").write_text(CAMPAIGN + more, encoding="utf-8")
    return folder / "campaign.yaml"


def test_a_pool_is_chosen_from_and_nothing_else(tmp_path: Path) -> None:
    file = past(tmp_path, "pool: pool.csv\n")
    (tmp_path / "pool.csv").write_text("dose,solvent\n0.3,octane\n0.5,toluene\n0.9,toluene\n", encoding="utf-8")
    chosen = [s["design"] for s in plan_experiments(file, n=2)["suggestions"]]
    assert {d["dose_ml"] for d in chosen} <= {0.3, 0.5, 0.9}


def test_a_pool_that_says_only_part_of_a_design_leaves_the_rest_free(tmp_path: Path) -> None:
    file = past(tmp_path, "pool: pool.csv\n")
    (tmp_path / "pool.csv").write_text("solvent\ntoluene\n", encoding="utf-8")
    chosen = [s["design"] for s in plan_experiments(file, n=3)["suggestions"]]
    assert {d["solvent"] for d in chosen} == {"toluene"}
    assert len({d["dose_ml"] for d in chosen}) == 3
    (tmp_path / "pool.csv").write_text("solvent\nwater\n", encoding="utf-8")
    with pytest.raises(Refused, match="row 2: nothing is known of solvent 'water'"):
        plan_experiments(file)


def test_past_data_and_stocks_give_recipes_to_pipette_by_hand(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    stocks = text[text.index("stocks:") : text.index("lab: lab.yaml")]
    (tmp_path / "campaign.yaml").write_text(
        f"""
campaign: by-hand
mode: offline
route: cspbbr3-topo
data:
  file: past.csv
  columns:
    pb_to_cs: {{column: Pb/Cs}}
    cs_concentration: {{column: Cs, unit: mM}}
    growth_time: {{column: t, unit: min}}
    pl_peak: {{column: PL, unit: nm}}
target: {{pl_peak: {{match: 470 nm, within: 2 nm, from: pl}}}}
vary: {{pb_to_cs: 2 .. 8, cs_concentration: 0.1 .. 0.6 mmol/L, growth_time: 2 .. 60 min}}
budget: {{experiments: 12, batch: 4}}
{stocks}""",
        encoding="utf-8",
    )
    rows = ["4,0.2,10,468", "4,0.3,20,475", "5,0.4,30,482", "3,0.2,40,472", "6,0.5,15,484", "2,0.1,5,455"]
    (tmp_path / "past.csv").write_text("Pb/Cs,Cs,t,PL\n" + "\n".join(rows) + "\n", encoding="utf-8")
    for s in plan_experiments(tmp_path / "campaign.yaml", n=2)["suggestions"]:
        poured = {t["stock"]: t["volume_ul"] for t in s["recipe"]["transfers"]}
        assert poured["Cs-DOPA"] * 20.0 / s["recipe"]["total_ul"] == pytest.approx(
            s["design"]["cs_concentration_mmol_l"], rel=2e-3
        )
        assert s["expected"]["pl_peak_nm"]["low"] < s["expected"]["pl_peak_nm"]["high"]


def test_the_page_of_trust_says_error_coverage_reach_and_blind_parts(tmp_path: Path) -> None:
    file = past(tmp_path)
    judged = trust(file)
    peak = judged["goals"]["pl_peak_nm"]
    assert peak["alone"]["n"] == 24
    assert peak["alone"]["mae"] < 1.0 < 3.0 < peak["alone"]["guess"]
    assert "PL peak is well predicted" in peak["text"]
    assert peak["later"]["n"] == 24 - 7
    assert sum(p["n"] for p in judged["parts"]) == 24
    page = write_trust_report(file, out=tmp_path / "trust.html").read_text(encoding="utf-8")
    assert (
        "How far to trust" in page
        and "plot-reliability" in page
        and "http-equiv" in page
        and judged["data"]["sha256"] in page
    )


def test_a_replay_takes_each_past_design_once_and_the_same_seed_repeats_it(tmp_path: Path) -> None:
    space = DesignSpace.of(a=(0.0, 1.0))
    target = Target.of(pl_peak_nm=match(470.0, within=1.0))
    designs = [{"a": k / 15} for k in range(16)]
    pool = Pool.of(
        [*designs, designs[3]], [{"pl_peak_nm": 450.0 + 2.5 * k} for k in range(16)] + [{"pl_peak_nm": 458.0}], target
    )
    assert len(pool.designs) == 16 and pool.hits(target) == 1
    for strategy in ("model", "random", "sobol"):
        one = replay(space, target, pool, strategy, seed=3, budget=16, batch=4)  # type: ignore[arg-type]
        assert one.hits == 1 and one.first_hit is not None and len(one.best_miss) == 16
        assert list(one.best_miss) == sorted(one.best_miss, reverse=True)
        assert one == replay(space, target, pool, strategy, seed=3, budget=16, batch=4)  # type: ignore[arg-type]
    model = replay(space, target, pool, "model", seed=3, budget=16, batch=4)
    assert model.first_hit is not None and model.first_hit <= 8


def test_a_backtest_compares_three_strategies_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = backtest(past(tmp_path), wish="470 +- 3 nm", seeds=2, budget=8, workers=1)
    assert set(document["strategies"]) == {"model", "random", "sobol"}
    assert document["hits_in_pool"] > 0
    assert "backtest: 6 of 6, done" in capsys.readouterr().err
    assert "choosing at random" in backtest_in_words(document)


def test_past_data_are_rehearsed_on_worlds_that_agree_with_them(tmp_path: Path) -> None:
    document = rehearse(past(tmp_path), runs=2, workers=1, strategies=("model",))
    seen = document["strategies"]["model"]
    assert seen["experiments"]["high"] <= 12 and seen["hours"]["high"] == 0.0
    assert seen["p_hit"] > 0, "the law is smooth: hits are easy to find"
    assert "worlds drawn from a model of the data" in rehearsal_in_words(document)


def test_a_lab_campaign_is_rehearsed_with_hours_tips_and_waste(tmp_path: Path) -> None:
    file = campaign_file(tmp_path, budget(4, 4))
    seen = rehearse(file, runs=2, workers=1, strategies=("sobol",))["strategies"]["sobol"]
    assert seen["experiments"]["median"] == 4.0
    assert seen["hours"]["median"] > 0.5 and seen["waste_ml"]["median"] > 1.0
    assert seen["tips"]["left"]["median"] > 0 and seen["plates"]["median"] == 1.0
    assert list(tmp_path.iterdir()) == [file, tmp_path / "lab.yaml"] or not (tmp_path / ".sdl").exists()


def test_the_rehearsed_lab_shows_what_the_virtual_lab_makes_and_its_kinetics_matter() -> None:
    """The bench that pours in this process agrees with the virtual lab's own truth, within batch effect and noise."""
    campaign = load_campaign(EXAMPLE)
    design = design_space(campaign).sobol(1, seed=2)[0]
    peaks = [
        LabGround(campaign, seed=seed, kinetics_rsd=0.0).make([design])[0].outcome.values["pl_peak_nm"].value
        for seed in range(6)
    ]
    other = LabGround(campaign, seed=0, kinetics_rsd=0.5).make([design])[0].outcome.values["pl_peak_nm"].value
    made = LabGround(campaign, seed=0, kinetics_rsd=0.0).make([{**design, "growth_time_s": 2400.0}])[0]
    assert made.growing and {r.time_s for r in made.growing} <= set(np.arange(1.0, 2400.0))
    assert all(abs(r.x1_nm - made.outcome.values["x1_nm"].value) < 20.0 for r in made.growing)
    spread = max(peaks) - min(peaks)
    assert 0.5 < spread < 30.0
    assert abs(other - peaks[0]) > 0.2


def test_a_campaign_is_exported_and_is_a_history_of_the_next(tmp_path: Path) -> None:
    file = past(tmp_path)
    made = export(file, ["csv", "xlsx", "parquet"], out=tmp_path / "out")
    assert sorted(p.name for p in made) == ["past-experiments.csv", "past-experiments.parquet", "past.xlsx"]
    (tmp_path / "before.csv").write_bytes((tmp_path / "out" / "past-experiments.csv").read_bytes())
    again = past(tmp_path, "history: [before.csv]\n")
    (history,) = read_past(load_campaign(again))
    assert len(history.results) == 24 and not history.notes
    said = plan_experiments(again, n=1)["warnings"]
    assert any(w.startswith("History for PL peak counts ") for w in said)
    with pytest.raises(Refused, match="'ods' is not written"):
        export(file, ["ods"])


def test_a_plan_says_how_much_of_a_long_history_is_used(tmp_path: Path) -> None:
    file = past(tmp_path, "history: [long.csv, before.csv]\n")
    doses = [0.1 + i / 400 for i in range(341)]
    where = [f"{dose:.4f},octane,{peak_nm(dose, 'octane'):.2f}" for dose in doses]
    for name, rows in {"long.csv": where, "before.csv": where[::40]}.items():
        (tmp_path / name).write_text("\n".join(["dose_ml,solvent,pl_peak_nm", *rows]) + "\n", encoding="utf-8")
    document = plan_experiments(file, n=1)
    assert "History long.csv: 291 of 341 rows are used, nearest to the target and a spread." in document["warnings"]
    assert ", history 300 of 350 rows, " in document["suggestions"][0]["model"]


def test_jobs_run_in_processes_of_their_own_and_come_back_in_order() -> None:
    said = io.StringIO()
    assert each(abs, [-3, 1, -2], name="sizes", workers=2, say=said) == [3, 1, 2]
    assert said.getvalue().count("\n") == 3 and said.getvalue().endswith("sizes: 3 of 3, done\n")
