"""How values become database columns: finite numbers, strict JSON, features, and exact arrays."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Dialect, Float, Text
from sqlalchemy.types import TypeDecorator

from sdl.errors import Refused
from sdl.spectra.types import Features, Value

__all__ = ["LARGEST", "FeatureSet", "Finite", "Json", "Words", "dumps", "pack", "unpack"]

LARGEST = 1e15
"""No quantity of this laboratory in its unit comes near; chosen by us so that a runaway number is seen at the door."""


def dumps(value: object) -> str:
    """Return ``value`` as JSON text in the order it is given, as a target names what matters most first.

    NaN, infinities and unknown types are Refused.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"), default=_plain)
    except (TypeError, ValueError) as exc:
        raise Refused(f"this cannot be stored: {exc}") from exc


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def pack(array: NDArray[np.float64]) -> bytes:
    """Return a ``(w,)`` array as compressed little-endian float64; every bit comes back, NaN included."""
    return zlib.compress(np.ascontiguousarray(array, dtype="<f8").tobytes(), level=1)


def unpack(blob: bytes) -> NDArray[np.float64]:
    """Return the ``(w,)`` array that `pack` wrote."""
    return np.frombuffer(zlib.decompress(blob), dtype="<f8").astype(np.float64)


class Finite(TypeDecorator[float]):
    """A number that is finite and below `LARGEST`."""

    impl = Float
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        if value is not None and not (math.isfinite(value) and abs(value) < LARGEST):
            raise Refused(f"{value!r} cannot be stored: a number must be finite and below {LARGEST:g}")
        return value if value is None else float(value)


class Json(TypeDecorator[Any]):
    """Plain dicts, lists, texts and finite numbers."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        return None if value is None else dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Words(TypeDecorator[tuple[str, ...]]):
    """A tuple of words, such as flags."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str:
        return dumps(list(value or ()))

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...]:
        return tuple(json.loads(value or "[]"))


class FeatureSet(TypeDecorator[Features]):
    """Features with their standard deviations and flags."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Features | None, dialect: Dialect) -> str:
        features = value or Features()
        values = {name: [v.value, v.sd] for name, v in features.values.items()}
        return dumps({"flags": list(features.flags), "values": values})

    def process_result_value(self, value: str | None, dialect: Dialect) -> Features:
        stored = json.loads(value or '{"flags": [], "values": {}}')
        values = {name: Value(value=v, sd=sd) for name, (v, sd) in stored["values"].items()}
        return Features(values=values, flags=tuple(stored["flags"]))
