"""What a campaign may suggest: exactly what its stocks, pipettes and limits can make, and what leaves nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from sdl.campaign import Campaign
from sdl.chemistry import safety
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.cost import cost_of
from sdl.chemistry.shortfall import shortfalls
from sdl.chemistry.uncertainty import input_sd
from sdl.constraint import Constraint
from sdl.errors import NothingFeasible
from sdl.space import Columns, DesignSpace

LOOKED_AT = 4096
"""Uniform designs that stand for the space where shares are counted: to 1 % (chosen)."""

SEARCHED = 64
"""Designs that stand for a space in which chance finds none (chosen: their mean costs serve as a scale only)."""


def design_space(campaign: Campaign) -> DesignSpace:
    """Return what this campaign may suggest; raise `NothingFeasible` with what binds when that is nothing."""
    compiler = Compiler.of(campaign)
    space = _space(campaign, compiler)
    made, ok = _looked_at(space, LOOKED_AT)
    typical = {name: column[ok] for name, column in made.items()} if ok.any() else _searched(space)
    if not typical:
        binds = "; ".join(binding(campaign, compiler)) or "several rules together"
        raise NothingFeasible(
            f"{campaign.file}: no design is left after stocks, pipettes, constraints and safety. Binding: {binds}. "
            "Widen a range, relax a constraint, or change a stock concentration."
        )
    return dataclasses.replace(space, cost=cost_of(campaign, compiler, typical))


def _space(campaign: Campaign, compiler: Compiler) -> DesignSpace:
    def sd(columns: Columns) -> Columns:
        return input_sd(compiler, columns)

    return DesignSpace(
        parameters=campaign.parameters,
        constraints=tuple(Constraint.parse(text) for text in campaign.constraints),
        shared={p.name: _blocks_for(campaign, p.name) for p in campaign.parameters if p.scope == "block"},
        snap=compiler.snap,
        input_sd=sd,
    )


def _blocks_for(campaign: Campaign, name: str) -> int:
    """Return how many values a shared parameter may take in one batch: a temperature one per block that holds it."""
    if campaign.lab is None or name != "temperature_c":
        return 1
    p = next(p for p in campaign.parameters if p.name == name)
    return max(1, sum(b.low_c <= p.low and p.high <= b.high_c for b in campaign.lab.reaction_blocks))


def feasible_share(space: DesignSpace, *, n: int = LOOKED_AT) -> float:
    """Return the share of ``n`` uniform designs that can be made."""
    return float(np.mean(_looked_at(space, n)[1]))


def _looked_at(space: DesignSpace, n: int) -> tuple[Columns, NDArray[np.bool_]]:
    """Return ``n`` uniform designs as they are made, and which of them can be ``(n,)``."""
    return space.make(space.from_unit(np.random.default_rng(0).random((n, len(space.parameters)))))


def _searched(space: DesignSpace) -> Columns:
    """Return designs of a space in which chance finds none; nothing where a search finds none either."""
    try:
        return space.columns(space.sobol(SEARCHED, seed=0))
    except NothingFeasible:
        return {}


def binding(campaign: Campaign, compiler: Compiler, *, n: int = LOOKED_AT) -> list[str]:
    """Name what leaves no design: each rule that refuses most of ``n`` uniform designs, the worst first."""
    unit = np.random.default_rng(0).random((n, len(campaign.parameters)))
    columns = DesignSpace(parameters=campaign.parameters).from_unit(unit)
    full = compiler.declared.complete(columns)
    well, _ = compiler.pour(full)
    refused = {
        **shortfalls(compiler.declared, compiler.pipetting.smallest_ul, full, well),
        **{f"the rule that {text}": ~keeps for text, keeps in safety.rules(compiler, full, well).items()},
        **{f"constraint {text}": ~Constraint.parse(text).holds(columns) for text in campaign.constraints},
    }
    worst = sorted(((float(np.mean(rows)), name) for name, rows in refused.items()), reverse=True)
    return [f"{name} (refuses {share:.0%})" for share, name in worst if share > 0.5]
