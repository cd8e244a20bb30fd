"""After the run: what was really delivered and when, the outcome of each well, and the end of the attempt."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sdl.attempt import composition
from sdl.attempt.expectation import rows
from sdl.attempt.follow import late_wells, moment_of
from sdl.attempt.session import Session
from sdl.lab.commands import Dispensed, events, executed
from sdl.spectra import Features
from sdl.store import Attempt, Well
from sdl.store.disk import write_durably


def archive(session: Session, attempt: Attempt) -> None:
    """Copy the robot's whole record of the run beside the analysis, before the robot may forget it."""
    folder = session.attempt_folder(attempt.id)
    commands = session.robot.commands(attempt.run_id)
    write_durably(folder / "executed.json", json.dumps(commands))
    session.store.event("run archived", attempt=attempt.id, commands=len(commands))
    session.store.move_attempt(attempt.id, "DISPENSED", "MEASURED")


def conclude(session: Session, attempt: Attempt) -> None:
    """Give every well's experiment its outcome; then the attempt is done."""
    keep_outcomes(session, attempt)
    session.store.move_attempt(attempt.id, "MEASURED", "DONE")
    session.robot.uncurrent(attempt.run_id)


def keep_outcomes(session: Session, attempt: Attempt) -> None:
    """Give every well's experiment its outcome, as executed."""
    folder = session.attempt_folder(attempt.id)
    analysed = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    record = json.loads((folder / "executed.json").read_text(encoding="utf-8"))
    delivered = _delivered(session, attempt, executed(analysed, record))
    late = late_wells(rows(attempt.csv), session.store.handshakes(attempt.id))
    for well in session.store.wells(attempt.id):
        if session.store.experiment(well.experiment).state == "planned":
            added_s = _added_s(session, attempt, well, record)
            _finish(session, attempt, well, delivered.get(well.well, {}), added_s, late=well.well in late)


def _delivered(session: Session, attempt: Attempt, record: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return microlitres of each stock by well, from the executed command list.

    What comes from a dilution counts as the stocks it was made of, as they were really poured.
    """
    deck = session.lab.deck
    stock_at = {at: name for name, stock in session.campaign.stocks.items() for at in stock.at}
    found: dict[str, dict[str, float]] = {}
    for event in events(record):
        if isinstance(event, Dispensed) and event.well != event.source:
            source, well = event.source.on(deck), event.well.on(deck)
            made_of = {stock_at[source]: 1.0} if source in stock_at else found.get(source, {})
            whole = sum(made_of.values())
            into = found.setdefault(well, {})
            for stock, part in made_of.items():
                into[stock] = into.get(stock, 0.0) + event.volume_ul * part / whole
    return found


def _added_s(session: Session, attempt: Attempt, well: Well, record: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return when each reagent was really in ``well``, in s after the injection, by the robot's own record."""
    compiler = composition.compiler_of(session, attempt.plan.get("stocks", {}))
    recipe = compiler.recipe(session.store.experiment(well.experiment).suggestion["design"])
    timed = sorted((t for t in recipe.transfers if t.action != "dispense"), key=lambda t: t.at_s)
    released = []
    for handshake in session.store.handshakes(attempt.id):
        kind, at, action, place = [*handshake.message.split(), "", "", "", ""][:4]
        if kind == "AT" and place == well.well and action in ("inject", "add", "quench"):
            released.append((float(at), action, handshake))
    released.sort(key=lambda one: one[0])
    moments = {
        t.reagent: moment
        for t, (_, action, handshake) in zip(timed, released, strict=False)
        if t.action == action and (moment := moment_of(record, handshake)) is not None
    }
    injected_s = moments.get(session.compiler.route.injected)
    return {} if injected_s is None else {name: moment - injected_s for name, moment in moments.items()}


def _finish(
    session: Session,
    attempt: Attempt,
    well: Well,
    delivered_ul: dict[str, float],
    added_s: Mapping[str, float],
    *,
    late: bool,
) -> None:
    """Record one experiment: its design as executed, its outcome read, and whether it is a hit."""
    store = session.store
    experiment = store.experiment(well.experiment)
    reads = [r for r in store.reads(experiment=experiment.id) if r.outcome]
    planned = experiment.suggestion["design"]
    wanted = float(experiment.recipe["growth_time_s"])
    growth = None
    if well.injected_s is not None:
        growth = wanted if not session.compiler.route.quench else None
        growth = growth if well.quenched_s is None else well.quenched_s - well.injected_s
    made = dict(planned)
    if growth is not None:
        compiler = composition.compiler_of(session, attempt.plan.get("stocks", {}))
        made = compiler.executed(planned, delivered_ul, added_s)
    outcome = {
        "design": made,
        "volumes_ul": {stock: round(volume, 3) for stock, volume in delivered_ul.items()},
        "injected_s": well.injected_s,
        "quenched_s": well.quenched_s,
        "growth_time_s": growth,
        "added_s": {reagent: round(s, 3) for reagent, s in added_s.items()},
        "stocks": attempt.plan.get("stocks", {}),
        "vial": f"load {attempt.plan['vial_load']}, {well.well}",
    }
    flags = ("timing",) if late else ()
    if not reads:
        store.finish_experiment(experiment.id, outcome, Features(), None, flags=(*flags, "no_outcome"))
        return
    read = reads[-1]
    target = session.campaign.target
    known = all(name in read.features.values for name in target.bounded)
    hit = target.hit(read.features.plain) if known else None
    store.finish_experiment(
        experiment.id, outcome, read.features, hit, outcome_read=read.id, flags=(*flags, *read.features.flags)
    )
