"""Two recorded command lists (three wells, on a Flex and on an OT-2) and the benches they are allowed on."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sdl.verifier import Bench, Liquid, Pipette, TipRack, Vessel

Commands = list[dict[str, Any]]

DATA = Path(__file__).parent / "data"
RACK = frozenset(f"{row}{column}" for row in "ABCD" for column in range(1, 7))
STOCKS = frozenset(f"{row}{column}" for row in "AB" for column in range(1, 5))
TIPS = frozenset(f"{row}{column}" for row in "ABCDEFGH" for column in range(1, 13))
SLOTS = {"flex": ("D1", "C2", "C1", "C3", "B3", "A1", "D3"), "ot-2": ("10", "5", "4", "6", "3", "7", "9")}


def recorded(robot: str) -> Commands:
    """Return a fresh copy of the list that analysis gave for ``robot``."""
    with gzip.open(DATA / f"{robot}.json.gz", "rt", encoding="utf-8") as file:
        commands: Commands = json.load(file)
    return commands


def allowed(robot: str) -> Bench:
    """Return the bench of tests/protocols in the verifier's words, written by hand."""
    vials, stocks, bottle, cell, dye, fine, coarse = SLOTS[robot]
    hexane = {well: Liquid(volume_ul=10_000, solvents={"hexane": 1.0}) for well in ("A1", "A2", "A3", "A4")}
    sample = {f"vials/A{n}": 2 * 120.0 for n in (1, 2, 3)}
    made = {"stocks/B1": 2500.0, "stocks/A1": 62.5, "stocks/A2": 80.0, "stocks/A4": 80.0}
    flex = robot == "flex"
    return Bench(
        vessels={
            "vials": Vessel(
                labware="sdl_24_vials_8ml",
                slot=vials,
                module="temperatureModuleV2",
                wells=RACK,
                depth_mm=58.5,
                area_mm2=167.4,
                capacity_ul=8000,
                dead_ul=200,
            ),
            "stocks": Vessel(
                labware="sdl_8_vials_20ml",
                slot=stocks,
                wells=STOCKS,
                depth_mm=58.5,
                area_mm2=506.7,
                capacity_ul=24_000,
                dead_ul=600,
                holds=hexane,
            ),
            "stocks/B1": Vessel(
                labware="sdl_1_bottle_250ml",
                slot=bottle,
                wells=frozenset({"A1"}),
                depth_mm=92,
                area_mm2=3318,
                capacity_ul=250_000,
                dead_ul=4000,
                holds={"A1": Liquid(volume_ul=100_000, solvents={"chlorobenzene": 1.0})},
            ),
            "cell": Vessel(
                labware="sdl_1_cell_port",
                slot=cell,
                wells=frozenset({"A1"}),
                depth_mm=10,
                area_mm2=100.3,
                capacity_ul=1000,
                drains=True,
            ),
            "dye": Vessel(
                labware="sdl_1_vial_8ml",
                slot=dye,
                wells=frozenset({"A1"}),
                depth_mm=58.5,
                area_mm2=167.4,
                capacity_ul=8000,
                dead_ul=200,
                holds={"A1": Liquid(volume_ul=6000, solvents={"ethanol": 1.0})},
            ),
        },
        tip_racks={
            "fine": TipRack(
                labware="opentrons_flex_96_tiprack_50ul" if flex else "opentrons_96_tiprack_20ul",
                slot=fine,
                tip_ul=50 if flex else 20,
                fresh=TIPS,
            ),
            "coarse": TipRack(
                labware="opentrons_flex_96_tiprack_1000ul" if flex else "opentrons_96_tiprack_1000ul",
                slot=coarse,
                tip_ul=1000,
                fresh=TIPS,
            ),
        },
        pipettes={
            "left": Pipette(name="flex_1channel_50", min_ul=5, max_ul=50, racks=("fine",))
            if flex
            else Pipette(name="p20_single_gen2", min_ul=1, max_ul=20, racks=("fine",)),
            "right": Pipette(name="flex_1channel_1000", min_ul=5, max_ul=1000, racks=("coarse",))
            if flex
            else Pipette(name="p1000_single_gen2", min_ul=100, max_ul=1000, racks=("coarse",)),
        },
        trash="movableTrashA3" if flex else "fixedTrash",
        delivered_ul={
            "vials/A1": made | {"stocks/A3": 10.0},
            "vials/A2": made,
            "vials/A3": made,
            "cell": sample | {"dye": 120.0, "stocks/B1": 120.0 + 8 * 2 * 150.0},
        },
        pauses=(
            "READ blank stocks/B1",
            "READ dye dye",
            *(text for n in (1, 2, 3) for text in visit(600 + 150 * (n - 1), "inject", n)),
            *(text for n in (1, 2, 3) for text in visit(1200.5 + 150 * (n - 1), "quench", n)),
        ),
        boiling_c={"hexane": 69, "chlorobenzene": 132, "ethanol": 78},
        max_temperature_c=60,
        boiling_margin_c=20,
        max_fill_fraction=0.8,
        max_flow_rate_ul_s=200,
        max_delay_s=10,
        waste_ul=20_000,
        max_fraction={"hexane": 0.2},
    )


def visit(at_s: float, action: str, n: int) -> tuple[str, str, str]:
    return f"AT {at_s:g} {action} vials/A{n}", f"AT {at_s + 90:g} read vials/A{n}", f"READ sample vials/A{n}"


@pytest.fixture
def commands() -> Commands:
    return recorded("flex")


@pytest.fixture
def bench() -> Bench:
    return allowed("flex")


@pytest.fixture
def both() -> Callable[[str], tuple[Commands, Bench]]:
    return lambda robot: (recorded(robot), allowed(robot))
