"""What the ledger says is left (I4, I7, I15)."""

from __future__ import annotations

from collections.abc import Iterator

from sdl.attempt.expectation import TIP_WELLS
from sdl.attempt.interlocks.sight import Sight, check
from sdl.errors import NeedsPerson


@check("I4", NeedsPerson, "start")
def the_stocks_hold_what_was_reserved(sight: Sight) -> Iterator[str]:
    for at in sight.attempt.plan["draws_ul"]:
        dead_ul = sight.lab.deck[sight.lab.locate(at)[0]].dead_ul
        gone_ul = float(sight.attempt.plan.get("evaporates_ul", {}).get(at, 0.0))
        left_ul = sight.stock_left.get(at)
        if left_ul is None:
            yield f"{at} is drawn from and not in the ledger; enter the stock, then sdl resume"
        elif left_ul - gone_ul < dead_ul:
            less = f" after {gone_ul:.0f} uL evaporated" if gone_ul else ""
            yield (
                f"{at}: {left_ul - gone_ul:.0f} uL would be left{less}, {dead_ul:.0f} uL cannot be drawn; refill it, "
                "then sdl resume"
            )


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
