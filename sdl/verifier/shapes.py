"""Which commands and parameters the verifier knows; everything else is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

ANY = object()
"""An optional parameter whose value moves no liquid and no arm."""

_WELL = {"labwareId": str, "wellName": str, "wellLocation": dict, "pipetteId": str}
_LIQUID = _WELL | {"volume": float, "flowRate": float}

REQUIRED: Mapping[str, Mapping[str, type]] = {
    "home": {},
    "comment": {"message": str},
    "loadModule": {"model": str, "location": dict},
    "loadLabware": {"location": dict, "loadName": str, "namespace": str, "version": int},
    "loadPipette": {"pipetteName": str, "mount": str},
    "temperatureModule/setTargetTemperature": {"moduleId": str, "celsius": float},
    "temperatureModule/waitForTemperature": {"moduleId": str},
    "temperatureModule/deactivate": {"moduleId": str},
    "pickUpTip": _WELL,
    "moveToWell": _WELL,
    "aspirate": _LIQUID,
    "dispense": _LIQUID,
    "moveToAddressableAreaForDropTip": {"pipetteId": str, "addressableAreaName": str},
    "dropTipInPlace": {"pipetteId": str},
    "waitForDuration": {"seconds": float},
    "waitForResume": {"message": str},
}
"""Every known command with the parameters it must have; a float must be finite."""

OPTIONAL: Mapping[str, Mapping[str, object]] = {
    "loadLabware": {"displayName": ANY},
    "loadPipette": {"tipOverlapNotAfterVersion": ANY, "liquidPresenceDetection": ANY},
    "temperatureModule/waitForTemperature": {"taskId": ANY},
    "moveToWell": {"forceDirect": False},
    "aspirate": {"forceDirect": False},
    "dispense": {"forceDirect": False, "pushOut": 0},
    "moveToAddressableAreaForDropTip": {
        "forceDirect": False,
        "offset": {"x": 0, "y": 0, "z": 0},
        "alternateDropLocation": ANY,
        "ignoreTipConfiguration": True,
    },
    "waitForDuration": {"message": ANY},
}
"""Parameters that may be there, with the one value they may have: a direct move, say, could cross the deck low."""

HEIGHT_MM: Mapping[str, float] = {"bottom": 0.0, "center": 0.5, "top": 1.0}
"""The origins of a well location, as a fraction of the well's depth."""


def misfit(command: Mapping[str, Any]) -> str:
    """Say what is unknown about ``command``, "" when it has a known shape."""
    name, params = str(command.get("commandType")), command.get("params")
    if name not in REQUIRED or not isinstance(params, Mapping):
        return f"unknown command {name!r}"
    if command.get("status", "succeeded") != "succeeded":
        return f"its analysis ended {command['status']!r}"
    given = {key: value for key, value in params.items() if value is not None}
    for key, kind in REQUIRED[name].items():
        value = given.pop(key, None)
        if not (_finite(value) if kind is float else isinstance(value, kind)):
            return f"{key} is {value!r}, not a {'finite number' if kind is float else kind.__name__}"
        if key == "wellLocation" and (text := _misplaced(value)):
            return text
    for key, value in given.items():
        allowed = OPTIONAL.get(name, {}).get(key)
        if allowed is None:
            return f"unknown parameter {key}={value!r}"
        if allowed is not ANY and value != allowed:
            return f"{key}={value!r}, and only {allowed!r} is known to be safe"
    return ""


def _finite(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)


def _misplaced(where: Mapping[str, Any]) -> str:
    """Say what is unknown about a well location, "" when it is a plain offset from a known origin."""
    offset = where.get("offset")
    if not (isinstance(offset, Mapping) and set(offset) == {"x", "y", "z"} and all(map(_finite, offset.values()))):
        return f"offset {offset!r} is not three finite numbers"
    if where.get("origin") not in HEIGHT_MM:
        return f"unknown origin {where.get('origin')!r}"
    rest = {key: value for key, value in where.items() if key not in ("origin", "offset") and value}
    return f"unknown well location {rest!r}" if rest else ""
