"""The compiler: how fast it is on every route, and how little sampling and acquisition waste.

Run as ``python -m benchmarks.compiler [DESIGNS]`` from the checkout. Whether the verifier finds what was planned is
``benchmarks.agreement``.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from models.acquisition import Offer
from models.encode import DesignCode
from models.filling import sobol_axes
from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space, feasible_share
from sdl.space import DesignSpace
from tests.chemistry.campaigns import NAMES, campaign

MANY = 10_000


def main(designs: int) -> None:
    """Print for each route the time to compile ``designs`` random designs, and the shares that become no design."""
    print(f"{'route':20} {f'{designs:,} compiled':>15} {'possible':>9} {'points refused':>15} {'steps left out':>15}")
    for name in NAMES:
        chosen = campaign(name)
        space = design_space(chosen)
        refused, left_out = waste(space)
        seconds = compile_s(chosen, space, designs)
        print(f"{name:20} {seconds:13.2f} s {feasible_share(space):9.1%} {refused:15.2%} {left_out:15.2%}", flush=True)


def compile_s(chosen: Campaign, space: DesignSpace, designs: int) -> float:
    """Return the seconds that random ``designs`` take from parameters to rounded, checked volumes."""
    compiler = Compiler.of(chosen)
    columns = space.from_unit(np.random.default_rng(1).random((designs, len(space.parameters))))
    start = time.perf_counter()
    compiler.snap(columns)
    return time.perf_counter() - start


def waste(space: DesignSpace) -> tuple[float, float]:
    """Return the share of spread-out points, and of steps around designs, that become no design."""
    code = DesignCode(space)
    free = {name: np.array([space.sobol(1, seed=0)[0][name]]) for name in space.shared}
    offer = Offer.spread(code, sobol_axes(code.p, 2048, seed=1), free, seed=1)
    moves = np.random.default_rng(2).standard_normal((len(offer), code.p)) * 0.1
    return 1.0 - len(offer) / 2048, 1.0 - len(offer.moved(moves, free)) / max(1, len(offer))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MANY)
