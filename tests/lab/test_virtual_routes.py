"""Further routes in the virtual lab: (TMS)2S after growth, heterojunctions, later additions, and no inventing."""

from __future__ import annotations

import csv
import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdl.errors import Refused
from sdl.lab.modelled import raise_unless_modelled
from sdl.lab.virtual.chemistry import Colloid, Growth, Sulfide
from sdl.lab.virtual.heterojunction import Heterojunction
from sdl.lab.virtual.mix import Mix
from sdl.lab.virtual.optics import crystal_absorbance, emission, nir_emission, truth
from sdl.lab.virtual.reaction import Vessel, act, begin, changes
from sdl.lab.virtual.spectrometer import NIR_GRID_NM, NO_FAULTS, Spectrometer
from sdl.lab.virtual.sulfide import pbs_absorbance
from tests.benches import ROOT

NOMINAL = Mix.of_volumes()
TABLE_3_1 = ROOT.parent / "shared" / "data" / "literature" / "yang2024_table3_1_transfer.csv"
NM = np.arange(300.0, 700.0, 0.5)


def heterostructure(s_to_pb: float, *, rest_s: float) -> Colloid:
    """Dots of the nominal recipe after 30 min, with (TMS)2S added ``rest_s`` ago while they stayed as they were."""
    return dataclasses.replace(Growth(NOMINAL).advance(1800.0), sulfide=Sulfide(s_to_pb=s_to_pb, since_s=rest_s))


@pytest.mark.parametrize(
    ("s_to_pb", "transfer_percent", "absorbance", "plqy"),
    [
        pytest.param(1, 21.88, 0.022, 0.025, id="1:1"),
        pytest.param(3, 24.92, 0.059, 0.052, id="1:3"),
        pytest.param(5, 33.62, 0.108, 0.112, id="1:5"),
        pytest.param(10, 58.48, 0.092, 0.156, id="1:10"),
        pytest.param(30, 71.56, 0.113, 0.225, id="1:30"),
    ],
)
def test_table_3_1_comes_out_of_the_spectra_by_its_own_formula(
    s_to_pb: float, transfer_percent: float, absorbance: float, plqy: float
) -> None:
    """PL = (A_PbS + eta A_per) PLQY I, as printed, solved for eta from what an instrument would see."""
    colloid = heterostructure(s_to_pb, rest_s=86_400.0)
    led = np.array([365.0])
    a_pbs, a_dots = pbs_absorbance(colloid, led, 1.0)[0], crystal_absorbance(colloid, led, 1.0)[0]
    grid = np.arange(800.0, 1800.0, 1.0)
    photons = nir_emission(colloid, grid, 1.0).sum() * (a_pbs + a_dots)
    assert 100 * (photons / plqy - a_pbs) / a_dots == pytest.approx(transfer_percent, abs=0.15)
    found = pbs_absorbance(colloid, np.array([465.0]), 1.0)[0]
    assert found == pytest.approx(absorbance * NOMINAL.pb_mol_l / 0.00106, rel=1e-6)


@pytest.mark.skipif(not TABLE_3_1.exists(), reason="the literature tables are not beside this checkout")
def test_the_ratios_of_table_3_1_are_those_of_the_file() -> None:
    with TABLE_3_1.open(encoding="utf-8") as file:
        rows = [(float(r["s_to_pb_molar"]), float(r["transfer_efficiency_percent"])) for r in csv.DictReader(file)]
    assert rows == [(1.0, 21.88), (3.0, 24.92), (5.0, 33.62), (10.0, 58.48), (30.0, 71.56)]


@pytest.mark.parametrize(
    ("s_to_pb", "visible_nm", "nir_nm"),
    [pytest.param(1, 505.0, 950.0, id="1:1"), pytest.param(30, 471.0, 1156.0, id="1:30")],
)
def test_both_bands_end_where_the_thesis_says(s_to_pb: float, visible_nm: float, nir_nm: float) -> None:
    seen = truth(heterostructure(s_to_pb, rest_s=40 * 86_400.0))
    assert seen.pl_peak_nm == pytest.approx(visible_nm, abs=1.0)
    assert seen.nir_peak_nm == pytest.approx(nir_nm, abs=0.1)


def test_dots_without_sulfide_have_no_infrared_band() -> None:
    colloid = Growth(NOMINAL).advance(1800.0)
    assert math.isnan(truth(colloid).nir_peak_nm)
    assert nir_emission(colloid, NIR_GRID_NM, 0.2).sum() == 0.0


def test_dots_are_dark_for_a_minute_after_the_sulfide_and_hand_over_their_light_later() -> None:
    growth = Growth(NOMINAL)
    before = emission(growth.advance(1800.0), NM).sum()
    growth.sulfidize(1800.0, 10.0)
    assert emission(growth.advance(1850.0), NM).sum() == 0.0
    assert emission(growth.advance(3600.0), NM).sum() < 0.5 * before


def test_lecithin_that_came_first_keeps_the_sulfide_out() -> None:
    growth = Growth(NOMINAL)
    growth.advance(1800.0)
    growth.quench(1800.0, 1.0)
    growth.sulfidize(1900.0, 10.0)
    assert growth.advance(3600.0).sulfide is None


@settings(deadline=None, max_examples=20)
@given(st.floats(0.0, 60.0), st.floats(0.0, 1e6))
def test_heterostructures_never_emit_more_than_they_absorb(s_to_pb: float, since_s: float) -> None:
    colloid = heterostructure(s_to_pb, rest_s=since_s)
    visible = emission(colloid, NM).sum() * 0.5
    assert 0.0 <= visible <= 1.0
    assert 0.0 <= nir_emission(colloid, NIR_GRID_NM, 0.2).sum() * 2.0 <= 1.0


def test_the_reader_returns_the_infrared_band_on_its_own_grid_where_the_lab_has_it() -> None:
    growth = Growth(NOMINAL)
    growth.advance(1800.0)
    growth.sulfidize(1800.0, 30.0)
    growth.advance(3600.0)
    eye = Spectrometer(7, ("absorption", "pl", "nir"), faults=NO_FAULTS)
    sample = {s.kind: s for s in eye.look(growth, 3600.0, "sample")}
    dark = {s.kind: s for s in eye.dark(3600.0)}
    net = sample["nir"].counts - dark["nir"].counts
    assert sample["nir"].wavelength_nm[int(np.argmax(net))] == pytest.approx(1156.0, abs=8.0)
    assert net.max() > 100.0
    assert sample["pl"].wavelength_nm[-1] == 700.0
    blind = Spectrometer(7, ("absorption", "pl"), faults=NO_FAULTS)
    assert [s.kind for s in blind.look(growth, 3600.0, "sample")] == ["absorption", "pl"]


def vessel(volume_ul: float, **umol: float) -> Vessel:
    return Vessel(volume_ul=volume_ul, umol=dict(umol))


def nominal_well() -> Vessel:
    well = vessel(3120.0, Cs=0.8, DOPA=3.0, Pb=3.2, TOPO=16.0)
    well.started_s, well.fed_s = 0.0, 0.0
    return well


def test_a_later_addition_thins_the_well_and_keeps_every_crystal_and_mole() -> None:
    well = nominal_well()
    well.growth = begin(well)
    assert isinstance(well.growth, Growth)
    before = well.growth.advance(600.0)
    act(well, vessel(3120.0), 600.0)
    after = well.growth.state
    assert after.number_per_l.sum() == pytest.approx(before.number_per_l.sum() / 2)
    assert after.crystal_mol_l == pytest.approx(before.crystal_mol_l / 2)
    assert after.reservoir_mol_l == pytest.approx(before.reservoir_mol_l / 2)
    assert after.mix.cs_mol_l == pytest.approx(before.mix.cs_mol_l / 2)
    assert after.mean_nm == pytest.approx(before.mean_nm)
    assert after.yield_fraction == pytest.approx(before.yield_fraction)
    assert well.volume_ul == 6240.0


@settings(deadline=None, max_examples=15)
@given(st.floats(30.0, 1500.0), st.floats(10.0, 3000.0), st.floats(0.0, 40.0))
def test_caesium_is_kept_by_any_later_addition(at_s: float, volume_ul: float, topo: float) -> None:
    well = nominal_well()
    well.growth = begin(well)
    assert isinstance(well.growth, Growth)
    well.growth.advance(at_s)
    act(well, vessel(volume_ul, TOPO=topo), at_s)
    colloid = well.growth.advance(at_s + 600.0)
    bound = colloid.reservoir_mol_l + colloid.monomer_mol_l + colloid.crystal_mol_l
    assert bound == pytest.approx(colloid.converted * colloid.mix.cs_mol_l, rel=0.01)


def test_more_topo_later_lets_dots_ripen_to_larger_ones() -> None:
    plain, rich = nominal_well(), nominal_well()
    for well, topo in ((plain, 0.0), (rich, 60.0)):
        well.growth = begin(well)
        act(well, vessel(300.0, TOPO=topo), 1800.0)
    sizes = [well.growth.advance(1800.0 + 7200.0).mean_nm for well in (plain, rich) if isinstance(well.growth, Growth)]
    assert sizes[1] > sizes[0] + 0.1


def test_strokes_of_one_injection_are_one_addition_and_later_ones_are_not() -> None:
    well = nominal_well()
    assert not changes(well, vessel(40.0, Pb=1.6), 12.0)
    assert changes(well, vessel(40.0, S=3.2), 1800.0)
    assert changes(well, vessel(40.0, lecithin=2.6), 12.0)


def test_sulfide_poured_into_a_growing_well_acts_by_the_lead_that_is_there() -> None:
    well = nominal_well()
    well.growth = begin(well)
    act(well, vessel(80.0, S=16.0), 1800.0)
    assert isinstance(well.growth, Growth)
    sulfide = well.growth.advance(3600.0).sulfide
    assert sulfide is not None
    assert (sulfide.s_to_pb, sulfide.since_s) == pytest.approx((5.0, 1800.0))


def test_the_published_heterojunction_shows_its_two_bands_and_edges() -> None:
    total_l = 10.2e-3
    made = begin(vessel(10_200.0, Cs=20.0, Pb=100.0, PMA=50.0, BA=370.0))
    assert isinstance(made, Heterojunction)
    made.advance(60.0)
    assert made.three_d_mol_l == pytest.approx(20e-6 / total_l, rel=0.03)
    assert made.two_d_mol_l == pytest.approx(25e-6 / total_l, rel=0.03)
    photons = made.emission(NM)
    assert NM[int(np.argmax(photons))] == pytest.approx(518.0, abs=1.0)
    blue = (NM > 395) & (NM < 430)
    assert NM[blue][int(np.argmax(photons[blue]))] == pytest.approx(410.0, abs=2.0)
    assert photons.sum() * 0.5 == pytest.approx(0.010, rel=0.02)
    absorbed = made.absorbance(NM, 0.2)
    exciton = (NM > 385) & (NM < 420)
    assert NM[exciton][int(np.argmax(absorbed[exciton]))] == pytest.approx(400.0, abs=5.0)


def test_no_two_dimensional_phase_forms_without_caesium() -> None:
    made = Heterojunction(cs_mol_l=0.0, pb_mol_l=0.01, pma_mol_l=0.005).advance(600.0)
    assert made.two_d_mol_l == 0.0
    assert made.emission(NM).sum() == 0.0


@pytest.mark.parametrize(
    ("species", "named"),
    [
        pytest.param({"Cs", "Pb", "OLA"}, "OLA", id="another ligand"),
        pytest.param({"food colour"}, "food colour", id="a dye that nobody modelled"),
        pytest.param({"Cs", "Pb", "TOPO", "PMA"}, "PMA", id="two chemistries in one"),
    ],
)
def test_species_without_a_model_are_refused_by_name(species: set[str], named: str) -> None:
    with pytest.raises(Refused, match=f"no chemistry for .*{named}"):
        raise_unless_modelled(species)
    with pytest.raises(Refused, match="invent"):
        begin(vessel(1000.0, **dict.fromkeys(species, 1.0)))


def test_sulfide_before_dots_is_refused_rather_than_guessed() -> None:
    with pytest.raises(Refused, match="before there are dots"):
        begin(vessel(3120.0, Cs=0.8, Pb=3.2, TOPO=16.0, S=3.2))
