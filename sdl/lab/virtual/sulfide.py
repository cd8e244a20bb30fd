"""What (TMS)2S makes of CsPbBr3 dots: PbS that takes their excitation and glows in the near infrared.

Empirical, from Yang 2024, chapter 3 (virtual_lab.md, section 5): end points of the ranges of Pb/S 1:1 to 1:30 and Table
3-1, interpolated in ln(S:Pb). Tags: [S] stated in the thesis, [X] assumed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sdl.lab.virtual.chemistry import Colloid, Sulfide
from sdl.units import FWHM_PER_SD, HC_EV_NM

Array = NDArray[np.float64]

MOST_S_TO_PB, LOST_TRANSFER = 30.0, 15.0
"""The largest ratio of the series [S]; beyond it transfer falls by e for each 15 more [X; suppressed at 1:40, S]."""
MOST_SHIFT = 1.3
"""How far the blue shift of the perovskite may go on beyond 1:30, in units of the series [X]."""
PBS_PL_NM, PBS_PL_SPAN_NM = 950.0, 206.0
"""PL of PbS from 1:1 to 1:30 [S]."""
DOTS_PL_NM, ETCHED_NM, ETCHING_DAYS = 505.0, 34.0, 4.0
"""PL of the perovskite at 1:1, its blue shift at 1:30 after 10 days at rest [S], and the shift's time constant [X]."""
PRISTINE_PL_NM = 495.5
"""PL of the nominal recipe before (TMS)2S, of this model (section 7); 495 nm in the thesis [S]."""

RATIOS = np.log([1.0, 3.0, 5.0, 10.0, 30.0])
TRANSFER = np.array([0.2188, 0.2492, 0.3362, 0.5848, 0.7156])
PBS_PLQY = np.array([0.025, 0.052, 0.112, 0.156, 0.225])
PBS_ABSORBANCE = np.array([0.022, 0.059, 0.108, 0.092, 0.113])
"""Table 3-1 [S]. Its row 1:3 does not obey its own formula with the factor of the other rows (see docs/sources.md)."""
TABLE_MOL_L, TABLE_NM = 1.06e-3, 465.0
"""Lead of the samples of Table 3-1, and the wavelength at which they were excited [S]; in 1 cm [X]."""

DARK_S, BRIGHTENING_S, PBS_S = 60.0, 60.0, 300.0
"""The dots are dark for about a minute [S effect, X length], brighten, and PbS forms over some minutes [X]."""
PBS_FWHM_EV, PBS_STOKES_EV, PBS_EXCITON, PBS_EDGE_EV, PBS_POWER = 0.16, 0.12, 0.3, 0.08, 3.0
"""Line of the PbS, Stokes shift, height of its exciton over its edge, width of the edge, rise to the blue [X]."""


def transfer(sulfide: Sulfide | None) -> float:
    """Return the part of the perovskite's excitations that PbS takes over."""
    if sulfide is None:
        return 0.0
    r = sulfide.s_to_pb
    return _table(TRANSFER, r) * math.exp(-max(0.0, r - MOST_S_TO_PB) / LOST_TRANSFER) * _formed(sulfide)


def shift_ev(sulfide: Sulfide | None) -> float:
    """Return by how much the perovskite's exciton moves: red when PbS covers it, then blue as it is etched."""
    if sulfide is None:
        return 0.0
    days = sulfide.since_s / 86_400.0
    moved_nm = ETCHED_NM * _along(sulfide.s_to_pb, MOST_SHIFT) * -math.expm1(-days / ETCHING_DAYS)
    covered = (HC_EV_NM / DOTS_PL_NM - HC_EV_NM / PRISTINE_PL_NM) * min(sulfide.s_to_pb, 1.0) * _formed(sulfide)
    return covered + HC_EV_NM / (DOTS_PL_NM - moved_nm) - HC_EV_NM / DOTS_PL_NM


def brightness(sulfide: Sulfide | None) -> float:
    """Return what (TMS)2S leaves of the perovskite's quantum yield: dark at first, then what is not transferred."""
    if sulfide is None:
        return 1.0
    lit = -math.expm1(-max(0.0, sulfide.since_s - DARK_S) / BRIGHTENING_S)
    return lit * (1.0 - transfer(sulfide))


def pbs_peak_nm(sulfide: Sulfide | None) -> float:
    """Return where PbS emits; NaN without it."""
    return math.nan if sulfide is None else PBS_PL_NM + PBS_PL_SPAN_NM * _along(sulfide.s_to_pb, 1.0)


def pbs_plqy(sulfide: Sulfide | None) -> float:
    """Return the quantum yield of PbS for what it absorbs or takes over."""
    return 0.0 if sulfide is None else _table(PBS_PLQY, sulfide.s_to_pb)


def pbs_absorbance(colloid: Colloid, wavelength_nm: Array, path_cm: float) -> Array:
    """Return the absorbance of the PbS alone, ``(w,)``."""
    sulfide = colloid.sulfide
    if sulfide is None:
        return np.zeros(wavelength_nm.shape)
    height = _table(PBS_ABSORBANCE, sulfide.s_to_pb) * _formed(sulfide) * path_cm * colloid.mix.pb_mol_l / TABLE_MOL_L
    x1_ev = HC_EV_NM / pbs_peak_nm(sulfide) + PBS_STOKES_EV
    return np.asarray(height * _pbs(wavelength_nm, x1_ev) / _pbs(np.array([TABLE_NM]), x1_ev)[0])


def nir_line(colloid: Colloid, wavelength_nm: Array) -> Array:
    """Return photons emitted by PbS per nm for each excitation that it has, ``(w,)``: its integral is its PLQY."""
    sulfide = colloid.sulfide
    if sulfide is None:
        return np.zeros(wavelength_nm.shape)
    peak, sd, energy = HC_EV_NM / pbs_peak_nm(sulfide), PBS_FWHM_EV / FWHM_PER_SD, HC_EV_NM / wavelength_nm
    centre = peak - 2 * sd**2 / peak  # so that the maximum per nm, not per eV, is where the thesis has it
    line = np.exp(-(((energy - centre) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))
    return np.asarray(pbs_plqy(sulfide) * line * energy**2 / HC_EV_NM)


def _along(s_to_pb: float, most: float) -> float:
    """Return where a ratio stands in the series: 0 at 1:1 and below, 1 at 1:30."""
    return min(max(math.log(max(s_to_pb, 1e-9)) / math.log(MOST_S_TO_PB), 0.0), most)


def _table(values: Array, s_to_pb: float) -> float:
    """Interpolate a column of Table 3-1; below 1:1 it falls to nothing with the sulfide [X]."""
    return float(np.interp(math.log(max(s_to_pb, 1.0)), RATIOS, values)) * min(s_to_pb, 1.0)


def _formed(sulfide: Sulfide) -> float:
    return -math.expm1(-sulfide.since_s / PBS_S)


def _pbs(wavelength_nm: Array, x1_ev: float) -> Array:
    energy = HC_EV_NM / wavelength_nm
    rise = (energy / x1_ev) ** PBS_POWER / (1 + np.exp(np.clip((x1_ev - energy) / (PBS_EDGE_EV / 2), -700, 700)))
    return np.asarray(rise + PBS_EXCITON * np.exp(-(((energy - x1_ev) / PBS_EDGE_EV) ** 2) / 2))
