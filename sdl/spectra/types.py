"""A spectrum as the instrument gave it, and the features read from it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdl.errors import Refused

Kind = Literal["absorption", "pl", "nir"]
"""Which light path: white light through the cell, or emission under the 365 nm LED, visible or near infrared."""

X1By = Literal["fit", "derivative"]
"""How X1 is found: by the full-spectrum fit, which also sees the dispersion, or by the second derivative alone."""

Role = Literal["dark", "blank", "dye", "sample"]
"""What was in front of the detector: shutter closed, pure medium, reference dye, or a well's aliquot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """Counts of one light path on one wavelength grid.

    ``wavelength_nm`` and ``counts`` are ``(w,)``, float64 and read-only; ``counts`` is the mean over the averaged
    exposures in electrons; NaN marks a dead pixel. ``time_s`` is the lab clock. The grid may be sparse.
    """

    kind: Kind
    role: Role
    wavelength_nm: NDArray[np.float64]
    counts: NDArray[np.float64]
    time_s: float
    instrument: str
    averages: int = 250
    integration_ms: float = 2.0
    full_well: float = math.inf

    def __post_init__(self) -> None:
        for name in ("wavelength_nm", "counts"):
            array = np.array(getattr(self, name), dtype=float)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.wavelength_nm.ndim != 1 or self.wavelength_nm.shape != self.counts.shape:
            raise Refused(f"spectrum: {self.wavelength_nm.shape} wavelengths but {self.counts.shape} counts")

    @property
    def grid_id(self) -> str:
        """Twelve hex digits that change when the wavelength grid changes."""
        return hashlib.sha256(self.wavelength_nm.tobytes()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A measured value and its standard deviation, in the unit of the feature's name."""

    value: float
    sd: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and math.isfinite(self.sd) and self.sd >= 0):
            raise Refused(f"a feature needs a finite value and sd >= 0, got {self.value!r} +- {self.sd!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What was seen in one read: values with standard deviations, and flags; missing is normal."""

    values: Mapping[str, Value] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def __reduce__(self) -> tuple[object, ...]:
        """Let another process of this program hand features back: a read-only view of a dict cannot be copied."""
        return _features, (dict(self.values), self.flags)

    @property
    def plain(self) -> dict[str, float]:
        """Values only, by feature name."""
        return {name: v.value for name, v in self.values.items()}


def _features(values: dict[str, Value], flags: tuple[str, ...]) -> Features:
    return Features(values=values, flags=flags)


def spectrum(wavelength_nm: ArrayLike, counts: ArrayLike, *, kind: Kind, role: Role, time_s: float = 0.0) -> Spectrum:
    """Build a spectrum from plain sequences, for people who bring their own data."""
    return Spectrum(
        kind=kind,
        role=role,
        wavelength_nm=np.asarray(wavelength_nm, dtype=float),
        counts=np.asarray(counts, dtype=float),
        time_s=time_s,
        instrument="given",
    )
