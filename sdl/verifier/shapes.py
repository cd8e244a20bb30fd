"""Which commands and parameters the verifier knows; everything else is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

ANY = object()
"""An optional parameter whose value moves no liquid and no arm."""

_WELL = {"labwareId": str, "wellName": str, "wellLocation": dict, "pipetteId": str}
_FLOW = _WELL | {"flowRate": float}
_LIQUID = _FLOW | {"volume": float}
_MODULE = {"moduleId": str}

REQUIRED: Mapping[str, Mapping[str, type]] = {
    "home": {},
    "comment": {"message": str},
    "loadModule": {"model": str, "location": dict},
    "loadLabware": {"location": dict, "loadName": str, "namespace": str, "version": int},
    "loadPipette": {"pipetteName": str, "mount": str},
    "loadLiquid": {"liquidId": str, "labwareId": str, "volumeByWell": dict},
    "temperatureModule/setTargetTemperature": _MODULE | {"celsius": float},
    "temperatureModule/waitForTemperature": _MODULE,
    "temperatureModule/deactivate": _MODULE,
    "heaterShaker/setTargetTemperature": _MODULE | {"celsius": float},
    "heaterShaker/waitForTemperature": _MODULE,
    "heaterShaker/deactivateHeater": _MODULE,
    "heaterShaker/openLabwareLatch": _MODULE,
    "heaterShaker/closeLabwareLatch": _MODULE,
    "heaterShaker/setAndWaitForShakeSpeed": _MODULE | {"rpm": float},
    "heaterShaker/deactivateShaker": _MODULE,
    "pickUpTip": _WELL,
    "moveToWell": _WELL,
    "aspirate": _LIQUID,
    "dispense": _LIQUID,
    "airGapInPlace": {"pipetteId": str, "flowRate": float, "volume": float},
    "blowout": _FLOW,
    "blowOutInPlace": {"pipetteId": str, "flowRate": float},
    "prepareToAspirate": {"pipetteId": str},
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
    "heaterShaker/waitForTemperature": {"taskId": ANY},
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


def misfit(command: Mapping[str, Any]) -> tuple[str, str]:
    """Return the interlock that ``command`` breaks by its shape alone and what is wrong, or two empty texts."""
    name, params = str(command.get("commandType")), command.get("params")
    if name not in REQUIRED or not isinstance(params, Mapping):
        return "I25", f"unknown command {name!r}; it is not on the list of what the verifier knows, remove it"
    if command.get("status", "succeeded") != "succeeded":
        return "I26", f"its analysis ended {command['status']!r}, so that what follows is a guess; correct the protocol"
    given = {key: value for key, value in params.items() if value is not None}
    for key, kind in REQUIRED[name].items():
        value = given.pop(key, None)
        if kind is float and not _finite(value):
            return "I6", f"{key} is {value!r}, not a finite number; correct the protocol"
        if kind is not float and not isinstance(value, kind):
            return "I25", f"{key} is {value!r}, not a {kind.__name__}; correct the protocol"
        if key == "wellLocation" and (text := _misplaced(value)):
            return text
    for key, value in given.items():
        allowed = OPTIONAL.get(name, {}).get(key)
        if allowed is None:
            return "I25", f"unknown parameter {key}={value!r}; it is not on the list of what the verifier knows"
        if allowed is not ANY and value != allowed:
            return "I25", f"{key}={value!r}, and only {allowed!r} is known to be safe"
    return "", ""


def _finite(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)


def _misplaced(where: Any) -> tuple[str, str] | None:
    """Say what is wrong with a well location, None when it is a plain offset from a known origin."""
    offset = where.get("offset")
    if not (isinstance(offset, Mapping) and set(offset) == {"x", "y", "z"} and all(map(_finite, offset.values()))):
        return "I6", f"offset {offset!r} is not three finite numbers; correct the protocol"
    if where.get("origin") not in HEIGHT_MM:
        return "I25", f"unknown origin {where.get('origin')!r}; measure from top, center or bottom"
    rest = {key: value for key, value in where.items() if key not in ("origin", "offset") and value}
    return ("I25", f"unknown well location {rest!r}; give origin and offset only") if rest else None
