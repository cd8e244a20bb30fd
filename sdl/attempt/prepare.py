"""From suggestions to a run that may be started: planned, reserved, uploaded, verified, armed. Nothing moves here."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sdl.attempt import composition, consumables
from sdl.attempt.expectation import bench_of
from sdl.attempt.session import Session
from sdl.chemistry.evaporation import gone_after_ul
from sdl.chemistry.quench_range import growth_range_s
from sdl.chemistry.runway import Batch
from sdl.chemistry.schedule import Scheduler
from sdl.errors import NeedsPerson, Unreachable, Unsafe
from sdl.lab.protocol import csv_text, labware_files, render
from sdl.lab.robot import ENDED
from sdl.store import Attempt
from sdl.store.disk import write_durably
from sdl.verifier import command_hash, verify

VERIFIED_WITH = "list verified"
"""The event that remembers with which software the robot analysed the list that was approved."""


def plan(session: Session, batch: int) -> Attempt:
    """Compile the suggested experiments of ``batch`` into one run and plan its attempt."""
    experiments = session.store.experiments(batch=batch, state="suggested")
    consumables.renew(session)
    compiler = composition.compiler_of(session, experiments[0].recipe.get("stocks", {}) if experiments else {})
    recipes = {e.id: compiler.recipe(e.suggestion["design"]) for e in experiments}
    wanted_c = [recipe.temperature_c for recipe in recipes.values()]
    wells = dict(zip(recipes, consumables.free_wells(session, wanted_c), strict=True))
    run = _scheduler(session).run(recipes, wells)
    consumables.restock(session, run)
    run = _scheduler(session).run(recipes, wells)  # a refill may have changed which bottle is fullest
    limit_h = session.lab.limits.max_run_h
    if run.duration_s > limit_h * 3600:
        raise Unsafe(
            f"batch {batch} would take {run.duration_s / 3600:.1f} h, the lab allows {limit_h:g} h without a person: "
            "shorten growth_time, make the batch smaller, or have max_run changed in the lab file"
        )
    session.say(f"batch {batch}: {len(recipes)} wells, about {run.duration_s / 3600:.1f} h on the lab clock")
    at = consumables.sources(session)
    gone = consumables.deck_now(session)["tips_gone"]
    after = consumables.after(session, run)
    plan_json: dict[str, Any] = {
        "temperatures_c": run.temperatures_c,
        "duration_s": run.duration_s,
        "draws_ul": {at[name]: volume for name, volume in run.draws_ul.items() if volume > 0},
        "evaporates_ul": gone_after_ul(session.lab, session.campaign.stocks.values(), run),
        "sources": at,
        "stocks": composition.stocks_json(composition.stocks_now(session, at), at),
        "tips_gone": gone,
        "deck_before": {name: consumables.deck_now(session)[name] for name in after},
        "deck_after": after,
        "vial_load": consumables.deck_now(session)["vial_load"],
        "wells": len(run.wells),
        "takes": dict(Batch.of(run).takes),
        "runway": consumables.runway_after(session, run),
    }
    text = csv_text(session.lab, run, gone)
    inverse = {well: experiment for experiment, well in wells.items()}
    return session.store.plan_attempt(batch, inverse, plan_json, robot=session.robot.address, csv=text)


def reserve(session: Session, attempt: Attempt) -> None:
    """Reserve stock, tips and wells, before anything leaves this machine."""
    session.store.reserve(attempt.id, attempt.plan["draws_ul"], attempt.plan["deck_after"])


def upload(session: Session, attempt: Attempt) -> None:
    """Write the attempt's own protocol and CSV, and send them; the robot knows files by content."""
    protocol, csv = write_files(session, attempt)
    protocol_id, file_id = session.robot.upload(protocol, labware_files(), csv, key=attempt.id)
    digest = hashlib.sha256(protocol.read_bytes() + csv.read_bytes()).hexdigest()
    session.store.move_attempt(
        attempt.id, "RESERVED", "UPLOADED", protocol_id=protocol_id, file_id=file_id, protocol_hash=digest
    )


def check(session: Session, attempt: Attempt) -> None:
    """Analyse with the vendor's software, verify with our own eyes, and compare with what the robot will run."""
    protocol, csv = write_files(session, attempt)
    analysis = session.analyze(protocol, labware_files(), csv)
    approval = verify(analysis.commands, bench_of(session, attempt))
    commands = session.robot.analysis(attempt.protocol_id)
    if (theirs := command_hash(commands)) != approval.sha256:
        raise Unsafe(
            f"{attempt.id}: the robot would run another command list ({theirs[:12]}) than the one verified "
            f"({approval.sha256[:12]}); its software may differ from the analyzer's: see `sdl doctor`"
        )
    # The robot's own list, not the equal one of the analyzer: the record of the run has the words of its software.
    write_durably(session.attempt_folder(attempt.id) / "analysis.json", json.dumps(commands))
    session.store.event(VERIFIED_WITH, attempt=attempt.id, software=str(session.robot.health().get("api_version")))
    session.store.move_attempt(attempt.id, "UPLOADED", "VERIFIED", list_hash=approval.sha256)


def arm(session: Session, attempt: Attempt) -> None:
    """Create the robot's run, or find the one that a lost answer left behind; say whose run is in its way."""
    robot = session.robot
    try:
        run_id = robot.find_run(attempt.protocol_id) or robot.create_run(attempt.protocol_id, attempt.file_id)
    except Unreachable as exc:
        if getattr(exc, "status", None) != 409:
            raise
        active = [run for run in robot.runs() if run["status"] not in (*ENDED, "idle")]
        whose = ", ".join(f"run {run['id']} ({run['status']}) of protocol {run.get('protocolId')}" for run in active)
        raise NeedsPerson(
            f"{attempt.id}: {robot.address} is taken by {whose or 'a run it does not name'}, not ours: end it there, "
            "then sdl resume"
        ) from exc
    session.store.move_attempt(attempt.id, "VERIFIED", "ARMED", run_id=run_id)


def write_files(session: Session, attempt: Attempt) -> tuple[Any, Any]:
    """Write the attempt's protocol and CSV into its folder (the same bytes each time) and return their paths."""
    folder = session.attempt_folder(attempt.id)
    folder.mkdir(parents=True, exist_ok=True)
    protocol, csv = folder / "timed_steps.py", folder / "steps.csv"
    protocol.write_text(render(session.lab.robot_type, attempt.id), encoding="utf-8")
    csv.write_text(attempt.csv, encoding="utf-8")
    return protocol, csv


def _scheduler(session: Session) -> Scheduler:
    return Scheduler(
        lab=session.lab,
        declared=session.compiler.declared,
        sources=consumables.sources(session),
        vials=consumables.dilution_vials(session),
        growth_s=growth_range_s(session.campaign),
    )
