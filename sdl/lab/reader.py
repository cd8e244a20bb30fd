"""The reader: whoever takes spectra of what is in the flow cell, and how spectra travel as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from sdl.errors import Unreachable
from sdl.spectra.types import Kind, Spectrum

Json = dict[str, Any]


class Malformed(Unreachable):
    """The reader sent what is no spectrum; ``raw`` is what it sent, to be kept."""

    def __init__(self, text: str, *, raw: bytes) -> None:
        self.raw = raw
        super().__init__(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderStatus:
    """Which instrument answers, on which wavelength grid, with which light paths, and whether it can measure.

    ``grid_id`` is empty where no spectrum has been seen yet; ``note`` is what a person should know of the driver.
    ``lamp_h`` is how long its lamp has burned, None where the instrument does not count; ``shutter`` is as it stands
    between two looks, "" where the driver cannot tell.
    """

    instrument: str
    grid_id: str
    channels: tuple[Kind, ...]
    ok: bool
    note: str = ""
    lamp_h: float | None = None
    shutter: Literal["closed", "open", ""] = ""


class Reader(Protocol):
    """A spectrometer behind a flow cell; every look gives one spectrum a channel, and looking twice is harmless."""

    def status(self) -> ReaderStatus:
        """Say who is there."""

    def dark(self) -> tuple[Spectrum, ...]:
        """Take spectra with the shutters closed."""

    def reference(self, role: str) -> tuple[Spectrum, ...]:
        """Take spectra of the "blank" or "dye" that is in the cell now."""

    def measure(self) -> tuple[Spectrum, ...]:
        """Take spectra of the aliquot that is in the cell now."""


@runtime_checkable
class Adjustable(Protocol):
    """A reader whose integration time can be made shorter after a saturated read."""

    def shorten(self) -> bool:
        """Halve the integration time; return False where it cannot be shorter."""


def to_json(spectrum: Spectrum) -> Json:
    """Return a spectrum as JSON has it: dead pixels and an unknown full well are null."""
    return {
        "kind": spectrum.kind,
        "role": spectrum.role,
        "wavelength_nm": spectrum.wavelength_nm.tolist(),
        "counts": [count if math.isfinite(count) else None for count in spectrum.counts.tolist()],
        "time_s": spectrum.time_s,
        "instrument": spectrum.instrument,
        "averages": spectrum.averages,
        "integration_ms": spectrum.integration_ms,
        "full_well": spectrum.full_well if math.isfinite(spectrum.full_well) else None,
    }


def from_json(told: Mapping[str, Any]) -> Spectrum:
    """Return the spectrum that `to_json` wrote; raise KeyError, TypeError, ValueError or `Refused` else."""
    full_well = told["full_well"]
    return Spectrum(
        kind=told["kind"],
        role=told["role"],
        wavelength_nm=np.array(told["wavelength_nm"], dtype=float),
        counts=np.array(told["counts"], dtype=float),
        time_s=float(told["time_s"]),
        instrument=str(told["instrument"]),
        averages=int(told["averages"]),
        integration_ms=float(told["integration_ms"]),
        full_well=math.inf if full_well is None else float(full_well),
    )
