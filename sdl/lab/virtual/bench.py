"""The virtual lab put together from its spec: clock, journal, world, robot, spectrometer, operator."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from sdl.bench import Place
from sdl.errors import Refused
from sdl.lab.modelled import DYE, raise_unless_modelled
from sdl.lab.reader import to_json
from sdl.lab.virtual.chance import NO_EFFECT, Effect, batch_effect, lot_effect
from sdl.lab.virtual.chemistry import Growth
from sdl.lab.virtual.clock import VirtualClock
from sdl.lab.virtual.execution import Conflict
from sdl.lab.virtual.journal import Journal
from sdl.lab.virtual.mix import Mix
from sdl.lab.virtual.optics import truth
from sdl.lab.virtual.plate import VirtualPlateReader
from sdl.lab.virtual.reaction import Reaction, Vessel, begin
from sdl.lab.virtual.robot import Analyze, VirtualRobot
from sdl.lab.virtual.saving import SavingProgram
from sdl.lab.virtual.spectrometer import Content, Spectrometer
from sdl.lab.virtual.world import World
from sdl.spectra.types import Role, Spectrum

JOURNAL = "journal.jsonl"

OPERATOR_S = 300.0
"""How long the operator takes for any request, on the lab clock [assumed: a walk and a rack of vials]."""

SPECTRUM_S = 0.5
"""One spectrum: 250 exposures of 2 ms (Otero-Martinez 2024, SI)."""

PLATE_PASS_S = 90.0
"""Lid, gripper and one pass over the plate [assumed]."""

Json = dict[str, Any]


class VirtualBench:
    """One lab in one folder; `spec` is what ``sdl.lab.simulated.start`` was given."""

    def __init__(self, *, folder: Path, spec: Mapping[str, Any], analyze: Analyze) -> None:
        self.spec = spec
        self.seed = int(spec["seed"])
        self.serial = f"virtual-{self.seed}"
        self._batch_effect = bool(spec.get("batch_effect", True))
        self._kinetics = Effect(**spec.get("kinetics", {}))
        self.clock = VirtualClock(factor=float(spec.get("run_free", 0.0)))
        self._journal = Journal(folder / JOURNAL)
        self.world = World(
            seed=self.seed,
            deck={name: Place(**place) for name, place in spec["deck"].items()},
            load=spec["load"],
            room_c=float(spec.get("room_c", 25.0)),
            clock=self.clock,
            journal=self._journal,
            begin=self._begin,
        )
        self.robot = VirtualRobot(folder=folder / "robot", clock=self.clock, surroundings=self.world, analyze=analyze)
        self._spectrometer = Spectrometer(
            self.seed,
            spec.get("channels", ("absorption", "pl")),
            path_mm=float(spec.get("path_mm", 2.0)),
            dye_plqy=float(spec.get("dye_plqy", 0.54)),
        )
        slot = str(spec.get("plate_reader", ""))
        self.plate_reader = (
            VirtualPlateReader(slot=slot, serial=f"{self.serial}-{slot}", see=self._densities) if slot else None
        )
        saves = str(spec.get("saves", ""))
        self.program = SavingProgram(Path(saves), self.robot.waits_for, self._seen) if saves else None
        self._operator_s = float(spec.get("operator_delay_s", OPERATOR_S))

    def close(self) -> None:
        """Let go of the journal file."""
        self._journal.close()

    def ask(self, what: str, lot: str = "") -> bool:
        """Let the operator renew ``what`` after his delay, by ``lot``; return False for what he does not know."""
        self.clock.advance(self._operator_s)
        return self.world.refill(what, lot)

    def read(self, verb: str, asked: Mapping[str, Any]) -> Json:
        """Answer the reader's ``status``, ``dark``, ``reference`` or ``measure``."""
        match verb:
            case "status":
                return asdict(self._spectrometer.status)
            case "dark" | "measure":
                return self._spectra("dark" if verb == "dark" else "sample")
            case "shorten":
                return {"shortened": self._spectrometer.shorten()}
            case "reference" if asked.get("role") in get_args(Role):
                return self._spectra(asked["role"])
        raise Conflict("Unknown", f"the reader knows no {verb} {dict(asked)}", 404)

    def _spectra(self, role: Role) -> Json:
        return {"spectra": [to_json(one) for one in self._seen(role)]}

    def _seen(self, role: Role) -> Sequence[Spectrum]:
        now_s = self.clock.advance(SPECTRUM_S * len(self._spectrometer.channels))
        (_, cell), *before = self.world.look(role, str(self.spec.get("probe_at", "")))
        if role == "dark":
            return self._spectrometer.dark(now_s)
        remains = [(part, _kind(vessel)) for part, vessel in before]
        return self._spectrometer.look(_content(cell, now_s), now_s, role, remains)

    def _densities(self, slot: str, bands_nm: Sequence[int]) -> dict[int, dict[str, float]]:
        """Return the optical density of each well of the plate from ``slot``, by band."""
        now_s = self.clock.advance(PLATE_PASS_S)
        seen = {
            well: self._spectrometer.densities(_content(vessel, now_s), bands_nm, now_s, well)
            for well, vessel in self.world.plate(slot).items()
        }
        return {band: {well: od[n] for well, od in seen.items()} for n, band in enumerate(bands_nm)}

    def truth(self, wells: Sequence[Mapping[str, Any]]) -> list[Json]:
        """Return the noise-free features of wells that need not exist: what a design gives on average here.

        A well is the fields of `Mix`, ``growth_time_s``, ``lecithin_ratio`` and ``read_s`` (both after injection).
        Features that do not exist before the first crystal are None.
        """
        return [self._truth(dict(well)) for well in wells]

    def _truth(self, well: dict[str, Any]) -> Json:
        try:
            quench_s, ratio, read_s = (float(well.pop(key)) for key in ("growth_time_s", "lecithin_ratio", "read_s"))
            growth = Growth(Mix(**well), self._lot_effect())
        except (KeyError, TypeError, ValueError, Refused) as exc:
            raise Conflict("InvalidRequest", f"not a well: {exc}", 422) from exc
        growth.quench(quench_s, ratio)
        growth.advance(read_s)
        found = asdict(truth(growth.state))
        return {name: None if math.isnan(value) else value for name, value in found.items()}

    def _begin(self, vessel: Vessel, location: str) -> Reaction:
        effect = batch_effect(self.seed, vessel.lots, vessel.run, location) if self._batch_effect else NO_EFFECT
        return begin(vessel, effect.times(self._kinetics))

    def _lot_effect(self) -> Effect:
        """Return what the lots on this bench do to every run."""
        return (lot_effect(self.seed, self.world.lots()) if self._batch_effect else NO_EFFECT).times(self._kinetics)


def _content(cell: Vessel, now_s: float) -> Content:
    try:
        raise_unless_modelled(species for species, n in cell.umol.items() if n > 0)
    except Refused as exc:
        raise Conflict("Unmodelled", str(exc), 422) from exc
    if cell.growth is not None and cell.started_s is not None:
        cell.growth.advance(now_s - cell.started_s)
    return _kind(cell)


def _kind(cell: Vessel) -> Content:
    """Return what a vessel shows; its crystals as they were when they were last looked at."""
    return cell.growth or ("dye" if cell.umol.get(DYE) else "blank")
