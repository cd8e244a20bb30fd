"""The virtual lab put together from its spec: clock, journal, world, robot, spectrometer, operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from sdl.bench import Place
from sdl.lab.reader import to_json
from sdl.lab.virtual.batch import batch_effect, lot_effect
from sdl.lab.virtual.chemistry import Effect, Growth, Mixture
from sdl.lab.virtual.clock import VirtualClock
from sdl.lab.virtual.execution import Conflict
from sdl.lab.virtual.journal import Journal
from sdl.lab.virtual.optics import truth_of
from sdl.lab.virtual.robot import Analyze, VirtualRobot
from sdl.lab.virtual.spectrometer import GRID_NM, SPECTRUM_S, Content, Spectrometer
from sdl.lab.virtual.world import DYE, Vessel, World
from sdl.spectra.types import Role, Spectrum, spectrum

JOURNAL = "journal.jsonl"

OPERATOR_S = 300.0
"""How long the operator takes for any request, on the lab clock [assumed: a walk and a rack of vials]."""

TRACE_MOL_L = 1e-6
"""Least TOPO and DOPA that the kinetics are asked with; they are laws of ratios and have no zero (chosen)."""

Json = dict[str, Any]


class VirtualBench:
    """One lab in one folder; `spec` is what ``sdl.lab.simulated.start`` was given."""

    def __init__(self, *, folder: Path, spec: Mapping[str, Any], analyze: Analyze) -> None:
        self.spec = spec
        self.seed = int(spec["seed"])
        self.serial = f"virtual-{self.seed}"
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
            self.seed, tuple(spec.get("channels", ("absorption", "pl"))), path_mm=float(spec.get("path_mm", 2.0))
        )
        self._batch_effect = bool(spec.get("batch_effect", True))
        self._operator_s = float(spec.get("operator_delay_s", OPERATOR_S))

    def close(self) -> None:
        """Let go of the journal file."""
        self._journal.close()

    def ask(self, what: str) -> bool:
        """Let the operator renew ``what`` after his delay; return False for what he does not know."""
        self.clock.advance(self._operator_s)
        return self.world.refill(what)

    def read(self, verb: str, asked: Mapping[str, Any]) -> Json:
        """Answer the reader's ``status``, ``dark``, ``reference`` or ``measure``."""
        match verb:
            case "status":
                grid = spectrum(GRID_NM, GRID_NM, kind="absorption", role="dark")
                told = {"instrument": self._spectrometer.instrument, "grid_id": grid.grid_id}
                return {**told, "channels": self._spectrometer.channels}
            case "dark" | "measure":
                return self._spectra("dark" if verb == "dark" else "sample")
            case "reference" if asked.get("role") in get_args(Role):
                return self._spectra(asked["role"])
        raise Conflict("Unknown", f"the reader knows no {verb} {dict(asked)}", 404)

    def _spectra(self, role: Role) -> Json:
        now_s = self.clock.advance(SPECTRUM_S * len(self._spectrometer.channels))
        cell = self.world.look(role)
        found: Sequence[Spectrum]
        if role == "dark":
            found = self._spectrometer.dark(now_s)
        else:
            found = self._spectrometer.look(_content(cell, now_s), now_s, role)
        return {"spectra": [to_json(one) for one in found]}

    def truth(self, wells: Sequence[Mapping[str, Any]]) -> list[Json | None]:
        """Return the noise-free features of wells that need not exist: what a design gives on average here.

        A well is the fields of `Mixture`, ``growth_time_s``, ``lecithin_ratio`` and ``read_s`` (both after injection).
        """
        return [self._truth(dict(well)) for well in wells]

    def _truth(self, well: dict[str, Any]) -> Json | None:
        try:
            quench_s, ratio, read_s = (float(well.pop(key)) for key in ("growth_time_s", "lecithin_ratio", "read_s"))
            growth = Growth(Mixture(**well), self._lot_effect())
        except (KeyError, TypeError, ValueError) as exc:
            raise Conflict("InvalidRequest", f"not a well: {exc}", 422) from exc
        growth.quench(quench_s, ratio)
        growth.advance(read_s)
        found = truth_of(growth)
        return None if found is None else asdict(found)

    def _begin(self, vessel: Vessel, location: str) -> Growth:
        mixture = Mixture(
            cs_mol_l=vessel.mmol_l("Cs") / 1000.0,
            pb_mol_l=vessel.mmol_l("Pb") / 1000.0,
            topo_mol_l=max(TRACE_MOL_L, vessel.mmol_l("TOPO") / 1000.0),
            dopa_mol_l=max(TRACE_MOL_L, vessel.mmol_l("DOPA") / 1000.0),
            temperature_c=vessel.celsius,
        )
        effect = batch_effect(self.seed, vessel.lots, vessel.run, location) if self._batch_effect else Effect()
        return Growth(mixture, effect)

    def _lot_effect(self) -> Effect:
        """Return what the lots on this bench do to every run."""
        return lot_effect(self.seed, self.world.lots()) if self._batch_effect else Effect()


def _content(cell: Vessel, now_s: float) -> Content:
    if cell.growth is not None and cell.started_s is not None:
        cell.growth.advance(now_s - cell.started_s)
        return cell.growth
    return "dye" if cell.umol.get(DYE) else "blank"
