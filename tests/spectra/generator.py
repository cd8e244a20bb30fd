"""Spectra of a confined perovskite with line shapes that no part of the analysis assumes.

Absorption is that of ``tests/spectra/crystals.py``, emission has an exponential red tail, light is integrated over the
depth of the cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sdl.spectra.types import Kind, Role, Spectrum
from tests.spectra.crystals import Crystals, curve_ev, random_crystals

Array = NDArray[np.float64]

HC = 1239.842
GRID_NM = np.arange(300.0, 750.0, 0.5)
FULL_WELL = 6e4
DARK_E = 900.0
DYE_PLQY, DYE_N, SOLVENT_N = 0.54, 1.361, 1.524


@dataclass(frozen=True, kw_only=True)
class Colloid:
    """``od_365`` is over the path; ``stokes_ev`` and ``tail_ev`` shape the emission of each size."""

    crystals: Crystals = field(default_factory=lambda: Crystals(edge_nm=3.3))
    stokes_ev: float = 0.055
    tail_ev: float = 0.012
    od_365: float = 0.12
    plqy: float = 0.6
    scatter: float = 0.004


def random_colloid(rng: np.random.Generator, *, most: float = 0.12) -> Colloid:
    """Draw a colloid of 2.8 to 6.2 nm crystals, dilute to rather dense, clear to hazy."""
    return Colloid(
        crystals=random_crystals(rng, most=most),
        stokes_ev=rng.uniform(0.04, 0.08),
        tail_ev=rng.uniform(0, 0.02),
        od_365=rng.uniform(0.04, 0.25),
        plqy=rng.uniform(0.3, 0.8),
        scatter=abs(rng.normal(0, 0.005)),
    )


def truth(colloid: Colloid) -> dict[str, float]:
    """Return the true features; peak and FWHM in nm are of the emission per nm, without noise and re-absorption."""
    x1_nm = HC / colloid.crystals.line_ev
    fine = np.arange(x1_nm - 25.0, x1_nm + 50.0, 0.02)
    curve = emission_per_nm(colloid, fine)
    top, half = int(np.argmax(curve)), curve.max() / 2
    blue, red = np.interp(half, curve[:top], fine[:top]), np.interp(-half, -curve[top:], fine[top:])
    crystals = colloid.crystals
    return {
        "x1_nm": HC / crystals.line_ev,
        "x1_ev": crystals.line_ev,
        "x2_nm": HC / crystals.x2_line_ev,
        "edge_length_nm": crystals.edge_nm,
        "dispersion_percent": 100 * crystals.dispersion,
        "a365": colloid.od_365,
        "pl_peak_nm": float(fine[top]),
        "fwhm_nm": float(red - blue),
        "plqy": colloid.plqy,
    }


def extinction(colloid: Colloid, wavelength_nm: Array) -> Array:
    """Return absorbance relative to that at 365 nm."""
    at_led = colloid.crystals.absorbance(np.array([365.0]))[0]
    return np.asarray(colloid.crystals.absorbance(wavelength_nm) / at_led)


def emission_per_nm(colloid: Colloid, wavelength_nm: Array) -> Array:
    """Return emitted photons per nm, integral 1: sechs with an exponential red tail, weighted by volume."""
    energy = HC / wavelength_nm
    total = np.zeros(energy.shape)
    edge, share = colloid.crystals.members()
    for x1, weight in zip(curve_ev(edge) + colloid.crystals.shift_ev, share, strict=True):
        for t in np.linspace(0, 4, 9):
            centre = x1 - colloid.stokes_ev - colloid.tail_ev * (t - 1)
            total += weight * np.exp(-t) / np.cosh((energy - centre) / (0.3 * colloid.crystals.width_ev))
    per_nm = total * energy**2
    return np.asarray(per_nm / np.trapezoid(per_nm, wavelength_nm))


def lamp(wavelength_nm: Array) -> Array:
    """Return the lamp's spectrum, 1 at its maximum: a warm body and a blue line."""
    warm = np.clip((wavelength_nm - 250.0) / 400.0, 0.05, 1.0)
    return warm * 0.8 + 0.2 * np.exp(-(((wavelength_nm - 450.0) / 60.0) ** 2))


class Instrument:
    """Makes counts of one cell with dark offset, shot and read noise, tilt of the lamp and dead pixels."""

    def __init__(self, seed: int, *, grid_nm: Array = GRID_NM, photons_e: float = 4e6) -> None:
        self.rng = np.random.default_rng(seed)
        self.grid_nm = grid_nm
        self.photons_e = photons_e

    def spectrum(self, mean_e: Array, kind: Kind, role: Role, time_s: float = 0.0) -> Spectrum:
        mean_e = mean_e + DARK_E
        noisy = mean_e + self.rng.standard_normal(mean_e.shape) * np.sqrt((mean_e + 25.0**2) / 250)
        noisy[self.rng.random(noisy.shape) < 1e-3] = np.nan
        return Spectrum(
            kind=kind,
            role=role,
            wavelength_nm=self.grid_nm,
            counts=np.minimum(noisy, FULL_WELL),
            time_s=time_s,
            instrument="generator",
            full_well=FULL_WELL,
        )

    def dark(self) -> list[Spectrum]:
        nothing = np.zeros(self.grid_nm.shape)
        return [self.spectrum(nothing, kind, "dark") for kind in ("absorption", "pl")]

    def blank(self) -> list[Spectrum]:
        return self._pair(np.zeros(self.grid_nm.shape), np.zeros(self.grid_nm.shape), 0.0, 0.0, "blank")

    def sample(self, colloid: Colloid) -> list[Spectrum]:
        absorbed = colloid.od_365 * extinction(colloid, self.grid_nm)
        emitted = emission_per_nm(colloid, self.grid_nm) * colloid.plqy / SOLVENT_N**2
        scattered = colloid.scatter * (400.0 / self.grid_nm) ** 4
        return self._pair(
            absorbed, emitted, colloid.od_365, 10 ** -np.interp(365, self.grid_nm, scattered), "sample", scattered
        )

    def dye(self, od_365: float = 0.12) -> list[Spectrum]:
        absorbed = od_365 * np.exp(-(((self.grid_nm - 360.0) / 35.0) ** 2)) / np.exp(-((5 / 35.0) ** 2))
        emitted = np.exp(-0.5 * ((self.grid_nm - 460.0) / 28.0) ** 2) / (28.0 * np.sqrt(2 * np.pi))
        return self._pair(absorbed, emitted * DYE_PLQY / DYE_N**2, od_365, 1.0, "dye")

    def _pair(
        self, absorbed: Array, emitted: Array, od_365: float, clarity: float, role: Role, scattered: Array | None = None
    ) -> list[Spectrum]:
        scattered = np.zeros(self.grid_nm.shape) if scattered is None else scattered
        drift = self.rng.normal(0, 2e-3) + self.rng.normal(0, 2e-3) * (self.grid_nm - 500.0) / 200.0
        drift = drift if role != "blank" else 0.0
        white = 0.8 * FULL_WELL * lamp(self.grid_nm) * 10.0 ** -(absorbed + scattered + drift)
        depth = (np.arange(20) + 0.5) / 20
        escaped = np.mean(10.0 ** -np.outer(depth, absorbed), axis=0)
        glow = self.photons_e * 2e-4 * np.exp(-(self.grid_nm - 380.0) / 60.0) / 60.0 * (self.grid_nm > 380)
        light = self.photons_e * (1 - 10.0**-od_365) * emitted * escaped + glow
        return [self.spectrum(white, "absorption", role), self.spectrum(light, "pl", role)]
