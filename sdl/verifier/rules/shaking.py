"""Shaking: latched, no faster than allowed, and nobody reaches in or beside it meanwhile (I17)."""

from __future__ import annotations

from collections.abc import Iterator

from sdl.verifier.rules.registry import above, rule
from sdl.verifier.scene import Act, Scene


@rule("I17", "shake")
def the_latch_is_closed_before_it_shakes(scene: Scene, act: Act) -> Iterator[str]:
    assert act.module is not None
    if act.module.latch_open:
        yield f"shakes slot {act.module.slot} with its latch open; close the latch first"


@rule("I17", "open")
def the_latch_stays_closed_while_it_shakes(scene: Scene, act: Act) -> Iterator[str]:
    assert act.module is not None
    if act.module.rpm > 0:
        yield f"opens the latch of slot {act.module.slot} at {act.module.rpm:g} rpm; stop the shaker first"


@rule("I17", "shake")
def the_shaker_keeps_the_labs_speed(scene: Scene, act: Act) -> Iterator[str]:
    most = scene.bench.max_shake_rpm
    if not 0 < act.value <= most:
        text = f"limit {most:g}; slow down" if most else "and the lab file allows no shaking; have it stated there"
        yield f"shakes at {act.value:g} rpm, {text}"


@rule("I17", "move", "draw", "air", "give", "blow", "tip on")
def nobody_reaches_into_or_beside_a_shaker(scene: Scene, act: Act) -> Iterator[str]:
    slot = act.well.vessel.slot if act.well else scene.bench.tip_racks[act.name.rpartition("/")[0]].slot
    for module in scene.deck.modules.values():
        if module.rpm > 0 and (slot == module.slot or slot in neighbours(module.slot)):
            yield f"goes to slot {slot} while slot {module.slot} shakes at {module.rpm:g} rpm; stop the shaker first"


@rule("I17", "move", "draw", "air", "give", "blow")
def nobody_reaches_into_an_open_latch(scene: Scene, act: Act) -> Iterator[str]:
    assert act.well is not None
    for module in scene.deck.modules.values():
        if "Shaker" in module.model and module.latch_open and act.well.vessel.slot == module.slot:
            yield f"goes to slot {module.slot} with its latch open, where labware may shift; close the latch first"


@rule("I17", "end")
def no_shaker_is_left_on(scene: Scene, act: Act) -> Iterator[str]:
    for module in scene.deck.modules.values():
        if above(module.rpm, 0.0):
            yield f"the shaker in slot {module.slot} still turns at {module.rpm:g} rpm; deactivate it"


def neighbours(slot: str) -> frozenset[str]:
    """Return the slots beside, before and behind ``slot``, of a Flex ("C2") or an OT-2 ("5")."""
    if slot.isdigit():
        row, column = divmod(int(slot) - 1, 3)
        places = ((row, column - 1), (row, column + 1), (row - 1, column), (row + 1, column))
        return frozenset(str(3 * r + c + 1) for r, c in places if 0 <= r < 4 and 0 <= c < 3)
    row, column = "DCBA".index(slot[0]), int(slot[1]) - 1
    places = ((row, column - 1), (row, column + 1), (row - 1, column), (row + 1, column))
    return frozenset(f"{'DCBA'[r]}{c + 1}" for r, c in places if 0 <= r < 4 and 0 <= c < 4)
