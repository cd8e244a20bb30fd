"""What a table shows when one looks at it twice: copies, replicates, jumps of a thousand, values that stand alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sdl.config.table import Excluded, Table
from sdl.errors import Refused
from sdl.target import BEHIND, Target, paints
from sdl.units import counted, label_of, unit_of

JUMP = 300.0
"""Factor between neighbouring sorted values from which two units are suspected: below 1000 (mL against uL), above any
gap within one recipe (chosen)."""

ALONE = 6.0
"""Robust z-score (distance from the median in 1.4826 median absolute deviations) from which a value stands alone."""

LOST = 1e3
"""Factor from all others beyond which a few values alone would set the range of a column: more than one mistaken prefix
of a unit (chosen). Below the others it is the square of it, since nothing is often written as something small."""

ZEROS = 0.05
"""Share of exact zeros in a feature from which "not measured" is suspected."""

_ENOUGH, _FEWEST = 4, 0.1  # values of a column from which a few can be told, and the share of it that is few
_SHOWN = 5
_KINDS = 6  # reasons of what was left out that are said


def remarks(table: Table) -> list[str]:
    """Return what a careful reader would ask about the rows that are used; nothing of it is left out by itself."""
    return [*_repeats(table), *doubts(table)]


def doubts(table: Table) -> list[str]:
    """Return what may be wrong in the rows that are used: zeros, values that stand alone, two units in one column."""
    said: list[str] = []
    names = sorted({name for f in table.features for name in f})
    for name in names:
        at = [i for i, f in enumerate(table.features) if name in f]
        values = np.array([table.features[i][name] for i in at])
        said += _suspicious(table, name, at, values)
    for name in table.designs[0] if table.designs else ():
        at = [i for i, d in enumerate(table.designs) if isinstance(d[name], float)]
        if at:
            values = np.array([float(table.designs[i][name]) for i in at])
            said += _other_units(table, name, at, values) or _jumps(table, name, at, values)
    return said


def unlearned(target: Target, seen: Sequence[Mapping[str, float]]) -> list[str]:
    """Say which goals cannot be learned from the features ``seen``: never measured, or with one value only."""
    values = {name: [f[name] for f in seen if name in f] for name in (*target.goals, *BEHIND.values())}
    varied = [name for name, found in values.items() if len(set(found)) > 1]
    read = BEHIND if paints(target, varied) else {}
    return [
        f"Nothing can be learned of {label_of(name)}: {_sameness(name, values[name], len(seen))}; no design is chosen "
        f"for it{', and P(hit) stays 0, since nobody can tell a hit' if goal.bounded else ''}. Measure it in two "
        "different experiments at least, or drop the goal."
        for name, goal in target.goals.items()
        if name not in varied and name not in read
    ]


def _sameness(name: str, values: Sequence[float], rows: int) -> str:
    if not values:
        return f"none of {counted(rows, 'row')} has a value"
    only = f"{values[0]:.4g} {unit_of(name)}".rstrip()
    return f"its only value is {only}, in {len(values)} of {counted(rows, 'row')}"


def refuse_lost(table: Table, name: str, column: str, remedy: str) -> None:
    """Raise `Refused` for cells of input ``name``, headed ``column``, that alone would set its range."""
    values = np.array([float(design[name]) for design in table.designs])
    lost = np.flatnonzero(_lost(np.abs(values)))
    if len(lost):
        others = np.delete(values, lost)
        span = f"{others.min():.4g} .. {others.max():.4g} {unit_of(name)}".rstrip()
        raise Refused(
            f"{table.file}: column '{column}', {_rows(table, range(len(values)), values, lost.tolist())}: so far from "
            f"all others ({span}) that the range would be set by it alone; {remedy}"
        )


def _lost(sizes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which of the sizes are few and lie beyond a gap that no other value of the column explains."""
    seen = np.unique(sizes[sizes > 0.0])
    few = max(1.0, _FEWEST * len(sizes))
    for low, step in zip(seen, np.diff(np.log(seen)), strict=False):
        above, below = sizes > low, (sizes > 0.0) & (sizes <= low)
        for side, gap in ((above, LOST), (below, LOST**2)):
            if len(sizes) >= _ENOUGH and step > np.log(gap) and side.sum() <= few:
                return np.asarray(side)
    return np.zeros(len(sizes), dtype=bool)


def left_out(table: Table) -> str:
    """Say how many rows and cells were left out, for which reasons, and where the first of each are; "" for none."""
    if not table.excluded:
        return ""
    rows = {e.row for e in table.excluded if e.whole_row}
    cells = sum(not e.whole_row for e in table.excluded)
    kinds = Counter(_kind(e) for e in table.excluded)
    said = []
    for kind, count in kinds.most_common(_KINDS):
        first = next(e for e in table.excluded if _kind(e) == kind)
        where = first.cell or f"row {first.row}"
        said.append(
            f"{where} {f'({first.column}) ' if first.column else ''}{first.reason}"
            + (f" (and {count - 1} more like it)" if count > 1 else "")
        )
    rest = sum(kinds.values()) - sum(count for _, count in kinds.most_common(_KINDS))
    more = f"; and {rest} others" if rest else ""
    what = " and ".join(counted(n, one) for n, one in ((len(rows), "row"), (cells, "single cell")) if n)
    return f"Left out of {table.file}: {what}: {'; '.join(said)}{more}"


def _kind(excluded: Excluded) -> tuple[str, str]:
    return excluded.column, re.sub(r"\d[\d.]*(e[-+]\d+)?", "", excluded.reason.split("'")[-1])


def _repeats(table: Table) -> list[str]:
    groups: dict[tuple[object, ...], list[int]] = {}
    for i, design in enumerate(table.designs):
        groups.setdefault(tuple(design.values()), []).append(i)
    replicates = [g for g in groups.values() if len(g) > 1]
    copies = [(a, b) for g in replicates for a, b in pairwise(g) if _equal(table, a, b)]
    said = []
    if replicates:
        many = sum(map(len, replicates))
        said.append(
            f"{len(replicates)} designs were made more than once ({many} rows): they tell the scatter of the lab."
        )
        said += [text for name in _features(table) if (text := _scatter(table, name, replicates))]
    if copies:
        pairs = ", ".join(f"{table.rows[a]} and {table.rows[b]}" for a, b in copies[:_SHOWN])
        more = f" and {len(copies) - _SHOWN} more pairs" if len(copies) > _SHOWN else ""
        said.append(
            f"Rows {pairs}{more} are equal in every value: if one is a copy, list it under data: exclude; a copy "
            "counts as a second experiment otherwise."
        )
    return said


def _features(table: Table) -> list[str]:
    return sorted({name for f in table.features for name in f})


def _equal(table: Table, a: int, b: int) -> bool:
    return dict(table.features[a]) == dict(table.features[b])


def _scatter(table: Table, name: str, groups: Sequence[Sequence[int]]) -> str:
    """Return the pooled sd of replicates in words, "" where no design has this feature twice."""
    values = [[table.features[i][name] for i in g if name in table.features[i]] for g in groups]
    twice = [v for v in values if len(v) > 1]
    freedom = sum(len(v) - 1 for v in twice)
    if not freedom:
        return ""
    pooled = (sum(float(np.var(v)) * len(v) for v in twice) / freedom) ** 0.5
    return f"Replicates of {label_of(name)} scatter by {pooled:.2g} {unit_of(name)} (sd, {freedom} degrees of freedom)."


def _suspicious(table: Table, name: str, at: Sequence[int], values: NDArray[np.float64]) -> list[str]:
    said = []
    zeros = values == 0.0
    if zeros.mean() >= ZEROS and len(values) > 1:
        said.append(
            f"{label_of(name)} is exactly 0 in {zeros.sum()} of {len(values)} rows: if that means not measured, write "
            "'zero: missing' at its column."
        )
    if jump := _other_units(table, name, at, values) or _jumps(table, name, at, values):
        return [*said, *jump]
    middle = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - middle)))
    alone = [k for k, v in enumerate(values) if spread > 0 and abs(v - middle) > ALONE * spread and not zeros[k]]
    if alone:
        said.append(
            f"{label_of(name)} stands alone in {_rows(table, at, values, alone)}: {ALONE:g} times the usual spread "
            f"from the median {middle:.4g}. Typing error, or a real find?"
        )
    return said


def _jumps(table: Table, name: str, at: Sequence[int], values: NDArray[np.float64]) -> list[str]:
    """Suspect two units where a few values lie a factor of hundreds from all others."""
    positive = np.unique(values[values > 0])
    if len(positive) < 4:
        return []
    steps = np.diff(np.log(positive))
    k = int(steps.argmax())
    if steps[k] < np.log(JUMP):
        return []
    small = [i for i, v in enumerate(values) if 0 < v <= positive[k]]
    large = [i for i, v in enumerate(values) if v > positive[k]]
    few = small if len(small) <= len(large) else large
    if len(few) > 0.3 * len(values):
        return []
    factor = float(np.exp(steps[k]))
    return [
        f"{label_of(name)} is a factor of {factor:.0f} apart from all others in {_rows(table, at, values, few)}: "
        "another unit? Write it into the cell ('5 mL'), or correct the value."
    ]


_MISTAKEN = {
    "degC": {"K": (1.0, -273.15)},
    "s": {"a 60 times smaller unit": (1.0 / 60.0, 0.0)},
    "mmol/L": {"mol/L": (1000.0, 0.0), "umol/L": (0.001, 0.0)},
    "plqy": {"a fraction among per cent": (100.0, 0.0)},
}
"""Units that people mix up in one column, by quantity or unit: what a number means is factor times it plus offset."""

FEW, FAR = 0.3, 3.0
"""Share of a column that may be in another unit, and how many usual spreads above the others it stands (chosen)."""


def _other_units(table: Table, name: str, at: Sequence[int], values: NDArray[np.float64]) -> list[str]:
    """Suspect another unit where a few values stand far from all others and fall among them once converted."""
    if len(values) < 4:
        return []
    for unit, (factor, offset) in _MISTAKEN.get(name, _MISTAKEN.get(unit_of(name), {})).items():
        far = _far_below(values, factor) if factor > 1.0 else _far_above(values)
        if not far.any():
            continue
        usual, meant = values[~far], factor * values[far] + offset
        slack = 0.1 * float(np.ptp(usual))
        if ((meant >= usual.min() - slack) & (meant <= usual.max() + slack)).all():
            return [
                f"{label_of(name)} looks like {unit} in {_rows(table, at, values, np.flatnonzero(far).tolist())}: "
                "converted, these lie among all others. Write the unit into the cell, or correct the value."
            ]
    return []


def _far_above(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    low, high = np.quantile(values, [0.1, 1.0 - FEW])
    return np.asarray(values > high + FAR * max(high - low, 1e-12))


def _far_below(values: NDArray[np.float64], factor: float) -> NDArray[np.bool_]:
    """Say which values lie nearer to what a slip by ``factor`` makes of the usual ones than to these."""
    return np.asarray((values > 0) & (values < np.quantile(values, FEW) / np.sqrt(factor)))


def _rows(table: Table, at: Sequence[int], values: NDArray[np.float64], which: Sequence[int]) -> str:
    shown = ", ".join(f"row {table.rows[at[k]]} ({values[k]:.4g})" for k in which[:_SHOWN])
    return shown + (f" and {len(which) - _SHOWN} more" if len(which) > _SHOWN else "")
