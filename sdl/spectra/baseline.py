"""Offset, tilt and scatter beneath a colloid's absorbance, found where its crystals are clear; many spectra at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdl.spectra.counts import Array

CLEAR_NM = (560.0, 650.0)
"""Where no crystal of CsPbBr3 absorbs: bulk edge 2.3 eV, so all that is seen is scatter and drift."""
JUMP = 0.04
"""Offset in the clear range that means a bubble or a drop (spectra_analysis, section 1, has 0.05)."""
ROUGH = 4.0
"""Ratio of noise in the clear range to shot and read noise that means a bubble or an unsteady lamp."""
DRIFT = 3e-3
"""Sd of the reader's tilt over 175 nm between blank and sample; chosen, usual for a fibre spectrometer."""
DRIFTED = 0.02
"""Offset or tilt between blank and sample that is called lamp drift: 5 % of the lamp, seven usual sds."""
FLAT = 0.012
"""Absorbance above the clear range that a colloid worth a read has somewhere; a bubble without it is mere air."""
COLLOID = (4e-3, 3e-3)
"""Mean and sd of the scatter at 400 nm: half-normal of scale 5e-3, since a clear colloid scatters 0 to 0.01; chosen."""
SOLUTION = (0.0, 5e-4)
"""The same for a dye in true solution: Rayleigh scattering of a solvent is in the blank already; chosen."""
TURBID_SD = 0.1
"""Sd of the scatter at 400 nm once the clear range shows that the sample is turbid; chosen."""
SURPRISE = 12.0
"""Chi-square of two prior terms beyond which a clear colloid is not believed (0.25 % of clear ones)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The baselines of ``n`` spectra.

    ``beneath`` and its ``sd`` are ``n x w``; ``rough``, noise in the clear range over the expected one, is ``(n,)``.
    """

    beneath: Array
    sd: Array
    rough: Array
    flags: list[tuple[str, ...]]


def level(wavelength_nm: Array, raw: Array, noise: Array, scatter: tuple[float, float]) -> Level:
    """Fit offset, tilt and scatter ~ lambda^-4 in the clear range of ``raw``, ``n x w``, under priors.

    ``scatter`` is mean and sd of what the liquid may scatter at 400 nm. Tilt and scatter look alike over 90 nm; the
    priors share them out, and the sd keeps what stays unknown.
    """
    basis = np.stack([np.ones_like(wavelength_nm), (wavelength_nm - 600.0) / 175.0, (wavelength_nm / 400.0) ** -4])
    clear = (wavelength_nm >= CLEAR_NM[0]) & (wavelength_nm <= CLEAR_NM[1])
    seen, sd = raw[:, clear], noise[:, clear]
    good = np.isfinite(seen) & np.isfinite(sd)
    weight = np.where(good, 1.0 / np.where(good, sd, 1.0) ** 2, 0.0)
    seen = np.where(good, seen, 0.0)
    found, covariance, given = _posterior(basis[:, clear].T, seen, weight, scatter, scatter[1])
    turbid = given >= SURPRISE
    if turbid.any():
        of_turbid = _posterior(basis[:, clear].T, seen[turbid], weight[turbid], scatter, TURBID_SD)
        found[turbid], covariance[turbid], _ = of_turbid
    residual = seen - found @ basis[:, clear]
    number = good.sum(axis=1)
    rough = np.where(number > 10, np.sqrt(np.sum(residual**2 * weight, axis=1) / np.maximum(number, 1)), 1.0)
    beneath = found @ basis
    pairs = (basis[:, None, :] * basis[None, :, :]).reshape(9, -1)
    return Level(
        beneath=beneath,
        sd=np.sqrt(np.maximum(covariance.reshape(-1, 9) @ pairs, 0.0)),
        rough=rough,
        flags=[
            _said(bool(t), f, float(r), row - under, int(n))
            for t, f, r, row, under, n in zip(turbid, found, rough, raw, beneath, number, strict=True)
        ],
    )


def _posterior(
    design: Array, seen: Array, weight: Array, scatter: tuple[float, float], scatter_sd: float
) -> tuple[Array, Array, Array]:
    """Return coefficients ``n x 3``, their covariances, and how much the priors had to give, ``(n,)``."""
    mean, precision = np.array([0.0, 0.0, scatter[0]]), np.array([1.0, DRIFT**-2, scatter_sd**-2])
    squares = (design[:, :, None] * design[:, None, :]).reshape(design.shape[0], 9)
    covariance = np.linalg.inv((weight @ squares).reshape(-1, 3, 3) + np.diag(precision))
    right = (weight * (seen - design @ mean)) @ design
    moved = np.einsum("nij,nj->ni", covariance, right)
    return np.asarray(mean + moved), np.asarray(covariance), np.asarray((moved[:, 1:] ** 2) @ precision[1:])


def _said(turbid: bool, found: NDArray[np.float64], rough: float, above: Array, number: int) -> tuple[str, ...]:
    flags = (["turbid"] if turbid else []) + ([] if number else ["truncated"])
    if number and (abs(found[0]) > JUMP or rough > ROUGH):
        flags.append("bubble")
        if not np.nanpercentile(above, 95) > FLAT:
            flags.append("probe_in_air")
    elif abs(found[0]) > DRIFTED or abs(found[1]) > DRIFTED:
        flags.append("lamp_drift")
    return tuple(flags)
