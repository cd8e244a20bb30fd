"""What a population of dots looks like: absorbance, emission, and the noise-free truth that a campaign never sees.

Sizing curve, Stokes shift, line widths, PLQY: section 3 of the virtual lab specification (``docs/virtual_lab.md``),
a joint fit to Li 2019, Ye 2024 and Otero-Martinez 2024. Lengths in nm, energies in eV.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdl.lab.virtual.chemistry import V_M, Growth
from sdl.units import FWHM_PER_SD

Array = NDArray[np.float64]

HC = 1239.842  # eV nm, as the specification rounds it
EXCITATION_NM = 365.0
MU_400 = 1.0e5  # 1/cm, order of magnitude stated by Yang 2024, 1.2.4.2
GRID_NM = np.arange(300.0, 650.25, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Noise-free optical truth of one vial at one moment."""

    pl_peak_nm: float
    fwhm_nm: float
    plqy: float
    x1_nm: float
    edge_length_nm: float
    dispersion_percent: float
    yield_fraction: float


def gauss(u: Array, centre: Array | float, sd: Array | float) -> Array:
    return np.asarray(np.exp(-(((u - centre) / sd) ** 2)))


def x1_ev(edge_nm: Array, kelvin: float = 298.15) -> Array:
    return np.asarray(2.3983 + 1.0 / (0.0960 * edge_nm**2 + 0.6326 * edge_nm) + 0.3e-3 * (kelvin - 298.15))


def stokes_ev(edge_nm: Array) -> Array:
    return np.asarray(0.0367 + 2.02 / np.maximum(edge_nm, 1.8) ** 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Sizes ``(60,)`` in nm with number weights, and what else the light meets in the cell."""

    edge_nm: Array
    weight: Array
    mean_nm: float
    sd_nm: float
    crystal_mol_l: float
    agglomerate_mol_l: float
    free_pb_mol_l: float
    kelvin: float
    surface: float

    @classmethod
    def of(cls, growth: Growth) -> Population | None:
        """Re-bin the cohorts of ``growth``; None before there is a crystal."""
        n, L = growth.n, growth.L * 1e9
        if not len(n):
            return None
        mean = float(np.average(L, weights=n))
        sd = math.sqrt(float(np.average((L - mean) ** 2, weights=n)))
        s = max(sd, 0.03 * mean)
        x = np.linspace(max(1.5, mean - 4.5 * s), mean + 4.5 * s, 60)
        weight = gauss_sum(x, L, n, 0.35 * s + 0.02)
        return cls(
            edge_nm=x,
            weight=weight,
            mean_nm=mean,
            sd_nm=sd,
            crystal_mol_l=growth.crystal_mol_m3 / 1e3,
            agglomerate_mol_l=(growth.A + growth.M) / 1e3,
            free_pb_mol_l=growth.free_pb_mol_l,
            kelvin=growth.T,
            surface=coverage(growth),
        )

    @property
    def _width_ev(self) -> Array:
        return np.asarray((0.062 + 0.055 / self.edge_nm) / FWHM_PER_SD)

    def _mu(self, energy_ev: Array) -> Array:
        """Intrinsic absorption in 1/cm, ``(w, 60)``, at energies ``(w,)``."""
        E, L, s = energy_ev[:, None], self.edge_nm, self._width_ev
        x1 = x1_ev(L, self.kelvin)
        x2 = x1 + 0.817 / L**0.807
        k1, k2 = 0.85 * (1 + (4 / L) ** 1.5) / 2, 0.55 * (1 + 4 / L) / 2
        peaks = 0.30 * k1 * np.exp(-(((E - x1) / s) ** 2) / 2) + 0.30 * k2 * np.exp(-(((E - x2) / (1.6 * s)) ** 2) / 2)
        edge = np.maximum(0.0, 1 + 1.3 * (E - 3.10)) / (1 + np.exp(-(E - x1 - 0.12) / 0.10))
        return np.asarray(MU_400 * (peaks + edge))

    def absorbance(self, wavelength_nm: Array, path_cm: float) -> Array:
        """Return A ``(w,)``: crystals, precursor bands and scatter."""
        volume = self.weight * self.edge_nm**3
        fraction = self.crystal_mol_l * V_M * 1e3 * volume / volume.sum()
        crystals = path_cm / math.log(10) * self._mu(HC / wavelength_nm) @ fraction
        onset = 1 / (1 + math.exp(-(self.mean_nm - 11.6) / 0.35))
        scatter = (0.004 + 0.15 * onset) * (wavelength_nm / 400.0) ** -4
        return np.asarray(
            crystals + precursor(wavelength_nm, path_cm, self.agglomerate_mol_l, self.free_pb_mol_l) + scatter
        )

    @property
    def _excited(self) -> Array:
        """Excitation that each size absorbs, relative ``(60,)``."""
        mu = self._mu(np.array([HC / EXCITATION_NM]))[0]
        return np.asarray(self.weight * self.edge_nm**3 * mu)

    @property
    def _plqy(self) -> Array:
        L = self.edge_nm
        radiative = 0.165 / (1 + (L / 7) ** 5)
        trapped = 0.215 * (1 - self.surface) / (1 - 0.55) * (6 / L) / (6 / 3.5) + 0.006
        return np.asarray(radiative / (radiative + trapped))

    @property
    def plqy(self) -> float:
        return float(self._excited @ self._plqy / self._excited.sum())

    def emission(self, wavelength_nm: Array) -> Array:
        """Return emitted photons per nm ``(w,)``, relative, noiseless, without re-absorption."""
        E, s = (HC / wavelength_nm)[:, None], self._width_ev
        centre = x1_ev(self.edge_nm, self.kelvin) - stokes_ev(self.edge_nm)
        lines = np.exp(-(((E - centre) / s) ** 2) / 2) / s
        return np.asarray((E[:, 0] ** 2) * (lines @ (self._excited * self._plqy)))

    def truth(self, yielded: float) -> Truth:
        """Return peak (parabola through 7 points), FWHM (linear crossings), PLQY and the rest."""
        light = self.emission(GRID_NM)
        peak = int(np.argmax(light))
        near = slice(max(0, peak - 3), peak + 4)
        a, b, _ = np.polyfit(GRID_NM[near] - GRID_NM[peak], light[near], 2)
        half = light.max() / 2
        left = float(np.interp(half, light[: peak + 1], GRID_NM[: peak + 1]))
        right = float(np.interp(-half, -light[peak:], GRID_NM[peak:]))
        mean = np.array([self.mean_nm])
        return Truth(
            pl_peak_nm=float(GRID_NM[peak] - b / (2 * a)),
            fwhm_nm=right - left,
            plqy=self.plqy,
            x1_nm=float(HC / x1_ev(mean, self.kelvin)[0]),
            edge_length_nm=self.mean_nm,
            dispersion_percent=100 * self.sd_nm / self.mean_nm,
            yield_fraction=yielded,
        )


def gauss_sum(x: Array, centres: Array, weights: Array, width: float) -> Array:
    """Return the sum of Gaussians of one width at ``x``."""
    return np.asarray(np.exp(-(((x[:, None] - centres) / width) ** 2) / 2) @ weights)


def precursor(wavelength_nm: Array, path_cm: float, agglomerate_mol_l: float, free_pb_mol_l: float) -> Array:
    """Return the absorbance of agglomerates (312.5 nm) and free PbBr2 (285 nm)."""
    bands = ((agglomerate_mol_l, 1.0e4, 312.5, 13.0), (free_pb_mol_l, 6e3, 285.0, 30.0))
    total = np.zeros_like(wavelength_nm)
    for mol_l, epsilon, centre, fwhm in bands:
        total += path_cm * mol_l * epsilon * np.exp(-(((wavelength_nm - centre) / (fwhm / FWHM_PER_SD)) ** 2) / 2)
    return total


def coverage(growth: Growth) -> float:
    """Return the passivated share of the surface, which lecithin raises within minutes."""
    if growth.t_s < growth.quenched_s:
        return 0.55
    r = growth.lecithin_ratio
    return 0.55 + 0.30 * 1.35 * r / (r + 0.35) * (1 - math.exp(-(growth.t_s - growth.quenched_s) / 60.0))


def truth_of(growth: Growth) -> Truth | None:
    """Return the noise-free truth of a vial now; None before there is a crystal."""
    population = Population.of(growth)
    return None if population is None else population.truth(growth.yielded)
