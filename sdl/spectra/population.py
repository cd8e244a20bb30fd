"""The full-spectrum fit: excitons of a population of edge lengths, their continuum, and scatter beneath them.

Each size of a normal population of edges, weighted by volume, has two excitons with a steeper red than blue side, a
third broad line and a logistic continuum, all of which move with its X1. What is linear in the model is solved exactly
at every step (variable projection); the eight other parameters are found by Levenberg-Marquardt under priors, with the
model and all its derivatives in one vectorised evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdl.spectra.absorption import Absorbance
from sdl.spectra.counts import Array
from sdl.spectra.sizing import (
    GAP_EV,
    GAP_POWER,
    REFERENCE_C,
    THERMAL_EV_PER_K,
    confinement_ev,
    edge_from_x1_nm,
    edges_nm,
    homogeneous_ev,
)
from sdl.spectra.types import Value
from sdl.units import FWHM_PER_SD, HC_EV_NM

STEP_EV = 4e-3
"""Pixels are averaged to this: a twentieth of the narrowest line."""
RED_EV, BLUE_EV = 2.28, 0.50
"""The fit begins below the bulk edge and ends so far above X1: X2 and the onset of what is above it are inside."""
FEWEST, COARSEST_EV = 40, 0.02
"""Points that nine times as many unknowns as parameters need, and their largest distance."""
LARGEST_NM = 9.0
"""Above this edge the sizing curve is too flat to spread a population over energy: it is held."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
MODEL_ERROR = 0.05
"""Sd of what the model cannot follow at one point, over the height of X1; measured on four line shapes that are not
the model's (``tests/spectra/crystals.py``): with it the stated 95 % intervals hold the truth 96 % of the time."""
X2_SD_EV = 0.016
"""What the unknown third line and onset add to X2, measured as `MODEL_ERROR`."""
X1_ASTRAY = 0.87
"""How much of its sd X1 has by `MODEL_ERROR`, which is one for all parameters: a strange line moves widths more.
Without it 99.7 % of the X1 of populations narrower than 7 % lay in their 95 % interval (seeds 100,000 to 100,899 of
``benchmarks/spectra.py``)."""
BROAD_X1_PER_EV, BROAD_DISPERSION = 70.0, 0.1
"""What a population that is no Gaussian adds to the sds: to X1 70/eV times the square of its way from the volume mean
to the number mean, to the dispersion a tenth of itself, both at a dispersion of 0.1 and in proportion to it. Measured
on dispersions up to 0.2, and on the virtual lab's skewed populations, whose X1 is found 10 meV too red."""
START = {
    "x1": 0.0,
    "ln_dispersion": float(np.log(0.07)),
    "ln_width": 0.0,
    "gap": 0.0,
    "onset": 0.15,
    "ln_steepness": float(np.log(0.05)),
    "ln_x2_width": float(np.log(1.5)),
    "skew": 0.02,
}
"""What is expected before a spectrum is seen, energies in eV: X1 from its derivative; dispersion as SAXS finds it
(Ye 2024, 10.1039/d4cs00077c); gap from `x2_gap_ev`; onset, steepness, widths over X1's, and skew chosen."""
SPREAD = np.array([0.04, 0.5, 0.12, 0.02, 0.035, 0.4, 0.2, 0.06])
"""Their sds: 17 meV of curve and what derivatives miss; a factor of 1.6; 12 % of the width; 12 meV and more of the gap
(Li 2019, 10.1039/c9sc01339c, Table 1); the rest chosen."""
AMPLITUDE = np.array([1.0, 0.6, 0.3, 1.0, 1.0, 0.0, 0.0])
AMPLITUDE_SD = np.array([1.0, 1.0, 0.4, 2.0, 2.0, 0.02, 0.02])
"""Heights over X1's of X1, X2, third line, continuum, its slope per eV, scatter and offset: all but free; chosen."""
THIRD, THIRD_WIDER = 1.55, 1.3
"""Where the third line is, in units of X2 - X1, and how much wider than X2: between the 1.45 and 1.6 that two lines of
the published spectra of small spheroids suggest; chosen."""
LN_DISPERSION = (-5.0, -1.0)
"""Dispersions from 0.7 to 37 %: beyond, the nodes meet or cross zero."""
REFERENCE_EV = 3.1
"""Where scatter has the height of its amplitude: 400 nm."""
MOVED = ((0, 1, 2, 3, 8), (0, 1, 2, 3, 4, 7), (0, 1, 2, 5, 6))
"""Of a parameter set and its eight neighbours, those in which X1, X2 and what is above it, and the continuum differ."""
ITERATIONS, SETTLED = 80, 0.01
"""Most steps: one spectrum in a hundred creeps along a bent valley for 25 and more; and the foreseen gain in
chi-square, a tenth of an sd, below which the fit has settled."""
WELL_FORESEEN, BADLY_FORESEEN = 0.75, 0.35
"""Gain over what was foreseen above which the damping falls and below which it rises (Marquardt; chosen)."""
LEAST_LINE = 0.2
"""X1 must make up so much of the absorbance at X1: of 2,000 generated colloids none has less than 0.3; chosen."""
FOLLOWED = 0.42
"""Misfit from which the spectrum is not one population's: 300 single ones stay below 0.33, most mixtures do not."""
ASTRAY_EV = 0.035
"""A fit this far from the second derivative has found another line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """What the fit found. Energies in eV.

    ``x1`` and ``x2`` are means over the population as absorption weighs it, by volume; ``x1_of_mean`` belongs to the
    crystal of number-mean edge; ``dispersion`` is the sd of the edge over its mean; ``width`` the homogeneous FWHM;
    ``misfit`` the rms residual beyond the noise, in units of `MODEL_ERROR`.
    """

    x1: Value
    x1_of_mean: Value
    x2: Value
    dispersion: Value
    width: Value
    misfit: float


def population(
    absorbance: Absorbance, x1_ev: float, temperature_c: float = REFERENCE_C
) -> tuple[Population | None, tuple[str, ...]]:
    """Fit the spectrum around ``x1_ev``, the exciton as its derivative shows it; None and a flag where that fails.

    Flags: ``misfit`` where the fit did not settle or left the line, ``mixture`` where one population cannot follow.
    """
    energy_ev, seen, noise = _binned(absorbance, x1_ev)
    if energy_ev.size < FEWEST or np.max(np.diff(energy_ev)) > COARSEST_EV or energy_ev[-1] < x1_ev + BLUE_EV / 2:
        return None, ("sparse",)
    height = float(np.interp(x1_ev, energy_ev, seen))
    if not height > 0:
        return None, ("misfit",)
    fit = _Fit.of(energy_ev, seen / height, noise / height, x1_ev, temperature_c)
    found = fit.solved()
    if found is None or abs(found.x1.value - x1_ev) > ASTRAY_EV:
        return None, ("misfit",)
    return found, ("mixture",) if found.misfit > FOLLOWED else ()


def _binned(absorbance: Absorbance, x1_ev: float) -> tuple[Array, Array, Array]:
    """Return rising energies, absorbance and noise averaged to `STEP_EV`, each ``(n,)``."""
    energy_ev = HC_EV_NM / absorbance.wavelength_nm
    good = np.isfinite(absorbance.values) & np.isfinite(absorbance.sd)
    good &= (energy_ev > RED_EV) & (energy_ev < x1_ev + BLUE_EV)
    if not absorbance.usable or good.sum() < 2:
        return (np.empty(0),) * 3
    energy_ev, seen, sd = (a[good][::-1] for a in (energy_ev, absorbance.values, absorbance.sd))
    start = np.flatnonzero(np.diff(((energy_ev - energy_ev[0]) / STEP_EV).astype(int), prepend=-1))
    number = np.diff(start, append=energy_ev.size)
    return (
        np.add.reduceat(energy_ev, start) / number,
        np.add.reduceat(seen, start) / number,
        np.sqrt(np.add.reduceat(sd**2, start)) / number,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Members:
    """The sizes of ``m`` populations: volume weight, X1 and X2 - X1, ``m x 7``; X1 of the mean crystal, ``m x 1``."""

    weight: Array
    x1_ev: Array
    gap_ev: Array
    x1_of_mean_ev: Array

    @classmethod
    def of(cls, theta: Array, warm_ev: float) -> _Members:
        line_ev, spread = theta[:, :1], np.exp(np.clip(theta[:, 1:2], *LN_DISPERSION))
        mean_nm = np.minimum(edges_nm(line_ev - warm_ev), LARGEST_NM) / (1 + 3 * spread**2)
        edge_nm = mean_nm * np.clip(1 + spread * NODES, 0.3, None)
        weight = WEIGHTS * edge_nm**3
        weight = weight / weight.sum(axis=1, keepdims=True)
        confined = confinement_ev(edge_nm)
        shift_ev = line_ev - (weight * confined).sum(axis=1, keepdims=True)
        return cls(
            weight=weight,
            x1_ev=confined + shift_ev,
            gap_ev=GAP_EV * edge_nm**-GAP_POWER + theta[:, 3:4],
            x1_of_mean_ev=confinement_ev(mean_nm) + shift_ev,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """One spectrum in units of its height at X1, ``(n,)``, and what is expected of its parameters."""

    energy_ev: Array
    seen: Array
    weight: Array
    expected: Array
    warm_ev: float

    @classmethod
    def of(cls, energy_ev: Array, seen: Array, noise: Array, x1_ev: float, temperature_c: float) -> _Fit:
        edge_nm = min(edge_from_x1_nm(x1_ev, temperature_c), LARGEST_NM)
        found = {"x1": x1_ev, "ln_width": float(np.log(homogeneous_ev(np.array(edge_nm))))}
        return cls(
            energy_ev=energy_ev,
            seen=seen,
            weight=1.0 / np.hypot(noise, MODEL_ERROR),
            expected=np.array(list((START | found).values())),
            warm_ev=THERMAL_EV_PER_K * (temperature_c - REFERENCE_C),
        )

    def solved(self) -> Population | None:
        """Run Levenberg-Marquardt; None where it does not settle, or settles on something without a line."""
        theta, damping = self.expected, 1e-2
        steps = np.diag(1e-3 * SPREAD)
        residuals = self._residuals(np.vstack([theta, theta + steps]))
        for _ in range(ITERATIONS):
            slopes = (residuals[1:] - residuals[0]) / steps.diagonal()[:, None]
            slope, curvature = slopes @ residuals[0], slopes @ slopes.T
            move = np.linalg.solve(curvature + damping * np.diag(curvature.diagonal()), slope)
            foreseen, square = float(slope @ move), float(residuals[0] @ residuals[0])
            if foreseen < SETTLED:
                line = self._amplitudes(self._basis(theta[None]) * self.weight[:, None])[0, 0, 0]
                return self._population(theta, steps, curvature, residuals[0]) if line > LEAST_LINE else None
            trial = theta - move
            tried = self._residuals(np.vstack([trial, trial + steps]))
            gained = (square - float(tried[0] @ tried[0])) / foreseen
            damping *= 0.1 if gained > WELL_FORESEEN else 1.0 if gained > BADLY_FORESEEN else 10.0
            if gained > 0:
                theta, residuals = trial, tried
        return None

    def _residuals(self, theta: Array) -> Array:
        """Return for ``m x 8`` parameters the weighted residuals and what the priors had to give, ``m x r``."""
        basis = self._basis(theta) * self.weight[:, None]
        amplitude = self._amplitudes(basis)
        return np.concatenate(
            [
                self.seen * self.weight - (basis @ amplitude)[..., 0],
                (amplitude[..., 0] - AMPLITUDE) / AMPLITUDE_SD,
                (theta - self.expected) / SPREAD,
            ],
            axis=1,
        )

    def _amplitudes(self, basis: Array) -> Array:
        """Solve for what is linear under its priors, ``m x 7 x 1``; ``basis`` is weighted."""
        precision = AMPLITUDE_SD**-2.0
        turned = basis.transpose(0, 2, 1)
        right = turned @ (self.seen * self.weight) + precision * AMPLITUDE
        return np.linalg.solve(turned @ basis + np.diag(precision), right[..., None])

    def _basis(self, theta: Array) -> Array:
        """Return what the amplitudes multiply, ``m x n x 7``."""
        members = _Members.of(theta, self.warm_ev)
        width, onset, steepness, wider, skew = (theta[:, k, None, None] for k in (2, 4, 5, 6, 7))
        gap_ev, weight = members.gap_ev[:, :, None], members.weight[:, None, :]
        sd = np.exp(width) / FWHM_PER_SD
        second = sd * np.exp(wider)
        above = self.energy_ev - members.x1_ev[:, :, None]
        one, two, cont = ([row for row in moved if row < theta.shape[0]] for moved in MOVED)
        side = np.where(above[one] < 0, 1 / (1 - skew[one]), 1 / (1 + skew[one])) / sd[one]
        rise = 1 / (1 + np.exp(np.clip((onset[cont] - above[cont]) / np.exp(steepness[cont]), -40, 40)))
        parts = (
            (one, _bell(above[one] * side)),
            (two, _bell((above[two] - gap_ev[two]) / second[two])),
            (two, _bell((above[two] - THIRD * gap_ev[two]) / (THIRD_WIDER * second[two]))),
            (cont, rise),
            (cont, rise * above[cont]),
        )
        basis = np.empty((theta.shape[0], self.energy_ev.size, AMPLITUDE.size))
        for column, (rows, part) in enumerate(parts):
            whole = (weight[rows] @ part)[:, 0]
            basis[:, :, column] = whole[0]
            basis[rows, :, column] = whole
        basis[..., -2], basis[..., -1] = (self.energy_ev / REFERENCE_EV) ** 4, 1.0
        return basis

    def _population(self, theta: Array, steps: Array, curvature: Array, residuals: Array) -> Population:
        stack = np.vstack([theta, theta + steps])
        members = _Members.of(stack, self.warm_ev)
        x2_ev = stack[:, :1] + (members.weight * members.gap_ev).sum(axis=1, keepdims=True)
        read = np.hstack([stack[:, :1], members.x1_of_mean_ev, x2_ev, np.exp(stack[:, 1:3])])
        slopes = (read[1:] - read[0]) / steps.diagonal()[:, None]
        variance = np.einsum("ij,ik,kj->j", slopes, np.linalg.inv(curvature), slopes)
        broad = float(read[0, 3]) / 0.1
        pull_ev = float(read[0, 1] - read[0, 0])
        variance[:2] = X1_ASTRAY**2 * variance[:2] + (BROAD_X1_PER_EV * broad * pull_ev**2) ** 2
        variance[2] += X2_SD_EV**2
        variance[3] += (BROAD_DISPERSION * broad * read[0, 3]) ** 2
        values = [Value(value=float(v), sd=float(s)) for v, s in zip(read[0], np.sqrt(variance), strict=True)]
        noise = self.weight**-2.0 - MODEL_ERROR**2
        excess = float(np.mean((residuals[: self.energy_ev.size] / self.weight) ** 2 - noise))
        misfit = max(excess, 0.0) ** 0.5 / MODEL_ERROR
        return Population(
            x1=values[0], x1_of_mean=values[1], x2=values[2], dispersion=values[3], width=values[4], misfit=misfit
        )


def _bell(distance: Array) -> Array:
    """Return the Gaussian of ``distance`` in sds, written over it."""
    np.multiply(distance, distance, out=distance)
    distance *= -0.5
    return np.exp(distance, out=distance)
