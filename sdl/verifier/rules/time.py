"""Time: every hand-shake in order and tied to its step, every timed step inside its window, an end to it all (I12)."""

from __future__ import annotations

from collections.abc import Iterator

from sdl.verifier.rules.registry import above, rule
from sdl.verifier.scene import Act, Release, Scene


@rule("I12", "wait")
def a_delay_is_above_zero(scene: Scene, act: Act) -> Iterator[str]:
    if act.value <= 0:
        yield f"waits {act.value:g} s; a delay must be above zero, remove it"


@rule("I12", "wait")
def a_delay_serves_liquids_only(scene: Scene, act: Act) -> Iterator[str]:
    if above(act.value, scene.bench.max_delay_s):
        yield f"waits {act.value:.6g} s, limit {scene.bench.max_delay_s:g}; use a timed step"


@rule("I12", "pause")
def every_pause_is_the_plans_next(scene: Scene, act: Act) -> Iterator[str]:
    """Only the first pause that differs is reported; the rest follow from it."""
    plan, before = scene.bench.pauses, scene.said[:-1]
    wanted = plan[len(before)] if len(before) < len(plan) else "none"
    if act.text != wanted and before == list(plan[: len(before)]):
        yield f"pauses with {act.text!r}, the plan has {wanted!r}; a timed step lost or gained its pause"


@rule("I12", "end")
def every_pause_of_the_plan_comes(scene: Scene, act: Act) -> Iterator[str]:
    if missing := scene.bench.pauses[len(scene.said) :]:
        yield f"{len(missing)} pause(s) of the plan never come, the first is {missing[0]!r}; render it again"


@rule("I12", "draw", "give")
def a_timed_step_stands_behind_its_pause(scene: Scene, act: Act) -> Iterator[str]:
    assert act.well is not None
    if act.due and act.due.location != act.well.location:
        verb = "aspirate" if act.kind == "draw" else "dispense"
        where = f"{verb} at {act.well.location}"
        yield f"{act.due.message!r} is followed by {where}; keep steps behind their pauses"


@rule("I12", "pause", "end")
def a_pause_is_followed_by_its_step(scene: Scene, act: Act) -> Iterator[str]:
    undone = scene.due if act.kind == "end" else act.undone
    if undone and not (undone.action == "look" and undone.location == scene.bench.probe_at):
        yield f"nothing was done at {undone.location} after its pause; keep steps behind their pauses"


@rule("I12", "pause")
def what_is_read_is_in_the_cell(scene: Scene, act: Act) -> Iterator[str]:
    location = act.text.rpartition(" ")[2]
    if act.text.startswith("READ ") and location not in (scene.in_cell, scene.bench.probe_at or scene.in_cell):
        yield f"reads {location}, and {scene.in_cell or 'nothing'} is in the cell; fill the cell first"


@rule("I12", "pause")
def every_pause_has_a_known_form(scene: Scene, act: Act) -> Iterator[str]:
    if not act.text.startswith(("READ ", "HAND ")) and Release.of(act.text) is None:
        known = "AT <s> <action> <place>, READ <what> <place> or HAND <what> <place>"
        yield f"pauses with {act.text!r}, which nobody would answer; write {known}"


@rule("I12", "pause")
def every_timed_step_has_a_window(scene: Scene, act: Act) -> Iterator[str]:
    if Release.of(act.text) and act.text not in scene.bench.windows_s:
        yield f"{act.text!r} has no earliest and latest time; state its window in the plan"


@rule("I12", "pause")
def every_timed_step_lies_in_its_window(scene: Scene, act: Act) -> Iterator[str]:
    release = Release.of(act.text)
    window = scene.bench.windows_s.get(act.text)
    if release and window and not window[0] <= release.at_s <= window[1]:
        text = f"{release.at_s:g} s is outside the step's own window of {window[0]:g} to {window[1]:g} s"
        yield f"{text}; correct the plan"


@rule("I12", "pause")
def every_timed_step_comes_once(scene: Scene, act: Act) -> Iterator[str]:
    if Release.of(act.text) and act.text in scene.said[:-1]:
        yield f"{act.text!r} comes a second time, and one release cannot serve two; give them different times"


@rule("I12", "pause")
def the_arm_can_be_there_in_time(scene: Scene, act: Act) -> Iterator[str]:
    """What lies between two timed steps takes at least its flow and delays; that too must fit into the window."""
    window = scene.bench.windows_s.get(act.text)
    if window and act.was is not None and above(act.was, window[1]):
        text = f"the arm cannot be here before {act.was:.1f} s, the window ends at {window[1]:g} s"
        yield f"{text}: the order of the list contradicts its times; move the step or what is before it"


@rule("I12", "pause")
def no_dot_is_quenched_before_its_least_growth(scene: Scene, act: Act) -> Iterator[str]:
    release = Release.of(act.text)
    if release is None or release.action != "quench":
        return
    injected = [r.at_s for r in scene.releases if r.action == "inject" and r.location == release.location]
    least_s = scene.bench.min_growth_s.get(release.location)
    if not injected or least_s is None:
        yield f"quenches {release.location}, whose injection or least growth is not known; state both in the plan"
        return
    grown_s = scene.bench.windows_s.get(act.text, (release.at_s, 0.0))[0] - injected[-1]
    if above(least_s, grown_s):
        yield f"{release.location} may be quenched after {grown_s:g} s, least growth {least_s:g} s; move its window"


@rule("I12", "end")
def the_run_ends_in_the_labs_time(scene: Scene, act: Act) -> Iterator[str]:
    if above(scene.latest_s, scene.bench.max_run_s):
        hours, most = scene.latest_s / 3600, scene.bench.max_run_s / 3600
        yield f"the run may last {hours:.4g} h, limit {most:.4g} h; make the batch smaller or growth shorter"
