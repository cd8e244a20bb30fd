"""Quantum yield of a colloid relative to a dye of known yield, from integrated photons and absorbed light."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sdl.spectra.absorption import LN10
from sdl.spectra.types import Value

OD_LOW, OD_HIGH, OD_MISSING = 0.1, 0.2, 0.5
"""OD at the excitation below and above which a yield is flagged (0.1 to 0.2 is the rule of Otero-Martinez 2024), and
from which there is none (bench.md). Below, the yield stands with its larger sd: the error of the OD weighs more."""
OD_SEEN_SD = 3.0
"""Absorbance at the excitation must be this many sd from zero to divide by it; chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bright:
    """One emitter as the reader saw it: emitted photons and absorbance at the excitation, and when (s)."""

    photons: Value
    absorbance: Value
    refractive_index: float
    time_s: float


def quantum_yield(
    sample: Bright, dye: Bright, *, dye_plqy: Value, drift_per_h: float
) -> tuple[Value | None, tuple[str, ...]]:
    """Return the PLQY by Phi = Phi_R (I/I_R) (1-10^-A_R)/(1-10^-A) (n/n_R)^2, and flags.

    The sd holds photons, both absorbances, the dye's own sd and ``drift_per_h``, the relative drift of the excitation
    in the hours between the two reads. No value above an OD of 0.5, without photons, or where the OD is not seen.
    """
    if sample.absorbance.value > OD_MISSING:
        return None, ("od_high",)
    flags: tuple[str, ...] = ("od_high",) if sample.absorbance.value > OD_HIGH else ()
    flags += ("od_low",) if sample.absorbance.value < OD_LOW else ()
    for name, bright in (("sample", sample), ("dye", dye)):
        if bright.absorbance.value < OD_SEEN_SD * bright.absorbance.sd or bright.photons.value <= 0:
            return None, (*flags, "too_dilute" if name == "sample" else "bad_dye")
    ratio = (sample.photons.value / dye.photons.value) * (_absorbed(dye) / _absorbed(sample))
    plqy = dye_plqy.value * ratio * (sample.refractive_index / dye.refractive_index) ** 2
    relative = math.hypot(
        sample.photons.sd / sample.photons.value,
        dye.photons.sd / dye.photons.value,
        _absorbed_rsd(sample),
        _absorbed_rsd(dye),
        dye_plqy.sd / dye_plqy.value,
        drift_per_h * abs(sample.time_s - dye.time_s) / 3600.0,
    )
    return Value(value=plqy, sd=plqy * relative), flags


def _absorbed(bright: Bright) -> float:
    return -math.expm1(-LN10 * bright.absorbance.value)


def _absorbed_rsd(bright: Bright) -> float:
    return LN10 * bright.absorbance.sd * (1 - _absorbed(bright)) / _absorbed(bright)
