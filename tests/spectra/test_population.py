"""Both paths to X1, size and dispersion, on line shapes that neither assumes; and what is no single population."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdl.spectra.absorption import Absorbance
from sdl.spectra.bands import green_absorption, precursor, ripened
from sdl.spectra.crystal import crystals
from sdl.spectra.exciton import exciton, excitons
from sdl.spectra.population import population
from tests.spectra.crystals import (
    FAMILIES,
    LI_EDGE_NM,
    LI_SD_NM,
    LI_X1_EV,
    Array,
    Crystals,
    Family,
    random_crystals,
)

GRID_NM = np.arange(300.0, 700.0, 0.5)


def seen(values: Array, *, noise: float = 1e-4, seed: int = 0) -> Absorbance:
    sd = np.full(values.shape, noise)
    values = values + np.random.default_rng(seed).normal(0, noise, values.size)
    return Absorbance(wavelength_nm=GRID_NM, values=values, sd=sd, base_sd=sd, usable=True, flags=())


def of(made: Crystals) -> Absorbance:
    return seen(0.15 * made.absorbance(GRID_NM))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_eight_crystals_of_li_2019_are_found_by_both_paths(family: Family) -> None:
    """Printed X1 come from spectra: they are the lines of ensembles whose dispersion is that of the TEM images."""
    for edge, spread, x1_ev in zip(LI_EDGE_NM, LI_SD_NM, LI_X1_EV, strict=True):
        made = Crystals(
            family=family, edge_nm=float(edge), dispersion=float(spread / edge), width_ev=0.06 + 0.06 / edge
        )
        made = replace(made, shift_ev=float(x1_ev) - made.line_ev)
        first = exciton(of(made)).x1
        assert first is not None
        assert abs(first.value - x1_ev) < (0.012 if edge >= 3.5 else 0.030), edge
        found, flags = population(of(made), first.value)
        assert found is not None and flags == ()
        assert abs(found.x1.value - x1_ev) < 0.010, edge


def test_x1_of_the_mean_crystal_is_unbiased_and_repeats() -> None:
    rng = np.random.default_rng(3)
    biases, scatters, sizes = [], [], []
    for _ in range(12):
        made = replace(random_crystals(rng, edge_nm=(3.5, 6.2), most=0.08), shift_ev=0.0)
        reads = [crystals(seen(0.15 * made.absorbance(GRID_NM), seed=k), path_mm=2, temperature_c=25) for k in range(3)]
        first = [exciton(seen(0.15 * made.absorbance(GRID_NM), seed=k)).x1 for k in range(3)]
        assert all(x1 is not None for x1 in first)
        biases.append(np.mean([x1.value for x1 in first if x1]) - made.x1_ev)
        scatters.append(np.std([r.plain["x1_ev"] for r in reads]))
        sizes.append(np.mean([r.plain["edge_length_nm"] for r in reads]) / made.edge_nm - 1)
    assert np.abs(biases).max() < 0.012
    assert np.sqrt(np.mean(np.square(scatters))) < 0.002
    assert np.abs(sizes).max() < 0.05


def test_a_broad_population_is_told_from_a_narrow_one() -> None:
    reads = [crystals(of(Crystals(edge_nm=3.3, dispersion=d)), path_mm=2, temperature_c=25) for d in (0.04, 0.11)]
    narrow, broad = (r.values["dispersion_percent"] for r in reads)
    assert broad.value - narrow.value > 2 * np.hypot(broad.sd, narrow.sd)


def test_many_spectra_at_once_give_what_each_gives_alone() -> None:
    rng = np.random.default_rng(4)
    several = [of(random_crystals(rng)) for _ in range(4)]
    gap = several[0].values.copy()
    gap[100:110] = np.nan
    several.append(replace(several[0], values=gap))
    for together, alone in zip(excitons(several), map(exciton, several), strict=True):
        assert together.x1 is not None and alone.x1 is not None
        assert (together.x1.value, together.x1.sd) == pytest.approx((alone.x1.value, alone.x1.sd), rel=1e-9)


def test_two_populations_are_called_a_mixture() -> None:
    rng = np.random.default_rng(5)
    flagged = 0
    for _ in range(8):
        small = replace(random_crystals(rng, most=0.08), edge_nm=3.0, shift_ev=0.0)
        both = 0.11 * small.absorbance(GRID_NM) + 0.04 * replace(small, edge_nm=4.2).absorbance(GRID_NM)
        flags = crystals(seen(both), path_mm=2, temperature_c=25).flags
        flagged += bool({"mixture", "x1_by_derivative"} & set(flags))
        alone = crystals(of(small), path_mm=2, temperature_c=25)
        assert "mixture" not in alone.flags
    assert flagged >= 6


def test_a_fit_without_values_is_no_success() -> None:
    flat = seen(np.full(GRID_NM.shape, 1e-3))
    assert population(flat, 2.7)[0] is None
    assert population(replace(flat, usable=False), 2.7) == (None, ("sparse",))
    negative = seen(-0.1 * Crystals().absorbance(GRID_NM))
    assert population(negative, 2.7) == (None, ("misfit",))


@pytest.mark.parametrize("centre_nm", [311.0, 314.0], ids=["K-alloyed", "pure"])
def test_the_precursor_band_is_measured_on_the_crystals_slope(centre_nm: float) -> None:
    sloped = 0.15 * Crystals().absorbance(GRID_NM)
    band = 0.2 / np.cosh((GRID_NM - centre_nm) / 5.2)
    found, without = precursor(seen(sloped + band), 2.0), precursor(seen(sloped), 2.0)
    assert found is not None and without is not None
    assert abs(found.value - 1.0) < 0.25  # a band of another shape: 0.2 over 0.2 cm
    assert abs(without.value) < 0.05
    assert precursor(replace(seen(sloped), wavelength_nm=GRID_NM + 60.0), 2.0) is None


def test_a_green_shoulder_is_ripening_and_a_green_line_is_not() -> None:
    blue, green = Crystals(edge_nm=3.2), Crystals(edge_nm=9.0, dispersion=0.1)
    both = seen(0.15 * blue.absorbance(GRID_NM) + 0.03 * green.absorbance(GRID_NM))
    assert ripened(green_absorption(both, blue.line_ev))
    assert not ripened(green_absorption(of(blue), blue.line_ev))
    assert green_absorption(of(green), green.line_ev) is None
