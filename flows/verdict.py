"""Whether a target can be reached by what is known: one line, for a plan and for an answer alike."""

from __future__ import annotations

from collections.abc import Sequence

from models.advisor import Advisor
from models.inverse import REACHABLE, Reach, ask
from models.palette import views
from models.posterior import Posterior
from models.suggestion import Suggestion
from sdl.space import Design
from sdl.target import Target
from sdl.units import label_of, unit_of


def doubtful_targets(
    advisor: Advisor, suggestions: Sequence[Suggestion], pool: Sequence[Design] | None = None
) -> list[str]:
    """Return the verdict on each target that the suggestions for it do not reach, nor any other design."""
    posterior = advisor.posterior
    said = []
    for view in views(posterior) if posterior is not None else ():
        name = view.target.name
        if max((s.p_hit for s in suggestions if s.target in ("", name)), default=0.0) >= REACHABLE:
            continue
        reach = ask(view, 1, pool=pool)
        if (view.decidable and not reach.reachable) or _beyond(view.target, reach):
            said.append((f"For {name}: " if name else "") + verdict(reach, view))
    return said


def verdict(reach: Reach, posterior: Posterior) -> str:
    """Say whether the best answer reaches the target, what it gives, and how far all experiments were from it."""
    target, best = posterior.target, reach.answers[0].forecast
    outlook = ", ".join(
        f"{label_of(name)} {e.mean:.4g} ({e.low:.4g} .. {e.high:.4g}) {unit_of(name)}".rstrip()
        for name, e in best.expected.items()
        if name in target.goals
    )
    if reach.reachable:
        return f"Reachable: the best recipe gives {outlook}; P(hit) {best.p_hit:.0%} in one try."
    unknown = [label_of(name) for name in target.bounded if name not in reach.ranges]
    chance = f"P(hit) is not known without {', '.join(unknown)}" if unknown else f"P(hit) {best.p_hit:.1%}"
    beyond = _beyond(target, reach)
    if not beyond:
        return f"Perhaps reachable, but too little is known: expected {outlook}, {chance}."
    spans = {name: [r.features[name] for r in posterior.rows if name in r.features] for name in beyond}
    far = [
        f"{label_of(name)} was {min(seen):.4g} .. {max(seen):.4g} {unit_of(name)}".rstrip() + " in all experiments"
        for name, seen in spans.items()
        if seen
    ]
    why = f" ({'; '.join(far)})" if far else ""
    return f"Not reachable by what is known{why}; the closest is {outlook}, {chance}."


def _beyond(target: Target, reach: Reach) -> list[str]:
    """Return the goals whose bounds lie outside everything that is predicted of the designs that can be made."""
    bounds = {name: goal for name, goal in target.bounded.items() if name in reach.ranges}
    return [n for n, g in bounds.items() if g.low > reach.ranges[n][1] or g.high < reach.ranges[n][0]]
