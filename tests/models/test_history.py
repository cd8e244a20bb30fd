"""Experiments of another lab help where they agree in trend, and are left out where they mislead."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models import Advisor
from models.elsewhere import shared
from models.memory import history_in_words
from models.physics import PL, GrowthLaw
from models.trust import Score, leave_one_out
from sdl.space import DesignSpace
from sdl.target import Target, match
from sdl.units import HC_EV_NM

SPACE = DesignSpace.of(a=(0.0, 1.0), b=(0.0, 1.0))
TARGET = Target.of(pl_peak_nm=match(470.0, within=2.0))


def peak_nm(a: float, b: float) -> float:
    return 440.0 + 60.0 * a * (1.0 - 0.4 * b) + 12.0 * math.sin(5.0 * b)


def points(n: int, seed: int) -> list[dict[str, float | str]]:
    return SPACE.sobol(n, seed=seed)


def told(n: int) -> Advisor:
    advisor, rng = Advisor(SPACE, TARGET, seed=1), np.random.default_rng(3)
    for d in points(n, seed=5):
        advisor.tell(d, {"pl_peak_nm": peak_nm(float(d["a"]), float(d["b"])) + 0.3 * rng.standard_normal()})
    return advisor


def errors_nm(advisor: Advisor) -> float:
    seen = [
        abs(advisor.predict(d)["pl_peak_nm"][0] - peak_nm(float(d["a"]), float(d["b"]))) for d in points(64, seed=99)
    ]
    return float(np.mean(seen))


def with_history(
    advisor: Advisor, sign: float, offset_nm: float, source: str = "another lab", n: int = 48, seed: int = 7
) -> Advisor:
    for d in points(n, seed=seed):
        there = 470.0 + sign * (peak_nm(float(d["a"]), float(d["b"])) - 470.0) + offset_nm
        advisor.recall(d, {"pl_peak_nm": there}, source)
    return advisor


def said_of(advisor: Advisor) -> list[str]:
    assert advisor.posterior is not None
    return history_in_words(advisor.posterior)


def test_a_lab_with_an_offset_helps_the_first_models_and_is_said_to() -> None:
    alone, helped = told(8), with_history(told(8), sign=1.0, offset_nm=9.0)
    assert errors_nm(helped) < 0.6 * errors_nm(alone)
    assert helped.posterior is not None
    (said,) = history_in_words(helped.posterior)
    assert said.startswith("History for PL peak counts 100%")


GROWN = DesignSpace.of(cs_concentration_mmol_l=(0.1, 0.6), growth_time_s=(60.0, 3600.0), temperature_c=(25.0, 60.0))


def test_before_the_first_experiment_a_history_is_believed_beside_a_law_that_says_otherwise() -> None:
    """Where the other lab looked, its results are expected; where it did not, nobody is as sure."""
    advisor, rng = Advisor(GROWN, TARGET, seed=1), np.random.default_rng(2)
    there = [d for d in GROWN.sobol(64, seed=7) if float(d["cs_concentration_mmol_l"]) < 0.3]
    seen = [450.0 + 60.0 * float(d["cs_concentration_mmol_l"]) + 0.3 * rng.standard_normal() for d in there]
    for design, peak in zip(there, seen, strict=True):
        advisor.recall(design, {"pl_peak_nm": peak}, "another lab")
    expected = [advisor.predict(design).expected["pl_peak_nm"] for design in there]
    assert np.mean([abs(e.mean - peak) for e, peak in zip(expected, seen, strict=True)]) < 0.5
    far = advisor.predict({"cs_concentration_mmol_l": 0.6, "growth_time_s": 3600.0, "temperature_c": 60.0})
    assert far.expected["pl_peak_nm"].sd > 1.08 * np.median([e.sd for e in expected])


def test_a_history_may_know_a_kind_of_reading_that_was_never_taken_here() -> None:
    advisor = Advisor(SPACE, TARGET, seed=1)
    for d in points(16, seed=7):
        peak = peak_nm(float(d["a"]), float(d["b"]))
        advisor.recall(d, {"pl_peak_nm": peak, "x1_nm": peak - 9.0}, "another lab")
    (first,) = advisor.suggest(1)
    assert first.expected["x1_nm"].sd > first.expected["pl_peak_nm"].sd > 0


def test_a_history_that_misleads_is_left_out_and_changes_nothing() -> None:
    alone, misled = told(10), with_history(told(10), sign=-1.0, offset_nm=0.0)
    assert misled.posterior is not None
    assert history_in_words(misled.posterior) == ["History for PL peak does not help and is left out."]
    assert errors_nm(misled) == pytest.approx(errors_nm(alone), rel=1e-6)
    assert [s.design for s in misled.suggest(2)] == [s.design for s in alone.suggest(2)]


@pytest.mark.parametrize("rows", [48, 15], ids=["as long", "shorter"])
def test_a_source_that_misleads_is_left_out_beside_one_that_helps_and_is_named(rows: int) -> None:
    good = with_history(told(8), sign=1.0, offset_nm=9.0)
    both = with_history(with_history(told(8), sign=1.0, offset_nm=9.0), -1.0, 0.0, "a mirror", n=rows, seed=8)
    assert errors_nm(both) == pytest.approx(errors_nm(good), rel=1e-6)
    counts, left_out = said_of(both)
    assert counts.startswith("History for PL peak from another lab counts 100% (it adds ")
    assert left_out == "History for PL peak from a mirror does not help beside it and is left out."


def test_two_sources_that_help_count_together() -> None:
    one = with_history(told(8), sign=1.0, offset_nm=9.0, n=12)
    two = with_history(with_history(told(8), sign=1.0, offset_nm=9.0, n=12), 1.0, -6.0, "a paper", n=12, seed=8)
    assert errors_nm(two) < errors_nm(one)
    (said,) = said_of(two)
    assert said.startswith("History for PL peak from another lab, a paper counts 100%")


def test_two_sources_that_mislead_are_left_out_together_and_change_nothing() -> None:
    both = with_history(with_history(told(10), -1.0, 0.0), -1.0, 9.0, "a paper", seed=8)
    assert errors_nm(both) == pytest.approx(errors_nm(told(10)), rel=1e-6)
    assert said_of(both) == ["History for PL peak from another lab, a paper does not help and is left out."]


def test_papers_with_one_result_each_count_together_though_none_can_be_judged_alone() -> None:
    advisor = told(8)
    for i, d in enumerate(points(12, seed=7)):
        advisor.recall(d, {"pl_peak_nm": peak_nm(float(d["a"]), float(d["b"]))}, f"paper {i}")
    (said,) = said_of(advisor)
    assert said.startswith("History for PL peak from paper 0, paper 1, paper 2, 9 others counts 100%")


def test_sources_share_what_is_learned_from_and_a_small_one_leaves_its_share() -> None:
    assert shared([10_000, 40, 10_000], 300) == [130, 40, 130]
    assert shared([10, 20], 300) == [10, 20]


def test_the_models_name_says_how_much_of_a_history_is_used_and_differs_between_histories() -> None:
    def name(sign: float, n: int) -> str:
        posterior = with_history(told(10), sign=sign, offset_nm=0.0, n=n).posterior
        assert posterior is not None
        return posterior.name

    assert ", 10 rows, history 300 of 1,024 rows, " in name(1.0, 1024)
    mirrored, none_left = name(-1.0, 48), name(-1.0, 47)
    assert ", 10 rows, history 48 rows, " in mirrored
    assert mirrored[-8:] != none_left[-8:], "both are left out, and yet they are told apart"


def test_leaving_one_out_in_closed_form_agrees_with_leaving_it_out() -> None:
    """The closed form keeps the model's constants; a model without the row at the same constants must agree."""
    import torch

    advisor = told(12)
    posterior = advisor.posterior
    assert posterior is not None
    outcome = posterior.surrogate.outcomes[0]
    held = leave_one_out(posterior)["pl_peak_nm"]
    f = outcome.fitted
    K = f.factor @ f.factor.T
    z = f.factor @ f.weights
    trend = (f.told.y - f.shift) / f.spread - z
    for i in (0, 5, 11):
        rest = [j for j in range(12) if j != i]
        mean = trend[i] + K[i, rest] @ torch.linalg.solve(K[rest][:, rest], z[rest])
        expected_ev = f.shift + f.spread * mean
        assert held[i].mean == pytest.approx(1239.841984 / float(expected_ev), rel=1e-9)
        assert held[i].low < held[i].mean < held[i].high
    assert Score.of(held).mae < Score.of(held).guess


def test_replicates_are_left_out_together() -> None:
    advisor = told(10)
    design = points(1, seed=5)[0]
    for value in (461.0, 461.2, 460.8):
        advisor.tell(design, {"pl_peak_nm": value})
    posterior = advisor.posterior
    assert posterior is not None
    held = leave_one_out(posterior)["pl_peak_nm"]
    assert held[0].mean == pytest.approx(held[10].mean) == held[11].mean


def test_where_the_law_of_growth_foresees_more_than_the_history_it_is_said() -> None:
    where = DesignSpace.of(growth_time_s=(60.0, 3600.0), cs_concentration_mmol_l=(0.06, 0.6))
    law, advisor = GrowthLaw(), Advisor(where, TARGET, seed=1, start=0)
    b = {name: mean for name, (mean, _) in law.coefficients.items()}
    for d in where.sobol(12, seed=5):
        seen = {name: np.array([float(value)]) for name, value in d.items()}
        peak_nm = HC_EV_NM / float(law.energy(b, seen, PL)[0])
        advisor.tell(d, {"pl_peak_nm": peak_nm})
        advisor.recall(d, {"pl_peak_nm": 960.0 - peak_nm}, "another lab")
    assert advisor.posterior is not None
    [said] = history_in_words(advisor.posterior)
    assert said == "History for PL peak is left out: the law of growth foresees our own rows better."
