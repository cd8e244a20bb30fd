"""What is expected beforehand, right, a little wrong, plainly wrong, or remembered: experiments to the first true hit.

``python -m benchmarks.priors [--seeds 20] [--batch 1|8] [--budget 32] [--cases NAME,...]``.  On the virtual lab's
chemistry with lot, run and well effects, paired by seed; see ``benchmarks.peers.compare`` for what a true hit is.

* ``no law``: 8 space-filling experiments, not counted, then the model without the law of growth.
* ``law``: the law as shipped, from the first experiment on.  Its X1 curve, 2.324 + 1.300/L, is not the lab's.
* ``law, off``: rate and edge constants off by a factor of 2 and the Stokes shift by 15 meV besides.
* ``law, wrong sign``: every exponent and activation energy with the other sign.
* ``history``: the law, and an earlier campaign of 24 experiments of a lab with other lots.
* ``bad history``: the same 24 experiments with their PL mirrored about 480 nm.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
import time
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.campaign_model import READ_SD, TARGET, Lab, Plant, space, virtual
from models import Advisor
from models.physics import GrowthLaw
from models.suggestion import Row

FIRST = 8
"""Space-filling experiments where nothing leads."""

EARLIER, ELSEWHERE = 24, 1000
"""Experiments of a history, and how far its lab's seed lies from ours."""

MIRROR_NM = 480.0


def changed(law: GrowthLaw, means: Mapping[str, float]) -> GrowthLaw:
    """Return ``law`` with other prior means of some coefficients; their sds stay."""
    moved = {name: (means.get(name, mean), sd) for name, (mean, sd) in law.coefficients.items()}
    return dataclasses.replace(law, coefficients=moved)


def off() -> GrowthLaw:
    law = GrowthLaw()
    mean = {name: value for name, (value, _) in law.coefficients.items()}
    return changed(
        law,
        {
            "log_rate": mean["log_rate"] + math.log(2.0),
            "log_edge": mean["log_edge"] + math.log(2.0) / 3.0,  # a factor of 2 in what can grow
            "stokes_ev": mean["stokes_ev"] + 0.015,
        },
    )


def wrong_sign() -> GrowthLaw:
    law = GrowthLaw()
    turned = [name for name in law.coefficients if name.startswith(("edge_", "rate_"))]
    return changed(law, {name: -law.coefficients[name][0] for name in turned})


CASES: dict[str, tuple[GrowthLaw | None, int, float]] = {
    "no law": (None, FIRST, 0.0),
    "law": (GrowthLaw(), 0, 0.0),
    "law, off": (off(), 0, 0.0),
    "law, wrong sign": (wrong_sign(), 0, 0.0),
    "history": (GrowthLaw(), 0, 1.0),
    "bad history": (GrowthLaw(), 0, -1.0),
}
"""The law, the space-filling experiments, and the sign of the history (0: none)."""


def earlier(plant: Plant, seed: int) -> list[Row]:
    """Return a campaign of `EARLIER` experiments in batches of 8 in another lab."""
    lab, advisor = Lab(plant, seed + ELSEWHERE), Advisor(space(), TARGET, seed=seed)
    for run in range(EARLIER // 8):
        designs = [s.design for s in advisor.suggest(8)]
        for design, (features, reads) in zip(designs, lab.run(designs), strict=True):
            advisor.tell(design, features, sd=READ_SD, run=run, reads=reads)
    return advisor.rows


def advisor_of(plant: Plant, case: str, seed: int) -> Advisor:
    """Return an advisor with the law and the history of ``case``."""
    law, _, sign = CASES[case]
    advisor = Advisor(space(), TARGET, seed=seed, start=0, law=law)
    for row in earlier(plant, seed) if sign else ():
        seen = dict(row.features)
        if sign < 0 and "pl_peak_nm" in seen:
            seen["pl_peak_nm"] = 2.0 * MIRROR_NM - seen["pl_peak_nm"]
        advisor.recall(row.design, seen, "another lab", sd=READ_SD)
    return advisor


def first_true_hit(plant: Plant, case: str, seed: int, *, budget: int, batch: int) -> int:
    """Return how many model-chosen experiments the first true hit took, one more than the budget if it never came."""
    lab, advisor, first = Lab(plant, seed), advisor_of(plant, case, seed), CASES[case][1]
    filling = [s.design for s in Advisor(space(), TARGET, seed=seed, start=first).suggest(first)] if first else []
    for run, place in enumerate(range(0, first, batch)):
        _make(lab, advisor, filling[place : place + batch], run)
    for place in range(0, budget, batch):
        true = _make(lab, advisor, [s.design for s in advisor.suggest(batch)], FIRST + place)
        if any(true):
            return place + true.index(True) + 1
    return budget + 1


def _make(lab: Lab, advisor: Advisor, designs: Sequence[Mapping[str, float | str]], run: int) -> list[bool]:
    true = []
    for design, (features, reads) in zip(designs, lab.run(list(designs)), strict=True):
        advisor.tell(design, features, sd=READ_SD, run=run, reads=reads)
        true.append(TARGET.hit(features) and TARGET.hit(lab.typical(design)))
    return true


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    """Print the table and return the median of every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--from-seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--budget", type=int, default=32)
    parser.add_argument("--cases", default=";".join(CASES), help="names of cases, with ; between them")
    args = parser.parse_args(arguments)
    seeds = range(args.from_seed, args.from_seed + args.seeds)
    print(f"batches of {args.batch}, budget {args.budget}, {args.seeds} seeds from {args.from_seed}\n")
    print("| beforehand | first true hit, median [range] | within budget | of no law | CPU s | each seed |")
    print("|---|---|---|---|---|---|")
    medians: dict[str, float] = {}
    for case in args.cases.split(";"):
        begin, found = time.process_time(), []
        for seed in seeds:
            found.append(first_true_hit(virtual(), case, seed, budget=args.budget, batch=args.batch))
            print(case, seed, found[-1], file=sys.stderr, flush=True)
        medians[case] = float(np.median(found))
        within = sum(n <= args.budget for n in found)
        share = medians[case] / medians.get("no law", math.nan)
        print(
            f"| {case} | {medians[case]:g} [{min(found)}, {max(found)}] | {within} of {len(found)} | {share:.2f} "
            f"| {time.process_time() - begin:.0f} | {found} |",
            flush=True,
        )
    return medians


if __name__ == "__main__":
    main()
