"""A small bench and a run of three wells on it, for a Flex and for an OT-2; independent of the shipped examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sdl.bench import Block, Lab, Limits, Pipette, Place, ReaderSpec, RobotType
from sdl.chemistry.recipe import Run, TimedStep
from sdl.errors import Refused
from sdl.lab.analysis import default_analyzer

SLOTS: dict[RobotType, dict[str, str]] = {
    "Flex": {"vials": "D1", "stocks": "C2", "stocks/B1": "C1", "cell": "C3", "dye": "B3", "fine": "A1", "coarse": "D3"},
    "OT-2": {"vials": "10", "stocks": "5", "stocks/B1": "4", "cell": "6", "dye": "3", "fine": "7", "coarse": "9"},
}
PIPETTES: dict[RobotType, tuple[tuple[str, float, float, str], ...]] = {
    "Flex": (
        ("flex_1channel_50", 5, 50, "flex_96_tiprack_50ul"),
        ("flex_1channel_1000", 5, 1000, "flex_96_tiprack_1000ul"),
    ),
    "OT-2": (("p20_single_gen2", 1, 20, "96_tiprack_20ul"), ("p1000_single_gen2", 100, 1000, "96_tiprack_1000ul")),
}


def bench_of(robot_type: RobotType) -> Lab:
    slots, (fine, coarse) = SLOTS[robot_type], PIPETTES[robot_type]
    deck = {
        "vials": Place(labware="sdl_24_vials_8ml", slot=slots["vials"], module="temperatureModuleV2", wells=24),
        "stocks": Place(labware="sdl_8_vials_20ml", slot=slots["stocks"], wells=8),
        "stocks/B1": Place(labware="sdl_1_bottle_250ml", slot=slots["stocks/B1"]),
        "cell": Place(labware="sdl_1_cell_port", slot=slots["cell"], drain="waste"),
        "dye": Place(labware="sdl_1_vial_8ml", slot=slots["dye"]),
        "waste": Place(labware="bottle", slot=""),
        "fine": Place(labware=f"opentrons_{fine[3]}", slot=slots["fine"], wells=96),
        "coarse": Place(labware=f"opentrons_{coarse[3]}", slot=slots["coarse"], wells=96),
    }
    pipettes = tuple(
        Pipette(
            mount=mount,
            name=p[0],
            min_ul=p[1],
            max_ul=p[2],
            tip_ul=p[2],
            air_gap_ul=gap,
            resolution_ul=0.1,
            tip_racks=(rack,),
        )
        for mount, p, gap, rack in (("left", fine, 2.0, "fine"), ("right", coarse, 20.0, "coarse"))
    )
    return Lab(
        name="small",
        robot="simulated",
        robot_type=robot_type,
        pipettes=pipettes,
        deck=deck,
        blocks=(Block(rack="vials", low_c=25, high_c=60),),
        reader=ReaderSpec(kind="simulated"),
        limits=Limits(
            max_temperature_c=60,
            boiling_margin_c=20,
            max_fill_fraction=0.8,
            max_hexane_fraction=0.2,
            max_flow_rate_ul_s=200,
            max_run_h=24,
            max_delay_s=10,
            waste_ul=100_000,
            clearance_mm=10,
            max_calibration_age_h=2160,
            max_lamp_h=1000,
        ),
    )


def three_wells() -> Run:
    """Blank and dye, then diluent, Cs, Pb, a read, the quench and a read for each of three wells."""
    wells = ("vials/A1", "vials/A2", "vials/A3")
    steps = [*look("stocks/B1", "blank"), *look("dye", "dye")]
    for source, volume_ul, pipette in (("stocks/B1", 2500.0, "right"), ("stocks/A1", 62.5, "left")):
        for well in wells:
            steps.append(TimedStep(action="dispense", well=well, source=source, volume_ul=volume_ul, pipette=pipette))
    for at_s, action, source in ((600.0, "inject", "stocks/A2"), (1200.5, "quench", "stocks/A4")):
        for n, well in enumerate(wells):
            start = at_s + 150.0 * n
            times = {"at_s": start, "earliest_s": start, "latest_s": start + 20}
            steps.append(TimedStep(action=action, well=well, source=source, volume_ul=80, pipette="left", **times))
            steps.append(TimedStep(action="mix", well=well, source=well, volume_ul=500, pipette="right", times=2))
            steps += look(well, "sample", start + 90.0)
    steps.append(TimedStep(action="inject", well=wells[0], source="stocks/A3", volume_ul=10, pipette="left"))
    steps.append(TimedStep(action="mix", well=wells[0], source=wells[0], volume_ul=15, pipette="left", times=1))
    return Run(
        wells={f"c-{n:04d}": well for n, well in enumerate(wells)},
        recipes={},
        steps=tuple(steps),
        temperatures_c={"vials": 40.0},
        duration_s=2000.0,
        draws_ul={},
        tips={},
        waste_ul=0.0,
    )


def look(source: str, label: str, at_s: float | None = None) -> list[TimedStep]:
    read = TimedStep(action="read", well="cell", source=source, volume_ul=120, pipette="right", label=label, at_s=at_s)
    return [read, *[TimedStep(action="rinse", well="cell", source="stocks/B1", volume_ul=150, pipette="right")] * 2]


@pytest.fixture
def bench() -> Callable[[RobotType], Lab]:
    return bench_of


@pytest.fixture
def run() -> Run:
    return three_wells()


@pytest.fixture(scope="session")
def analyzer() -> Path:
    try:
        return default_analyzer()
    except Refused as exc:
        pytest.skip(f"not shown: {exc}")
