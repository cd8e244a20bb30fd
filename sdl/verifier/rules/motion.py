"""Where a tip may go: above every bottom, not far above a rim, not sideways, no deeper than the nozzle fits (I8)."""

from __future__ import annotations

from collections.abc import Iterator

from sdl.verifier.rules.registry import above, rule
from sdl.verifier.scene import Act, Scene

FLOOR_MM = 0.5
"""No tip goes nearer to a bottom: half a millimetre of play for calibration (interlock I8)."""

SKY_MM = 15.0
"""No offset goes higher above a rim than this (chosen: an air gap is taken 5 mm above it)."""

SIDE_MM = 2.0
"""No offset goes farther sideways (interlock I8: a few mm)."""

NOZZLE_MM = 9.0
"""A nozzle is no thicker than this: those of an 8-channel pipette stand 9 mm apart (ANSI/SLAS 4, well pitch)."""


@rule("I8", "move", "draw", "air", "give", "blow")
def no_tip_goes_below_the_floor(scene: Scene, act: Act) -> Iterator[str]:
    if above(FLOOR_MM, act.height_mm):
        yield f"goes to {act.height_mm:.4g} mm above the bottom, limit {FLOOR_MM} mm; raise it"


@rule("I8", "move", "draw", "air", "give", "blow")
def no_tip_goes_far_above_the_rim(scene: Scene, act: Act) -> Iterator[str]:
    assert act.well is not None
    if above(act.height_mm - act.well.vessel.depth_mm, SKY_MM):
        high_mm = act.height_mm - act.well.vessel.depth_mm
        yield f"goes {high_mm:.4g} mm above the rim, limit {SKY_MM:g} mm; lower it"


@rule("I8", "move", "draw", "air", "give", "blow", "tip on")
def no_tip_goes_sideways(scene: Scene, act: Act) -> Iterator[str]:
    side_mm = max((abs(act.offset_mm[axis]) for axis in ("x", "y") if act.offset_mm), default=0.0)
    if above(side_mm, SIDE_MM):
        yield f"goes {side_mm:.4g} mm sideways, limit {SIDE_MM:g} mm; stay over the middle"


@rule("I8", "tip on")
def a_tip_is_taken_where_it_stands(scene: Scene, act: Act) -> Iterator[str]:
    if above(abs(act.offset_mm["z"]), 0.0):
        yield f"takes a tip {act.offset_mm['z']:.4g} mm off its height, and only 0 is known to be safe; leave it out"


@rule("I8", "give", "blow")
def liquid_is_let_go_inside_the_rim(scene: Scene, act: Act) -> Iterator[str]:
    assert act.well is not None
    rim_mm = act.well.vessel.depth_mm
    if above(act.height_mm, rim_mm) and act.parcels:
        yield f"dispenses {act.height_mm:.4g} mm above the bottom, over the rim at {rim_mm:.4g} mm; go below it"


@rule("I8", "move", "draw", "give", "blow")
def no_nozzle_enters_a_neck_that_is_too_narrow(scene: Scene, act: Act) -> Iterator[str]:
    assert act.well is not None and act.tip is not None
    vessel = act.well.vessel
    deep_mm = vessel.depth_mm - act.height_mm - act.tip.length_mm
    if deep_mm > 0 and vessel.neck_mm < NOZZLE_MM + 2 * SIDE_MM:
        text = f"the pipette itself enters {act.well.location} by {deep_mm:.4g} mm, whose neck of {vessel.neck_mm:g} mm"
        yield f"{text} is narrower than {NOZZLE_MM + 2 * SIDE_MM:g}; use longer tips or draw higher up"
