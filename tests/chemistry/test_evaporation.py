"""Evaporation and ages of stocks: the safety facts' figures, exact mole balance, and refusals with their numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdl.campaign import Stock
from sdl.chemistry.evaporation import (
    Standing,
    age_h,
    corrected,
    loss_ul_h,
    open_loss_ul_h,
    too_old,
    vapour_pressure_kpa,
    why_not,
)
from sdl.chemistry.solvents import SOLVENTS
from sdl.chemistry.substances import substance
from sdl.errors import Refused

CS = Stock(
    name="Cs-DOPA",
    contains={"Cs": 20.0, "DOPA": 75.0},
    solvent="hexane",
    volume_ul=20_000.0,
    at=("stocks/A1",),
    lot="7",
    made="2026-11-02",
    max_age_h=14 * 24.0,
)
NOW = datetime(2026, 11, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("solvent", "opening_mm", "temperature_c", "printed_ul_h", "within"),
    [
        pytest.param("hexane", 25.0, 25.0, 850.0, 0.1, id="hexane, 25 mL vial, 25 degC: 0.85 mL/h"),
        pytest.param("hexane", 25.0, 40.0, 1850.0, 0.1, id="hexane, 25 mL vial, 40 degC: 1.85 mL/h"),
        pytest.param("chlorobenzene", 25.0, 25.0, 40.0, 0.2, id="chlorobenzene, 25 mL vial: 0.04 mL/h, one digit"),
        pytest.param("chlorobenzene", 12.0, 25.0, 3100 * 0.003, 0.2, id="reaction vial, 25 degC: 0.3 %/h, one digit"),
        pytest.param("chlorobenzene", 12.0, 60.0, 3100 * 0.02, 0.1, id="reaction vial, 60 degC: 2 %/h"),
    ],
)
def test_open_vials_lose_what_the_safety_facts_say(
    solvent: str, opening_mm: float, temperature_c: float, printed_ul_h: float, within: float
) -> None:
    found = open_loss_ul_h(solvent, opening_mm=opening_mm, temperature_c=temperature_c)
    assert found == pytest.approx(printed_ul_h, rel=within)


@pytest.mark.parametrize(
    ("solvent", "temperature_c", "kpa"),
    [("hexane", 20.0, 16.5), ("hexane", 69.0, 101.325), ("toluene", 20.0, 2.9), ("chlorobenzene", 60.0, 8.8)],
)
def test_vapour_pressures_agree_with_tables_at_other_temperatures(
    solvent: str, temperature_c: float, kpa: float
) -> None:
    assert vapour_pressure_kpa(solvent, temperature_c) == pytest.approx(kpa, rel=0.07)


ANTOINE = {
    "hexane": (4.00266, 1171.53, -48.784),
    "octane": (4.04867, 1355.126, -63.633),
    "toluene": (4.07827, 1343.943, -53.773),
    "chlorobenzene": (4.11083, 1435.675, -55.124),
    "DMF": (3.93068, 1337.716, -82.648),
    "ethanol": (5.24677, 1598.673, -46.424),
    "ethyl-acetate": (4.22809, 1245.702, -55.189),
    "acetonitrile": (4.27873, 1355.374, -37.853),
}
"""NIST Chemistry WebBook: log10(p/bar) = A - B / (T/K + C), fitted between 13 degC (hexane) and 132 degC."""


@pytest.mark.parametrize("solvent", ANTOINE)
def test_vapour_pressures_at_room_temperature_are_those_of_nist(solvent: str) -> None:
    a, b, c = ANTOINE[solvent]
    kpa = substance(solvent).vapour_pressure_kpa
    assert kpa == pytest.approx(100.0 * 10 ** (a - b / (298.15 + c)), rel=0.01)
    assert "NIST" in substance(solvent).source


def test_a_septum_keeps_nine_tenths_in() -> None:
    capped, bare = loss_ul_h("hexane", opening_mm=25.0), open_loss_ul_h("hexane", opening_mm=25.0)
    assert capped == pytest.approx(bare / 10)


def test_a_solvent_that_boils_or_has_no_data_is_refused() -> None:
    with pytest.raises(Refused, match="boils"):
        open_loss_ul_h("hexane", opening_mm=25.0, temperature_c=70.0)
    with pytest.raises(Refused, match="missing"):
        open_loss_ul_h("TOPO", opening_mm=25.0)


@pytest.mark.parametrize("solvent", sorted(SOLVENTS))
def test_every_solvent_that_a_stock_may_name_has_the_data(solvent: str) -> None:
    assert 0 < loss_ul_h(solvent, opening_mm=25.0) < 200


@given(
    st.lists(st.tuples(st.floats(0.01, 50.0), st.floats(0.0, 500.0)), min_size=1, max_size=8),
    st.floats(0.0, 20.0),
)
def test_solute_stays_while_solvent_leaves_and_draws_take_both(steps: list[tuple[float, float]], loss: float) -> None:
    """An exact book of moles beside it: factor x volume changes by draws only."""
    one = Standing(lot="7", loaded_s=0.0, seen_s=0.0)
    ledger_ul, now_s, volume_ul, solute = 20_000.0, 0.0, 20_000.0, 20_000.0
    for hours, draw_ul in steps:
        now_s += hours * 3600.0
        one = one.at(now_s, ledger_ul=ledger_ul, loss_ul_h=loss)
        volume_ul -= loss * hours
        assert ledger_ul - one.lost_ul == pytest.approx(volume_ul)
        assert one.factor == pytest.approx(solute / volume_ul)
        solute -= draw_ul * solute / volume_ul
        volume_ul, ledger_ul = volume_ul - draw_ul, ledger_ul - draw_ul


def test_looking_twice_changes_nothing() -> None:
    one = Standing(lot="7", loaded_s=0.0, seen_s=0.0).at(7200.0, ledger_ul=20_000.0, loss_ul_h=80.0)
    assert one.at(7200.0, ledger_ul=20_000.0, loss_ul_h=80.0) == one
    assert one.at(3600.0, ledger_ul=20_000.0, loss_ul_h=80.0) == one  # time never goes back


def test_a_stock_that_dried_out_is_refused() -> None:
    with pytest.raises(Refused, match="dried out"):
        Standing(lot="7", loaded_s=0.0, seen_s=0.0).at(1e7, ledger_ul=1000.0, loss_ul_h=80.0)


def test_the_corrected_stock_is_stronger_in_every_species_and_names_the_lot_that_stands_there() -> None:
    stock = corrected(CS, Standing(lot="8", loaded_s=0.0, seen_s=0.0, factor=1.01))
    assert stock.contains == pytest.approx({"Cs": 20.2, "DOPA": 75.75})
    assert stock.lot == "8"


def test_two_per_cent_of_drift_is_the_end_and_is_said_with_its_numbers() -> None:
    fresh = Standing(lot="7", loaded_s=0.0, seen_s=0.0, factor=1.0199)
    assert why_not(CS, fresh, 3600.0) == ""
    text = why_not(CS, replace(fresh, factor=1.024, lost_ul=470.0), 6 * 3600.0)
    assert "2.4%" in text and "limit is 2%" in text and "6.0 h" in text and "replace it" in text


def test_a_pure_solvent_cannot_drift() -> None:
    medium = replace(CS, contains={}, name="diluent")
    assert why_not(medium, Standing(lot="", loaded_s=0.0, seen_s=0.0, factor=1.5), 3600.0) == ""


@pytest.mark.parametrize(
    ("made", "hours"),
    [("2026-11-02", 192.0), ("2026-11-09T12:00+01:00", 13.0), ("2026-11-10T01:00+01:00", 0.0)],
)
def test_the_age_of_a_lot_counts_zones(made: str, hours: float) -> None:
    assert age_h(replace(CS, made=made), NOW) == pytest.approx(hours)


def test_a_lot_without_a_date_has_no_age_and_is_never_too_old() -> None:
    assert math.isnan(age_h(replace(CS, made=""), NOW))
    assert too_old(CS, math.nan, "7") == ""


@given(st.floats(0.0, 1000.0))
def test_a_lot_is_refused_exactly_past_its_age(age: float) -> None:
    assert bool(too_old(CS, age, "7")) == (age > CS.max_age_h)


def test_a_lot_past_its_age_is_said_with_number_limit_and_what_to_do() -> None:
    text = too_old(CS, age_h(CS, NOW + timedelta(days=10)), CS.lot)
    assert text == (
        "Cs-DOPA, lot 7, is 18.0 d old, its max_age is 14.0 d: make a new lot and write its lot and made here"
    )
