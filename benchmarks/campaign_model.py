"""Campaigns in one process: experiments to the first hit and to the first confirmed one, model against Sobol.

``python benchmarks/campaign_model.py --seeds 10 [--plant synthetic|virtual] [--batch 8] [--budget 48]``.
The plant answers a design with PL, FWHM and PLQY; the lot, the run and the well each carry their share of the batch
effect.  A confirmed hit is checked against the plant's mean outcome, which the model never sees.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models import Advisor
from models.physics import GrowthLaw
from models.suggestion import Read
from sdl.space import Columns, Design, DesignSpace
from sdl.target import Target, match, maximize, minimize

TOTAL_UL, SMALLEST_UL, STEP_UL = 3120.0, 5.0, 0.1
TARGET = Target.of(pl_peak_nm=match(465.0, within=1.0), fwhm_nm=minimize(below=20.0), plqy=maximize(above=0.6))
SHARES = {"lot": 0.5, "run": 0.25, "well": 0.25}
Plant = Callable[[Design, NDArray[np.float64]], tuple[dict[str, float], list[tuple[float, float]]]]
"""A design and a batch effect ``(2,)`` to its features, and X1 in nm at the times in s at which it was read growing."""


def volumes_ul(c: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    cs = c["cs_concentration_mmol_l"] * TOTAL_UL / 20.0
    pb = c["pb_to_cs"] * c["cs_concentration_mmol_l"] * TOTAL_UL / 40.0
    topo = (c["topo_to_pb"] - 5.0) * c["pb_to_cs"] * c["cs_concentration_mmol_l"] * TOTAL_UL / 200.0
    return {"cs": cs, "pb": pb, "topo": topo, "lec": c["lecithin_to_cs"] * cs}


def snap(c: Columns) -> tuple[Columns, NDArray[np.bool_]]:
    """Round to what a Flex with 5 uL strokes and 0.1 uL steps can make."""
    v = {k: np.round(x / STEP_UL) * STEP_UL for k, x in volumes_ul(c).items()}
    v["topo"] = np.where(v["topo"] < SMALLEST_UL / 2, 0.0, np.maximum(v["topo"], SMALLEST_UL))
    ok = (v["cs"] >= SMALLEST_UL) & (v["pb"] >= SMALLEST_UL) & (v["lec"] >= SMALLEST_UL)
    ok &= TOTAL_UL - v["cs"] - v["pb"] - v["topo"] >= 1200.0
    with np.errstate(all="ignore"):
        out = {
            "pb_to_cs": 2.0 * v["pb"] / v["cs"],
            "topo_to_pb": 5.0 + 5.0 * v["topo"] / v["pb"],
            "cs_concentration_mmol_l": v["cs"] * 20.0 / TOTAL_UL,
            "growth_time_s": np.round(c["growth_time_s"]),
            "lecithin_to_cs": v["lec"] / v["cs"],
            "temperature_c": np.round(c["temperature_c"], 1),
        }
    return out, ok


def space() -> DesignSpace:
    return DesignSpace.of(
        pb_to_cs=(2.0, 8.0),
        topo_to_pb=(5.0, 20.0),
        cs_concentration_mmol_l=(0.06, 0.6),
        growth_time_s=(60.0, 3600.0),
        lecithin_to_cs=(0.5, 1.5),
        temperature_c=(25.0, 49.0),
        shared={"temperature_c": 1},
        constraints=["topo_to_pb * pb_to_cs <= 100"],
        snap=snap,
    )


def synthetic(design: Design, z: NDArray[np.float64]) -> tuple[dict[str, float], list[tuple[float, float]]]:
    """A smooth stand-in with the trends of the virtual lab's table of facts; ``z`` ``(2,)`` is the batch effect."""
    d = {k: float(v) for k, v in design.items()}
    warm = 1.0 / (d["temperature_c"] + 273.15) - 1.0 / 298.15
    cs = d["cs_concentration_mmol_l"] / 0.2564
    topo = d["topo_to_pb"] * d["pb_to_cs"] * cs / 20.0
    burst = cs**0.7 * topo * np.exp(-25e3 / 8.3145 * warm) * np.exp(0.08 * z[1] - 0.1 * z[0])
    full_nm = 5.9 * (burst * (d["pb_to_cs"] / 4.0) ** 0.3) ** 0.3
    rate = 1.6e-3 * cs**-0.7 * np.exp(-55e3 / 8.3145 * warm)
    size_nm = max(full_nm * (1.0 - np.exp(-rate * d["growth_time_s"])) ** (1 / 3), 1.9)
    x1_ev = 2.3983 + 1.0 / (0.096 * size_nm**2 + 0.6326 * size_nm)
    pl_nm = 1239.842 / (x1_ev - 0.0367 - 2.02 / size_nm**4)
    ripe = rate * d["growth_time_s"]
    dispersion = 0.07 + 0.03 * np.exp(-ripe) + 0.012 * ripe / (1 + ripe / 4) + 0.02 * np.log(topo / cs) ** 2 / 4
    width_ev = np.hypot(0.062 + 0.055 / size_nm, 0.5 * dispersion)
    bound = 0.55 + 0.30 * 1.35 * d["lecithin_to_cs"] / (d["lecithin_to_cs"] + 0.35) * (1 - np.exp(-300 / 60))
    k_r = 0.165 / (1 + (size_nm / 7) ** 5)
    k_nr = 0.215 * (1 - bound) / 0.45 * 3.5 / size_nm + 0.006
    return {"pl_peak_nm": pl_nm, "fwhm_nm": width_ev * pl_nm**2 / 1239.842, "plqy": k_r / (k_r + k_nr)}, []


def virtual() -> Plant:
    """The virtual lab's chemistry, without robot and spectrometer."""
    from sdl.chemistry.declaration import growth_reads
    from sdl.lab.virtual.chemistry import Effect, Growth, Mix
    from sdl.lab.virtual.optics import truth

    def plant(design: Design, z: NDArray[np.float64]) -> tuple[dict[str, float], list[tuple[float, float]]]:
        d = {k: float(v) for k, v in design.items()}
        cs = d["cs_concentration_mmol_l"] * 1e-3
        pb = d["pb_to_cs"] * cs
        mix = Mix(
            cs_mol_l=cs,
            pb_mol_l=pb,
            topo_mol_l=d["topo_to_pb"] * pb,
            dopa_mol_l=cs * 94.6 / 20.0,
            temperature_c=d["temperature_c"],
        )
        growth = Growth(mix, Effect(nucleation=float(np.exp(0.35 * z[0])), solubility=float(np.exp(0.08 * z[1]))))
        growth.quench(d["growth_time_s"], d["lecithin_to_cs"])
        reads = []
        for at_s in growth_reads(d["growth_time_s"]):
            growth.advance(at_s)
            reads.append((at_s, float(truth(growth.state).x1_nm)))
        growth.advance(d["growth_time_s"] + 300.0)
        seen = {name: float(getattr(truth(growth.state), name)) for name in READ_SD}
        finite = {name: value for name, value in seen.items() if np.isfinite(value)}
        return finite, [(at_s, x1_nm) for at_s, x1_nm in reads if np.isfinite(x1_nm)]

    return plant


READ_SD = {"pl_peak_nm": 0.15, "fwhm_nm": 0.15, "plqy": 0.012, "x1_nm": 0.8}
"""Scatter of one reading, from ``python -m benchmarks.spectra``."""


class Lab:
    """A plant with a lot, runs and wells; ``z ~ N(0, 1)`` of each is split by `SHARES`."""

    def __init__(self, plant: Plant, seed: int) -> None:
        self.plant, self.rng = plant, np.random.default_rng(seed)
        self.lot = self.rng.standard_normal(2) * SHARES["lot"] ** 0.5

    def run(self, designs: list[Design]) -> list[tuple[dict[str, float], list[Read]]]:
        z = self.lot + self.rng.standard_normal(2) * SHARES["run"] ** 0.5
        out = []
        for design in designs:
            seen, growing = self.plant(design, z + self.rng.standard_normal(2) * SHARES["well"] ** 0.5)
            features = {k: v + READ_SD[k] * self.rng.standard_normal() for k, v in seen.items()}
            sd = READ_SD["x1_nm"]
            reads = [Read(time_s=t, x1_nm=x1 + sd * self.rng.standard_normal(), sd=sd) for t, x1 in growing]
            out.append((features, reads))
        return out

    def typical(self, design: Design) -> dict[str, float]:
        """What ``design`` gives with this lot in a run and a well like all others: the truth behind a confirmation."""
        return self.plant(design, self.lot)[0]


LETTERS = {"explore": "e", "exploit": "X", "replicate": "r", "sobol": "s", "fallback": "f"}


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one campaign gave: experiments to each milestone (None: never), and how honest the model was."""

    first: int | None = None
    confirmed: int | None = None
    second: int | None = None
    hits: int = 0
    claims: dict[tuple[float | str, ...], bool] = field(default_factory=dict)
    covered: list[bool] = field(default_factory=list)
    ask_s: float = 0.0
    kinds: str = ""


def campaign(
    plant: Plant, seed: int, *, budget: int, batch: int, start: int | None, law: GrowthLaw | None, reads: bool
) -> Outcome:
    """Run one campaign whose first ``start`` experiments fill the space."""
    lab, advisor, out = Lab(plant, seed), Advisor(space(), TARGET, seed=seed, start=start, law=law), Outcome()
    for run in range(budget // batch):
        begin = time.process_time()
        suggestions = advisor.suggest(batch)
        out.ask_s = max(out.ask_s, time.process_time() - begin)
        out.kinds += "".join(LETTERS[s.kind] for s in suggestions) + " "
        for i, (s, (seen, grown)) in enumerate(zip(suggestions, lab.run([s.design for s in suggestions]), strict=True)):
            advisor.tell(s.design, seen, sd=READ_SD, run=run, reads=grown if reads else ())
            if TARGET.hit(seen):
                out.hits += 1
                out.first = out.first or run * batch + i + 1
            if "pl_peak_nm" in s.expected and "pl_peak_nm" in seen:
                e = s.expected["pl_peak_nm"]
                out.covered.append(e.low <= seen["pl_peak_nm"] <= e.high)
        found = advisor.confirmations() if len(advisor.rows) > advisor.start else []
        out.confirmed = out.confirmed or ((run + 1) * batch if found else None)
        out.second = out.second or ((run + 1) * batch if len(found) > 1 else None)
        out.claims |= {tuple(c.design.values()): TARGET.hit(lab.typical(c.design)) for c in found}
    return out


def report(name: str, outcomes: list[Outcome], budget: int) -> None:
    """Print medians over the seeds; a milestone never reached counts as one more than the budget."""
    for milestone in ("first", "confirmed", "second"):
        at = [getattr(o, milestone) or budget + 1 for o in outcomes]
        within = sum(n <= budget for n in at)
        print(
            f"{name}: {milestone:9} hit after {np.median(at):4g} (median), {within} of {len(at)} within {budget}: {at}"
        )
    claims = [true for o in outcomes for true in o.claims.values()]
    opening = [next(iter(o.claims.values())) for o in outcomes if o.claims]
    covered = [c for o in outcomes for c in o.covered]
    print(
        f"{name}: {np.mean([o.hits for o in outcomes]):.1f} hits a campaign; confirmed designs that are true "
        f"{sum(claims)}/{len(claims)}, first of each campaign {sum(opening)}/{len(opening)}; 95 % intervals cover "
        f"{np.mean(covered) if covered else math.nan:.2f}; slowest ask {max(o.ask_s for o in outcomes):.1f} s CPU"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--from-seed", type=int, default=0)
    parser.add_argument("--plant", choices=("synthetic", "virtual"), default="virtual")
    parser.add_argument("--budget", type=int, default=48)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--sobol", action="store_true", help="fill the space instead of asking the model")
    parser.add_argument("--start", type=int, help="experiments that fill the space first")
    parser.add_argument("--no-law", action="store_true", help="no law of growth as the prior mean")
    parser.add_argument("--no-reads", action="store_true", help="reads during growth do not train the model")
    args = parser.parse_args()
    plant = virtual() if args.plant == "virtual" else synthetic
    outcomes = []
    for seed in range(args.from_seed, args.from_seed + args.seeds):
        outcomes.append(
            campaign(
                plant,
                seed,
                budget=args.budget,
                batch=args.batch,
                start=args.budget if args.sobol else args.start,
                law=None if args.no_law else GrowthLaw(),
                reads=not args.no_reads,
            )
        )
        print(seed, outcomes[-1].kinds, flush=True)
    report("sobol" if args.sobol else "model", outcomes, args.budget)


if __name__ == "__main__":
    main()
