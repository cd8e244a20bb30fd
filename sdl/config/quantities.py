"""Text with units to floats: "5 min" is 300.0 where seconds are wanted, and everything doubtful is refused with advice.

The usual units stand in a small table, so that `sdl check` need not load pint for them; everything else is pint's,
with a registry of the two dozen units a chemist writes here: its full one has units that differ by a capital only.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
from typing import Any

from sdl.errors import Refused
from sdl.units import nm_from_ev

# Symbols after the SI brochure (BIPM 2019) and IUPAC Green Book; no mega prefix, so that MM can only be a mistake.
_DEFINITIONS = """
nano- = 1e-9 = n-
micro- = 1e-6 = u-
milli- = 1e-3 = m-
centi- = 1e-2 = c-
kilo- = 1e3 = k-
meter = [length] = m
gram = [mass] = g
second = [time] = s = sec
minute = 60 * second = min
hour = 60 * minute = h
day = 24 * hour = d
kelvin = [temperature]; offset: 0 = K
degree_Celsius = kelvin; offset: 273.15 = degC
mole = [substance] = mol
liter = 1e-3 * meter ** 3 = L = l
molar = mole / liter = M
electron_volt = [energy] = eV
percent = 0.01
"""

_USUAL = (
    {"ms": 1, "s": 10**3, "min": 60 * 10**3, "h": 3600 * 10**3, "d": 86400 * 10**3},
    {"nm": 1, "um": 10**3, "mm": 10**6, "cm": 10**7, "m": 10**9},
    {"nL": 1, "uL": 10**3, "mL": 10**6, "L": 10**9},
    {"umol/L": 1, "uM": 1, "mmol/L": 10**3, "mM": 10**3, "mol/L": 10**6, "M": 10**6},
    {"nmol": 1, "umol": 10**3, "mmol": 10**6, "mol": 10**9},
    {"uL/s": 1, "mL/s": 10**3},
    {"%": 1, "": 100},
    {"degC": 1},
    {"K": 1},
    {"eV": 1},
)
"""The units that files use, kind by kind, by how many of the smallest each is (a test compares each pair with pint)."""

_KINDS = {
    "s": ("a time", "5 min"),
    "h": ("a time", "12 h"),
    "nm": ("a wavelength", "465 nm"),
    "mm": ("a length", "2 mm"),
    "degC": ("a temperature", "25 degC"),
    "K": ("a temperature difference", "20 K"),
    "mmol/L": ("a concentration", "20 mmol/L"),
    "mol/L": ("a concentration", "0.02 mol/L"),
    "umol": ("an amount", "3 umol"),
    "uL": ("a volume", "200 uL"),
    "mL": ("a volume", "10 mL"),
    "uL/s": ("a flow rate", "50 uL/s"),
    "eV": ("an energy", "2.67 eV"),
    "min": ("a time", "5 min"),
    "": ("a number or per cent", "0.6 or '60 %'"),
}

_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)")
_LIMIT = 1e15  # far above any quantity of a bench in its own unit, far below where floats lose whole numbers


@functools.cache
def _registry() -> Any:
    import pint

    registry = pint.UnitRegistry(None, cache_folder=None)
    for line in _DEFINITIONS.strip().splitlines():
        registry.define(line)
    return registry


def number(value: object, unit: str) -> float:
    """Return ``value`` ("5 min", or a bare number where ``unit`` is "") in ``unit``; raise `Refused` with advice."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Refused(f"{shown(value)} is not {_kind(unit)}; {_write(unit)}")
    if not isinstance(value, str):
        return _finite(float(value), str(value)) if unit == "" else _bare(str(value), unit)
    text = tidy(value)
    found = _NUMBER.fullmatch(text)
    if found is None or ".." in text:
        raise Refused(_not_a_number(text, unit))
    amount, symbol = _finite(float(found[1]), text), found[2].strip()
    if re.match(r"[,:]\s*\d|\.\d", symbol):
        raise Refused(_not_a_number(text, unit))
    if symbol in ("", "v/v"):
        return amount if unit == "" else _bare(text, unit)
    return _finite(_convert(amount, symbol, unit, text), text)


def interval(value: object, unit: str) -> tuple[float, float]:
    """Return ``low .. high`` in ``unit``; the unit may stand once at the end or with both."""
    if not isinstance(value, str) or ".." not in value:
        raise Refused(
            f"{shown(value)} is not a range; write 'low .. high' with the unit, for example {_range_example(unit)}"
        )
    parts = [part.strip() for part in tidy(value).split("..")]
    if len(parts) != 2 or not all(parts) or "..." in value:
        raise Refused(f"'{value}' is not a range; write 'low .. high' with two dots")
    high = number(parts[1], unit)
    bare = re.fullmatch(r"[-+\d.eE]+", parts[0])
    end = _NUMBER.fullmatch(parts[1])
    symbol = end[2] if bare and end else ""
    low = number(f"{parts[0]} {symbol}".strip(), unit)
    if low > high:
        raise Refused(f"low {low:g} is above high {high:g}{f' {unit}' if unit else ''}; exchange them or correct one")
    if low == high:
        both = f"{high:g} {unit}".strip()
        raise Refused(f"low and high are both {both}: nothing varies; widen the range or leave the entry out")
    return low, high


@functools.cache
def canonical(symbol: str) -> str:
    """Return ``symbol`` as `sdl.units` spells it ("µl" -> "uL", "M" -> "mol/L"); raise `Refused` if it is unknown."""
    unit = _unit(tidy(symbol), symbol)
    for known in ("nm", "eV", "uL", "mL", "umol", "mol/L", "mmol/L", "s", "min", "degC", ""):
        other = _registry().Unit(known)
        if unit.dimensionality == other.dimensionality and math.isclose(_registry().convert(1.0, unit, other), 1.0):
            return known
    return symbol


@functools.cache
def same_kind(one: str, other: str) -> bool:
    """Say whether two units measure the same kind of quantity."""
    if any(one in kind and other in kind for kind in _USUAL):
        return True
    return bool(_unit(tidy(one), one).dimensionality == _unit(tidy(other), other).dimensionality)


@functools.cache
def scale(symbol: str, unit: str) -> tuple[float, float]:
    """Return factor and offset that turn a number in ``symbol`` into ``unit``."""
    zero = _convert(0.0, symbol, unit, symbol)
    return _convert(1.0, symbol, unit, symbol) - zero, zero


@functools.cache
def dimension(symbol: str) -> Any:
    """Return what ``symbol`` measures, as a pint dimensionality that multiplies and compares."""
    return _unit(tidy(symbol), symbol).dimensionality


def tidy(text: str) -> str:
    """Return ``text`` with one spelling of micro, degree, minus and blanks."""
    for old, new in (("µ", "u"), ("μ", "u"), ("°C", "degC"), ("−", "-"), ("\u00a0", " "), ("\u202f", " "), ("·", "*")):
        text = text.replace(old, new)
    return text.strip()


def shown(value: object) -> str:
    """Return a value as it stands in a YAML file."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return repr(value) if isinstance(value, str | int | float) else "this"


def _convert(amount: float, symbol: str, unit: str, text: str) -> float:
    for kind in _USUAL:
        if symbol in kind and unit in kind:
            many, one = kind[symbol], kind[unit]
            return amount * (many // one) if many >= one else amount / (one // many)
    found = _unit(symbol, text, unit)
    wanted = _registry().Unit(unit)
    if unit == "K" and symbol in ("degC", "degree_Celsius"):
        return amount  # a difference of 20 degC is 20 K
    if found.dimensionality != wanted.dimensionality:
        raise Refused(f"'{text}' is not {_kind(unit)}; {_energy_advice(amount, symbol, unit)}{_write(unit)}")
    return float(_registry().Quantity(amount, found).to(wanted).magnitude)


def _unit(symbol: str, text: str, wanted: str = "") -> Any:
    import pint

    symbol = symbol.replace("%", "percent")
    if not re.fullmatch(r"[A-Za-z_0-9 ./*^-]*", symbol) or len(symbol) > 32 or re.search(r"\d\d", symbol):
        raise Refused(f"'{text}' has the unit '{symbol}', which is not known; write it like uL, min, nm, mmol/L or %")
    try:
        return _registry().Unit(symbol)
    except (pint.PintError, ValueError, TypeError, ArithmeticError, AssertionError) as exc:
        raise Refused(
            f"'{text}' has the unit '{symbol}', which is not known here{_did_you_mean(symbol, wanted)}"
        ) from exc


def _did_you_mean(symbol: str, wanted: str) -> str:
    known = ["uL", "mL", "L", "nm", "mm", "s", "min", "h", "degC", "K", "mM", "mmol/L", "mol/L", "umol", "eV", "%"]
    known.sort(key=lambda k: k == "%" or not same_kind(k, wanted))
    if symbol in ("C", "c", "Celsius", "celsius"):
        return "; write degC"
    same = [k for k in known if k.lower() == symbol.lower()]
    near = same or difflib.get_close_matches(symbol, known, n=1)
    note = " (capital letters matter: a factor of 1000 or more hangs on them)" if same else ""
    return f"; write {near[0]}{note}" if near else "; write it like uL, min, nm, mmol/L, degC or %"


def _finite(value: float, text: str) -> float:
    if not math.isfinite(value) or abs(value) > _LIMIT:
        raise Refused(f"{text} is not a finite number of a size that a bench knows; correct it")
    return value


def _bare(text: str, unit: str) -> float:
    raise Refused(f"{text} has no unit; {_kind(unit)} is wanted, write for example {_example(unit)}")


def _not_a_number(text: str, unit: str) -> str:
    if re.search(r"\d,\d", text):
        return f"'{text}' has a comma; write a decimal point: '{text.replace(',', '.')}'"
    if re.search(r"\d:\d", text):
        return f"'{text}' has a colon, which some readers take as a number to base 60; {_write(unit)}"
    if re.match(r"[-+.]?(nan|inf)", text, re.IGNORECASE):
        return f"'{text}' is not a finite number; {_write(unit)}"
    if ".." in text:
        return f"'{text}' is a range; one value is wanted: {_write(unit)}"
    return f"'{text}' is not {_kind(unit)}; {_write(unit)}"


def _energy_advice(amount: float, symbol: str, unit: str) -> str:
    if unit != "nm" or symbol != "eV" or amount <= 0:
        return ""
    return f"{amount:g} eV is {nm_from_ev(amount):.1f} nm; "


def _kind(unit: str) -> str:
    return _KINDS.get(unit, (f"a quantity in {unit}", ""))[0]


def _example(unit: str) -> str:
    text = _KINDS.get(unit, ("", f"1 {unit}"))[1]
    return text if unit == "" else f"'{text}'"


def _write(unit: str) -> str:
    return f"write for example {_example(unit)}"


def _range_example(unit: str) -> str:
    return {"": "2 .. 8", "degC": "25 .. 45 degC", "s": "1 .. 60 min"}.get(unit, f"1 .. 2 {unit}")
