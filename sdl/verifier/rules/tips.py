"""Tips: fresh, one liquid each, and off at the end (I7)."""

from __future__ import annotations

from collections.abc import Iterator

from sdl.verifier.rules.registry import rule
from sdl.verifier.scene import Act, Scene


@rule("I7", "unknown")
def a_pipette_has_its_own_tip_on(scene: Scene, act: Act) -> Iterator[str]:
    if act.interlock == "I7":
        yield act.text


@rule("I7", "tip on")
def no_tip_goes_over_another(scene: Scene, act: Act) -> Iterator[str]:
    if act.tip is not None:
        yield "a tip is on already; drop it first"


@rule("I7", "tip on")
def every_tip_is_fresh(scene: Scene, act: Act) -> Iterator[str]:
    rack, _, well = act.name.rpartition("/")
    if act.text or well not in scene.bench.tip_racks[rack].fresh:
        yield f"the tip {act.name} was used before or is not there; take a fresh one or refill the rack"


@rule("I7", "move", "draw", "give", "blow")
def a_tip_touches_its_source_and_one_other_liquid(scene: Scene, act: Act) -> Iterator[str]:
    """A tip may draw, then touch one other liquid, and may then neither draw elsewhere nor go back."""
    if act.enters and act.touched and (act.kind == "draw" or len(act.touched) > 1):
        yield f"the tip touched {' and '.join(act.touched)} and now enters {act.enters}; take a fresh tip"


@rule("I7", "to trash")
def tips_go_into_the_trash(scene: Scene, act: Act) -> Iterator[str]:
    if act.name != scene.bench.trash:
        yield f"drops a tip at {act.name}; the trash is {scene.bench.trash}"


@rule("I7", "tip off")
def no_tip_is_dropped_beside_the_trash(scene: Scene, act: Act) -> Iterator[str]:
    if act.name != "trash":
        yield "drops a tip that is not over the trash; move there first"


@rule("I7", "end")
def no_tip_is_left_on(scene: Scene, act: Act) -> Iterator[str]:
    if any(scene.deck.tips.values()):
        yield "a tip is still on; drop it"
