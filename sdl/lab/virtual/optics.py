"""What a colloid of CsPbBr3 dots absorbs and emits, and the noise-free truth about it (virtual_lab.md, section 3).

Size to X1 and emission is the joint fit of the literature that `sdl.spectra.sizing` describes, written down once more
so that the lab and the analysis of its spectra share no code. Sizes in nm, energies in eV, wavelengths in nm.
Tags: [S] stated in the papers, [A] public abstract, [C] calibrated, [X] assumed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdl.lab.virtual.chemistry import MOLAR_VOLUME_M3, Colloid
from sdl.lab.virtual.mix import LEAD_PER_CS, REFERENCE_K, ZERO_C_K
from sdl.lab.virtual.sulfide import brightness, nir_line, pbs_absorbance, pbs_peak_nm, shift_ev, transfer
from sdl.units import FWHM_PER_SD, HC_EV_NM

Array = NDArray[np.float64]

BINS, REACH_SD, SMOOTH_SD, SMOOTH_NM = 60, 4.5, 0.35, 0.02
LEAST_DISPERSION, SMALLEST_NM = 0.03, 1.5
"""Re-binning of the cohorts, which hides their five growth rates (section 3)."""
BULK_EV, QUADRATIC, LINEAR, THERMAL_EV_PER_K = 2.3983, 0.0960, 0.6326, 3e-4
"""X1 = bulk + 1/(quadratic L^2 + linear L) + thermal (T - 298): joint fit; thermal [X]."""
STOKES_EV, STOKES_EV_NM4, STOKES_SMALLEST_NM = 0.0367, 2.02, 1.8
"""X1 - PL, joint fit."""
GAP_EV, GAP_POWER = 0.817, 0.807
"""X2 - X1, fit to Li 2019, Table 1."""
WIDTH_EV, WIDTH_EV_NM = 0.062, 0.055
"""FWHM of one size [C: 15 nm at 455-462 nm]."""
MU_PER_CM = 1e5
"""Absorption of the crystal at 400 nm [S order of magnitude, X value +-40 %]."""
PRECURSOR_PER_M_CM, PRECURSOR_NM, PRECURSOR_FWHM_NM = 1.0e4, 312.5, 13.0
"""Band of reservoir and monomer [position S, rest X]."""
BROMIDE_PER_M_CM, BROMIDE_NM, BROMIDE_FWHM_NM = 6e3, 285.0, 30.0
"""Band of free PbBr2 [X]."""
SCATTER, SUPERLATTICE, SUPERLATTICE_NM, SUPERLATTICE_WIDTH_NM = 0.004, 0.15, 11.6, 0.35
"""Scatter at 400 nm, and how much more above the edge where superlattices form [A]."""
RADIATIVE_PER_NS, RADIATIVE_EDGE_NM = 0.165, 7.0
"""k_r = 0.165/(1 + (L/7)^5) [C: lifetimes of Naghadeh]."""
TRAPS_PER_NS, CORE_PER_NS, TRAPS_EDGE_NM = 0.215, 0.006, 3.5
"""k_nr of the bare surface at 3.5 nm, and what remains without surface [C: 60-65 % at 3-3.5 nm]."""
BOUND, BOUND_BY_LECITHIN, BINDING_S, HALF_RATIO, MOST_RATIO = 0.55, 0.30, 60.0, 0.35, 1.5
"""Ligand coverage: before lecithin, gained from it at 1:1, its time constant, and its law in the ratio [X]."""
EXCITATION_NM = 365.0
"""The LED (bench.md, read-out)."""
TRUTH_NM = np.arange(300.0, 650.25, 0.5)
"""Grid on which peak and FWHM of the truth are read (section 3)."""
PARABOLA = 3
"""Points on either side of the maximum that the parabola goes through (section 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a colloid is, without instrument and noise; NaN for what does not exist before the first crystal.

    ``x1_nm`` is the mean X1 of the crystals as absorption weighs them, by volume: what X1 means in a spectrum.
    """

    pl_peak_nm: float
    fwhm_nm: float
    plqy: float
    x1_nm: float
    edge_length_nm: float
    dispersion_percent: float
    nir_peak_nm: float
    yield_fraction: float


def truth(colloid: Colloid) -> Truth:
    """Return the noise-free outcome of ``colloid``."""
    if not colloid.edge_nm.size:
        nothing = {name: math.nan for name in Truth.__slots__ if name != "yield_fraction"}
        return Truth(**nothing, yield_fraction=0.0)
    photons = emission(colloid, TRUTH_NM)
    peak_nm, fwhm_nm = line(TRUTH_NM, photons)
    edge, number = sizes(colloid)
    line_ev = np.average(x1_ev(edge, colloid.mix.temperature_c), weights=number * edge**3)
    return Truth(
        pl_peak_nm=peak_nm,
        fwhm_nm=fwhm_nm,
        plqy=plqy(colloid),
        x1_nm=HC_EV_NM / float(line_ev),
        edge_length_nm=colloid.mean_nm,
        dispersion_percent=100 * colloid.sd_nm / colloid.mean_nm,
        nir_peak_nm=pbs_peak_nm(colloid.sulfide),
        yield_fraction=colloid.yield_fraction,
    )


def sizes(colloid: Colloid) -> tuple[Array, Array]:
    """Return the smooth size distribution of the cohorts: edges in nm and weights, both ``(b,)``."""
    if not colloid.edge_nm.size:
        return np.empty(0), np.empty(0)
    mean, sd = colloid.mean_nm, max(colloid.sd_nm, LEAST_DISPERSION * colloid.mean_nm)
    edge = np.linspace(max(SMALLEST_NM, mean - REACH_SD * sd), mean + REACH_SD * sd, BINS)
    distance = (edge[:, None] - colloid.edge_nm) / (SMOOTH_SD * sd + SMOOTH_NM)
    return edge, np.exp(-(distance**2) / 2) @ colloid.number_per_l


def x1_ev(edge_nm: Array, temperature_c: float) -> Array:
    """Return the first exciton of cubes, ``(b,)``."""
    warm = THERMAL_EV_PER_K * (temperature_c + ZERO_C_K - REFERENCE_K)
    return BULK_EV + 1 / (QUADRATIC * edge_nm**2 + LINEAR * edge_nm) + warm


def absorbance(colloid: Colloid, wavelength_nm: Array, path_cm: float) -> Array:
    """Return the absorbance of crystals, precursor and free PbBr2, and the scatter, ``(w,)``."""
    mix, crystals = colloid.mix, crystal_absorbance(colloid, wavelength_nm, path_cm)
    bound = colloid.reservoir_mol_l + colloid.monomer_mol_l
    free = mix.pb_mol_l - LEAD_PER_CS * colloid.converted * mix.cs_mol_l
    precursor = bound * PRECURSOR_PER_M_CM * _bell(wavelength_nm, PRECURSOR_NM, PRECURSOR_FWHM_NM / FWHM_PER_SD)
    bromide = free * BROMIDE_PER_M_CM * _bell(wavelength_nm, BROMIDE_NM, BROMIDE_FWHM_NM / FWHM_PER_SD)
    ordered = 0.0
    if colloid.edge_nm.size:
        ordered = 1 / (1 + math.exp((SUPERLATTICE_NM - colloid.mean_nm) / SUPERLATTICE_WIDTH_NM))
    scatter = (SCATTER + SUPERLATTICE * ordered) * (wavelength_nm / 400.0) ** -4
    return crystals + path_cm * (precursor + bromide) + scatter + pbs_absorbance(colloid, wavelength_nm, path_cm)


def crystal_absorbance(colloid: Colloid, wavelength_nm: Array, path_cm: float) -> Array:
    """Return the absorbance of the crystals alone, ``(w,)``."""
    edge, number = sizes(colloid)
    if not edge.size:
        return np.zeros(wavelength_nm.shape)
    volume = number * edge**3
    fraction = colloid.crystal_mol_l * MOLAR_VOLUME_M3 * 1e3 * volume / volume.sum()
    mu_per_cm = _mu_per_cm(wavelength_nm, edge, _x1_ev(colloid, edge))
    return np.asarray(mu_per_cm @ fraction * (path_cm / math.log(10)))


def emission(colloid: Colloid, wavelength_nm: Array) -> Array:
    """Return photons emitted per nm for each photon that the crystals absorbed at 365 nm, ``(w,)``.

    Its integral is the PLQY. Re-absorption is the cell's, not the colloid's, and is left out.
    """
    edge, share = _absorbers(colloid)
    if not edge.size:
        return np.zeros(wavelength_nm.shape)
    energy = HC_EV_NM / wavelength_nm
    centre = _x1_ev(colloid, edge) - _stokes_ev(edge)
    width = _width_ev(edge)
    lines = _bell(energy[:, None], centre, width) / (width * math.sqrt(2 * math.pi))
    return np.asarray(lines @ (share * _plqy(edge, colloid)) * energy**2 / HC_EV_NM)


def nir_emission(colloid: Colloid, wavelength_nm: Array, path_cm: float) -> Array:
    """Return near-infrared photons per nm for each photon that perovskite and PbS absorbed at 365 nm, ``(w,)``.

    Yang 2024, chapter 3: PbS emits from what it absorbs and from what the perovskite hands over.
    """
    led = np.array([EXCITATION_NM])
    dots, pbs = crystal_absorbance(colloid, led, path_cm)[0], pbs_absorbance(colloid, led, path_cm)[0]
    if dots + pbs <= 0:
        return np.zeros(wavelength_nm.shape)
    return np.asarray((pbs + transfer(colloid.sulfide) * dots) / (dots + pbs) * nir_line(colloid, wavelength_nm))


def plqy(colloid: Colloid) -> float:
    """Return the quantum yield under 365 nm; NaN before the first crystal."""
    edge, share = _absorbers(colloid)
    return float(share @ _plqy(edge, colloid)) if edge.size else math.nan


def _absorbers(colloid: Colloid) -> tuple[Array, Array]:
    """Return edges and the part of the 365 nm photons that each takes, both ``(b,)``."""
    edge, number = sizes(colloid)
    taken = number * edge**3 * _mu_per_cm(np.array([EXCITATION_NM]), edge, _x1_ev(colloid, edge))[0]
    return edge, taken / taken.sum() if edge.size else taken


def _x1_ev(colloid: Colloid, edge_nm: Array) -> Array:
    """Return the first exciton of the crystals in ``colloid``, ``(b,)``, where PbS may have moved it."""
    return x1_ev(edge_nm, colloid.mix.temperature_c) + shift_ev(colloid.sulfide)


def _mu_per_cm(wavelength_nm: Array, edge_nm: Array, x1: Array) -> Array:
    """Return the crystals' intrinsic absorption, ``(w, b)``."""
    energy, sd = HC_EV_NM / wavelength_nm[:, None], _width_ev(edge_nm)
    x2 = x1 + GAP_EV / edge_nm**GAP_POWER
    first = 0.30 * 0.85 * (1 + (4 / edge_nm) ** 1.5) / 2 * _bell(energy, x1, sd)
    second = 0.30 * 0.55 * (1 + 4 / edge_nm) / 2 * _bell(energy, x2, 1.6 * sd)
    rise = np.exp(np.minimum(-(energy - x1 - 0.12) / 0.10, 700.0))
    return np.asarray(MU_PER_CM * (first + second + np.maximum(0.0, 1 + 1.3 * (energy - 3.10)) / (1 + rise)))


def _plqy(edge_nm: Array, colloid: Colloid) -> Array:
    covered = BOUND
    if colloid.since_quench_s >= 0:
        ratio = min(colloid.quench_ratio, MOST_RATIO)
        part = (1 + HALF_RATIO) * ratio / (ratio + HALF_RATIO)
        covered += BOUND_BY_LECITHIN * part * -math.expm1(-colloid.since_quench_s / BINDING_S)
    radiative = RADIATIVE_PER_NS / (1 + (edge_nm / RADIATIVE_EDGE_NM) ** 5)
    lost = TRAPS_PER_NS * (1 - covered) / (1 - BOUND) * TRAPS_EDGE_NM / edge_nm + CORE_PER_NS
    return np.asarray(radiative / (radiative + lost) * brightness(colloid.sulfide))


def _stokes_ev(edge_nm: Array) -> Array:
    return STOKES_EV + STOKES_EV_NM4 / np.maximum(edge_nm, STOKES_SMALLEST_NM) ** 4


def _width_ev(edge_nm: Array) -> Array:
    return (WIDTH_EV + WIDTH_EV_NM / edge_nm) / FWHM_PER_SD


def _bell(x: Array, centre: Array | float, sd: Array | float) -> Array:
    return np.asarray(np.exp(-(((x - centre) / sd) ** 2) / 2))


def line(wavelength_nm: Array, photons: Array) -> tuple[float, float]:
    """Return peak by a parabola about the maximum, and FWHM between linear half-maximum crossings, in nm."""
    top = int(np.argmax(photons))
    near = slice(max(top - PARABOLA, 0), top + PARABOLA + 1)
    a, b, c = np.polyfit(wavelength_nm[near] - wavelength_nm[top], photons[near] / photons[top], 2)
    half = photons[top] * float(c - b**2 / (4 * a)) / 2
    blue = np.interp(half, photons[: top + 1], wavelength_nm[: top + 1])
    red = np.interp(-half, -photons[top:], wavelength_nm[top:])
    return float(wavelength_nm[top] - b / (2 * a)), float(red - blue)
