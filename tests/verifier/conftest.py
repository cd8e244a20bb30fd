"""Two recorded command lists (three wells, on a Flex and on an OT-2) and the benches they are allowed on."""

from __future__ import annotations

import copy
import functools
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdl.verifier import Bench, Liquid, Pipette, TipRack, Vessel, definition_hash
from tests.benches import ROOT

Commands = list[dict[str, Any]]

DATA = Path(__file__).parent / "data"
RACK = frozenset(f"{row}{column}" for row in "ABCD" for column in range(1, 7))
STOCKS = frozenset(f"{row}{column}" for row in "AB" for column in range(1, 5))
TIPS = frozenset(f"{row}{column}" for row in "ABCDEFGH" for column in range(1, 13))
SLOTS = {"flex": ("D1", "C2", "C1", "C3", "B3", "A1", "D3"), "ot-2": ("10", "5", "4", "6", "3", "7", "9")}


@functools.cache
def _text(name: str) -> bytes:
    return gzip.decompress((DATA / f"{name}.json.gz").read_bytes())


def recorded(robot: str) -> Commands:
    """Return a fresh copy of the list that analysis gave for ``robot``."""
    commands: Commands = json.loads(_text(robot))
    return commands


@functools.cache
def digest(labware: str) -> str:
    """Return the hash of one of the project's labware files."""
    text = (ROOT / "protocols" / "labware" / f"{labware}.json").read_text(encoding="utf-8")
    return definition_hash(json.loads(text))


def scripted(name: str) -> Commands:
    """Return a fresh copy of the recorded analysis of one of `tests.verifier.scripts`."""
    return copy.deepcopy(_scripted()[name])


@functools.cache
def _scripted() -> dict[str, Commands]:
    lists: dict[str, Commands] = json.loads(_text("scripts"))
    return lists


def allowed(robot: str) -> Bench:
    """Return the bench of tests/protocols in the verifier's words, written by hand."""
    vials, stocks, bottle, cell, dye, fine, coarse = SLOTS[robot]
    contains = {"A1": {"Cs": 20.0}, "A2": {"Pb": 40.0, "TOPO": 200.0}, "A3": {"TOPO": 200.0}, "A4": {"lecithin": 66.0}}
    hexane = {
        well: Liquid(volume_ul=10_000, solvents={"hexane": 1.0}, species_mmol_l=species)
        for well, species in contains.items()
    }
    sample = {f"vials/A{n}": 2 * 120.0 for n in (1, 2, 3)}
    made = {"stocks/B1": 2500.0, "stocks/A1": 62.5, "stocks/A2": 80.0, "stocks/A4": 80.0}
    flex = robot == "flex"
    return Bench(
        vessels={
            "vials": Vessel(
                labware="sdl_24_vials_8ml",
                definition_sha256=digest("sdl_24_vials_8ml"),
                slot=vials,
                module="temperatureModuleV2",
                wells=RACK,
                depth_mm=58.5,
                area_mm2=167.4,
                neck_mm=14.6,
                capacity_ul=8000,
                dead_ul=200,
            ),
            "stocks": Vessel(
                labware="sdl_8_vials_20ml",
                definition_sha256=digest("sdl_8_vials_20ml"),
                slot=stocks,
                wells=STOCKS,
                depth_mm=58.5,
                area_mm2=506.7,
                neck_mm=25.4,
                capacity_ul=24_000,
                dead_ul=600,
                holds=hexane,
            ),
            "stocks/B1": Vessel(
                labware="sdl_1_bottle_250ml",
                definition_sha256=digest("sdl_1_bottle_250ml"),
                slot=bottle,
                wells=frozenset({"A1"}),
                depth_mm=92,
                area_mm2=3318,
                neck_mm=65,
                capacity_ul=250_000,
                dead_ul=4000,
                holds={"A1": Liquid(volume_ul=100_000, solvents={"chlorobenzene": 1.0})},
            ),
            "cell": Vessel(
                labware="sdl_1_cell_port",
                definition_sha256=digest("sdl_1_cell_port"),
                slot=cell,
                wells=frozenset({"A1"}),
                depth_mm=10,
                area_mm2=100.3,
                neck_mm=11.3,
                capacity_ul=1000,
                drains=True,
            ),
            "dye": Vessel(
                labware="sdl_1_vial_8ml",
                definition_sha256=digest("sdl_1_vial_8ml"),
                slot=dye,
                wells=frozenset({"A1"}),
                depth_mm=58.5,
                area_mm2=167.4,
                neck_mm=14.6,
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
        windows_s={text: (at_s, at_s + 20) for text, at_s in timed()},
        min_growth_s={f"vials/A{n}": 600.0 for n in (1, 2, 3)},
        open_vessel_c={"hexane": 35, "chlorobenzene": 60, "ethanol": 35},
        lel_ul={"hexane": 11_800, "chlorobenzene": 10_800, "ethanol": 15_800},
        airflow=True,
        never_together=frozenset({frozenset({"TMS2S", "ethanol"})}),
        max_umol={"Cs": 1000, "Pb": 1000, "TOPO": 5000, "lecithin": 1000},
        boiling_c={"hexane": 69, "chlorobenzene": 132, "ethanol": 78},
        max_temperature_c=60,
        boiling_margin_c=20,
        max_fill_fraction=0.8,
        max_flow_rate_ul_s=200,
        max_delay_s=10,
        max_run_s=24 * 3600,
        waste_ul=20_000,
        max_fraction={"hexane": 0.2},
    )


def timed() -> list[tuple[str, float]]:
    """Every timed hand-shake of the run and its moment."""
    starts = [("inject", n, 600 + 150 * (n - 1)) for n in (1, 2, 3)]
    starts += [("quench", n, 1200.5 + 150 * (n - 1)) for n in (1, 2, 3)]
    visits = [(*visit(at_s, action, n)[:2], at_s) for action, n, at_s in starts]
    return [(text, moment) for step, read, at_s in visits for text, moment in ((step, at_s), (read, at_s + 90))]


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


def sound(name: str) -> Bench:
    """Return the bench on which the sound script ``name`` of `tests.verifier.scripts` is allowed."""
    ot2 = allowed("ot-2")
    free = replace(ot2.vessels["vials"], slot="4", module="")
    medium = Liquid(volume_ul=10_000, solvents={"chlorobenzene": 1.0})
    holds = {"A1": replace(medium, species_mmol_l={"Cs": 20.0}), "A2": medium}
    stocks = replace(ot2.vessels["stocks"], holds=holds)
    racks: dict[str, dict[str, Vessel]] = {
        "shared": {"vials": free},
        "diluted": {"vials": free},
        "shaken": {"vials": replace(free, slot="10", module="heaterShakerModuleV1", capacity_ul=8000)},
        "two blocks": {f"vials{n}": replace(ot2.vessels["vials"], slot=slot) for n, slot in ((1, "10"), (2, "1"))},
    }
    plans: dict[str, dict[str, dict[str, float]]] = {
        "shared": {f"vials/A{n}": {"stocks/A1": 250.0} for n in (1, 2, 3)},
        "diluted": {"vials/D6": {"stocks/A2": 900.0, "stocks/A1": 100.0}}
        | {f"vials/A{n}": {"vials/D6": 150.0} for n in (1, 2)},
        "shaken": {"vials/A1": {"stocks/A1": 800.0}},
        "two blocks": {f"vials{n}/A1": {"stocks/A1": 500.0} for n in (1, 2)},
    }
    return replace(
        ot2,
        vessels={"stocks": stocks, **racks[name]},
        tip_racks={"coarse": replace(ot2.tip_racks["coarse"], slot="9")},
        pipettes={"right": ot2.pipettes["right"]},
        delivered_ul=plans[name],
        pauses=(),
        windows_s={},
        min_growth_s={},
        max_shake_rpm=500.0,
        max_fill_shaken_fraction=0.6,
    )


def base(name: str) -> tuple[Commands, Bench]:
    """Return a sound recorded list and its bench."""
    if name in ("flex", "ot-2"):
        return recorded(name), allowed(name)
    if name == "half shaken":
        return scripted("shaken"), replace(sound("shaken"), max_fill_shaken_fraction=0.09)
    return scripted(name), sound(name)
