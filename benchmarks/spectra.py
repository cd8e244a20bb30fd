"""Bias, scatter, coverage, flags and speed of the features, on spectra whose line shapes the analysis does not assume.

Run as ``python -m benchmarks.spectra [N [FIRST]]`` from the checkout: N reads of mixed quality (2,000 for the record),
the first of them with seed FIRST, so that reads can be asked for that no constant was ever chosen on.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np

from sdl.spectra.absorption import Absorbance, absorbances
from sdl.spectra.exciton import exciton, excitons
from sdl.spectra.population import population
from sdl.spectra.readout import Optics, features
from sdl.spectra.sizing import USUAL_DISPERSION, edge_length
from sdl.spectra.types import Features, Spectrum, Value
from tests.spectra.crystals import FAMILIES, LI_EDGE_NM, LI_SD_NM, LI_X1_EV, Array, Crystals, random_crystals
from tests.spectra.generator import DYE_PLQY, FULL_WELL, Colloid, Instrument, random_colloid, truth

PHOTONS_E = (4.5, 6.5)
"""Decades of photons per exposure at full absorption and unit yield: from noisy to bright."""
FAULTY = {"bubble": {"bubble"}, "saturated": {"saturated"}, "dead lamp": {"no_light"}, "dead LED": {"weak_pl"}}
"""What is broken on purpose, and the flags of which one must be seen."""
CLEAN = {"noisy", "od_high", "od_low", "reabsorption", "size_extrapolated", "x1_by_derivative"}
"""Flags that say something true about a good read; any other flag of one is false."""
GRID_NM = np.arange(300.0, 700.0, 0.5)
NOISE_A, HEIGHT_A = 1e-4, 0.15
"""Pixel noise and absorbance at 400 nm of the spectra that test the two paths alone."""


def main(reads: int, first: int = 0) -> None:
    """Print Li's crystals, bias and scatter, coverage, flags and speed."""
    rng = np.random.default_rng(7 + first)
    li2019(rng, draws=max(1, min(4, reads // 50)))
    bias(rng, populations=max(4, min(60, reads // 8)))
    coverage(range(first, first + reads))
    faults(range(first, first + max(4, reads // 5)))
    speed(max(4, min(300, reads)))


def clean(crystals: Crystals, rng: np.random.Generator) -> Absorbance:
    """Return a spectrum with nothing but noise, to test the two paths alone."""
    values = HEIGHT_A * crystals.absorbance(GRID_NM) + rng.normal(0, NOISE_A, GRID_NM.size)
    sd = np.full(GRID_NM.shape, NOISE_A)
    return Absorbance(wavelength_nm=GRID_NM, values=values, sd=sd, base_sd=sd, usable=True, flags=())


def both(crystals: Crystals, rng: np.random.Generator) -> tuple[Value, Value, Value, Value]:
    """Return X1 by derivative, X1 of the mean crystal by the fit, edge length, X1 by the fit; in eV and nm."""
    seen = clean(crystals, rng)
    first = exciton(seen)
    assert first.x1 is not None, crystals
    found, _ = population(seen, first.x1.value)
    x1 = first.x1 if found is None else found.x1
    edge, _ = edge_length(x1, dispersion=USUAL_DISPERSION if found is None else found.dispersion)
    assert edge is not None, crystals
    return first.x1, first.x1 if found is None else found.x1_of_mean, edge, x1


def li2019(rng: np.random.Generator, *, draws: int) -> None:
    """Print how far both paths are from the eight printed X1, which are of spectra and so the line of each sample."""
    print("X1 of Li 2019, Table 1: error in meV (mean over line shapes and draws, and the largest)")
    print(f"{'edge nm':>8} {'printed eV':>10} {'derivative':>16} {'full fit':>16}")
    for edge, spread, x1_ev in zip(LI_EDGE_NM, LI_SD_NM, LI_X1_EV, strict=True):
        errors = []
        for family in FAMILIES:
            for _ in range(draws):
                made = random_crystals(rng)
                made = replace(made, family=family, edge_nm=float(edge), dispersion=float(spread / edge))
                made = replace(made, shift_ev=made.shift_ev + float(x1_ev) - made.line_ev)
                first, _, _, fitted = both(made, rng)
                errors.append([1e3 * (v.value - x1_ev) for v in (first, fitted)])
        told = np.array(errors).T
        cells = (f"{e.mean():7.1f} ({np.abs(e).max():4.1f})" for e in told)
        print(f"{edge:8.1f} {x1_ev:10.2f} {''.join(f'{c:>17}' for c in cells)}")


def bias(rng: np.random.Generator, *, populations: int) -> None:
    """Print bias against the mean crystal and repeat scatter, for 3 to 8 % dispersion and 3.5 to 6.2 nm."""
    print("\nX1 against the crystal of mean edge, L >= 3.5 nm, dispersion 3 to 8 %; size with the curve known")
    rows = []
    for _ in range(populations):
        made = replace(random_crystals(rng, edge_nm=(3.5, 6.2), most=0.08), shift_ev=0.0)
        seen = np.array([[v.value for v in both(made, rng)[:3]] for _ in range(4)])
        rows.append([*(1e3 * (seen[:, :2].mean(axis=0) - made.x1_ev)), *(1e3 * seen[:, :2].std(axis=0, ddof=1)),
                     100 * (seen[:, 2].mean() / made.edge_nm - 1)])  # fmt: skip
    table = np.array(rows)
    for k, name in enumerate(("derivative", "full fit")):
        b, s = table[:, k], table[:, 2 + k]
        print(f"{name:12} bias {b.mean():5.1f} meV, worst {np.abs(b).max():4.1f}; repeat scatter "
              f"{np.sqrt(np.mean(s**2)):4.2f}, worst {s.max():4.2f}")  # fmt: skip
    print(f"{'edge length':12} {table[:, 4].mean():5.1f} %, worst {np.abs(table[:, 4]).max():4.1f} %")


def mixed(number: int) -> tuple[Colloid, Instrument, Optics, dict[str, list[Spectrum]]]:
    """Return read ``number`` of mixed quality: noise over two decades, four grids, clear and hazy, thin and dense."""
    rng = np.random.default_rng(number)
    colloid = random_colloid(rng)
    grid_nm: Array = np.arange(300.0, 720.0, rng.choice([0.3, 0.5, 0.7, 1.0]))
    instrument = Instrument(number, grid_nm=grid_nm, photons_e=10 ** rng.uniform(*PHOTONS_E))
    references = {"dark": instrument.dark(), "blank": instrument.blank(), "dye": instrument.dye()}
    return colloid, instrument, Optics(dye_plqy=DYE_PLQY * rng.normal(1, 0.02)), references


def coverage(numbers: range) -> None:
    """Print error, stated sd and coverage of every feature, then how often a flag is false."""
    errors: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    flags: Counter[str] = Counter()
    false = 0
    spent_s = 0.0
    for number in numbers:
        colloid, instrument, optics, references = mixed(number)
        sample = instrument.sample(colloid)
        start = time.process_time()
        found = features(sample, **references, optics=optics)  # type: ignore[arg-type]
        spent_s += time.process_time() - start
        flags.update(found.flags)
        false += bool(set(found.flags) - CLEAN)
        for name, true in truth(colloid).items():
            if name in found.values:
                errors[name].append((found.values[name].value - true, found.values[name].sd))
    reads = len(numbers)
    print(f"\n{reads} reads of mixed quality, dispersion 3 to 12 %, 2.8 to 6.2 nm, X1 off the sizing curve by 17 meV")
    print(f"{'feature':18} {'n':>5} {'bias':>9} {'rms':>9} {'median sd':>9} {'in 95 %':>8}")
    for name, rows in errors.items():
        error, sd = np.array(rows).T
        inside = np.mean(np.abs(error) < 1.96 * sd)
        print(f"{name:18} {error.size:5} {error.mean():9.4f} {np.sqrt(np.mean(error**2)):9.4f} {np.median(sd):9.4f} "
              f"{inside:8.3f}")  # fmt: skip
    print("flags", dict(flags))
    print(f"false flags: {false} of {reads} reads ({100 * false / reads:.2f} %)")
    print(f"one whole read, absorption with full fit, PL, colour and PLQY: {spent_s / reads * 1e3:.0f} ms CPU")


def faults(numbers: range) -> None:
    """Print how many of the broken reads were flagged as what they are."""
    print(f"\n{'fault':12} {'flagged':>12}")
    for fault, wanted in FAULTY.items():
        seen = sum(bool(wanted & set(broken(fault, number).flags)) for number in numbers)
        print(f"{fault:12} {seen:5} of {len(numbers)}")


def broken(fault: str, number: int) -> Features:
    """Return the features of a read that something is wrong with."""
    colloid, instrument, optics, references = mixed(number)
    rng = np.random.default_rng([number, 1])
    white, pl = instrument.sample(colloid)
    if fault == "bubble":
        through = np.clip(rng.uniform(0.4, 0.9) + rng.normal(0, 0.01, white.counts.size), 1e-6, None)
        white, pl = replace(white, counts=white.counts * through), replace(pl, counts=pl.counts * through)
    elif fault == "saturated":
        kind = rng.integers(2)
        lifted = [s.counts * 1.15 * FULL_WELL / np.nanmax(s.counts) for s in (white, pl)]
        white = replace(white, counts=np.minimum(lifted[0], FULL_WELL)) if kind else white
        pl = pl if kind else replace(pl, counts=np.minimum(lifted[1], FULL_WELL))
    elif fault == "dead lamp":
        white = replace(white, counts=instrument.dark()[0].counts + rng.uniform(0, 0.005) * white.counts)
    else:
        pl = replace(pl, counts=instrument.dark()[1].counts)
    return features([white, pl], **references, optics=optics)  # type: ignore[arg-type]


def speed(spectra: int) -> None:
    """Print spectra per second of CPU on 2,048 pixels, from counts."""
    instrument = Instrument(1, grid_nm=np.linspace(300.0, 800.0, 2048))
    dark, blank = instrument.dark()[0], instrument.blank()[0]
    samples = [instrument.sample(Colloid())[0] for _ in range(spectra)]

    def told(what: str, number: int, start: float) -> None:
        spent_s = max(time.process_time() - start, 1e-9)
        print(f"{what:44} {number / spent_s:7.0f} per s, {spent_s / number * 1e3:6.2f} ms each")

    excitons(absorbances(samples[:2], dark=dark, blank=blank))
    print()
    start = time.process_time()
    clean = absorbances(samples, dark=dark, blank=blank)
    seen = excitons(clean)
    told("clean-up and derivative, all at once", spectra, start)
    few = samples[: max(2, spectra // 6)]
    start = time.process_time()
    for one in few:
        exciton(absorbances([one], dark=dark, blank=blank)[0])
    told("clean-up and derivative, one at a time", len(few), start)
    start = time.process_time()
    for one, first in zip(clean[: len(few)], seen, strict=False):
        population(one, first.x1.value if first.x1 is not None else 2.7)
    told("full-spectrum fit", len(few), start)
    start = time.process_time()
    for one in few:
        features([one], dark=[dark], blank=[blank], channels=("absorption",))
    told("spectrum to features, absorption", len(few), start)


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:]) if len(sys.argv) > 1 else (300,)))
