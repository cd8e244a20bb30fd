"""Tables of outcomes: where they come from, and what they say about reaching a target; warnings, never refusals."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdl.chemistry.outcomes import FOLDER, Table, reach, reach_in_words, table_for, table_of
from sdl.chemistry.routes import ROUTES
from sdl.cli import command
from sdl.config.load import load_campaign
from sdl.target import Target, match, maximize, minimize
from tests.benches import EXAMPLE, ROOT, example
from tests.flows.campaigns import campaign_file

LITERATURE = ROOT.parent / "shared" / "data" / "literature"


def grid() -> Table:
    """PL = 440 + 10 Pb:Cs + growth/60 over all the route allows; everything else at its nominal value."""
    pb, growth = (a.ravel() for a in np.meshgrid(np.linspace(1, 10, 37), np.linspace(60, 14400, 61)))
    columns = {"pb_to_cs": pb, "growth_time_s": growth, "pl_peak_nm": 440 + 10 * pb + growth / 60}
    return Table(origin="simulated; a straight line", columns=columns)


def asking(nm: float, within: float = 1.0) -> Target:
    return Target.of(pl_peak_nm=match(nm, within=within))


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_every_route_has_a_table_that_says_where_it_is_from(route: str) -> None:
    table = table_of(route)
    assert table is not None
    rows = len(table.columns["x1_nm"])
    assert 7 <= rows <= 2000
    assert (FOLDER / f"{route}.csv").stat().st_size < 300_000
    if ROUTES[route].off_deck:
        assert table.origin.startswith("measured; ")
        assert not table.simulated
    else:
        assert table.simulated
        assert f"python -m benchmarks.outcomes {route} --rows {rows} --seed " in table.origin
        numeric = {p.name for p in ROUTES[route].parameters.values() if not p.choices}
        assert numeric | {"pl_peak_nm", "fwhm_nm", "plqy"} <= set(table.columns)


def test_the_heterostructure_table_has_both_bands() -> None:
    table = table_of("cspbbr3-pbs")
    assert table is not None
    nir = table.columns["nir_peak_nm"]
    assert nir.min() >= 950.0 and nir.max() <= 1156.0


@pytest.mark.skipif(not LITERATURE.exists(), reason="the literature tables are not beside this checkout")
def test_the_measured_tables_are_those_of_the_papers() -> None:
    with (LITERATURE / "oteromartinez2024_table_s1.csv").open(encoding="utf-8") as file:
        printed = [(60 * float(r["reaction_time_min"]), float(r["exciton_peak_nm"])) for r in csv.DictReader(file)]
    kept = table_of("cspbbr3-kalloyed")
    assert kept is not None
    assert list(zip(kept.columns["reaction_time_s"], kept.columns["x1_nm"], strict=True)) == printed
    with (LITERATURE / "li2019_table1_size_x1_x2.csv").open(encoding="utf-8") as file:
        sizes = {float(r["edge_length_nm"]): float(r["x1_nm_computed"]) for r in csv.DictReader(file)}
    li = table_of("cspbbr3-zn-halide")
    assert li is not None
    assert dict(zip(li.columns["edge_length_nm"], li.columns["x1_nm"], strict=True)) == sizes


def test_designs_inside_the_ranges_and_the_target_are_counted() -> None:
    found = reach(replace(example(), target=asking(500.0, 2.0)), grid())
    assert found is not None
    columns = grid().columns
    inside = (columns["pb_to_cs"] >= 2) & (columns["pb_to_cs"] <= 8) & (columns["growth_time_s"] <= 3600)
    assert found.inside == int(inside.sum())
    assert found.hits == int((inside & (abs(columns["pl_peak_nm"] - 500) <= 2)).sum()) > 0
    assert found.nearest["pl_peak_nm"] == pytest.approx(500.0, abs=2.0)
    assert not found.warnings and not found.widen


def test_a_target_beyond_the_table_is_a_warning_with_the_closest_value_and_the_range_to_widen() -> None:
    found = reach(replace(example(), target=asking(600.0)), grid())
    assert found is not None
    assert found.hits == 0
    columns = grid().columns
    inside = (columns["pb_to_cs"] >= 2) & (columns["pb_to_cs"] <= 8) & (columns["growth_time_s"] <= 3600)
    closest = f"closest PL peak {columns['pl_peak_nm'][inside].max():.4g} nm"
    assert found.warnings == (f"not reachable in the simulated table: {closest}",)
    assert any(text.startswith("growth time up to") for text in found.widen)
    said = "\n".join(reach_in_words(found))
    assert f"Warning: not reachable in the simulated table: {closest}" in said
    assert "Wider would help" in said


def test_a_table_without_a_row_inside_the_ranges_says_so_and_draws_no_conclusion() -> None:
    found = reach(replace(example(), constraints=("pb_to_cs <= 0.5",), target=asking(500.0)), grid())
    assert found is not None
    assert (found.inside, found.hits, found.warnings, found.widen) == (0, 0, (), ())
    assert "None of the 2257 simulated designs lies inside your ranges" in reach_in_words(found)[0]


def test_constraints_of_the_campaign_count() -> None:
    free = reach(replace(example(), constraints=(), target=asking(500.0)), grid())
    bound = reach(replace(example(), constraints=("pb_to_cs <= 3",), target=asking(500.0)), grid())
    assert free and bound
    assert 0 < bound.inside < free.inside
    assert bound.spans["pl_peak_nm"][1] < free.spans["pl_peak_nm"][1]


def test_goals_that_the_table_has_not_or_that_have_no_bound_say_nothing() -> None:
    target = Target.of(fwhm_nm=minimize(), plqy=maximize(above=0.5))
    assert reach(replace(example(), target=target), grid()) is None


def test_no_table_is_read_from_elsewhere() -> None:
    assert table_of("mixing") is None
    assert table_of("../outcomes/cspbbr3-topo") is None


MIXING = ROOT / "examples" / "mixing"


def test_a_synthesis_of_ones_own_has_the_table_beside_it_with_its_choices() -> None:
    asked = load_campaign(MIXING / "campaign.yaml")
    table, why = table_for(asked)
    assert table is not None and not why
    assert "python -m benchmarks.outcomes examples/mixing/campaign.yaml --rows 500 --seed 1" in table.origin
    assert set(table.columns["solvent"]) == {"chlorobenzene", "toluene"}
    found = reach(asked, table)
    assert found is not None and found.inside > 20
    only = tuple(p for p in asked.parameters if p.name != "solvent")  # then it stays at the nominal chlorobenzene
    fewer = reach(replace(asked, parameters=only), table)
    assert fewer is not None and 0 < fewer.inside < found.inside
    assert fewer.nearest["solvent"] == "chlorobenzene"


def test_a_table_of_other_steps_is_not_believed_and_one_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    asked = load_campaign(MIXING / "campaign.yaml")
    assert asked.synthesis is not None
    other = replace(asked.synthesis, medium="Cs-DOPA")
    table, why = table_for(replace(asked, synthesis=other))
    assert table is None and "is of other steps or limits than the synthesis has now; `python -m benchmarks" in why
    same = replace(asked.synthesis, title="another name", notes=("a doubt",))
    assert table_for(replace(asked, synthesis=same))[0] is not None
    table, why = table_for(replace(asked, file=str(tmp_path / "campaign.yaml")))
    assert table is None and "No table of simulated outcomes lies at campaign.outcomes.csv" in why


def test_check_says_what_the_example_reaches_and_never_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["check", str(EXAMPLE), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["reachability"]
    assert told["inside"] > 20
    low, high = told["spans"]["pl_peak_nm"]
    assert low < 465.0 < high
    assert told["origin"].startswith("simulated; sdl ")
    far = campaign_file(tmp_path, {"match: 465 nm": "match: 400 nm"})
    assert command(["check", str(far)]) == 0
    said = capsys.readouterr().out
    assert "Warning: not reachable in the simulated table: closest PL peak" in said
    assert "Nearest: " in said and "predicted PL peak" in said
