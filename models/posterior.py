"""The fitted model of one moment: what every design should give, and how sure each measured design is."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from models.acquisition import Utility, p_hit
from models.colour import Line
from models.deadline import NEVER, Deadline
from models.elsewhere import Elsewhere
from models.encode import DesignCode, FeatureCode
from models.failure import odds, p_works
from models.physics import GrowthLaw
from models.quantities import Quantities, learn
from models.selection import informative
from models.suggestion import Confirmation, Expected, Forecast, Row
from models.surrogate import Outcome, Surrogate
from sdl.errors import Refused
from sdl.space import Columns, Design
from sdl.target import BEHIND, Target, paints

MOST_TOLD = 800
"""Experiments that a model is conditioned on at most: an ask grows with their square in time and memory, and takes
up to 18 s and 600 MB at this number (``benchmarks/speed.py``, another job on the machine)."""

WORTH_A_GPU = 500
"""Experiments from which a GPU is used unasked (chosen, not measured: below it one ask takes 2 s on one CPU core)."""

NORMAL_95 = 1.959963984540054
"""Quantile of the standard normal distribution that bounds its central 95 % (closed form)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """The model of all ``rows`` told so far; ``X`` ``n x d`` are their designs."""

    code: DesignCode
    codec: FeatureCode
    target: Target
    quantities: Quantities
    surrogate: Surrogate
    utility: Utility
    beside: tuple[FeatureCode, Surrogate] | None
    rows: tuple[Row, ...]
    X: Tensor
    seed: int
    past: Elsewhere
    odds: Outcome | None
    history: tuple[Row, ...]

    @classmethod
    def of(
        cls,
        code: DesignCode,
        target: Target,
        rows: Sequence[Row],
        seed: int,
        *,
        law: GrowthLaw | None = None,
        before: Posterior | None = None,
        history: Sequence[Row] = (),
        device: str | None = None,
        deadline: Deadline = NEVER,
    ) -> Posterior | str:
        """Fit every outcome in ``rows``, starting from the model ``before``, or say why that cannot be.

        ``history`` are experiments made elsewhere, each source a run of its own: a model of the sources that help
        to foresee our rows is what is expected beforehand.

        ``device`` is where the designs on offer are worked out (`place`); raise `TimeUp` after the ``deadline``.

        The target's outcomes decide; what else was told (such as X1) is modelled beside them and only forecast.
        """
        features = [r.features for r in rows]
        told = _told(rows)
        modelled = _varied(told)
        known = law is not None and law.speaks(code.space.names)
        if known and "pl_peak_nm" in target.goals and "pl_peak_nm" not in modelled:
            modelled.append("pl_peak_nm")  # the law knows of it before the first experiment
        recalled = _varied(_told(history))
        codec = FeatureCode.of([*modelled, *recalled], features, goals=_together(target, [*modelled, *recalled]))
        past = before.past if before is not None and before.recalls(history, codec) else None
        if past is None:
            past = Elsewhere.of(code, target, history, partial(_modelled_alone, code, codec))
        modelled += [name for name in past.said if name not in modelled]
        line = Line.of(features) if paints(target, modelled) else None
        names = [name for name in target.goals if name in modelled or (line is not None and name in BEHIND)]
        extra = [name for name in modelled if name not in target.goals]
        behind = [BEHIND.get(name, name) if line is not None else name for name in names]
        if not names:
            return "no outcome of the target has two different values yet"
        apart = any(goal.source == "absorption" for goal in target.goals.values())  # PL computed from X1 is no news
        try:
            every = list(dict.fromkeys([*behind, *extra]))
            codec = FeatureCode.of(every, features, goals=_together(target, every))
            old = before.quantities if before is not None else None
            learned = _learned_from(code, target, rows)
            quantities = learn(
                code, codec, learned, law, joint=not apart, before=old, past=past.said, deadline=deadline
            )
        except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
            return "the model cannot be computed from these data"
        return cls(
            code=code,
            codec=codec.only(names, line),
            target=target,
            quantities=quantities,
            surrogate=quantities.surrogate(behind).on(place(device, len(rows))),
            utility=Utility.of(target, names, told),
            beside=(codec.only(extra), quantities.surrogate(extra)) if extra else None,
            rows=tuple(rows),
            X=torch.from_numpy(code.matrix([r.design for r in rows])),
            seed=seed,
            past=past,
            odds=odds(code, rows),
            history=tuple(history),
        )

    @property
    def name(self) -> str:
        """Name the model: how many rows, of a history too, and eight digits that change with it and the constants."""
        digest = hashlib.sha256(self.past.digest if self.history else b"")
        for theta in self.surrogate.thetas:
            digest.update(theta.tobytes())
        sort = "gp" if self.surrogate.good else "gp with default constants"
        of = f"{MOST_TOLD} of " if len(self.rows) > MOST_TOLD else ""
        history = f", history {self.past.rows_in_words}" if self.history else ""
        return f"{sort}, {of}{len(self.rows)} rows{history}, {digest.hexdigest()[:8]}"

    def recalls(self, history: Sequence[Row], codec: FeatureCode) -> bool:
        """Say whether ``past`` is a model of ``history`` on the scales of ``codec``."""
        return len(self.history) == len(history) and self.codec.width_by_peak == codec.width_by_peak

    @property
    def decidable(self) -> bool:
        """Whether every bounded goal is modelled; if not, nobody can know whether a design hits."""
        return bool(self.target.bounded) and set(self.target.bounded) <= set(self.codec.names)

    def inputs(self, designs: Sequence[Design]) -> Tensor:
        """Return model inputs ``n x d`` of designs, also of none."""
        return torch.from_numpy(self.code.matrix(designs))

    def forecasts(self, columns: Columns) -> list[Forecast]:
        """Return what one new measurement of each design should give."""
        X = torch.from_numpy(self.code.inputs(columns))
        expected = _expected(self.codec, self.surrogate, X)
        if self.beside is not None:
            expected = [{**e, **more} for e, more in zip(expected, _expected(*self.beside, X), strict=True)]
        p = zip(self.p(X, noisy=True).tolist(), self.p(X, noisy=False).tolist(), self.works(X).tolist(), strict=True)
        return [
            Forecast(expected=e, p_hit=p_new, p_mean=p_mean, p_works=works)
            for e, (p_new, p_mean, works) in zip(expected, p, strict=True)
        ]

    def means(self, X: Tensor) -> Tensor:
        """Return the mean outcomes ``N x m`` of designs ``N x d``, in the features' own units."""
        return self.codec.decode(self.surrogate.moments(X)[0])

    def works(self, X: Tensor) -> Tensor:
        """Return the probability ``(N,)`` that a well gives anything to measure: 1 as long as none failed."""
        return torch.ones(len(X), dtype=torch.double) if self.odds is None else p_works(self.odds, self.odds.view(X))

    def p(self, X: Tensor, *, noisy: bool) -> Tensor:
        """Return P(all bounds hold) ``(N,)`` of one new measurement (``noisy``) or of the mean outcome.

        A new measurement may also fail, the mean outcome is that of wells that work.
        """
        if not self.decidable:
            return torch.zeros(len(X), dtype=torch.double)
        p = p_hit(self.surrogate, self.codec, self.utility, X, noisy=noisy, seed=self.seed)
        return p * self.works(X) if noisy else p

    def measured(self) -> list[tuple[Confirmation, bool]]:
        """Return every distinct design that did not only fail: P(its mean outcome hits), and whether it was seen to."""
        if not self.rows:
            return []
        _, group = np.unique(np.round(self.X.numpy() / self.code.same), axis=0, return_inverse=True)
        members = [np.flatnonzero(group == g).tolist() for g in dict.fromkeys(group.tolist())]
        members = [m for m in members if any(not self.rows[i].failed for i in m)]
        p = self.p(self.X[[m[0] for m in members]], noisy=False).tolist()
        out = []
        for m, p_mean in zip(members, p, strict=True):
            rows = [self.rows[i] for i in m]
            names = tuple(row.experiment for row in rows)
            hit = any(self.target.hit(row.features) for row in rows)
            out.append((Confirmation(design=rows[0].design, p=p_mean, experiments=names), hit))
        return out

    def constants(self) -> dict[str, dict[str, object]]:
        """Return what was learned of each outcome on its model scale: length scales, well noise and run effect."""
        axes = self.code.axis_names
        return {
            name: {
                "lengthscales": dict(zip(axes, o.fitted.constants.lengths[0].tolist(), strict=True)),
                "noise_sd": o.well_var**0.5,
                "run_sd": o.run_var**0.5,
            }
            for name, o in zip(self.codec.modelled, self.surrogate.outcomes, strict=True)
        }


def _told(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Return the values told of every feature."""
    found: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.features.items():
            found.setdefault(name, []).append(value)
    return found


def _together(target: Target, modelled: Collection[str]) -> set[str]:
    """Return the features that are read together: the goals, with what a colour is read from."""
    return {*target.goals, *(BEHIND.values() if paints(target, modelled) else ())}


def _varied(told: Mapping[str, Sequence[float]]) -> list[str]:
    """Return the features of which two different values were told."""
    return [name for name, values in told.items() if len(set(values)) > 1]


def _learned_from(code: DesignCode, target: Target, rows: Sequence[Row]) -> Sequence[Row]:
    """Return ``rows`` with nothing told in those beyond `MOST_TOLD` that say least."""
    if len(rows) <= MOST_TOLD:
        return rows
    kept = set(informative(code.space, target, [r.design for r in rows], [r.features for r in rows], most=MOST_TOLD))
    return [r if i in kept else dataclasses.replace(r, features={}, reads=()) for i, r in enumerate(rows)]


def place(device: str | None, rows: int) -> torch.device:
    """Return the device called ``device``; for None a GPU where there is one and the model is large enough for it."""
    if device is None:
        return torch.device("cuda" if rows >= WORTH_A_GPU and torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise Refused(f"device {device!r}: PyTorch sees no GPU here; leave device out, or say 'cpu'")
    if device.split(":")[0] not in ("cpu", "cuda"):
        raise Refused(f"device {device!r}: 'cpu', 'cuda' or, for one of several GPUs, 'cuda:0'")
    return torch.device(device)


def _modelled_alone(code: DesignCode, codec: FeatureCode, name: str, rows: Sequence[Row]) -> Outcome | None:
    """Return a model of the outcome ``name`` by itself, None where ``rows`` do not have two values of it."""
    codec = codec.only([name])
    readable = codec.encode([r.features for r in rows], [r.sd for r in rows])[0]
    if len(set(readable[np.isfinite(readable)])) < 2:
        return None
    try:
        return learn(code, codec, rows, None, joint=False, before=None).outcome(name)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        return None


def _expected(codec: FeatureCode, surrogate: Surrogate, X: Tensor) -> list[dict[str, Expected]]:
    """Return what one new measurement of each design ``N x d`` should read, by outcome and in its unit."""
    mean, var = surrogate.moments(X)
    middle = codec.decode(mean)
    ends = codec.ends(mean, NORMAL_95 * (var + surrogate.noise_var).sqrt())
    found: list[dict[str, Expected]] = [{} for _ in range(len(X))]
    for j, name in enumerate(codec.names):
        for i, (low, high) in enumerate(ends[:, j].tolist()):
            sd = (high - low) / (2.0 * NORMAL_95)
            found[i][name] = Expected(mean=float(middle[i, j]), sd=sd, low=low, high=high)
    return found
