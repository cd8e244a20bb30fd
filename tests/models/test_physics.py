"""The law of growth knows the nominal recipe, teaches the model from the first experiment, and loses when wrong."""

import numpy as np
import pytest

from benchmarks.campaign_model import READ_SD, TARGET, Lab, space, synthetic
from models import Advisor
from models.encode import DesignCode
from models.physics import PL, X1, GrowthLaw
from models.suggestion import Read
from sdl.errors import Refused
from sdl.space import Design, DesignSpace
from sdl.target import Goal, Target, match, maximize
from sdl.units import HC_EV_NM

NOMINAL = {
    "pb_to_cs": 4.0,
    "topo_to_pb": 5.0,
    "cs_concentration_mmol_l": 0.2564,
    "growth_time_s": 1800.0,
    "lecithin_to_cs": 1.0,
    "temperature_c": 25.0,
}
BACKWARDS = GrowthLaw(
    coefficients={
        name: (-mean if name.startswith(("edge_", "rate_")) else mean, sd / 2)
        for name, (mean, sd) in GrowthLaw().coefficients.items()
    }
)


def code() -> DesignCode:
    return DesignCode(space())


def taught(n: int, law: GrowthLaw | None, seed: int = 0) -> Advisor:
    lab, advisor = Lab(synthetic, seed), Advisor(space(), TARGET, seed=1, start=0, law=law)
    designs = space().sobol(n, seed=seed)
    for run in range(0, n, 8):
        for design, (seen, _) in zip(designs[run : run + 8], lab.run(designs[run : run + 8]), strict=True):
            advisor.tell(design, seen, sd=READ_SD, run=run)
    return advisor


def errors_nm(advisor: Advisor, seed: int = 0) -> np.ndarray:
    lab, designs = Lab(synthetic, seed), space().sobol(48, seed=99)
    return np.array([advisor.predict(d)["pl_peak_nm"][0] - lab.typical(d)["pl_peak_nm"] for d in designs])


def test_the_nominal_recipe_is_expected_within_its_published_wavelength() -> None:
    X = code().matrix([NOMINAL])
    peak_nm = HC_EV_NM / GrowthLaw().around(code()).expected(X)[0]
    assert abs(peak_nm - 495.0) < 6.0  # Yang 2024, section 3.2


@pytest.mark.parametrize("factor", [0.5, 2.0], ids=["diluted", "concentrated"])
def test_dilution_is_expected_to_give_bluer_dots(factor: float) -> None:
    X = code().matrix([NOMINAL, {**NOMINAL, "cs_concentration_mmol_l": 0.2564 * factor}])
    nominal, other = GrowthLaw().around(code()).expected(X)
    assert (other > nominal) == (factor < 1.0)  # Yang 2024, section 3.2: dilution makes smaller dots


def test_the_linearised_law_is_the_law_where_it_touches_it() -> None:
    at = np.linspace(-1.0, 1.0, len(GrowthLaw().coefficients))
    law = GrowthLaw().around(code(), at)
    X = code().matrix(space().sobol(16, seed=3))
    mean, features = law(X, PL)
    np.testing.assert_allclose(mean + features[:, :-1] @ at, law.expected(X), atol=1e-9)
    assert (law(X, X1)[0] < 10.0).all() and np.isfinite(features).all()


def test_the_law_halves_the_error_after_eight_experiments() -> None:
    with_law = np.concatenate([errors_nm(taught(8, GrowthLaw(), s), s) for s in range(3)])
    without = np.concatenate([errors_nm(taught(8, None, s), s) for s in range(3)])
    assert np.sqrt(np.mean(with_law**2)) < 0.5 * np.sqrt(np.mean(without**2))


def test_a_law_of_the_wrong_sign_is_overcome() -> None:
    backwards, without = taught(24, BACKWARDS), taught(24, None)
    assert np.sqrt(np.mean(errors_nm(backwards) ** 2)) < 1.2 * np.sqrt(np.mean(errors_nm(without) ** 2))


def test_the_first_suggestions_need_no_experiment_where_the_law_speaks() -> None:
    suggestions = Advisor(space(), TARGET, seed=3).suggest(8)
    assert {s.kind for s in suggestions} <= {"explore", "exploit"}
    assert all("law of growth" in s.why for s in suggestions)
    off_nm = [abs(s.expected["pl_peak_nm"].mean - 465.0) for s in suggestions]
    assert off_nm[0] < 3.0 and max(off_nm) < 60.0  # the best guess first, then designs that differ
    blind = Advisor(DesignSpace.of(a=(0.0, 1.0), b=(0.0, 1.0)), TARGET, seed=3).suggest(8)
    assert {s.kind for s in blind} == {"sobol"}


def test_reads_during_growth_teach_the_curve_they_were_taken_from() -> None:
    def features(design: Design) -> dict[str, float]:
        return {k: v for k, v in synthetic(design, np.zeros(2))[0].items() if k == "pl_peak_nm"}

    designs = [{**d, "growth_time_s": 3000.0} for d in space().sobol(10, seed=4)]
    blind, watched = (Advisor(space(), TARGET, seed=1, start=0, law=None) for _ in range(2))
    for design in designs:
        blind.tell(design, features(design))
        young = {t: features({**design, "growth_time_s": t})["pl_peak_nm"] for t in (200.0, 600.0, 1500.0)}
        watched.tell(
            design, features(design), reads=[Read(time_s=t, x1_nm=pl - 8.0, sd=0.5) for t, pl in young.items()]
        )
    early = [{**d, "growth_time_s": 300.0} for d in designs]

    def error_nm(advisor: Advisor) -> float:
        off = [advisor.predict(d)["pl_peak_nm"][0] - features(d)["pl_peak_nm"] for d in early]
        return float(np.std(off))  # the shift between X1 and PL is not to be known from late outcomes alone

    assert error_nm(watched) < 0.5 * error_nm(blind)


def test_a_read_that_is_no_measurement_is_refused() -> None:
    with pytest.raises(Refused, match="x1_nm"):
        Advisor(space(), TARGET).tell(NOMINAL, {}, reads=[Read(time_s=100.0, x1_nm=float("nan"), sd=1.0)])


EDGE = {"edge_length_nm": match(5.0, within=0.2)}
PLQY = {"plqy": maximize(above=0.6)}
COLOUR = {"cie_x": match(0.131, within=0.01), "cie_y": match(0.046, within=0.01)}
PEAK = {"pl_peak_nm": match(465.0, within=1.0)}


@pytest.mark.parametrize("goals", [EDGE, PLQY, COLOUR], ids=["edge length", "PLQY", "colour"])
def test_a_target_of_which_the_law_knows_nothing_begins_by_filling_the_space(goals: dict[str, Goal]) -> None:
    advisor = Advisor(space(), Target.of(**goals), seed=1)
    assert advisor.start == 8
    for i, s in enumerate(advisor.suggest(2)):
        assert s.kind == "sobol"
        advisor.tell(s.design, dict.fromkeys(goals, 0.3 + 0.1 * i))
    assert [s.kind for s in advisor.suggest(6)] == ["sobol"] * 6


@pytest.mark.parametrize("goals", [PEAK, PLQY | PEAK, {"x1_nm": match(460.0, within=1.0)}], ids=["PL", "both", "X1"])
def test_a_target_of_which_the_law_knows_is_aimed_at_from_the_first_batch(goals: dict[str, Goal]) -> None:
    assert Advisor(space(), Target.of(**goals), seed=1).start == 0
    assert Advisor(space(), Target.of(**goals), seed=1, law=None).start == 8
