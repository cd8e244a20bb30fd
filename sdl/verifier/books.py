"""The verifier's books: what is in every well and in every tip, by where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field

from sdl.verifier.bench import Liquid, Vessel

TINY_UL = 1e-3
"""Volumes closer than this are equal: far below any pipette's resolution, far above rounding (chosen)."""

EMPTY = Liquid(volume_ul=0.0, solvents={})


@dataclass(slots=True)
class Parcel:
    """One draw in a tip: ``origin`` is the location it came from, "" for air, and ``liquid`` what stood there."""

    origin: str
    volume_ul: float
    liquid: Liquid = EMPTY


@dataclass(slots=True)
class Well:
    """One well's books: solvents in uL, species in umol, and what it received from where."""

    location: str
    vessel: Vessel
    volume_ul: float = 0.0
    start_ul: float = 0.0
    solvent_ul: dict[str, float] = field(default_factory=dict)
    umol: dict[str, float] = field(default_factory=dict)
    received_ul: dict[str, float] = field(default_factory=dict)
    received_umol: dict[str, float] = field(default_factory=dict)
    drawn: bool = False

    @classmethod
    def start(cls, location: str, vessel: Vessel, well: str) -> Well:
        liquid = vessel.holds.get(well, EMPTY)
        solvent_ul = {name: part * liquid.volume_ul for name, part in liquid.solvents.items()}
        return cls(
            location=location,
            vessel=vessel,
            volume_ul=liquid.volume_ul,
            start_ul=liquid.volume_ul,
            solvent_ul=solvent_ul,
            umol=liquid.umol,
        )

    @property
    def level_mm(self) -> float:
        """How high the liquid stands above the bottom."""
        return 0.0 if self.vessel.drains else self.volume_ul / self.vessel.area_mm2

    @property
    def names(self) -> frozenset[str]:
        """Every solvent and species that is in here, however little."""
        here = {n for n, ul in self.solvent_ul.items() if ul > TINY_UL} | {n for n, umol in self.umol.items() if umol}
        return frozenset(here) if self.volume_ul > TINY_UL else frozenset()

    def liquid(self) -> Liquid:
        total = max(self.volume_ul, TINY_UL)
        return Liquid(
            volume_ul=self.volume_ul,
            solvents={name: ul / total for name, ul in self.solvent_ul.items()},
            species_mmol_l={name: umol * 1000 / total for name, umol in self.umol.items()},
        )

    def take(self, volume_ul: float) -> Parcel:
        """Draw ``volume_ul`` of what is in here, well mixed."""
        parcel = Parcel(self.location, volume_ul, self.liquid())
        self._change(parcel, -volume_ul)
        self.drawn = True
        return parcel

    def put(self, parcel: Parcel) -> None:
        """Receive ``parcel``; what comes back to where it was drawn is no delivery."""
        if parcel.origin != self.location:
            self.received_ul[parcel.origin] = self.received_ul.get(parcel.origin, 0.0) + parcel.volume_ul
            for name, mmol_l in parcel.liquid.species_mmol_l.items():
                self.received_umol[name] = self.received_umol.get(name, 0.0) + mmol_l * parcel.volume_ul / 1000
        if not self.vessel.drains:
            self._change(parcel, parcel.volume_ul)

    def _change(self, parcel: Parcel, volume_ul: float) -> None:
        self.volume_ul += volume_ul
        for name, part in parcel.liquid.solvents.items():
            self.solvent_ul[name] = self.solvent_ul.get(name, 0.0) + part * volume_ul
        for name, mmol_l in parcel.liquid.species_mmol_l.items():
            self.umol[name] = self.umol.get(name, 0.0) + mmol_l * volume_ul / 1000


@dataclass(slots=True)
class Tip:
    """A tip on a pipette: what it holds, last drawn last, and which liquids it touched, in order.

    ``length_mm`` is how far it reaches below the pipette's nozzle.
    """

    capacity_ul: float
    length_mm: float
    parcels: list[Parcel] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)

    @property
    def held_ul(self) -> float:
        return sum(p.volume_ul for p in self.parcels)

    @property
    def liquid_ul(self) -> float:
        return sum(p.volume_ul for p in self.parcels if p.origin)

    def release(self, volume_ul: float) -> list[Parcel]:
        """Let ``volume_ul`` go, what was drawn last first: a trailing air gap leaves before the liquid."""
        out = []
        while self.parcels and volume_ul > TINY_UL:
            last = self.parcels[-1]
            part = min(last.volume_ul, volume_ul)
            out.append(Parcel(last.origin, part, last.liquid))
            last.volume_ul -= part
            volume_ul -= part
            if last.volume_ul <= TINY_UL:
                self.parcels.pop()
        return out
