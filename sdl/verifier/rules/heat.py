"""Heat: what the module can, what the lab allows, what the liquids stand, and an end to it (I9-I11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sdl.verifier.books import TINY_UL, Well
from sdl.verifier.rules.registry import above, rule
from sdl.verifier.scene import Act, Scene

MODULE_C: Mapping[str, tuple[float, float]] = {
    "temperatureModuleV1": (4.0, 95.0),
    "temperatureModuleV2": (4.0, 95.0),
    "heaterShakerModuleV1": (37.0, 95.0),
}
"""What each module can hold, degC (Opentrons manuals of the Temperature Module GEN2 and the Heater-Shaker GEN1)."""

MINOR = 0.05
"""A solvent below this volume fraction does not set the boiling limit (chemical safety rule: 5 vol %)."""

MAIN = 0.5
"""A solvent above this volume fraction sets the limit of an open vessel (chosen: the mixture is then mostly it)."""


@rule("I9", "heat")
def the_module_can_hold_its_target(scene: Scene, act: Act) -> Iterator[str]:
    assert act.module is not None
    low, high = MODULE_C.get(act.module.model, (float("inf"), float("-inf")))
    if act.value < low:
        yield f"{act.value:g} degC is below what {act.module.model} holds, {low:g}; raise it or use another module"
    if act.value > high:
        yield f"{act.value:g} degC is above what {act.module.model} holds, {high:g}; lower it"


@rule("I9", "heat")
def no_target_is_above_the_labs_limit(scene: Scene, act: Act) -> Iterator[str]:
    if above(act.value, scene.bench.max_temperature_c):
        yield f"{act.value:g} degC is above the lab's limit of {scene.bench.max_temperature_c:g}; lower it"


@rule("I10", "heat", "give", "blow")
def nothing_is_heated_near_its_boiling_point(scene: Scene, act: Act) -> Iterator[str]:
    for well, celsius, shares in _heated(scene, act):
        for solvent, part in shares.items():
            boiling_c = scene.bench.boiling_c.get(solvent)
            most_c = float("-inf") if boiling_c is None else boiling_c - scene.bench.boiling_margin_c
            if part > MINOR and celsius > most_c:
                known = "its boiling point is not known" if boiling_c is None else f"its limit is {most_c:g}"
                cure = "lower the temperature or dispense the diluent first"
                yield f"{well.location} holds {part:.0%} {solvent} at {celsius:g} degC, {known}; {cure}"


@rule("I10", "heat", "give", "blow")
def no_open_vessel_is_heated_above_its_solvents_limit(scene: Scene, act: Act) -> Iterator[str]:
    for well, celsius, shares in _heated(scene, act):
        for solvent, part in shares.items():
            most_c = scene.bench.open_vessel_c.get(solvent, float("-inf"))
            if part > MAIN and celsius > most_c:
                known = f"an open vessel of it stands {most_c:g}" if solvent in scene.bench.open_vessel_c else "unknown"
                yield f"{well.location} is mostly {solvent} at {celsius:g} degC, {known}; lower the temperature"


def _heated(scene: Scene, act: Act) -> Iterator[tuple[Well, float, Mapping[str, float]]]:
    """Yield each well that ``act`` may have made too hot, its set temperature, and the share of each solvent."""
    at = {m.slot: m.target_c for m in scene.deck.modules.values() if m.target_c is not None}
    for well in scene.wells if act.kind == "heat" else [act.well]:
        assert well is not None
        celsius = at.get(well.vessel.slot)
        if celsius is not None and well.volume_ul > TINY_UL:
            yield well, celsius, well.liquid().solvents


@rule("I10", "begin")
def vapour_stays_below_the_explosive_limit(scene: Scene, act: Act) -> Iterator[str]:
    """Without a proven draught, all solvent on the deck together may not reach the limit if it evaporates."""
    if scene.bench.airflow:
        return
    held: dict[str, float] = {}
    for well in scene.wells:
        for solvent, ul in well.solvent_ul.items():
            held[solvent] = held.get(solvent, 0.0) + ul
    unknown = sorted(held.keys() - scene.bench.lel_ul.keys())
    if unknown:
        yield f"the explosive limit of {', '.join(unknown)} is not known; ventilate, with an airflow signal"
    share = sum(ul / scene.bench.lel_ul[solvent] for solvent, ul in held.items() if solvent in scene.bench.lel_ul)
    if share > 1:
        text = f"the solvents on the deck reach {share:.3g} times the lower explosive limit, limit 1 without airflow"
        yield f"{text}; ventilate, with an airflow signal in the lab file, or load less"


@rule("I10", "end")
def no_well_ends_with_more_of_a_solvent_than_allowed(scene: Scene, act: Act) -> Iterator[str]:
    for well in scene.wells:
        for solvent, most in scene.bench.max_fraction.items():
            part = well.liquid().solvents.get(solvent, 0.0) if well.received_ul else 0.0
            if above(part, most):
                cure = "add diluent or use less stock"
                yield f"{well.location} ends with {part:.1%} {solvent}, limit {most:.1%}; {cure}"


@rule("I11", "cool", "warm")
def only_a_heated_block_is_switched_off_or_waited_for(scene: Scene, act: Act) -> Iterator[str]:
    assert act.module is not None
    if act.kind == "cool" and act.was is None:
        yield "switches off a block that was not set; remove it"
    if act.kind == "warm" and act.module.target_c is None:
        yield "waits for a block that was not set, for ever; set it first"


@rule("I11", "end")
def no_block_is_left_hot(scene: Scene, act: Act) -> Iterator[str]:
    for module in scene.deck.modules.values():
        if module.target_c is not None:
            yield f"the block in slot {module.slot} is still set to {module.target_c:g} degC; deactivate it"
