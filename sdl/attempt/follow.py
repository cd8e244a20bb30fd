"""Start a run once, then hold its clock: release each timed step, look at each aliquot, write down what happened.

The starting ``play`` is committed before it is sent, and sent once. A hand-shake ``play`` belongs to one waiting
command: it is written down before it is sent, and sent again only while that same command still waits and nobody else
has paused or stopped the run. After any error there are only GETs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sdl.attempt.expectation import rows
from sdl.attempt.growing import Waiting, Watch, hold
from sdl.attempt.preflight import preflight, watch
from sdl.attempt.reading import look
from sdl.attempt.session import Session
from sdl.attempt.wishes import said, stop_wanted
from sdl.chemistry.windows import LATE_S
from sdl.errors import NeedsPerson, Stopped, Unreachable, Unsafe
from sdl.lab.robot import ENDED
from sdl.store import Attempt, Handshake

Growing = Callable[[], Watch]
"""Makes the watch on growth when the first quench is waited for: what it learns from does not change before."""


def start(session: Session, attempt: Attempt) -> None:
    """Check the robot once more, commit the intent, press play once, and say what is known then.

    A run that the robot lost before we ever pressed play moved nothing: the attempt is cancelled and planned anew. One
    that a person started at the robot is followed, not started.
    """
    before = _seen(session, attempt)
    if before is None or (before["status"] in ENDED and not before["actions"]):
        session.store.move_attempt(attempt.id, "ARMED", "CANCELLED", note="the robot lost the run before its start")
        return
    if before["actions"]:
        session.store.move_attempt(attempt.id, "ARMED", "STARTING", note="started at the robot, not by us")
        after_play(session, session.store.attempt(attempt.id))
        return
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
    run = _seen(session, attempt)
    if run is None:
        give_up(session, attempt, "the robot does not know the run any more")
    elif run["status"] == "idle" and not run["actions"]:
        session.store.move_attempt(attempt.id, "STARTING", "ARMED")
    elif run["status"] in ("running", "paused", "finishing", "succeeded", "blocked-by-open-door"):
        session.store.move_attempt(attempt.id, "STARTING", "VERIFY")
    else:
        give_up(session, attempt, f"the run is {run['status']}")


def _seen(session: Session, attempt: Attempt) -> dict[str, Any] | None:
    """Return the run as the robot has it, or None when it does not know it."""
    try:
        return session.robot.run(attempt.run_id)
    except Unreachable as exc:
        if getattr(exc, "status", None) != 404:
            raise
        return None


def follow(session: Session, attempt: Attempt, growth: Growing | None = None) -> None:
    """Serve every hand-shake until the run ends; wait for a robot that does not answer for a while.

    With ``growth`` watched a quench moves inside its verified window; without one the plan's times stand.
    """
    tempo = session.tempo
    heard_s, watched_s = session.pace.monotonic_s(), -math.inf
    still = Still(since_s=heard_s)
    while True:
        try:
            watched_s = watch(session, attempt, watched_s)
            if _advance(session, attempt, growth):
                return
            heard_s = session.pace.monotonic_s()
            if heard_s - still.since_s > STALL * USUAL_S and still.too_long(session, attempt):
                return
            session.pace.sleep(tempo.poll_s)
        except Unsafe as exc:
            session.robot.stop(attempt.run_id)
            give_up(session, attempt, f"an interlock stopped the run: {exc}")
            return
        except Unreachable as exc:
            if getattr(exc, "status", None) == 404:
                give_up(session, attempt, "the robot does not know the run any more")
                return
            if session.pace.monotonic_s() - heard_s > tempo.patience_s:
                raise
            session.say(f"waiting for the robot: {exc}")
            session.pace.sleep(5 * tempo.poll_s)


STALL = 3.0
"""No progress for this many times the expected time is a stall (design: watchdog)."""

USUAL_S = 60.0
WARMING_S = 1800.0
"""What one command may take: a minute, half an hour for a module to warm up, or as long as it says itself (chosen)."""


@dataclass(slots=True)
class Still:
    """What the robot stood at when it was last seen to make progress, on the real clock."""

    since_s: float
    at: str = ""
    told: bool = False

    def too_long(self, session: Session, attempt: Attempt) -> bool:
        """Say once that the run does not go on; True when a module never warmed and all was ended."""
        run, command = session.robot.run(attempt.run_id), session.robot.current_command(attempt.run_id) or {}
        at, kind = f"{run['status']} {command.get('id')}", str(command.get("commandType", ""))
        now_s = session.pace.monotonic_s()
        if at != self.at or run["status"] == "paused":
            self.at, self.since_s, self.told = at, now_s, False
            return False
        warming = kind.endswith("waitForTemperature")
        said_s = float((command.get("params") or {}).get("seconds") or 0.0)
        if self.told or now_s - self.since_s < STALL * max(WARMING_S if warming else USUAL_S, said_s):
            return False
        self.told = True
        why = f"no progress for {now_s - self.since_s:.0f} s: the run is {run['status']} at {kind or 'no command'}"
        session.store.event("stalled", attempt=attempt.id, why=why)
        session.say(f"{attempt.id}: {why}; look at the robot")
        if run["status"] == "stop-requested":
            raise NeedsPerson(f"{attempt.id}: {why}: the stop does not complete; use the emergency stop or the power")
        if warming:
            session.robot.stop(attempt.run_id)
            give_up(session, attempt, why)
        return warming


def _advance(session: Session, attempt: Attempt, growth: Growing | None) -> bool:
    """Look at the run once and do what it waits for; return whether it is over for us."""
    run = session.robot.run(attempt.run_id)
    status = run["status"]
    if (wish := stop_wanted(session)) is not None and status not in ENDED:
        session.robot.stop(attempt.run_id)
        give_up(session, attempt, said(wish))
        session.store.acknowledge(wish.id, "done: the robot was stopped where it was")
        raise Stopped(f"{said(wish)}: {attempt.id} was stopped where it was; look at its wells, then `sdl resolve`")
    adopt_releases(session, attempt, run)
    if status == "paused":
        _serve(session, attempt, run, growth)
    elif status == "succeeded":
        note_moments(session, attempt)
        session.store.move_attempt(attempt.id, "VERIFY", "DISPENSED")
        return True
    elif status in ENDED or status.startswith("awaiting-recovery"):
        if status not in ENDED:
            session.robot.stop(attempt.run_id)
        why = run.get("errors") or (run.get("dataError") or {}).get("detail")  # the second after a power cut
        give_up(session, attempt, f"the run is {status}: {str(why or 'the robot gives no reason')[:200]}")
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
    for why in session.robot.all_heat_off():
        session.store.event("heat not confirmed off", text=why[:300])
        session.say(f"heat could not be switched off from here ({why}): look at the robot")


def _serve(session: Session, attempt: Attempt, run: Mapping[str, Any], growth: Growing | None) -> None:
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


def _wait(session: Session, attempt: Attempt, command_id: str, message: str, growth: Growing | None) -> None:
    """Wait on the lab clock until the step's moment, counted from the well's own injection where it has one."""
    released = {h.message: h.released_s for h in session.store.handshakes(attempt.id) if h.released_s is not None}
    steps = rows(attempt.csv)
    due_s = due(steps, released, message)
    session.say(
        f"  {message}" if due_s is None else f"  {message} (in {max(0.0, due_s - session.clock.now_s()):.0f} s)"
    )
    _, _, action, well = message.split()
    if due_s is not None and growth is not None and action == "quench":
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
        due_s = hold(session, attempt, waiting, growth())
    while due_s is not None and session.clock.now_s() < due_s and stop_wanted(session) is None:
        session.clock.wait_until(min(due_s, session.clock.now_s() + session.tempo.heed_s))


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


def adopt_releases(session: Session, attempt: Attempt, run: Mapping[str, Any]) -> None:
    """Write down every hand-shake of ours that the robot passed and that we did not release, or not provably.

    A person may press resume at the robot's screen while it waits for us. The run's own actions tell: each ``play`` is
    the start, a release of ours that the robot took, or the end of somebody's pause; one more is a person's release.
    """
    actions = [str(action.get("actionType")) for action in run["actions"]]
    known = {h.command_id: h for h in session.store.handshakes(attempt.id)}
    ours = 1 + sum(h.sent for h in known.values()) + actions.count("pause")
    if actions.count("play") <= ours:
        return
    commands = session.robot.commands(attempt.run_id)
    for command in commands:
        message = str((command.get("params") or {}).get("message") or "")
        shaken = known.get(command["id"])
        if not message.startswith(("AT ", "READ ")) or command["status"] != "succeeded" or (shaken and shaken.sent):
            continue
        released_s = _released_s(session, commands, command, known)
        first = session.store.write_handshake(attempt.id, command["id"], message, released_s)
        session.store.mark_handshake_sent(attempt.id, command["id"])
        known = {h.command_id: h for h in session.store.handshakes(attempt.id)}
        if first:
            text = f"{message} was released at the robot, not by us; its time is the robot's own"
            session.store.event("released at the robot", attempt=attempt.id, command_id=command["id"], text=text)
            session.say(f"{attempt.id}: {text}")


def _released_s(
    session: Session,
    commands: Sequence[Mapping[str, Any]],
    released: Mapping[str, Any],
    known: Mapping[str, Handshake],
) -> float:
    """Return when a command was released on the lab clock, by its distance on the robot's clock from a moment we know.

    That is the last release that we sent, or, before the first, the robot's newest time taken as now.
    """
    moment = _seconds(released["completedAt"])
    for command in reversed(commands):
        shaken = known.get(command["id"])
        if shaken is not None and shaken.sent and shaken.released_s is not None and command.get("completedAt"):
            return shaken.released_s + moment - _seconds(command["completedAt"])
    newest = max(_seconds(str(c.get("completedAt") or c["startedAt"])) for c in commands if c.get("startedAt"))
    return session.clock.now_s() - (newest - moment)


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
        moment = moment_of(commands, handshake)
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


def moment_of(commands: Sequence[Mapping[str, Any]], handshake: Handshake) -> float | None:
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
    place = row["stock"] if row["action"] in ("read", "look") else row["well"]
    return f"AT {row['at_s']} {row['action']} {place}"
