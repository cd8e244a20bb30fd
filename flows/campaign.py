"""The campaign, as one would tell it: recover what is open, then suggest, make, look, remember, until it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from flows import steps
from sdl.attempt import wishes
from sdl.attempt.consumables import load_stocks
from sdl.attempt.holding import held
from sdl.attempt.session import Session, open_session
from sdl.attempt.watchdog import guarded
from sdl.chemistry.feasible import design_space
from sdl.config.load import load_campaign, refuse_old_lots
from sdl.errors import BudgetSpent, SdlError
from sdl.lab import simulated
from sdl.people import require_true_record
from sdl.progress import refuse_a_changed_campaign, state_folder, summarize
from sdl.report import write_report

STEPS = (steps.execute, steps.finished, steps.suggest, steps.approved, steps.plan)

Do = Callable[..., Any]
"""Run one step with its arguments: as a plain call, or as a Prefect task."""


def campaign(session: Session, do: Do) -> str:
    """Run the loop until a stop rule holds; return which."""
    load_stocks(session)
    wishes.begin(session)
    if count := session.store.take_in_spilled():
        session.say(f"{count} reads that a full disk had kept out are in the store now")
    for attempt in session.store.attempts():
        if attempt.state not in steps.ENDED:
            do(steps.execute, attempt.id)
    started, before = time.monotonic(), len(session.store.experiments("measured"))
    while not (ending := do(steps.finished)):
        wishes.heed(session)
        batch = do(steps.suggest)
        if not do(steps.approved, batch):
            continue
        attempt_id = do(steps.plan, batch)
        do(steps.execute, attempt_id)
        _eta(session, time.monotonic() - started, before)
    return str(ending)


def run_campaign(
    file: Path, *, state: Path | None = None, runner: Literal["prefect", "plain"] = "prefect", url: str = ""
) -> tuple[Mapping[str, Any], int]:
    """Open the lab, run the campaign, write the report; return its summary and the exit code."""
    loaded = load_campaign(file)
    refuse_old_lots(loaded, datetime.now(UTC))
    if loaded.lab is not None:
        design_space(loaded)  # refuse before anything is started or created
    folder = state_folder(file, state, campaign=loaded)
    refuse_a_changed_campaign(loaded, folder)
    session = open_session(loaded, folder, url=url)
    try:
        require_true_record(session.store)
        run_with = _under_prefect if runner == "prefect" else _plainly
        with guarded(folder, session.robot.address), held(session):
            ending = run_with(session)
        code = 0 if ending == "confirmed" or _confirmed(session) else BudgetSpent.exit_code
        session.store.event("campaign ended", ending=ending, code=code)
        if session.lab.robot == "simulated":
            simulated.end(folder)
    except SdlError as exc:
        session.store.event("campaign interrupted", error=type(exc).__name__, text=str(exc)[:500])
        raise
    finally:
        session.robot.close()
        session.store.release()
        report = write_report(session.store, folder / "report.html")
        summary = {**summarize(session.store, folder), "report": str(report)}
        session.store.close()
    return summary, code


def _plainly(session: Session) -> str:
    return campaign(session, lambda step, *args: step(session, *args))


def _under_prefect(session: Session) -> str:
    """Run the same loop as a Prefect flow: no retries, no cache, no results; a flow run carries ids only."""
    from flows.server import mark_of, prefect_api, tidy

    mark = mark_of(session.folder)
    with prefect_api(session.folder / "prefect"):
        tidy(mark)
        from prefect import flow, tags, task
        from prefect.cache_policies import NO_CACHE

        @task(cache_policy=NO_CACHE, persist_result=False, retries=0, task_run_name="{name}")
        def perform(name: str, ids: list[Any]) -> Any:
            return next(step for step in STEPS if step.__name__ == name)(session, *ids)

        def do(step: Callable[..., Any], *ids: Any) -> Any:
            return perform(step.__name__, list(ids))

        @flow(name="campaign", flow_run_name=session.campaign.name, persist_result=False, retries=0)
        def conducted(campaign_id: str) -> str:
            return campaign(session, do)

        with tags(mark):
            return str(conducted(session.campaign.name))


def _confirmed(session: Session) -> bool:
    known = session.store.diagnostics()
    sure = known[max(known)].get("confirmed", []) if known else []
    return session.campaign.target.least([c.get("target", "") for c in sure]) > 0


def _eta(session: Session, elapsed_s: float, before: int) -> None:
    """Say how far the budget is spent and how long the rest takes at most at this pace."""
    done = len(session.store.experiments("measured"))
    left = session.campaign.budget.experiments - done
    left_s = elapsed_s / max(1, done - before) * left
    wait = f"{left_s / 60:.0f} min" if left_s > 120 else f"{left_s:.0f} s"
    session.say(f"{done} experiments done, at most {left} to go: at most {wait} at this pace")
