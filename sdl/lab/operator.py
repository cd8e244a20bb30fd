"""The operator: who refills tips, vials and stocks when the controller asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import httpx

from sdl.errors import Unreachable

ANSWER_S = 60.0
"""How long the lab's process may take to answer over loopback, in real time (chosen)."""


class Operator(Protocol):
    """Someone who can be asked to refill something."""

    def ask(self, what: str, detail: Mapping[str, object]) -> bool:
        """Ask for ``what`` ("vials", "tips50", a deck location, "waste"); return whether it is done now."""


class Person:
    """A person: the request waits in the store until it is answered there."""

    def ask(self, what: str, detail: Mapping[str, object]) -> bool:
        return False


class RemoteOperator:
    """The operator who is part of a lab's own process and answers there, after a delay on the lab's clock."""

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url}/virtual/operator/requests"

    def ask(self, what: str, detail: Mapping[str, object]) -> bool:
        try:
            answer = httpx.post(self._url, json={"what": what, **detail}, timeout=ANSWER_S, trust_env=False)
            answer.raise_for_status()
        except httpx.HTTPError as exc:
            raise Unreachable(f"{self._url} does not answer: {exc}") from exc
        return True
