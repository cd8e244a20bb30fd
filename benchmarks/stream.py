"""Latency from a spectrum's arrival to a decision, and what a day of spectra at 2 Hz would add to memory.

Every spectrum arrives as the JSON that a reader service sends, is judged, read to features by the full fit, and the
watched well's quench is decided upon by `models.kinetics`, as `sdl run` does: reads are kept as sparsely as the watch
of a dip probe keeps them, the newest one always counts. Every hour a new well begins. The day is simulated: spectra
follow each other without waiting. Fewer than a day's 172,800 give the slope of memory and its interval. What may grow
is bounded by construction: dark, blank, the last read and at most 100 reads of one well; all else is on disk in the
store. Run as ``python -m benchmarks.stream [N]``.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.campaign import CAMPAIGN
from benchmarks.quench import EVERY_OF_TIME, EVERY_S, Bench, earlier
from models.kinetics import Curve, Fleet, Forecast, Look, look_of
from models.kinetics.decision import decide
from sdl.chemistry.feasible import design_space
from sdl.lab.reader import from_json, to_json
from sdl.lab.virtual.chemistry import Growth
from sdl.space import Design
from sdl.spectra import Features, Spectrum
from sdl.spectra.readout import features
from sdl.spectra.trust import untrusted
from tests.spectra.crystals import Crystals
from tests.spectra.generator import Colloid, Instrument

HZ, DAY_S, WELL_S = 2.0, 86_400.0, 3600.0
HOUR = int(3600 * HZ)
PIXELS, DIFFERENT = 2048, 60
FIRST_S = 30.0
"""Younger dots absorb too little to be followed."""
WANTED_NM = 480.0
PAGE_BYTES = 4096
STRETCHES, STUDENT_9 = 10, 2.262
"""Parts whose growth of memory is compared, and Student's t for their 95 % interval (nine degrees of freedom)."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Latencies in ms and resident memory in MiB after each spectrum, both ``(n,)``; decisions that moved."""

    latency_ms: np.ndarray[tuple[int], np.dtype[np.float64]]
    resident_mb: np.ndarray[tuple[int], np.dtype[np.float64]]
    moved: int
    cpu_ms: float

    @property
    def grown_mb_a_day(self) -> tuple[float, float]:
        """Return what a day of spectra would add, by the slope after the first tenth, and half its 95 % interval.

        The slope is the mean of those of ten stretches, its error their scatter: single reads are not independent.
        """
        after = self.resident_mb[self.resident_mb.size // 10 :]
        ends = np.array([part[-1] - part[0] for part in np.array_split(after, STRETCHES)])
        a_day = ends / (after.size / STRETCHES) * DAY_S * HZ
        return float(a_day.mean()), STUDENT_9 * float(a_day.std(ddof=1)) / STRETCHES**0.5


@dataclass(slots=True, kw_only=True)
class Well:
    """The reads of the well that is watched now."""

    design: Design
    looks: tuple[Look, ...] = ()
    next_s: float = 0.0

    def with_look(self, time_s: float, seen: Features) -> Curve:
        """Return the well with one more read, which is kept only when the watch's next one is due."""
        looks = (*self.looks, look_of(time_s, seen))
        if time_s >= self.next_s:
            self.looks, self.next_s = looks, time_s + max(EVERY_S, EVERY_OF_TIME * time_s)
        return Curve(experiment="watched", design=self.design, looks=looks)


def main(count: int, *, earlier_wells: int = 12) -> Outcome:
    """Stream ``count`` spectra and print what they took."""
    bench, space = Bench(seed=1, channels=("absorption",), path_mm=2.0), design_space(CAMPAIGN)
    *past, design = space.sobol(earlier_wells + 1, seed=1)
    fleet = Fleet.learn(space, [earlier(bench, d, run) for run, d in enumerate(past)])
    instrument = Instrument(1, grid_nm=np.linspace(300.0, 700.0, PIXELS))
    dark, blank = instrument.dark()[:1], instrument.blank()[:1]
    ages_s = np.geomspace(FIRST_S, WELL_S, DIFFERENT)
    sent = payloads(instrument, bench, design, ages_s)
    before: tuple[Spectrum, ...] = ()
    latency_ms, held_mb, moved, cpu_s = np.zeros(count), np.zeros(count), 0, time.process_time()
    well = Well(design=design)
    for number in range(count):
        age_s = FIRST_S + number / HZ % (WELL_S - FIRST_S)
        if number and age_s < FIRST_S + 1 / HZ:
            well = Well(design=design)
        raw = sent[int(np.argmin(np.abs(ages_s - age_s)))][number % 2]
        start_s = time.perf_counter()
        spectra = (replace(from_json(json.loads(raw)), time_s=number / HZ),)
        wrong = untrusted(spectra, dark=dark, before=before, pixels=PIXELS, asked_s=number / HZ)
        found = Features() if wrong else features(spectra, dark=dark, blank=blank, channels=("absorption",))
        forecast = Forecast(fleet, well.with_look(age_s, found))
        window_s = (age_s, max(WELL_S, age_s + 1.0))
        moved += decide(forecast, WANTED_NM, window_s=window_s, planned_s=float(WELL_S)).moved
        latency_ms[number] = (time.perf_counter() - start_s) * 1e3
        before = spectra
        held_mb[number] = resident_mb()
        if number % HOUR == HOUR - 1:
            print(f"{(number + 1) / HOUR:.0f} h: {held_mb[number]:.1f} MiB", file=sys.stderr, flush=True)
    cpu_ms = (time.process_time() - cpu_s) / count * 1e3
    outcome = Outcome(latency_ms=latency_ms, resident_mb=held_mb, moved=moved, cpu_ms=cpu_ms)
    tell(outcome, count)
    return outcome


def payloads(
    instrument: Instrument, bench: Bench, design: Design, ages_s: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> list[list[bytes]]:
    """Return two spectra of the same well at each age, as a reader service sends them: dots grow, noise differs."""
    growth, sent = Growth(bench.mix(design, 0)), []
    for age_s in ages_s:
        growth.advance(float(age_s))
        crystals = Crystals(edge_nm=growth.state.mean_nm, dispersion=growth.state.sd_nm / growth.state.mean_nm)
        made = [instrument.sample(Colloid(crystals=crystals))[0] for _ in range(2)]
        sent.append([json.dumps(to_json(one)).encode() for one in made])
    return sent


def tell(outcome: Outcome, count: int) -> None:
    """Print latency and memory."""
    median, slow, worst = np.quantile(outcome.latency_ms, [0.5, 0.99, 1.0])
    grown_mb, unsure_mb = outcome.grown_mb_a_day
    print(f"{count} spectra of {PIXELS} pixels, {count / HZ / 3600.0:.1f} h at {HZ:g} Hz; quench moved {outcome.moved}")
    print(f"of one core's time: {outcome.cpu_ms:.1f} ms a spectrum")
    print(f"spectrum to decision: median {median:.1f} ms, 99 % {slow:.1f} ms, slowest {worst:.1f} ms; below 50 ms "
          f"{np.mean(outcome.latency_ms < 50):.2%}")  # fmt: skip
    warm_mb, end_mb = outcome.resident_mb[[count // 10, -1]]
    print(f"memory: {warm_mb:.1f} MiB after a tenth, {end_mb:.1f} MiB at the end; by its slope a day at {HZ:g} Hz adds "
          f"{grown_mb:.1f} +- {unsure_mb:.1f} MiB")  # fmt: skip


def resident_mb() -> float:
    """Return the resident memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES / 2**20


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else int(DAY_S * HZ))
