"""Volumes: strokes, wells, stocks, flow, and the sum of it all against the plan (I1-I6, I21)."""

from __future__ import annotations

from collections.abc import Iterator

from sdl.verifier.rules.registry import above, rule
from sdl.verifier.scene import Act, Scene

PLAN_FRACTION = 0.005
"""Delivered volumes match the plan, and declared ones the ledger, within this fraction (interlock I5)."""


@rule("I1", "draw", "air")
def no_more_than_pipette_and_tip_hold(scene: Scene, act: Act) -> Iterator[str]:
    assert act.tip is not None
    if above(act.held_ul, act.tip.capacity_ul):
        yield f"{act.held_ul:.6g} uL in pipette and tip, air included, limit {act.tip.capacity_ul:g}; split it"


@rule("I2", "draw", "give")
def no_less_than_the_pipette_can_set(scene: Scene, act: Act) -> Iterator[str]:
    assert act.pipette is not None
    least_ul = act.pipette.min_ul
    if above(least_ul, act.liquid_ul):
        cure = "use a finer pipette or another recipe"
        yield f"{act.liquid_ul:.4g} uL is below the pipette's minimum of {least_ul:g}; {cure}"


@rule("I3", "give", "blow")
def no_well_is_overfilled(scene: Scene, act: Act) -> Iterator[str]:
    assert act.well is not None
    most_ul = act.well.vessel.capacity_ul * scene.bench.max_fill_fraction
    if above(act.well.volume_ul, most_ul):
        before = f", {act.well.start_ul:g} uL of it from before" if act.well.start_ul else ""
        cure = "use less or a larger vessel"
        yield f"fills {act.well.location} to {act.well.volume_ul:.6g} uL{before}, limit {most_ul:.6g}; {cure}"


@rule("I3", "give", "blow", "shake")
def no_shaken_well_is_overfilled(scene: Scene, act: Act) -> Iterator[str]:
    shaken = {module.slot for module in scene.deck.modules.values() if module.rpm > 0}
    for well in scene.wells if act.kind == "shake" else [act.well]:
        assert well is not None
        most_ul = well.vessel.capacity_ul * scene.bench.max_fill_shaken_fraction
        if well.vessel.slot in shaken and above(well.volume_ul, most_ul):
            yield f"shakes {well.location} with {well.volume_ul:.6g} uL, limit {most_ul:.6g} while shaken; fill less"


@rule("I3", "declare")
def no_well_is_declared_overfull(scene: Scene, act: Act) -> Iterator[str]:
    vessel = scene.bench.vessels[act.name]
    most_ul = vessel.capacity_ul * scene.bench.max_fill_fraction
    for location, volume_ul in act.declared_ul.items():
        if not volume_ul <= most_ul:
            yield f"declares {volume_ul:.6g} uL in {location}, which may hold {most_ul:.6g}; correct the protocol"


@rule("I4", "draw")
def no_stock_is_drawn_below_its_dead_volume(scene: Scene, act: Act) -> Iterator[str]:
    assert act.well is not None
    lost_ul = _lost_ul(scene, act.well.location)
    left_ul, dead_ul = act.well.volume_ul - lost_ul, act.well.vessel.dead_ul
    if above(dead_ul, left_ul):
        lost = f" after {lost_ul:.4g} uL evaporated" if lost_ul else ""
        cure = "refill it or draw less"
        yield f"leaves {left_ul:.6g} uL in {act.well.location}{lost}, {dead_ul:g} cannot be drawn; {cure}"


@rule("I4", "draw")
def no_air_is_drawn_for_liquid(scene: Scene, act: Act) -> Iterator[str]:
    assert act.well is not None
    level_mm = (act.well.volume_ul - _lost_ul(scene, act.well.location)) / act.well.vessel.area_mm2
    if above(act.height_mm, level_mm):
        where = f"{act.well.location} ends {level_mm:.4g} mm deep, the tip is at {act.height_mm:.4g} mm"
        yield f"draws air: {where}; refill it"


def _lost_ul(scene: Scene, location: str) -> float:
    """Return what evaporated there since the list began, every hand-shake released as late as its window allows."""
    return scene.bench.evaporation_ul_h.get(location, 0.0) * scene.latest_s / 3600


@rule("I3", "give", "blow")
def nothing_is_added_to_what_a_person_changed(scene: Scene, act: Act) -> Iterator[str]:
    """After a step by hand nobody can derive what a well of that rack holds; it may be read, and no more."""
    assert act.well is not None
    if act.parcels and act.well.location.partition("/")[0] in scene.handled:
        text = "after a person worked on it, so that its volume is not known"
        yield f"dispenses into {act.well.location} {text}; read it only"


@rule("I4", "declare")
def the_protocol_declares_what_the_ledger_holds(scene: Scene, act: Act) -> Iterator[str]:
    held = {well.location: well.volume_ul for well in scene.wells}
    for location, volume_ul in act.declared_ul.items():
        if not abs(volume_ul - held[location]) <= PLAN_FRACTION * held[location]:
            text = f"declares {volume_ul:.6g} uL in {location}, the ledger holds {held[location]:.6g}"
            yield f"{text}; correct the protocol, or measure what is there"


@rule("I5", "give")
def no_more_is_dispensed_than_drawn(scene: Scene, act: Act) -> Iterator[str]:
    if above(act.volume_ul, act.held_ul):
        yield f"dispenses {act.volume_ul:.6g} uL of {act.held_ul:.6g} uL in the tip; draw it first"


@rule("I5", "tip off")
def no_liquid_goes_into_the_trash(scene: Scene, act: Act) -> Iterator[str]:
    if above(act.liquid_ul, 0.0):
        yield f"drops a tip with {act.liquid_ul:.6g} uL of liquid in it; dispense all of it first"


@rule("I5", "end")
def every_well_got_what_the_plan_says(scene: Scene, act: Act) -> Iterator[str]:
    for well in scene.wells:
        plan = scene.bench.delivered_ul.get(well.location, {})
        for origin in sorted(plan.keys() | well.received_ul.keys()):
            planned, got = plan.get(origin, 0.0), well.received_ul.get(origin, 0.0)
            if above(abs(got - planned), planned * PLAN_FRACTION):
                text = f"{well.location} gets {got:.6g} uL from {origin}, the plan says {planned:.6g}"
                yield f"{text}; render the plan again"


@rule("I6", "unknown")
def every_number_is_finite(scene: Scene, act: Act) -> Iterator[str]:
    if act.interlock == "I6":
        yield act.text


@rule("I6", "draw", "air", "give")
def every_volume_and_flow_is_above_zero(scene: Scene, act: Act) -> Iterator[str]:
    if act.volume_ul <= 0 or act.flow_ul_s <= 0:
        yield f"{act.volume_ul:g} uL at {act.flow_ul_s:g} uL/s; both must be above zero, remove the row"


@rule("I21", "draw", "air", "give", "blow")
def no_flow_is_faster_than_the_lab_allows(scene: Scene, act: Act) -> Iterator[str]:
    if above(act.flow_ul_s, scene.bench.max_flow_rate_ul_s):
        yield f"{act.flow_ul_s:.6g} uL/s, limit {scene.bench.max_flow_rate_ul_s:g}; slow down"
