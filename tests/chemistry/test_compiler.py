"""From design to microlitres: mole balance, rounding, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdl.chemistry.compiler import Compiler
from sdl.chemistry.declaration import growth_reads
from sdl.chemistry.demand import feasible
from sdl.chemistry.feasible import design_space
from sdl.errors import NothingFeasible, Refused
from tests.benches import example

CAMPAIGN = example()
COMPILER = Compiler.of(CAMPAIGN)
SPACE = design_space(CAMPAIGN)
NOMINAL = {
    "pb_to_cs": 4.0,
    "topo_to_pb": 5.0,
    "cs_concentration_mmol_l": 0.8 / 3.12,
    "growth_time_s": 1800.0,
    "lecithin_to_cs": 1.0,
    "temperature_c": 25.0,
}


def made(design: dict[str, float]) -> dict[str, float | str]:
    columns, ok = SPACE.make(SPACE.columns([design]))
    assert ok[0]
    return SPACE.designs(columns)[0]


def test_the_published_recipe_comes_out_in_the_published_microlitres() -> None:
    """Yang 2024, section 3.2: 40 uL Cs-DOPA, 80 uL PbBr2-TOPO, 3 mL chlorobenzene, lecithin 1:1."""
    recipe = COMPILER.recipe(made(NOMINAL))
    ul = {t.stock: t.volume_ul for t in recipe.transfers}
    assert ul["Cs-DOPA"] == pytest.approx(40.0)
    assert ul["PbBr2-TOPO"] == pytest.approx(80.0, abs=0.5)
    assert ul["diluent"] == pytest.approx(3000.0, abs=4)
    assert "TOPO" not in ul
    assert ul["lecithin"] == pytest.approx(40.0 * (1 - 2 * 120 / 3120), abs=0.1), "two growth reads left the well"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6))
def test_rounding_twice_changes_nothing_and_moles_balance(unit: list[float]) -> None:
    columns, ok = SPACE.make(SPACE.from_unit(np.array([unit])))
    if not ok[0]:
        return
    again, still = SPACE.make(columns)
    assert still[0], "a rounded design stays feasible: no suggestion is ever refused later"
    for name, column in columns.items():
        assert again[name] == pytest.approx(column, rel=1e-12)
    design = SPACE.designs(columns)[0]
    recipe = COMPILER.recipe(design)
    cs, pb, topo = (recipe.moles_umol[s] for s in ("Cs", "Pb", "TOPO"))
    assert pb / cs == pytest.approx(design["pb_to_cs"], rel=1e-9)
    assert topo / pb == pytest.approx(design["topo_to_pb"], rel=1e-9), "the TOPO that comes with the lead counts"
    assert cs / recipe.total_ul * 1000 == pytest.approx(design["cs_concentration_mmol_l"], rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6))
def test_every_transfer_of_a_feasible_design_can_be_pipetted(unit: list[float]) -> None:
    columns, ok = SPACE.make(SPACE.from_unit(np.array([unit])))
    if ok[0]:
        assert CAMPAIGN.lab is not None
        least = min(p.min_ul for p in CAMPAIGN.lab.pipettes)
        assert all(t.volume_ul >= least for t in COMPILER.recipe(SPACE.designs(columns)[0]).transfers)


def test_less_topo_than_the_lead_brings_along_is_refused() -> None:
    assert not SPACE.feasible({**NOMINAL, "topo_to_pb": 4.0})
    with pytest.raises(Refused, match="cannot be pipetted"):
        COMPILER.recipe({**NOMINAL, "topo_to_pb": 4.0})


def test_a_trace_of_extra_topo_becomes_none_or_a_whole_smallest_transfer() -> None:
    for ratio in np.linspace(5.0, 5.6, 13):
        columns, _ = COMPILER.snap({k: np.array([v]) for k, v in {**NOMINAL, "topo_to_pb": ratio}.items()})
        volumes, _ = COMPILER.pour(COMPILER.declared.complete(columns))
        assert volumes.ul["TOPO"][0] == 0.0 or volumes.ul["TOPO"][0] >= 5.0


def test_heat_above_the_boiling_rule_is_outside_the_space() -> None:
    """Hexane above 5 vol % boils at 69 degC: at most 49 degC (chemical safety facts, temperature rule)."""
    rich = {**NOMINAL, "cs_concentration_mmol_l": 0.6, "pb_to_cs": 4.0, "topo_to_pb": 5.0}
    hot = {k: np.array([v]) for k, v in {**rich, "temperature_c": 52.0}.items()}
    warm = {k: np.array([v]) for k, v in {**rich, "temperature_c": 49.0}.items()}
    assert not COMPILER.snap(hot)[1][0]
    assert COMPILER.snap(warm)[1][0]


def test_an_empty_space_names_what_binds() -> None:
    weak = replace(CAMPAIGN.stocks["Cs-DOPA"], contains={"Cs": 20000.0, "DOPA": 75.0})
    campaign = replace(CAMPAIGN, stocks={**CAMPAIGN.stocks, "Cs-DOPA": weak})
    with pytest.raises(NothingFeasible, match="smallest pipette volume"):
        design_space(campaign)


def test_a_space_in_which_few_draws_find_nothing_is_searched() -> None:
    """Less than one design in a thousand: between two neighbours of the 4096 that are looked at first."""
    campaign = replace(CAMPAIGN, constraints=("0.71068 <= lecithin_to_cs <= 0.71175",))
    space = design_space(campaign)
    columns = feasible(campaign, space)
    assert len(columns["lecithin_to_cs"]) > 8 and space.make(columns)[1].all()
    assert len(set(columns["temperature_c"])) == 1, "a block has one temperature"


def test_what_was_delivered_replaces_what_was_planned() -> None:
    planned = made(NOMINAL)
    recipe = COMPILER.recipe(planned)
    ul = {t.stock: t.volume_ul for t in recipe.transfers}
    assert COMPILER.executed(planned, ul, {"lecithin": 1802.0}) == pytest.approx(planned)
    late = COMPILER.executed(planned, {**ul, "PbBr2-TOPO": ul["PbBr2-TOPO"] * 2}, {"lecithin": 1815.0})
    assert late["growth_time_s"] == 1815.0
    assert late["pb_to_cs"] == pytest.approx(2 * float(planned["pb_to_cs"]))


def test_growth_reads_come_only_when_there_is_time_for_them() -> None:
    assert [len(growth_reads(s)) for s in (60, 419, 420, 899, 900, 3600)] == [0, 0, 1, 1, 2, 2]
