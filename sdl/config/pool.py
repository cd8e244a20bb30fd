"""Designs that may be chosen from: a table of what can be made, whole or in part."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sdl.campaign import Campaign
from sdl.config.goals import FEATURE_NAMES
from sdl.config.report import suggestion
from sdl.config.table import read_rows
from sdl.errors import Refused
from sdl.history.sheet import first_rows
from sdl.space import Design, DesignSpace

MOST = 8192
"""Designs that are compared at most; a table that says only part of each is completed up to this many."""

COMPLETIONS = 256
"""Completions of one row at most (a power of 2, as Sobol points want)."""


def read_pool(campaign: Campaign, space: DesignSpace) -> Sequence[Design]:
    """Return the designs of the campaign's ``pool``; parameters that it has no column for are varied freely.

    Raise `Refused` for a row that cannot be read or that names a choice of which nothing is known.
    """
    assert campaign.data is not None
    base = Path(campaign.file).parent
    head = first_rows(base / campaign.pool, separator=campaign.data.separator, n=1)
    header = {" ".join(str(c).split()) for c in head[0][1]} if head else set()
    outcomes = {*FEATURE_NAMES, *campaign.target.goals}
    inputs = {n: c for n, c in campaign.data.columns.items() if n in space.names and n not in outcomes}
    columns = {name: column for name, column in inputs.items() if column.column in header}
    if not columns:
        wanted = ", ".join(f"'{c.column}'" for c in inputs.values())
        raise Refused(f"{base / campaign.pool}: has none of the columns {wanted}; name them as in the table of data")
    source = dataclasses.replace(campaign.data, file=campaign.pool, columns=columns, sheet="", header=0, exclude={})
    table = read_rows(source, base, outcomes=())
    if table.excluded:
        e = table.excluded[0]
        raise Refused(f"{table.file}: {e.cell or f'row {e.row}'} {e.column}: {e.reason}")
    for p in space.parameters:
        for design, row in zip(table.designs, table.rows, strict=True):
            if p.choices and p.name in design and design[p.name] not in p.choices:
                near = suggestion(str(design[p.name]), p.choices)
                raise Refused(f"{table.file}: row {row}: nothing is known of {p.name} '{design[p.name]}'; {near}")
    return _completed(list(table.designs), space, campaign.seed)


def _completed(designs: Sequence[Design], space: DesignSpace, seed: int) -> Sequence[Design]:
    """Return the designs with what they leave open filled evenly, as far as constraints allow."""
    if not designs:
        raise Refused("the pool holds no design")
    if set(designs[0]) == set(space.names):
        return designs[:MOST]
    from scipy.stats import qmc

    many = min(COMPLETIONS, max(1, MOST // len(designs)))
    unit = qmc.Sobol(len(space.parameters), rng=seed).random_base2(max(0, (many - 1).bit_length()))
    free = space.designs(space.from_unit(unit))
    found: list[Design] = [{**d, **design} for design in designs for d in free]
    columns, ok = space.make(space.columns(found))
    return [d for d, fine in zip(space.designs(columns), np.asarray(ok).tolist(), strict=True) if fine][:MOST]
