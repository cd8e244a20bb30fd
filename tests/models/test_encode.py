"""Designs and features survive the way in and out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.encode import DesignCode, FeatureCode, check_feature
from sdl.errors import Refused
from sdl.space import DesignSpace
from sdl.units import HC_EV_NM

SPACE = DesignSpace.of(ratio=(2.0, 8.0), temperature_c=(-5.0, 49.0), solvent=("toluene", "octane", "hexane"))
CODE = DesignCode(SPACE)
NAMES = ("pl_peak_nm", "fwhm_nm", "plqy", "x1_nm", "yield")


@settings(deadline=None)
@given(st.floats(2.0, 8.0), st.floats(-5.0, 49.0), st.sampled_from(["toluene", "octane", "hexane"]))
def test_a_design_comes_back_from_the_axes_of_the_cube(ratio: float, celsius: float, solvent: str) -> None:
    design = {"ratio": ratio, "temperature_c": celsius, "solvent": solvent}
    [back] = SPACE.designs(CODE.columns(CODE.axes(SPACE.columns([design]))))
    assert back["solvent"] == solvent
    assert back["ratio"] == pytest.approx(ratio, rel=1e-9)
    assert back["temperature_c"] == pytest.approx(celsius, rel=1e-9, abs=1e-9)


def test_wide_positive_ranges_are_logarithmic_and_choices_are_one_hot() -> None:
    X = CODE.inputs(SPACE.columns([{"ratio": 4.0, "temperature_c": 22.0, "solvent": "octane"}]))
    np.testing.assert_allclose(X, [[0.5, 0.5, 0.0, 1.0, 0.0]])


@settings(deadline=None)
@given(
    st.floats(380.0, 900.0),
    st.floats(8.0, 120.0),
    st.floats(0.01, 0.99),
    st.floats(380.0, 900.0),
    st.floats(-10.0, 10.0),
)
def test_features_come_back_in_their_own_units(pl: float, width: float, plqy: float, x1: float, share: float) -> None:
    row = dict(zip(NAMES, (pl, width, plqy, x1, share), strict=True))
    codec = FeatureCode.of(NAMES, [row])
    Y, _ = codec.encode([row], [{}])
    torch.testing.assert_close(codec.decode(torch.from_numpy(Y))[0].tolist(), list(row.values()), rtol=1e-9, atol=1e-9)


def test_sds_follow_the_slope_of_each_scale() -> None:
    row = {"pl_peak_nm": 465.0, "fwhm_nm": 18.0, "plqy": 0.6}
    codec = FeatureCode.of(tuple(row), [row])
    Y, Yvar = codec.encode([row], [{"pl_peak_nm": 0.5, "plqy": 0.02}])
    step = 1e-4
    moved, _ = codec.encode([{**row, "pl_peak_nm": 465.0 + step, "plqy": 0.6 + step}], [{}])
    slopes = (moved - Y)[0] / step
    np.testing.assert_allclose(np.sqrt(Yvar[0, [0, 2]]), np.abs(slopes[[0, 2]]) * [0.5, 0.02], rtol=1e-3)
    assert Y[0, 0] == pytest.approx(HC_EV_NM / 465.0)
    assert np.exp(Y[0, 1]) == pytest.approx(1e3 * HC_EV_NM * 18.0 / 465.0**2)  # meV
    assert Yvar[0, 1] == pytest.approx((2 * 0.5 / 465.0) ** 2)


def test_a_width_without_its_peak_is_modelled_in_nm() -> None:
    rows = [{"pl_peak_nm": 465.0, "fwhm_nm": 18.0}, {"fwhm_nm": 20.0}]
    codec = FeatureCode.of(("pl_peak_nm", "fwhm_nm"), rows)
    Y, Yvar = codec.encode(rows, [{}, {}])
    np.testing.assert_allclose(np.exp(Y[:, 1]), [18.0, 20.0])
    assert np.isnan(Y[1, 0]) and np.isnan(Yvar[1, 0])


@pytest.mark.parametrize("plqy", [-0.01, 0.0, 1.0, 1.02])
def test_a_plqy_at_the_edge_stays_finite(plqy: float) -> None:
    Y, Yvar = FeatureCode(("plqy",)).encode([{"plqy": plqy}], [{"plqy": 0.01}])
    assert np.isfinite(Y).all() and np.isfinite(Yvar).all()


@pytest.mark.parametrize(
    ("name", "value", "sd"),
    [
        ("plqy", float("nan"), 0.0),
        ("pl_peak_nm", 1e300, 0.0),
        ("fwhm_nm", -3.0, 0.0),
        ("x1_nm", 0.0, 0.0),
        ("plqy", 0.5, -0.1),
        ("plqy", 0.5, float("inf")),
    ],
)
def test_what_is_no_measurement_is_refused(name: str, value: float, sd: float) -> None:
    with pytest.raises(Refused, match=name):
        check_feature(name, value, sd)


def test_choices_that_are_described_lie_as_near_as_their_numbers() -> None:
    where = DesignSpace.of(a=(0.0, 2.0), solvent={"toluene": (0.1, 0.6), "octane": (0.0, 0.5), "water": (1.0, 0.9)})
    code = DesignCode(where)
    X = code.matrix([{"a": 1.0, "solvent": name} for name in ("toluene", "octane", "water")])
    assert X.shape == (3, len(code.axis_names)) == (3, len(code.choices))
    assert X[:, 4:] == pytest.approx(np.array([[0.1, 0.25], [0.0, 0.0], [1.0, 1.0]]))
    assert code.choices == (False, True, True, True, False, False)
    assert code.values(X)["a"].tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(Refused, match="as many finite numbers"):
        DesignSpace.of(solvent={"toluene": (0.1,), "octane": (0.0, 0.5)})


def test_a_design_beyond_a_logarithm_is_refused_with_a_plain_number() -> None:
    code = DesignCode(DesignSpace.of(dose=(1.0, 100.0)))
    with pytest.raises(Refused, match=r"dose: -3.0 must be above 0"):
        code.check({"dose": -3.0})
