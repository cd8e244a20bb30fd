"""The growth law: how edge, X1, emission and yield of one well move in time, by five numbers.

A burst of nuclei is fed by a precursor that is released at first order: the yield rises as ``A (1 - exp(-k t))``. The
number of crystals stays, so that the cube of the edge goes from that of a nucleus to its final one with the released
part; a free power stands for a burst that is not sharp. X1 follows from the edge by the published sizing curve. This
supply-limited picture is that of LaMer and Dinegar 1950 (10.1021/ja01167a001) and Abe et al. 2012 (10.1021/nn3059168).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdl.spectra.sizing import (
    BULK_EV,
    LINEAR_PER_EV_NM,
    QUADRATIC_PER_EV_NM2,
    STOKES_EV,
    STOKES_EV_NM4,
    STOKES_SMALLEST_NM,
)

Array = NDArray[np.float64]

EDGE, RATE, POWER, YIELD, NUCLEUS = range(5)
"""A well's numbers, all logarithms: final edge (nm), release rate (1/s), power, final yield, edge of a nucleus (nm)."""
SIZE = 5

START = np.log([5.0, 1 / 600.0, 1 / 3, 1.0, 1.8])
"""Before any well: 5 nm, 10 min, a constant number of crystals, all of the Cs, nuclei of three lattice cells (chosen:
mid-range of Li 2019, 10.1039/c9sc01339c, whose smallest crystals have 2.6 nm; half an hour of growth in Yang 2024)."""
START_SD = np.array([0.5, 1.5, 0.3, 0.5, 0.3])
"""How little is known before any well: a factor 1.6 in size, 4.5 in rate (chosen: the span of the two papers)."""

SMALLEST_NM, LARGEST_NM = 1.0, 30.0
"""Edges outside are no cube's: less than two lattice cells, and more than any published dot."""
SLOWEST, FASTEST = -20.0, 3.0
"""ln of rates beyond which no clock could follow growth; keeps a bad first step finite."""


def edge_nm(numbers: Array, time_s: Array) -> Array:
    """Return the edge ``(..., t)`` of wells with ``numbers`` ``(..., 5)`` at ``time_s`` ``(t,)`` after injection."""
    power = np.clip(np.exp(numbers[..., POWER, None]), 0.05, 5.0)
    final, nucleus = numbers[..., EDGE, None], numbers[..., NUCLEUS, None]
    part = released(numbers, time_s)
    small = np.exp((nucleus - final) / power)  # in units of the final edge, so that no power overflows
    return np.asarray(np.clip(np.exp(final) * (small + (1 - small) * part) ** power, SMALLEST_NM, LARGEST_NM))


def released(numbers: Array, time_s: Array) -> Array:
    """Return the part of the precursor that is released, ``(..., t)``, above 0."""
    rate = np.exp(np.clip(numbers[..., RATE, None], SLOWEST, FASTEST))
    return np.asarray(np.maximum(-np.expm1(-rate * np.maximum(time_s, 0.0)), 1e-9))


def x1_ev(edge: Array) -> Array:
    """Return X1 in eV of cubes with ``edge`` in nm, at 25 degC; a warmer well counts as a slightly larger edge."""
    return np.asarray(BULK_EV + 1.0 / (QUADRATIC_PER_EV_NM2 * edge**2 + LINEAR_PER_EV_NM * edge))


def stokes_ev(edge: Array) -> Array:
    """Return X1 less emission in eV of cubes with ``edge`` in nm."""
    return np.asarray(STOKES_EV + STOKES_EV_NM4 / np.maximum(edge, STOKES_SMALLEST_NM) ** 4)


def ln_yield(numbers: Array, time_s: Array) -> Array:
    """Return the logarithm of the yield, ``(..., t)``."""
    return np.asarray(numbers[..., YIELD, None] + np.log(released(numbers, time_s)))
