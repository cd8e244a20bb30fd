"""The virtual lab without its robot: wells poured, grown and looked at in this process, in a second instead of hours.

Pipetting errors, lots, kinetics, spectrometer and its faults are those of the virtual lab; the arm is never late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdl.chemistry.recipe import Recipe
from sdl.lab.virtual.bench import begun
from sdl.lab.virtual.chance import NO_EFFECT, Effect, batch_effect, other_kinetics
from sdl.lab.virtual.spectrometer import Spectrometer
from sdl.lab.virtual.world import PIPETTING_CV, PRECURSORS, Vessel, lasting_error, quench_ratio
from sdl.spectra.types import Spectrum

TURN_S = 600.0
"""Between the reads of one well and the next on the lab clock (chosen: a batch of 8 takes about an hour and a half)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The spectra of one well's outcome, with the dark, blank and dye of its run."""

    sample: tuple[Spectrum, ...]
    dark: tuple[Spectrum, ...]
    blank: tuple[Spectrum, ...]
    dye: tuple[Spectrum, ...]


def elsewhere(spec: Mapping[str, Any], *, seed: int, kinetics_rsd: float) -> dict[str, Any]:
    """Return the spec of a lab like ``spec`` with other lots, pipettes and noise, and rate constants off by ``rsd``."""
    factors = other_kinetics(seed, kinetics_rsd)
    kinetics = {name: getattr(factors, name) for name in ("nucleation", "release", "attachment", "diffusion")}
    return {**spec, "seed": seed, "kinetics": kinetics}


class RehearsalBench:
    """One lab by its `sdl.lab.simulated.spec_of`; ``pipettes`` says which mount takes a volume."""

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
            sample = self._outcome(recipe, well)
            looks.append(Look(sample=sample, dark=dark, blank=blank, dye=dye))
        return looks

    def _outcome(self, recipe: Recipe, location: str) -> tuple[Spectrum, ...]:
        """Pour, wait, quench and look, in the order of the recipe."""
        well = Vessel(celsius=recipe.temperature_c, run=self._runs)
        for transfer in recipe.transfers:
            if transfer.action != "quench":
                well.add(self._drawn(transfer.stock, transfer.volume_ul))
        effect = batch_effect(self._seed, well.lots, self._runs, location) if self._batch_effect else NO_EFFECT
        growth = begun(well, effect.times(self._kinetics))
        for read_s in recipe.read_s[:-1]:
            growth.advance(read_s)
            well.take(self._sample_ul)
        growth.advance(recipe.growth_time_s)
        for transfer in recipe.transfers:
            if transfer.action == "quench":
                well.add(self._drawn(transfer.stock, transfer.volume_ul))
                growth.quench(recipe.growth_time_s, quench_ratio(well))
        growth.advance(recipe.read_s[-1])
        return self._instrument.look(growth, self._tick(), "sample")

    def _drawn(self, stock: str, volume_ul: float) -> Vessel:
        """Return what a pipette really delivers of a stock: one lasting error a pipette, one of its own a stroke."""
        load = self._load[self._sources[stock]]
        self._moves += 1
        mount = next((str(p["mount"]) for p in self._pipettes if volume_ul <= p["max_ul"]), self._pipettes[-1]["mount"])
        fleeting = float(np.random.default_rng([self._seed, self._moves]).standard_normal())
        poured = volume_ul * (1.0 + lasting_error(self._seed, mount) + PIPETTING_CV * np.sqrt(0.5) * fleeting)
        contains: Mapping[str, float] = load["contains"]
        lots = {str(load["lot"])} if load.get("lot") and PRECURSORS & contains.keys() else set()
        umol = {species: mmol_l * poured / 1000.0 for species, mmol_l in contains.items()}
        return Vessel(volume_ul=poured, umol=umol, lots=frozenset(lots))

    def _tick(self) -> float:
        self._now_s += TURN_S
        return self._now_s
