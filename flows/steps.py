"""The steps of a campaign, as plain functions that run with or without Prefect; the store decides what is due.

Each step may be called again after a crash: it looks at the store first and does only what is still missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from sdl.attempt import composition, consumables, follow, prepare, record
from sdl.attempt.growing import Watch
from sdl.attempt.session import Session
from sdl.attempt.wording import recipe_json, suggestion_json
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space
from sdl.errors import NeedsPerson
from sdl.store import Attempt, NewExperiment


def watched(session: Session, attempt: Attempt) -> None:
    """Follow the run, with a watch on growth that learns from every earlier well when the first quench is due."""

    @cache
    def watch() -> Watch:
        from models.kinetics import growth_watch

        return growth_watch(session.campaign, design_space(session.campaign), session.store)

    follow.follow(session, attempt, watch)


Arrows = Mapping[str, Callable[[Session, Attempt], None]]

ARROWS: Arrows = {
    "PLANNED": prepare.reserve,
    "RESERVED": prepare.upload,
    "UPLOADED": prepare.check,
    "VERIFIED": prepare.arm,
    "ARMED": follow.start,
    "STARTING": follow.after_play,
    "VERIFY": watched,
    "DISPENSED": record.archive,
    "MEASURED": record.conclude,
}
"""What takes an attempt one arrow further, by the state it is in."""

ENDED = ("DONE", "CANCELLED", "FAILED_SAFE")

LONGEST_S = 600.0
"""How long the model may think about a batch before the space is filled instead: a hundred times what an ask takes,
a small part of what a batch does (chosen)."""


def suggest(session: Session) -> int:
    """Let the model choose the next batch and remember it; return its number. A batch not yet run comes first."""
    store, budget = session.store, session.campaign.budget
    waiting = store.experiments("suggested")
    if waiting:
        return waiting[0].batch
    consumables.renew(session)
    at = consumables.sources(session)
    stocks = composition.stocks_now(session, at)
    campaign = composition.campaign_now(session, stocks)
    compiler, poured = Compiler.of(campaign), composition.stocks_json(stocks, at)
    batch = store.next_batch()
    if repeats := _repeats(session, compiler, poured):
        store.add_batch(batch, repeats)
        session.say(f"batch {batch}: {len(repeats)} repeats that people asked for")
        return batch
    from models.memory import advisor_of, diagnosis
    from models.sentinel import with_sentinel

    advisor, notes = advisor_of(campaign, design_space(campaign), store.experiments(), store.reads())
    for note in notes:
        session.say(note)
    rejected = store.experiments("rejected")
    n = min(budget.batch, budget.experiments - len(store.experiments()) + len(rejected))
    suggestions = advisor.suggest(n, pending=[e.suggestion["design"] for e in rejected], limit_s=LONGEST_S)
    if budget.sentinel == "every batch":
        suggestions = with_sentinel(advisor, suggestions, store.experiments())
    rows = [
        NewExperiment(
            kind=s.kind,
            suggestion=suggestion_json(s),
            recipe={**recipe_json(compiler.recipe(s.design)), "stocks": poured},
        )
        for s in suggestions
    ]
    store.add_batch(batch, rows)
    if batch not in store.diagnostics():
        store.save_diagnostics(batch, diagnosis(advisor, compiler))
    kinds = ", ".join(
        f"{[s.kind for s in suggestions].count(k)} {k}" for k in dict.fromkeys(s.kind for s in suggestions)
    )
    session.say(f"batch {batch}: {kinds}")
    return batch


def _repeats(session: Session, compiler: Compiler, poured: Mapping[str, Any]) -> list[NewExperiment]:
    """Return the replicates that people asked for and that no batch holds yet, at most one batch of them."""
    store, most = session.store, session.campaign.budget.batch
    rows: list[NewExperiment] = []
    for wish in store.pending_asks():
        if wish.verb != "repeat":
            continue
        made = sum(e.suggestion.get("asked") == wish.id for e in store.experiments())
        if made >= int(wish.detail["n"]):
            store.acknowledge(wish.id, f"{made} repeats suggested")
            continue
        of = store.experiment(str(wish.detail["experiment"]))
        design = dict(of.suggestion["design"])
        recipe = {**recipe_json(compiler.recipe(design)), "stocks": poured}
        why = f"repeat of {of.id}, asked for by {wish.who}"
        suggestion = {**of.suggestion, "kind": "replicate", "why": why, "asked": wish.id}
        new = NewExperiment(kind="replicate", suggestion=suggestion, recipe=recipe)
        rows += [new] * min(int(wish.detail["n"]) - made, most - len(rows))
    return rows


def approved(session: Session, batch: int) -> bool:
    """Return whether the batch may run; a rejected one is put aside, and an undecided one raises `NeedsPerson`."""
    wanted, store = session.campaign.approval, session.store
    if wanted == "never" or (wanted == "first batch" and store.attempts()):
        return True  # a first batch that was rejected is not the first that may run
    decision = store.approval(batch)
    if decision is not None and decision.decision == "rejected":
        for experiment in store.experiments("suggested", batch):
            store.reject(experiment.id, who=decision.who, note=decision.note)
        return False
    if decision is None:
        raise NeedsPerson(
            f"batch {batch} waits for approval: look at it with `sdl status {session.campaign.file}`, then "
            f"`sdl approve {session.campaign.file} --by NAME` (or --reject for another batch)"
        )
    return True


def plan(session: Session, batch: int) -> str:
    """Turn the batch into one attempt and return its id; the attempt it already has, if any."""
    known = [a for a in session.store.attempts() if a.batch == batch and a.state not in ("CANCELLED", "FAILED_SAFE")]
    return known[-1].id if known else prepare.plan(session, batch).id


def execute(session: Session, attempt_id: str, *, arrows: Arrows = ARROWS) -> None:
    """Take one attempt arrow by arrow to its end; raise `NeedsPerson` when only a person can say what happened."""
    while (attempt := session.store.attempt(attempt_id)).state not in ENDED:
        if attempt.state == "UNKNOWN":
            follow.cool(session)
            raise NeedsPerson(unknown(session, attempt))
        session.say(f"{attempt.id}: {attempt.state}")
        arrows[attempt.state](session, attempt)


def unknown(session: Session, attempt: Attempt) -> str:
    """Say what a person must find out, and how to tell us."""
    why = [e.data["why"] for e in session.store.events(kinds=["attempt lost sight of"]) if e.attempt == attempt.id]
    wells = ", ".join(w.well for w in session.store.wells(attempt.id) if w.state in ("planned", "dispensed"))
    return (
        f"{attempt.id} is UNKNOWN ({why[-1] if why else 'no reason recorded'}). Look at the wells {wells}: did liquid "
        f"arrive? Then: sdl resolve {session.campaign.file} --attempt {attempt.id} --outcome ran|not-run|discard "
        "--by NAME --note 'what you saw', and sdl resume. Nothing is dispensed again until then."
    )


def finished(session: Session) -> str:
    """Say why the campaign is over: "confirmed", "out of reach", "budget", or "" while it is not."""
    from models.memory import advisor_of, diagnosis
    from models.verdict import Verdict

    store, budget = session.store, session.campaign.budget
    experiments = [e for e in store.experiments() if e.state != "rejected"]
    done = [e for e in experiments if e.state in ("measured", "lost")]
    if len(done) < len(experiments) or not experiments:
        return ""
    advisor, _ = advisor_of(session.campaign, design_space(session.campaign), experiments, store.reads())
    seen = diagnosis(advisor, session.compiler)
    store.save_diagnostics(store.next_batch(), seen)
    verdict = Verdict.of(session.campaign, experiments, list(store.diagnostics().values()))
    for text in verdict.news:
        session.say(text)
        store.event("noticed", text=text)
    confirmed = len(seen["confirmed"])
    least = session.campaign.target.least([c.get("target", "") for c in seen["confirmed"]])
    hits = sum(bool(e.is_hit) for e in experiments)
    total = budget.experiments
    session.say(f"{len(experiments)} of {total} experiments, {hits} measured hits, {confirmed} confirmed")
    if least >= budget.confirmed_hits:
        return "confirmed"
    if verdict.hopeless:
        session.say(verdict.hopeless)
        store.event("out of reach", text=verdict.hopeless)
        return "out of reach"
    return "budget" if len(experiments) >= total else ""
