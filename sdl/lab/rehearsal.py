"""The virtual lab without its robot: wells poured, grown and looked at in this process, in a second instead of hours.

Pipetting errors, lots, kinetics, spectrometer and its faults are those of the virtual lab; the arm is never late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdl.chemistry.recipe import Recipe, Transfer
from sdl.lab.virtual.chance import NO_EFFECT, Effect, batch_effect, other_kinetics
from sdl.lab.virtual.reaction import PRECURSORS, Reaction, Vessel, act, begin, changes
from sdl.lab.virtual.spectrometer import Spectrometer
from sdl.lab.virtual.world import PIPETTING_CV, lasting_error
from sdl.spectra.types import Spectrum

TURN_S = 600.0
"""Between the reads of one well and the next on the lab clock (chosen: a batch of 8 takes about an hour and a half)."""

GLANCE_S = 60.0
"""Between the reads of one growing well on the lab clock (chosen: the cell is filled, read and rinsed in a minute)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The spectra of one well's outcome, with the dark, blank and dye of its run.

    ``growing`` are its reads before, each with its time in s after the injection.
    """

    sample: tuple[Spectrum, ...]
    growing: tuple[tuple[float, tuple[Spectrum, ...]], ...]
    dark: tuple[Spectrum, ...]
    blank: tuple[Spectrum, ...]
    dye: tuple[Spectrum, ...]


def elsewhere(spec: Mapping[str, Any], *, seed: int, kinetics_rsd: float) -> dict[str, Any]:
    """Return the spec of a lab like ``spec`` with other lots, pipettes and noise, and rate constants off by ``rsd``."""
    factors = other_kinetics(seed, kinetics_rsd)
    kinetics = {name: getattr(factors, name) for name in ("nucleation", "release", "attachment", "diffusion")}
    return {**spec, "seed": seed, "kinetics": kinetics}


class RehearsalBench:
    """One lab by its `sdl.lab.simulated.spec_of`; ``sources`` says where each stock stands."""

    def __init__(self, spec: Mapping[str, Any], *, sources: Mapping[str, str], sample_ul: float) -> None:
        self._seed = int(spec["seed"])
        self._load: Mapping[str, Mapping[str, Any]] = spec["load"]
        self._pipettes = sorted(spec["pipettes"], key=lambda p: float(p["max_ul"]))
        self._kinetics = Effect(**spec.get("kinetics", {}))
        self._batch_effect = bool(spec.get("batch_effect", True))
        self._sources = sources
        self._sample_ul = sample_ul
        self._instrument = Spectrometer(
            self._seed,
            spec.get("channels", ("absorption", "pl")),
            path_mm=float(spec.get("path_mm", 2.0)),
            dye_plqy=float(spec.get("dye_plqy", 0.54)),
        )
        self._runs = 0
        self._moves = 0
        self._now_s = 0.0

    def run(self, recipes: Sequence[Recipe], wells: Sequence[str]) -> list[Look]:
        """Make ``recipes`` in ``wells`` of one run and look at each when its route says."""
        self._runs += 1
        dark = self._instrument.dark(self._tick())
        blank = self._instrument.look("blank", self._tick(), "blank")
        dye = self._instrument.look("dye", self._tick(), "dye")
        looks = []
        for recipe, well in zip(recipes, wells, strict=True):
            *growing, (_, sample) = self._reads(recipe, well)
            looks.append(Look(sample=sample, growing=tuple(growing), dark=dark, blank=blank, dye=dye))
        return looks

    def _reads(self, recipe: Recipe, location: str) -> list[tuple[float, tuple[Spectrum, ...]]]:
        """Pour, wait, add and look, as the recipe says; time zero is its injection, the last read the outcome."""
        well = Vessel(celsius=recipe.temperature_c, run=self._runs)
        *growing, last_s = recipe.read_s
        reads = []
        visits: list[tuple[float, Transfer | None]] = [(t.at_s, t) for t in recipe.transfers]
        for at_s, transfer in sorted([*visits, *((r, None) for r in growing)], key=lambda v: v[0]):
            if transfer is None:
                reads.append((at_s, self._seen(self._grown(well, location, at_s), GLANCE_S)))
                well.take(self._sample_ul)
                continue
            liquid = self._drawn(recipe, transfer)
            if changes(well, liquid, at_s):
                self._grown(well, location, at_s)
                act(well, liquid, at_s)
            else:
                well.add(liquid)
                if well.started_s is None and well.complete:
                    well.started_s = at_s
            well.fed_s = at_s
        return [*reads, (last_s, self._seen(self._grown(well, location, last_s), TURN_S))]

    def _seen(self, grown: Reaction | None, turn_s: float) -> tuple[Spectrum, ...]:
        return self._instrument.look("blank" if grown is None else grown, self._tick(turn_s), "sample")

    def _grown(self, well: Vessel, location: str, at_s: float) -> Reaction | None:
        """Return what grows in ``well`` as it is at ``at_s``; None before everything that makes crystals is there."""
        if well.started_s is None:
            return None
        if well.growth is None:
            effect = batch_effect(self._seed, well.lots, self._runs, location) if self._batch_effect else NO_EFFECT
            well.growth = begin(well, effect.times(self._kinetics))
        well.growth.advance(at_s - well.started_s)
        return well.growth

    def _drawn(self, recipe: Recipe, transfer: Transfer) -> Vessel:
        """Return what a pipette really delivers of a stock: one lasting error a pipette, one of its own a stroke."""
        diluted = next((d for d in recipe.dilutions if d.name == transfer.stock), None)
        stock, factor = (transfer.stock, 1.0) if diluted is None else (diluted.stock, diluted.factor)
        load, volume_ul = self._load[self._sources[stock]], transfer.volume_ul
        self._moves += 1
        mount = next((str(p["mount"]) for p in self._pipettes if volume_ul <= p["max_ul"]), self._pipettes[-1]["mount"])
        fleeting = float(np.random.default_rng([self._seed, self._moves]).standard_normal())
        poured = volume_ul * (1.0 + lasting_error(self._seed, mount) + PIPETTING_CV * np.sqrt(0.5) * fleeting)
        contains: Mapping[str, float] = load["contains"]
        lots = {str(load["lot"])} if load.get("lot") and PRECURSORS & contains.keys() else set()
        umol = {species: mmol_l * poured / factor / 1000.0 for species, mmol_l in contains.items()}
        return Vessel(volume_ul=poured, umol=umol, lots=frozenset(lots))

    def _tick(self, turn_s: float = TURN_S) -> float:
        self._now_s += turn_s
        return self._now_s
