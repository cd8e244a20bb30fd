"""What came of the campaign, in sentences."""

from __future__ import annotations

from sdl.report.facts import Facts
from sdl.report.figures import foretold, inside
from sdl.report.prose import amount, plural, share, shown, with_sd

COVERAGE = 0.95
"""What the stated intervals promise."""


def state(facts: Facts) -> tuple[str, str]:
    """Return where the campaign stands as one word for the style (good, open, bad) and a few for the reader."""
    budget = facts.asked.get("budget") or {}
    sure, used = _sure(facts), spent(facts)
    if sure >= (budget.get("confirmed_hits") or 1):
        return "good", "Target reached"
    if facts.summary.attempts.get("UNKNOWN") or facts.summary.open_requests:
        return "bad", "Waiting for a person"
    if not facts.experiments:
        return "open", "Not started"
    if budget.get("experiments") and used >= budget["experiments"]:
        return (
            ("good", "Target reached at the end of the budget")
            if sure
            else ("bad", "Budget spent without a confirmed hit")
        )
    return ("open", "Running") if facts.summary.running else ("open", "Not finished; “sdl resume” continues")


def _sure(facts: Facts) -> int:
    """Return the confirmed hits, of a palette those of the target that has fewest."""
    return facts.target.least([group.target for group in facts.confirmed]) if facts.target else 0


def spent(facts: Facts) -> int:
    """Return how many experiments of the budget are used: measured or lost."""
    return sum(e.state in ("measured", "lost") for e in facts.experiments)


def tiles(facts: Facts) -> list[tuple[str, str, str]]:
    """Return the figures that a reader looks for first: label, number, remark."""
    budget = facts.asked.get("budget") or {}
    first = facts.hits[0] if facts.hits else None
    lost = facts.summary.by_state.get("lost", 0)
    return [
        ("Experiments", str(spent(facts)), f"of {budget.get('experiments', '–')}" + (f", {lost} lost" if lost else "")),
        ("Measured hits", str(len(facts.hits)), "every bound holds as measured"),
        (
            "Confirmed hits",
            str(len(facts.confirmed)),
            f"of {budget.get('confirmed_hits', '–')} wanted{' of each target' if len(facts.each) > 1 else ''}",
        ),
        (
            "First hit at",
            f"№ {first.seq}" if first else "–",
            f"{first.id}, batch {first.batch}" if first else "no hit yet",
        ),
    ]


def result(facts: Facts) -> str:
    """Say the best design in one sentence."""
    best = facts.best
    if best is None:
        return "Nothing has been measured yet."
    seen = []
    for name in facts.goals:
        over = best.over_runs(name)
        if over is not None:
            unit = shown(name).unit
            read = best.values(name)[0].sd if over[1] is None else over[1]
            seen.append(f"{shown(name).label} {with_sd(name, over[0], read)} {unit}".rstrip())
    runs = len({e.attempt for e in best.experiments})
    made = f"{plural(len(best.experiments), 'well')} in {plural(runs, 'run')}"
    if best.confirmed:
        kind = f"The confirmed recipe{f' for {best.target}' if best.target else ''}"
    else:
        kind = (
            "The best recipe so far is a measured hit, not yet confirmed:"
            if best.first.is_hit
            else "No hit yet. The nearest recipe"
        )
    scatter = "± is the sd between runs" if runs > 1 else "± is the sd of the reading alone"
    sure = f" All bounds hold for its mean outcome with probability {share(best.p)}." if best.p is not None else ""
    return f"{kind} gives {', '.join(seen) or 'no wanted feature'} ({made}; {scatter}).{sure}".replace(
        ": gives", ": it gives"
    )


def coverage(facts: Facts) -> list[str]:
    """Say for each feature how many measurements fell inside the interval stated before."""
    said = []
    for name in facts.features:
        cases = foretold(facts, name)
        if cases:
            held = sum(inside(e, name) for e in cases)
            miss = sorted(abs(e.features.values[name].value - e.suggestion["expected"][name]["mean"]) for e in cases)
            half = amount(name, miss[len(miss) // 2])
            said.append(
                f"{shown(name).label}: {held} of {len(cases)} inside their 95 % interval "
                f"(honest intervals hold about {COVERAGE * len(cases):.0f}); median miss {half}."
            )
    return said
