"""What a chemist gets from the model: palettes, reasons, sensitivity, tolerance, control charts, when to give up."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models import Advisor
from models.control import SHEWHART, charts, drift_limit
from models.palette import serving
from models.posterior import Posterior
from models.prospects import prospects
from models.reason import effects, reasons
from models.sensitivity import sensitivity
from models.sentinel import with_sentinel
from models.suggestion import Suggestion
from models.tolerance import card, robust
from models.verdict import lost
from sdl.campaign import Budget
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space
from sdl.chemistry.uncertainty import moved_by
from sdl.config.load import load_campaign
from sdl.errors import Refused
from sdl.space import Columns, Cost, Design, DesignSpace
from sdl.spectra.types import Features, Value
from sdl.store import Experiment
from sdl.target import Target, match, maximize, minimize
from sdl.units import HC_EV_NM

SPACE = DesignSpace.of(dose=(0.0, 1.0), growth=(0.0, 1.0), stir=(0.0, 1.0), constraints=["dose + growth <= 1.6"])


def wish(nm: float, within: float = 2.0) -> Target:
    return Target.of(pl_peak_nm=match(nm, within=within), plqy=maximize(above=0.5))


def lab(design: Design) -> dict[str, float]:
    dose, growth = float(design["dose"]), float(design["growth"])
    return {"pl_peak_nm": 440.0 + 40.0 * growth + 10.0 * dose, "plqy": 0.8 - 0.3 * (dose - 0.5) ** 2}


def taught(target: Target, *, n: int = 24, runs: int = 3, off_nm: tuple[float, ...] = ()) -> Advisor:
    """Return an advisor told of ``n`` designs all over the space; run ``k`` reads ``off_nm[k]`` too high."""
    advisor, rng = Advisor(SPACE, target, seed=1, law=None), np.random.default_rng(0)
    for i, design in enumerate(SPACE.sobol(n, seed=3)):
        run = i * runs // n
        seen = lab(design)
        seen["pl_peak_nm"] += 0.2 * rng.standard_normal() + (off_nm[run] if off_nm else 0.0)
        advisor.tell(design, seen, sd={"pl_peak_nm": 0.1, "plqy": 0.005}, run=f"run-{run}")
    return advisor


def learned(advisor: Advisor) -> Posterior:
    assert advisor.posterior is not None
    return advisor.posterior


PALETTE = Target.palette(blue=wish(455.0), cyan=wish(475.0))


def test_a_palette_needs_two_targets_for_the_same_features() -> None:
    with pytest.raises(Refused, match="two targets at least"):
        Target.palette(blue=wish(455.0))
    with pytest.raises(Refused, match="same features"):
        Target.palette(blue=wish(455.0), narrow=Target.of(fwhm_nm=minimize(below=20.0)))


def test_a_hit_of_a_palette_is_a_hit_of_one_of_its_targets() -> None:
    found = PALETTE.served({"pl_peak_nm": 474.0, "plqy": 0.6})
    assert found is not None and found.name == "cyan"
    assert not PALETTE.hit({"pl_peak_nm": 465.0, "plqy": 0.6})
    assert PALETTE.least(["cyan", "cyan", "blue"]) == 1


POOL = SPACE.sobol(64, seed=5)


def test_one_batch_serves_every_target_of_a_palette_and_says_which() -> None:
    batch = taught(PALETTE, n=12).suggest(4, pool=POOL)
    assert {s.target for s in batch} == {"blue", "cyan"}
    for s in batch:
        wanted = {"blue": 455.0, "cyan": 475.0}[s.target]
        assert abs(s.expected["pl_peak_nm"].mean - wanted) < 4.0
        assert s.why.startswith(f"for {s.target}: ")


def test_wells_go_to_the_target_that_lacks_hits() -> None:
    advisor = taught(PALETTE, n=12)
    design = {"dose": 0.5, "growth": 0.25, "stir": 0.5}
    for run in range(4):
        advisor.tell(design, {"pl_peak_nm": 455.0 + 0.1 * run, "plqy": 0.8}, sd={"pl_peak_nm": 0.1}, run=f"again-{run}")
    advisor.enough = 1
    assert [c.target for c in advisor.confirmations()][:1] == ["blue"]
    assert {s.target for s in advisor.suggest(4, pool=POOL)} == {"cyan"}


def test_a_trade_off_is_chosen_by_hypervolume_and_pushes_the_front() -> None:
    target = Target.of(fwhm_nm=minimize(traded=True), plqy=maximize(traded=True), pl_peak_nm=match(460.0, within=20.0))
    advisor = Advisor(SPACE, target, seed=1, law=None)

    def both(design: Design) -> dict[str, float]:
        dose, growth = float(design["dose"]), float(design["growth"])
        return {"fwhm_nm": 16.0 + 4.0 * dose, "plqy": 0.4 + 0.4 * dose - 0.3 * growth, "pl_peak_nm": 460.0 + growth}

    for design in SPACE.sobol(8, seed=3):
        advisor.tell(design, both(design))
    batch = advisor.suggest(4, pool=POOL)
    assert {s.acquisition for s in batch} == {"qLogNEHVI on the trade-off"}
    growth = sorted(float(d["growth"]) for d in POOL)[16]
    assert sum(float(s.design["growth"]) <= growth for s in batch) >= 3  # growth only spoils: the front lies at 0
    doses = [float(s.design["dose"]) for s in batch]
    assert max(doses) - min(doses) > 0.4  # along the front, not at one end


def test_a_trade_off_is_sought_where_the_other_goals_hold() -> None:
    """Width falls far outside the window of PL: the front there is worth nothing."""
    sides = {"fwhm_nm": minimize(traded=True, below=25.0), "plqy": maximize(traded=True, above=0.2)}
    advisor = Advisor(SPACE, Target.of(pl_peak_nm=match(460.0, within=2.0), **sides), seed=1, law=None)

    def made(design: Design) -> dict[str, float]:
        dose, growth = float(design["dose"]), float(design["growth"])
        return {
            "pl_peak_nm": 440.0 + 60.0 * dose,
            "fwhm_nm": 24.0 - 8.0 * dose + 2.0 * growth,
            "plqy": 0.3 + 0.4 * growth,
        }

    for design in SPACE.sobol(20, seed=3):
        advisor.tell(design, made(design))
    batch = advisor.suggest(4, pool=SPACE.sobol(1024, seed=5))
    assert {s.acquisition for s in batch} == {"qLogNEHVI on the trade-off"}
    assert all(abs(s.expected["pl_peak_nm"].mean - 460.0) < 2.5 for s in batch)
    growth = [float(s.design["growth"]) for s in batch]
    assert max(growth) - min(growth) > 0.4


def test_before_any_well_meets_the_other_goals_they_are_sought_first() -> None:
    sides = {"fwhm_nm": minimize(traded=True), "plqy": maximize(traded=True)}
    advisor = Advisor(SPACE, Target.of(pl_peak_nm=match(490.0, within=1.0), **sides), seed=1, law=None)
    for design in SPACE.sobol(16, seed=3):
        if (dose := float(design["dose"])) < 0.6:
            advisor.tell(
                design, {"pl_peak_nm": 440.0 + 60.0 * dose, "fwhm_nm": 24.0 - 8.0 * dose, "plqy": 0.3 + 0.4 * dose}
            )
    (first, *_) = advisor.suggest(2, pool=SPACE.sobol(256, seed=5))
    assert first.acquisition == "qLogNEI on the target's utility"
    assert float(first.design["dose"]) > 0.7


def test_at_equal_promise_cheaper_wells_are_asked_for() -> None:
    def dear(columns: Columns) -> NDArray[np.float64]:
        return np.asarray(1.0 + 9.0 * columns["stir"])  # which moves nothing

    def batch(space: DesignSpace) -> list[Suggestion]:
        advisor = Advisor(space, wish(455.0), seed=1, law=None)
        for row in taught(wish(455.0), n=12).rows:
            advisor.tell(row.design, row.features, sd=row.sd, run=row.run)
        return [s for s in advisor.suggest(4, pool=SPACE.sobol(512, seed=5)) if s.kind != "replicate"]

    plain, frugal = batch(SPACE), batch(dataclasses.replace(SPACE, cost=Cost(of=dear)))
    spent = [sum(1.0 + 9.0 * float(s.design["stir"]) for s in found) for found in (frugal, plain)]
    assert spent[0] < 0.6 * spent[1]
    assert sum(s.p_hit for s in frugal) > 0.8 * sum(s.p_hit for s in plain)


def test_a_cost_that_is_not_above_zero_is_refused() -> None:
    space = DesignSpace.of(dose=(0.0, 1.0), cost=lambda columns: columns["dose"] - 0.5)
    advisor = Advisor(space, Target.of(plqy=maximize(above=0.5)), seed=1, start=0, law=None)
    for dose in (0.2, 0.5, 0.8):
        advisor.tell({"dose": dose}, {"plqy": 0.2 + 0.5 * dose})
    with pytest.raises(Refused, match="give costs above 0"):
        advisor.suggest(1)


def test_the_same_model_answers_for_another_target() -> None:
    posterior = learned(taught(wish(455.0)))
    here = {"dose": np.array([0.5]), "growth": np.array([0.75]), "stir": np.array([0.5])}
    other = serving(posterior, wish(475.0))
    assert posterior.forecasts(here)[0].p_hit < 0.05 < 0.8 < other.forecasts(here)[0].p_hit


GOALS = {
    "pl_peak_nm": match(460.0, within=5.0),
    "fwhm_nm": minimize(below=20.0),
    "plqy": maximize(above=0.6),
}


@pytest.mark.parametrize("asked", [("fwhm_nm", "plqy"), ("pl_peak_nm", "plqy"), ("plqy",), tuple(GOALS)])
@pytest.mark.parametrize("elsewhere", [False, True], ids=["alone", "with widths from elsewhere"])
def test_a_width_is_foreseen_in_nm_whichever_features_are_goals(asked: tuple[str, ...], elsewhere: bool) -> None:
    advisor = Advisor(SPACE, Target.of(**{name: GOALS[name] for name in asked}), seed=1, law=None)

    def seen(design: Design) -> dict[str, float]:
        dose, growth = float(design["dose"]), float(design["growth"])
        return {"pl_peak_nm": 440.0 + 40.0 * growth, "fwhm_nm": 16.0 + 4.0 * dose, "plqy": 0.6 + 0.2 * growth}

    for design in SPACE.sobol(8, seed=4) if elsewhere else ():
        advisor.recall(design, {"fwhm_nm": 16.0 + 4.0 * float(design["dose"])}, "a paper without peaks")
    for design in SPACE.sobol(8, seed=3):
        advisor.tell(design, seen(design))
    forecast = advisor.predict({"dose": 0.5, "growth": 0.5, "stir": 0.5})
    assert forecast["fwhm_nm"][0] == pytest.approx(18.0, abs=0.8)
    assert forecast.p_hit > 0.9


def test_a_reason_names_the_most_alike_well_the_levers_and_the_limits() -> None:
    posterior = learned(taught(wish(455.0), n=16))
    said = reasons(posterior, {"dose": 0.0, "growth": 0.4, "stir": 0.3})
    assert "most alike: " in said
    assert "moves PL peak: growth +0.05 +" in said
    assert "dose is at its limit 0" in said
    assert "constraint dose + growth <= 1.6 binds" in reasons(posterior, {"dose": 0.8, "growth": 0.79, "stir": 0.3})


def test_an_effect_is_the_slope_of_the_truth() -> None:
    step, moved = effects(learned(taught(wish(455.0))), {"dose": 0.5, "growth": 0.5, "stir": 0.5})["growth"]
    assert moved / step == pytest.approx(40.0, rel=0.1)


def test_sobol_indices_of_a_sum_are_its_shares_of_the_variance() -> None:
    found = sensitivity(learned(taught(wish(455.0))))["pl_peak_nm"]
    share = 40.0**2 / (40.0**2 + 10.0**2)
    assert found["growth"]["first"] == pytest.approx(share, abs=0.03)
    assert found["dose"]["first"] == pytest.approx(1.0 - share, abs=0.03)
    assert found["stir"]["total"] < 0.02


def test_a_target_in_range_is_reachable_and_one_far_off_is_not() -> None:
    posterior = learned(taught(wish(465.0), n=12))
    [near], [far] = prospects(posterior), prospects(serving(posterior, wish(560.0)))
    assert near.p_reachable > 0.99 and near.rate > 0.5
    assert far.p_reachable < 0.01 and "PL peak comes to" in far.barrier


@pytest.mark.parametrize("scatter_nm", [2.0, 4.0])
def test_the_rate_of_hits_is_the_share_of_the_wells_scatter_inside_the_window(scatter_nm: float) -> None:
    advisor, rng = Advisor(SPACE, wish(465.0, within=2.0), seed=1, law=None), np.random.default_rng(0)
    for i, design in enumerate(SPACE.sobol(64, seed=3)):
        seen = lab(design)
        seen["pl_peak_nm"] += scatter_nm * rng.standard_normal()
        advisor.tell(design, seen, sd={"pl_peak_nm": 0.1, "plqy": 0.005}, run=f"run-{i // 8}")
    posterior = learned(advisor)
    [found] = prospects(posterior)

    def inside(sd_nm: float) -> float:
        return math.erf(2.0 / sd_nm / math.sqrt(2.0))  # of a Gaussian about the middle of the window

    learned_nm = posterior.surrogate.outcomes[0].noise_var ** 0.5 * 465.0**2 / HC_EV_NM
    assert found.rate == pytest.approx(inside(learned_nm), abs=0.03)
    assert found.rate == pytest.approx(inside(scatter_nm), abs=0.1)  # 64 wells tell their scatter to some 9 %


@pytest.mark.parametrize(
    ("told", "given_up"),
    [
        ([(8, 0.0), (16, 0.0)], True),
        ([(8, 0.4), (16, 0.0)], False),
        ([(8, 0.4), (16, 0.0), (24, 0.0)], True),
        ([(16, 0.0)], False),
        ([(4, 0.0), (8, 0.0)], False),
        ([(8, 0.0), (16, 0.02)], False),
    ],
    ids=["two looks", "changed its mind", "two late looks", "one look", "too few readings", "not certain"],
)
def test_a_target_is_given_up_only_when_every_look_says_so(told: list[tuple[int, float]], given_up: bool) -> None:
    looks = [[{"target": "", "p_reachable": p, "rate": p, "barrier": "far", "readings": n}] for n, p in told]
    assert bool(lost(looks, Budget(experiments=48, batch=8))) is given_up
    assert not lost(looks, Budget(experiments=48, batch=8, give_up=float("inf")))


def test_a_hit_that_costs_more_tries_than_it_is_worth_is_given_up() -> None:
    looks = [[{"target": "", "p_reachable": 1.0, "rate": 0.03, "barrier": "", "readings": n}] for n in (8, 16)]
    assert "costs more than it is worth" in lost(looks, Budget(experiments=48, batch=8, tries=20))[""]
    assert not lost(looks, Budget(experiments=48, batch=8, tries=50))


def test_a_run_that_reads_off_is_beyond_the_limits_of_its_chart() -> None:
    quiet = charts(learned(taught(wish(465.0), n=48, runs=6)))[0]
    assert quiet.feature == "pl_peak_nm" and not quiet.alarms
    chart = charts(learned(taught(wish(465.0), n=48, runs=6, off_nm=(0.0, 0.1, -0.1, 0.0, 0.1, 4.0))))[0]
    assert chart.effect[5] - chart.effect[0] == pytest.approx(4.0, abs=0.6)
    assert max(chart.effect, key=abs) == chart.effect[5]
    assert chart.limit[5] == pytest.approx(SHEWHART * chart.sd[5])


def test_a_steady_drift_that_no_single_run_shows_is_said_and_scatter_is_not() -> None:
    rng = np.random.default_rng(4)
    drift = charts(learned(taught(wish(465.0), n=48, runs=12, off_nm=tuple(0.15 * np.arange(12)))))[0]
    assert all(abs(effect) < limit for effect, limit in zip(drift.effect, drift.limit, strict=True))
    [said] = drift.alarms
    assert said.startswith("run-3 to run-11: PL peak has drifted up, its moving mean by 1 nm")
    for _ in range(5):
        off_nm = tuple(0.5 * rng.standard_normal(12))
        assert not charts(learned(taught(wish(465.0), n=48, runs=12, off_nm=off_nm)))[0].alarms


def test_the_moving_means_limit_is_kept_by_99_of_100_undisturbed_campaigns() -> None:
    z = np.random.default_rng(9).standard_normal((2000, 8))
    before, crossed = np.zeros(2000), np.zeros(2000, dtype=bool)
    z -= z.mean(1, keepdims=True)
    sd = np.sqrt(np.square(z[:, 1:] - z[:, :-1]).mean(1) / 2.0)
    for k in range(8):
        before = 0.7 * before + 0.3 * z[:, k]
        of_it = sd * math.sqrt(0.3 / 1.7 * (1.0 - 0.7 ** (2 * k + 2)))  # Lucas and Saccucci 1990, equation 3
        crossed |= np.abs(before) > drift_limit(8) * of_it
    assert crossed.mean() == pytest.approx(0.01, abs=0.006)


def test_the_pipettes_scatter_lowers_the_chance_of_a_steep_recipe() -> None:
    def shaky(columns: Columns) -> Columns:
        return {name: np.full(len(values), 0.1) for name, values in columns.items()}

    posterior = learned(taught(wish(455.0)))
    columns = {"dose": np.array([0.5]), "growth": np.array([0.25]), "stir": np.array([0.5])}
    plain = robust(posterior, columns)[0]
    space = DesignSpace(parameters=SPACE.parameters, constraints=SPACE.constraints, input_sd=shaky)
    advisor = Advisor(space, wish(455.0), seed=1, law=None)
    advisor.rows = list(posterior.rows)
    assert plain > 0.8
    assert robust(learned(advisor), columns)[0] < plain - 0.2


def test_a_tolerance_card_says_what_a_microlitre_of_each_stock_moves() -> None:
    campaign = load_campaign(Path("examples/blue-465/campaign.yaml"))
    space, compiler = design_space(campaign), Compiler.of(campaign)
    advisor = Advisor(space, campaign.target, seed=1, law=None)
    for design in space.sobol(8, seed=2):
        cs = float(design["cs_concentration_mmol_l"])
        advisor.tell(design, {"pl_peak_nm": 440.0 + 100.0 * cs, "fwhm_nm": 18.0 + cs, "plqy": 0.6 + 0.1 * cs})
    design = space.sobol(1, seed=9)[0]
    moved = moved_by(compiler, space.columns([design]), ul=1.0)["Cs-DOPA"]
    more = float(moved["cs_concentration_mmol_l"][0]) - float(design["cs_concentration_mmol_l"])
    assert more == pytest.approx(20.0 / 3120.0, rel=0.01)  # 1 uL of 20 mmol/L in a vial of 3.12 mL
    slips = {slip.what: slip.moves["pl_peak_nm"] for slip in card(learned(advisor), design, compiler)}
    there = {name: float(values[0]) for name, values in moved.items()}
    expected = advisor.predict(there)["pl_peak_nm"][0] - advisor.predict(design)["pl_peak_nm"][0]
    assert slips["+1 µL of Cs-DOPA"] == pytest.approx(expected, abs=1e-6)
    assert set(slips) >= {"+1 µL of PbBr2-TOPO", "+10 s of growth time", "+1 degC of temperature"}


def test_a_sentinel_takes_the_place_of_one_new_design_and_stays_the_same() -> None:
    advisor = taught(wish(465.0), n=12)
    batch = advisor.suggest(2, pool=POOL)
    assert with_sentinel(advisor, batch, []) == batch  # nothing measured yet, nothing to make again
    first = {"dose": 0.5, "growth": 0.5, "stir": 0.1}
    made = [experiment(1, first, 462.0), experiment(2, {**first, "growth": 0.9}, 480.0)]
    again = with_sentinel(advisor, batch, made)
    assert [s.kind for s in again] == [batch[0].kind, "sentinel"]
    assert dict(again[1].design) == first and again[0] == batch[0]
    made.append(experiment(3, {**first, "stir": 0.9}, 465.0, kind="sentinel", batch=2))
    assert dict(with_sentinel(advisor, batch, made)[1].design) == {**first, "stir": 0.9}


def experiment(seq: int, design: Design, pl_peak_nm: float, *, kind: str = "sobol", batch: int = 1) -> Experiment:
    seen = Features(values={"pl_peak_nm": Value(value=pl_peak_nm, sd=0.1), "plqy": Value(value=0.7, sd=0.01)})
    suggestion = {"design": dict(design), "why": "", "expected": {}, "p_hit": 0.0}
    return Experiment(
        id=f"e-{seq}",
        seq=seq,
        batch=batch,
        kind=kind,
        state="measured",
        suggestion=suggestion,
        recipe={},
        attempt=None,
        position=seq,
        well="",
        executed={"design": dict(design)},
        features=seen,
        is_hit=None,
        outcome_read=None,
        flags=(),
    )
