"""What the mounted pipettes do to a volume: round it, refuse it, take it from a dilution, and how well they hit it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdl.bench import Pipette

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

DILUTIONS = (1.0, 10.0, 100.0)
"""How much weaker a stock may be made in between: tenfold steps, the fewest that reach a hundredth (chosen)."""

RANDOM_PERCENT = {
    "p20_single_gen2": ((1.0, 5.0), (10.0, 1.0), (20.0, 0.8)),
    "p300_single_gen2": ((20.0, 2.5), (150.0, 0.4), (300.0, 0.3)),
    "flex_1channel_50": ((1.0, 7.0), (10.0, 0.5), (50.0, 0.4)),
    "flex_1channel_1000": ((5.0, 2.5), (50.0, 0.3), (200.0, 0.15)),
}
"""Random error in per cent at volumes in uL, water: the shape of the vendor's tables, recalled and not confirmed
(assumed). The lab's own ``cv``, measured with its liquids, stands wherever it is larger."""

LASTING = 0.5
"""The part of the variance that stays with a pipette and does not average out over strokes (assumed, bench.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipetting:
    """The pipettes of one lab, and whether it has vials to dilute in."""

    pipettes: tuple[Pipette, ...]
    dilutes: bool

    @property
    def smallest_ul(self) -> float:
        """The smallest transfer of any mounted pipette."""
        return min(p.min_ul for p in self.pipettes)

    def draw(self, volume_ul: Array, *, optional: bool, dilutable: bool) -> tuple[Array, Array, Flags]:
        """Return what is drawn for ``volume_ul`` ``(n,)`` of a stock, from which dilution (1, 10, 100), and if it can.

        The weakest dilution that works is used; the stock that arrives is the draw over the dilution.
        """
        factors = DILUTIONS if dilutable and self.dilutes else DILUTIONS[:1]
        none = volume_ul < self.smallest_ul / factors[-1] / 2 if optional else np.zeros_like(volume_ul, dtype=bool)
        if optional:
            volume_ul = np.where(none, 0.0, np.maximum(volume_ul, self.smallest_ul / factors[-1]))
        drawn, factor = np.zeros_like(volume_ul), np.ones_like(volume_ul)
        ok = none.copy()
        for times in factors:
            rounded, can = self.round(volume_ul * times)
            take = can & ~ok
            drawn, factor = np.where(take, rounded, drawn), np.where(take, times, factor)
            ok |= can
        return np.where(ok, drawn, volume_ul), factor, ok

    def round(self, volume_ul: Array) -> tuple[Array, Flags]:
        """Round volumes ``(n,)`` to the pipette that takes each in the fewest strokes; not ok below every minimum."""
        best = np.full_like(volume_ul, np.nan)
        rank = np.full_like(volume_ul, np.inf)
        for index, pipette in enumerate(self._by_fineness):
            strokes = np.ceil(np.maximum(volume_ul, 1e-9) / pipette.stroke_ul)
            step = strokes * pipette.resolution_ul
            rounded = np.round(volume_ul / step) * step
            better = (rounded >= pipette.min_ul) & (strokes + 0.1 * index < rank)
            best = np.where(better, np.round(rounded, 3), best)
            rank = np.where(better, strokes + 0.1 * index, rank)
        ok = np.isfinite(best)
        return np.where(ok, best, volume_ul), ok

    def sd_ul(self, volume_ul: Array) -> Array:
        """Return the standard deviation in uL of delivered volumes ``(n,)``; nothing delivered has none."""
        random_ul, lasting_ul = self.errors_ul(volume_ul)
        return np.asarray(np.sqrt(random_ul**2 + (lasting_ul**2).sum(axis=0)))

    def errors_ul(self, volume_ul: Array) -> tuple[Array, Array]:
        """Return the sd in uL of volumes ``(n,)`` from stroke to stroke, and what lasts of it, by pipette ``(p, n)``.

        What lasts is the same fraction of everything that one pipette brings, row by row of ``pipettes`` by fineness.
        """
        random_ul, rank = np.zeros_like(volume_ul), np.full_like(volume_ul, np.inf)
        lasting_ul = np.zeros((len(self.pipettes), len(volume_ul)))
        for index, pipette in enumerate(self._by_fineness):
            strokes = np.ceil(np.maximum(volume_ul, 1e-9) / pipette.stroke_ul)
            takes = (volume_ul >= pipette.min_ul) & (strokes + 0.1 * index < rank)
            sd_ul = volume_ul * np.maximum(pipette.cv, _random(pipette.name, volume_ul / strokes))
            random_ul = np.where(takes, sd_ul * np.sqrt((1 - LASTING) / strokes), random_ul)
            lasting_ul = np.where(takes, 0.0, lasting_ul)
            lasting_ul[index] = np.where(takes, sd_ul * math.sqrt(LASTING), 0.0)
            rank = np.where(takes, strokes + 0.1 * index, rank)
        return random_ul, lasting_ul

    @property
    def _by_fineness(self) -> Sequence[Pipette]:
        return sorted(self.pipettes, key=lambda p: p.resolution_ul)


def _random(name: str, stroke_ul: Array) -> Array:
    """Return the random error of one stroke as a fraction, between tabulated volumes along their logarithm."""
    table = np.array(RANDOM_PERCENT.get(name, ((1.0, 0.0),)))
    return np.asarray(np.interp(np.log(np.maximum(stroke_ul, 1e-9)), np.log(table[:, 0]), table[:, 1]) / 100.0)
