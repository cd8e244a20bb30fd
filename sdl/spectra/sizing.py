"""From the first exciton to the crystal: edge length by the sizing curve, emission by the Stokes law.

Both laws are one weighted fit to the eight crystals of Li 2019 (10.1039/c9sc01339c, Table 1), the size bins of
Ye 2024 (10.1039/d4cs00077c, Table 1) and three absorption and emission pairs of Otero-Martinez 2024; numbers in
brackets of that fit are standard deviations. L is the cube-edge equivalent in nm, energies are in eV.
"""

from __future__ import annotations

import math

import numpy as np

from sdl.spectra.counts import Array
from sdl.spectra.types import Value

BULK_EV = 2.3983
"""X1 of an infinite crystal, joint fit (0.0154)."""
QUADRATIC_PER_EV_NM2 = 0.0960
"""Coefficient of L^2 in 1/(X1 - bulk), joint fit (0.0348)."""
LINEAR_PER_EV_NM = 0.6326
"""Coefficient of L in 1/(X1 - bulk), joint fit (0.0898)."""
X1_SCATTER_EV = 0.017
"""Scatter of published crystals about the X1 curve, joint fit."""
PL_SCATTER_EV = 0.0099
"""Scatter of published crystals about the emission curve X1 - S, joint fit."""
STOKES_EV, STOKES_SD_EV = 0.0367, 0.0077
"""Stokes shift of large crystals, joint fit."""
STOKES_EV_NM4, STOKES_SD_EV_NM4 = 2.02, 0.67
"""Coefficient of L^-4 in the Stokes shift, joint fit."""
STOKES_SMALLEST_NM = 1.8
"""Below this edge the L^-4 term is held: no crystal that small is in the data."""
THERMAL_EV_PER_K = 3e-4
"""Blue shift of the gap with temperature; a bound from ice water against 25 degC in Otero-Martinez 2024."""
REFERENCE_C = 25.0
"""Temperature of the data behind the curves: room temperature."""
REPORTED_NM = (2.6, 8.0)
"""Edges that are reported: above, the curve is so flat that 17 meV is more than 0.9 nm."""
LARGEST_MEASURED_NM = 6.2
"""The largest crystal of Li 2019."""
USUAL_DISPERSION = Value(value=0.081, sd=0.03)
"""Relative sd of the edge in the TOPO/DOPA synthesis, by SAXS (Ye 2024, 10.1039/d4cs00077c); its sd chosen."""
WIDTH_EV, WIDTH_EV_NM = 0.062, 0.055
"""Homogeneous FWHM = 0.062 + 0.055/L eV: the narrowest PL published, 15 nm at 455 to 462 nm, and its trend
(Otero-Martinez 2024; spectra of smaller crystals are broader)."""
GAP_EV, GAP_POWER = 0.817, 0.807
"""X2 - X1 = 0.817/L^0.807 eV, fit to Li 2019, Table 1 (scatter 12 meV)."""


def x1_ev(edge_length_nm: float, temperature_c: float = REFERENCE_C) -> float:
    """Return the energy of the first exciton of a cube in eV."""
    confined = float(confinement_ev(np.array(edge_length_nm)))
    return BULK_EV + confined + THERMAL_EV_PER_K * (temperature_c - REFERENCE_C)


def confinement_ev(edge_length_nm: Array) -> Array:
    """Return X1 of cubes above that of the bulk in eV, in the shape given."""
    return np.asarray(1.0 / (QUADRATIC_PER_EV_NM2 * edge_length_nm**2 + LINEAR_PER_EV_NM * edge_length_nm))


def edges_nm(x1_ev: Array) -> Array:
    """Return edges in nm from X1 at `REFERENCE_C`, in the shape given: infinite at and below the bulk."""
    excess_ev = x1_ev - BULK_EV
    a, b = QUADRATIC_PER_EV_NM2, LINEAR_PER_EV_NM
    edge_nm = (np.sqrt(b**2 + 4 * a / np.where(excess_ev > 0, excess_ev, 1.0)) - b) / (2 * a)
    return np.where(excess_ev > 0, edge_nm, np.inf)


def x1_slope_ev_per_nm(edge_length_nm: Array | float) -> Array:
    """Return dX1/dL in eV/nm, negative, in the shape given."""
    a, b = QUADRATIC_PER_EV_NM2, LINEAR_PER_EV_NM
    return np.asarray(-(2 * a * edge_length_nm + b) / (a * edge_length_nm**2 + b * edge_length_nm) ** 2)


def homogeneous_ev(edge_length_nm: Array) -> Array:
    """Return the FWHM of the first exciton of crystals of one size in eV, in the shape given."""
    return np.asarray(WIDTH_EV + WIDTH_EV_NM / edge_length_nm)


def edge_from_x1_nm(energy_ev: float, temperature_c: float = REFERENCE_C) -> float:
    """Return the edge whose X1 is ``energy_ev``, in nm: the inverse of `x1_ev`; infinite at and below the bulk."""
    return float(edges_nm(np.array(energy_ev - THERMAL_EV_PER_K * (temperature_c - REFERENCE_C))))


def edge_length(
    x1: Value, temperature_c: float = REFERENCE_C, dispersion: Value = USUAL_DISPERSION
) -> tuple[Value | None, tuple[str, ...]]:
    """Return the number-mean edge in nm of crystals whose first exciton is ``x1`` (eV), and flags.

    Absorption weighs by volume and sees a mean larger by 1 + 3 SD^2, which is divided out; ``dispersion`` is that SD,
    relative to the edge. The sd holds the scatter of the curve, the sd of ``x1`` and that of ``dispersion``. Outside
    `REPORTED_NM` there is no value; outside the crystals of Li 2019 the flag is ``size_extrapolated``.
    """
    seen_nm = edge_from_x1_nm(x1.value, temperature_c)
    flags = () if REPORTED_NM[0] <= seen_nm <= LARGEST_MEASURED_NM else ("size_extrapolated",)
    if not REPORTED_NM[0] <= seen_nm <= REPORTED_NM[1]:
        return None, flags
    edge_nm = seen_nm / (1 + 3 * dispersion.value**2)
    curve_nm = math.hypot(X1_SCATTER_EV, x1.sd) / abs(float(x1_slope_ev_per_nm(seen_nm)))
    return Value(value=edge_nm, sd=math.hypot(curve_nm, edge_nm * 6 * dispersion.value * dispersion.sd)), flags


def stokes_shift(edge_length_nm: float) -> Value:
    """Return X1 - PL in eV; the two terms' errors are taken as independent, which overstates the sd a little."""
    steepness = 1.0 / max(edge_length_nm, STOKES_SMALLEST_NM) ** 4
    sd_ev = math.hypot(STOKES_SD_EV, STOKES_SD_EV_NM4 * steepness)
    return Value(value=STOKES_EV + STOKES_EV_NM4 * steepness, sd=sd_ev)


def emission_from_x1(x1: Value, temperature_c: float = REFERENCE_C) -> Value:
    """Estimate the PL peak in eV from ``x1`` (eV): X1 minus the Stokes shift, some 13 meV (2 to 3 nm) of sd."""
    shift = stokes_shift(edge_from_x1_nm(x1.value, temperature_c))
    return Value(value=x1.value - shift.value, sd=math.hypot(x1.sd, shift.sd, PL_SCATTER_EV))


def x2_gap_ev(edge_length_nm: float) -> float:
    """Return X2 - X1 in eV of a cube."""
    return GAP_EV / math.pow(edge_length_nm, GAP_POWER)
