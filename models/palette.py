"""One model, many targets: the model as each target of a palette sees it, and what is confirmed of each."""

from __future__ import annotations

import dataclasses

from models.acquisition import Utility
from models.posterior import Posterior
from models.suggestion import CONFIRMED, Confirmation, Forecast
from sdl.space import Design
from sdl.target import Target


def serving(posterior: Posterior, target: Target) -> Posterior:
    """Return the same model, asked about another target with goals for the same features."""
    names = posterior.codec.names
    seen = {name: [row.features[name] for row in posterior.rows if name in row.features] for name in names}
    return dataclasses.replace(posterior, target=target, utility=Utility.of(target, names, seen))


def views(posterior: Posterior) -> list[Posterior]:
    """Return the model as each target of the palette sees it, most important first."""
    each = posterior.target.each
    return [posterior] if len(each) == 1 else [serving(posterior, target) for target in each]


def measured(posterior: Posterior) -> list[tuple[Confirmation, bool]]:
    """Return every distinct measured design with P(its mean outcome hits), for each target, and whether it did."""
    return [
        (dataclasses.replace(c, target=view.target.name), hit)
        for view in views(posterior)
        for c, hit in view.measured()
    ]


def confirmed(posterior: Posterior) -> list[Confirmation]:
    """Return measured hits whose mean outcome meets their target with P >= `CONFIRMED`, most certain first."""
    return sorted((c for c, hit in measured(posterior) if hit and c.p >= CONFIRMED), key=lambda c: -c.p)


def worth(posterior: Posterior, design: Design) -> float:
    """Return the utility of a design's mean outcome, for the target that it serves best: tells misses apart."""
    mean = posterior.means(posterior.inputs([design]))
    return max(float(view.utility(mean)[0]) for view in views(posterior))


def forecast(posterior: Posterior, design: Design) -> Forecast:
    """Return what one new measurement of ``design`` should give, for the target that it serves best."""
    columns = posterior.code.space.columns([design])
    return max((view.forecasts(columns)[0] for view in views(posterior)), key=lambda f: (f.p_mean, f.p_hit))
