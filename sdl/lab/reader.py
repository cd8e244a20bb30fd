"""The spectrometer as the controller sees it: four calls, whoever answers them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import numpy as np

from sdl.errors import Unreachable
from sdl.spectra.types import Kind, Role, Spectrum

ANSWER_S = 60.0
"""How long a read may take in real time: 250 averages are 0.5 s; a loaded machine needs the rest (chosen)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderStatus:
    """Which instrument answers, on which wavelength grid, with which light paths."""

    instrument: str
    grid_id: str
    channels: tuple[Kind, ...]
    ok: bool = True


class Reader(Protocol):
    """A spectrometer: one spectrum per light path in every answer."""

    def status(self) -> ReaderStatus:
        """Return who answers; harmless."""

    def dark(self) -> tuple[Spectrum, ...]:
        """Look with the shutters closed."""

    def reference(self, role: Role) -> tuple[Spectrum, ...]:
        """Look at a reference ("blank" or "dye") that is in the cell now."""

    def measure(self) -> tuple[Spectrum, ...]:
        """Look at the sample that is in the cell now."""


class RemoteReader:
    """A reader behind HTTP: ``GET status``, ``POST dark``, ``POST reference``, ``POST measure`` under ``base_url``."""

    def __init__(self, base_url: str) -> None:
        self._url = base_url.rstrip("/")

    def status(self) -> ReaderStatus:
        told = self._call("GET", "status", None)
        return ReaderStatus(instrument=told["instrument"], grid_id=told["grid_id"], channels=tuple(told["channels"]))

    def dark(self) -> tuple[Spectrum, ...]:
        return self._spectra("dark", {})

    def reference(self, role: Role) -> tuple[Spectrum, ...]:
        return self._spectra("reference", {"role": role})

    def measure(self) -> tuple[Spectrum, ...]:
        return self._spectra("measure", {})

    def _spectra(self, verb: str, body: Mapping[str, Any]) -> tuple[Spectrum, ...]:
        return tuple(from_json(s) for s in self._call("POST", verb, body)["spectra"])

    def _call(self, method: str, verb: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        try:
            answer = httpx.request(method, f"{self._url}/{verb}", json=body, timeout=ANSWER_S, trust_env=False)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as exc:
            raise Unreachable(f"the reader at {self._url} does not answer {verb}: {exc}") from exc
        return found


def to_json(spectrum: Spectrum) -> dict[str, Any]:
    """Return a spectrum as JSON; a dead pixel is null."""
    return {
        "kind": spectrum.kind,
        "role": spectrum.role,
        "wavelength_nm": spectrum.wavelength_nm.tolist(),
        "counts": [None if math.isnan(c) else c for c in spectrum.counts.tolist()],
        "time_s": spectrum.time_s,
        "instrument": spectrum.instrument,
        "averages": spectrum.averages,
        "integration_ms": spectrum.integration_ms,
        "full_well": None if math.isinf(spectrum.full_well) else spectrum.full_well,
    }


def from_json(told: Mapping[str, Any]) -> Spectrum:
    """Return the spectrum that `to_json` wrote."""
    counts = np.array([math.nan if c is None else c for c in told["counts"]], dtype=float)
    full_well = math.inf if told["full_well"] is None else told["full_well"]
    return Spectrum(**{**told, "counts": counts, "full_well": full_well})
