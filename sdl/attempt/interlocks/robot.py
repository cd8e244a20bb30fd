"""Which robot it is, whether it is free, how it was calibrated, and what it would run (I19, I20, I26)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sdl.attempt.interlocks.sight import Json, Sight, check, heated
from sdl.errors import NeedsPerson, Unsafe

CLOCKS_APART_H = 24.0
"""How far a robot's clock may be ahead of ours: it keeps none while it is off (Opentrons issue 6077); chosen."""

API_LEVEL = (2, 20)
"""What the protocol declares (protocols/timed_steps.py)."""

ACTIVE = frozenset({"running", "paused", "finishing", "stop-requested", "blocked-by-open-door"})
MODELS = {"Flex": "OT-3 Standard", "OT-2": "OT-2 Standard"}
"""How robot-server calls the two robots."""

IN_FLIGHT = ("STARTING", "VERIFY", "DISPENSED", "UNKNOWN")


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


@check("I20", NeedsPerson, "start")
def no_calibration_is_old(sight: Sight) -> Iterator[str]:
    most_h, now = sight.lab.limits.max_calibration_age_h, datetime.fromtimestamp(sight.now_s, UTC)
    for what, made in _calibrations(sight):
        if not made:
            yield f"{what} was never calibrated, or marked bad: calibrate it at the robot, then sdl resume"
            continue
        age_h = (now - datetime.fromisoformat(made).astimezone(UTC)).total_seconds() / 3600
        if age_h < -CLOCKS_APART_H:
            yield f"{what} was calibrated on {made[:10]}, which is to come: set the robot's clock, then sdl resume"
        elif not age_h <= most_h:
            yield (
                f"{what} was calibrated {age_h / 24:.1f} d ago, limit {most_h / 24:g} d: calibrate it again at the "
                "robot, then sdl resume"
            )


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


def _calibrations(sight: Sight) -> Iterator[tuple[str, str]]:
    """Yield what a robot calibrates and when that was done; "" for never, or for one that was marked bad."""
    if sight.lab.robot_type == "Flex":
        for pipette in sight.lab.pipettes:
            seen = next((s for s in sight.instruments if s.get("mount") == pipette.mount), {})
            offset = (seen.get("data") or {}).get("calibratedOffset") or {}
            yield f"the {pipette.mount} pipette", str(offset.get("last_modified") or "")
        for module in heated(sight):
            offset = module.get("moduleOffset") or {}
            yield f"{module.get('moduleModel')} {module.get('serialNumber')}", str(offset.get("last_modified") or "")
        return
    for pipette in sight.lab.pipettes:
        yield (
            f"the {pipette.mount} pipette",
            _unless_bad(next((s for s in sight.offsets if s.get("mount") == pipette.mount), {})),
        )
    deck = sight.deck_calibration
    yield "the deck", _unless_bad(deck.get("data") or {}) if deck.get("status") == "OK" else ""


def _unless_bad(calibration: Json) -> str:
    marked = (calibration.get("status") or {}).get("markedBad")
    return "" if marked else str(calibration.get("lastModified") or "")


def _short(name: str) -> str:
    """Return how a Flex names a pipette in /instruments: "flex_1channel_50" is "p50_single_flex"."""
    words = name.split("_")
    return f"p{words[2]}_single_flex" if words[:2] == ["flex", "1channel"] else name
