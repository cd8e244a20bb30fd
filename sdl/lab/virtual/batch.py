"""What differs from lot to lot, run to run and well to well: the batch effect of the virtual lab.

Total sd of the logarithms: 0.35 for the nucleation rate, 0.08 for the solubility (specification, section 2).
How it is split is assumed here: half the variance stays with the lots of Cs-DOPA and PbBr2-TOPO, a quarter is shared by
the wells of one robot run, a quarter is each well's own.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sdl.lab.virtual.chemistry import Effect

NUCLEATION_SD, SOLUBILITY_SD = 0.35, 0.08
LOT_SHARE, RUN_SHARE, WELL_SHARE = 0.5, 0.25, 0.25


def batch_effect(seed: int, lots: Iterable[str], run: int, well: str) -> Effect:
    """Return the effect on one well: its lots, its run and itself, each drawn from ``seed`` and its own name."""
    parts = (
        (LOT_SHARE, ("lot", *sorted(lots))),
        (RUN_SHARE, ("run", str(run))),
        (WELL_SHARE, ("well", str(run), well)),
    )
    return _effect(np.sum([math.sqrt(share) * _draw(seed, *name) for share, name in parts], axis=0))


def lot_effect(seed: int, lots: Iterable[str]) -> Effect:
    """Return the lot's part alone: what this lab gives on average with these stocks."""
    return _effect(math.sqrt(LOT_SHARE) * _draw(seed, "lot", *sorted(lots)))


def _draw(seed: int, *name: str) -> NDArray[np.float64]:
    """Return two standard normal numbers that follow from ``seed`` and ``name`` on every machine."""
    digest = hashlib.sha256("/".join(name).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")]).standard_normal(2)


def _effect(z: NDArray[np.float64]) -> Effect:
    return Effect(nucleation=math.exp(NUCLEATION_SD * z[0]), solubility=math.exp(SOLUBILITY_SD * z[1]))
