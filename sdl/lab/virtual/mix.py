"""What is in a well when Cs meets Pb, and how much of it the precursor equilibrium sets free (virtual_lab.md, 1, 2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from scipy.optimize import brentq

from sdl.errors import Refused

GAS_J_MOL_K = 8.3145
ZERO_C_K, REFERENCE_K = 273.15, 298.15
TOPO_REFERENCE, DOPA_REFERENCE = 5.128e-3, 1.2e-3
"""Ligand of the nominal recipe in mol/L (section 2)."""
TRACE_MOL_L = 1e-6
"""Less of a ligand than this counts as this: the power laws below diverge without any [X]."""
LN_EQUILIBRIUM = math.log(2e4)
"""K_pre in L/mol, of 1 in TOPO [C: 0.97 of the Cs converts at the nominal recipe]."""
LEAD_PER_CS = 1.5
"""3 PbBr2 + 2 Cs-DOPA -> 2 CsPbBr3 + Pb(DOPA)2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What is in a well when Cs meets Pb, in mol/L of the whole, and how it is held."""

    cs_mol_l: float
    pb_mol_l: float
    topo_mol_l: float
    dopa_mol_l: float
    temperature_c: float = 25.0
    rpm: float = 600.0

    def __post_init__(self) -> None:
        positive = (self.cs_mol_l, self.pb_mol_l, self.temperature_c + ZERO_C_K, self.rpm)
        ligands = (self.topo_mol_l, self.dopa_mol_l)
        if not all(math.isfinite(v) and v > 0 for v in positive) or not all(0 <= v < math.inf for v in ligands):
            raise Refused(f"dots need Cs, Pb, a temperature, stirring, and ligands of 0 or more; got {self}")

    @classmethod
    def of_volumes(
        cls,
        *,
        cs_ml: float = 0.04,
        pb_ml: float = 0.08,
        topo_ml: float = 0.0,
        diluent_ml: float = 3.0,
        temperature_c: float = 25.0,
        rpm: float = 600.0,
    ) -> Self:
        """Mix the published stocks: 0.02 M Cs with 0.0946 M DOPA in all, 0.04 M Pb with 0.20 M TOPO, 0.20 M TOPO."""
        total_ml = cs_ml + pb_ml + topo_ml + diluent_ml
        return cls(
            cs_mol_l=0.02 * cs_ml / total_ml,
            pb_mol_l=0.04 * pb_ml / total_ml,
            topo_mol_l=0.20 * (pb_ml + topo_ml) / total_ml,
            dopa_mol_l=0.0946 * cs_ml / total_ml,
            temperature_c=temperature_c,
            rpm=rpm,
        )

    @property
    def converted(self) -> float:
        """The part X of Cs that the precursor equilibrium turns into the reservoir."""
        top = min(1.0, self.pb_mol_l / (LEAD_PER_CS * self.cs_mol_l)) * (1 - 1e-12)
        constant = math.log(max(self.topo_mol_l, TRACE_MOL_L) / TOPO_REFERENCE) - LN_EQUILIBRIUM

        def excess(x: float) -> float:
            left = math.log(max(1 - x, 1e-300)) + 1.5 * math.log(self.pb_mol_l - LEAD_PER_CS * self.cs_mol_l * x)
            return math.log(x) + 0.5 * math.log(self.cs_mol_l * x / 2) - left + constant

        return top if excess(top) <= 0 else float(brentq(excess, 1e-12 * top, top, xtol=1e-14))
