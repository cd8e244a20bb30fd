"""One campaign rehearsed in this process: the same advisor, recipes and spectra as the real one, in seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from models.advisor import Advisor
from models.emulator import Emulator
from models.memory import ALWAYS, fruitless
from models.suggestion import Expected, Read
from sdl.attempt.reading import optics_of
from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.demand import schedule
from sdl.chemistry.recipe import Recipe, Run
from sdl.lab.rehearsal import Look, RehearsalBench, elsewhere
from sdl.lab.simulated import spec_of
from sdl.space import Design
from sdl.spectra.readout import features
from sdl.spectra.types import Features, Spectrum, Value
from sdl.target import Target


@dataclass(slots=True, kw_only=True)
class Spent:
    """What a campaign used: robot hours, tips by pipette, mL to waste and of each stock, vials."""

    hours: float = 0.0
    tips: dict[str, int] = field(default_factory=dict)
    waste_ml: float = 0.0
    stocks_ml: dict[str, float] = field(default_factory=dict)
    vials: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was seen of one well: the features of its outcome, and X1 while it grew."""

    outcome: Features
    growing: tuple[Read, ...] = ()


class Ground(Protocol):
    """Where designs are made: a virtual lab or an emulator of past data."""

    spent: Spent

    def make(self, designs: Sequence[Design]) -> list[Made]:
        """Make ``designs`` in one run and return what was seen of each."""
        ...


class LabGround:
    """The virtual lab of a campaign with its own lots, pipettes and kinetics (``kinetics_rsd``), drawn by ``seed``."""

    def __init__(self, campaign: Campaign, *, seed: int, kinetics_rsd: float) -> None:
        assert campaign.lab is not None
        self._campaign, self._compiler = campaign, Compiler.of(campaign)
        sources = {name: stock.at[0] for name, stock in campaign.stocks.items()}
        spec = elsewhere(spec_of(campaign.lab, campaign.stocks, seed=seed), seed=seed, kinetics_rsd=kinetics_rsd)
        self._bench = RehearsalBench(spec, sources=sources, sample_ul=campaign.lab.reader.sample_ul)
        self.spent = Spent()

    def make(self, designs: Sequence[Design]) -> list[Made]:
        recipes = [self._compiler.recipe(design) for design in designs]
        run = schedule(self._campaign, recipes)
        self._account(run)
        looks = self._bench.run(recipes, list(run.wells.values()))
        return [self._made(recipe, look) for recipe, look in zip(recipes, looks, strict=True)]

    def _made(self, recipe: Recipe, look: Look) -> Made:
        """Read every look at one well, as a campaign does."""
        grown = [(at_s, self._read(recipe, look, _absorption(seen)).values.get("x1_nm")) for at_s, seen in look.growing]
        reads = tuple(Read(time_s=at_s, x1_nm=x1.value, sd=x1.sd) for at_s, x1 in grown if at_s > 0 and x1 is not None)
        return Made(outcome=self._read(recipe, look, look.sample), growing=reads)

    def _read(self, recipe: Recipe, look: Look, sample: Sequence[Spectrum]) -> Features:
        wanted = self._campaign.target.goals.get("pl_peak_nm")
        return features(
            sample,
            dark=look.dark,
            blank=look.blank,
            dye=look.dye,
            optics=optics_of(self._compiler, recipe.design),
            channels=self._compiler.lab.reader.channels,
            cs_mol_l=recipe.moles_umol.get("Cs", 0.0) / recipe.total_ul or None,
            estimate_pl=wanted is not None and wanted.source == "absorption",
        )

    def _account(self, run: Run) -> None:
        self.spent.hours += run.duration_s / 3600.0
        self.spent.waste_ml += run.waste_ul / 1000.0
        self.spent.vials += len(run.wells)
        for mount, count in run.tips.items():
            self.spent.tips[mount] = self.spent.tips.get(mount, 0) + count
        for stock, volume_ul in run.draws_ul.items():
            self.spent.stocks_ml[stock] = self.spent.stocks_ml.get(stock, 0.0) + volume_ul / 1000.0


def _absorption(seen: Sequence[Spectrum]) -> list[Spectrum]:
    """Return what X1 is read from; a third of the work of reading everything, and the same X1."""
    return [s for s in seen if s.kind == "absorption"]


class EmulatorGround:
    """One possible world that agrees with past data; it knows no robot, so nothing but vials is counted."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.spent = Spent()

    def make(self, designs: Sequence[Design]) -> list[Made]:
        self.spent.vials += len(designs)
        return [
            Made(outcome=Features(values={name: Value(value=v, sd=0.0) for name, v in seen.items()}))
            for seen in self._emulator.run(designs)
        ]


@dataclass(slots=True, kw_only=True)
class Rehearsed:
    """How one rehearsed campaign went; counts of experiments, None for a milestone that was never reached.

    ``expected_hits`` is the sum of all stated P(hit), to be compared with ``modelled_hits``, what they became.
    """

    experiments: int = 0
    first_hit: int | None = None
    confirmed: int | None = None
    hits: int = 0
    confirmed_designs: int = 0
    covered: int = 0
    forecasts: int = 0
    expected_hits: float = 0.0
    modelled_hits: int = 0
    unreadable: int = 0
    spent: Spent = field(default_factory=Spent)


def rehearse_once(campaign: Campaign, advisor: Advisor, ground: Ground, *, stop_at: int | None = None) -> Rehearsed:
    """Run the loop of a campaign until ``stop_at`` confirmed designs (None: the campaign's rule) or its budget."""
    budget, target = campaign.budget, campaign.target
    enough = budget.confirmed_hits if stop_at is None else stop_at
    out = Rehearsed(spent=ground.spent)
    while out.experiments < budget.experiments and out.confirmed_designs < enough:
        n = min(budget.batch, budget.experiments - out.experiments)
        suggestions = advisor.suggest(n)
        if not suggestions:
            break
        run = f"run {out.experiments}"
        for s, made in zip(suggestions, ground.make([s.design for s in suggestions]), strict=True):
            out.experiments += 1
            plain = {name: v for name, v in made.outcome.values.items() if name in (*target.goals, *ALWAYS)}
            values = {name: v.value for name, v in plain.items()}
            _judge(out, s.expected, s.p_hit, values, target)
            readable = any(name in target.goals for name in values)
            out.unreadable += not readable
            if readable or made.growing:
                sd = {name: v.sd for name, v in plain.items()}
                advisor.tell(s.design, values, sd=sd, run=run, reads=made.growing)
            elif why := fruitless(made.outcome.flags):
                advisor.fail(s.design, why, run=run)
        out.confirmed_designs = target.least([c.target for c in advisor.confirmations()])
        if out.confirmed_designs and out.confirmed is None:
            out.confirmed = out.experiments
    return out


def _judge(
    out: Rehearsed, expected: Mapping[str, Expected], p_hit: float, values: Mapping[str, float], target: Target
) -> None:
    """Count a hit, and whether the forecast that was written down before held."""
    hit = target.hit(values)
    out.hits += hit
    if hit and out.first_hit is None:
        out.first_hit = out.experiments
    if expected:
        out.expected_hits += p_hit
        out.modelled_hits += hit
    for name, e in expected.items():
        if name in values and name in target.goals:
            out.forecasts += 1
            out.covered += e.low <= values[name] <= e.high
