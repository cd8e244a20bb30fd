"""That the list is about this deck and these pipettes, and that every word of it is known (I16, I20, I25, I26)."""

from __future__ import annotations

from collections.abc import Iterator

from sdl.verifier.rules.registry import rule
from sdl.verifier.scene import Act, Scene


@rule("I16", "unknown")
def everything_stands_where_the_bench_says(scene: Scene, act: Act) -> Iterator[str]:
    if act.interlock == "I16":
        yield act.text


@rule("I16", "begin")
def every_slot_holds_one_thing(scene: Scene, act: Act) -> Iterator[str]:
    taken: dict[str, str] = {}
    slots = {name: item.slot for name, item in scene.bench.vessels.items()}
    for name, slot in (slots | {name: item.slot for name, item in scene.bench.tip_racks.items()}).items():
        if slot in taken or scene.bench.trash.endswith(slot):
            yield f"{name} and {taken.get(slot, 'the trash')} share slot {slot}; move one in the lab file"
        taken[slot] = name


@rule("I20", "unknown")
def labware_and_pipettes_are_the_plans_own(scene: Scene, act: Act) -> Iterator[str]:
    if act.interlock == "I20":
        yield act.text


@rule("I25", "unknown")
def every_command_and_parameter_is_known(scene: Scene, act: Act) -> Iterator[str]:
    if act.interlock == "I25":
        yield act.text


@rule("I26", "unknown")
def the_analysis_carried_out_every_command(scene: Scene, act: Act) -> Iterator[str]:
    if act.interlock == "I26":
        yield act.text
