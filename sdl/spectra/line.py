"""One emission line: ln I over photon energy is a polynomial, whose maximum, crossings and skew are read with their sd.

The fit is per eV, where a line has its natural shape; the Jacobian dE/dlambda = hc/lambda^2 takes counts per nm there
and the fitted curve back, since colour and targets use the curve per nm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdl.spectra.counts import Array
from sdl.spectra.types import Value
from sdl.units import HC_EV_NM

Index = NDArray[np.intp]

ORDER = 5
"""Order of the polynomial in ln I: with 4 the peak of a skewed sech is 0.07 nm off, with 5 less than 0.01 nm."""
STEPS, LAST_GAIN = 8, 1e-3
"""Most Gauss-Newton steps, and the gain in chi-square that ends them: from a smoothed start two or three suffice."""
DRAWS = 64
"""Draws of the fit's coefficients: 9 % error of an sd."""
STEP_NM, STEP_EV = 0.1, 6e-4
"""Grids on which the fitted curve is searched for its maximum and crossings, both interpolated."""
BEYOND = 0.15
"""How far beyond the fitted part a crossing may be, in units of half of it."""
LOST = 0.2
"""Part of the draws that may lack a half maximum before the width is not believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """``peak`` and ``fwhm`` in nm of the curve per nm; ``width`` in eV and ``skew`` of the curve per eV.

    ``skew`` is (red half width - blue half width)/FWHM: 0 for a symmetric line, positive with a red tail.
    """

    peak: Value
    fwhm: Value
    width: Value
    skew: Value


def line(wavelength_nm: Array, per_nm: Array, variance: Array, start: Array) -> Line | None:
    """Fit the line of ``per_nm`` photons, ``(w,)``, from the positive curve ``start``; None where no line is found."""
    energy_ev = HC_EV_NM / wavelength_nm
    per_ev = wavelength_nm**2 / HC_EV_NM
    seen, noise, start = per_nm * per_ev, variance * per_ev**2, start * per_ev
    middle, half = float(energy_ev.mean()), float(np.ptp(energy_ev)) / 2
    basis = np.vander((energy_ev - middle) / half, ORDER + 1, increasing=True)
    fitted = _coefficients(basis, seen, noise, start)
    if fitted is None:
        return None
    draws = np.vstack([fitted[0], _draws(*fitted)])
    reach_ev = middle + half * (1 + BEYOND) * np.array([1.0, -1.0])
    nm_grid = np.arange(HC_EV_NM / reach_ev[0], HC_EV_NM / reach_ev[1], STEP_NM)
    ev_grid = np.arange(reach_ev[1], reach_ev[0], STEP_EV)
    fitted_ev = (middle - half, middle + half)
    fitted_nm = (HC_EV_NM / fitted_ev[1], HC_EV_NM / fitted_ev[0])

    def curves(at_ev: Array) -> Array:
        powers = np.vander((at_ev - middle) / half, ORDER + 1, increasing=True)
        return np.asarray(np.exp(np.clip(draws @ powers.T, -700.0, 700.0)))

    peak, blue, red = _crossings(nm_grid, curves(HC_EV_NM / nm_grid) / nm_grid**2, fitted_nm)
    top, low, high = _crossings(ev_grid, curves(ev_grid), fitted_ev)
    width = high - low
    read = (peak, red - blue, width, ((top - low) - (high - top)) / width)
    if not all(np.isfinite(r[0]) for r in read) or np.isnan(read[1] + read[2]).mean() > LOST:
        return None
    peak_v, fwhm_v, width_v, skew_v = (Value(value=float(r[0]), sd=float(np.nanstd(r[1:]))) for r in read)
    return Line(peak=peak_v, fwhm=fwhm_v, width=width_v, skew=skew_v)


def _coefficients(basis: Array, seen: Array, noise: Array, start: Array) -> tuple[Array, Array] | None:
    """Fit exp(basis @ c) with counting weights; return coefficients and covariance."""
    found = np.linalg.lstsq(basis * start[:, None], np.log(start) * start, rcond=None)[0]
    for _ in range(STEPS):
        model = np.exp(np.clip(basis @ found, -700.0, 700.0))
        slope = basis * model[:, None]
        information = slope.T @ (slope / noise[:, None])
        pull = slope.T @ ((seen - model) / noise)
        move = np.linalg.solve(information, pull)
        found = found + move
        if not np.isfinite(found).all() or float(pull @ move) < LAST_GAIN:
            break
    if not np.isfinite(found).all() or np.abs(basis @ (found - found[0] * np.eye(found.size)[0])).max() > 50:
        return None
    misfit = float((seen - np.exp(basis @ found)) ** 2 @ (1 / noise)) / (seen.size - ORDER - 1)
    covariance = np.linalg.inv(information) * max(1.0, misfit)
    return np.asarray(found, dtype=float), np.asarray(covariance, dtype=float)


def _draws(found: Array, covariance: Array) -> Array:
    """Return the same draws every time: the same spectrum always has the same sd."""
    return np.random.default_rng(0).multivariate_normal(found, covariance, size=DRAWS, method="cholesky")


def _crossings(x: Array, curves: Array, fitted: tuple[float, float]) -> tuple[Array, Array, Array]:
    """Return maximum, lower and upper half-maximum crossing of ``n x g`` curves, each ``(n,)``; NaN without."""
    rows, index = np.arange(curves.shape[0]), np.arange(x.size)
    inner = (x > fitted[0]) & (x < fitted[1])
    top = np.argmax(np.where(inner, curves, -np.inf), axis=1)
    left, centre, right = (curves[rows, np.clip(top + k, 0, x.size - 1)] for k in (-1, 0, 1))
    curve = left - 2 * centre + right
    shift = np.divide(0.5 * (left - right), curve, out=np.zeros_like(curve), where=curve < 0)
    height = centre - 0.25 * (left - right) * shift
    low = curves < height[:, None] / 2
    before = low & (index < top[:, None])
    after = low & (index > top[:, None])
    i = x.size - 1 - np.argmax(before[:, ::-1], axis=1)
    j = np.argmax(after, axis=1)
    lower = _between(x, curves, rows, np.where(before.any(axis=1), i, 0), height / 2)
    upper = _between(x, curves, rows, np.where(after.any(axis=1), j - 1, 0), height / 2)
    lower[~before.any(axis=1)] = np.nan
    upper[~after.any(axis=1)] = np.nan
    return x[top] + (x[1] - x[0]) * shift, lower, upper


def _between(x: Array, curves: Array, rows: Index, start: Index, level: Array) -> Array:
    here, there = curves[rows, start], curves[rows, start + 1]
    return np.asarray(x[start] + (level - here) / (there - here) * (x[start + 1] - x[start]))
