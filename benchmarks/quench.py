"""Quench on target: final PL of wells quenched by the watch, against the same model's fixed times.

``python -m benchmarks.quench [--wells 100] [--seed 1] [--channels absorption] [--path-mm 10] [--alone 24]``.
Geometry: a dip probe in one reactor, one well at a time, so that the window is the whole range of growth; it reads
absorption through 10 mm. The outcome's PL is read 300 s after the quench by a second instrument, as `sdl tell` has it.
The chemistry has its batch effects and pipetting errors; every well of one seed shares its lots, each is a run of its
own. Both arms of a pair are the same well, and both times come from the same fleet at the same moment: one from the
design alone, one from the design and the reads of that well. Truth is the chemistry's own noise-free outcome.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.campaign import CAMPAIGN, COMPILER, LOTS
from models.kinetics import Curve, Fleet, Forecast, Look, look_of
from models.kinetics.decision import best_moment, decide
from models.kinetics.forecast import BROADER, SURE
from sdl.chemistry.feasible import design_space
from sdl.lab.virtual.chance import Effect, batch_effect
from sdl.lab.virtual.chemistry import Growth
from sdl.lab.virtual.mix import Mix
from sdl.lab.virtual.optics import truth
from sdl.lab.virtual.spectrometer import Spectrometer
from sdl.lab.virtual.world import PIPETTING_CV
from sdl.space import Design
from sdl.spectra import Features
from sdl.spectra.readout import Optics, features
from sdl.spectra.types import Kind, Spectrum, Value
from sdl.units import HC_EV_NM

EARLIER = 24
"""Wells made at their plan's time before the watch is asked: three batches of the built-in lab."""
SLOW_ENOUGH_S = 150.0
"""Recipes compared are expected to need this long: a dozen reads, and nine times the arm's lead. Faster ones reach
their target while the pipette still fetches the lecithin, whoever says when."""
TARGETS_NM = (465.0, 480.0, 490.0)
"""Wanted emission, in turn: Rec.2020 blue, and two slower parts of the range."""
FIRST_S, EVERY_S, EVERY_OF_TIME = 20.0, 10.0, 0.04
"""Dip probe: reads start 20 s after injection, every 10 s or 4 % of the time."""
LEAD_S = 16.0
"""From the release of the quench to lecithin in the well, as the schedule counts it for a 50 uL pipette."""
LEARN_EVERY, DESIGNS_PER_WELL = 10, 40
"""Wells between two lessons, and designs that are looked through for each well."""
OUTCOME_S = 300.0
LONGEST_S, ALONE_S, EARLY_S = 3600.0, 7200.0, 2700.0


@dataclass(slots=True)
class Bench:
    """One lab with one seed: its instrument, its lots, and how many wells it made."""

    seed: int
    channels: tuple[Kind, ...]
    path_mm: float
    spectrometer: Spectrometer = field(init=False)
    dark: tuple[Spectrum, ...] = field(init=False)
    blank: tuple[Spectrum, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.spectrometer = Spectrometer(self.seed, ("absorption", "pl"), path_mm=self.path_mm)
        self.dark = self.spectrometer.dark(0.0)
        self.blank = self.spectrometer.look("blank", 1.0, "blank")

    def effect(self, run: int) -> Effect:
        return batch_effect(self.seed, LOTS, run, "vials/A1")

    def mix(self, design: Design, run: int) -> Mix:
        """Pour the recipe with errors of every stroke."""
        rng = np.random.default_rng([self.seed, run])
        recipe = COMPILER.recipe(design)
        ul = {t.stock: t.volume_ul * (1 + PIPETTING_CV * rng.standard_normal()) for t in recipe.transfers}
        total = sum(v for stock, v in ul.items() if stock != "lecithin")
        mmol_l: dict[str, float] = {}
        for stock, volume in ul.items():
            for species, held in CAMPAIGN.stocks[stock].contains.items():
                mmol_l[species] = mmol_l.get(species, 0.0) + held * volume / total
        return Mix(
            cs_mol_l=mmol_l["Cs"] / 1e3,
            pb_mol_l=mmol_l["Pb"] / 1e3,
            topo_mol_l=mmol_l["TOPO"] / 1e3,
            dopa_mol_l=(mmol_l["DOPA"] + mmol_l["Cs"]) / 1e3,
            temperature_c=recipe.temperature_c,
        )

    def read(self, growth: Growth, t_s: float, run: int, channels: Sequence[Kind]) -> Features:
        spectra = self.spectrometer.look(growth, 10_000.0 * run + t_s, "sample")
        return features(
            [s for s in spectra if s.kind in channels],
            dark=self.dark,
            blank=self.blank,
            optics=Optics(path_mm=self.path_mm),
            channels=channels,
            cs_mol_l=growth.state.mix.cs_mol_l,
        )

    def outcome(self, growth: Growth, quench_s: float, ratio: float, run: int) -> tuple[float, Value | None]:
        """Quench, and return true PL in nm 300 s later and the PL that is read, in eV."""
        growth.quench(quench_s, ratio)
        growth.advance(quench_s + OUTCOME_S)
        seen = self.read(growth, quench_s + OUTCOME_S, run, ("absorption", "pl")).values.get("pl_peak_nm")
        value = None if seen is None else Value(value=HC_EV_NM / seen.value, sd=HC_EV_NM / seen.value**2 * seen.sd)
        return truth(growth.state).pl_peak_nm, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One well made twice: error of the fixed time and of the watch in nm, and how the watch behaved."""

    wanted_nm: float
    fixed_s: float
    watched_s: float
    fixed_nm: float
    watched_nm: float
    stated_sd_nm: float
    inside: float
    moved: bool
    slowest_s: float
    why: str


def reads_s(longest_s: float) -> list[float]:
    """Return when a dip probe reads, in s after injection."""
    times = [FIRST_S]
    while (after := times[-1] + max(EVERY_S, EVERY_OF_TIME * times[-1])) < longest_s:
        times.append(after)
    return times


def earlier(bench: Bench, design: Design, run: int) -> Curve:
    """Make one well at its design's own time, reading as it grows."""
    growth = Growth(bench.mix(design, run), bench.effect(run))
    stop = float(design["growth_time_s"])
    looks = []
    for t in reads_s(stop):
        growth.advance(t)
        looks.append(look_of(t, bench.read(growth, t, run, bench.channels)))
    _, final = bench.outcome(growth, stop, float(design["lecithin_to_cs"]), run)
    return Curve(experiment=str(run), design=design, looks=tuple(looks), quench_s=stop, final_ev=final)


def pair(bench: Bench, fleet: Fleet, design: Design, wanted_nm: float, run: int) -> tuple[Pair, Curve]:
    """Make one well at the fleet's fixed time and once more by watching it."""
    window = (LEAD_S + FIRST_S, LONGEST_S)
    fixed_s, *_ = best_moment(Forecast(fleet, Curve(experiment="", design=design)), wanted_nm, window)
    mix, effect, ratio = bench.mix(design, run), bench.effect(run), float(design["lecithin_to_cs"])
    fixed_nm, _ = bench.outcome(Growth(mix, effect), fixed_s, ratio, run)
    growth, looks, slowest = Growth(mix, effect), list[Look](), 0.0
    times = reads_s(LONGEST_S)
    for t, following in zip(times, [*times[1:], math.inf], strict=True):
        growth.advance(t)
        begun = time.process_time()
        looks.append(look_of(t, bench.read(growth, t, run, bench.channels)))
        forecast = Forecast(fleet, Curve(experiment=str(run), design=design, looks=tuple(looks)))
        decision = decide(forecast, wanted_nm, window_s=(t + LEAD_S + 1, LONGEST_S), planned_s=max(fixed_s, t + LEAD_S))
        slowest = max(slowest, time.process_time() - begun)
        if decision.quench_s - LEAD_S <= following + 1.0:
            break
    watched_nm, final = bench.outcome(growth, decision.quench_s, ratio, run)
    made = {**design, "growth_time_s": decision.quench_s}
    curve = Curve(experiment=str(run), design=made, looks=tuple(looks), quench_s=decision.quench_s, final_ev=final)
    return Pair(
        wanted_nm=wanted_nm,
        fixed_s=fixed_s,
        watched_s=decision.quench_s,
        fixed_nm=fixed_nm - wanted_nm,
        watched_nm=watched_nm - wanted_nm,
        stated_sd_nm=decision.sd_nm,
        inside=abs(watched_nm - decision.expected_nm) / decision.sd_nm,
        moved=decision.moved,
        slowest_s=slowest,
        why=decision.why,
    ), curve


def within_reach(fleet: Fleet, design: Design) -> list[float]:
    """Return the targets that the fleet expects this design to pass slowly enough, by one sd at the late end."""
    band = Forecast(fleet, Curve(experiment="", design=design)).final(np.array([SLOW_ENOUGH_S, LONGEST_S]))
    return [nm for nm in TARGETS_NM if band.mean[0] < nm < band.mean[1] - band.sd[1]]


def compare(
    wells: int,
    seed: int,
    *,
    channels: tuple[Kind, ...] = ("absorption",),
    path_mm: float = 10.0,
    earlier_wells: int = EARLIER,
) -> list[Pair]:
    """Make ``wells`` pairs in one lab, learning from every well as they come."""
    bench = Bench(seed=seed, channels=channels, path_mm=path_mm)
    space = design_space(CAMPAIGN)
    designs = iter(space.sobol(earlier_wells + DESIGNS_PER_WELL * wells, seed=seed))
    curves = [earlier(bench, next(designs), run) for run in range(earlier_wells)]
    pairs: list[Pair] = []
    made = dict.fromkeys(TARGETS_NM, 0)
    fleet = Fleet.learn(space, curves)
    for design in designs:
        open_nm = [nm for nm in within_reach(fleet, design) if made[nm] < -(-wells // len(TARGETS_NM))]
        if not open_nm:
            continue
        wanted_nm = min(open_nm, key=lambda nm: made[nm])
        made[wanted_nm] += 1
        one, curve = pair(bench, fleet, design, wanted_nm, earlier_wells + len(pairs))
        pairs.append(one)
        curves.append(curve)
        if len(pairs) == wells:
            break
        if len(pairs) % LEARN_EVERY == 0:
            fleet = Fleet.learn(space, curves)
    return pairs


def table(pairs: Sequence[Pair]) -> str:
    """Return the comparison in Markdown."""
    rows = [
        "| target | wells | fixed: mean abs., rms (nm) | watched: mean abs., rms (nm) | ratio |",
        "|---|---|---|---|---|",
    ]
    for wanted in (*sorted({p.wanted_nm for p in pairs}), None):
        some = [p for p in pairs if wanted is None or p.wanted_nm == wanted]
        fixed, watched = np.array([[p.fixed_nm, p.watched_nm] for p in some]).T
        said = [f"{np.abs(e).mean():.2f}, {np.sqrt((e**2).mean()):.2f}" for e in (fixed, watched)]
        name = "all" if wanted is None else f"{wanted:.0f} nm"
        ratio = np.abs(watched).mean() / np.abs(fixed).mean()
        rows.append(f"| {name} | {len(some)} | {said[0]} | {said[1]} | {ratio:.2f} |")
    moved = [p for p in pairs if p.moved]
    held = np.mean([p.inside < SURE for p in moved])
    stated = np.median([p.stated_sd_nm for p in moved])
    slow_ms = 1e3 * np.array([p.slowest_s for p in pairs])
    return "\n".join(
        [
            *rows,
            "",
            f"The quench was moved in {len(moved)} of {len(pairs)} wells; the stated 95 % interval held in {held:.0%} "
            f"of them (stated sd {stated:.2f} nm, median).",
            f"Spectrum to decision, slowest of each well: {np.median(slow_ms):.0f} ms of CPU (median), "
            f"{slow_ms.max():.0f} ms at most.",
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """One well left alone for two hours, in s: true and flagged endpoint, true and flagged ripening.

    A line ripens when it is by `BROADER` broader than at its narrowest since the endpoint; ``broader_s`` is when the
    true one is, ``ripening_s`` when the flag was raised. Before ``broader_s`` a flag is false.
    """

    true_s: float
    flagged_s: float
    ripening_s: float
    broader_s: float


def ending(bench: Bench, fleet: Fleet, design: Design, run: int) -> Ending:
    """Watch one well that nobody quenches, asking for the signs at every read."""
    growth, looks = Growth(bench.mix(design, run), bench.effect(run)), list[Look]()
    flagged_s = ripening_s = math.inf
    times, yields, widths = reads_s(ALONE_S), [], []
    for t in times:
        growth.advance(t)
        seen = truth(growth.state)
        yields.append(seen.yield_fraction)
        widths.append(seen.fwhm_nm / seen.pl_peak_nm**2)
        looks.append(look_of(t, bench.read(growth, t, run, bench.channels)))
        signs = Forecast(fleet, Curve(experiment=str(run), design=design, looks=tuple(looks))).signs(t)
        flagged_s = min(flagged_s, t if signs.exhausted else math.inf)
        ripening_s = min(ripening_s, math.inf if signs.ripening_s is None else t)
    true_s = times[int(np.argmax(np.array(yields) >= 0.95 * max(yields)))]
    over = np.array(times) >= true_s
    width = np.array(widths)[over]
    broader = width > (1 + BROADER) * np.minimum.accumulate(width)
    broader_s = float(np.array(times)[over][np.argmax(broader)]) if broader.any() else math.inf
    return Ending(true_s=true_s, flagged_s=flagged_s, ripening_s=ripening_s, broader_s=broader_s)


def endings(wells: int, seed: int, *, earlier_wells: int = EARLIER) -> list[Ending]:
    """Leave ``wells`` alone in a lab that reads emission too, so that the width of the line is known."""
    bench, space = Bench(seed=seed, channels=("absorption", "pl"), path_mm=2.0), design_space(CAMPAIGN)
    designs = space.sobol(earlier_wells + wells, seed=seed + 1)
    fleet = Fleet.learn(space, [earlier(bench, d, run) for run, d in enumerate(designs[:earlier_wells])])
    return [ending(bench, fleet, d, earlier_wells + run) for run, d in enumerate(designs[earlier_wells:])]


def endings_in_words(found: Sequence[Ending]) -> str:
    """Return how far off the endpoints were, and which ripening flags came before the true line had broadened."""
    off_min = np.array([abs(e.flagged_s - e.true_s) / 60 for e in found])
    flagged = [e for e in found if math.isfinite(e.ripening_s)]
    false = [e for e in flagged if e.ripening_s < e.broader_s]
    early = [e for e in flagged if e.ripening_s < EARLY_S]
    false_early = [e for e in false if e.ripening_s < EARLY_S]
    ripened = [e for e in found if math.isfinite(e.broader_s)]
    seen = [e for e in ripened if math.isfinite(e.ripening_s)]
    return (
        f"Endpoint of {len(found)} wells left alone for two hours: {np.mean(off_min <= 15):.0%} within 15 min of the "
        f"true 95 % yield, {np.median(off_min):.1f} min off (median), {off_min.max():.1f} at most. The true "
        f"line ripened in {len(ripened)} ({sum(e.broader_s < EARLY_S for e in ripened)} before 45 min), of which "
        f"{len(seen)} were flagged. Ripening flags before 45 min: {len(early)}; of these before the true line had "
        f"broadened by {BROADER:.0%}: {len(false_early)}; such false flags at any time: {len(false)} of {len(flagged)}."
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--wells", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--path-mm", type=float, default=10.0)
    parser.add_argument("--channels", nargs="+", default=["absorption"])
    parser.add_argument("--alone", type=int, default=24)
    asked = parser.parse_args()
    print(table(compare(asked.wells, asked.seed, channels=tuple(asked.channels), path_mm=asked.path_mm)), flush=True)
    print(endings_in_words(endings(asked.alone, asked.seed)))


if __name__ == "__main__":
    main()
