"""What differs by chance from one lot of stock to the next, from run to run and from well to well."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

NUCLEATION_SD, SOLUBILITY_SD = 0.35, 0.08
"""Total sd of ln J0 and of ln c_s between runs of one recipe (virtual_lab.md 2, batch effect)."""

LOT_SHARE, RUN_SHARE, WELL_SHARE = 0.5, 0.25, 0.25
"""How that variance splits: half is the lots' [virtual_lab.md 2], the rest is halved once more [assumed]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Factors on the constants of the model; 1 everywhere is its mean crystal factory.

    Batches differ in nucleation and solubility; a lab whose kinetics are not quite the model's differs in the rates of
    nucleation, release, attachment and diffusion.
    """

    nucleation: float = 1.0
    solubility: float = 1.0
    release: float = 1.0
    attachment: float = 1.0
    diffusion: float = 1.0

    def times(self, other: Effect) -> Effect:
        """Return both factors together."""
        return Effect(**{name: getattr(self, name) * getattr(other, name) for name in Effect.__slots__})


NO_EFFECT = Effect()


def generator(seed: int, *labels: object) -> np.random.Generator:
    """Return the random numbers that belong to ``labels`` in the lab with ``seed``, the same in every process."""
    named = hashlib.sha256("\x1f".join(map(str, (seed, *labels))).encode()).digest()
    return np.random.default_rng(int.from_bytes(named[:16], "big"))


def batch_effect(seed: int, lots: Collection[str], run: int, well: str) -> Effect:
    """Return what one well of one run gets; ``lots`` are those of the Cs-DOPA and PbBr2-TOPO stocks, in any order."""
    return _effect(
        *(
            math.sqrt(LOT_SHARE) * lot + math.sqrt(RUN_SHARE) * by_run + math.sqrt(WELL_SHARE) * by_well
            for lot, by_run, by_well in zip(
                _normals(seed, "lots", *sorted(lots)),
                _normals(seed, "run", run),
                _normals(seed, "well", run, well),
                strict=True,
            )
        )
    )


def lot_effect(seed: int, lots: Collection[str]) -> Effect:
    """Return the lots' part alone: the median of `batch_effect` over all runs and wells."""
    return _effect(*(math.sqrt(LOT_SHARE) * z for z in _normals(seed, "lots", *sorted(lots))))


def other_kinetics(seed: int, rsd: float) -> Effect:
    """Return rate constants that lie ``rsd`` (as sd of their logarithm) beside the model's, drawn by ``seed``."""
    draws = generator(seed, "kinetics").standard_normal(4)
    factors = (math.exp(rsd * float(z)) for z in draws)
    return Effect(**dict(zip(("nucleation", "release", "attachment", "diffusion"), factors, strict=True)))


def _normals(seed: int, *labels: object) -> tuple[float, float]:
    first, second = generator(seed, *labels).standard_normal(2)
    return float(first), float(second)


def _effect(nucleation_z: float, solubility_z: float) -> Effect:
    return Effect(nucleation=math.exp(NUCLEATION_SD * nucleation_z), solubility=math.exp(SOLUBILITY_SD * solubility_z))
