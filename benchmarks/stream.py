"""Latency from a spectrum's arrival to a decision, and memory over a day of spectra at 2 Hz.

Every spectrum arrives as the JSON that a reader service sends, is judged, read to features and decided upon: growth has
ended when X1 has moved less than 0.25 meV a minute, or 3 sd, over the last minute (spectra analysis facts, 4). The
day is simulated: spectra follow each other without waiting. Run as ``python -m benchmarks.stream [N]``.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sdl.lab.reader import from_json, to_json
from sdl.spectra import Spectrum
from sdl.spectra.readout import features
from sdl.spectra.trust import untrusted
from sdl.units import HC_EV_NM
from tests.spectra.generator import Colloid, Instrument

HZ, DAY_S = 2.0, 86_400.0
READS, SLOWEST_EV_MIN, SURE = 120, 0.25e-3, 3.0
"""Reads of one slope (a minute), its threshold, and how many sd count (spectra analysis facts, section 4)."""
PIXELS, DIFFERENT = 2048, 60
PAGE_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Latencies in ms ``(n,)``, resident memory in MiB after warming up and at the end, and decisions to stop."""

    latency_ms: np.ndarray[tuple[int], np.dtype[np.float64]]
    warm_mb: float
    end_mb: float
    stops: int
    cpu_ms: float


def main(count: int) -> Outcome:
    """Stream ``count`` spectra and print what they took."""
    instrument = Instrument(1, grid_nm=np.linspace(300.0, 700.0, PIXELS))
    dark, blank = instrument.dark()[:1], instrument.blank()[:1]
    shifts = 0.02 * np.exp(-np.arange(DIFFERENT) / 20.0)
    seen = [instrument.sample(Colloid(x1_ev=2.70 + s))[:1] for s in shifts]
    sent = [[json.dumps(to_json(s)).encode() for s in spectra] for spectra in seen]
    trace: deque[tuple[float, float]] = deque(maxlen=READS)
    before: tuple[Spectrum, ...] = ()
    latency_ms, stops, warm_mb, cpu_s = np.zeros(count), 0, 0.0, time.process_time()
    for number in range(count):
        payload = sent[number % DIFFERENT]
        start_s = time.perf_counter()
        spectra = tuple(replace(from_json(json.loads(raw)), time_s=number / HZ) for raw in payload)
        wrong = untrusted(spectra, dark=dark, before=before, pixels=PIXELS, asked_s=number / HZ)
        found = features(spectra, dark=dark, blank=blank, channels=("absorption",))
        if not wrong and (x1 := found.values.get("x1_nm")) is not None:
            trace.append((number / HZ / 60.0, HC_EV_NM / x1.value))
        stops += has_ended(trace)
        latency_ms[number] = (time.perf_counter() - start_s) * 1e3
        before = spectra
        if number == count // 10:
            warm_mb = resident_mb()
    cpu_ms = (time.process_time() - cpu_s) / count * 1e3
    outcome = Outcome(latency_ms=latency_ms, warm_mb=warm_mb, end_mb=resident_mb(), stops=stops, cpu_ms=cpu_ms)
    tell(outcome, count)
    return outcome


def has_ended(trace: deque[tuple[float, float]]) -> bool:
    """Say whether X1 stands still: its slope over the last reads is below the threshold or its own noise."""
    if len(trace) < READS:
        return False
    minutes, energy = np.array(trace).T
    centred = minutes - minutes.mean()
    slope = float(centred @ energy / (centred @ centred))
    scatter = float(np.std(energy - energy.mean() - slope * centred, ddof=2))
    noise = scatter / float(np.sqrt(centred @ centred))
    return abs(slope) < max(SLOWEST_EV_MIN, SURE * noise)


def tell(outcome: Outcome, count: int) -> None:
    """Print latency and memory, and what the memory would grow by in a day."""
    median, slow, worst = np.quantile(outcome.latency_ms, [0.5, 0.99, 1.0])
    hours = count / HZ / 3600.0
    grown = outcome.end_mb - outcome.warm_mb
    print(f"{count} spectra of {PIXELS} pixels, {hours:.1f} h at {HZ:g} Hz, decisions to stop: {outcome.stops}")
    print(f"of one core's time: {outcome.cpu_ms:.1f} ms a spectrum")
    print(f"spectrum to decision: median {median:.1f} ms, 99 % {slow:.1f} ms, slowest {worst:.1f} ms")
    print(f"memory: {outcome.warm_mb:.1f} MiB warm, {outcome.end_mb:.1f} MiB at the end ({grown:+.1f} MiB)")


def resident_mb() -> float:
    """Return the resident memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES / 2**20


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else int(DAY_S * HZ))
