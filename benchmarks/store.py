"""What the store takes and how long: `python -m benchmarks.store [ATTEMPTS]`.

Durable spectra at ten a second for a minute; 10,000 attempts, each with its whole road, a read and an outcome; then a
restart on what they left. Everything is the real store on this machine's disk (WAL, synchronous=FULL).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sdl.people import require_true_record
from sdl.spectra.types import Features, Spectrum, Value
from sdl.store import NewExperiment, Store

ROAD = ("RESERVED", "UPLOADED", "VERIFIED", "ARMED", "STARTING", "VERIFY", "DISPENSED", "MEASURED", "DONE")
GRID = np.linspace(340.0, 800.0, 2048)
SEEN = Features(values={"pl_peak_nm": Value(value=465.2, sd=0.3)})
MEMORY = Path("/dev/shm")
"""The soak runs in memory: its figures do not depend on the disk."""
WARM = 0.1
"""After this share of the attempts memory is taken as the level that may not grow (chosen: caches are filled)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """Memory in MB, open files and time of many attempts, after the warm-up and at the end."""

    attempts: int
    seconds: float
    rss_mb: tuple[float, float]
    files: tuple[int, int]


@contextmanager
def begun(folder: Path) -> Iterator[Store]:
    """Give a claimed store of a campaign."""
    with Store.open(folder, create=True) as store:
        store.claim()
        if store.campaign() is None:
            store.save_campaign("campaign: bench", "ab" * 32, {"name": "bench"})
        yield store


def look(n: int) -> Spectrum:
    counts = 1e4 + np.random.default_rng(n).normal(0.0, 100.0, GRID.size)
    return Spectrum(kind="pl", role="sample", wavelength_nm=GRID, counts=counts, time_s=float(n), instrument="x")


def ingest(folder: Path, seconds: float, per_second: float) -> list[float]:
    """Save one spectrum a transaction at a steady pace; return how long each took, in ms."""
    took = []
    with begun(folder) as store:
        store.add_batch(1, [NewExperiment(kind="explore", suggestion={"design": {}})])
        attempt = store.plan_attempt(1, {"vials/A1": "bench-0001"}, {}).id
        began = time.perf_counter()
        for n in range(int(seconds * per_second)):
            time.sleep(max(0.0, began + n / per_second - time.perf_counter()))
            spectrum = look(n)
            at = time.perf_counter()
            store.save_read(attempt, f"c{n}", label="sample", time_s=float(n), spectra=[spectrum])
            took.append((time.perf_counter() - at) * 1e3)
        assert len(store.reads()) == len(took)
    return took


def soak(folder: Path, attempts: int) -> Soak:
    """Walk ``attempts`` attempts to their end; return what memory and files did."""
    began, warm = time.perf_counter(), (0.0, 0)
    with begun(folder) as store:
        for n in range(1, attempts + 1):
            _attempt(store, n)
            if n == max(1, int(attempts * WARM)):
                warm = (_rss_mb(), _files())
        end = (_rss_mb(), _files())
    return Soak(
        attempts=attempts, seconds=time.perf_counter() - began, rss_mb=(warm[0], end[0]), files=(warm[1], end[1])
    )


def _attempt(store: Store, n: int) -> None:
    (made,) = store.add_batch(n, [NewExperiment(kind="explore", suggestion={"design": {"pb_to_cs": 3.0 + n / 1e4}})])
    well = f"vials/{n}"
    attempt = store.plan_attempt(n, {well: made.id}, {}).id
    for frm, to in pairwise(("PLANNED", *ROAD[:-1])):
        approved = {"list_hash": f"{n:064x}"} if to == "VERIFIED" else {}
        store.move_attempt(attempt, frm, to, **approved)
    store.write_handshake(attempt, "c1", f"AT 60 inject {well}", 60.0)
    store.mark_handshake_sent(attempt, "c1")
    store.move_well(attempt, well, "planned", "dispensed", injected_s=60.0)
    read = store.save_read(
        attempt, "c2", label="sample", time_s=960.0, spectra=[look(n)], experiment=made.id, well=well, outcome=True
    )
    store.save_features(read, SEEN)
    store.finish_experiment(made.id, {"design": {"pb_to_cs": 3.0}}, SEEN, False, outcome_read=read)
    store.move_attempt(attempt, "MEASURED", "DONE")


def restart(folder: Path) -> dict[str, float]:
    """Return the seconds of CPU of each thing that a controller does before it goes on."""
    told = {}
    at = time.process_time()
    with Store.open(folder, create=True) as store:
        store.claim()
        told["open and claim"] = time.process_time() - at
        at = time.process_time()
        require_true_record(store)
        told["verify the record"] = time.process_time() - at
        at = time.process_time()
        store.attempts(), store.experiments(), store.summary()
        told["read attempts and experiments"] = time.process_time() - at
    return told


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def main(arguments: Sequence[str] = ()) -> int:
    """Print the tables."""
    attempts = int(arguments[0]) if arguments else 10_000
    with TemporaryDirectory(prefix="sdl-ingest-") as name:
        took = np.array(ingest(Path(name), 60.0, 10.0))
    p50, p99 = np.percentile(took, [50, 99])
    print(f"{len(took)} spectra of {GRID.size} points at 10 a second, one commit each: 0 lost", end=", ")
    print(f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {took.max():.1f} ms", flush=True)
    with TemporaryDirectory(prefix="sdl-soak-", dir=MEMORY if MEMORY.is_dir() else None) as name:
        seen, told = soak(Path(name), attempts), restart(Path(name))
    grown = seen.rss_mb[1] / seen.rss_mb[0] - 1
    print(f"{seen.attempts} attempts in {seen.seconds:.0f} s: memory {seen.rss_mb[0]:.1f}", end=" ")
    print(f"-> {seen.rss_mb[1]:.1f} MB", end=" ")
    print(f"({grown:+.1%}), open files {seen.files[0]} -> {seen.files[1]}")
    print(f"restart on {seen.attempts} experiments: {sum(told.values()):.1f} s of CPU (", end="")
    print(", ".join(f"{what} {s:.2f} s" for what, s in told.items()) + ")")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
