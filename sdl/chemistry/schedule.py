"""One ordered list of timed steps for a batch: wells are staggered so that the one arm is never asked for twice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sdl.bench import Lab, Pipette
from sdl.chemistry.declaration import Declaration
from sdl.chemistry.dilution import Preparation
from sdl.chemistry.recipe import Action, Recipe, Run, TimedStep
from sdl.chemistry.windows import MARGIN_S, Growth, Visit, windowed
from sdl.errors import Refused

GRID_S = 5.0
"""Visits of a further well are tried this many seconds apart (chosen: half of the shortest visit)."""
GAP_S = 25.0
"""Pause of the arm between two visits, half before and half after each (chosen: what its pace may be wrong by)."""
MIX_UL, MIX_TIMES = 400.0, 2
"""Pipette mixing after the injection and the quench: an eighth of the well, twice, within 20 s (chosen)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long the arm takes, in s: a tip on and off, a move, and flow rates in uL/s by pipette capacity.

    Chosen from the flow rates of the protocol and typical gantry moves; the as-executed record has the true times.
    """

    tip_s: float = 9.0
    move_s: float = 3.5
    flow_small_ul_s: float = 15.0
    flow_large_ul_s: float = 150.0
    measure_s: float = 6.0

    def transfer_s(self, pipette: Pipette, volume_ul: float) -> float:
        """Seconds from the first aspiration to the end of the last dispense."""
        strokes = -(-volume_ul // pipette.stroke_ul)
        return float(strokes * 2 * self.move_s + 2 * volume_ul / self.flow(pipette))

    def mix_s(self, pipette: Pipette) -> float:
        """Seconds of one mixing with a fresh tip."""
        return self.tip_s + self.move_s + MIX_TIMES * 2 * MIX_UL / self.flow(pipette)

    def flow(self, pipette: Pipette) -> float:
        return self.flow_small_ul_s if pipette.max_ul < 100 else self.flow_large_ul_s


PACE = Pace()


@dataclass(slots=True)
class _Arm:
    """When the one arm is busy, as ``(start, end)`` in s, and the steps to do then."""

    busy: list[tuple[float, float]] = field(default_factory=list)

    def blocked_s(self, spans: Sequence[tuple[float, float]], shift_s: float) -> float:
        """Return how much later than ``shift_s`` the ``spans`` must begin to pass the first clash; 0 if none."""
        for start, end in spans:
            for b0, b1 in self.busy:
                if end + shift_s > b0 and start + shift_s < b1:
                    return b1 - start - shift_s
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """Turn recipes into a `Run` on one lab; ``sources`` says from which location each stock is drawn.

    ``vials`` are empty ones, in order of use, for dilutions; ``growth_s`` is the least and longest growth time that
    live control may choose, None where growth time is fixed.
    """

    lab: Lab
    declared: Declaration
    sources: Mapping[str, str]
    vials: tuple[str, ...] = ()
    growth_s: tuple[float, float] | None = None
    pace: Pace = PACE
    gap_s: float = GAP_S

    def run(self, recipes: Mapping[str, Recipe], wells: Mapping[str, str]) -> Run:
        """Schedule ``recipes`` by experiment id into ``wells`` (experiment id -> "vials/A1").

        Preparation comes first (blank, dye, dilutions, untimed transfers), then every timed step in order of time, then
        what people do by hand and the reads after it.
        """
        temperatures = self._temperatures(recipes, wells)
        prepared = Preparation.of(recipes.values(), self.lab, self.vials)
        places = {**self.sources, **prepared.places}
        first = [
            *self._references(),
            *prepared.steps(self.sources, self.lab),
            *self._with_blank(self._prepare(recipes, wells, places)),
        ]
        ready_s = sum(self._seconds(step) for step in first) * 1.1 + 60.0
        timed: list[Visit] = []
        arm = _Arm()
        for experiment in sorted(recipes, key=lambda e: -recipes[e].growth_time_s):
            timed += self._place(arm, self._visits(recipes[experiment], wells[experiment], places), ready_s)
        timed = windowed(timed, self._growths(recipes, wells), self._seconds)
        steps = [*first, *(step for _, group in timed for step in group)]
        last = self._by_hand(recipes, wells)
        steps += last
        end_s = max((end for _, end in arm.busy), default=ready_s)
        return Run(
            wells=dict(wells),
            recipes=dict(recipes),
            steps=tuple(steps),
            temperatures_c=temperatures,
            duration_s=end_s + sum(map(self._seconds, last)),
            draws_ul=self._draws(steps),
            tips=self._tips(steps),
            waste_ul=sum(s.volume_ul for s in steps if s.action in ("read", "rinse")),
            dilutions=prepared.places,
        )

    def _temperatures(self, recipes: Mapping[str, Recipe], wells: Mapping[str, str]) -> dict[str, float]:
        """Return the one temperature of each rack that is used."""
        wanted: dict[str, set[float]] = {}
        for experiment, recipe in recipes.items():
            wanted.setdefault(self.lab.locate(wells[experiment])[0], set()).add(recipe.temperature_c)
        for rack, temperatures in wanted.items():
            if len(temperatures) != 1:
                raise Refused(f"{rack}: one thermal block, but {len(temperatures)} temperatures {sorted(temperatures)}")
        return {rack: temperatures.pop() for rack, temperatures in wanted.items()}

    def _references(self) -> list[TimedStep]:
        if self.lab.reader.geometry == "dip probe":
            return []
        reads = [self._read(self.sources[self.declared.medium], "blank")]
        if "pl" in self.lab.reader.channels:
            reads.append(self._read("dye", "dye"))
        return [step for read in reads for step in (read, *self._rinses())]

    def _with_blank(self, steps: list[TimedStep]) -> list[TimedStep]:
        """Look at the pure medium in the reactor where the probe stands in it: as soon as the medium is in."""
        if self.lab.reader.geometry != "dip probe":
            return steps
        medium = self.sources[self.declared.medium]
        last = max((n for n, step in enumerate(steps) if step.source == medium), default=-1)
        return [*steps[: last + 1], self._look(self.lab.reader.at, self.lab.reader.at, "blank"), *steps[last + 1 :]]

    def _prepare(
        self, recipes: Mapping[str, Recipe], wells: Mapping[str, str], places: Mapping[str, str]
    ) -> list[TimedStep]:
        """Untimed transfers in the route's order, one stock after the other so that one tip serves all wells."""
        order = {dose.reagent: n for n, dose in enumerate(self.declared.route.doses)}
        rows = [(t, wells[e]) for e, recipe in recipes.items() for t in recipe.transfers if t.action == "dispense"]
        steps = [self._transfer("dispense", places[t.stock], well, t.volume_ul) for t, well in rows]
        keys = [(order[t.reagent], t.stock) for t, _ in rows]
        ranked = sorted(range(len(rows)), key=lambda i: (*keys[i], steps[i].pipette, i))
        return [steps[i] for i in ranked]

    def _place(
        self, arm: _Arm, visits: list[tuple[float, list[TimedStep]]], ready_s: float
    ) -> list[tuple[float, list[TimedStep]]]:
        """Find the earliest injection at which all visits of one well fit between the others'."""
        spans = [(at - self.gap_s / 2, at + sum(map(self._seconds, steps)) + self.gap_s / 2) for at, steps in visits]
        for (_, end), (start, _), (_, steps) in zip(spans, spans[1:], visits[1:], strict=False):
            if end - self.gap_s / 2 + MARGIN_S > start + self.gap_s / 2 + 1e-6:
                raise Refused(f"{steps[0].well}: too little time for the arm before {steps[0].action}; hold longer")
        start = ready_s - visits[0][0]
        while blocked_s := arm.blocked_s(spans, start):
            start += math.ceil(blocked_s / GRID_S) * GRID_S
        arm.busy += [(a + start, b + start) for a, b in spans]
        return [(at + start, self._timed(steps, at + start)) for at, steps in visits]

    def _growths(self, recipes: Mapping[str, Recipe], wells: Mapping[str, str]) -> dict[str, Growth]:
        """Return what live control may do to the growth of each well: nothing where growth time is fixed."""
        least_s, longest_s = self.growth_s or (math.inf, 0.0)
        return {
            wells[e]: Growth(planned_s=r.growth_time_s, least_s=least_s, longest_s=longest_s)
            for e, r in recipes.items()
        }

    def _visits(self, recipe: Recipe, well: str, places: Mapping[str, str]) -> list[tuple[float, list[TimedStep]]]:
        """Return when the arm must be released for each visit, in s after the injection's end, and what it does."""
        visits = []
        for t in recipe.transfers:
            if t.action == "dispense":
                continue
            step = self._transfer(t.action, places[t.stock], well, t.volume_ul)
            visits.append((t.at_s - self.lead_s(step), [step, self._mix(well)]))
        probe = self.lab.reader.geometry == "dip probe"  # it looks at growing dots whenever the controller likes
        for at in recipe.read_s[-1:] if probe else recipe.read_s:
            read = self._read(well, "sample")
            visits.append(
                (at - self.lead_s(read), [read, *self._rinses(), *(self._check() if at == max(recipe.read_s) else ())])
            )
        return sorted(visits, key=lambda visit: visit[0])

    def _by_hand(self, recipes: Mapping[str, Recipe], wells: Mapping[str, str]) -> list[TimedStep]:
        """Return what people do with the batch, one pause each, and the outcome reads that follow."""
        texts = next((recipe.manual for recipe in recipes.values()), ())
        racks = list(dict.fromkeys(self.lab.locate(well)[0] for well in wells.values()))
        pipette = mixing_pipette(self.lab).mount
        steps = [
            TimedStep(action="hand", well=rack, source=rack, volume_ul=0.0, pipette=pipette, label=str(number))
            for number in range(1, len(texts) + 1)
            for rack in racks[:1]
        ]
        for well in wells.values() if texts else ():
            steps += [self._read(well, "sample"), *self._rinses()]
        return steps

    def lead_s(self, step: TimedStep) -> float:
        """Seconds between the release of a timed step and the moment it is about: liquid in, or spectrum taken."""
        if step.action == "look":
            return 0.0
        return self.pace.tip_s / 2 + self.pace.transfer_s(self._pipette(step.pipette), step.volume_ul)

    def _timed(self, steps: list[TimedStep], at_s: float) -> list[TimedStep]:
        at_s = round(at_s, 1)
        return [replace(steps[0], at_s=at_s), *steps[1:]]

    def _transfer(self, action: Action, source: str, well: str, volume_ul: float) -> TimedStep:
        pipette = self.lab.pipette_for(volume_ul)
        if pipette is None:
            raise Refused(f"{source}: {volume_ul:g} uL is below what any mounted pipette can take")
        return TimedStep(action=action, well=well, source=source, volume_ul=volume_ul, pipette=pipette.mount)

    def _mix(self, well: str) -> TimedStep:
        large = mixing_pipette(self.lab)
        return TimedStep(action="mix", well=well, source=well, volume_ul=MIX_UL, pipette=large.mount, times=MIX_TIMES)

    def _look(self, well: str, source: str, label: str) -> TimedStep:
        """Return a look at what is in front of the light already: nothing moves."""
        pipette = mixing_pipette(self.lab).mount
        return TimedStep(action="look", well=well, source=source, volume_ul=0.0, pipette=pipette, label=label)

    def _check(self) -> list[TimedStep]:
        """Return the look at the rinsed cell after a well's outcome: what stays of one well is not the next one's."""
        if not self.lab.reader.rinses:
            return []
        return [self._look("cell", self.sources[self.declared.medium], "rinse")]

    def _read(self, source: str, label: str) -> TimedStep:
        if self.lab.reader.geometry == "dip probe":
            return self._look(source, source, label)
        volume = self.lab.reader.sample_ul
        pipette = self.lab.pipette_for(volume)
        if pipette is None:
            raise Refused(f"a read takes {volume:g} uL, below what any mounted pipette can take")
        return TimedStep(
            action="read", well="cell", source=source, volume_ul=volume, pipette=pipette.mount, label=label
        )

    def _rinses(self) -> list[TimedStep]:
        if not self.lab.reader.rinses:
            return []
        rinse = self._transfer("rinse", self.sources[self.declared.medium], "cell", self.lab.reader.rinse_ul)
        return [rinse] * self.lab.reader.rinses

    def _seconds(self, step: TimedStep) -> float:
        """How long one step keeps the arm."""
        pipette = self._pipette(step.pipette)
        if step.action == "hand":
            return 0.0
        if step.action == "look":
            return self.pace.measure_s
        if step.action == "mix":
            return self.pace.mix_s(pipette)
        tip = 0.0 if step.action == "dispense" else self.pace.tip_s
        look = self.pace.measure_s if step.action == "read" else 0.0
        return tip + look + self.pace.transfer_s(pipette, step.volume_ul)

    def _pipette(self, mount: str) -> Pipette:
        return next(p for p in self.lab.pipettes if p.mount == mount)

    def _draws(self, steps: Sequence[TimedStep]) -> dict[str, float]:
        """Microlitres drawn from each stock, by name."""
        name_at = {at: name for name, at in self.sources.items()}
        draws = dict.fromkeys(self.declared.stocks, 0.0)
        for step in steps:
            if step.source in name_at:
                draws[name_at[step.source]] += step.volume_ul
        return draws

    def _tips(self, steps: Sequence[TimedStep]) -> dict[str, int]:
        """Tips each pipette uses, by mount: the protocol's rule, counted."""
        count: dict[str, int] = {p.mount: 0 for p in self.lab.pipettes}
        previous: TimedStep | None = None
        for step in steps:
            if step.action not in ("hand", "look") and not shares_tip(previous, step):
                count[step.pipette] += 1
            previous = step
        return count


def mixing_pipette(lab: Lab) -> Pipette:
    """Return the pipette that mixes: the largest."""
    return max(lab.pipettes, key=lambda p: p.max_ul)


def shortest_growth_s(lab: Lab, quench_ul: float, pace: Pace = PACE) -> float:
    """Return the shortest growth this arm can quench: drop the tip, mix, fetch the quench, let it in.

    Without a volume nothing is fetched: a probe looks as soon as the mixing is done.
    """
    if not quench_ul:
        return pace.tip_s + pace.mix_s(mixing_pipette(lab)) + MARGIN_S
    pipette = lab.pipette_for(quench_ul)
    if pipette is None:
        return math.inf
    return pace.tip_s * 2 + pace.mix_s(mixing_pipette(lab)) + MARGIN_S + pace.transfer_s(pipette, quench_ul)


def look_s(lab: Lab, pace: Pace = PACE) -> float:
    """Return how long one read and its rinses keep the arm, with a fresh tip each: the longest it may take."""
    sampled = [lab.reader.sample_ul] if lab.reader.sample_ul else []
    volumes = [*sampled, *[lab.reader.rinse_ul] * lab.reader.rinses]
    pipettes = [lab.pipette_for(ul) for ul in volumes]
    moved = [pace.tip_s + pace.transfer_s(p, ul) if p else math.inf for p, ul in zip(pipettes, volumes, strict=True)]
    return pace.measure_s + MARGIN_S + sum(moved)


def shares_tip(previous: TimedStep | None, step: TimedStep) -> bool:
    """Say whether ``step`` goes on with the tip of ``previous``: same stock from above, or mixing what it put in."""
    if previous is None or previous.pipette != step.pipette:
        return False
    if step.action in ("dispense", "rinse"):
        return previous.action == step.action and previous.source == step.source
    return step.action == "mix" and previous.action in ("inject", "add", "quench") and previous.well == step.well
