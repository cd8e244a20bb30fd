"""Start a run once, then hold its clock: release each timed step, look at each aliquot, write down what happened.

The starting ``play`` is committed before it is sent, and sent once. A hand-shake ``play`` belongs to one waiting
command: it is written down before it is sent, and sent again only while that same command still waits and nobody else
has paused or stopped the run. After any error there are only GETs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sdl.attempt.expectation import rows
from sdl.attempt.growing import Waiting, Watch, hold
from sdl.attempt.preflight import preflight, watch
from sdl.attempt.reading import look
from sdl.attempt.session import Session
from sdl.chemistry.windows import LATE_S
from sdl.errors import NeedsPerson, Unreachable, Unsafe
from sdl.lab.robot import ENDED
from sdl.store import Attempt, Handshake

POLL_S = {True: 0.02, False: 1.0}
"""How often a run is looked at, in real time: a loopback lab, or a robot on the network (load target 1 Hz)."""

PATIENCE_S = {True: 0.0, False: 1800.0}
"""How long a robot that does not answer is waited for while its run goes on: a lab on this machine, or a network."""


def start(session: Session, attempt: Attempt) -> None:
    """Check the robot once more, commit the intent, press play once, and say what is known then."""
    preflight(session, attempt)
    session.store.move_attempt(attempt.id, "ARMED", "STARTING")
    refused: Unreachable | None = None
    try:
        session.robot.play(attempt.run_id)
    except Unreachable as exc:
        refused = exc
        session.say(f"{attempt.id}: play was sent and not confirmed ({exc}); looking, not sending again")
    after_play(session, session.store.attempt(attempt.id))
    if refused is not None and session.store.attempt(attempt.id).state == "ARMED":
        raise NeedsPerson(f"{attempt.id}: the robot did not start ({refused}); look at it, then sdl resume")


def after_play(session: Session, attempt: Attempt) -> None:
    """Decide from what the robot says whether a run whose play was committed has started."""
    try:
        run = session.robot.run(attempt.run_id)
    except Unreachable as exc:
        if getattr(exc, "status", None) != 404:
            raise
        give_up(session, attempt, "the robot does not know the run any more")
        return
    if run["status"] == "idle" and not run["actions"]:
        session.store.move_attempt(attempt.id, "STARTING", "ARMED")
    elif run["status"] in ("running", "paused", "finishing", "succeeded", "blocked-by-open-door"):
        session.store.move_attempt(attempt.id, "STARTING", "VERIFY")
    else:
        give_up(session, attempt, f"the run is {run['status']}")


def follow(session: Session, attempt: Attempt, growth: Watch | None = None) -> None:
    """Serve every hand-shake until the run ends; wait for a robot that does not answer for a while.

    With ``growth`` watched a quench moves inside its verified window; without one the plan's times stand.
    """
    local = "127.0.0.1" in session.robot.address
    heard_s, watched_s = time.monotonic(), -math.inf
    while True:
        try:
            watched_s = watch(session, attempt, watched_s)
            if _advance(session, attempt, growth):
                return
            heard_s = time.monotonic()
            time.sleep(POLL_S[local])
        except Unsafe as exc:
            session.robot.stop(attempt.run_id)
            give_up(session, attempt, f"an interlock stopped the run: {exc}")
            return
        except Unreachable as exc:
            if getattr(exc, "status", None) == 404:
                give_up(session, attempt, "the robot does not know the run any more")
                return
            if time.monotonic() - heard_s > PATIENCE_S[local]:
                raise
            session.say(f"waiting for the robot: {exc}")
            time.sleep(5 * POLL_S[local])


def _advance(session: Session, attempt: Attempt, growth: Watch | None) -> bool:
    """Look at the run once and do what it waits for; return whether it is over for us."""
    run = session.robot.run(attempt.run_id)
    status = run["status"]
    if status == "paused":
        _serve(session, attempt, run, growth)
    elif status == "succeeded":
        note_moments(session, attempt)
        session.store.move_attempt(attempt.id, "VERIFY", "DISPENSED")
        return True
    elif status in ENDED or status.startswith("awaiting-recovery"):
        if status not in ENDED:
            session.robot.stop(attempt.run_id)
        give_up(session, attempt, f"the run is {status}: {str(run.get('errors'))[:200]}")
        return True
    elif status == "blocked-by-open-door":
        raise NeedsPerson(f"{attempt.id}: the robot's door is open; close it, resume at the robot, then sdl resume")
    return False


def give_up(session: Session, attempt: Attempt, why: str) -> None:
    """Record that nobody can prove what moved, switch heat off, and leave the decision to a person."""
    state = session.store.attempt(attempt.id).state
    session.store.event("attempt lost sight of", attempt=attempt.id, why=why)
    session.store.move_attempt(attempt.id, state, "UNKNOWN")
    cool(session)


def cool(session: Session) -> None:
    """Switch every temperature module off, whatever else is wrong; what cannot be switched off is an event."""
    try:
        for module in session.robot.modules():
            if "temperature" in str(module.get("moduleModel", "")).lower():
                session.robot.heat_off(str(module["id"]))
    except Unreachable as exc:
        session.store.event("heat not confirmed off", text=str(exc)[:300])
        session.say(f"heat could not be switched off from here ({exc}): look at the robot")


def _serve(session: Session, attempt: Attempt, run: Mapping[str, Any], growth: Watch | None) -> None:
    """Answer the one waiting command: wait for its moment or look at its aliquot, then release it."""
    if _stopped_by_others(run):
        raise NeedsPerson(f"{attempt.id}: a person paused this run; press resume at the robot, then sdl resume")
    command = _waiting(session, attempt)
    if command is None:
        return
    message = str((command.get("params") or {}).get("message") or "")
    if not message.startswith(("AT ", "READ ", "HAND ")):
        raise NeedsPerson(f"{attempt.id}: paused at the robot by a person; resume it there, then sdl resume")
    note_moments(session, attempt)
    kind, *words = message.split()
    if kind == "AT":
        _wait(session, attempt, command["id"], message, growth)
    elif kind == "HAND":
        _by_hand(session, attempt, int(words[0]))
    else:
        _await_outcome(session, attempt, label=words[0], location=words[1])
        look(session, attempt, command["id"], label=words[0], location=words[1])
    if _stopped_by_others(session.robot.run(attempt.run_id)):
        return  # while we waited, a person pressed pause: the next look says so
    still = _waiting(session, attempt)
    if still is None or still["id"] != command["id"]:
        return
    session.store.write_handshake(attempt.id, command["id"], message, session.clock.now_s())
    session.robot.play(attempt.run_id)
    session.store.mark_handshake_sent(attempt.id, command["id"])


def _by_hand(session: Session, attempt: Attempt, number: int) -> None:
    """Go on when a person has said that manual step ``number`` is done; raise `NeedsPerson` until then."""
    store = session.store
    text = session.compiler.route.manual[number - 1]
    wells = ", ".join(well.well for well in store.wells(attempt.id))
    detail = {"attempt": attempt.id, "step": number, "why": text, "wells": wells}
    if any(r.what == "manual" and r.detail == detail and r.answer for r in store.requests()):
        return
    request = store.request("manual", **detail)
    raise NeedsPerson(
        f"{attempt.id}: a person's turn with {wells}: {text}. When it is done: "
        f"sdl resolve {session.campaign.file} --request {request} --by NAME, then sdl resume"
    )


def _waiting(session: Session, attempt: Attempt) -> dict[str, Any] | None:
    """Return the command that waits to be released now, or None."""
    command = session.robot.current_command(attempt.run_id)
    waits = command is not None and command["commandType"] in ("waitForResume", "pause")
    return command if waits and command is not None and command.get("status") == "running" else None


def _stopped_by_others(run: Mapping[str, Any]) -> bool:
    """Say whether the run's own record holds a pause or stop (none is ever ours) that nobody has resumed."""
    actions = [str(action.get("actionType")) for action in run["actions"]]
    stops = [i for i, action in enumerate(actions) if action in ("pause", "stop")]
    return bool(stops) and "play" not in actions[stops[-1] + 1 :]


def _wait(session: Session, attempt: Attempt, command_id: str, message: str, growth: Watch | None) -> None:
    """Wait on the lab clock until the step's moment, counted from the well's own injection where it has one."""
    released = {h.message: h.released_s for h in session.store.handshakes(attempt.id) if h.released_s is not None}
    steps = rows(attempt.csv)
    due_s = due(steps, released, message)
    session.say(
        f"  {message}" if due_s is None else f"  {message} (in {max(0.0, due_s - session.clock.now_s()):.0f} s)"
    )
    if due_s is None:
        return
    _, _, action, well = message.split()
    if growth is None or action != "quench":
        session.clock.wait_until(due_s)
        return
    early_s, late_s = window(steps, message)
    experiment = next(w.experiment for w in session.store.wells(attempt.id) if w.well == well)
    waiting = Waiting(
        command_id=command_id,
        well=well,
        planned_s=float(session.store.experiment(experiment).recipe["growth_time_s"]),
        due_s=due_s,
        earliest_s=due_s + early_s,
        latest_s=due_s + late_s,
    )
    hold(session, attempt, waiting, growth)


def _await_outcome(session: Session, attempt: Attempt, *, label: str, location: str) -> None:
    """Wait for the moment of the outcome where the list has no time for it: a dip probe looks without the arm."""
    if label != "sample" or location != session.lab.reader.probe:
        return
    well = next(w for w in session.store.wells(attempt.id) if w.well == location)
    if well.quenched_s is not None:
        session.clock.wait_until(well.quenched_s + session.compiler.route.outcome_delay_s)


def due(steps: Sequence[Mapping[str, str]], released: Mapping[str, float], message: str) -> float | None:
    """Return when a timed step is due on the lab clock: as long after its anchor as in the plan; None for the first.

    The anchor is the release of the well's own quench for a read after it, else of the well's own injection, or of the
    first timed step for an injection.
    """
    plan = {_message(row): row for row in steps if row.get("at_s")}
    row = plan[message]
    place = message.split()[3]
    own = {r["action"]: m for m, r in plan.items() if r["action"] in ("inject", "quench") and r["well"] == place}
    after = [own[a] for a in ("quench", "inject") if a in own and float(plan[own[a]]["at_s"]) < float(row["at_s"])]
    anchor = next((m for m in (*after, *plan) if m in released and m != message), None)
    if anchor is None:
        return None
    return released[anchor] + float(row["at_s"]) - float(plan[anchor]["at_s"])


def window(steps: Sequence[Mapping[str, str]], message: str) -> tuple[float, float]:
    """Return how much before and after its due time a timed step may be released, in s, by its verified window."""
    row = next(r for r in steps if r.get("at_s") and _message(r) == message)
    at_s = float(row["at_s"])
    return float(row.get("earliest_s") or at_s) - at_s, float(row.get("latest_s") or at_s + LATE_S) - at_s


def late_wells(steps: Sequence[Mapping[str, str]], handshakes: Sequence[Handshake]) -> set[str]:
    """Return the wells of which a timed step was released outside its verified window."""
    released = {h.message: h.released_s for h in handshakes if h.released_s is not None}
    late = set()
    for row in steps:
        message = _message(row)
        if row.get("at_s") and row["action"] != "inject" and message in released:
            due_s = due(steps, released, message)
            early_s, late_s = window(steps, message) if row["action"] == "quench" else (-LATE_S, LATE_S)
            if due_s is not None and not due_s + min(early_s, -LATE_S) <= released[message] <= due_s + late_s:
                late.add(message.split()[3])
    return late


def note_moments(session: Session, attempt: Attempt) -> None:
    """Write down when each well was really injected and quenched, as soon as the robot's record shows it."""
    waiting = {w.well: w for w in session.store.wells(attempt.id) if w.state in ("planned", "dispensed")}
    released = [h for h in session.store.handshakes(attempt.id) if h.message.startswith("AT ")]
    open_ones = [h for h in released if _open(h, waiting)]
    if not open_ones:
        return
    commands = session.robot.commands(attempt.run_id)
    for handshake in open_ones:
        _, _, action, well = handshake.message.split()
        moment = _moment(commands, handshake)
        if moment is None:
            continue
        if action == "inject":
            session.store.move_well(attempt.id, well, "planned", "dispensed", injected_s=moment)
        else:
            session.store.move_well(attempt.id, well, "dispensed", "quenched", quenched_s=moment)


def _open(handshake: Handshake, waiting: Mapping[str, Any]) -> bool:
    """Say whether this hand-shake released an injection or quench whose moment is not written down yet."""
    _, _, action, well = handshake.message.split()
    state = waiting[well].state if well in waiting else ""
    return (action, state) in (("inject", "planned"), ("quench", "dispensed"))


def _moment(commands: Sequence[Mapping[str, Any]], handshake: Handshake) -> float | None:
    """Return when the liquid of the released step was in, on the lab clock; None while it is not.

    Only differences of the robot's own times are used: its clock may be wrong by years.
    """
    ids = [c["id"] for c in commands]
    if handshake.command_id not in ids or handshake.released_s is None:
        return None
    here = ids.index(handshake.command_id)
    last = None
    for command in commands[here + 1 :]:
        if command["commandType"] in ("waitForResume", "dropTipInPlace", "dropTip") or last_is_done(command):
            break
        if command["commandType"].startswith("dispense") and command.get("completedAt"):
            last = command
        if command["commandType"].startswith("comment") and last is not None:
            break
    if last is None:
        return None
    return handshake.released_s + _seconds(last["completedAt"]) - _seconds(commands[here]["completedAt"])


def last_is_done(command: Mapping[str, Any]) -> bool:
    """Say whether the robot has not come to this command yet."""
    return command.get("status") in ("queued", "running")


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def _message(row: Mapping[str, str]) -> str:
    place = row["stock"] if row["action"] == "read" else row["well"]
    return f"AT {row['at_s']} {row['action']} {place}"
