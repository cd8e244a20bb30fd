"""PMA2PbBr4-CsPbBr3 heterojunctions as the virtual lab sees them: two absorption edges, two bands, little light.

Not a kinetic model: the positions, the size and the yield of the one published recipe (Yang 2024, chapter 4) with the
least that stoichiometry demands. Tags: [S] stated in the thesis, [X] assumed. Nothing is known of other antisolvents or
ratios: what follows from them here is assumed and good for rehearsals only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdl.errors import Refused
from sdl.units import FWHM_PER_SD, HC_EV_NM

Array = NDArray[np.float64]

EDGE_3D_NM, EXCITON_2D_NM, PL_3D_NM, PL_2D_NM = 494.0, 400.0, 518.0, 410.0
"""Absorption and PL of CsPbBr3 and PMA2PbBr4 [S; the thesis' text names 400 and 494 nm the wrong way round]."""
PLQY_WITHOUT_PMA, PLQY_PUBLISHED, PUBLISHED_PMA_TO_CS = 0.456, 0.010, 2.5
"""Yield of CsPbBr3 with oleic acid and oleylamine, of the heterojunction film, and the latter's PMA:Cs [S]."""
PUBLISHED_CS_MOL_L, CONFINED_NM = 100e-3 * 0.2 / 10.2, 4.0
"""Cs after 200 uL into 10 mL [S], and the blue shift for each e-fold below it [X]."""
SHARE_2D, FWHM_3D_EV, FWHM_2D_EV, EDGE_EV, EXCITON_2D_EV = 0.1, 0.095, 0.085, 0.04, 0.06
"""Part of the photons that the 2D phase emits, widths of both bands, of the edge and of the 2D exciton [X]."""
MOLAR_3D, MOLAR_2D = 2.5e3, 6.0e3
"""Absorbance at the 3D edge and at the 2D exciton, per mol/L of formula units and cm [X]."""
FORMING_S = 15.0
"""The solution is yellow-green at once [S]; time constant [X]."""
MEDIUM_INDEX = 1.560
"""Bromobenzene (CRC Handbook of Chemistry and Physics)."""


@dataclass(slots=True, kw_only=True)
class Heterojunction:
    """One well after the precursor met the antisolvent; concentrations in mol/L of the whole."""

    cs_mol_l: float
    pb_mol_l: float
    pma_mol_l: float
    time_s: float = 0.0

    def advance(self, t_s: float) -> Heterojunction:
        """Let time go on to ``t_s``."""
        self.time_s = max(self.time_s, t_s)
        return self

    def thin(self, diluted: float) -> None:
        """Let an addition make the volume ``1/diluted`` times as large."""
        self.cs_mol_l, self.pb_mol_l, self.pma_mol_l = (
            c * diluted for c in (self.cs_mol_l, self.pb_mol_l, self.pma_mol_l)
        )

    def quench(self, t_s: float, ratio: float) -> None:
        raise Refused(f"lecithin ({ratio:g}, at {t_s:g} s) on a heterojunction: no data, so no model")

    @property
    def three_d_mol_l(self) -> float:
        """CsPbBr3 that has formed."""
        return min(self.cs_mol_l, self.pb_mol_l) * -math.expm1(-self.time_s / FORMING_S)

    @property
    def two_d_mol_l(self) -> float:
        """PMA2PbBr4 that has grown on it; on its own it does not form [S: control without Cs, Fig. 4-4]."""
        left = max(0.0, self.pb_mol_l - self.cs_mol_l)
        return min(self.pma_mol_l / 2, left) * -math.expm1(-self.time_s / FORMING_S) if self.cs_mol_l > 0 else 0.0

    @property
    def plqy(self) -> float:
        """Yield of both bands together: falls with PMA as from 45.6 % to 1.0 % [S], exponentially [X]."""
        rate = math.log(PLQY_WITHOUT_PMA / PLQY_PUBLISHED) / PUBLISHED_PMA_TO_CS
        return PLQY_WITHOUT_PMA * math.exp(-rate * self.pma_mol_l / self.cs_mol_l) if self.cs_mol_l > 0 else 0.0

    @property
    def shift_ev(self) -> float:
        """Blue shift of a thinner precursor, as smaller crystals [X]."""
        thinner = math.log(max(1.0, PUBLISHED_CS_MOL_L / max(self.cs_mol_l, 1e-9)))
        return HC_EV_NM / (PL_3D_NM - CONFINED_NM * min(thinner, 3.0)) - HC_EV_NM / PL_3D_NM

    def absorbance(self, wavelength_nm: Array, path_cm: float) -> Array:
        """Return the absorbance of both phases, ``(w,)``."""
        energy = HC_EV_NM / wavelength_nm
        edge = HC_EV_NM / EDGE_3D_NM + self.shift_ev
        rise = np.exp(np.clip((edge - energy) / EDGE_EV, -700, 700))
        three_d = MOLAR_3D * self.three_d_mol_l * (energy / edge) ** 2 / (1 + rise)
        exciton = HC_EV_NM / EXCITON_2D_NM
        beyond = 1 / (1 + np.exp(np.clip((exciton + 0.25 - energy) / EXCITON_2D_EV, -700, 700)))
        peak = np.exp(-(((energy - exciton) / EXCITON_2D_EV) ** 2) / 2)
        return np.asarray(path_cm * (three_d + MOLAR_2D * self.two_d_mol_l * (peak + 0.8 * beyond)))

    def emission(self, wavelength_nm: Array) -> Array:
        """Return photons per nm for each photon absorbed, ``(w,)``: its integral is the yield."""
        energy = HC_EV_NM / wavelength_nm
        both = self.two_d_mol_l > 0
        bands = [(HC_EV_NM / PL_3D_NM + self.shift_ev, FWHM_3D_EV, 1 - SHARE_2D * both)]
        bands += [(HC_EV_NM / PL_2D_NM, FWHM_2D_EV, SHARE_2D)] if both else []
        lines = [s * _line(energy, centre, fwhm) for centre, fwhm, s in bands]
        return np.asarray(self.plqy * sum(lines) * energy**2 / HC_EV_NM)


def _line(energy_ev: Array, centre_ev: float, fwhm_ev: float) -> Array:
    sd = fwhm_ev / FWHM_PER_SD
    return np.asarray(np.exp(-(((energy_ev - centre_ev) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi)))
