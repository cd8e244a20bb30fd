"""Experiments made elsewhere: a model of every source of them, and which sources foresee our own experiments best."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial

import numpy as np
import torch
from torch import Tensor

from models.encode import DesignCode
from models.evidence import Array
from models.filling import sobol_axes
from models.fitted import Fitted, Recollection, Told, fit_quantity, scale
from models.selection import MOST_HISTORY, informative
from models.suggestion import Row
from models.surrogate import Outcome, View
from models.trend import Level, Recalled
from sdl.target import Target

HISTORY_WEIGHTS = (0.5, 1.0)
"""Shares of a history that are compared with none of it (chosen: half serves where only the trend is right)."""

HISTORY_GAIN = 1.0
"""Evidence in nats that a history must add before it is believed, and a source take away before it is left out: less
happens by chance with two tries (chosen)."""

FEW = 4
"""Readings of our own below which a law or a history is taken as it stands (chosen: fewer cannot contradict it)."""

LANDMARKS = 128
"""Designs by which the covariance of what a history leaves open is told (a power of 2, as Sobol points want)."""

MOST_SOURCES = 4
"""Sources that are judged at most, two fits each; of more, the smallest count as one (chosen)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One lab or paper: the ``rows`` that are learned from, out of how many were ``told``."""

    name: str
    rows: tuple[Row, ...]
    told: int


@dataclass(frozen=True, kw_only=True)
class Said:
    """What ``sources`` say of one outcome; ``model`` is asked once of each set of them that is looked at."""

    sources: tuple[Source, ...]
    model: Callable[[Sequence[Row]], Outcome | None]
    _models: dict[tuple[str, ...], Outcome | None] = field(default_factory=dict, init=False, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(s.name for s in self.sources)

    def by(self, names: tuple[str, ...]) -> Outcome | None:
        """Return the model of what the sources ``names`` tell together, None where no two values differ."""
        if names not in self._models:
            self._models[names] = self.model([row for s in self.sources if s.name in names for row in s.rows])
        return self._models[names]


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """All ``sources``, and what they have ``said`` of each outcome."""

    sources: tuple[Source, ...]
    said: Mapping[str, Said]

    @classmethod
    def of(
        cls,
        code: DesignCode,
        target: Target,
        history: Sequence[Row],
        model: Callable[[str, Sequence[Row]], Outcome | None],
    ) -> Elsewhere:
        """Learn from at most `MOST_HISTORY` rows of ``history``, the most telling ones of each source.

        ``model`` fits an outcome to rows, and is None where no two values differ.
        """
        told = _by_source(history)
        most = dict(zip(told, shared([len(rows) for rows in told.values()], MOST_HISTORY), strict=True))
        sources = []
        for name, rows in told.items():
            designs, seen = [r.design for r in rows], [r.features for r in rows]
            kept = informative(code.space, target, designs, seen, most=most[name])
            sources.append(Source(name=name, rows=tuple(rows[i] for i in kept), told=len(rows)))
        outcomes = dict.fromkeys(name for s in sources for row in s.rows for name in row.features)
        said = {name: Said(sources=_telling(sources, name), model=partial(model, name)) for name in outcomes}
        return cls(sources=tuple(sources), said={name: s for name, s in said.items() if s.by(s.names) is not None})

    @property
    def rows_in_words(self) -> str:
        """How many rows are learned from, such as ``300 of 10,000 rows``."""
        kept, told = sum(len(s.rows) for s in self.sources), sum(s.told for s in self.sources)
        return f"{kept} of {told:,} rows" if kept < told else f"{kept} rows"

    @cached_property
    def digest(self) -> bytes:
        """What tells these experiments from others, 32 bytes."""
        told = [(s.name, [(r.design, r.features, r.sd) for r in s.rows]) for s in self.sources]
        return hashlib.sha256(repr(told).encode()).digest()


def _telling(sources: Sequence[Source], outcome: str) -> tuple[Source, ...]:
    """Return the sources that know ``outcome``."""
    return tuple(s for s in sources if any(outcome in row.features for row in s.rows))


def _by_source(history: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each source, in the order told; of more than `MOST_SOURCES`, the smallest as one."""
    found: dict[str, list[Row]] = {}
    for row in history:
        found.setdefault(row.run or "", []).append(row)
    if len(found) <= MOST_SOURCES:
        return found
    large = sorted(found, key=lambda name: len(found[name]), reverse=True)[: MOST_SOURCES - 1]
    rest = [row for name, rows in found.items() if name not in large for row in rows]
    own = {name: rows for name, rows in found.items() if name in large}
    return {**own, f"{len(found) - len(large)} others": rest}


def shared(sizes: Sequence[int], most: int) -> list[int]:
    """Share ``most`` rows evenly among sources of ``sizes``; what a small one leaves goes to the larger ones."""
    share, left = [0] * len(sizes), most
    for done, i in enumerate(sorted(range(len(sizes)), key=lambda i: sizes[i])):
        share[i] = min(sizes[i], left // (len(sizes) - done))
        left -= share[i]
    return share


def recalled(
    code: DesignCode, told: Told, said: Said | None, begin: Array | None, units: tuple[float, float] | None
) -> Fitted:
    """Fit about a level or, where that lets our readings be foreseen better, about what a history says.

    A history is believed as it stands until `FEW` readings of our own can speak against it; then each of its sources
    is believed or left out.
    """
    everything = said.by(said.names) if said is not None else None
    if said is None or everything is None:
        return fit_quantity(told, begin=begin, units=units)
    units = units or (None if len(told.y) > 1 else (everything.fitted.shift, everything.fitted.spread))
    shift, spread = units or scale(told.y)
    level = Level(mean=shift, spread=spread, kinds=told.kinds)

    @cache
    def about(names: tuple[str, ...], weight: float = 1.0) -> Fitted | None:
        past = said.by(names)
        if past is None:
            return None
        trend = Recalled(level=level, past=Remembered(outcome=past, code=code), weight=weight)
        return fit_quantity(told, trend=trend, begin=begin, units=units)

    few = len(told.y) < FEW
    names = said.names if few else _believed(said.names, about)
    tried = {weight: fitted for weight in HISTORY_WEIGHTS if (fitted := about(names, weight)) is not None}
    if few:
        return dataclasses.replace(tried[1.0], history=Recollection(weight=1.0, gain=0.0, sources=names))
    plain = fit_quantity(told, begin=begin, units=units)
    weight = max(tried, key=lambda w: tried[w].evidence)
    gain = tried[weight].evidence - plain.evidence
    if gain < HISTORY_GAIN + math.log(len(said.names)):  # the best of many looks good by chance
        return dataclasses.replace(plain, history=Recollection(weight=0.0, gain=0.0, left_out=said.names))
    left_out = tuple(name for name in said.names if name not in names)
    found = Recollection(weight=weight, gain=gain, sources=names, left_out=left_out)
    return dataclasses.replace(tried[weight], history=found)


def _believed(names: tuple[str, ...], about: Callable[[tuple[str, ...]], Fitted | None]) -> tuple[str, ...]:
    """Return those of the sources ``names`` that are best modelled as one: as many as do no harm.

    Ranked by what each does alone, the best, the best two and so on are compared; a source whose values do not differ
    cannot be judged alone and comes last.
    """
    alone = {name: fitted.evidence for name in names if (fitted := about((name,))) is not None}
    ranked = sorted(names, key=lambda name: alone.get(name, -math.inf), reverse=True)
    best = [tuple(name for name in names if name in ranked[:n]) for n in range(1, len(names) + 1)]
    tried = {some: fitted.evidence for some in best if (fitted := about(some)) is not None}
    enough = max(tried.values()) - HISTORY_GAIN
    return max((some for some in tried if tried[some] >= enough), key=len)


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """A history as a trend: its posterior mean, and what it leaves open."""

    outcome: Outcome
    code: DesignCode

    @property
    def level(self) -> float:
        return self.outcome.fitted.shift

    @cached_property
    def _landmarks(self) -> tuple[View, Tensor]:
        """Designs over the space, and the factor of what the history leaves open there."""
        view = self.outcome.view(
            torch.from_numpy(self.code.inputs(self.code.columns(sobol_axes(self.code.p, LANDMARKS, 0))))
        )
        C = self.outcome.covariance(view, view)
        return view, torch.linalg.cholesky(C + 1e-6 * C.diagonal().mean() * torch.eye(len(C), dtype=C.dtype))

    def __call__(self, X: Array) -> tuple[Array, Array]:
        """Return mean ``(N,)`` and features ``N x p`` whose products are the covariance of what it leaves open."""
        with torch.no_grad():
            view, (marks, factor) = self.outcome.view(torch.from_numpy(X)), self._landmarks
            open_ = torch.linalg.solve_triangular(factor, self.outcome.covariance(marks, view), upper=False)
            return np.asarray(self.outcome.mean(view)), np.asarray(open_.T)
