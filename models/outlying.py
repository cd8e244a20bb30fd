"""Readings wildly off all others: named with every suggestion, for the model alone cannot tell an error from a find."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.suggestion import Row
from sdl.units import label_of, unit_of

WILD = 10.0
"""Distance from the median, in robust spreads, from which a reading is named: ordinary outliers, of which the model
knows (`models.doubt`), lie within (chosen)."""

FEWEST = 8
"""Readings below which nobody can say what is usual: one batch of the built-in lab (chosen)."""

SHOWN = 3
"""Readings that are named at most."""


def outlying(rows: Sequence[Row]) -> list[str]:
    """Name the readings that lie wildly off all others of their outcome, as they are and by their logarithm."""
    found = []
    for name in dict.fromkeys(name for row in rows for name in row.features):
        seen = [(row.experiment, row.features[name]) for row in rows if name in row.features]
        values = np.array([value for _, value in seen])
        far = _far(values) & (_far(np.log(values)) if (values > 0).all() else True)
        found += [
            f"{experiment} ({f'{label_of(name)} {value:.4g} {unit_of(name)}'.rstrip()})"
            for (experiment, value), off in zip(seen, far, strict=True)
            if off
        ]
    return found


def remark(rows: Sequence[Row]) -> str:
    """Return what to say of such readings; nothing where there are none."""
    found = outlying(rows)
    if not found:
        return ""
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"; far from all others: {', '.join(found[:SHOWN])}{more}, which widens forecasts: correct what is wrong"


def _far(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say which of the values ``(n,)`` lie more than `WILD` spreads (of the middle half) from their median."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    spread = (high - low) / 1.349  # the quartiles of a normal distribution are so many sds apart
    return (np.abs(values - middle) > WILD * spread) & (spread > 0.0) & (len(values) >= FEWEST)
