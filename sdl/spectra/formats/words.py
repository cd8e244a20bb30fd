"""What the words in a header mean: the unit of an axis, and what a column holds."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np

from sdl.spectra.formats.recording import Array, Quantity
from sdl.units import HC_EV_NM

Column = Literal["wavelength", "sample", "dark", "reference", "absorbance", "transmittance", "processed", "other"]

_COLUMNS: tuple[tuple[Column, str], ...] = (
    ("wavelength", r"wave|^w$|lambda|λ|^nm$|longitud|longueur|wellenl|^x$|energy|^ev$"),
    ("dark", r"dark|^d$|oscur|dunkel"),
    ("reference", r"ref|white|blank|lamp|^r$"),
    ("absorbance", r"abs(?!olute)|^a$|^od$|optical density|extinct"),
    ("transmittance", r"trans|%t|^t$"),
    ("sample", r"sample|scope|^s$|count|intens|signal|fluor|emission|^pl$|muestra"),
    ("processed", r"^p$|processed"),
)
_UNITS: tuple[tuple[str, str], ...] = (
    ("1/cm", r"1/cm|cm-1|cm\^-1|wavenumber"),
    ("um", r"micro|(?<![a-z])um(?![a-z])|µm|μm"),
    ("angstrom", r"ngstr|å"),
    ("eV", r"(?<![a-z])ev(?![a-z])|electron.?volt"),
)
PERCENT = 1.5
"""A transmittance whose median is above this is in percent: 1.5 would be a sample that amplifies; chosen."""
MANY = 15.0
"""Numbers above this are counts where nobody says what they are; no spectrometer reads such an absorbance."""


def column_of(name: str) -> Column:
    """Return what a column of this name holds."""
    plain = name.strip().strip('"').lower()
    return next((column for column, pattern in _COLUMNS if re.search(pattern, plain)), "other")


def in_nm(x: Array, unit: str) -> Array:
    """Return an axis in nm; without a known unit it is taken as nm."""
    plain = unit.lower()
    found = next((name for name, pattern in _UNITS if re.search(pattern, plain)), "nm")
    with np.errstate(divide="ignore"):
        return {"nm": x, "um": x * 1e3, "angstrom": x / 10, "eV": HC_EV_NM / x, "1/cm": 1e7 / x}[found]


def quantity_of(words: str, values: Array) -> tuple[Quantity, float]:
    """Return what ``values`` are by their header, and the factor that brings them to 0..1 or leaves them."""
    said = column_of(words)
    if said in ("wavelength", "processed", "other"):
        said = "sample" if np.nanmax(values) > MANY else "absorbance"
    if said == "transmittance":
        percent = "%" in words or np.nanmedian(values) > PERCENT
        return "transmittance", 0.01 if percent else 1.0
    return ("absorbance", 1.0) if said == "absorbance" else ("counts", 1.0)
