"""A reader in another process or machine that serves the four calls over HTTP; the virtual lab's reader is one."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx

from sdl.errors import Refused, Unreachable
from sdl.lab.reader import Json, Malformed, ReaderStatus, from_json
from sdl.spectra.types import Spectrum

ANSWER_S = 60.0
"""How long a read may take, in real time (chosen: 250 exposures of 2 ms, two shutters, and a slow network)."""


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

    def shorten(self) -> bool:
        """Ask the service to halve its integration time; a service that knows no such call keeps it."""
        try:
            return bool(self._told("POST", "shorten").get("shortened"))
        except Unreachable:
            return False

    def _spectra(self, verb: str, **asked: str) -> tuple[Spectrum, ...]:
        told = self._told("POST", verb, asked)
        try:
            return tuple(from_json(each) for each in told["spectra"])
        except (KeyError, TypeError, ValueError, Refused) as exc:
            raw = json.dumps(told).encode()
            raise Malformed(f"{self._url}/{verb}: no spectra came: {exc!r}", raw=raw) from exc

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
