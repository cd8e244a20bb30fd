"""What a table's headers seem to say: name, unit and role of each column, as guesses for a person to confirm."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdl.campaign import DataColumn
from sdl.config import quantities
from sdl.config.table import MISSING, TEXT_UNIT, number
from sdl.errors import Refused
from sdl.history.sheet import Cell, Sheet
from sdl.units import BY_WRITTEN, unit_of

Array = NDArray[np.float64]

OPEN = "?"
"""Stands where only the chemist can know; a file that still has it is refused."""

_FEATURES = (
    ("plqy", r"\bpl ?qy\b|\bqy\b|quantum yield"),
    ("fwhm", r"\bfwhm\b|line ?width|half width|full width"),
    ("x1", r"\bx1\b|exciton|absor\w* (peak|max)|\babs(orption|orbance)? (peak|max)|first peak"),
    ("edge_length", r"edge length|\btem size\b|particle size|\bsize nm\b|diameter"),
    ("pl_peak", r"\bpl\b|emission|photolum|\bpeak pos|\bpeak\b|lambda (em|max|pl)|λ ?(em|max|pl)?\b"),
)
"""Words by which headers call the features, in the order they are tried (chosen from the tables we know)."""

_SERIAL = re.compile(
    r"|no|nr|id|index|#|(sample|exp\w*|run|batch|entry|vial|well|row)( ?(no|nr|id|name|number))?|unnamed.*"
)
_RATIO = re.compile(r"ratio|equiv|fraction|\bto\b|:|mol ?/ ?mol|v/v")

_ZEROS = 0.05  # share of exact zeros in a feature from which they are taken for "not measured"
_NAMES = 24  # different names at most in a column that may vary; more are sample names or remarks
_NUMERIC = 0.7  # share of filled cells that are numbers in a column of numbers
_SAME = 0.99999  # correlation from which two columns say the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What one column seems to be: its name and unit here, and why; ``role`` "left out" says why it is not used."""

    column: str
    role: str
    name: str = ""
    unit: str = ""
    zero_is_missing: bool = False
    why: str = ""


def guess(sheet: Sheet, *, decimal: str, units_row: bool) -> list[Guess]:
    """Return one guess per named column; ``units_row`` says that the first row below the header holds units."""
    found: list[Guess] = []
    numbers: dict[str, Array] = {}
    words: dict[str, tuple[int, ...]] = {}
    for i, header in enumerate(sheet.header):
        if not header:
            continue
        cells = sheet.columns[i][1:] if units_row else sheet.columns[i]
        below = str(sheet.columns[i][0] or "") if units_row and sheet.columns[i] else ""
        values = _numbers(cells, decimal)
        if sheet.header.count(header) > 1:
            found.append(Guess(column=header, role="left out", why="the name stands above two columns; rename one"))
        elif values is None:
            found.append(_named(header, cells, found, words))
        else:
            one = _measured(header, below, values, found)
            same = next((n for n, v in numbers.items() if one.role == "input" and _same(v, values)), "")
            if same:
                one = Guess(column=header, role="left out", why=f"says the same as '{same}' in every row")
            elif one.role == "input":
                numbers[header] = values
            found.append(one)
    return found


def decimal_mark(sheet: Sheet) -> str:
    """Return the decimal mark that the sheet's text numbers have: "," where more cells have it than a point."""
    texts = [c.strip() for column in sheet.columns for c in column[:200] if isinstance(c, str)]
    commas = sum(bool(re.fullmatch(r"[-+]?\d*,\d+", t)) for t in texts)
    points = sum(bool(re.fullmatch(r"[-+]?\d*\.\d+", t)) for t in texts)
    return "," if commas > points else "."


def unit_in(header: str) -> tuple[str, str]:
    """Return the header without its unit, and the unit ("" where none is written): ``T / degC`` is ``T``, ``degC``."""
    tidy = quantities.tidy(header)
    for pattern in (r"(.*)[(\[{]\s*([^()\[\]{}]+?)\s*[)\]}]\s*$", r"(.*?)\s+/\s+(\S+)$", r"(.*\S),\s*(\S+)$"):
        match = re.fullmatch(pattern, tidy)
        if match and _is_unit(match[2]):
            return match[1].strip(), match[2]
    known = unit_of(tidy.lower())
    if known and "_" in tidy:
        return tidy[: tidy.rindex("_")].removesuffix("_mmol").removesuffix("_mol"), known
    words = tidy.rsplit(" ", 1)
    if len(words) == 2 and words[1] in ("nm", "eV", "meV", "uL", "mL", "min", "s", "h", "degC", "%", "mM"):
        return words[0], words[1]
    return tidy, ""


def _is_unit(text: str) -> bool:
    try:
        quantities.canonical(text)
    except Refused:
        return False
    return bool(text.strip()) and not text.replace(".", "").isdigit()


def _numbers(cells: Sequence[Cell], decimal: str) -> Array | None:
    """Return a column's numbers with NaN where there is none, or None for a column that is not one of numbers."""
    plain = DataColumn(column="", unit="")
    values = np.full(len(cells), math.nan)
    filled = 0
    for k, cell in enumerate(cells):
        if cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING):
            continue
        filled += 1
        try:
            value = number(cell, plain, decimal=decimal)
        except Refused:
            continue
        values[k] = math.nan if value is None else value
    return values if filled and np.isfinite(values).sum() >= _NUMERIC * filled else None


def _named(header: str, cells: Sequence[Cell], before: Sequence[Guess], known: dict[str, tuple[int, ...]]) -> Guess:
    """Judge a column of words: a choice that may vary (then ``known`` learns it), or names and remarks."""
    words = [str(c).strip() for c in cells if c is not None and str(c).strip().lower() not in MISSING]
    different = len(set(words))
    if not words:
        return Guess(column=header, role="left out", why="is empty")
    if different == 1:
        return Guess(column=header, role="left out", why=f"is '{words[0][:40]}' in every row")
    if different > _NAMES or different > len(words) / 2:
        return Guess(column=header, role="left out", why=f"{different} different texts: names or remarks")
    first = {w: i for i, w in reversed(list(enumerate(words)))}
    pattern = tuple(first[w] for w in words)  # the same for columns that name the same things differently
    twin = next((h for h, p in known.items() if p == pattern), "")
    if twin:
        return Guess(column=header, role="left out", why=f"says the same as '{twin}' in every row")
    known[header] = pattern
    name = _free(_slug(header), before)
    return Guess(column=header, role="input", name=name, unit=TEXT_UNIT, why=f"{different} different names")


def _measured(header: str, below: str, values: Array, before: Sequence[Guess]) -> Guess:
    """Judge a column of numbers: a feature, an input, or a serial number."""
    seen = values[np.isfinite(values)]
    stem, unit = unit_in(header)
    why = "unit from the header"
    if not unit and below and _is_unit(below.strip("()[] ")):
        unit, why = quantities.tidy(below).strip("()[] "), "unit from the row below the header"
    words = re.sub(r"[_\-.]+", " ", stem.lower()).strip()
    if _SERIAL.fullmatch(words):
        return Guess(column=header, role="left out", why="looks like a serial number")
    if len(set(seen.tolist())) == 1:
        return Guess(column=header, role="left out", why=f"is {seen[0]:g} in every row")
    for feature, pattern in _FEATURES:
        taken = any(g.name == feature for g in before)
        if re.search(pattern, words) and not taken and _fits(feature, unit):
            zeros = float(np.mean(seen == 0.0))
            if not unit:
                unit, why = _unit_of_feature(feature, seen[seen != 0.0])
            missing = zeros >= _ZEROS
            why += f"; {zeros:.0%} of its cells are 0, taken as not measured" if missing else ""
            return Guess(column=header, role="feature", name=feature, unit=unit, zero_is_missing=missing, why=why)
    if not unit and set(seen.tolist()) <= {0.0, 1.0}:
        why = "0 or 1: yes or no, without unit"
    elif not unit and _RATIO.search(stem.lower().replace("_", " ")):
        why = "taken as a ratio without unit"
    elif not unit:
        unit, why = OPEN, "no unit is written in the header"
    name = _slug(stem)
    if name in BY_WRITTEN and not _fits(name, unit):
        name = f"{name}_of_{_slug(header)}"[:40]
    return Guess(column=header, role="input", name=_free(name, before), unit=unit, why=why)


def _fits(name: str, unit: str) -> bool:
    if unit in ("", OPEN):
        return True
    wanted = BY_WRITTEN[name].unit
    energy = wanted == "nm" and quantities.same_kind(unit, "eV")
    return energy or quantities.same_kind(unit, wanted)


def _unit_of_feature(feature: str, seen: Array) -> tuple[str, str]:
    """Return the unit that the size of a feature's values leaves, if it leaves one only."""
    middle = float(np.median(seen)) if len(seen) else math.nan
    if feature == "plqy":
        return (
            ("", "a fraction, from its values") if seen.max(initial=0.0) <= 1.0 else ("%", "per cent, from its values")
        )
    if feature in ("pl_peak", "x1") and 250 <= middle <= 1800:
        return "nm", "nm, from its values"
    if feature in ("pl_peak", "x1") and 0.7 <= middle <= 5:
        return "eV", "eV, from its values"
    if feature == "fwhm" and 0.01 <= middle < 1:
        return "eV", "eV, from its values"
    if feature == "fwhm" and 5 <= middle <= 60:  # in meV it would be below the thermal width of any dot at 300 K
        return "nm", "nm, from its values"
    return OPEN, "its values leave the unit open (nm or meV?)" if feature == "fwhm" else "no unit is written"


def _slug(header: str) -> str:
    """Return a name that a campaign file takes: lower-case letters, digits and underscores."""
    text = header.lower().replace("µ", "u").replace("%", " percent ").replace(":", " to ")
    name = re.sub(r"[^a-z0-9]+", "_", text.encode("ascii", "ignore").decode()).strip("_")[:40].strip("_")
    name = name if name and not name[0].isdigit() else f"x_{name}".strip("_")
    return f"{name}_value" if unit_of(name) else name  # a unit's suffix must not come twice, nor by chance


def _free(name: str, before: Sequence[Guess]) -> str:
    taken = {g.name for g in before}
    return next(n for n in (name, *(f"{name}_{k}" for k in range(2, 1000))) if n not in taken)


def _same(a: Array, b: Array) -> bool:
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3 or a[both].std() == 0 or b[both].std() == 0:
        return False
    return bool(abs(np.corrcoef(a[both], b[both])[0, 1]) > _SAME)
