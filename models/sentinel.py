"""The sentinel: one recipe that is made again in every batch, so that runs can be compared and drift is seen."""

from __future__ import annotations

from collections.abc import Sequence

from models.advisor import Advisor
from models.suggestion import Suggestion
from sdl.progress import best_of
from sdl.space import Design
from sdl.store import Experiment


def with_sentinel(advisor: Advisor, batch: Sequence[Suggestion], made: Sequence[Experiment]) -> list[Suggestion]:
    """Return the batch with its last new design replaced by the sentinel, where the batch's shared values allow it.

    The sentinel is the best design of the first measured batch and stays so: a chart needs one recipe, and one near the
    target tells of the drift that matters. A batch that repeats it already needs no other.
    """
    design = _recipe(advisor, made)
    new = [i for i, s in enumerate(batch) if s.kind != "replicate"]
    if design is None or not new or any(dict(s.design) == dict(design) for s in batch):
        return list(batch)
    others = [s.design for i, s in enumerate(batch) if i != new[-1]]
    for name, most in advisor.space.shared.items():
        if others and len({*(d[name] for d in others), design[name]}) > most:
            return list(batch)
    forecast = advisor.predict(design)
    again = Suggestion(
        design=design,
        kind="sentinel",
        why="the sentinel, made again in every batch to tell runs, lots and days apart (see the control chart)",
        expected=forecast.expected,
        p_hit=forecast.p_hit,
        acquisition="sentinel",
        model=batch[new[-1]].model,
    )
    return [again if i == new[-1] else s for i, s in enumerate(batch)]


def _recipe(advisor: Advisor, made: Sequence[Experiment]) -> Design | None:
    """Return the sentinel's design as it was first planned; None before a batch is measured."""
    before = next((e for e in made if e.kind == "sentinel"), None)
    if before is None:
        first = [e for e in made if e.batch == made[0].batch] if made else []
        before = best_of(first, advisor.target)
    return None if before is None else dict(before.suggestion["design"])
