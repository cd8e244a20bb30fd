"""The deck and its blocks: offsets, heat, what stands where, door and emergency stop (I8, I9, I11, I16, I18)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from sdl.attempt.expectation import rows
from sdl.attempt.interlocks.sight import Sight, check, heated
from sdl.errors import NeedsPerson, Unsafe

OFFSET_MM = 3.0
"""No calibration offset is larger: 3 mm off, a tip misses the neck of a vial (interlock I8: a few mm)."""

OVERSHOOT_K = 5.0
"""How far above its target a block may be read: twice the settling of a Temperature Module (chosen)."""


@check("I8", Unsafe, "start")
def no_offset_is_large(sight: Sight) -> Iterator[str]:
    found = {f"labware {o.get('definitionUri')}": o.get("vector") or {} for o in sight.run.get("labwareOffsets") or ()}
    for seen in sight.instruments:
        calibrated = (seen.get("data") or {}).get("calibratedOffset") or {}
        found[f"the {seen.get('mount')} pipette"] = calibrated.get("offset") or {}
    for seen in sight.offsets:
        found[f"the {seen.get('mount')} pipette"] = dict(zip("xyz", seen.get("offset") or (), strict=False))
    for module in heated(sight):
        found[str(module.get("serialNumber"))] = (module.get("moduleOffset") or {}).get("offset") or {}
    for what, vector in found.items():
        far = max((abs(float(mm)) for mm in vector.values()), default=0.0)
        if not far <= OFFSET_MM:
            yield f"{what} is offset by {far:g} mm, limit {OFFSET_MM:g}; calibrate it again"


@check("I9", Unsafe, "start", "run")
def no_block_is_too_hot(sight: Sight) -> Iterator[str]:
    most_c = sight.lab.limits.max_temperature_c + OVERSHOOT_K
    for module in heated(sight):
        now_c = (module.get("data") or {}).get("currentTemperature")
        if not isinstance(now_c, int | float):
            yield f"{module.get('moduleModel')} {module.get('serialNumber')} does not tell its temperature; look at it"
        elif not now_c <= most_c:
            yield f"{module.get('serialNumber')} is at {now_c:g} degC, limit {most_c:g}; let it cool, look at the robot"


@check("I11", Unsafe, "start")
def no_block_is_heated_before_the_start(sight: Sight) -> Iterator[str]:
    for module in heated(sight):
        target_c = (module.get("data") or {}).get("targetTemperature")
        if target_c is not None:
            yield f"{module.get('serialNumber')} is set to {target_c:g} degC already, not by us; switch it off"


@check("I11", Unsafe, "run")
def every_block_is_set_as_verified(sight: Sight) -> Iterator[str]:
    verified = {float(row["value"]) for row in rows(sight.attempt.csv) if row["action"] == "temperature"}
    for module in heated(sight):
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


@check("I16", Unsafe, "start")
def nothing_stands_in_the_way_of_a_tip(sight: Sight) -> Iterator[str]:
    least_mm = sight.lab.limits.clearance_mm
    for name, top_mm in sight.tops_mm.items() or {"the deck, of which nothing is known,": math.nan}.items():
        if not sight.travel_mm - top_mm >= least_mm:
            yield (
                f"{name} stands {top_mm:.4g} mm high and a tip travels at {sight.travel_mm:.4g} mm, less than "
                f"{least_mm:g} mm above it; take a lower vessel or correct its offset at the robot"
            )


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
