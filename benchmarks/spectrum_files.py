"""Time ``sdl spectrum`` on a folder of mixed vendor files, some of them broken, and count what it could not read.

Run as ``python -m benchmarks.spectrum_files [N]`` from the checkout.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from sdl.spectra.files import FileResult
from sdl.spectra.table import results_of
from tests.spectra.generator import Array, Instrument, random_colloid
from tests.spectra.vendor_files import ABSORPTION, EMISSION

PIXELS = 2048
BROKEN = {
    "empty.txt": b"",
    "binary.dat": bytes(range(256)) * 16,
    "notes.md": b"# Tuesday\nspectra of batch 3, lamp warm since 8:40\n",
    "two_lines.csv": b"wavelength_nm,absorbance\n400,0.1\n401,0.2\n",
    "shuffled.csv": b"absorbance,value\n" + b"".join(b"0.%d,%d\n" % (n * 7919 % 1000, 400 + n) for n in range(99)),
}
SOME_BROKEN = 20
"""One file in this many is broken."""


def write_files(folder: Path, count: int) -> None:
    """Write ``count`` files into ``folder``: every layout in turn, each with its own colloid, and broken ones."""
    grid_nm = np.linspace(300.0, 700.0, PIXELS)
    good = [*((name, writer, "absorption") for name, (_, writer) in ABSORPTION.items())]
    good += [(name, writer, "pl") for name, (_, writer) in EMISSION.items()]
    for number in range(count):
        if number % SOME_BROKEN == SOME_BROKEN - 1:
            name, raw = list(BROKEN.items())[number // SOME_BROKEN % len(BROKEN)]
            (folder / f"{number:04d}-{name}").write_bytes(raw)
            continue
        name, writer, kind = good[number % len(good)]
        instrument = Instrument(number, grid_nm=grid_nm)
        colloid = random_colloid(np.random.default_rng(number))
        seen = {"s": instrument.sample(colloid), "d": instrument.dark(), "r": instrument.blank()}
        counts = [bridged(next(one.counts for one in seen[key] if one.kind == kind)) for key in "sdr"]
        (folder / f"{number:04d}-{name}").write_bytes(writer(grid_nm, *counts))


def bridged(counts: Array) -> Array:
    """Return counts without dead pixels: an instrument's export has a number everywhere."""
    index, good = np.arange(counts.size), np.isfinite(counts)
    return np.interp(index, index[good], counts[good])


def main(count: int) -> list[FileResult]:
    """Print how long ``count`` files take and what came of them."""
    with tempfile.TemporaryDirectory() as place:
        write_files(Path(place), count)
        start_s, cpu_s = time.perf_counter(), _cpu_s()
        results = results_of([Path(place)], out=sys.stderr)
        wall_s, cpu_s = time.perf_counter() - start_s, _cpu_s() - cpu_s
    reasons = Counter(r.error.split(";")[0].split(":")[0] for r in results if r.error)
    seen = [r for r in results if "x1_nm" in r.features.values or "pl_peak_nm" in r.features.values]
    print(f"{count} files, {len(results)} spectra in {wall_s:.1f} s ({cpu_s:.1f} s CPU)")
    print(f"features in {len(seen)}, none in {len(results) - len(seen) - sum(reasons.values())}")
    print("not read:", dict(reasons))
    print("flags:", dict(Counter(flag for r in results for flag in r.features.flags)))
    return results


def _cpu_s() -> float:
    """Return the CPU time of this process and of those it has ended."""
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
