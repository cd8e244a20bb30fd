"""The sizing curve and the Stokes law against the printed tables that they were fitted to, and their own algebra."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdl.spectra.sizing import (
    REPORTED_NM,
    edge_from_x1_nm,
    edge_length,
    emission_from_x1,
    x1_ev,
    x1_slope_ev_per_nm,
    x2_gap_ev,
)
from sdl.spectra.types import Value
from sdl.units import HC_EV_NM

LI_2019 = (
    (6.2, 0.3, 2.54, 2.72),
    (5.0, 0.4, 2.57, 2.79),
    (4.5, 0.2, 2.60, 2.83),
    (4.3, 0.2, 2.62, 2.88),
    (4.0, 0.4, 2.67, 2.94),
    (3.5, 0.3, 2.71, 3.03),
    (3.0, 0.2, 2.75, 3.08),
    (2.6, 0.3, 2.82, 3.19),
)
"""Edge, its sd (TEM), X1 and X2: Li et al., Chem. Sci. 2019, 10, 5983, Table 1; energies are printed to 0.01 eV."""

OTERO_MARTINEZ_2024 = ((445.0, 455.0), (452.5, 462.0))
"""Absorption and emission in nm of the two pairs in Otero-Martinez 2024 whose sizes the curve covers."""


@pytest.mark.parametrize(("edge_nm", "edge_sd_nm", "energy_ev", "x2_ev"), LI_2019)
def test_the_crystals_of_li_2019_get_their_printed_edge(
    edge_nm: float, edge_sd_nm: float, energy_ev: float, x2_ev: float
) -> None:
    found, _ = edge_length(Value(value=energy_ev, sd=0.01 / math.sqrt(12)))
    assert found is not None
    assert abs(found.value - edge_nm) < 2 * math.hypot(found.sd, edge_sd_nm)
    assert abs(x1_ev(edge_nm) - energy_ev) < 0.03
    assert abs(x2_gap_ev(edge_nm) - (x2_ev - energy_ev)) < 0.025


@given(edge_nm=st.floats(2.0, 9.0), temperature_c=st.floats(15.0, 60.0))
def test_the_inverse_undoes_the_curve(edge_nm: float, temperature_c: float) -> None:
    assert edge_from_x1_nm(x1_ev(edge_nm, temperature_c), temperature_c) == pytest.approx(edge_nm, rel=1e-9)


@given(edge_nm=st.floats(2.0, 9.0))
def test_the_slope_is_the_derivative_of_the_curve(edge_nm: float) -> None:
    step_nm = 1e-4
    numeric = (x1_ev(edge_nm + step_nm) - x1_ev(edge_nm - step_nm)) / (2 * step_nm)
    assert x1_slope_ev_per_nm(edge_nm) == pytest.approx(numeric, rel=1e-4)


def test_a_larger_crystal_is_known_less_well() -> None:
    sds = []
    for edge_nm in (3.0, 4.0, 5.0, 7.5):
        found, _ = edge_length(Value(value=x1_ev(edge_nm), sd=0.0))
        assert found is not None
        sds.append(found.sd)
    assert sds == sorted(sds)
    assert sds[0] == pytest.approx(0.11, abs=0.06)  # 17 meV over 0.16 eV/nm, and the dispersion
    assert sds[-1] == pytest.approx(0.85, abs=0.1)  # 17 meV over 0.02 eV/nm


@pytest.mark.parametrize("edge_nm", [REPORTED_NM[0] - 0.1, REPORTED_NM[1] + 0.1])
def test_a_size_outside_the_curve_is_not_reported(edge_nm: float) -> None:
    assert edge_length(Value(value=x1_ev(edge_nm), sd=0.001)) == (None, ("size_extrapolated",))


def test_an_energy_below_the_bulk_has_no_size() -> None:
    assert edge_length(Value(value=2.35, sd=0.001)) == (None, ("size_extrapolated",))


def test_a_size_beyond_the_largest_measured_crystal_is_reported_with_a_flag() -> None:
    found, flags = edge_length(Value(value=x1_ev(7.0), sd=0.001))
    assert found is not None
    assert flags == ("size_extrapolated",)


def test_warm_crystals_are_sized_as_at_room_temperature() -> None:
    warm, _ = edge_length(Value(value=x1_ev(3.5, 50.0), sd=0.0), 50.0)
    cool, _ = edge_length(Value(value=x1_ev(3.5), sd=0.0))
    assert warm is not None and cool is not None
    assert warm.value == pytest.approx(cool.value)
    assert x1_ev(3.5, 50.0) - x1_ev(3.5) == pytest.approx(25 * 0.3e-3)


@pytest.mark.parametrize(("absorption_nm", "pl_nm"), OTERO_MARTINEZ_2024)
def test_emission_estimated_from_absorption_meets_the_printed_pairs(absorption_nm: float, pl_nm: float) -> None:
    found = emission_from_x1(Value(value=HC_EV_NM / absorption_nm, sd=0.003))
    assert abs(found.value - HC_EV_NM / pl_nm) < 2 * found.sd
    assert 2.0 < found.sd * pl_nm**2 / HC_EV_NM < 3.0
