"""The watch of one campaign: the fleet of all wells so far, asked when to quench the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.kinetics.curve import Curve, growth_observations, look_of
from models.kinetics.decision import decide
from models.kinetics.fleet import Fleet
from models.kinetics.forecast import Forecast
from sdl.attempt.growing import Decision
from sdl.campaign import Campaign
from sdl.space import Design, DesignSpace
from sdl.spectra.types import Features
from sdl.store import Experiment, Store
from sdl.target import Target

AIM = "pl_peak_nm"
"""The feature that a quench can steer: the emission moves while dots grow."""


class GrowthWatch:
    """Decide by a `Fleet`; ``wanted_nm`` by experiment, absent where no emission is matched: nothing moves then."""

    def __init__(self, fleet: Fleet, designs: Mapping[str, Design], wanted_nm: Mapping[str, float]) -> None:
        self._fleet, self._designs, self._wanted_nm = fleet, designs, wanted_nm

    def decide(
        self,
        experiment: str,
        growing: Sequence[tuple[float, Features]],
        *,
        window_s: tuple[float, float],
        planned_s: float,
    ) -> Decision | None:
        if experiment not in self._wanted_nm:
            return None
        looks = tuple(look_of(time_s, features) for time_s, features in growing)
        curve = Curve(experiment=experiment, design=self._designs[experiment], looks=looks)
        return decide(Forecast(self._fleet, curve), self._wanted_nm[experiment], window_s=window_s, planned_s=planned_s)


def growth_watch(campaign: Campaign, space: DesignSpace, store: Store) -> GrowthWatch:
    """Learn from every well in ``store`` and watch those that are still to be quenched."""
    experiments = store.experiments()
    wanted_nm = {e.id: aim for e in experiments if (aim := _aim_nm(campaign.target, e)) is not None}
    curves = growth_observations(store) if wanted_nm else ()
    designs = {e.id: {name: e.design[name] for name in space.names} for e in experiments}
    growing = {e.id for e in experiments if e.state == "planned"}
    told = [c for c in curves if c.experiment not in growing]
    return GrowthWatch(Fleet.learn(space, told), designs, wanted_nm)


def _aim_nm(target: Target, experiment: Experiment) -> float | None:
    """Return the emission that one well should get: that of the target of a palette which it serves."""
    served = {t.name: t for t in target.each}.get(str(experiment.suggestion.get("target", "")), target)
    goal = served.goals.get(AIM)
    return None if goal is None or goal.kind != "match" else goal.wanted
