"""Absorption of crystals of many sizes, with line shapes, widths, continuum and background that no fit here assumes.

Five families differ in everything that the analysis must guess: the line, how wide it is, how many excitons there
are, how the continuum rises and what lies beneath it. What they share is the sizing curve of the literature, or the
eight crystals of Li 2019 themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, voigt_profile

Array = NDArray[np.float64]
Family = Literal["sech", "voigt", "phonon", "steps", "slope"]
FAMILIES: tuple[Family, ...] = ("sech", "voigt", "phonon", "steps", "slope")
HC = 1239.842
LI_EDGE_NM = np.array([6.2, 5.0, 4.5, 4.3, 4.0, 3.5, 3.0, 2.6])
LI_SD_NM = np.array([0.3, 0.4, 0.2, 0.2, 0.4, 0.3, 0.2, 0.3])
LI_X1_EV = np.array([2.54, 2.57, 2.60, 2.62, 2.67, 2.71, 2.75, 2.82])
LI_X2_EV = np.array([2.72, 2.79, 2.83, 2.88, 2.94, 3.03, 3.08, 3.19])
"""Li 2019 (10.1039/c9sc01339c), Table 1."""


def curve_ev(edge_nm: Array) -> Array:
    """Return X1 by the joint curve of the literature (``sdl.spectra.sizing``)."""
    return np.asarray(2.3983 + 1 / (0.0960 * edge_nm**2 + 0.6326 * edge_nm))


@dataclass(frozen=True, kw_only=True)
class Crystals:
    """``edge_nm`` is the number mean; widths in eV; ``shift_ev`` moves X1 and ``gap_shift_ev`` X2 off their curves."""

    edge_nm: float = 3.6
    dispersion: float = 0.07
    family: Family = "sech"
    width_ev: float = 0.08
    strength: float = 1.0
    x2_strength: float = 0.55
    onset_ev: float = 0.16
    steepness: float = 1.0
    shift_ev: float = 0.0
    gap_shift_ev: float = 0.0
    slope: float = field(default=0.6)

    @property
    def x1_ev(self) -> float:
        """X1 of the crystal of mean edge."""
        return float(curve_ev(np.array(self.edge_nm))) + self.shift_ev

    @property
    def line_ev(self) -> float:
        """Mean X1 as absorption weighs it: by volume."""
        edge, weight = self.members()
        return float(weight @ curve_ev(edge)) + self.shift_ev

    @property
    def x2_line_ev(self) -> float:
        edge, weight = self.members()
        return float(weight @ (curve_ev(edge) + gap_ev(edge))) + self.shift_ev + self.gap_shift_ev

    def members(self) -> tuple[Array, Array]:
        """Return edges of a log-normal population and weights by volume, whose sum is 1."""
        spread = np.sqrt(np.log1p(self.dispersion**2))
        z = np.linspace(-3.2, 3.2, 23)
        edge = self.edge_nm * np.exp(spread * z - spread**2 / 2)
        weight = np.exp(-(z**2) / 2) * edge**3
        return edge, weight / weight.sum()

    def absorbance(self, wavelength_nm: Array) -> Array:
        """Return absorbance relative to that at 400 nm."""
        energy = HC / wavelength_nm
        return np.asarray(self._curve(energy) / self._curve(np.array([HC / 400.0]))[0])

    def _curve(self, energy: Array) -> Array:
        edge, weight = self.members()
        total = np.zeros(energy.shape)
        for x1, gap, share in zip(
            curve_ev(edge) + self.shift_ev, gap_ev(edge) + self.gap_shift_ev, weight, strict=True
        ):
            total += share * SHAPES[self.family](energy - x1, float(gap), self)
        return total


def gap_ev(edge_nm: Array) -> Array:
    """Return X2 - X1 between the crystals of Li 2019."""
    return np.asarray(np.interp(edge_nm, LI_EDGE_NM[::-1], (LI_X2_EV - LI_X1_EV)[::-1]))


def _sech(above: Array, gap: float, c: Crystals) -> Array:
    lines = 0.36 * c.strength / np.cosh(above / (0.38 * c.width_ev))
    lines += 0.36 * c.x2_strength / np.cosh((above - gap) / (0.6 * c.width_ev))
    rise = np.clip(0.5 + np.arctan((above - c.onset_ev) / (0.05 * c.steepness)) / np.pi - 0.06, 0, None) ** 1.5
    return np.asarray(lines + rise * (0.6 + c.slope * np.clip(above, 0, None)))


def _voigt(above: Array, gap: float, c: Crystals) -> Array:
    def line(centre: float, fwhm: float) -> Array:
        sd, half = 0.85 * fwhm / 2.3548, 0.06 * fwhm
        cut = np.exp(-((np.clip(centre - above, 0, None) / (1.8 * fwhm)) ** 4))
        return np.asarray(voigt_profile(above - centre, sd, half) / voigt_profile(0.0, sd, half) * cut)

    lines = 0.36 * c.strength * line(0.0, c.width_ev) + 0.36 * c.x2_strength * line(gap, 1.5 * c.width_ev)
    lines += 0.15 * line(1.6 * gap, 2.2 * c.width_ev)
    rise = 0.5 * (1 + erf((above - c.onset_ev) / (0.13 * c.steepness)))
    return np.asarray(lines + rise * (0.55 + c.slope * np.clip(above, 0, None) ** 1.3))


def _phonon(above: Array, gap: float, c: Crystals) -> Array:
    def line(centre: float, fwhm: float) -> Array:
        sd = np.where(above < centre, 0.93, 1.07 + 0.1 * c.steepness) * fwhm / 2.3548 / 1.05
        return np.asarray(np.exp(-(((above - centre) / sd) ** 2) / 2))

    lines = 0.36 * c.strength * line(0.0, c.width_ev) + 0.36 * c.x2_strength * line(gap, 1.6 * c.width_ev)
    lines += 0.13 * line(1.45 * gap, 1.8 * c.width_ev)
    rise = 1 / (1 + np.exp(-(above - c.onset_ev - 0.03) / (0.06 * c.steepness)))
    return np.asarray(lines + rise * (0.5 + c.slope * np.clip(above, 0, None)))


def _steps(above: Array, gap: float, c: Crystals) -> Array:
    """Sum over many transitions that widen and crowd with energy: no continuum at all."""
    total = 0.36 * c.strength * np.exp(-((above / c.width_ev * 2.3548) ** 2) / 2)
    total += 0.36 * c.x2_strength * np.exp(-(((above - gap) / c.width_ev * 2.3548 / 1.5) ** 2) / 2)
    for n in range(3, 26):
        centre, sd = gap * (1 + 0.42 * (n - 2)), c.width_ev / 2.3548 * (1.9 + 0.25 * n)
        height = 0.26 * (1 + 0.1 * c.slope * n)
        total += height * np.exp(-(((above - centre) / sd) ** 2) / 2)
    return np.asarray(total)


def _slope(above: Array, gap: float, c: Crystals) -> Array:
    """Weak lines on a continuum that is half as high as they are beneath X1, and ends at the edge as it must."""
    lines = 0.34 * c.strength * np.exp(-((above / c.width_ev * 2.3548) ** 2) / 2)
    lines += 0.3 * c.x2_strength * np.exp(-(((above - gap) / c.width_ev * 2.3548 / 1.6) ** 2) / 2)
    rise = 1 / (1 + np.exp(-(above - c.onset_ev + 0.03) / (0.09 * c.steepness)))
    rise = rise / (1 + np.exp(-(above + 0.1) / 0.018))
    return np.asarray(lines + rise * (0.7 + c.slope * np.clip(above, 0, None)))


SHAPES: dict[Family, Callable[[Array, float, Crystals], Array]] = {
    "sech": _sech,
    "voigt": _voigt,
    "phonon": _phonon,
    "steps": _steps,
    "slope": _slope,
}


def random_crystals(
    rng: np.random.Generator, *, edge_nm: tuple[float, float] = (2.8, 6.2), most: float = 0.12
) -> Crystals:
    """Draw one population: any family, width, strength, onset; off the curves by their published scatter."""
    edge = rng.uniform(*edge_nm)
    return Crystals(
        edge_nm=edge,
        dispersion=rng.uniform(0.03, most),
        family=FAMILIES[rng.integers(len(FAMILIES))],
        width_ev=(0.060 + 0.06 / edge) * rng.uniform(0.85, 1.15),
        strength=(0.75 + 0.9 / edge) * rng.uniform(0.8, 1.2),
        x2_strength=rng.uniform(0.4, 0.8),
        onset_ev=rng.uniform(0.12, 0.19),
        steepness=rng.uniform(0.8, 1.3),
        shift_ev=rng.normal(0, 0.017),
        gap_shift_ev=rng.normal(0, 0.01),
        slope=rng.uniform(0.3, 0.9),
    )
