"""What one block of a spectrometer's file holds, in nm and in one of three quantities, and how it becomes counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sdl.errors import Refused
from sdl.spectra.types import Kind, Role, Spectrum

Array = NDArray[np.float64]
Quantity = Literal["counts", "absorbance", "transmittance"]

SHORTEST_NM, LONGEST_NM = 150.0, 3000.0
"""What spectrometers with a grating and a silicon or InGaAs detector cover; beyond it the unit is wrong."""
FEWEST = 3
"""A spectrum has at least this many pixels: an absorbance plate reader has four bands."""
QUIETEST_A = 2e-5
"""The least noise that a file's absorbance is given: the rounding of its last printed digit; chosen."""
LN10 = math.log(10.0)
FULL_SCALE = 65535.0
"""Counts of a 16-bit converter, the widest of the instruments here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One spectrum of a file. All arrays are ``(w,)``, in the file's own order; NaN marks a missing pixel.

    ``transmittance`` runs from 0 to 1. ``dark`` and ``reference`` are counts that the file itself carries. ``form``
    names the layout; ``label`` the block where a file has several; ``flags`` what is wrong with the file. With
    ``given_lamp_e`` absorbance becomes counts of that lamp, so that several files can be compared.
    """

    form: str
    wavelength_nm: Array
    quantity: Quantity
    values: Array
    dark: Array | None = None
    reference: Array | None = None
    instrument: str = ""
    integration_ms: float = math.nan
    averages: int = 1
    label: str = ""
    flags: tuple[str, ...] = ()
    given_lamp_e: float = 0.0

    def __post_init__(self) -> None:
        w = self.wavelength_nm
        if w.size < FEWEST:
            raise Refused(f"{w.size} pixels are no spectrum; export the whole range")
        if not np.all(np.isfinite(w)) or w.min() < SHORTEST_NM or w.max() > LONGEST_NM:
            raise Refused(
                f"wavelengths run from {np.nanmin(w):g} to {np.nanmax(w):g} nm, outside {SHORTEST_NM:g} .. "
                f"{LONGEST_NM:g} nm; export in nm, or name the unit in the column's header"
            )
        steps = np.diff(w)
        if not (np.all(steps > 0) or np.all(steps < 0)):
            why = "hold duplicates" if np.any(steps == 0) else "neither rise nor fall throughout: rows are shuffled"
            raise Refused(f"wavelengths {why}; export the file again")
        if not np.isfinite(self.values).any():
            raise Refused("not one value is a number; export the file again")

    @property
    def absorbance(self) -> Array | None:
        """Return absorbance as far as the file tells it, ``(w,)``; None for counts without a reference."""
        if self.quantity == "absorbance":
            return self.values
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.quantity == "transmittance":
                return np.where(self.values > 0, -np.log10(self.values), np.nan)
            if self.reference is None:
                return None
            dark = 0.0 if self.dark is None else self.dark
            ratio = (self.values - dark) / (self.reference - dark)
            return np.where(ratio > 0, -np.log10(ratio), np.nan)

    @property
    def kind(self) -> Kind:
        """Return which light path this is: counts without a reference are taken as emission."""
        return "pl" if self.absorbance is None else "absorption"

    def spectrum(self, role: Role, *, kind: Kind, time_s: float = 0.0) -> Spectrum | None:
        """Return the sample, dark or blank of this recording as counts; None for what the file does not hold.

        Absorbance and transmittance become the counts of a lamp whose shot noise is the noise that the file shows, so
        that standard deviations follow from the file itself.
        """
        counts = self._counts(role)
        if counts is None:
            return None
        given = self.quantity == "counts"
        return Spectrum(
            kind=kind,
            role=role,
            wavelength_nm=self.wavelength_nm,
            counts=counts,
            time_s=time_s,
            instrument=self.instrument or self.form,
            averages=max(self.averages, 1) if given else 1,
            integration_ms=self.integration_ms if math.isfinite(self.integration_ms) else 0.0,
            full_well=self.full_well if given else math.inf,
        )

    @property
    def full_well(self) -> float:
        """Return the counts at which this file is clipped: its flat top, else full scale of 16 bits."""
        top = float(np.nanmax(self.values))
        flat = np.flatnonzero(self.values == top)
        return top if top > 1000.0 and np.any(np.diff(flat) == 1) and flat.size >= FEWEST else FULL_SCALE

    @property
    def lamp_e(self) -> float:
        """Return the electrons of a lamp whose shot noise, in blank and sample, is the noise of this absorbance."""
        absorbance = self.absorbance
        if self.given_lamp_e or absorbance is None:
            return self.given_lamp_e
        return 2.0 / (LN10 * noise(absorbance)) ** 2

    def _counts(self, role: Role) -> Array | None:
        if self.quantity == "counts":
            return {"dark": self.dark, "blank": self.reference}.get(role, self.values)
        if role == "dark":
            return np.zeros(self.values.shape)
        absorbance = self.absorbance
        assert absorbance is not None
        lamp = self.lamp_e
        if role == "blank":
            return np.full(self.values.shape, lamp)
        return np.asarray(lamp * 10.0**-absorbance)


def noise(values: Array) -> float:
    """Return the sd of a curve's pixel noise from its second differences, robustly and not below the last digit.

    The lower quartile of 16 stretches is taken, so that the steep parts of a spectrum do not pass as noise.
    """
    bends = np.abs(np.diff(values[np.isfinite(values)], 2))
    if bends.size < 2 * FEWEST:
        return 1e-3
    stretches = min(16, bends.size // 4 or 1)
    whole = bends[: bends.size - bends.size % stretches].reshape(stretches, -1)
    quiet = np.sort(np.median(whole, axis=1))
    return max(QUIETEST_A, 1.4826 * float(quiet[stretches // 4]) / math.sqrt(6.0))
