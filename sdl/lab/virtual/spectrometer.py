"""The virtual spectrometer: counts of a flow cell with a white lamp and a 365 nm LED (virtual_lab.md 4, bench.md).

Noise is drawn from seed, time and role of a read, so that a lab that was restarted sees what it would have seen.
Tags: [S] stated in the papers, [X] assumed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sdl.lab.reader import ReaderStatus
from sdl.lab.virtual.chance import generator
from sdl.lab.virtual.chemistry import Growth
from sdl.lab.virtual.heterojunction import MEDIUM_INDEX as JUNCTION_INDEX
from sdl.lab.virtual.heterojunction import Heterojunction
from sdl.lab.virtual.optics import EXCITATION_NM, absorbance, crystal_absorbance, emission, nir_emission
from sdl.lab.virtual.reaction import Reaction
from sdl.lab.virtual.sulfide import pbs_absorbance
from sdl.spectra.types import Kind, Role, Spectrum
from sdl.units import FWHM_PER_SD, HC_EV_NM

Array = NDArray[np.float64]
Content = Reaction | Literal["blank", "dye"] | None
"""What is in the cell: crystals as they are now, pure diluent, the reference dye, or air."""

PIXEL_NM = 0.5
GRID_NM = np.arange(300.0, 700.0 + PIXEL_NM / 2, PIXEL_NM)
"""Pixels of both light paths: clear of the LED's second order, 300-650 nm and some red for the baseline [X]."""
NIR_PIXEL_NM = 2.0
NIR_GRID_NM = np.arange(850.0, 1650.0 + NIR_PIXEL_NM / 2, NIR_PIXEL_NM)
"""Pixels of an InGaAs array behind the same cell [X]: PbS of Yang 2024 emits at 950 to 1156 nm."""
AVERAGES, READ_NOISE_E = 250, 25.0
"""[S], and noise of one exposure [X] (section 4)."""
FULL_WELL_E, WHITE_E, OFFSET_E = 6e4, 6e4 * 0.85, 1000.0
"""A pixel's capacity, the lamp at its maximum (section 4), and what the shutter's dark adds to everything [X]."""
STRAY, FLOOR_E = 1e-3, 0.5
"""Stray light, so that absorbance ends at 3.0, and the least light of a pixel (section 4)."""
LED_E = 8e6
"""Electrons of one exposure if every LED photon came out as emission into n = 1 [X]: the nominal recipe's aliquot with
an absorbance of 0.1 peaks at 13,000 e, and the densest colloid of the built-in search stays in the full well."""
DAY_H = 24.0
"""Period of the LED's drift: the room's day and night [X]."""
TRAVELLED = 0.5
"""Part of the path that emission crosses on its way out (bench.md, read-out)."""
FLUORESCENCE, FLUORESCENCE_NM, FLUORESCENCE_SD_NM = 2e-3, 450.0, 50.0
"""Photons of cell and medium for each of the LED (bench.md), and their band [X]."""
MEDIUM_INDEX, DYE_INDEX = 1.524, 1.361
"""Chlorobenzene, and ethanol for the dye (CRC Handbook of Chemistry and Physics); light leaves as 1/n^2."""
DYE_PER_CM, DYE_X1_NM, DYE_X1_FWHM_EV, DYE_PL_NM, DYE_PL_FWHM_EV = 0.4, 390.0, 0.45, 480.0, 0.323
"""A dye like coumarin 102 in ethanol: absorbance at 365 nm for 1 cm, its band, and an emission 60 nm wide [X]."""
PLATE_OD_SD = 2e-3
"""Noise of a plate reader's density [X]."""
INTEGRATION_MS, SHORTEST_MS = 2.0, 0.25
"""One exposure [S], and the shortest [X]."""
DYE_RSD = 0.02
"""How well the dye's yield is known (bench.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What is wrong with an instrument, as section 4 has it; all zeros is one with shot and read noise only."""

    dead: float = 1e-3
    bubbles: float = 0.01
    baseline_sd: float = 2e-3
    led_drift_per_h: float = 0.01
    evaporation_per_h: float = 3e-3


NO_FAULTS = Faults(dead=0.0, bubbles=0.0, baseline_sd=0.0, led_drift_per_h=0.0, evaporation_per_h=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Liquid:
    """Absorbance over the path and photons per nm for each photon of the LED, both ``(w,)``; refractive index."""

    absorbance: Array
    emitted: Array
    index: float


class Spectrometer:
    """One instrument; what is peculiar to it, such as dead pixels and the true dye, follows from its seed."""

    def __init__(
        self,
        seed: int,
        channels: Collection[Kind] = ("absorption", "pl"),
        *,
        path_mm: float = 2.0,
        dye_plqy: float = 0.54,
        faults: Faults | None = None,
    ) -> None:
        self.name = f"virtual-{seed}"
        self.channels: tuple[Kind, ...] = tuple(channels)
        self.true_dye_plqy = dye_plqy * (1 + DYE_RSD * float(generator(seed, "dye").standard_normal()))
        self.integration_ms = INTEGRATION_MS
        self._seed = seed
        self._path_cm = path_mm / 10
        self._faults = Faults() if faults is None else faults
        self._dead = generator(seed, "dead pixels").random(GRID_NM.size) < self._faults.dead
        self._lamp_h = float(generator(seed, "lamp").uniform(10.0, 500.0))
        self._day = float(generator(seed, "LED").uniform(0, 2 * math.pi))

    @property
    def status(self) -> ReaderStatus:
        grid_id = self._spectrum(GRID_NM, "absorption", "dark", 0.0).grid_id
        return ReaderStatus(
            instrument=self.name,
            grid_id=grid_id,
            channels=self.channels,
            ok=True,
            lamp_h=self._lamp_h,
            shutter="closed",
        )

    def dark(self, now_s: float) -> tuple[Spectrum, ...]:
        """Return one spectrum a channel with the shutter closed."""
        rng = generator(self._seed, now_s, "dark")
        return tuple(
            self._spectrum(self._noisy(np.zeros(grid_nm(kind).size), rng), kind, "dark", now_s)
            for kind in self.channels
        )

    def look(
        self, content: Content, now_s: float, role: Role, remains: Sequence[tuple[float, Content]] = ()
    ) -> tuple[Spectrum, ...]:
        """Return one spectrum a channel of what is in the cell; ``remains`` are parts of it that others left there."""
        rng, liquid = generator(self._seed, now_s, role), self._stirred(content, remains)
        bubble = self._bubble(rng) if role == "sample" else np.ones(GRID_NM.size)
        longer = self.integration_ms / INTEGRATION_MS
        white = np.maximum(FLOOR_E, self._noisy(longer * self._white(liquid, bubble, role, rng), rng))
        emitted = self._noisy(longer * self._emission(liquid, now_s) * bubble, rng)
        light: dict[Kind, Array] = {"absorption": white, "pl": emitted}
        if "nir" in self.channels:
            light["nir"] = self._noisy(self._nir(content, now_s) * bubble.mean(), generator(self._seed, now_s, role, 2))
        return tuple(self._spectrum(light[kind], kind, role, now_s) for kind in self.channels)

    def shorten(self) -> bool:
        """Halve the integration time of what comes; return False at the shortest."""
        if self.integration_ms <= SHORTEST_MS:
            return False
        self.integration_ms /= 2
        return True

    def densities(self, content: Content, bands_nm: Sequence[float], now_s: float, well: str) -> list[float]:
        """Return the optical density of a well of a plate at each band: what a plate reader tells."""
        rng = generator(self._seed, now_s, well)
        whole = self._liquid(content).absorbance
        noise = PLATE_OD_SD * rng.standard_normal(len(bands_nm))
        return [float(np.interp(b, GRID_NM, whole, right=0.0) + e) for b, e in zip(bands_nm, noise, strict=True)]

    def led(self, now_s: float) -> float:
        """Return the LED's power over its mean: a daily wave whose rms slope is the stated drift."""
        pace = 2 * math.pi / DAY_H
        return 1 + self._faults.led_drift_per_h * math.sqrt(2) / pace * math.sin(pace * now_s / 3600 + self._day)

    def _stirred(self, content: Content, remains: Sequence[tuple[float, Content]]) -> _Liquid:
        """Return what is in the cell with what others left there: each absorbs and shines by its part."""
        own = self._liquid(content)
        others = [(part, self._liquid(other)) for part, other in remains]
        share = 1.0 - sum(part for part, _ in others)
        return _Liquid(
            absorbance=share * own.absorbance + sum(part * one.absorbance for part, one in others),
            emitted=share * own.emitted + sum(part * one.emitted for part, one in others),
            index=own.index,
        )

    def _liquid(self, content: Content) -> _Liquid:
        if isinstance(content, Growth):
            return self._colloid(content)
        if isinstance(content, Heterojunction):
            return self._junction(content)
        nothing = np.zeros(GRID_NM.size)
        if content is None:
            return _Liquid(absorbance=nothing, emitted=nothing, index=1.0)
        if content == "blank":
            return _Liquid(absorbance=nothing, emitted=_fluorescence(), index=MEDIUM_INDEX)
        band = _energy_band(GRID_NM, DYE_X1_NM, DYE_X1_FWHM_EV)
        at_led = _energy_band(np.array([EXCITATION_NM]), DYE_X1_NM, DYE_X1_FWHM_EV)[0]
        line = _energy_band(GRID_NM, DYE_PL_NM, DYE_PL_FWHM_EV) / GRID_NM**2
        yielded = self.true_dye_plqy * -math.expm1(-math.log(10) * DYE_PER_CM * self._path_cm)
        return _Liquid(
            absorbance=DYE_PER_CM * self._path_cm * band / at_led,
            emitted=yielded * line / (line.sum() * PIXEL_NM) + _fluorescence(),
            index=DYE_INDEX,
        )

    def _colloid(self, growth: Growth) -> _Liquid:
        """Return the well's aliquot; what evaporated from the well raises absorbance only."""
        colloid, led = growth.state, np.array([EXCITATION_NM])
        denser = math.exp(self._faults.evaporation_per_h * colloid.time_s / 3600)
        at_led = denser * float(absorbance(colloid, led, self._path_cm)[0])
        by_crystals = denser * float(crystal_absorbance(colloid, led, self._path_cm)[0]) / at_led
        taken = -math.expm1(-math.log(10) * at_led) * by_crystals
        return _Liquid(
            absorbance=denser * absorbance(colloid, GRID_NM, self._path_cm),
            emitted=taken * emission(colloid, GRID_NM) + _fluorescence(),
            index=MEDIUM_INDEX,
        )

    def _junction(self, made: Heterojunction) -> _Liquid:
        """Return an aliquot of heterojunctions."""
        taken = -math.expm1(-math.log(10) * float(made.absorbance(np.array([EXCITATION_NM]), self._path_cm)[0]))
        return _Liquid(
            absorbance=made.absorbance(GRID_NM, self._path_cm),
            emitted=taken * made.emission(GRID_NM) + _fluorescence(),
            index=JUNCTION_INDEX,
        )

    def _nir(self, content: Content, now_s: float) -> Array:
        """Return the electrons of near-infrared emission that leaves the cell, ``(w,)`` on the infrared grid."""
        if not isinstance(content, Growth):
            return np.zeros(NIR_GRID_NM.size)
        colloid, led = content.state, np.array([EXCITATION_NM])
        at_led = float(absorbance(colloid, led, self._path_cm)[0])
        pbs = pbs_absorbance(colloid, led, self._path_cm)
        active = float((crystal_absorbance(colloid, led, self._path_cm) + pbs)[0])
        taken = -math.expm1(-math.log(10) * at_led) * active / at_led
        photons = taken * nir_emission(colloid, NIR_GRID_NM, self._path_cm)
        return np.asarray(LED_E * self.led(now_s) * NIR_PIXEL_NM * photons / MEDIUM_INDEX**2)

    def _white(self, liquid: _Liquid, bubble: Array, role: Role, rng: np.random.Generator) -> Array:
        """Return the lamp's electrons behind the cell; between blank and others the baseline has moved."""
        step, tilt = self._faults.baseline_sd * rng.standard_normal(2) * (role != "blank")
        moved = 10 ** -(step + tilt * (GRID_NM - 475.0) / 175.0)
        passed = (10**-liquid.absorbance + STRAY) / (1 + STRAY)
        return np.asarray(WHITE_E * _lamp() * np.maximum(passed * bubble, 1e-6) * moved)

    def _emission(self, liquid: _Liquid, now_s: float) -> Array:
        """Return the electrons of emission that leaves the cell."""
        escaped = 10 ** (-TRAVELLED * liquid.absorbance) / liquid.index**2
        return LED_E * self.led(now_s) * PIXEL_NM * liquid.emitted * escaped

    def _bubble(self, rng: np.random.Generator) -> Array:
        """Return what passes a bubble that may be in the cell, ``(w,)``; blanks and dyes are looked at first [X]."""
        there, part, grain = rng.random(), rng.uniform(0.4, 0.9), rng.normal(0.0, 0.01, GRID_NM.size)
        return part + grain if there < self._faults.bubbles else np.ones(GRID_NM.size)

    @staticmethod
    def _noisy(light_e: Array, rng: np.random.Generator) -> Array:
        return light_e + rng.standard_normal(light_e.size) * np.sqrt((light_e + READ_NOISE_E**2) / AVERAGES)

    def _spectrum(self, light_e: Array, kind: Kind, role: Role, now_s: float) -> Spectrum:
        counts = np.minimum(light_e + OFFSET_E, FULL_WELL_E)
        return Spectrum(
            kind=kind,
            role=role,
            wavelength_nm=grid_nm(kind),
            counts=counts if kind == "nir" else np.where(self._dead, np.nan, counts),
            time_s=now_s,
            instrument=self.name,
            averages=AVERAGES,
            integration_ms=self.integration_ms,
            full_well=FULL_WELL_E,
        )


def grid_nm(kind: Kind) -> Array:
    """Return the pixels of one light path, ``(w,)``."""
    return NIR_GRID_NM if kind == "nir" else GRID_NM


def _lamp() -> Array:
    """Return the white lamp, 1 at its maximum, ``(w,)`` (section 4)."""
    warm = np.exp(-(((GRID_NM - 520.0) / 150.0) ** 2) / 2)
    lamp = np.maximum(0.05, 0.15 + 0.85 * warm + 0.25 * np.exp(-(((GRID_NM - 310.0) / 60.0) ** 2) / 2))
    return np.asarray(lamp / lamp.max())


def _fluorescence() -> Array:
    """Return the photons per nm of cell and medium for each photon of the LED, ``(w,)``."""
    band = np.exp(-(((GRID_NM - FLUORESCENCE_NM) / FLUORESCENCE_SD_NM) ** 2) / 2)
    return np.asarray(FLUORESCENCE * band / (band.sum() * PIXEL_NM))


def _energy_band(wavelength_nm: Array, centre_nm: float, fwhm_ev: float) -> Array:
    """Return a Gaussian in photon energy, of height 1, ``(w,)``."""
    distance_ev = HC_EV_NM / wavelength_nm - HC_EV_NM / centre_nm
    return np.asarray(np.exp(-((distance_ev * FWHM_PER_SD / fwhm_ev) ** 2) / 2))
