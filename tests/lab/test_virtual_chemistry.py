"""The virtual chemistry against the reference implementation's tables: virtual_lab.md, sections 6 and 7."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdl.errors import Refused
from sdl.lab.virtual.chance import NUCLEATION_SD, SOLUBILITY_SD, Effect, batch_effect, lot_effect
from sdl.lab.virtual.chemistry import Colloid, Growth, Mix, simulate
from sdl.lab.virtual.optics import TRUTH_NM, absorbance, emission, plqy, truth

NOMINAL = Mix.of_volumes()
LEAN = replace(NOMINAL, topo_mol_l=0.12 * 0.08 / 3.12)
"""The nominal recipe with a PbBr2 stock of 0.12 M TOPO, 3:1."""

POINTS = [
    # cs, pb, topo, diluent mL | C, rpm | quench min, lecithin mL | read min | L, SD %, PL, FWHM, PLQY, yield, X, A400
    ((0.040, 0.080, 0, 3.000), (25, 600), None, 30, (5.75, 8.6, 495.5, 16.2, 0.460, 0.913, 0.968, 1.204)),
    ((0.040, 0.080, 0, 3.000), (25, 600), (5, 0.040), 7, (4.34, 9.3, 483.2, 17.5, 0.656, 0.393, 0.968, 0.515)),
    ((0.040, 0.080, 0, 12.00), (25, 600), (30, 0.020), 32, (3.03, 8.9, 462.6, 18.1, 0.540, 0.967, 0.968, 0.340)),
    ((0.040, 0.080, 0.240, 2.760), (15, 200), None, 60, (8.17, 12.5, 507.6, 16.3, 0.318, 0.826, 0.893, 1.097)),
    ((0.015, 0.060, 0.030, 3.015), (55, 600), (10, 0.015), 12, (4.94, 26.5, 495.2, 20.6, 0.640, 0.968, 0.976, 0.480)),
    ((0.080, 0.080, 0.020, 2.940), (40, 1000), (1, 0.080), 240, (6.58, 10.0, 499.7, 16.4, 0.667, 0.573, 0.876, 1.514)),
]
LAST_DIGIT = (0.01, 0.1, 0.1, 0.1, 0.001, 0.001, 0.001, 0.001)


def grown(mix: Mix, *read_min: float, quench_min: float = math.inf, ratio: float = 0.0) -> list[Colloid]:
    return simulate(mix, read_s=[60.0 * t for t in read_min], quench_s=60 * quench_min, quench_ratio=ratio)


def half_time_s(mix: Mix) -> float:
    """Return when the yield is half of that at 90 min."""
    curve = simulate(mix, read_s=[*np.arange(20.0, 900.0, 20.0), 5400.0])
    yields = [colloid.yield_fraction for colloid in curve]
    return float(np.interp(yields[-1] / 2, yields, [colloid.time_s for colloid in curve]))


def population(mean_nm: float, dispersion: float) -> Colloid:
    """Return a Gaussian population, fully quenched 1:1."""
    edge = mean_nm * np.linspace(1 - 4 * dispersion, 1 + 4 * dispersion, 81)
    return Colloid(
        mix=NOMINAL,
        time_s=1e5,
        converted=1.0,
        reservoir_mol_l=0.0,
        monomer_mol_l=0.0,
        edge_nm=edge,
        number_per_l=1e15 * np.exp(-((edge / mean_nm - 1) ** 2) / (2 * dispersion**2)),
        since_quench_s=1e5,
        quench_ratio=1.0,
    )


@pytest.mark.parametrize(("volumes_ml", "held", "quenched", "read_min", "expected"), POINTS)
def test_a_run_gives_the_check_point_to_its_last_digit(
    volumes_ml: tuple[float, ...],
    held: tuple[float, float],
    quenched: tuple[float, float] | None,
    read_min: float,
    expected: tuple[float, ...],
) -> None:
    cs, pb, topo, diluent = volumes_ml
    mix = Mix.of_volumes(cs_ml=cs, pb_ml=pb, topo_ml=topo, diluent_ml=diluent, temperature_c=held[0], rpm=held[1])
    quench_min, lecithin = quenched or (math.inf, 0.0)
    (colloid,) = grown(mix, read_min, quench_min=quench_min, ratio=lecithin / cs)
    true = truth(colloid)
    a400 = float(absorbance(colloid, np.array([400.0]), 1.0)[0])
    outcome = (true.edge_length_nm, true.dispersion_percent, true.pl_peak_nm, true.fwhm_nm, true.plqy)
    rest = (true.yield_fraction, colloid.converted, a400)
    for got, wanted, digit in zip(outcome + rest, expected, LAST_DIGIT, strict=True):
        assert got == pytest.approx(wanted, abs=0.55 * digit)


def test_dots_grow_within_the_run_as_published() -> None:
    edges = [colloid.mean_nm for colloid in grown(NOMINAL, 1, 2, 5, 10, 30)]
    assert edges == pytest.approx([2.5, 3.2, 4.2, 5.0, 5.75], rel=0.05)


@pytest.mark.parametrize(
    ("diluent_ml", "edge_nm", "t50_s"), [(1.5, 7.8, 689), (3, 5.8, 440), (6, 4.1, 277), (12, 3.0, 175)]
)
def test_dilution_makes_dots_smaller_and_faster(diluent_ml: float, edge_nm: float, t50_s: float) -> None:
    mix = Mix.of_volumes(diluent_ml=diluent_ml)
    assert grown(mix, 30)[0].mean_nm == pytest.approx(edge_nm, rel=0.05)
    assert half_time_s(mix) == pytest.approx(t50_s, rel=0.10)


def test_topo_makes_dots_larger_at_the_same_rate() -> None:
    mixes = [LEAN, *(Mix.of_volumes(topo_ml=v, diluent_ml=3 - v) for v in (0, 0.08, 0.24, 0.60))]
    assert [grown(mix, 30)[0].mean_nm for mix in mixes] == pytest.approx([5.0, 5.75, 6.9, 8.6, 12.1], rel=0.10)
    assert half_time_s(mixes[0]) == pytest.approx(440, rel=0.10)
    assert half_time_s(mixes[-1]) == pytest.approx(454, rel=0.10)


def test_thirty_minutes_span_three_to_thirteen_nanometres() -> None:
    small = replace(Mix.of_volumes(diluent_ml=12), topo_mol_l=0.12 * 0.08 / 12.12)
    large = Mix.of_volumes(diluent_ml=1.2, topo_ml=0.3)
    assert grown(small, 30)[0].mean_nm == pytest.approx(2.7, rel=0.05)
    assert grown(large, 30)[0].mean_nm == pytest.approx(14.1, rel=0.10)


def test_dots_ripen_when_the_reservoir_is_empty_and_lecithin_stops_it() -> None:
    free = [truth(c) for c in grown(NOMINAL, 30, 60, 240)]
    kept = [truth(c) for c in grown(NOMINAL, 30, 240, quench_min=30, ratio=1.0)]
    assert [t.fwhm_nm for t in free] == pytest.approx([16.2, 16.5, 18.7], abs=1.0)
    assert free[-1].pl_peak_nm - free[0].pl_peak_nm == pytest.approx(3.9, abs=0.5)
    assert kept[-1].pl_peak_nm - kept[0].pl_peak_nm == pytest.approx(0.3, abs=0.2)


@pytest.mark.parametrize(
    ("mean_nm", "absorption_nm", "pl_nm", "fwhm_nm"), [(2.87, 445, 455, 15), (3.15, 452.5, 462, 15)], ids=["455", "462"]
)
def test_narrow_populations_have_the_published_spectra(
    mean_nm: float, absorption_nm: float, pl_nm: float, fwhm_nm: float
) -> None:
    colloid, grid_nm = population(mean_nm, 0.035), np.arange(400.0, 560.0, 0.1)
    curve = absorbance(colloid, grid_nm, 1.0)
    reddest = np.flatnonzero((curve[1:-1] > curve[:-2]) & (curve[1:-1] >= curve[2:]))[-1] + 1
    assert grid_nm[reddest] == pytest.approx(absorption_nm, abs=2.0)
    assert truth(colloid).x1_nm == pytest.approx(absorption_nm, abs=2.0)
    assert truth(colloid).pl_peak_nm == pytest.approx(pl_nm, abs=2.0)
    assert truth(colloid).fwhm_nm == pytest.approx(fwhm_nm, abs=1.0)


def test_the_quench_lifts_the_yield_to_the_published_one() -> None:
    assert [plqy(population(edge, 0.05)) for edge in (3.0, 3.5)] == pytest.approx([0.65, 0.67], abs=0.03)
    assert truth(grown(NOMINAL, 30)[0]).plqy == pytest.approx(0.46, abs=0.03)


def test_the_integral_of_emission_is_the_quantum_yield() -> None:
    (colloid,) = grown(NOMINAL, 7, quench_min=5, ratio=1.0)
    assert np.trapezoid(emission(colloid, TRUTH_NM), TRUTH_NM) == pytest.approx(plqy(colloid), rel=1e-6)


def test_extra_looks_do_not_change_what_grows() -> None:
    once, often = grown(NOMINAL, 35)[0], grown(NOMINAL, *range(1, 36))[-1]
    assert often.mean_nm == pytest.approx(once.mean_nm, abs=0.01)
    assert truth(often).pl_peak_nm == pytest.approx(truth(once).pl_peak_nm, abs=0.05)


def test_a_live_well_is_the_run_that_was_planned() -> None:
    live = Growth(NOMINAL)
    live.advance(240.0)
    early = live.state
    live.quench(300.0, 1.0)
    live.advance(600.0)
    planned = grown(NOMINAL, 4, 10, quench_min=5, ratio=1.0)
    assert np.array_equal(early.edge_nm, planned[0].edge_nm)
    assert truth(live.state) == truth(planned[1])


def test_a_second_stroke_of_lecithin_adds_to_the_first() -> None:
    split, whole = Growth(NOMINAL), Growth(NOMINAL)
    split.quench(300.0, 0.5)
    split.quench(304.0, 1.0)
    whole.quench(300.0, 1.0)
    for growth in (split, whole):
        growth.advance(600.0)
    assert truth(split.state) == truth(whole.state)


def test_a_quench_in_the_past_is_refused() -> None:
    growth = Growth(NOMINAL)
    growth.advance(60.0)
    with pytest.raises(Refused, match=r"looked at 60 s"):
        growth.quench(59.0, 1.0)


def test_there_is_no_emission_before_the_first_crystal() -> None:
    (colloid,) = simulate(NOMINAL, read_s=[0.5])
    assert math.isnan(truth(colloid).pl_peak_nm)
    assert not emission(colloid, TRUTH_NM).any()


@pytest.mark.parametrize("wrong", [{"cs_mol_l": 0.0}, {"pb_mol_l": math.nan}, {"temperature_c": -300.0}, {"rpm": 0.0}])
def test_what_cannot_grow_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(Refused, match="dots need Cs, Pb"):
        replace(NOMINAL, **wrong)


@settings(max_examples=15, deadline=None)
@given(
    cs=st.floats(6e-5, 6e-4),
    pb_to_cs=st.floats(0.5, 8.0),
    topo_to_pb=st.floats(0.0, 20.0),
    celsius=st.floats(15.0, 60.0),
)
def test_cs_is_neither_made_nor_lost(cs: float, pb_to_cs: float, topo_to_pb: float, celsius: float) -> None:
    pb = cs * pb_to_cs
    mix = Mix(cs_mol_l=cs, pb_mol_l=pb, topo_mol_l=pb * topo_to_pb, dopa_mol_l=4.7 * cs, temperature_c=celsius)
    (colloid,) = grown(mix, 20)
    held = colloid.reservoir_mol_l + colloid.monomer_mol_l + colloid.crystal_mol_l
    assert held == pytest.approx(colloid.converted * cs, rel=0.01)
    assert 0 <= colloid.converted <= min(1.0, pb / (1.5 * cs))


def test_the_batch_effect_has_the_stated_spread_half_of_it_by_lot() -> None:
    lots = ("Cs-DOPA 1", "PbBr2-TOPO 1")
    everywhere = [batch_effect(seed, lots, 1, "vials/A1") for seed in range(2000)]
    in_one_lot = [batch_effect(7, lots, run, "vials/A1") for run in range(2000)]
    in_one_run = [batch_effect(7, lots, 1, f"vials/{n}") for n in range(2000)]
    for effects, share in ((everywhere, 1.0), (in_one_lot, 0.5), (in_one_run, 0.25)):
        assert np.std([math.log(e.nucleation) for e in effects]) == pytest.approx(NUCLEATION_SD * share**0.5, rel=0.06)
        assert np.std([math.log(e.solubility) for e in effects]) == pytest.approx(SOLUBILITY_SD * share**0.5, rel=0.06)
    lot = lot_effect(7, lots)
    assert np.mean([math.log(e.solubility) for e in in_one_lot]) == pytest.approx(math.log(lot.solubility), abs=0.004)


def test_the_batch_effect_is_the_same_in_every_process() -> None:
    effect = batch_effect(7, ["a", "b"], 3, "vials/B2")
    assert effect == batch_effect(7, ("b", "a"), 3, "vials/B2")
    assert effect.nucleation == pytest.approx(PINNED.nucleation, rel=1e-12)
    assert effect.solubility == pytest.approx(PINNED.solubility, rel=1e-12)


PINNED = Effect(nucleation=1.1077147536512493, solubility=0.8915980775017857)
"""What this seed, these lots, run and well give: a change of it changes every virtual campaign."""


def test_the_batch_effect_moves_the_nominal_peak_by_a_nanometre() -> None:
    peaks = []
    for seed in range(30):
        (colloid,) = simulate(NOMINAL, read_s=[1800.0], effect=batch_effect(seed, ("a", "b"), 1, "vials/A1"))
        peaks.append(truth(colloid).pl_peak_nm)
    assert np.std(peaks) == pytest.approx(1.1, abs=0.35)
