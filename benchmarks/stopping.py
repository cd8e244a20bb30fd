"""How often a campaign calls its target out of reach, and after how many experiments: reachable ones must never be.

``python -m benchmarks.stopping --seeds 20`` runs campaigns on the virtual lab's chemistry (no robot, batch effect on)
in batches of 8 for at most ``--batches`` batches and asks after each how likely the target can be reached at all.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.campaign_model import READ_SD, Lab, Plant, space, virtual
from models import Advisor
from models.prospects import prospects
from models.verdict import lost
from sdl.campaign import Budget
from sdl.target import Goal, Target, match, maximize, minimize

BUDGET = Budget(experiments=48, batch=8)


def wish(pl: Goal, *, fwhm_nm: float = 20.0, plqy: float = 0.6) -> Target:
    return Target.of(pl_peak_nm=pl, fwhm_nm=minimize(below=fwhm_nm), plqy=maximize(above=plqy))


TARGETS: dict[str, tuple[Target, bool]] = {
    "465 nm": (wish(match(465.0, within=1.0)), True),
    "480 nm": (wish(match(480.0, within=1.0), plqy=0.5), True),
    "455 nm": (wish(match(455.0, within=1.0)), True),
    "430 nm": (wish(match(430.0, within=1.0)), False),
    "520 nm": (wish(match(520.0, within=1.0)), False),
    "FWHM < 8 nm": (wish(match(465.0, within=1.0), fwhm_nm=8.0), False),
    "PLQY > 95 %": (wish(match(465.0, within=1.0), plqy=0.95), False),
}
"""What is asked for, and whether the virtual lab can give it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """One campaign: experiments at which it would have stopped (None: never), and P(reachable) after each batch."""

    stopped: int | None
    p: tuple[float, ...]
    hits: int
    cpu_s: float


def one(plant: Plant, target: Target, seed: int, *, batches: int, batch: int = 8) -> Stopped:
    """Run one campaign until it is stopped."""
    lab, advisor = Lab(plant, seed), Advisor(space(), target, seed=seed)
    told, cpu_s, hits = [], 0.0, 0
    for run in range(batches):
        designs = [s.design for s in advisor.suggest(batch)]
        for design, (seen, grown) in zip(designs, lab.run(designs), strict=True):
            advisor.tell(design, seen, sd=READ_SD, run=run, reads=grown)
            hits += target.hit(seen)
        posterior = advisor.posterior
        assert posterior is not None
        begin = time.process_time()
        told.append([p.json for p in prospects(posterior)])
        cpu_s = max(cpu_s, time.process_time() - begin)
        if lost(told, BUDGET):
            break
    p = tuple(batch[0]["p_reachable"] if batch else 1.0 for batch in told)
    return Stopped(stopped=len(told) * batch if lost(told, BUDGET) else None, p=p, hits=hits, cpu_s=cpu_s)


def main(arguments: Sequence[str] | None = None) -> dict[str, list[Stopped]]:
    """Print a row for each target and return every campaign by target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--targets", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    args = parser.parse_args(arguments)
    plant, every = virtual(), {}
    for name in args.targets:
        target, reachable = TARGETS[name]
        found = []
        for seed in range(args.seeds):
            found.append(one(plant, target, seed, batches=args.batches, batch=args.batch))
            print(name, seed, found[-1].stopped, [round(p, 3) for p in found[-1].p], found[-1].hits, flush=True)
        stops = sorted(f.stopped for f in found if f.stopped)
        when = f", after {stops[len(stops) // 2]} experiments (median)" if stops else ""
        kind = "reachable" if reachable else "out of reach"
        print(f"| {name} | {kind} | {len(stops)} of {len(found)} stopped{when} | {max(f.cpu_s for f in found):.1f} s |")
        every[name] = found
    return every


if __name__ == "__main__":
    main()
