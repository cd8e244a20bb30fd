"""The virtual lab put together from its spec: clock, journal, world, robot, spectrometer, operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdl.bench import Place
from sdl.lab.virtual.clock import VirtualClock
from sdl.lab.virtual.execution import Conflict
from sdl.lab.virtual.journal import Journal
from sdl.lab.virtual.robot import Analyze, VirtualRobot
from sdl.lab.virtual.world import Growth, Vessel, World

JOURNAL = "journal.jsonl"

OPERATOR_S = 300.0
"""How long the operator takes for any request, on the lab clock [assumed: a walk and a rack of vials]."""

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
        self._operator_s = float(spec.get("operator_delay_s", OPERATOR_S))

    def close(self) -> None:
        """Let go of the journal file."""
        self._journal.close()

    def ask(self, what: str) -> bool:
        """Let the operator renew ``what`` after his delay; return False for what he does not know."""
        self.clock.advance(self._operator_s)
        return self.world.refill(what)

    def read(self, verb: str, asked: Mapping[str, Any]) -> Json:
        raise Conflict("Unknown", f"the reader does not know {verb!r} {asked}", 404)

    def truth(self, wells: Sequence[Mapping[str, Any]]) -> list[Json | None]:
        """Return the noise-free features of wells that need not exist: what a design gives on average here.

        A well is the fields of `Mixture`, ``growth_time_s``, ``lecithin_ratio`` and ``read_s`` (both after injection).
        """
        return [self._truth(dict(well)) for well in wells]

    def _truth(self, well: dict[str, Any]) -> Json | None:
        try:
            quench_s, ratio, read_s = (float(well.pop(key)) for key in ("growth_time_s", "lecithin_ratio", "read_s"))
            growth = Growth(Mixture(**well), self._effect_of_lots())
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
        return Growth(mixture, self._effect(vessel.lots, vessel.run, location))
