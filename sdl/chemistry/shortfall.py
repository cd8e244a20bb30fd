"""What stocks and pipettes cannot give, in words with numbers: the volume, the limit, and what to change."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdl.chemistry.balance import Well
from sdl.chemistry.declaration import Declaration
from sdl.route import Dose
from sdl.space import Columns
from sdl.units import written_of

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def shortfalls(declared: Declaration, smallest_ul: float, full: Columns, well: Well) -> dict[str, Flags]:
    """Return each dose that cannot be given, in words, and the rows in which it cannot ``(n,)``."""
    found: dict[str, Flags] = {}
    for dose in declared.route.doses:
        wanted, given = well.wanted_ul[dose.reagent], declared.given(dose, full)
        low = given & (wanted < smallest_ul) & (well.drawn(dose.reagent) < smallest_ul)
        if dose.optional:
            low &= wanted <= -smallest_ul  # a little less than nothing is nothing
        for rows, why in ((given & np.isnan(wanted), _unsolved), (low & (wanted <= 0), _too_much), (low, _too_little)):
            new = rows & ~np.logical_or.reduce([np.zeros_like(rows), *found.values()])
            if new.any():
                found[why(dose, _span(wanted[new]), smallest_ul)] = new
    return found


def _unsolved(dose: Dose, _: str, __: float) -> str:
    return f"no volume of '{dose.reagent}' gives what {_by(dose)} asks for; change what its stock contains"


def _too_much(dose: Dose, wanted: str, _: float) -> str:
    return (
        f"'{dose.reagent}' would have to be {wanted} uL: other stocks bring more already than {_by(dose)} asks for; "
        f"raise {_by(dose)}, or use purer stocks"
    )


def _too_little(dose: Dose, wanted: str, smallest_ul: float) -> str:
    return (
        f"'{dose.reagent}' needs {wanted} uL, below {smallest_ul:g} uL, the smallest pipette volume; "
        f"raise {_by(dose)}, use a weaker stock, or add a rack of empty vials to dilute in"
    )


def _by(dose: Dose) -> str:
    return written_of(dose.amount.by) if isinstance(dose.amount.by, str) else "the route"


def _span(values: Array) -> str:
    low, high = (float(np.nanmin(values)), float(np.nanmax(values))) if np.isfinite(values).any() else (np.nan, np.nan)
    return f"{low:.3g}" if not high - low > 1e-9 else f"{low:.3g} to {high:.3g}"
