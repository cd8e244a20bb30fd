"""The advisor as its users meet it: feasible, deterministic, never silent, and better than filling the space."""

import subprocess
import sys

import numpy as np
import pytest

from models import Advisor, Suggestion
from models.outlying import outlying
from models.suggestion import Row
from sdl.errors import NothingFeasible, Refused
from sdl.space import Columns, Design, DesignSpace
from sdl.target import Target, match, maximize, minimize

TARGET = Target.of(pl_peak_nm=match(465.0, within=1.0), plqy=maximize(above=0.6))


def rounded(columns: Columns) -> tuple[Columns, np.ndarray]:
    out = dict(columns, ratio=np.round(columns["ratio"], 2), growth_s=np.round(columns["growth_s"]))
    return out, np.ones(len(out["ratio"]), dtype=bool)


def space(**shared: int) -> DesignSpace:
    return DesignSpace.of(
        ratio=(2.0, 8.0),
        growth_s=(60.0, 3600.0),
        temperature_c=(25.0, 49.0),
        constraints=["ratio * growth_s <= 12000"],
        snap=rounded,
        shared=shared,
    )


def lab(design: Design, noise: float = 0.0) -> dict[str, float]:
    ratio, growth, celsius = (float(design[k]) for k in ("ratio", "growth_s", "temperature_c"))
    size = np.log(growth / 60.0) + 0.8 * np.log(ratio) + 0.02 * (celsius - 25.0)
    return {"pl_peak_nm": 440.0 + 15.0 * size + noise, "plqy": float(0.75 - 0.02 * (ratio - 5.0) ** 2)}


def taught(advisor: Advisor, runs: int, n: int = 8) -> list[list[Suggestion]]:
    rng = np.random.default_rng(3)
    batches = []
    for run in range(runs):
        batches.append(advisor.suggest(n))
        for s in batches[-1]:
            advisor.tell(s.design, lab(s.design, 0.3 * rng.standard_normal()), sd={"pl_peak_nm": 0.2}, run=run)
    return batches


def keys(designs: list[Design]) -> set[tuple[float | str, ...]]:
    return {tuple(d.values()) for d in designs}


def test_importing_models_loads_no_torch() -> None:
    code = "import sys, models; sys.exit(int(bool({'torch', 'gpytorch', 'botorch', 'scipy'} & set(sys.modules))))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_first_look_needs_no_torch() -> None:
    code = (
        "import sys, models; from sdl.space import DesignSpace; from sdl.target import *\n"
        "models.Advisor(DesignSpace.of(a=(0.0, 1.0)), Target.of(y=minimize())).suggest(8)\n"
        "sys.exit(int('torch' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_suggestions_can_be_made_differ_and_keep_one_temperature_a_batch() -> None:
    where = space(temperature_c=1)
    batches = taught(Advisor(where, TARGET, seed=1), 3)
    assert {s.kind for s in batches[0]} == {"sobol"}
    assert "sobol" not in {s.kind for s in batches[1]}
    for batch in batches:
        designs = [s.design for s in batch]
        assert all(where.feasible(d) for d in designs)
        assert all(d["ratio"] == round(float(d["ratio"]), 2) for d in designs)
        assert len({d["temperature_c"] for d in designs}) == 1
        assert len(keys(designs)) == 8


def test_what_is_new_keeps_away_from_its_batch_but_may_approach_what_was_measured() -> None:
    import torch

    from models.acquisition import Offer, Taken
    from models.encode import DesignCode

    code = DesignCode(DesignSpace.of(x=(0.0, 1.0)))
    offer = Offer(columns={"x": np.array([0.5, 0.51, 0.6])}, code=code)
    here, none = torch.tensor([[0.5]], dtype=torch.double), torch.empty((0, 1), dtype=torch.double)
    assert offer.apart(Taken.of(here, none, code.same)).tolist() == [False, True, True]
    mates = Taken.of(none, here, code.same)
    assert offer.apart(mates).tolist() == [False, False, True]
    assert offer.apart(mates.closely(code.same)).tolist() == [False, True, True]


def test_a_goal_without_a_bound_is_pursued() -> None:
    """Far from 0 on a narrow scale, where a utility fixed at 0 would be flat."""
    advisor = Advisor(DesignSpace.of(x=(0.0, 1.0)), Target.of(y=minimize()), seed=1)
    for x in (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0):
        advisor.tell({"x": x}, {"y": 1000.0 + (x - 0.6) ** 2})
    assert abs(float(advisor.suggest(1)[0].design["x"]) - 0.6) < 0.06


def test_two_blocks_allow_two_temperatures() -> None:
    batches = taught(Advisor(space(temperature_c=2), TARGET, seed=1), 2)
    assert [len({s.design["temperature_c"] for s in batch}) <= 2 for batch in batches] == [True, True]


def test_a_batch_that_completes_the_first_look_keeps_the_shared_value() -> None:
    advisor = Advisor(space(temperature_c=1), TARGET, seed=1)
    for s in advisor.suggest(5):
        advisor.tell(s.design, lab(s.design))
    batch = advisor.suggest(6)
    assert [s.kind == "sobol" for s in batch] == [True] * 3 + [False] * 3
    assert len({s.design["temperature_c"] for s in batch}) == 1


def test_the_same_data_and_seed_give_the_same_suggestions() -> None:
    one, two, other = (taught(Advisor(space(), TARGET, seed=s), 2) for s in (5, 5, 6))
    assert one == two
    assert one != other


def test_designs_still_running_are_not_suggested_again() -> None:
    advisor = Advisor(space(), TARGET, seed=2)
    taught(advisor, 2)
    pending = [s.design for s in advisor.suggest(4)]
    again = [s.design for s in advisor.suggest(4, pending=pending)]
    assert not keys(again) & keys(pending)


def test_a_pool_is_the_only_choice_and_is_never_exceeded() -> None:
    pool = space().sobol(12, seed=9)
    advisor = Advisor(space(), TARGET, seed=2, start=4)
    first = advisor.suggest(5, pool=pool)
    for s in first:
        advisor.tell(s.design, lab(s.design))
    rest = advisor.suggest(20, pool=pool)
    new = [s.design for s in rest if s.kind != "replicate"]
    assert keys([s.design for s in [*first, *rest]]) <= keys(pool)
    assert len(keys(new)) == len(new) == 7
    with pytest.raises(NothingFeasible, match="pool"):
        advisor.suggest(1, pool=[])


def test_an_unmeasured_goal_gives_no_chance_of_a_hit_and_says_so() -> None:
    advisor = Advisor(space(), TARGET, seed=2)
    for s in advisor.suggest(10):
        advisor.tell(s.design, {"pl_peak_nm": lab(s.design)["pl_peak_nm"]})
    [s] = advisor.suggest(1)
    assert s.p_hit == 0.0 and "PLQY" in s.why
    assert set(s.expected) == {"pl_peak_nm"}


def test_a_prediction_is_mean_and_sd_by_feature_and_a_chance() -> None:
    advisor = Advisor(space(), TARGET, seed=2)
    assert dict(advisor.predict(space().sobol(1, seed=1)[0])) == {}
    taught(advisor, 3)
    design = {"ratio": 5.0, "growth_s": 120.0, "temperature_c": 30.0}
    forecast = advisor.predict(design)
    mean, sd = forecast["pl_peak_nm"]
    assert abs(mean - lab(design)["pl_peak_nm"]) < 4.0 * sd
    assert 0.0 <= forecast.p_hit <= 1.0
    expected = forecast.expected["pl_peak_nm"]
    assert expected.low < mean < expected.high


def test_a_hit_is_confirmed_by_repeats_and_its_experiments_are_named() -> None:
    advisor = Advisor(space(), TARGET, seed=4)
    taught(advisor, 5)
    confirmed = advisor.confirmations()
    assert confirmed and all(c.p >= 0.8 and c.experiments for c in confirmed)
    assert TARGET.hit(lab(confirmed[0].design))


def test_a_promising_design_is_repeated_in_words() -> None:
    advisor = Advisor(space(), TARGET, seed=4)
    rng = np.random.default_rng(0)
    repeats = []
    for run in range(5):
        shift = 1.5 * rng.standard_normal()
        batch = advisor.suggest(8)
        repeats += [s for s in batch if s.kind == "replicate"]
        for s in batch:
            advisor.tell(s.design, lab(s.design, shift + 0.5 * rng.standard_normal()), run=run)
    assert repeats and all("repeats" in s.why for s in repeats)
    assert keys([s.design for s in repeats]) <= keys([r.design for r in advisor.rows])


@pytest.mark.parametrize(
    "features",
    [
        [{"pl_peak_nm": 465.0, "plqy": 0.5}] * 9,
        [{}] * 9,
        [{"pl_peak_nm": 480.0}] + [{}] * 8,
    ],
    ids=["constant", "nothing seen", "one point"],
)
def test_degenerate_data_end_in_labelled_space_filling(features: list[dict[str, float]]) -> None:
    advisor = Advisor(space(temperature_c=1), TARGET, seed=2)
    for design, seen in zip(space().sobol(9, seed=1), features, strict=True):
        advisor.tell(design, seen)
    batch = advisor.suggest(4)
    assert [s.kind for s in batch] == ["fallback"] * 4
    assert all("two different values" in s.why for s in batch)
    assert len({s.design["temperature_c"] for s in batch}) == 1


@pytest.mark.parametrize("outlier", [2999.0, 201.0])
def test_an_outlier_or_contradicting_repeats_do_not_stop_the_advisor(outlier: float) -> None:
    advisor = Advisor(space(), TARGET, seed=2)
    same = space().sobol(1, seed=1)[0]
    for i in range(10):
        advisor.tell(same, {"pl_peak_nm": outlier if i == 4 else 470.0 + i, "plqy": 0.5})
    batch = advisor.suggest(3)
    assert len(batch) == 3
    assert all(space().feasible(s.design) for s in batch)


def test_nonsense_is_refused_and_changes_nothing() -> None:
    advisor = Advisor(space(), TARGET)
    design = space().sobol(1, seed=1)[0]
    for features in ({"plqy": float("nan")}, {"pl_peak_nm": 1e300}):
        with pytest.raises(Refused):
            advisor.tell(design, features)
    with pytest.raises(Refused):
        advisor.tell({"ratio": 3.0}, {"plqy": 0.3})
    with pytest.raises(Refused):
        advisor.tell({**design, "growth_s": -1.0}, {"plqy": 0.3})
    with pytest.raises(Refused):
        advisor.suggest(0)
    assert advisor.rows == []


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"pl_peak_nm": 2.66}, "looks like eV; that would be 466.1 nm"),
        ({"plqy": 62.0}, "for percent divide by 100"),
        ({"pl_peak_nm": 1e9}, "pl_peak_nm: 1000000000.0 is outside 200 to 3000"),
        ({"fwhm_nm": 18000.0}, "fwhm_nm: 18000.0 is outside 0 to 1000"),
    ],
    ids=["eV", "percent", "no wavelength", "no width"],
)
def test_a_value_in_another_unit_is_refused_with_what_it_may_mean(features: dict[str, float], said: str) -> None:
    advisor, design = Advisor(space(), TARGET), space().sobol(1, seed=1)[0]
    with pytest.raises(Refused, match=said):
        advisor.tell(design, features)
    with pytest.raises(Refused, match=said):
        advisor.recall(design, features, "another lab")


@pytest.mark.parametrize(
    ("design", "features", "sd", "said"),
    [
        ("466", {"y": 1.0}, {}, "'466' is no design: give a value for each of"),
        (None, {"y": 1.0}, {}, "None is no design"),
        ({"a": "0.5"}, {"y": 1.0}, {}, "a: '0.5' is not a number; the range is 0 to 1"),
        (
            {"a": 1e9},
            {"y": 1.0},
            {},
            r"a: 1e\+09 lies more than 100 times the width of 0 to 1 outside it",
        ),
        ({"a": 0.5}, "466", {}, "'466' are no features: give numbers by name"),
        ({"a": 0.5}, {"y": "466"}, {}, "y: '466' is not a number"),
        ({"a": 0.5}, {"y": None}, {}, "y: None is not a number"),
        ({"a": 0.5}, {"y": True}, {}, "y: True is not a number"),
        ({"a": 0.5}, {"y": 1.0}, {"y": None}, "sd of y: None is not a number"),
    ],
)
def test_what_is_no_number_or_no_name_is_refused_by_name(
    design: object, features: object, sd: object, said: str
) -> None:
    advisor = Advisor(DesignSpace.of(a=(0.0, 1.0)), Target.of(y=minimize()))
    with pytest.raises(Refused, match=said):
        advisor.tell(design, features, sd=sd)  # type: ignore[arg-type]
    with pytest.raises(Refused, match=said):
        advisor.recall(design, features, "another lab", sd=sd)  # type: ignore[arg-type]
    assert advisor.rows == advisor.history == []


@pytest.mark.parametrize("n", [2.5, "2", None, 0])
def test_a_number_of_suggestions_is_a_whole_one(n: object) -> None:
    with pytest.raises(Refused, match="ask for a whole number of designs, at least one"):
        Advisor(space(), TARGET).suggest(n)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (("x", "x"), "names a choice twice"),
        ((1, 2, 3), "is no range"),
        (3.0, "is neither a range"),
        ("xy", "is neither a range"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(spec: object, said: str) -> None:
    with pytest.raises(Refused, match=f"a: .* {said}"):
        DesignSpace.of(a=spec)  # type: ignore[arg-type]


def test_history_a_bit_outside_the_ranges_is_learned_from() -> None:
    advisor = Advisor(DesignSpace.of(a=(0.0, 1.0)), Target.of(y=minimize()), start=0, seed=1)
    for a in (-2.0, 0.1, 0.5, 0.9, 20.0):
        advisor.tell({"a": a}, {"y": (a - 0.6) ** 2})
    assert advisor.suggest(1)[0].kind in ("explore", "exploit")


def test_a_reading_wildly_off_all_others_is_named_with_every_suggestion() -> None:
    advisor = Advisor(DesignSpace.of(a=(0.0, 1.0)), Target.of(fwhm_nm=minimize(below=20.0)), seed=1)
    for i in range(12):
        advisor.tell({"a": i / 12}, {"fwhm_nm": 18.0 + 0.3 * i})
    assert "far from all others" not in advisor.suggest(1)[0].why
    advisor.tell({"a": 0.55}, {"fwhm_nm": 990.0}, experiment="well 13")
    for s in advisor.suggest(2):
        assert s.why.endswith(
            "; far from all others: well 13 (PL FWHM 990 nm), which widens forecasts: correct what is wrong"
        )


@pytest.mark.parametrize(
    "values",
    [[1.0] * 20 + [900.0], [10.0**k for k in range(-4, 5)], [1.0, 2.0, 900.0]],
    ids=["equal", "decades", "few"],
)
def test_where_nothing_is_usual_nothing_stands_out(values: list[float]) -> None:
    rows = [Row(design={}, features={"y": y}, sd={}, run=None, experiment=str(i)) for i, y in enumerate(values)]
    assert outlying(rows) == []


def test_designs_that_run_or_are_offered_must_be_designs() -> None:
    advisor = Advisor(space(), TARGET)
    for given in ({"pending": [{"ratio": 3.0}]}, {"pool": [{**space().sobol(1, seed=1)[0], "ratio": float("nan")}]}):
        with pytest.raises(Refused):
            advisor.suggest(1, **given)  # type: ignore[arg-type]


def test_a_model_that_is_late_gives_way_to_labelled_space_filling() -> None:
    clock = iter(float(second) for second in range(1000))
    advisor = Advisor(space(), TARGET, seed=2, start=0, clock=lambda: next(clock))
    for design in space().sobol(10, seed=1):
        advisor.tell(design, lab(design))
    late, in_time = advisor.suggest(3, limit_s=2.0), advisor.suggest(3, limit_s=500.0)
    assert [s.kind for s in late] == ["fallback"] * 3 and "within 2 s" in late[0].why
    assert not {s.kind for s in in_time} & {"fallback", "sobol"}


def test_a_named_device_gives_the_same_answers_and_one_that_is_not_there_is_refused() -> None:
    def told(device: str | None) -> Advisor:
        advisor = Advisor(space(), TARGET, seed=2, start=0, device=device)
        for design in space().sobol(8, seed=1):
            advisor.tell(design, lab(design))
        return advisor

    assert told("cpu").suggest(1) == told(None).suggest(1)
    for device in ("cuda", "abacus"):
        with pytest.raises(Refused, match=device):
            told(device).suggest(1)


def test_ten_thousand_rows_of_history_are_answered_at_once() -> None:
    advisor = Advisor(space(), TARGET, seed=2, start=0)
    for design in space().sobol(8, seed=1):
        advisor.tell(design, lab(design))
    for design in space().sobol(10_000, seed=5):
        advisor.recall(design, {"pl_peak_nm": lab(design)["pl_peak_nm"]}, "another lab")
    [s] = advisor.suggest(1)
    assert s.kind in ("explore", "exploit")
    posterior = advisor.posterior
    assert posterior is not None
    used = posterior.past.said["pl_peak_nm"].by(("another lab",))
    assert used is not None and len(used.fitted.told.y) == 300


def test_a_space_without_a_feasible_design_is_named() -> None:
    empty = DesignSpace.of(a=(0.0, 1.0), b=(0.0, 1.0), constraints=["a + b >= 3"])
    with pytest.raises(NothingFeasible, match="a \\+ b >= 3"):
        Advisor(empty, Target.of(y=minimize())).suggest(2)


def test_a_choice_of_solvent_is_learned() -> None:
    where = DesignSpace.of(a=(0.0, 1.0), solvent=("toluene", "octane", "hexane"))
    advisor = Advisor(where, Target.of(y=minimize(below=0.05)), seed=1)

    def y(design: Design) -> float:
        return (float(design["a"]) - 0.3) ** 2 + {"toluene": 0.5, "octane": 0.0, "hexane": 0.8}[str(design["solvent"])]

    for _ in range(3):
        for s in advisor.suggest(6):
            advisor.tell(s.design, {"y": y(s.design)})
    best = min(advisor.rows, key=lambda row: row.features["y"])
    assert best.design["solvent"] == "octane" and best.features["y"] < 0.01


def test_a_finite_space_that_is_used_up_still_answers() -> None:
    where = DesignSpace.of(solvent=("toluene", "octane", "hexane"))
    advisor = Advisor(where, Target.of(y=minimize()), seed=1, start=3)
    for i, solvent in enumerate(("toluene", "octane", "hexane")):
        advisor.tell({"solvent": solvent}, {"y": float(i)})
    assert {s.kind for s in advisor.suggest(2)} == {"fallback"}


def test_the_model_hits_where_filling_the_space_does_not() -> None:
    def hits(start: int | None, seed: int) -> int:
        advisor = Advisor(space(temperature_c=1), TARGET, seed=seed, start=start)
        taught(advisor, 4)
        return sum(TARGET.hit(row.features) for row in advisor.rows[8:])

    model, sobol = (hits(start, seed=0) for start in (None, 32))
    assert model >= 5 * max(1, sobol)
