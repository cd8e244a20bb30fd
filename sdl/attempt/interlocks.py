"""The run's own interlocks: what must hold just before the start, and what while it runs (column C).

A check looks at one `Sight` of robot, reader, ledger and lab file and yields what is wrong. The verifier has judged the
command list; here it is the world the list is about to meet. Interlocks by number: I4, I7-I9, I11, I12, I15, I16,
I18-I20, I22-I24, I26.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sdl.attempt.expectation import TIP_WELLS, rows
from sdl.attempt.session import LONGEST_ARMED
from sdl.bench import Lab
from sdl.errors import NeedsPerson, SdlError, Unsafe
from sdl.lab.reader import ReaderStatus
from sdl.store import Attempt

OFFSET_MM = 3.0
"""No calibration offset is larger: 3 mm off, a tip misses the neck of a vial (interlock I8: a few mm)."""

OVERSHOOT_K = 5.0
"""How far above its target a block may be read: twice the settling of a Temperature Module (chosen)."""

STARTS_PER_H = 6
"""How many runs may start in one hour of the lab's clock: the shortest useful one takes ten minutes (chosen)."""

FAILURES = 3
"""After so many attempts in a row that ended badly a person looks (interlock I23)."""

API_LEVEL = (2, 20)
"""What the protocol declares (protocols/timed_steps.py)."""

ACTIVE = frozenset({"running", "paused", "finishing", "stop-requested", "blocked-by-open-door"})
MODELS = {"Flex": "OT-3 Standard", "OT-2": "OT-2 Standard"}
"""How robot-server calls the two robots."""

BAD_ENDS = ("UNKNOWN", "FAILED_SAFE")
IN_FLIGHT = ("STARTING", "VERIFY", "DISPENSED", "UNKNOWN")

Json = Mapping[str, Any]
When = Literal["start", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Everything that is known at one moment: the robot's answers as its API words them, and our own books.

    ``now`` is the wall clock's, ``now_s`` and ``starts_s`` (when each attempt began, by its id) the lab clock's.
    From ``verified_with`` on, the software that analysed the approved list, it is asked before the start only:
    ``analysed`` is the hash of the list that the robot
    would run, ``stock_left`` and ``consumables`` the ledger with this attempt's share taken out.
    """

    lab: Lab
    attempt: Attempt
    now: datetime
    now_s: float
    health: Json
    modules: Sequence[Json]
    door: Json
    estop: str
    runs: Sequence[Json]
    run: Json
    attempts: Sequence[Attempt]
    starts_s: Mapping[str, float]
    verified_with: str = ""
    instruments: Sequence[Json] = ()
    fixtures: Sequence[Json] = ()
    analysed: str = ""
    reader: ReaderStatus | None = None
    stock_left: Mapping[str, float] = field(default_factory=dict)
    consumables: Json = field(default_factory=dict)


Look = Callable[[Sight], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its interlock, when it is made, and whether a person can put it right (`NeedsPerson`) or not."""

    name: str
    interlock: str
    when: tuple[When, ...]
    refusal: type[SdlError]
    look: Look


CHECKS: dict[str, Check] = {}
"""Every check by name; a start makes all of those of "start", the follow loop those of "run"."""


def check(interlock: str, refusal: type[SdlError], *when: When) -> Callable[[Look], Look]:
    """List the function below as a check."""

    def listed(look: Look) -> Look:
        CHECKS[look.__name__] = Check(name=look.__name__, interlock=interlock, when=when, refusal=refusal, look=look)
        return look

    return listed


def raise_unless_held(sight: Sight, when: When) -> None:
    """Make every check of ``when``; raise `Unsafe` with all that is wrong, `NeedsPerson` if a person can right it."""
    wrong: list[tuple[Check, str]] = []
    for one in CHECKS.values():
        if when in one.when:
            wrong += [(one, f"{text} [{one.interlock}]") for text in one.look(sight)]
    if wrong:
        refusal = Unsafe if any(one.refusal is Unsafe for one, _ in wrong) else NeedsPerson
        raise refusal("\n".join(text for _, text in wrong))


# books


@check("I4", NeedsPerson, "start")
def the_stocks_hold_what_was_reserved(sight: Sight) -> Iterator[str]:
    for at in sight.attempt.plan["draws_ul"]:
        dead_ul = sight.lab.deck[sight.lab.locate(at)[0]].dead_ul
        left_ul = sight.stock_left.get(at)
        if left_ul is None:
            yield f"{at} is drawn from and not in the ledger; enter the stock, then sdl resume"
        elif left_ul < dead_ul:
            yield f"{at}: {left_ul:.0f} uL would be left, {dead_ul:.0f} uL cannot be drawn; refill it, then sdl resume"


@check("I7", NeedsPerson, "start")
def the_racks_hold_the_tips(sight: Sight) -> Iterator[str]:
    for pipette in sight.lab.pipettes:
        room = len(TIP_WELLS) * len(pipette.tip_racks)
        gone = sight.consumables["tips_gone"].get(pipette.mount, 0)
        if gone > room:
            yield f"{pipette.mount}: {gone} tips would be used of {room}; refill the racks, then sdl resume"


@check("I7", NeedsPerson, "start")
def no_tip_is_on_yet(sight: Sight) -> Iterator[str]:
    for seen in sight.instruments:
        if (seen.get("state") or {}).get("tipDetected"):
            yield f"the {seen.get('mount')} pipette has a tip on; take it off, then sdl resume"


@check("I15", NeedsPerson, "start")
def the_waste_bottle_has_room(sight: Sight) -> Iterator[str]:
    waste_ul, most_ul = float(sight.consumables["waste_ul"]), sight.lab.limits.waste_ul
    if waste_ul > most_ul:
        yield f"{waste_ul / 1000:.0f} mL of waste after this run, limit {most_ul / 1000:.0f}; empty the bottle"


# robot


@check("I8", Unsafe, "start")
def no_offset_is_large(sight: Sight) -> Iterator[str]:
    found = {f"labware {o.get('definitionUri')}": o.get("vector") or {} for o in sight.run.get("labwareOffsets") or ()}
    for seen in sight.instruments:
        calibrated = (seen.get("data") or {}).get("calibratedOffset") or {}
        found[f"the {seen.get('mount')} pipette"] = calibrated.get("offset") or {}
    for what, vector in found.items():
        far = max((abs(float(mm)) for mm in vector.values()), default=0.0)
        if not far <= OFFSET_MM:
            yield f"{what} is offset by {far:g} mm, limit {OFFSET_MM:g}; calibrate it again"


@check("I9", Unsafe, "start", "run")
def no_block_is_too_hot(sight: Sight) -> Iterator[str]:
    most_c = sight.lab.limits.max_temperature_c + OVERSHOOT_K
    for module in _heated(sight):
        now_c = (module.get("data") or {}).get("currentTemperature")
        if not isinstance(now_c, int | float):
            yield f"{module.get('moduleModel')} {module.get('serialNumber')} does not tell its temperature; look at it"
        elif not now_c <= most_c:
            yield f"{module.get('serialNumber')} is at {now_c:g} degC, limit {most_c:g}; let it cool, look at the robot"


@check("I11", Unsafe, "start")
def no_block_is_heated_before_the_start(sight: Sight) -> Iterator[str]:
    for module in _heated(sight):
        target_c = (module.get("data") or {}).get("targetTemperature")
        if target_c is not None:
            yield f"{module.get('serialNumber')} is set to {target_c:g} degC already, not by us; switch it off"


@check("I11", Unsafe, "run")
def every_block_is_set_as_verified(sight: Sight) -> Iterator[str]:
    verified = {float(row["value"]) for row in rows(sight.attempt.csv) if row["action"] == "temperature"}
    for module in _heated(sight):
        target_c = (module.get("data") or {}).get("targetTemperature")
        if target_c is not None and float(target_c) not in verified:
            serial = module.get("serialNumber")
            yield f"{serial} is set to {target_c:g} degC, verified were {sorted(verified)}; switch it off"


@check("I16", Unsafe, "start")
def the_deck_is_as_the_lab_file_says(sight: Sight) -> Iterator[str]:
    wanted = Counter(place.module for place in sight.lab.deck.values() if place.module)
    found = Counter(str(module.get("moduleModel")) for module in sight.modules)
    for model, count in (wanted - found).items():
        yield f"{count} {model} less on the robot than in the lab file; connect it or correct the deck"
    if sight.lab.robot_type == "Flex":
        at = {str(f.get("cutoutId")): str(f.get("cutoutFixtureId")) for f in sight.fixtures}
        for name, place in sight.lab.deck.items():
            if place.module and at.get(f"cutout{place.slot}") != place.module:
                seen = at.get(f"cutout{place.slot}", "nothing")
                yield f"{name}: the robot's deck has {seen} in {place.slot}, the lab file {place.module}; correct one"
        if not any(fixture.startswith("trashBin") for fixture in at.values()):
            yield "the robot's deck configuration has no trash bin; put it in A3 and say so at the robot"


@check("I16", NeedsPerson, "start")
def nobody_elses_run_left_the_deck_changed(sight: Sight) -> Iterator[str]:
    ours = {attempt.run_id for attempt in sight.attempts}
    foreign = [str(run["id"]) for run in sight.runs if run.get("actions") and str(run["id"]) not in ours]
    if foreign:
        yield (
            f"run {foreign[-1]} on this robot was not ours: compare the deck with the load list of `sdl check`, delete "
            "that run at the robot, then sdl resume"
        )


@check("I18", NeedsPerson, "start", "run")
def the_door_is_closed(sight: Sight) -> Iterator[str]:
    if sight.door.get("status") != "closed":
        yield f"the door of {sight.attempt.robot} is open: close it, then sdl resume"


@check("I18", Unsafe, "start")
def an_open_door_would_stop_the_robot(sight: Sight) -> Iterator[str]:
    if sight.door.get("doorRequiredClosedForProtocol") is not True:
        yield "the robot's setting lets it run with its door open; switch the door safety switch on in its settings"


@check("I18", NeedsPerson, "start", "run")
def the_emergency_stop_is_released(sight: Sight) -> Iterator[str]:
    if sight.estop not in ("disengaged", "not there"):
        yield f"the emergency stop is {sight.estop}: find out why, release it, then sdl resume"


@check("I19", NeedsPerson, "start", "run")
def no_other_run_is_active(sight: Sight) -> Iterator[str]:
    active = [str(run["id"]) for run in sight.runs if run.get("status") in ACTIVE]
    if foreign := [run for run in active if run != sight.attempt.run_id]:
        robot = sight.attempt.robot
        yield f"run {foreign[0]} is active on {robot} and is not ours: end it there, then sdl resume"


@check("I19", NeedsPerson, "start")
def no_other_attempt_is_in_flight(sight: Sight) -> Iterator[str]:
    for other in sight.attempts:
        if other.id != sight.attempt.id and other.robot == sight.attempt.robot and other.state in IN_FLIGHT:
            yield f"{other.id} is {other.state} on the same robot: sdl resolve it, then sdl resume"


@check("I20", Unsafe, "start", "run")
def it_is_the_robot_of_the_lab_file(sight: Sight) -> Iterator[str]:
    serial, model = str(sight.health.get("robot_serial", "")), sight.health.get("robot_model")
    address = sight.attempt.robot
    if sight.lab.robot_serial and serial != sight.lab.robot_serial:
        yield f"{address} is robot {serial}, the lab file names {sight.lab.robot_serial}: check the address"
    if model != MODELS[sight.lab.robot_type]:
        yield f"{address} is a {model}, the lab file says {sight.lab.robot_type}: check the address"


@check("I20", Unsafe, "start")
def its_software_knows_the_protocol(sight: Sight) -> Iterator[str]:
    most = sight.health.get("maximum_protocol_api_version") or [0, 0]
    if tuple(most) < API_LEVEL:
        yield f"the robot's software knows API level {most[0]}.{most[1]}, the protocol needs 2.20; update the robot"


@check("I20", Unsafe, "start")
def its_pipettes_are_those_of_the_lab_file(sight: Sight) -> Iterator[str]:
    mounted = {str(seen.get("mount")): seen for seen in sight.instruments}
    for pipette in sight.lab.pipettes:
        seen = mounted.get(pipette.mount, {})
        data = seen.get("data") or {}
        if seen.get("instrumentName") not in (pipette.name, _short(pipette.name)):
            yield f"{pipette.mount} mount holds {seen.get('instrumentName')}, the lab file says {pipette.name}"
        elif not seen.get("ok") or data.get("channels") != 1:
            yield f"the {pipette.mount} pipette is not ready, or not a one-channel one; look at the robot"
        elif not data.get("min_volume", 0) <= pipette.min_ul <= pipette.max_ul <= data.get("max_volume", 0):
            has = f"{data.get('min_volume')} to {data.get('max_volume')} uL"
            yield f"the {pipette.mount} pipette takes {has}, the lab file says {pipette.min_ul:g} to {pipette.max_ul:g}"


@check("I26", Unsafe, "start")
def the_robot_would_run_what_was_verified(sight: Sight) -> Iterator[str]:
    attempt = sight.attempt
    if len(attempt.list_hash) != 64 or sight.analysed != attempt.list_hash:
        theirs, ours = sight.analysed[:12] or "none", attempt.list_hash[:12] or "none"
        yield f"{attempt.id}: the robot would run the list {theirs}, verified was {ours}; plan the batch again"
    files = {str((p.get("file") or {}).get("id")) for p in sight.run.get("runTimeParameters") or ()}
    if files != {attempt.file_id}:
        yield f"{attempt.id}: the run has the files {sorted(files)}, verified was {attempt.file_id}; plan it again"


@check("I26", Unsafe, "start")
def its_software_is_that_of_the_verified_list(sight: Sight) -> Iterator[str]:
    now = str(sight.health.get("api_version"))
    if sight.verified_with != now:
        yield (
            f"{sight.attempt.id}: the robot's software is {now}, when the list was verified it was "
            f"{sight.verified_with or 'not recorded'}: sdl resolve --outcome not-run, then sdl resume plans and "
            "verifies it anew"
        )


@check("I26", Unsafe, "start", "run")
def the_run_is_that_of_the_verified_protocol(sight: Sight) -> Iterator[str]:
    if sight.run.get("protocolId") != sight.attempt.protocol_id:
        theirs, ours = sight.run.get("protocolId"), sight.attempt.protocol_id
        yield f"run {sight.attempt.run_id} is of protocol {theirs}, verified was {ours}; plan the batch again"


# people and time


@check("I12", Unsafe, "run")
def the_run_keeps_to_the_labs_hours(sight: Sight) -> Iterator[str]:
    begun_s = sight.starts_s.get(sight.attempt.id, sight.now_s)
    hours = (sight.now_s - begun_s) / 3600
    if hours > sight.lab.limits.max_run_h:
        yield f"the run has lasted {hours:.1f} h, limit {sight.lab.limits.max_run_h:g} h; see what holds it up"


@check("I12", Unsafe, "start")
def the_plan_keeps_to_the_labs_hours(sight: Sight) -> Iterator[str]:
    hours, most = float(sight.attempt.plan["duration_s"]) / 3600, sight.lab.limits.max_run_h
    if not hours <= most:
        yield f"the run would take {hours:.1f} h, the lab allows {most:g} h; make the batch smaller"


@check("I22", NeedsPerson, "start")
def somebody_answers_for_it(sight: Sight) -> Iterator[str]:
    lab = sight.lab
    if not lab.armed_by or not lab.armed_until:
        yield f"{lab.name} is not armed: set armed_by and armed_until (at most 72 h ahead) in the lab file"
        return
    if lab.armed_until == "always":
        if lab.robot != "simulated":
            yield f"{lab.name} is armed for ever, which is for simulated robots only; write a moment at most 72 h ahead"
        return
    until = datetime.fromisoformat(lab.armed_until).astimezone(UTC)
    end = sight.now + timedelta(seconds=float(sight.attempt.plan["duration_s"]))
    if not end <= until <= sight.now + LONGEST_ARMED:
        yield (
            f"{lab.name} is armed until {lab.armed_until}, the run would end at {end:%Y-%m-%dT%H:%MZ}: it must end "
            "before that, and that within 72 h; have it renewed in the lab file"
        )


@check("I23", NeedsPerson, "start")
def not_too_many_runs_an_hour(sight: Sight) -> Iterator[str]:
    recent = [start_s for start_s in sight.starts_s.values() if sight.now_s - start_s < 3600]
    if len(recent) >= STARTS_PER_H:
        yield f"{len(recent)} runs began within an hour, limit {STARTS_PER_H}; see why they are short, then sdl resume"


@check("I23", NeedsPerson, "start")
def not_too_many_failures_in_a_row(sight: Sight) -> Iterator[str]:
    ended = [a for a in sight.attempts if a.id != sight.attempt.id and a.state in (*BAD_ENDS, "DONE")]
    last = [attempt.state for attempt in sorted(ended, key=lambda a: a.n)[-FAILURES:]]
    if len(last) == FAILURES and set(last) <= set(BAD_ENDS):
        yield f"the last {FAILURES} attempts ended {', '.join(last)}: find out why; one good run resets this"


@check("I24", NeedsPerson, "start")
def the_spectrometer_is_ready(sight: Sight) -> Iterator[str]:
    reader, lab = sight.reader, sight.lab
    if reader is None:
        yield "the reader was not asked; it must be before the start"
        return
    if not reader.ok:
        yield f"the reader {reader.instrument} says it cannot measure: look at lamp and shutter, then sdl resume"
    if missing := sorted(set(lab.reader.channels) - set(reader.channels)):
        yield f"the reader {reader.instrument} has no {', '.join(missing)}, the lab file says it has; correct one"


def _heated(sight: Sight) -> Iterator[Json]:
    return (m for m in sight.modules if "temperature" in str(m.get("moduleModel", "")).lower())


def _short(name: str) -> str:
    """Return how a Flex names a pipette in /instruments: "flex_1channel_50" is "p50_single_flex"."""
    words = name.split("_")
    return f"p{words[2]}_single_flex" if words[:2] == ["flex", "1channel"] else name
