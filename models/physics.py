"""What chemistry says of a dot's energy before the first experiment: a law of growth, a sizing curve, a Stokes shift.

The edge length follows from burst nucleation fed by a slow reservoir (LaMer's picture):
``L^3 = L0^3 + L_full^3 (1 - exp(-rate t))`` with ``L_full`` and ``rate`` power laws of what is in the well.  Each
coefficient has a prior as wide as chemistry leaves it; the Gaussian process learns what the law leaves out, and a law
that the data contradict loses to a level by its evidence.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from models.encode import DesignCode
from models.trend import Array

NEEDS = frozenset({"growth_time_s", "cs_concentration_mmol_l"})
"""Parameters without which the law says nothing."""

TELLS = frozenset({"pl_peak_nm", "x1_nm"})
"""Outcomes that the law foretells."""

REFERENCE = {"cs_concentration_mmol_l": 0.2564, "pb_to_cs": 4.0, "topo_to_pb": 5.0}
"""The nominal recipe of Yang 2024, section 3.2 (40 uL Cs-DOPA, 80 uL PbBr2-TOPO, 3 mL chlorobenzene)."""

KELVIN = 273.15

LEVEL_EV = 0.02
"""What the sizing curve may be off by as a whole: the residual sd of the curves through Li 2019's points is 14 meV."""

SMALLEST_NM = 1.8
"""Edge at which dots are born; the Stokes and sizing laws are not used below it (virtual_lab.md section 3)."""

STEP = 1e-4
"""Step of the difference quotients, in prior sds: far above rounding, far below what bends the law (chosen)."""

STEEPEST = 3.0
"""Coefficients stay within so many prior sds while the law is linearised (chosen: the law is not believed beyond)."""

PL, X1, GROWING = 0, 1, 2
"""Kinds of energy reading: PL peak and X1 of the quenched well, X1 of dots that still grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthLaw:
    """Prior means and sds of the law's coefficients; see the comments for units and sources."""

    coefficients: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: {
            # log of the full edge in nm, nominal recipe: PL 495 nm (Yang 2024, 3.2) is 5-6 nm by Ye 2024, table 1
            "log_edge": (np.log(5.5), 0.25),
            # exponents of the full edge: volume ~ ligand x solubility; solubility ~ TOPO
            "edge_cs": (0.5, 0.2),
            "edge_pb": (0.33, 0.2),
            "edge_topo": (0.33, 0.2),
            # per 1000/T: solubility rises with temperature, enthalpy of some 10 kJ/mol (assumed, wide)
            "edge_inverse_t": (-1.0, 1.0),
            # log of the rate in 1/s: yield 92 % after 30 min at the nominal recipe (Yang 2024, 3.2)
            "log_rate": (np.log(1.4e-3), 0.7),
            # dilution makes growth faster (Yang 2024, 3.2); the exponent is assumed
            "rate_cs": (-0.5, 0.4),
            # activation energy of 50 +- 17 kJ/mol over R, per 1000/T (assumed, usual for colloidal growth)
            "rate_inverse_t": (-6.0, 2.0),
            # how long growth goes on after the quench, s (assumed: mixing and ligand exchange take some tens of s)
            "lag_s": (20.0, 15.0),
            # Stokes shift in eV (Otero-Martinez 2024 and Brennan 2017: 30-80 meV at these sizes)
            "stokes_ev": (0.05, 0.02),
        }
    )
    sizing_ev: float = 2.324
    """X1 of the bulk: fit of 2.324 + 1.300/L through Li 2019, table 1 (residual 14 meV, leave-one-out)."""
    sizing_ev_nm: float = 1.300

    def speaks(self, names: Collection[str]) -> bool:
        """Say whether a space with these parameters has what the law needs."""
        return set(names) >= NEEDS

    def leads(self, names: Collection[str], goals: Collection[str]) -> bool:
        """Say whether it can aim the first batch: it speaks, and of one of the ``goals`` at least.

        Of a colour it speaks once readings tell the line's width, not before.
        """
        return self.speaks(names) and not TELLS.isdisjoint(goals)

    def energy(self, b: Mapping[str, float], seen: Mapping[str, Array], kind: int) -> Array:
        """Return the energy in eV ``(N,)`` of readings of ``kind`` where the parameters are ``seen``."""
        edge = np.full_like(seen["growth_time_s"], b["log_edge"])
        rate = np.full_like(edge, b["log_rate"])
        cs = np.log(np.maximum(seen["cs_concentration_mmol_l"], 1e-9) / REFERENCE["cs_concentration_mmol_l"])
        edge, rate = edge + b["edge_cs"] * cs, rate + b["rate_cs"] * cs
        for name, exponent in (("pb_to_cs", "edge_pb"), ("topo_to_pb", "edge_topo")):
            if name in seen:
                edge = edge + b[exponent] * np.log(np.maximum(seen[name], 1e-9) / REFERENCE[name])
        if "temperature_c" in seen:
            inverse = 1000.0 / (seen["temperature_c"] + KELVIN) - 1000.0 / (25.0 + KELVIN)
            edge, rate = edge + b["edge_inverse_t"] * inverse, rate + b["rate_inverse_t"] * inverse
        time_s = np.maximum(seen["growth_time_s"] + (0.0 if kind == GROWING else b["lag_s"]), 0.0)
        grown = -np.expm1(-np.exp(np.clip(rate, -30.0, 10.0)) * time_s)
        edge_nm = np.cbrt(SMALLEST_NM**3 + np.exp(3.0 * np.clip(edge, -2.0, 5.0)) * grown)
        return np.asarray(self.sizing_ev + self.sizing_ev_nm / edge_nm - (b["stokes_ev"] if kind == PL else 0.0))

    def around(self, code: DesignCode, at: Array | None = None) -> Linearised:
        """Return the law as a trend, linearised where the coefficients are ``at`` prior sds from their means."""
        return Linearised(law=self, code=code, at=np.zeros(len(self.coefficients)) if at is None else at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linearised:
    """A `GrowthLaw` as a trend: a mean, and one feature per coefficient (``at`` ``(p,)``, in prior sds)."""

    law: GrowthLaw
    code: DesignCode
    at: Array

    leads: ClassVar[bool] = True

    def __call__(self, X: Array, kind: int) -> tuple[Array, Array]:
        seen = self.code.values(X)
        here = self._energy(self.at, seen, kind)
        steps = STEP * np.eye(len(self.at))
        slopes = np.stack([(self._energy(self.at + s, seen, kind) - here) / STEP for s in steps], axis=1)
        level = np.full((len(X), 1), LEVEL_EV)
        return here - slopes @ self.at, np.concatenate([slopes, level], axis=1)

    def expected(self, X: Array) -> Array:
        """Return the PL energy in eV ``(N,)`` that the law expects at designs ``N x d``."""
        return self._energy(self.at, self.code.values(X), PL)

    def _energy(self, at: Array, seen: Mapping[str, Array], kind: int) -> Array:
        rows = zip(self.law.coefficients.items(), at, strict=True)
        return self.law.energy({name: mean + sd * float(u) for (name, (mean, sd)), u in rows}, seen, kind)

    def moved(self, found: Array) -> Linearised:
        """Linearise where the data put the coefficients: ``found`` ``(p + 1,)`` in prior sds."""
        at = np.clip(found[: len(self.at)], -STEEPEST, STEEPEST)
        return Linearised(law=self.law, code=self.code, at=at)
