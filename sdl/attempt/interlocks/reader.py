"""The spectrometer: ready, its lamp young enough, and no light where nobody looks (I24)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from sdl.attempt.interlocks.sight import Sight, check
from sdl.errors import NeedsPerson


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


@check("I24", NeedsPerson, "start")
def the_lamp_is_not_worn_out(sight: Sight) -> Iterator[str]:
    spec, most_h = sight.lab.reader, sight.lab.limits.max_lamp_h
    told_h = sight.reader.lamp_h if sight.reader else None
    if told_h is None and spec.light == "led":
        return
    burned_h, by = (spec.lamp_h + _since_h(spec.lamp_read, sight.now), "at most") if told_h is None else (told_h, "")
    if math.isnan(burned_h):
        yield "nobody says how long the lamp has burned: write reader.lamp_hours and lamp_read in the lab file"
    elif not burned_h <= most_h:
        has = f"has burned {by} {burned_h:.0f} h".replace("  ", " ")
        yield f"the lamp {has}, limit {most_h:g} h: change it, or read its meter and write lamp_hours and lamp_read"


@check("I24", NeedsPerson, "start")
def no_light_shines_before_the_first_look(sight: Sight) -> Iterator[str]:
    shutter = sight.reader.shutter if sight.reader else ""
    if shutter == "open" or (sight.lab.reader.light == "laser" and shutter != "closed"):
        yield f"the shutter of the {sight.lab.reader.light} is {shutter or 'not known to be closed'}: close it"


@check("I24", NeedsPerson, "look")
def no_laser_shines_past_an_open_door(sight: Sight) -> Iterator[str]:
    if sight.lab.reader.light == "laser" and sight.door.get("status") != "closed":
        yield "the door is open and the reader's light is a laser: nothing is read; close it, then sdl resume"


def _since_h(day: str, now: datetime) -> float:
    """Return the hours since ``day``, from which a lamp may have burned day and night; NaN where nobody said."""
    if not day:
        return math.nan
    moment = datetime.fromisoformat(day)
    return (now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))).total_seconds() / 3600
