"""Bias, scatter, coverage and speed of the features, on spectra whose line shapes the analysis does not assume.

Run as ``python -m benchmarks.spectra [N]`` from the checkout.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict

import numpy as np

from sdl.spectra.readout import Optics, features
from sdl.units import HC_EV_NM
from tests.spectra.generator import DYE_PLQY, Instrument, random_colloid, truth

PHOTONS_E = (4.5, 6.5)
"""Decades of photons per exposure at full absorption and unit yield: from noisy to bright."""


def main(reads: int) -> None:
    """Print one line per feature, then flags and speed."""
    errors: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    flags: Counter[str] = Counter()
    spent_s = 0.0
    for number in range(reads):
        rng = np.random.default_rng(number)
        colloid = random_colloid(rng)
        instrument = Instrument(number, photons_e=10 ** rng.uniform(*PHOTONS_E))
        optics = Optics(dye_plqy=DYE_PLQY * rng.normal(1, 0.02))
        sample, dark, blank, dye = instrument.sample(colloid), instrument.dark(), instrument.blank(), instrument.dye()
        start = time.perf_counter()
        found = features(sample, dark=dark, blank=blank, dye=dye, optics=optics)
        spent_s += time.perf_counter() - start
        flags.update(found.flags)
        for name, true in truth(colloid).items():
            if name in found.values:
                errors[name].append((found.values[name].value - true, found.values[name].sd))
    print(f"{'feature':12} {'n':>5} {'bias':>9} {'scatter':>9} {'median sd':>9} {'in 2 sd':>8}")
    for name, rows in errors.items():
        error, sd = np.array(rows).T
        inside = np.mean(np.abs(error) < 2 * sd)
        print(f"{name:12} {error.size:5} {error.mean():9.4f} {error.std():9.4f} {np.median(sd):9.4f} {inside:8.3f}")
    x1_nm = HC_EV_NM / 2.7
    print(f"1 nm of X1 near {x1_nm:.0f} nm is {HC_EV_NM / x1_nm**2 * 1e3:.1f} meV")
    print("flags", dict(flags))
    print(f"{reads / spent_s:.0f} reads per second, {spent_s / reads * 1e3:.1f} ms each")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
