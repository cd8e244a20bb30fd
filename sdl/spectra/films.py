"""Band gaps of films: Tauc's line and Elliott's exciton with its continuum. Not for confined crystals in a liquid.

A Tauc line ignores the exciton and reads 20 to 90 meV low where there is one; it compares films with films. The
continuum of Elliott does not exist in strong confinement: below 7 nm use `sdl.spectra.population`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from sdl.errors import Refused
from sdl.spectra.counts import Array
from sdl.spectra.types import Value
from sdl.units import HC_EV_NM

TAUC_WINDOW_EV = 0.08
"""Stretch over which the Tauc plot must be straight; chosen."""
TAUC_STEEP = 0.9
"""All stretches this steep, over the steepest, are straight parts: the spread of their gaps is the sd; chosen."""
FEWEST = 12
"""Points of a stretch or of a fit."""
BOUND_STATES = 3
"""Exciton levels that are summed: the fourth has 1/64 of the first's strength."""
REACH_EV = (0.35, 0.45)
"""What the Elliott fit sees below and above the first guess of the gap."""
BINDING_EV, WIDTH_EV = (1e-3, 0.15), (2e-3, 0.15)
"""Bounds of binding energy and half width, around every halide perovskite published."""
SUBDIVISIONS = 160
"""Points of the convolution over the continuum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A gap in eV and how it was found; ``binding_ev`` is the exciton's, which only Elliott gives."""

    method: Literal["tauc", "elliott"]
    gap_ev: Value
    binding_ev: Value | None = None
    flags: tuple[str, ...] = ("film",)


def tauc(wavelength_nm: Array, absorbance: Array) -> Film:
    """Return the direct gap where the straight part of (A E)^2 meets zero; flagged ``exciton_ignored``.

    Raises `Refused` where no stretch is straight enough to have a gap.
    """
    energy_ev, seen = _rising(wavelength_nm, absorbance)
    plot = (np.maximum(seen, 0.0) * energy_ev) ** 2
    slopes, gaps = [], []
    for start in np.arange(energy_ev[0], energy_ev[-1] - TAUC_WINDOW_EV, TAUC_WINDOW_EV / 8):
        inside = (energy_ev >= start) & (energy_ev <= start + TAUC_WINDOW_EV)
        if inside.sum() >= FEWEST:
            slope, offset = np.polyfit(energy_ev[inside], plot[inside], 1)
            if slope > 0:
                slopes.append(slope)
                gaps.append(-offset / slope)
    if not slopes:
        raise Refused("no stretch of (A E)^2 rises with energy: this is no absorption edge")
    first = np.flatnonzero(_first_rise(np.array(slopes)))
    steep = np.array(slopes)[first] >= TAUC_STEEP * np.array(slopes)[first].max()
    found = np.array(gaps)[first][steep]
    return Film(
        method="tauc",
        gap_ev=Value(value=float(found.mean()), sd=float(max(found.std(), TAUC_WINDOW_EV / 40))),
        flags=("film", "exciton_ignored"),
    )


def _first_rise(slopes: Array) -> NDArray[np.bool_]:
    """Return which windows belong to the first edge: up to the first maximum that a real dip follows."""
    best = np.maximum.accumulate(slopes)
    dropped = (slopes < 0.5 * best) & (best > 0.2 * slopes.max())
    last = int(np.argmax(dropped)) if dropped.any() else slopes.size
    return np.asarray(np.arange(slopes.size) < last)


def elliott(wavelength_nm: Array, absorbance: Array, *, gap_ev: float) -> Film:
    """Fit bound excitons and Sommerfeld's continuum, both broadened by a sech, around a first ``gap_ev``.

    Flagged ``misfit`` where the residual is above 2 % of the edge. Raises `Refused` without enough points, or where the
    fit does not converge or ends at a bound: then there is no value.
    """
    energy_ev, seen = _rising(wavelength_nm, absorbance)
    near = (energy_ev > gap_ev - REACH_EV[0]) & (energy_ev < gap_ev + REACH_EV[1])
    if near.sum() < FEWEST * 3:
        raise Refused(f"{near.sum()} points around {gap_ev:g} eV; an Elliott fit needs {FEWEST * 3}")
    energy_ev, seen = energy_ev[near], seen[near]
    scale = float(seen.max() - seen.min())
    low = [gap_ev - 0.2, BINDING_EV[0], WIDTH_EV[0]]
    high = [gap_ev + 0.2, BINDING_EV[1], WIDTH_EV[1]]

    def left(p: Array) -> Array:
        return _residual(p, energy_ev, seen) / scale

    starts = ([gap_ev + 0.02, binding, 0.025] for binding in (0.015, 0.04, 0.08))
    fits = [least_squares(left, start, bounds=(low, high)) for start in starts]
    best = min(fits, key=lambda fit: float(fit.cost))
    if not best.success or np.any(best.active_mask):
        raise Refused("the Elliott fit ended at a bound or did not converge: no exciton with its continuum is here")
    residual = float(np.sqrt(2 * best.cost / (energy_ev.size - 6)))
    jacobian = np.asarray(best.jac, dtype=float)
    covariance = np.linalg.inv(jacobian.T @ jacobian) * residual**2
    gap, binding = (Value(value=float(best.x[k]), sd=float(np.sqrt(covariance[k, k]))) for k in (0, 1))
    flags = ("film", "misfit") if residual > 0.02 else ("film",)
    return Film(method="elliott", gap_ev=gap, binding_ev=binding, flags=flags)


def _residual(p: Array, energy_ev: Array, seen: Array) -> Array:
    """Return what is left once strength, offset and slope beneath are solved for."""
    basis = np.stack([elliott_curve(energy_ev, *p), np.ones_like(energy_ev), energy_ev - energy_ev[0]], axis=1)
    return np.asarray(seen - basis @ np.linalg.lstsq(basis, seen, rcond=None)[0])


def elliott_curve(energy_ev: Array, gap_ev: float, binding_ev: float, width_ev: float) -> Array:
    """Return Elliott's absorption (Phys. Rev. 1957, 108, 1384) of unit strength, broadened by sech(E/width)."""
    total = np.zeros(energy_ev.shape)
    for n in range(1, BOUND_STATES + 1):
        total += 2 * binding_ev / n**3 * _sech((energy_ev - gap_ev + binding_ev / n**2) / width_ev)
    above = np.linspace(1e-4, 1.0, SUBDIVISIONS) ** 2 * (max(float(energy_ev.max()) - gap_ev, 0.0) + 10 * width_ev)
    enhanced = 1.0 / -np.expm1(-2 * np.pi * np.sqrt(binding_ev / above))
    total += _sech((energy_ev[:, None] - gap_ev - above) / width_ev) @ (enhanced * np.gradient(above))
    return np.asarray(total / energy_ev / (np.pi * width_ev))


def _sech(x: Array) -> Array:
    return np.asarray(1.0 / np.cosh(np.clip(x, -300, 300)))


def _rising(wavelength_nm: Array, absorbance: Array) -> tuple[Array, Array]:
    good = np.isfinite(wavelength_nm) & np.isfinite(absorbance)
    if good.sum() < FEWEST or np.any(wavelength_nm[good] <= 0):
        raise Refused(f"{good.sum()} finite points on a positive axis in nm; a film's edge needs {FEWEST}")
    energy_ev = HC_EV_NM / wavelength_nm[good]
    order = np.argsort(energy_ev)
    return energy_ev[order], absorbance[good][order]
