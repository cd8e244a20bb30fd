"""Every route: what is suggested can be made, moles balance, and what a declaration may not say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdl.campaign import Stock
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space
from sdl.chemistry.pipetting import LASTING, _random
from sdl.chemistry.routes import ROUTES
from sdl.chemistry.schedule import Scheduler
from sdl.errors import NothingFeasible, Refused
from sdl.route import (
    Concentration,
    Dose,
    Fill,
    Hold,
    Manual,
    MoleFraction,
    MoleRatio,
    Read,
    Route,
    RouteParameter,
    Step,
    VolumeFraction,
    parameters,
)
from sdl.space import DesignSpace, Parameter
from tests.chemistry.campaigns import DECK, NAMES, campaign, stock

CAMPAIGNS = {name: campaign(name) for name in NAMES}
COMPILERS = {name: Compiler.of(c) for name, c in CAMPAIGNS.items()}
SPACES = {name: design_space(c) for name, c in CAMPAIGNS.items()}
UNIT = st.lists(st.floats(0.0, 1.0), min_size=7, max_size=7)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(unit=UNIT)
def test_what_is_possible_is_never_refused_later(name: str, unit: list[float]) -> None:
    space, compiler = SPACES[name], COMPILERS[name]
    columns, ok = space.make(space.from_unit(np.array([unit[: len(space.parameters)]])))
    if not ok[0]:
        return
    (design,) = space.designs(columns)
    again, still = space.make(space.columns([design]))
    assert still[0] and space.designs(again) == [design], "a rounded design stays as it is"
    recipe = compiler.recipe(design)
    assert recipe.design == pytest.approx(design)
    assert all(t.volume_ul >= compiler.pipetting.smallest_ul for t in recipe.transfers)
    run = scheduler(name).run({"e": recipe}, {"e": "vials/A1"})
    assert run.duration_s > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_went_as_planned_is_the_design_that_was_planned(name: str) -> None:
    compiler = COMPILERS[name]
    for design in SPACES[name].sobol(8, seed=2):
        recipe = compiler.recipe(design)
        delivered: dict[str, float] = {}
        dilutions = {d.name: d for d in recipe.dilutions}
        for t in recipe.transfers:
            parts = {t.stock: 1.0}
            if (d := dilutions.get(t.stock)) is not None:
                parts = {d.stock: 1 / d.factor, d.medium: 1 - 1 / d.factor}
            for source, part in parts.items():
                delivered[source] = delivered.get(source, 0.0) + t.volume_ul * part
        added_s = {t.reagent: t.at_s for t in recipe.transfers if t.action != "dispense"}
        assert compiler.executed(design, delivered, added_s) == pytest.approx(design)


def test_a_delayed_addition_is_recorded_when_it_was_made() -> None:
    """The sulfide came 40 s late and the quench as planned: the dots grew longer and the sulfide had less time."""
    compiler, (design,) = COMPILERS["cspbbr3-pbs"], SPACES["cspbbr3-pbs"].sobol(1, seed=2)
    recipe = compiler.recipe(design)
    planned = {t.reagent: t.at_s for t in recipe.transfers if t.action != "dispense"}
    ul = {t.stock: t.volume_ul for t in recipe.transfers}
    made = compiler.executed(design, ul, {**planned, "TMS2S": planned["TMS2S"] + 40.0})
    grown, sulfide = (float(design[name]) for name in ("growth_time_s", "sulfide_time_s"))
    assert (made["growth_time_s"], made["sulfide_time_s"]) == pytest.approx((grown + 40.0, sulfide - 40.0))
    made = compiler.executed(design, ul, {name: at + 40.0 for name, at in planned.items() if name == "lecithin"})
    assert (made["growth_time_s"], made["sulfide_time_s"]) == pytest.approx((grown, sulfide + 40.0))


def scheduler(name: str) -> Scheduler:
    compiler = COMPILERS[name]
    return Scheduler(
        lab=compiler.lab,
        declared=compiler.declared,
        sources={s: held.at[0] for s, held in compiler.stocks.items()},
        vials=tuple(f"spare/A{i}" for i in range(1, 7)),
    )


def test_sulfide_is_dosed_on_the_lead_that_growth_reads_left_in_the_well() -> None:
    (design,) = SPACES["cspbbr3-pbs"].designs(
        SPACES["cspbbr3-pbs"].make(
            SPACES["cspbbr3-pbs"].columns(
                [
                    {
                        "pb_to_cs": 4.0,
                        "cs_concentration_mmol_l": 0.2564,
                        "growth_time_s": 1800.0,
                        "s_to_pb": 10.0,
                        "sulfide_time_s": 1800.0,
                    }
                ]
            )
        )[0]
    )
    recipe = COMPILERS["cspbbr3-pbs"].recipe(design)
    ul = {t.reagent: t.volume_ul for t in recipe.transfers}
    lead_umol = ul["PbBr2-TOPO"] * 0.04 * (1 - 2 * 120 / 3120)  # two reads of 120 uL before the sulfide
    assert ul["TMS2S"] * 0.4 / lead_umol == pytest.approx(design["s_to_pb"], rel=2e-3)
    assert design["s_to_pb"] == pytest.approx(10.0, rel=0.02)
    moments = {t.action: t.at_s for t in recipe.transfers}
    assert (moments["inject"], moments["add"], moments["quench"]) == (0.0, 1800.0, 3600.0)
    assert recipe.growth_time_s == 3600.0


def test_a_small_amount_comes_from_a_dilution_that_the_run_makes_first() -> None:
    design = {
        "pb_to_cs": 4.0,
        "cs_concentration_mmol_l": 0.1,
        "growth_time_s": 600.0,
        "s_to_pb": 1.0,
        "sulfide_time_s": 600.0,
    }
    space = SPACES["cspbbr3-pbs"]
    (rounded,) = space.designs(space.make(space.columns([design]))[0])
    recipe = COMPILERS["cspbbr3-pbs"].recipe(rounded)
    (dilution,) = recipe.dilutions
    assert (dilution.stock, dilution.factor) == ("TMS2S", 10.0)
    run = scheduler("cspbbr3-pbs").run({"a": recipe, "b": recipe}, {"a": "vials/A1", "b": "vials/A2"})
    made = [s for s in run.steps if s.well == "spare/A1" and s.action == "dispense"]
    assert [s.source for s in made] == ["stocks/B1", "stocks/B3"], "the medium first"
    assert made[0].volume_ul == pytest.approx(9 * made[1].volume_ul)
    drawn = [s for s in run.steps if s.source == "spare/A1" and s.action == "add"]
    assert len(drawn) == 2
    assert sum(s.volume_ul for s in drawn) + 200.0 <= sum(s.volume_ul for s in made), "200 uL cannot be drawn"
    assert run.draws_ul["TMS2S"] == made[1].volume_ul
    sulfur_umol = recipe.moles_umol["S"]
    assert sulfur_umol == pytest.approx(drawn[0].volume_ul * 0.04), "a tenth of 400 mmol/L"


def test_a_choice_names_the_stock_and_a_parameter_that_does_not_count_stands_still() -> None:
    space, compiler = SPACES["mixing"], COMPILERS["mixing"]
    designs = space.sobol(64, seed=4)
    assert {d["solvent"] for d in designs} == {"chlorobenzene", "toluene"}
    for design in designs:
        recipe = compiler.recipe(design)
        fills = {t.stock for t in recipe.transfers if t.reagent == "solvent"}
        assert fills == {design["solvent"]}
        if design["solvent"] == "toluene":
            assert design["topo_to_pb"] == 5.0
            assert "TOPO" not in {t.reagent for t in recipe.transfers}
    assert recipe.manual, "the washing is by hand"


def test_two_stocks_that_carry_the_same_species_are_balanced_together() -> None:
    """Lead with much and with little TOPO: two equations in two volumes, none of which can be solved alone."""
    route = declared(
        Dose(reagent="diluent", amount=Fill(by=3000.0)),
        Dose(reagent="rich", amount=MoleRatio(species="TOPO", to="Pb", by="topo_to_pb")),
        Dose(reagent="poor", amount=Concentration(species="Pb", by="pb_mmol_l"), action="inject"),
        topo_to_pb=(6.0, 14.0),
        pb_mmol_l=(0.5, 1.5),
    )
    stocks = (
        stock("rich", "octane", "stocks/A1", 20, Pb=40, TOPO=800),
        stock("poor", "octane", "stocks/A2", 20, Pb=40, TOPO=200),
        stock("diluent", "chlorobenzene", "stocks/B1", 200),
    )
    compiler, space = prepared(route, stocks)
    for design in space.sobol(16, seed=1):
        recipe = compiler.recipe(design)
        ul = {t.reagent: t.volume_ul for t in recipe.transfers}
        lead = 40 * (ul["rich"] + ul["poor"])
        assert (800 * ul["rich"] + 200 * ul["poor"]) / lead == pytest.approx(design["topo_to_pb"], rel=1e-9)
        assert lead / recipe.total_ul == pytest.approx(design["pb_mmol_l"], rel=1e-9)


def test_fractions_of_a_simplex_add_up_in_volume_and_in_moles() -> None:
    route = declared(
        Dose(reagent="rest", amount=Fill(by=2000.0)),
        Dose(reagent="octane", amount=VolumeFraction(by="octane_share")),
        Dose(reagent="toluene", amount=VolumeFraction(by="toluene_share")),
        Dose(reagent="bromide", amount=Concentration(species="Pb", by="pb_mmol_l")),
        Dose(reagent="chloride", amount=MoleFraction(species="Cl", of=("Br", "Cl"), by="cl_share"), action="inject"),
        octane_share=(0.05, 0.9),
        toluene_share=(0.05, 0.9),
        pb_mmol_l=(0.5, 1.0),
        cl_share=(0.1, 0.5),
    )
    stocks = (
        stock("rest", "chlorobenzene", "stocks/B1", 200),
        stock("octane", "octane", "stocks/B2", 200),
        stock("toluene", "toluene", "stocks/A3", 20),
        stock("bromide", "chlorobenzene", "stocks/A1", 20, Pb=40, Br=80),
        stock("chloride", "chlorobenzene", "stocks/A2", 20, Cl=80),
    )
    compiler, space = prepared(route, stocks, "octane_share + toluene_share <= 0.9")
    designs = space.sobol(64, seed=1)
    for design in designs:
        moles, recipe = compiler.recipe(design).moles_umol, compiler.recipe(design)
        ul = {t.reagent: t.volume_ul for t in recipe.transfers}
        assert moles["Cl"] / (moles["Cl"] + moles["Br"]) == pytest.approx(design["cl_share"], rel=1e-9)
        assert (ul["octane"] + ul["toluene"]) / recipe.total_ul <= 0.9 + 1e-9
    assert np.ptp([float(d["octane_share"]) for d in designs]) > 0.5


def test_what_cannot_be_given_is_said_with_volume_limit_and_cure() -> None:
    topo = COMPILERS["cspbbr3-topo"]
    nominal = {name: ROUTES["cspbbr3-topo"].nominal[name] for name in SPACES["cspbbr3-topo"].names}
    with pytest.raises(Refused, match=r"'TOPO' would have to be -16 uL: other stocks bring more .* raise topo_to_pb"):
        topo.recipe({**nominal, "topo_to_pb": 4.0})
    with pytest.raises(Refused, match=r"'lecithin' needs 4\.\d+ uL, below 5 uL, the smallest .* raise lecithin_to_cs"):
        topo.recipe({**nominal, "cs_concentration_mmol_l": 0.06, "lecithin_to_cs": 0.5})
    with pytest.raises(Refused, match=r"every solvent above 5% boils 20 K above the well"):
        topo.recipe({**nominal, "cs_concentration_mmol_l": 0.6, "temperature_c": 55.0})


def test_a_lab_without_a_rack_to_dilute_in_refuses_what_needs_diluting() -> None:
    chosen = CAMPAIGNS["cspbbr3-pbs"]
    assert chosen.lab is not None
    lab = replace(chosen.lab, blocks=chosen.lab.blocks[:1])
    strong = replace(chosen.stocks["TMS2S"], contains={"S": 80_000.0})
    with pytest.raises(NothingFeasible, match=r"'TMS2S' needs 0\..* to .* uL, below 5 uL.* add a rack of empty vials"):
        design_space(replace(chosen, lab=lab, stocks={**chosen.stocks, "TMS2S": strong}))


@pytest.mark.parametrize(
    ("name", "weak"),
    [("cspbbr3-topo", 1.0), ("cspbbr3-pbs", 1.0), ("cspbbr3-pbs", 25.0)],
    ids=["cspbbr3-topo", "cspbbr3-pbs", "cspbbr3-pbs with a dilution"],
)
def test_pipetting_gives_each_parameter_the_uncertainty_of_its_volumes(name: str, weak: float) -> None:
    """Against a robot drawn at random: pipettes that are off for good, strokes and dilutions that differ."""
    chosen = CAMPAIGNS[name]
    lead = chosen.stocks["PbBr2-TOPO"]
    strong = replace(lead, contains={species: weak * c for species, c in lead.contains.items()})
    space = design_space(replace(chosen, stocks={**chosen.stocks, "PbBr2-TOPO": strong}))
    compiler = Compiler.of(replace(chosen, stocks={**chosen.stocks, "PbBr2-TOPO": strong}))
    (design,) = space.sobol(1, seed=3)
    assert space.input_sd is not None
    sd = space.input_sd(space.columns([design]))
    recipe, full = compiler.recipe(design), compiler.declared.complete(space.columns([design]))
    assert bool(recipe.dilutions) is (weak > 1.0)
    assert sd["growth_time_s"][0] == 0.0
    well, _ = compiler.pour(full)
    cv, rng, draws = compiler.lab.pipettes[0].cv, np.random.default_rng(0), []
    for _ in range(1500):
        off = {p: 1 + cv * math.sqrt(LASTING) * rng.standard_normal() for p in ("left", "right")}
        other = compiler.empty(full)
        for dose in compiler.route.doses:
            other.copy(dose.reagent, well)
            drawn = float(well.drawn(dose.reagent)[0])
            pipette = compiler.lab.pipette_for(drawn) if drawn else None
            if pipette is None:
                continue
            strokes = math.ceil(drawn / pipette.stroke_ul)
            stroke = max(cv, float(_random(pipette.name, np.array([drawn / strokes]))[0]) if strokes else cv)
            off_for_good = 1 + (off[pipette.mount] - 1) * stroke / cv
            parts = rng.standard_normal(strokes).mean() * stroke * math.sqrt(1 - LASTING)
            made = 1.0
            if float(well.factor[dose.reagent][0]) > 1:
                made = (1 + cv * rng.standard_normal()) / (1 + cv * rng.standard_normal())
            other.ul[dose.reagent] = well.ul[dose.reagent] * (off_for_good + parts) * made
            other.diluting_ul[dose.reagent] = well.diluting_ul[dose.reagent] * (off_for_good + parts)
        draws.append(compiler.designed(full, other))
    for parameter in space.parameters:
        if parameter.name.endswith(("_s", "_c")):
            continue
        scatter = float(np.std([float(d[parameter.name][0]) for d in draws]))
        assert sd[parameter.name][0] == pytest.approx(scatter, rel=0.08), parameter.name
    if weak == 1.0:
        both = sd["pb_to_cs"][0] / float(design["pb_to_cs"])
        assert both < 0.9 * cv * math.sqrt(2), "what lasts in a pipette does not change the ratio of two of its volumes"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((Dose(reagent="a", amount=Fill(by=1.0)), Read()), "exactly one step injects"),
        ((Dose(reagent="a", amount=Fill(by=1.0), action="inject"),), "no step reads"),
        ((Hold(by=1.0), Dose(reagent="a", amount=Fill(by=1.0), action="inject"), Read()), "before the injection"),
        (
            (
                Dose(reagent="a", amount=Fill(by=1.0), action="inject"),
                Dose(reagent="a", amount=Concentration(species="x", by=1.0), action="add"),
                Read(),
            ),
            "added twice",
        ),
        ((Dose(reagent="a", amount=Fill(by="size"), action="inject"), Read()), "'size' sets an amount"),
        (
            (
                Dose(reagent="a", amount=Fill(by=1.0), action="inject"),
                Manual(text="wash"),
                Dose(reagent="b", amount=Concentration(species="x", by=1.0), action="add"),
                Read(),
            ),
            "after manual work",
        ),
    ],
    ids=["no injection", "no read", "early hold", "twice", "unknown parameter", "addition after manual work"],
)
def test_a_declaration_that_makes_no_sense_is_refused(steps: tuple[Step, ...], expected: str) -> None:
    with pytest.raises(Refused, match=expected):
        route_of(steps)


def test_every_number_of_a_route_has_a_source() -> None:
    assert len(ROUTES) >= 5
    for route in ROUTES.values():
        assert route.source and route.notes
        assert all(p.source for p in route.parameters.values())


@pytest.mark.parametrize("name", DECK)
def test_a_space_is_filled_without_waste(name: str) -> None:
    space = SPACES[name]
    designs = space.sobol(128, seed=6)
    assert len(designs) == 128 and all(space.feasible(d) for d in designs)


def route_of(steps: tuple[Step, ...], **ranges: tuple[float, float]) -> Route:
    given = [RouteParameter(name=n, low=low, high=high, nominal=low) for n, (low, high) in ranges.items()]
    room = RouteParameter(name="temperature_c", low=25.0, high=25.0, nominal=25.0)
    return Route(
        name="test",
        title="",
        source="",
        parameters=parameters(*given, room),
        steps=steps,
        medium=steps[0].reagent if isinstance(steps[0], Dose) else "a",
    )


def declared(*doses: Dose, **ranges: tuple[float, float]) -> Route:
    return route_of((*doses, Hold(by=300.0), Read()), **ranges)


def prepared(route: Route, stocks: Sequence[Stock], *constraints: str) -> tuple[Compiler, DesignSpace]:
    chosen = replace(
        CAMPAIGNS["cspbbr3-topo"],
        route=route.name,
        synthesis=route,
        parameters=tuple(
            Parameter(name=p.name, low=p.low, high=p.high) for p in route.parameters.values() if p.low < p.high
        ),
        constraints=constraints,
        stocks={s.name: s for s in stocks},
    )
    return Compiler.of(chosen), design_space(chosen)
