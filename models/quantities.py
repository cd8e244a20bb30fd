"""Which readings are modelled together: all energies as one quantity, every other outcome on its own.

PL peak and X1 of a well, and X1 of the same well while it grew, are three looks at one size.  They share a latent
function of the design, where a read during growth stands at the growth time it was taken at: one well is a curve.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.deadline import NEVER, Deadline
from models.doubt import steadied
from models.elsewhere import FEW, Said, recalled
from models.encode import DesignCode, FeatureCode
from models.evidence import Array
from models.filling import sobol_axes
from models.fitted import NO_RUN, Fitted, Recollection, Told, fit_quantity
from models.form import formed
from models.physics import GROWING, PL, X1, GrowthLaw, Linearised
from models.suggestion import Row
from models.surrogate import Outcome, Surrogate, outcome
from models.trend import Following, Level

ENERGY = "energy"
"""The quantity behind PL peak and X1."""

KINDS = {"pl_peak_nm": PL, "x1_nm": X1}

FOLLOWS = ("fwhm_nm",)
"""Outcomes that may follow the size. PLQY turns with the surface: following the size, its error with 16 experiments on
the virtual lab was 0.08 instead of 0.06."""

GRID = 256
"""Designs over which the law's own spread of energies is taken (a power of 2, as Sobol points want)."""

ROUNDS = 3
"""How often the law is linearised anew where the data put it (chosen: the third moves a PL by less than 0.1 nm)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantities:
    """Every fitted quantity by name; `of` one outcome and for a whole target."""

    fitted: Mapping[str, Fitted]
    law: Linearised | None

    def outcome(self, name: str) -> Outcome:
        if name in self.fitted:
            return outcome(self.fitted[name], 0)
        return outcome(self.fitted[ENERGY], KINDS[name])

    def surrogate(self, names: Sequence[str]) -> Surrogate:
        return Surrogate(outcomes=tuple(self.outcome(name) for name in names))

    @property
    def thetas(self) -> dict[str, Array]:
        """The logarithms of all constants, to start the next fit from."""
        return {name: f.theta for name, f in self.fitted.items()}


def learn(
    code: DesignCode,
    codec: FeatureCode,
    rows: Sequence[Row],
    law: GrowthLaw | None,
    *,
    joint: bool,
    before: Quantities | None,
    past: Mapping[str, Said] | None = None,
    deadline: Deadline = NEVER,
) -> Quantities:
    """Fit all outcomes of ``codec`` to ``rows``, on its scales; with ``joint`` the energies share one latent function.

    ``past`` is what was said elsewhere of each outcome: what is expected beforehand, as far as it helps.
    """
    past, names = past or {}, codec.names
    X = torch.from_numpy(code.matrix([r.design for r in rows]))
    labels = {run: i for i, run in enumerate(dict.fromkeys(r.run for r in rows if r.run is not None))}
    runs = torch.tensor([NO_RUN if r.run is None else labels[r.run] for r in rows], dtype=torch.long)
    Y, Yvar = (torch.from_numpy(a) for a in codec.encode([r.features for r in rows], [r.sd for r in rows]))
    begin = before.thetas if before is not None else {}
    single = {name: _told(code, X, runs, Y[:, j], Yvar[:, j], 0) for j, name in enumerate(names)}
    known = {name: f.told for name, f in before.fitted.items()} if before is not None else {}
    fitted: dict[str, Fitted] = {}
    leader: Linearised | None = None
    energies = [name for name in KINDS if name in single and (joint or name == "pl_peak_nm")]
    if energies:
        told = _merged([_as_kind(single.pop(name), KINDS[name]) for name in energies])
        told = _merged([told, *_growing(code, rows, runs)]) if joint else told
        told = dataclasses.replace(told, foreseen=1 + max(KINDS[name] for name in energies))
        told = _in_known_form(told, known.get(ENERGY))
        fitted[ENERGY], leader = _energy(code, told, law, past.get(energies[0]), begin.get(ENERGY))
    for name, told in single.items():
        deadline.check()
        told = _in_known_form(told, known.get(name))
        fitted[name] = _single(code, told, leader if name in FOLLOWS else None, past.get(name), begin.get(name))
    deadline.check()
    found = {name: steadied(formed(f, known.get(name))) for name, f in fitted.items()}
    return Quantities(fitted=found, law=leader)


def _in_known_form(told: Told, before: Told | None) -> Told:
    return told if before is None else dataclasses.replace(told, form=before.form)


def _told(code: DesignCode, X: Tensor, runs: Tensor, y: Tensor, yvar: Tensor, kind: int) -> Told:
    known = y.isfinite()
    kinds = torch.full((int(known.sum()),), kind, dtype=torch.long)
    row = known.nonzero().squeeze(-1)
    return Told(
        row=row,
        X=X[known],
        run=runs[known],
        y=y[known],
        yvar=yvar[known],
        kind=kinds,
        choices=code.choices,
        zeros=code.zeros,
    )


def _as_kind(told: Told, kind: int) -> Told:
    return dataclasses.replace(told, kind=torch.full_like(told.kind, kind))


def _merged(parts: Sequence[Told]) -> Told:
    return Told(
        row=torch.cat([p.row for p in parts]),
        X=torch.cat([p.X for p in parts]),
        run=torch.cat([p.run for p in parts]),
        y=torch.cat([p.y for p in parts]),
        yvar=torch.cat([p.yvar for p in parts]),
        kind=torch.cat([p.kind for p in parts]),
        choices=parts[0].choices,
        zeros=parts[0].zeros,
    )


def _growing(code: DesignCode, rows: Sequence[Row], runs: Tensor) -> list[Told]:
    """Return the reads during growth, each at the growth time it was taken at; none outside the space."""
    ranges = {p.name: (p.low, p.high) for p in code.space.parameters}
    if "growth_time_s" not in ranges:
        return []
    low, high = ranges["growth_time_s"]
    seen = [
        (i, {**row.design, "growth_time_s": read.time_s}, read)
        for i, row in enumerate(rows)
        for read in row.reads
        if low <= read.time_s <= high
    ]
    if not seen:
        return []
    X = torch.from_numpy(code.inputs(code.space.columns([design for _, design, _ in seen])))
    y, yvar = FeatureCode(("x1_nm",)).encode(
        [{"x1_nm": r.x1_nm} for *_, r in seen], [{"x1_nm": r.sd} for *_, r in seen]
    )
    places = torch.tensor([i for i, *_ in seen])
    told = _told(code, X, runs[places], torch.from_numpy(y[:, 0]), torch.from_numpy(yvar[:, 0]), GROWING)
    return [dataclasses.replace(told, row=places)]


def _energy(
    code: DesignCode, told: Told, law: GrowthLaw | None, past: Said | None, begin: Array | None
) -> tuple[Fitted, Linearised | None]:
    """Fit the energies about the law of growth, a history or a level, whichever makes the readings more probable."""
    if law is None or not law.speaks(code.space.names):
        return recalled(code, told, past, begin, None), None
    trend = law.around(code)
    prior = trend.expected(code.inputs(code.columns(sobol_axes(code.p, GRID, 0))))
    units = (float(np.mean(prior)), float(np.std(prior)))
    grown = fit_quantity(told, trend=trend, begin=begin, units=units)
    for _ in range(ROUNDS):
        trend = trend.moved(grown.found)
        grown = fit_quantity(told, trend=trend, begin=grown.theta, units=units)
    if len(told.y) < FEW and past is None:
        return grown, trend
    other = recalled(code, told, past, begin, units)
    if past is not None and len(told.y) < FEW:
        return other, None
    if grown.evidence <= other.evidence:
        return other, None
    if past is not None:
        lost = Recollection(weight=0.0, gain=0.0, left_out=past.names, instead="the law of growth")
        grown = dataclasses.replace(grown, history=lost)
    return grown, trend


def _single(code: DesignCode, told: Told, leader: Linearised | None, past: Said | None, begin: Array | None) -> Fitted:
    """Fit another outcome about a level or a history or, when that is more probable, following the size."""
    plain = recalled(code, told, past, begin, None)
    if leader is None or len(told.y) < FEW:
        return plain
    expected = leader.expected(told.X.numpy())
    level = Level(mean=plain.shift, spread=plain.spread)
    line = Following(level=level, leader=leader, centre=float(np.mean(expected)), scale=float(np.std(expected)) or 1.0)
    following = fit_quantity(told, trend=line, begin=plain.theta)
    return following if following.evidence > plain.evidence else plain
