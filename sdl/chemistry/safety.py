"""What the lab allows in a well while it fills: volume, hexane, temperature, and time the arm needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sdl.chemistry.balance import Well
from sdl.chemistry.declaration import count
from sdl.chemistry.schedule import look_s, shortest_growth_s
from sdl.chemistry.solvents import NOTICEABLE_FRACTION, SOLVENTS
from sdl.route import Dose, Hold, Manual, Read
from sdl.space import Columns

if TYPE_CHECKING:
    from sdl.chemistry.compiler import Compiler

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def safe(compiler: Compiler, full: Columns, well: Well) -> Flags:
    """Return which of ``n`` designs keep every rule ``(n,)``."""
    return np.asarray(np.logical_and.reduce(list(rules(compiler, full, well).values())), dtype=bool)


def rules(compiler: Compiler, full: Columns, poured: Well) -> dict[str, Flags]:
    """Return each rule in words, with the lab's number, and which designs keep it ``(n,)``.

    Composition is looked at after every addition, in the order in which the arm adds: that is what the verifier does.
    """
    lab, limits = compiler.lab, compiler.lab.limits
    temperature = full["temperature_c"]
    rack = lab.deck[lab.blocks[0].rack]
    capacity_ul = rack.capacity_ul * limits.max_fill_fraction
    fill, hexane, boiling = (np.ones(count(full), dtype=bool) for _ in range(3))
    for dose, volumes in _filling(compiler, full, poured):
        total = sum(volumes.values(), np.zeros(count(full)))
        fill &= total <= capacity_ul
        for solvent, volume in volumes.items():
            share = volume / np.maximum(total, 1e-9)
            hottest = SOLVENTS[solvent].boiling_c - limits.boiling_margin_c
            boiling &= (share <= NOTICEABLE_FRACTION) | (temperature <= hottest)
            if solvent == "hexane" and dose.action != "dispense":
                hexane &= share <= limits.max_hexane_fraction
    lowest, highest = min(b.low_c for b in lab.reaction_blocks), max(b.high_c for b in lab.reaction_blocks)
    run_s = limits.max_run_h * 3600.0
    return {
        f"a well takes {capacity_ul:g} uL": fill,
        f"hexane stays below {limits.max_hexane_fraction:.0%} of a well": hexane,
        f"every solvent above {NOTICEABLE_FRACTION:.0%} boils {limits.boiling_margin_c:g} K above the well": boiling,
        f"the lab allows {limits.max_temperature_c:g} degC": temperature <= limits.max_temperature_c,
        f"the block holds {lowest:g} to {highest:g} degC": (temperature >= lowest) & (temperature <= highest),
        "the arm needs its time between two additions to one well": _in_time(compiler, full, poured),
        f"a run lasts {limits.max_run_h:g} h": compiler.declared.held_s(full) <= run_s,
    }


def _filling(compiler: Compiler, full: Columns, poured: Well) -> Iterator[tuple[Dose, dict[str, Array]]]:
    """Yield each addition in order and what uL of each solvent the wells hold after it."""
    well = compiler.empty(full)
    for doses in compiler.additions(full, well):
        for dose in doses:
            well.copy(dose.reagent, poured)
            volumes: dict[str, Array] = {}
            for reagent, ul in well.parts():
                for stock, rows in compiler.declared.stocks_of(reagent, full):
                    volumes[stock.solvent] = volumes.get(stock.solvent, 0.0) + np.where(rows, ul, 0.0)
            yield dose, volumes


def _in_time(compiler: Compiler, full: Columns, poured: Well) -> Flags:
    """Say where the arm is back at a well in time for its next addition or outcome ``(n,)``."""
    lab, n = compiler.lab, count(full)
    ok, gap_s, busy_s = np.ones(n, dtype=bool), np.full(n, np.inf), np.zeros(n)
    for step in compiler.route.steps:
        if isinstance(step, Manual):
            break  # people take the time they need, and what is read after them is not timed
        if isinstance(step, Hold):
            gap_s = gap_s + compiler.declared.number(step.by, full)
        elif isinstance(step, Read):
            ok &= gap_s >= shortest_growth_s(lab, lab.reader.sample_ul)
            gap_s, busy_s = np.zeros(n), np.full(n, look_s(lab))
        elif isinstance(step, Dose) and step.action != "dispense":
            drawn, row = np.unique(poured.drawn(step.reagent), return_inverse=True)
            needs_s = np.array([shortest_growth_s(lab, ul) if ul > 0 else 0.0 for ul in drawn.tolist()])[row]
            ok &= (gap_s >= needs_s + busy_s) | (drawn[row] <= 0)
            gap_s, busy_s = np.where(drawn[row] > 0, 0.0, gap_s), np.zeros(n)
    return ok
