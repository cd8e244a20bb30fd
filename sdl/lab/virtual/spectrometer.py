"""A spectrometer with two light paths through one flow cell, its noise and its bad days.

White light for absorption and a 365 nm LED at right angle for emission share the same pixels. Noise model: section 4 of
the virtual lab's specification; emission counts: the bench's read-out rules (Poisson and 25 e read noise, LED drift 1 %
per h, re-absorption over half the path, blank fluorescence 0.2 %, reference dye known to 2 %). All assumed there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sdl.lab.virtual.chemistry import Growth
from sdl.lab.virtual.optics import EXCITATION_NM, Population, precursor
from sdl.spectra.types import Kind, Role, Spectrum
from sdl.units import FWHM_PER_SD, HC_EV_NM

Array = NDArray[np.float64]
Content = Growth | Literal["blank", "dye"]

GRID_NM = np.arange(300.0, 700.25, 0.5)
FULL_WELL_E = 6e4
READ_NOISE_E = 25.0
AVERAGES = 250
INTEGRATION_MS = 2.0  # Otero-Martinez 2024, SI: 2 ms, 250 averages, 0.5 s a spectrum
SPECTRUM_S = 0.5
STRAY = 1e-3  # A saturates at 3.0
DARK_E = 800.0  # a constant that a real detector adds [assumed]
DEAD_SHARE, BUBBLE_P = 1e-3, 0.01
LED_E = 3.0e6
"""Counts per absorbed-photon share and nm: the brightest sample of the route stays below the full well [assumed]."""
LED_DRIFT_PER_H = 0.01
BLANK_FLUORESCENCE = 0.002
MEDIUM_N, DYE_N = 1.524, 1.361  # chlorobenzene, ethanol (CRC Handbook)
DYE_PLQY, DYE_PLQY_RSD = 0.54, 0.02
DYE_A365 = 0.08  # in this cell [assumed: inside the OD 0.05-0.1 of a good reference]


class Spectrometer:
    """One instrument; everything about it follows from ``seed``. Times are the lab clock's, in s."""

    def __init__(self, seed: int, channels: Sequence[Kind] = ("absorption", "pl"), *, path_mm: float = 2.0) -> None:
        self.channels = tuple(channels)
        self.path_cm = path_mm / 10.0
        self.instrument = f"virtual-spectrometer-{seed}"
        made = np.random.default_rng([seed, 1])
        self._dead = made.random(len(GRID_NM)) < DEAD_SHARE
        self._dye_plqy = DYE_PLQY * (1.0 + DYE_PLQY_RSD * made.standard_normal())
        self._drift_per_h = LED_DRIFT_PER_H * made.standard_normal()
        self._rng = np.random.default_rng([seed, 2])
        self._first_s: float | None = None
        lamp = np.maximum(0.05, 0.15 + 0.85 * _bell(GRID_NM, 520, 150) + 0.25 * _bell(GRID_NM, 310, 60))
        self._lamp_e = FULL_WELL_E * 0.85 * lamp / lamp.max()

    def dark(self, now_s: float) -> tuple[Spectrum, ...]:
        """Look with both shutters closed."""
        return tuple(self._spectrum(kind, "dark", self._noisy(np.zeros_like(GRID_NM)), now_s) for kind in self.channels)

    def look(self, content: Content, now_s: float, role: Role) -> tuple[Spectrum, ...]:
        """Look at what is in the cell, one spectrum per channel."""
        population = Population.of(content) if isinstance(content, Growth) else None
        absorbance = self._absorbance(content, population, GRID_NM)
        made = {
            "absorption": lambda: self._transmitted(absorbance),
            "pl": lambda: self._emitted(content, population, absorbance, now_s),
        }
        return tuple(self._spectrum(kind, role, made[kind](), now_s) for kind in self.channels)

    def _absorbance(self, content: Content, population: Population | None, wavelength_nm: Array) -> Array:
        if content == "blank":
            return np.zeros_like(wavelength_nm)
        if content == "dye":
            return np.asarray(DYE_A365 * _bell(wavelength_nm, 370.0, 30.0) / _bell(np.array([365.0]), 370.0, 30.0))
        if population is not None:
            return population.absorbance(wavelength_nm, self.path_cm)
        assert isinstance(content, Growth)
        scatter = 0.004 * (wavelength_nm / 400.0) ** -4
        held = (content.A + content.M) / 1e3
        return np.asarray(precursor(wavelength_nm, self.path_cm, held, content.free_pb_mol_l) + scatter)

    def _transmitted(self, absorbance: Array) -> Array:
        """Return counts of white light; a bubble in the cell spoils the whole read."""
        passed = (10.0**-absorbance + STRAY) / (1.0 + STRAY)
        if np.any(absorbance) and self._rng.random() < BUBBLE_P:
            passed = np.maximum(1e-6, passed * self._rng.uniform(0.4, 0.9) + self._rng.normal(0, 0.01, len(passed)))
        counts = np.maximum(0.5, self._noisy(self._lamp_e * passed, offset=0.0))
        baseline = self._rng.normal(0, 2e-3) + self._rng.normal(0, 2e-3) * (GRID_NM - 475.0) / 175.0
        return np.asarray(counts * 10.0**-baseline + DARK_E)

    def _emitted(self, content: Content, population: Population | None, absorbance: Array, now_s: float) -> Array:
        """Return emission counts under the LED, re-absorbed over half the path."""
        self._first_s = now_s if self._first_s is None else self._first_s
        led = LED_E * (1.0 + self._drift_per_h * (now_s - self._first_s) / 3600.0)
        light = led * BLANK_FLUORESCENCE * _band(GRID_NM, 2.95, 0.55) / MEDIUM_N**2
        absorbed = 1.0 - 10.0 ** -self._absorbance(content, population, np.array([EXCITATION_NM]))[0]
        if content == "dye":
            light = led * (BLANK_FLUORESCENCE + absorbed * self._dye_plqy) * _band(GRID_NM, 2.583, 0.32) / DYE_N**2
        elif population is not None:
            shape = population.emission(GRID_NM)
            shape = shape / (shape.sum() * 0.5)  # photons per nm on the 0.5 nm grid
            light = light + led * absorbed * population.plqy * shape / MEDIUM_N**2
        return self._noisy(light * 10.0 ** (-absorbance / 2.0))

    def _noisy(self, electrons: Array, *, offset: float = DARK_E) -> Array:
        """Add shot and read noise of the averaged exposures, and the detector's offset."""
        sd = np.sqrt((np.maximum(electrons, 0.0) + READ_NOISE_E**2) / AVERAGES)
        return np.asarray(electrons + offset + sd * self._rng.standard_normal(len(electrons)))

    def _spectrum(self, kind: Kind, role: Role, counts: Array, now_s: float) -> Spectrum:
        full = FULL_WELL_E + DARK_E
        return Spectrum(
            kind=kind,
            role=role,
            wavelength_nm=GRID_NM,
            counts=np.where(self._dead, np.nan, np.minimum(counts, full)),
            time_s=now_s,
            instrument=self.instrument,
            averages=AVERAGES,
            integration_ms=INTEGRATION_MS,
            full_well=full,
        )


def _bell(wavelength_nm: Array, centre_nm: float, sd_nm: float) -> Array:
    return np.asarray(np.exp(-(((wavelength_nm - centre_nm) / sd_nm) ** 2) / 2))


def _band(wavelength_nm: Array, centre_ev: float, fwhm_ev: float) -> Array:
    """Return a band that is Gaussian in energy, as photons per nm with unit area."""
    energy = HC_EV_NM / wavelength_nm
    sd = fwhm_ev / FWHM_PER_SD
    density = np.exp(-(((energy - centre_ev) / sd) ** 2) / 2) / (sd * np.sqrt(2 * np.pi))
    return np.asarray(density * energy**2 / HC_EV_NM)
