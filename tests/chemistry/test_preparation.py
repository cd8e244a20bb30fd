"""Preparation cards: formula weights as published, the papers' own masses, and what is missing said by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdl.campaign import Stock
from sdl.chemistry.preparation import Card, Portion, card, cards, cards_in_words, published_cards
from sdl.chemistry.procedures import CS_DOPA, PROCEDURES
from sdl.chemistry.substances import formula_weight_g_mol, substance, substances
from sdl.cli import command
from sdl.config.load import load_campaign
from sdl.errors import Refused
from tests.benches import EXAMPLE, ROOT

PUBLISHED_G_MOL = {  # as printed by suppliers and PubChem, to the digits given there
    "Cs2CO3": 325.82,
    "CsBr": 212.81,
    "PbBr2": 367.01,
    "ZnBr2": 225.20,
    "potassium acetate": 98.14,
    "TOPO": 386.63,
    "DOPA": 290.42,
    "lecithin": 760.08,
    "(TMS)2S": 178.44,
    "benzylamine": 107.15,
    "benzoic acid": 122.12,
    "oleic acid": 282.46,
    "oleylamine": 267.49,
    "octadecene": 252.48,
    "hexane": 86.18,
    "octane": 114.23,
    "toluene": 92.14,
    "chlorobenzene": 112.56,
    "bromobenzene": 157.01,
    "DMF": 73.09,
    "DMSO": 78.13,
    "ethanol": 46.07,
    "ethyl-acetate": 88.11,
    "acetonitrile": 41.05,
}


def portion(made: Card, name: str) -> Portion:
    return next(p for p in made.portions if p.substance == name)


def published(route: str, stock: str) -> Card:
    return next(made for made in published_cards(route) if made.stock == stock)


def test_every_substance_has_a_published_weight_to_compare_with() -> None:
    assert set(PUBLISHED_G_MOL) == set(substances())


@pytest.mark.parametrize("name", PUBLISHED_G_MOL)
def test_formula_weights_are_those_that_are_published(name: str) -> None:
    assert substance(name).g_mol == pytest.approx(PUBLISHED_G_MOL[name], rel=1e-4)


def test_every_substance_and_every_procedure_names_its_source() -> None:
    assert all(s.source and s.cas for s in substances().values())
    assert all("H codes: " in s.source for s in substances().values())
    assert all("vapour pressure" in s.source for s in substances().values() if s.vapour_pressure_kpa)
    assert substance("octane").hazards_from == "CCOHS CHEMINFO 116 for all but H410, which is recalled"
    assert all(p.source and p.steps for found in PROCEDURES.values() for p in found)


@pytest.mark.parametrize("formula", ["Pb(NO3)2", "pbbr2", "", "C-H", "2H"])
def test_a_formula_that_is_not_one_is_refused(formula: str) -> None:
    with pytest.raises(Refused, match="formula"):
        formula_weight_g_mol(formula)


def test_an_element_without_an_atomic_weight_is_named() -> None:
    with pytest.raises(Refused, match="U"):
        formula_weight_g_mol("UO2")


@pytest.mark.parametrize(
    ("route", "stock", "name", "mass_mg", "volume_ml"),
    [
        pytest.param("cspbbr3-topo", "Cs-DOPA", "Cs2CO3", 100.0, None, id="Yang: 100 mg Cs2CO3"),
        pytest.param("cspbbr3-topo", "Cs-DOPA", "DOPA", 920.0, 1.0, id="Yang: 1 mL DOPA"),
        pytest.param("cspbbr3-topo", "Cs-DOPA", "octane", None, 2.0, id="Yang: 2 mL octane"),
        pytest.param("cspbbr3-topo", "Cs-DOPA", "hexane", None, 27.0, id="Yang: 27 mL hexane"),
        pytest.param("cspbbr3-topo", "PbBr2-TOPO", "PbBr2", 367.0, None, id="Yang: 1 mmol PbBr2"),
        pytest.param("cspbbr3-topo", "PbBr2-TOPO", "octane", None, 5.0, id="Yang: 5 mL octane"),
        pytest.param("cspbbr3-topo", "lecithin", "lecithin", 0.5e3 / 0.97, None, id="Yang: 0.5 g lecithin, pure"),
        pytest.param("cspbbr3-kalloyed", "PbBr2-oleate", "PbBr2", 367.0, None, id="Otero-Martinez: 367 mg PbBr2"),
        pytest.param("cspbbr3-kalloyed", "PbBr2-oleate", "oleylamine", None, 2.5, id="Otero-Martinez: 2.5 mL OLA"),
        pytest.param("cspbbr3-kalloyed", "PbBr2-oleate", "toluene", None, 5.0, id="Otero-Martinez: 5 mL toluene"),
        pytest.param("cspbbr3-zn-halide", "Cs-oleate", "Cs2CO3", 250.0, None, id="Li: 0.25 g Cs2CO3"),
        pytest.param("cspbbr3-zn-halide", "Cs-oleate", "oleic acid", 800.0, None, id="Li: 0.8 g oleic acid"),
        pytest.param("cspbbr3-zn-halide", "PbBr2", "PbBr2", 75.0, None, id="Li: 75 mg PbBr2"),
        pytest.param("cspbbr3-zn-halide", "oleyl-mixture", "oleylamine", None, 3.0, id="Li: 3 mL oleylamine"),
    ],
)
def test_cards_give_the_amounts_that_the_papers_print(
    route: str, stock: str, name: str, mass_mg: float | None, volume_ml: float | None
) -> None:
    found = portion(published(route, stock), name)
    if mass_mg is not None:
        assert found.mass_mg == pytest.approx(mass_mg, rel=0.005)
    if volume_ml is not None:
        assert found.volume_ml == pytest.approx(volume_ml, rel=0.005)


def test_ch4_precursor_is_printed_in_millimoles_and_comes_out_so() -> None:
    made = published("pma2pbbr4-cspbbr3", "precursor")
    amounts = {p.substance: p.amount_mmol for p in made.portions if p.amount_mmol}
    assert amounts == pytest.approx({"CsBr": 0.4, "PbBr2": 2.0, "benzoic acid": 7.4, "benzylamine": 1.0})


def test_dopa_bound_to_caesium_is_weighed_in_beside_the_free() -> None:
    free = Stock(name="Cs-DOPA", contains={"Cs": 20.0, "DOPA": 75.0}, solvent="hexane", volume_ul=20_000, at=())
    assert portion(card(free, CS_DOPA), "DOPA").amount_mmol == pytest.approx((20 + 75) * 0.020)
    assert portion(card(free, CS_DOPA), "Cs2CO3").amount_mmol == pytest.approx(20 * 0.020 / 2)


@given(st.floats(1.0, 500.0), st.floats(0.1, 3.0))
def test_a_card_scales_with_the_volume_and_fills_it(volume_ml: float, strength: float) -> None:
    contains = {"Cs": 20 * strength, "DOPA": 75 * strength}
    one = Stock(name="Cs-DOPA", contains=contains, solvent="hexane", volume_ul=1000 * volume_ml, at=())
    made = card(one, CS_DOPA)
    per_ml = card(Stock(name="Cs-DOPA", contains=contains, solvent="hexane", volume_ul=1000, at=()), CS_DOPA)
    assert portion(made, "Cs2CO3").mass_mg == pytest.approx(volume_ml * (portion(per_ml, "Cs2CO3").mass_mg or 0))
    assert sum(p.volume_ml or 0 for p in made.portions) == pytest.approx(volume_ml)


def test_a_species_without_a_formula_weight_is_said_to_be_missing_and_gets_no_number() -> None:
    odd = Stock(name="odd", contains={"unobtainium": 5.0, "Pb": 10.0}, solvent="pitch", volume_ul=1000, at=())
    made = card(odd)
    assert portion(made, "unobtainium").mass_mg is None
    assert any("unobtainium" in text and "formula weight" in text for text in made.missing)
    assert any("pitch" in text and "density" in text for text in made.missing)
    assert portion(made, "PbBr2").mass_mg == pytest.approx(3.67, rel=1e-3)
    assert "missing: unobtainium" in cards_in_words([made])


def test_caesium_without_a_procedure_is_not_guessed() -> None:
    (text,) = card(Stock(name="mine", contains={"Cs": 1.0}, solvent="DMSO", volume_ul=1000, at=())).missing
    assert "Cs2CO3" in text and "CsBr" in text


def test_liquids_that_leave_no_room_for_the_solvent_are_refused() -> None:
    thick = Stock(name="OA", contains={"OA": 4000.0}, solvent="octadecene", volume_ul=10_000, at=())
    with pytest.raises(Refused, match="no room"):
        card(thick)


@pytest.mark.parametrize("words", ["factor of 2", "trimethylsulfonium", "40 mmol/L", "without naming it"])
def test_contradictions_of_the_papers_are_on_the_card(words: str) -> None:
    assert words in cards_in_words(published_cards("cspbbr3-pbs"))


def test_every_stock_of_the_example_has_a_card_with_nothing_missing() -> None:
    campaign = load_campaign(EXAMPLE)
    made = cards(campaign.route, campaign.stocks.values())
    assert [c.stock for c in made] == list(campaign.stocks)
    assert not any(c.missing for c in made)
    assert all(c.sources and c.hazards for c in made)


def test_check_prints_the_cards_in_words_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["check", str(EXAMPLE), "--prepare"]) == 0
    assert "Cs2CO3 (CAS 534-17-8, 325.82 g/mol)" in capsys.readouterr().out
    assert command(["check", str(EXAMPLE), "--prepare", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["preparation"]
    assert [c["stock"] for c in told] == ["Cs-DOPA", "PbBr2-TOPO", "TOPO", "lecithin", "diluent"]
    assert told[0]["portions"][0]["mass_mg"] == pytest.approx(65.2, rel=0.01)  # 20 mL at 20 mmol/L


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ("historical-kalloyed", "367 mg PbBr2 (CAS 10031-22-8"),
        ("historical-zn-halide", "ZnBr2 is 0 to 600 mg in the paper"),
    ],
)
def test_a_route_off_the_deck_prints_the_cards_of_its_paper(
    example: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["check", str(ROOT / "examples" / example / "campaign.yaml"), "--prepare"]) == 0
    assert said in capsys.readouterr().out


def test_a_table_without_a_route_has_nothing_to_prepare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(ROOT / "examples" / "historical-kalloyed", tmp_path / "k")
    file = tmp_path / "k" / "campaign.yaml"
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(x for x in lines if not x.startswith("route:")), encoding="utf-8")
    assert command(["check", str(file), "--prepare"]) == 2
    assert "without a route has no stocks" in capsys.readouterr().err
