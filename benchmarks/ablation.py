"""What every choice of the model does to the count of experiments: one choice changed at a time, paired by seed.

``python -m benchmarks.ablation [--seeds 10] [--batch 8] [--budget 40] [--choices NAME;...]``.  Model-chosen experiments
to the first true hit on the virtual lab's chemistry with lot, run and well effects (see ``benchmarks.priors``).  Those
without the law are compared with ``no law``, all others with ``as shipped``; a pair counts as better or
worse where its two counts differ.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.campaign_model import READ_SD, TARGET, Lab, Plant, space, virtual
from models import Advisor, acquisition, batch, encode, evidence, quantities
from models.physics import GrowthLaw
from sdl import space as spaces
from sdl.space import Design

SHIPPED, BARE = "as shipped", "no law"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One arm: other values of module constants, the law, reads, runs, and space-filling experiments (not counted)."""

    what: str
    constants: Mapping[tuple[ModuleType, str], Any] = field(default_factory=dict)
    law: bool = True
    reads: bool = True
    runs: bool = True
    first: int = 0
    against: str = SHIPPED


def bare(what: str, constants: Mapping[tuple[ModuleType, str], Any]) -> Choice:
    return Choice(what=what, constants=constants, law=False, first=8, against=BARE)


def _plain(name: str) -> str:
    return "log" if name == "fwhm_nm" else "plain"


def _reach(factor: float) -> Any:
    usual = acquisition._terms

    def terms(*goal: Any) -> tuple[float, float, float]:
        reach, anchor, weight = usual(*goal)
        return factor * reach, anchor, weight

    return terms


CHOICES = {
    SHIPPED: Choice(what="law from the first experiment on, reads, PL and X1 joined"),
    "no reads": Choice(what="reads during growth do not train", reads=False),
    "8 first": Choice(what="8 space-filling experiments before the law leads", first=8),
    "no repeats": Choice(what="batch: no replicates", constants={(batch, "REPEATS"): 0.0}),
    "few repeats": Choice(what="batch: at most 0.25 of it replicates", constants={(batch, "REPEATS"): 0.25}),
    "samples 32": Choice(what="acquisition: 32 joint samples, not 128", constants={(acquisition, "SAMPLES"): 32}),
    "samples 512": Choice(what="acquisition: 512 joint samples", constants={(acquisition, "SAMPLES"): 512}),
    "sharp": Choice(what="acquisition: improvement smoothed by 0.002", constants={(acquisition, "SOFTNESS"): 0.002}),
    "bonus 0.1": Choice(what="acquisition: beyond the bounds worth 0.1", constants={(acquisition, "BEYOND"): 0.1}),
    "reach 0.5": Choice(what="reach of the goals halved", constants={(acquisition, "_terms"): _reach(0.5)}),
    "reach 3": Choice(what="reach of the goals times 3", constants={(acquisition, "_terms"): _reach(3.0)}),
    "local": Choice(
        what="search: no wide steps (trust region of 0.07)", constants={(acquisition, "STEPS"): (0.07, 0.025)}
    ),
    "noise 1": Choice(what="noise prior around e^-2.5", constants={(evidence, "NOISE_PRIOR"): (-2.5, 1.5)}),
    "mates": Choice(what="batch: members as near as the search puts them", constants={(acquisition, "APART"): 0.0}),
    "width alone": Choice(what="FWHM does not follow the size", constants={(quantities, "FOLLOWS"): ()}),
    BARE: bare("no law; 8 space-filling experiments", {}),
    "plain scales": bare("PL in nm and PLQY as a share, not eV and logit", {(encode, "scale_of"): _plain}),
    "plain inputs": bare("inputs never by logarithm", {(spaces, "LOG_RATIO"): float("inf")}),
    "lengths apart": bare(
        "length scales each by itself, with an sd of 1.7",
        {(evidence, "ALIKE_SD"): 1.7, (evidence, "ALIKE_FREEDOM"): 1e9, (evidence, "LENGTH_SD"): 0.7},
    ),
    "one noise": Choice(what="no run effect: wells of one run are told apart", runs=False),
}


@contextmanager
def changed(constants: Mapping[tuple[ModuleType, str], Any]) -> Iterator[None]:
    """Give constants of modules other values for a while."""
    before = {place: getattr(*place) for place in constants}
    try:
        for (module, name), value in constants.items():
            setattr(module, name, value)
        yield
    finally:
        for (module, name), value in before.items():
            setattr(module, name, value)


def first_true_hit(choice: Choice, plant: Plant, seed: int, *, budget: int, batch_size: int) -> int:
    """Return how many model-chosen experiments the first true hit took, one more than the budget if it never came."""
    lab, law = Lab(plant, seed), GrowthLaw() if choice.law else None
    advisor = Advisor(space(), TARGET, seed=seed, start=0, law=law)
    filling = Advisor(space(), TARGET, seed=seed, start=choice.first).suggest(choice.first) if choice.first else []
    _make(choice, lab, advisor, [s.design for s in filling], 0)
    for place in range(0, budget, batch_size):
        true = _make(choice, lab, advisor, [s.design for s in advisor.suggest(batch_size)], 1 + place)
        if any(true):
            return place + true.index(True) + 1
    return budget + 1


def _make(choice: Choice, lab: Lab, advisor: Advisor, designs: Sequence[Design], run: int) -> list[bool]:
    true = []
    for design, (features, reads) in zip(designs, lab.run(list(designs)), strict=True):
        named = run if choice.runs else None
        advisor.tell(design, features, sd=READ_SD, run=named, reads=reads if choice.reads else ())
        true.append(TARGET.hit(features) and TARGET.hit(lab.typical(design)))
    return true


def main(arguments: Sequence[str] | None = None) -> dict[str, list[int]]:
    """Print the table and return every count by choice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--budget", type=int, default=40)
    parser.add_argument("--choices", default=";".join(CHOICES), help="names of choices, with ; between them")
    args = parser.parse_args(arguments)
    print(f"batches of {args.batch}, budget {args.budget}, seeds 0 to {args.seeds - 1}\n")
    print("| choice | what is changed | first true hit, median, mean | better, worse | CPU s | each seed |")
    print("|---|---|---|---|---|---|")
    found: dict[str, list[int]] = {}
    for name in args.choices.split(";"):
        choice, begin = CHOICES[name], time.process_time()
        with changed(choice.constants):
            found[name] = [
                first_true_hit(choice, virtual(), seed, budget=args.budget, batch_size=args.batch)
                for seed in range(args.seeds)
            ]
        pairs = list(zip(found[name], found.get(choice.against, found[name]), strict=True))
        better, worse = sum(a < b for a, b in pairs), sum(a > b for a, b in pairs)
        print(
            f"| {name} | {choice.what} | {np.median(found[name]):g}, {np.mean(found[name]):.1f} | {better}, {worse} "
            f"| {time.process_time() - begin:.0f} | {found[name]} |",
            flush=True,
        )
        print(name, file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    main()
