"""What becomes of liquid in a vessel: dots begin, later additions thin them, sulfide and lecithin act on them.

For species without a model the lab says so instead of inventing a spectrum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sdl.errors import Refused
from sdl.lab.modelled import DOTS, raise_unless_modelled
from sdl.lab.virtual.chance import NO_EFFECT, Effect
from sdl.lab.virtual.chemistry import Growth
from sdl.lab.virtual.heterojunction import Heterojunction
from sdl.lab.virtual.mix import Mix

Reaction = Growth | Heterojunction

CS_STOCK_MMOL_L, LECITHIN_STOCK_MMOL_L = 20.0, 66.0
"""The stocks of Yang 2024 whose 1:1 v/v is a quench ratio of 1; other strengths count by moles."""

PRECURSORS = frozenset({"Cs", "Pb"})

TOGETHER_S = 30.0
"""Additions that follow each other within this time are one addition: strokes of one transfer [X]."""


@dataclass(slots=True)
class Vessel:
    """What one vial or bottle holds; ``lots`` are those of its Cs and Pb stocks."""

    volume_ul: float = 0.0
    umol: dict[str, float] = field(default_factory=dict)
    lots: frozenset[str] = frozenset()
    started_s: float | None = None  # when Cs and Pb first met
    fed_s: float = 0.0  # when something was last added
    run: int = 0
    celsius: float = 25.0
    growth: Reaction | None = None

    def mmol_l(self, species: str) -> float:
        return 1000.0 * self.umol.get(species, 0.0) / self.volume_ul if self.volume_ul > 0 else 0.0

    def take(self, volume_ul: float) -> Vessel:
        """Remove ``volume_ul``, at most what is there, and return it."""
        share = min(1.0, volume_ul / self.volume_ul) if self.volume_ul > 0 else 0.0
        taken = Vessel(
            volume_ul=share * self.volume_ul, umol={s: share * n for s, n in self.umol.items()}, lots=self.lots
        )
        self.volume_ul -= taken.volume_ul
        self.umol = {s: n - taken.umol[s] for s, n in self.umol.items()}
        return taken

    def add(self, liquid: Vessel) -> None:
        self.volume_ul += liquid.volume_ul
        for species, n in liquid.umol.items():
            self.umol[species] = self.umol.get(species, 0.0) + n
        self.lots |= liquid.lots

    @property
    def complete(self) -> bool:
        """Whether everything is there that makes crystals."""
        return all(self.umol.get(species) for species in PRECURSORS)


def begin(vessel: Vessel, effect: Effect = NO_EFFECT) -> Reaction:
    """Start what the content of ``vessel`` makes; raise `Refused` where there is no model of it."""
    poured = {species for species, n in vessel.umol.items() if n > 0}
    raise_unless_modelled(poured)
    if "PMA" in poured or not poured <= DOTS:
        cs, pb, pma = (vessel.mmol_l(species) / 1000.0 for species in ("Cs", "Pb", "PMA"))
        return Heterojunction(cs_mol_l=cs, pb_mol_l=pb, pma_mol_l=pma)
    if "S" in poured:
        raise Refused("(TMS)2S before there are dots makes PbS at once: the virtual lab has no model of that")
    return Growth(mix_of(vessel), effect)


def mix_of(vessel: Vessel) -> Mix:
    """Return what is in a well of dots, in mol/L of the whole."""
    cs, pb, topo, dopa = (vessel.mmol_l(species) / 1000.0 for species in ("Cs", "Pb", "TOPO", "DOPA"))
    # free DOPA, and what came bound to the Cs
    return Mix(cs_mol_l=cs, pb_mol_l=pb, topo_mol_l=topo, dopa_mol_l=dopa + cs, temperature_c=vessel.celsius)


def changes(vessel: Vessel, liquid: Vessel, t_s: float) -> bool:
    """Say whether ``liquid`` meets crystals that must have begun: lecithin, or anything well after the injection."""
    if vessel.started_s is None:
        return False
    later = vessel.growth is not None or t_s - vessel.fed_s > TOGETHER_S
    return later or liquid.umol.get("lecithin", 0.0) > 0.0


def act(vessel: Vessel, liquid: Vessel, t_s: float) -> None:
    """Add ``liquid`` to a vessel whose crystals grow: lecithin stops them, the rest thins them, (TMS)2S converts them.

    Lecithin does not thin (virtual_lab.md, section 1).
    """
    assert vessel.growth is not None and vessel.started_s is not None
    since_s, before_ul = t_s - vessel.started_s, vessel.volume_ul
    vessel.add(liquid)
    brought = {species for species, n in liquid.umol.items() if n > 0}
    raise_unless_modelled({species for species, n in vessel.umol.items() if n > 0})
    diluted = before_ul / vessel.volume_ul if vessel.volume_ul > 0 else 1.0
    match vessel.growth:
        case Growth():
            if not brought or brought - {"lecithin"}:
                vessel.growth.dilute(since_s, mix_of(vessel), diluted)
            if "S" in brought:
                vessel.growth.sulfidize(since_s, vessel.umol["S"] / vessel.umol["Pb"])
        case Heterojunction():
            vessel.growth.advance(since_s).thin(diluted)
    if "lecithin" in brought:
        vessel.growth.quench(since_s, quench_ratio(vessel.umol))


def quench_ratio(umol: Mapping[str, float]) -> float:
    """Return v_lec/v_cs of the nominal stocks, with the Cs that withdrawn aliquots left in the well."""
    return (umol["lecithin"] / LECITHIN_STOCK_MMOL_L) / (umol["Cs"] / CS_STOCK_MMOL_L)
