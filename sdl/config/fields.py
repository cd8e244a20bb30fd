"""The kinds of value that campaign and lab files are made of: identifiers, paths, addresses, text with units."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path, PureWindowsPath
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from sdl.config import quantities
from sdl.config.strict import NAME
from sdl.errors import Refused

_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})  # booleans of YAML 1.1 readers
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names Windows keeps for itself
MOST_WISHES = 12
"""Targets of one palette: more than a rack's batches serve (chosen)."""
_METADATA = frozenset({"169.254.169.254", "fd00:ec2::254"})  # where clouds hand out credentials (threat T15)


def identifier(text: str) -> str:
    """Return ``text`` if it can name a campaign, lab or stock everywhere; raise `Refused` otherwise."""
    advice = "write lower-case letters, digits, '-' or '_', such as blue-465"
    if text in _WORDS or text.isdigit():
        raise Refused(f"'{text}' reads as a number, true or false elsewhere and cannot be a name; {advice}")
    if re.fullmatch(r"\d{4}-\d{1,2}-\d{1,2}", text):
        raise Refused(f"'{text}' reads as a date elsewhere and cannot be a name; write for example blue-{text}")
    if not NAME.fullmatch(text) or _DEVICES.fullmatch(text):
        raise Refused(f"{text!r} cannot be a name; {advice}, at most 64 characters")
    return text


def inside(folder: Path, text: str) -> Path:
    """Return the file ``text`` in ``folder``; raise `Refused` when it leads out of it or is a name no system takes."""
    parts = re.split(r"[/\\]", text)
    if text.startswith(("/", "~")) or PureWindowsPath(text).drive or ".." in parts or "\\" in text:
        raise Refused(f"'{text}' leads out of the folder of this file; put the file beside it and give its name")
    odd = any(not p or p[-1] in ". " or len(p.encode()) > 255 or _DEVICES.fullmatch(p) for p in parts)
    if odd or any(not c.isprintable() for c in text):
        raise Refused(f"{text!r} is not a file name that every system takes; rename the file")
    root = folder.resolve()
    path = (root / text).resolve()
    if not path.is_relative_to(root):
        raise Refused(f"'{text}' is a link that leads out of the folder of this file; copy the file here")
    return path


def robot_address(text: str, *, allow_public: bool) -> str:
    """Return ``simulated`` or an http address inside the lab's own network; raise `Refused` for any other."""
    if text == "simulated":
        return text
    advice = "write 'simulated' or an address such as http://192.168.1.20:31950"
    try:
        url = urlsplit(text)
        port, host = url.port, url.hostname
    except ValueError as exc:
        raise Refused(f"'{text}' is not an address; {advice}") from exc
    if url.username is not None or url.password is not None:
        raise Refused(f"the robot address holds a user name or password; a robot takes none: {advice}")
    if url.scheme != "http" or not host or url.path not in ("", "/") or url.query or url.fragment or port == 0:
        raise Refused(f"'{text}' is not the http address of a robot; {advice}")
    if not allow_public and not _local(host):
        raise Refused(f"'{host}' is not in a private network; {advice}, or set allow_public: true if this is meant")
    if host in _METADATA:
        raise Refused(f"'{host}' is a cloud's metadata service, never a robot; {advice}")
    return text.rstrip("/")


def _local(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or bool(re.fullmatch(r"[A-Za-z0-9-]{1,63}\.local", host))
    return str(address) not in _METADATA and (address.is_private or address.is_loopback or address.is_link_local)


def moment(text: str) -> str:
    """Return ``text`` if it is a date and time with its zone, or ``always``; raise `Refused` otherwise."""
    try:
        if text == "always" or datetime.fromisoformat(text).tzinfo is not None:
            return text
    except ValueError:
        pass
    raise Refused(f"'{text}' is not a moment; write date, time and zone: 2026-11-24T18:00+01:00")


def made(text: str) -> str:
    """Return ``text`` if it is a date, or a moment with its zone; raise `Refused` otherwise."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text) or datetime.fromisoformat(text).tzinfo is not None:
            datetime.fromisoformat(text)
            return text
    except ValueError:
        pass
    raise Refused(f"'{text}' does not say when; write a date, '2026-11-02', or a moment: 2026-11-02T09:30+01:00")


def _checked(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let pydantic collect what ``check`` refuses."""

    def validate(value: Any) -> Any:
        try:
            return check(value)
        except Refused as exc:
            raise PydanticCustomError("refused", "{text}", {"text": str(exc)}) from exc

    return validate


def _amount(unit: str, low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        amount = quantities.number(value, unit)
        if not low <= amount <= high:
            symbol = f" {unit}" if unit else ""
            raise Refused(f"{value} is out of range; give a value from {low:g} to {high:g}{symbol}")
        return amount

    return _checked(check)


def _schema(unit: str) -> WithJsonSchema:
    kinds: list[str] = ["string"] if unit else ["string", "number"]
    return WithJsonSchema({"type": kinds, "description": f"a quantity in {unit}" if unit else "a number or per cent"})


def _span(value: Any) -> tuple[float, float]:
    low, high = quantities.interval(value, "degC")
    return low, high


def _choices_or_range(value: Any) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) > 1 and all(isinstance(v, str) and v for v in value):
        if len(set(value)) < len(value):
            raise Refused("a choice is listed twice; keep one")
        return tuple(value)
    raise Refused(
        f"{quantities.shown(value)} does not vary; write 'low .. high' with a unit, or a list of two or more names"
    )


def _places(value: Any) -> tuple[str, ...]:
    places = [value] if isinstance(value, str) else value
    if not isinstance(places, list) or not places or not all(isinstance(p, str) for p in places):
        raise Refused(f"{quantities.shown(value)} is not a place; write stocks/A1, or a list of places")
    return tuple(places)


def _scalar(value: Any) -> Any:
    if not isinstance(value, str | int | float | bool):
        raise Refused(f"{quantities.shown(value)} is not one plain value")
    return value


def _wishes(value: Any) -> Any:
    if isinstance(value, list):
        if not 2 <= len(value) <= MOST_WISHES or len({str(v) for v in value}) < len(value):
            raise Refused(f"a palette lists 2 to {MOST_WISHES} different values; write one value without a list")
        return tuple(_scalar(v) for v in value)
    return _scalar(value)


Id = Annotated[
    str, AfterValidator(_checked(identifier)), WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$"})
]
Moment = Annotated[str, AfterValidator(_checked(moment))]
Made = Annotated[str, AfterValidator(_checked(made))]
Scalar = Annotated[Any, BeforeValidator(_checked(_scalar)), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Wishes = Annotated[
    Any,
    BeforeValidator(_checked(_wishes)),
    WithJsonSchema({"type": ["string", "number", "array"], "items": {"type": ["string", "number"]}}),
]
Concentration = Annotated[float, BeforeValidator(_amount("mmol/L", 1e-6, 1e5)), _schema("mmol/L")]
Amount = Annotated[float, BeforeValidator(_amount("umol", 1e-6, 1e9)), _schema("umol")]
Volume = Annotated[float, BeforeValidator(_amount("uL", 1e-3, 1e7)), _schema("uL")]
Seconds = Annotated[float, BeforeValidator(_amount("s", 0.0, 86400.0)), _schema("s")]
Hours = Annotated[float, BeforeValidator(_amount("h", 0.1, 168.0)), _schema("h")]
Age = Annotated[float, BeforeValidator(_amount("h", 0.1, 87600.0)), _schema("h")]
Celsius = Annotated[float, BeforeValidator(_amount("degC", -20.0, 200.0)), _schema("degC")]
Kelvin = Annotated[float, BeforeValidator(_amount("K", 0.0, 100.0)), _schema("K")]
FlowRate = Annotated[float, BeforeValidator(_amount("uL/s", 0.1, 2000.0)), _schema("uL/s")]
Fraction = Annotated[float, BeforeValidator(_amount("", 0.0, 1.0)), _schema("")]
Ratio = Annotated[float, BeforeValidator(_amount("", 0.0, 1e6)), _schema("")]
Gap = Annotated[float, BeforeValidator(_amount("mm", 0.0, 100.0)), _schema("mm")]
PathLength = Annotated[float, BeforeValidator(_amount("mm", 0.05, 100.0)), _schema("mm")]
Wavelength = Annotated[float, BeforeValidator(_amount("nm", 200.0, 2500.0)), _schema("nm")]
CelsiusRange = Annotated[tuple[float, float], BeforeValidator(_checked(_span)), WithJsonSchema({"type": "string"})]
Places = Annotated[
    tuple[str, ...],
    BeforeValidator(_checked(_places)),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
]
Span = Annotated[
    Any,
    BeforeValidator(_checked(_choices_or_range)),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "examples": ["1 .. 60 min"]}),
]
