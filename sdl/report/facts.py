"""What the store holds, read once, and the few conclusions that every part of the report shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdl.spectra.types import Value
from sdl.store import Attempt, CampaignVersion, Event, Experiment, Read, Request, Store, Summary
from sdl.target import Goal, Target

SEEN = ("pl_peak_nm", "fwhm_nm", "plqy", "x1_nm")
"""The features that a report shows where they were measured, whether asked for or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Experiments of one design, and P(all bounds hold for its mean outcome); ``p`` is None where no model said it."""

    experiments: tuple[Experiment, ...]
    p: float | None
    confirmed: bool
    target: str = ""

    @property
    def first(self) -> Experiment:
        """The experiment whose recipe is shown."""
        return self.experiments[0]

    def values(self, name: str) -> list[Value]:
        """Return the measured values of one feature, in order of the experiments."""
        return [e.features.values[name] for e in self.experiments if name in e.features.values]

    def over_runs(self, name: str) -> tuple[float, float | None, int] | None:
        """Return the mean of one feature over its runs, the sd between runs (None for one run), and how many runs."""
        runs: dict[str | None, list[float]] = {}
        for e in self.experiments:
            if name in e.features.values:
                runs.setdefault(e.attempt, []).append(e.features.values[name].value)
        means = [float(np.mean(values)) for values in runs.values()]
        if not means:
            return None
        return float(np.mean(means)), float(np.std(means, ddof=1)) if len(means) > 1 else None, len(means)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One campaign at one moment. ``problems`` is what `Store.verify_chain` found."""

    campaign: CampaignVersion | None
    versions: tuple[CampaignVersion, ...]
    summary: Summary
    experiments: tuple[Experiment, ...]
    reads: tuple[Read, ...]
    attempts: tuple[Attempt, ...]
    diagnostics: Mapping[str, Any]
    requests: tuple[Request, ...]
    events: tuple[Event, ...]
    problems: tuple[str, ...]

    @classmethod
    def of(cls, store: Store) -> Facts:
        """Read everything but the spectra."""
        diagnostics = store.diagnostics()
        return cls(
            campaign=store.campaign(),
            versions=tuple(store.campaign_versions()),
            summary=store.summary(),
            experiments=tuple(store.experiments()),
            reads=tuple(store.reads()),
            attempts=tuple(store.attempts()),
            diagnostics=diagnostics[max(diagnostics)] if diagnostics else {},
            requests=tuple(store.requests()),
            events=tuple(store.events()),
            problems=tuple(store.verify_chain()),
        )

    @property
    def asked(self) -> Mapping[str, Any]:
        """The validated campaign file, empty before there is one."""
        return self.campaign.parsed if self.campaign else {}

    @property
    def goals(self) -> dict[str, Goal]:
        """The target, most important first; the first one of a palette."""
        return dict(self.target.goals) if self.target else {}

    @property
    def target(self) -> Target | None:
        """What is wanted, a palette or one target; None before there is a campaign."""
        return Target.stored(self.asked)

    @property
    def each(self) -> tuple[Target, ...]:
        """The targets of a palette, one where there is one."""
        return self.target.each if self.target else ()

    @property
    def parameters(self) -> Sequence[Mapping[str, Any]]:
        """What varies."""
        return self.asked.get("parameters") or ()

    @property
    def measured(self) -> list[Experiment]:
        """Experiments with an outcome, in order."""
        return [e for e in self.experiments if e.state == "measured"]

    @property
    def features(self) -> list[str]:
        """The features worth showing: those asked for, then those of `SEEN` that were measured."""
        seen = {name for e in self.experiments for name in e.features.values}
        return [*self.goals, *(name for name in SEEN if name in seen and name not in self.goals)]

    @property
    def hits(self) -> list[Experiment]:
        """Measured hits, in order."""
        return [e for e in self.experiments if e.is_hit]

    @property
    def confirmed(self) -> list[Group]:
        """Confirmed designs, most certain first."""
        return self._groups("confirmed", confirmed=True)

    @property
    def palette_best(self) -> list[Group]:
        """The most certain confirmed recipe of each target of a palette, that of `best` first; empty for one target."""
        found = [g for t in self.each if (g := next((g for g in self.confirmed if g.target == t.name), None))]
        return sorted(found, key=lambda group: -(group.p or 0.0)) if len(self.each) > 1 else []

    @property
    def best(self) -> Group | None:
        """The recipe to show: the most certain confirmed one, else a hit, else the nearest to the first goal."""
        if self.confirmed:
            return self.confirmed[0]
        seen = [e for e in self.measured if e.features.values]
        if not seen:
            return None
        best = min(seen, key=lambda e: (not e.is_hit, self.distance(e), e.seq))
        for group in self._groups("candidates", confirmed=False):
            if best in group.experiments:
                return group
        same = tuple(e for e in seen if e.suggestion["design"] == best.suggestion["design"])
        return Group(experiments=same, p=None, confirmed=False)

    def distance(self, experiment: Experiment, target: Target | None = None) -> float:
        """Return how far an experiment is from the first goal of ``target``, in the feature's unit.

        Without ``target`` that is the nearest of a palette. Infinite where the feature was not measured.
        """
        if target is None:
            return min((self.distance(experiment, t) for t in self.each), default=math.inf)
        name, goal = next(iter(target.goals.items()), ("", None))
        value = experiment.features.plain.get(name)
        if goal is None or value is None:
            return math.inf
        if goal.wanted is not None:
            return abs(value - goal.wanted)
        if goal.kind == "inside":
            return max(0.0, goal.low - value, value - goal.high)
        return value if goal.kind == "minimize" else -value

    def _groups(self, key: str, *, confirmed: bool) -> list[Group]:
        by_id = {e.id: e for e in self.measured}
        found = []
        for entry in self.diagnostics.get(key) or ():
            experiments = tuple(by_id[i] for i in entry["experiments"] if i in by_id)
            if experiments:
                found.append(
                    Group(experiments=experiments, p=entry["p"], confirmed=confirmed, target=entry.get("target", ""))
                )
        return sorted(found, key=lambda group: -(group.p or 0.0))
