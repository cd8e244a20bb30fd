"""Speed of the virtual lab, and the published fact that it misses.

Run as ``python -m benchmarks.virtual_lab`` from the checkout.
"""

from __future__ import annotations

import time

import numpy as np

from sdl.lab.virtual.chemistry import Growth, Mix
from sdl.lab.virtual.optics import truth
from sdl.lab.virtual.spectrometer import Spectrometer
from tests.lab.test_virtual_chemistry import population

READS_S = (60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 2100.0)


def one_run(mix: Mix) -> tuple[float, float]:
    """Return seconds of one quenched run with seven reads: chemistry alone, and with spectra and truth."""
    growth, instrument = Growth(mix), Spectrometer(1)
    start, chemistry_s = time.perf_counter(), 0.0
    for t_s in READS_S:
        if t_s > 1800:
            growth.quench(1800.0, 1.0)
        begin = time.perf_counter()
        growth.advance(t_s)
        chemistry_s += time.perf_counter() - begin
        instrument.look(growth, t_s, "sample")
    truth(growth.state)
    return chemistry_s, time.perf_counter() - start


def main() -> None:
    """Print both."""
    for name, mix in (("nominal", Mix.of_volumes()), ("49 degC", Mix.of_volumes(temperature_c=49.0))):
        chemistry_s, all_s = np.median([one_run(mix) for _ in range(5)], axis=0)
        print(
            f"one run with {len(READS_S)} reads, {name}: {chemistry_s:.3f} s of chemistry, {all_s:.3f} s with spectra"
        )
    missed = truth(population(2.12, 0.115))
    print("absorption 420 nm -> PL 444 nm, FWHM 24 nm is published; edge 2.12 nm, SD 11.5 % gives")
    print(f"  absorption {missed.x1_nm:.0f} nm -> PL {missed.pl_peak_nm:.0f} nm, FWHM {missed.fwhm_nm:.1f} nm (a miss)")


if __name__ == "__main__":
    main()
