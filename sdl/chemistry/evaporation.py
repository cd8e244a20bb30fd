"""How fast a stock loses solvent through its cap, what that does to its concentration, and how old it may become.

Stefan's law of a vapour that diffuses through stagnant air in the head space above the liquid (chemical safety facts,
"Evaporation"); solutes stay. A ventilated deck loses two to five times as much as this, so a stock whose computed drift
passes `MAX_DRIFT` is replaced or measured again, however it was corrected.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sdl.bench import Lab
from sdl.campaign import Stock
from sdl.chemistry.recipe import Run
from sdl.chemistry.solvents import SOLVENTS
from sdl.chemistry.substances import MIXTURES, element_counts, substance
from sdl.errors import Refused

GAS_J_MOL_K = 8.3145
ZERO_C_K, ROOM_K = 273.15, 298.15
PRESSURE_KPA = 101.325

HEAD_SPACE_MM = 20.0
"""Stagnant air above the liquid (chemical safety facts, computed numbers)."""

SEPTUM = 0.1
"""What a pre-slit PTFE septum lets through of an open vial's loss (chemical safety facts: about a tenth, assumed)."""

MAX_DRIFT = 0.02
"""Relative rise of a concentration past which a stock is not used (chemical safety facts, "Evaporation")."""

_FULLER_VOLUMES: Mapping[str, float] = {"C": 15.9, "H": 2.31, "O": 6.11, "N": 4.54, "Cl": 21.0, "Br": 21.9, "S": 22.9}
_FULLER_RING, _FULLER_AIR, _AIR_G_MOL = -18.3, 19.7, 28.97
_FULLER = 0.00143
"""Diffusion volumes of atoms, of an aromatic ring and of air, and the law's factor for T in K, p in bar, D in cm2/s.

Fuller, Schettler and Giddings 1966, as in Poling, Prausnitz and O'Connell, The Properties of Gases and Liquids, 11-4.
"""

_AROMATIC = frozenset({"toluene", "chlorobenzene", "bromobenzene"})


def vapour_pressure_kpa(solvent: str, temperature_c: float) -> float:
    """Return the vapour pressure in kPa, by Clausius and Clapeyron between 25 degC and the boiling point."""
    at_room = substance(solvent).vapour_pressure_kpa
    if at_room is None or solvent not in SOLVENTS:
        raise Refused(f"{solvent}: its vapour pressure at 25 degC is missing; add it to substances.csv with its source")
    boiling_k = SOLVENTS[solvent].boiling_c + ZERO_C_K
    slope_k = math.log(PRESSURE_KPA / at_room) / (1 / ROOM_K - 1 / boiling_k)
    return at_room * math.exp(slope_k * (1 / ROOM_K - 1 / (temperature_c + ZERO_C_K)))


def diffusion_m2_s(solvent: str, temperature_c: float) -> float:
    """Return how fast the solvent's vapour diffuses in air, by the method of Fuller."""
    known = substance(solvent)
    volume = sum(_FULLER_VOLUMES[e] * n for e, n in element_counts(known.formula).items())
    volume += _FULLER_RING if solvent in _AROMATIC else 0.0
    reduced = 2 / (1 / known.g_mol + 1 / _AIR_G_MOL)
    size = (volume ** (1 / 3) + _FULLER_AIR ** (1 / 3)) ** 2
    kelvin = temperature_c + ZERO_C_K
    return float(1e-4 * _FULLER * kelvin**1.75 / (PRESSURE_KPA / 100.0 * math.sqrt(reduced) * size))


def open_loss_ul_h(solvent: str, *, opening_mm: float, temperature_c: float = 25.0) -> float:
    """Return how many uL of ``solvent`` an open vial of this inner diameter loses per hour."""
    pressure, kelvin = vapour_pressure_kpa(solvent, temperature_c), temperature_c + ZERO_C_K
    if pressure >= PRESSURE_KPA:
        raise Refused(f"{solvent} boils at {temperature_c:g} degC: it cannot stand on a deck; lower the temperature")
    known = substance(solvent)
    if known.density_g_ml is None:
        raise Refused(f"{solvent}: its density is missing; add it to substances.csv with its source")
    driving = math.log(PRESSURE_KPA / (PRESSURE_KPA - pressure))
    molar_m3 = PRESSURE_KPA * 1e3 / (GAS_J_MOL_K * kelvin)
    flux = diffusion_m2_s(solvent, temperature_c) * molar_m3 * driving / (HEAD_SPACE_MM * 1e-3)
    mol_h = flux * math.pi / 4 * (opening_mm * 1e-3) ** 2 * 3600.0
    return mol_h * known.g_mol / known.density_g_ml * 1e3


def loss_ul_h(solvent: str, *, opening_mm: float, temperature_c: float = 25.0) -> float:
    """Return how many uL per hour a stock vial with a pre-slit septum loses; a mixture as its most volatile part."""
    most_volatile = MIXTURES.get(solvent, ((solvent, 1.0),))[0][0]
    return SEPTUM * open_loss_ul_h(most_volatile, opening_mm=opening_mm, temperature_c=temperature_c)


def losses_ul_h(lab: Lab, stocks: Iterable[Stock]) -> dict[str, float]:
    """Return how many uL per hour each stock location loses at room temperature; 0 where its opening is not known."""
    found = {}
    for stock in stocks:
        for at in stock.at:
            opening_mm = lab.deck[lab.locate(at)[0]].opening_mm
            loses = opening_mm > 0
            found[at] = loss_ul_h(stock.solvent, opening_mm=opening_mm, temperature_c=lab.room_c) if loses else 0.0
    return found


def gone_after_ul(lab: Lab, stocks: Iterable[Stock], run: Run) -> dict[str, float]:
    """Return how many uL evaporate at each stock location until ``run`` ends, released as late as its windows allow."""
    late_s = max((s.latest_s - s.at_s for s in run.steps if s.latest_s is not None and s.at_s is not None), default=0.0)
    hours = (run.duration_s + max(0.0, late_s)) / 3600.0
    return {at: ul_h * hours for at, ul_h in losses_ul_h(lab, stocks).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A stock as it stands at one place: which lot since when, and what evaporated. Times are on the lab clock.

    ``factor`` is its concentration over that when it was loaded; ``made_s`` is unknown (NaN) for a lot without a date.
    """

    lot: str
    loaded_s: float
    seen_s: float
    made_s: float = math.nan
    lost_ul: float = 0.0
    factor: float = 1.0

    def at(self, now_s: float, *, ledger_ul: float, loss_ul_h: float) -> Standing:
        """Return it as it stands at ``now_s``, where the ledger says that ``ledger_ul`` were not drawn.

        Raises `Refused` where nothing liquid would be left.
        """
        lost_ul = loss_ul_h * max(0.0, now_s - self.seen_s) / 3600.0
        volume_ul = ledger_ul - self.lost_ul
        if lost_ul >= volume_ul > 0:
            raise Refused(f"lot {self.lot or 'not given'} has dried out: {lost_ul:.0f} uL evaporated since it was seen")
        factor = self.factor if volume_ul <= 0 else self.factor * volume_ul / (volume_ul - lost_ul)
        return replace(self, seen_s=max(now_s, self.seen_s), lost_ul=self.lost_ul + lost_ul, factor=factor)

    def age_h(self, now_s: float) -> float:
        """Return how long ago the lot was made, NaN where nobody said when."""
        return (now_s - self.made_s) / 3600.0


def corrected(stock: Stock, standing: Standing) -> Stock:
    """Return the stock with the concentrations it has now, and the lot that stands there."""
    contains = {species: mmol_l * standing.factor for species, mmol_l in stock.contains.items()}
    return replace(stock, contains=contains, lot=standing.lot)


def why_not(stock: Stock, standing: Standing, now_s: float) -> str:
    """Return why this stock must not be used now, with the number and the limit; "" where it may be."""
    drift = standing.factor - 1.0
    if stock.contains and drift > MAX_DRIFT:
        open_h = (now_s - standing.loaded_s) / 3600.0
        return (
            f"{stock.name} is {drift:.1%} more concentrated after {open_h:.1f} h under its septum "
            f"({standing.lost_ul:.0f} uL {stock.solvent} evaporated), the limit is {MAX_DRIFT:.0%}: replace it"
        )
    return too_old(stock, standing.age_h(now_s), standing.lot)


def age_h(stock: Stock, now: datetime) -> float:
    """Return how long before ``now`` the stock's lot was made, NaN where nobody said; a date counts from 0:00 UTC."""
    if not stock.made:
        return math.nan
    made = datetime.fromisoformat(stock.made)
    return (now - (made if made.tzinfo else made.replace(tzinfo=UTC))).total_seconds() / 3600.0


def too_old(stock: Stock, age_h: float, lot: str) -> str:
    """Return why a lot of this age must not be used; "" where it may be or nobody limits it."""
    if not age_h > stock.max_age_h:
        return ""
    return (
        f"{stock.name}, lot {lot or 'not given'}, is {_days(age_h)} old, its max_age is {_days(stock.max_age_h)}: "
        "make a new lot and write its lot and made here"
    )


def _days(hours: float) -> str:
    return f"{hours / 24:.1f} d" if hours >= 48 else f"{hours:.1f} h"
