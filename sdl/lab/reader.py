"""The reader: whoever takes spectra of what is in the flow cell, and how spectra travel as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import numpy as np

from sdl.errors import Refused, Unreachable
from sdl.spectra.types import Kind, Spectrum

ANSWER_S = 60.0
"""How long a read may take, in real time (chosen: 250 exposures of 2 ms, two shutters, and a slow network)."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderStatus:
    """Which instrument answers, on which wavelength grid, with which light paths, and whether it can measure."""

    instrument: str
    grid_id: str
    channels: tuple[Kind, ...]
    ok: bool


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


class RemoteReader:
    """A reader that serves its four calls over HTTP below ``base_url``."""

    def __init__(self, base_url: str, client: httpx.Client | None = None) -> None:
        self._url = base_url.rstrip("/")
        self._client = client or httpx.Client(
            timeout=ANSWER_S, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def status(self) -> ReaderStatus:
        told = self._told("GET", "status")
        try:
            return ReaderStatus(**{**told, "channels": tuple(told["channels"])})
        except (KeyError, TypeError) as exc:
            raise Unreachable(f"{self._url}/status: this is no reader: {exc!r}") from exc

    def dark(self) -> tuple[Spectrum, ...]:
        return self._spectra("dark")

    def reference(self, role: str) -> tuple[Spectrum, ...]:
        return self._spectra("reference", role=role)

    def measure(self) -> tuple[Spectrum, ...]:
        return self._spectra("measure")

    def _spectra(self, verb: str, **asked: str) -> tuple[Spectrum, ...]:
        told = self._told("POST", verb, asked)
        try:
            return tuple(from_json(each) for each in told["spectra"])
        except (KeyError, TypeError, ValueError, Refused) as exc:
            raise Unreachable(f"{self._url}/{verb}: no spectra came: {exc!r}") from exc

    def _told(self, method: str, verb: str, asked: Mapping[str, str] | None = None) -> Json:
        try:
            answer = self._client.request(method, f"{self._url}/{verb}", json=asked)
            answer.raise_for_status()
            told = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
            raise Unreachable(f"the reader at {self._url} does not answer {verb}: {exc or type(exc).__name__}") from exc
        if not isinstance(told, dict):
            raise Unreachable(f"{self._url}/{verb}: this is no reader: it sent a {type(told).__name__}")
        return told


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
