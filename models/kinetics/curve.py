"""One well as a curve: every read while it grew, when it was quenched, and what it became."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.kinetics.law import Array
from sdl.spectra.types import Features, Value
from sdl.store import Store
from sdl.units import HC_EV_NM

SERIES = ("x1_ev", "pl_ev", "width_ev", "yield")
"""What is followed in time: first exciton, emission of the growing dots, its width, and CsPbBr3 per Cs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One read of a growing well, ``time_s`` after its injection; ``values`` by the names of `SERIES`."""

    time_s: float
    values: Mapping[str, Value]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One well: ``looks`` while it grew in order of time, ``quench_s`` after injection, and the final emission.

    ``quench_s`` and ``final_ev`` are None where the well was never quenched, or its outcome was never read: such a
    censored well says as much about growth as its reads do.
    """

    experiment: str
    design: Mapping[str, float | str]
    looks: tuple[Look, ...] = ()
    quench_s: float | None = None
    final_ev: Value | None = None

    def thinned(self, most: int) -> Curve:
        """Return the well with at most ``most`` reads, the first and last among them, evenly spread by rank in time.

        Reads are spaced by the growth itself, so that rank is as good as ln time.
        """
        if len(self.looks) <= most:
            return self
        kept = np.unique(np.linspace(0, len(self.looks) - 1, most).round().astype(int))
        return replace(self, looks=tuple(self.looks[i] for i in kept))

    def without(self, name: str) -> Curve:
        """Return the well with only those reads that lack ``name``."""
        return replace(self, looks=tuple(look for look in self.looks if name not in look.values))

    def series(self, name: str) -> tuple[Array, Array, Array]:
        """Return times, values and standard deviations of one of `SERIES`, each ``(n,)``."""
        rows = [(look.time_s, v.value, v.sd) for look in self.looks if (v := look.values.get(name)) is not None]
        times, values, sds = np.array(rows, dtype=float).reshape(-1, 3).T
        return times, values, sds


def look_of(time_s: float, features: Features) -> Look:
    """Return a read as the kinetics see it: peaks in eV, the width in eV, the yield with its read-to-read sd only."""
    seen, values = features.values, {}
    for name, feature in (("x1_ev", "x1_nm"), ("pl_ev", "pl_peak_nm")):
        if feature in seen and not (feature == "pl_peak_nm" and "pl_from_absorption" in features.flags):
            values[name] = _ev(seen[feature])
    if "fwhm_nm" in seen and "pl_ev" in values:
        slope = HC_EV_NM / seen["pl_peak_nm"].value ** 2
        values["width_ev"] = Value(value=seen["fwhm_nm"].value * slope, sd=seen["fwhm_nm"].sd * slope)
    if "yield_fraction" in seen and "a400" in seen and seen["a400"].value > 0:
        amount = seen["yield_fraction"].value
        values["yield"] = Value(value=amount, sd=amount * seen["a400"].sd / seen["a400"].value)
    return Look(time_s=time_s, values=values, flags=features.flags)


def growth_observations(store: Store) -> tuple[Curve, ...]:
    """Return every well of a campaign as a curve: growth reads at their true times, true quench, outcome.

    Reads after the quench are not growth; a well that was lost, or never quenched, keeps its growth reads.
    """
    wells = {w.experiment: w for a in store.attempts() for w in store.wells(a.id)}
    curves = []
    for e in store.experiments():
        well = wells.get(e.id)
        if well is None or well.injected_s is None:
            continue
        looks = [
            look_of(r.since_injection_s, r.features)
            for r in store.reads(experiment=e.id)
            if r.label == "sample" and r.since_quench_s is None and r.since_injection_s is not None
        ]
        final = e.features.values.get("pl_peak_nm") if e.state == "measured" else None
        curves.append(
            Curve(
                experiment=e.id,
                design=e.design,
                looks=tuple(looks),
                quench_s=None if well.quenched_s is None else well.quenched_s - well.injected_s,
                final_ev=None if final is None else _ev(final),
            )
        )
    return tuple(curves)


def _ev(nm: Value) -> Value:
    return Value(value=HC_EV_NM / nm.value, sd=HC_EV_NM / nm.value**2 * nm.sd)
