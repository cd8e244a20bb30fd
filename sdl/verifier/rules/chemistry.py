"""What may meet what, how much of it may be here, and where it all ends (I13-I15)."""

from __future__ import annotations

from collections.abc import Iterator

from sdl.verifier.rules.registry import above, rule
from sdl.verifier.scene import Act, Scene


@rule("I13", "begin", "give", "blow")
def what_must_not_meet_never_shares_a_well(scene: Scene, act: Act) -> Iterator[str]:
    for well in scene.wells if act.kind == "begin" else [act.well]:
        assert well is not None
        for pair in _meeting(scene, well.names):
            yield f"{pair} meet in {well.location}, which the lab forbids; keep them in different wells"


@rule("I13", "draw", "give", "move", "blow")
def what_must_not_meet_never_shares_a_tip(scene: Scene, act: Act) -> Iterator[str]:
    """What a tip has touched clings to it."""
    if not (act.enters and act.touched):
        return
    known = {well.location: well for well in scene.wells}
    before = frozenset[str]().union(*(known[name].names for name in act.touched))
    for pair in _meeting(scene, before | known[act.enters].names):
        yield f"{pair} meet in the tip that goes from {act.touched[-1]} to {act.enters}; take a fresh tip"


@rule("I14", "begin")
def no_more_of_a_species_than_the_lab_allows(scene: Scene, act: Act) -> Iterator[str]:
    held: dict[str, float] = {}
    for well in scene.wells:
        for name, umol in well.umol.items():
            held[name] = held.get(name, 0.0) + umol
    for name, umol in sorted(held.items()):
        most = scene.bench.max_umol.get(name)
        if most is None:
            yield f"{umol:.4g} umol of {name} on the deck, and the lab file has no limit for it; have one stated there"
        elif above(umol, most):
            yield f"{umol:.4g} umol of {name} on the deck, limit {most:g}; load less"


@rule("I15", "give", "blow")
def the_waste_bottle_has_room(scene: Scene, act: Act) -> Iterator[str]:
    if above(scene.waste_ul, scene.bench.waste_ul):
        yield f"{scene.waste_ul:.6g} uL of waste, room for {scene.bench.waste_ul:.6g}; empty the bottle"


@rule("I15", "give", "blow")
def what_must_not_meet_never_shares_the_waste(scene: Scene, act: Act) -> Iterator[str]:
    assert act.well is not None
    if act.well.vessel.drains and act.parcels:
        for pair in _meeting(scene, frozenset(scene.waste_names)):
            yield f"{pair} meet in the waste, which the lab forbids; empty and rinse the bottle between them"


def _meeting(scene: Scene, names: frozenset[str]) -> Iterator[str]:
    for pair in scene.bench.never_together:
        if pair <= names:
            yield " and ".join(sorted(pair))
