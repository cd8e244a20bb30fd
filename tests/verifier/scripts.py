"""Protocols that Opentrons analysis passes: fifteen hazards, and four sound runs the shipped script has no rows for.

``python -m tests.verifier.scripts`` analyses them all with the checkout's analyzer and writes what the tests read.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

from sdl.lab.analysis import analyze, default_analyzer
from sdl.lab.protocol import labware_files

DATA = Path(__file__).parent / "data"

_OT2 = """
requirements = {"robotType": "OT-2", "apiLevel": "2.20"}

def add_parameters(parameters):
    parameters.add_csv_file(variable_name="steps", display_name="Steps", description="not used")

def run(protocol):
    tips = protocol.load_labware("opentrons_96_tiprack_300ul", "1")
    plate = protocol.load_labware("corning_96_wellplate_360ul_flat", "2")
    stock = protocol.load_labware("nest_12_reservoir_15ml", "3")
    pipette = protocol.load_instrument("p300_single_gen2", "left", tip_racks=[tips])
    pipette.flow_rate.aspirate = pipette.flow_rate.dispense = 100
    liquid = lambda name: protocol.define_liquid(name, name, "#123456")
    def carry(volume, source, dest):
        pipette.pick_up_tip()
        pipette.aspirate(volume, source.bottom(2))
        pipette.dispense(volume, dest.top(-2))
        pipette.drop_tip()
"""

_FLEX = """
requirements = {"robotType": "Flex", "apiLevel": "2.21"}

def add_parameters(parameters):
    parameters.add_csv_file(variable_name="steps", display_name="Steps", description="not used")

def run(protocol):
"""

_VIALS = """
requirements = {"robotType": "OT-2", "apiLevel": "2.20"}

def add_parameters(parameters):
    parameters.add_csv_file(variable_name="steps", display_name="Steps", description="not used")

def run(protocol):
    ours = dict(namespace="custom_beta", version=1)
    tips = protocol.load_labware("opentrons_96_tiprack_1000ul", "9")
    stocks = protocol.load_labware("sdl_8_vials_20ml", "5", **ours)
    pipette = protocol.load_instrument("p1000_single_gen2", "right", tip_racks=[tips])
    pipette.flow_rate.aspirate = pipette.flow_rate.dispense = pipette.flow_rate.blow_out = 150
"""

HAZARDS = {
    "H1": _OT2 + "    for _ in range(5): carry(200, stock['A1'], plate['A1'])",
    "H2": _OT2
    + "    plate['A1'].load_liquid(liquid('buffer'), 200)\n    for _ in range(5): carry(200, stock['A1'], plate['A1'])",
    "H3": _OT2 + "    stock['A1'].load_liquid(liquid('lead'), 50)\n    carry(300, stock['A1'], plate['A1'])",
    "H4": _OT2 + "    plate['A1'].load_liquid(liquid('buffer'), 5000)\n    carry(100, stock['A1'], plate['B1'])",
    "H5": _OT2 + "    carry(1, stock['A1'], plate['A1'])",
    "H6": _OT2
    + "    pipette.pick_up_tip()\n    pipette.aspirate(100, stock['A1'].bottom(-20))\n"
    + "    pipette.dispense(100, plate['A1'].top(-2))\n    pipette.drop_tip()",
    "H7": _OT2 + "    protocol.delay(seconds=-5)",
    "H8": _OT2 + "    protocol.delay(seconds=1e12)",
    "H9": _OT2 + "    pipette.flow_rate.aspirate = 1e6\n    carry(100, stock['A1'], plate['A1'])",
    "H10": _OT2
    + "    pipette.pick_up_tip()\n    for source in ('A1', 'A2'):\n"
    + "        pipette.aspirate(50, stock[source].bottom(2))\n        pipette.dispense(50, plate['A1'].top(-2))\n"
    + "    pipette.drop_tip()",
    "H11": _OT2 + "    pipette.pick_up_tip()\n    pipette.aspirate(100, stock['A1'].bottom(2))",
    "H12": _OT2 + "    protocol.load_module('temperatureModuleV2', '10').set_temperature(90)",
    "H13": _OT2
    + "    block = protocol.load_module('temperatureModuleV2', '10')\n"
    + "    block.load_labware('corning_96_wellplate_360ul_flat')\n"
    + "    block.set_temperature(94)\n    block.deactivate()",
    "H14": _OT2 + "    carry(0, stock['A1'], plate['A1'])",
    "H15": _FLEX
    + "    reader = protocol.load_module('absorbanceReaderV1', 'D3')\n    reader.close_lid()\n"
    + "    reader.initialize('single', [510])",
}
"""H1-H15 of the reliability notes: each is analysed to its end with result "ok"."""

SOUND = {
    # one draw into three vials, the rest blown back into the stock, from above all along
    "shared": _VIALS
    + """
    vials = protocol.load_labware("sdl_24_vials_8ml", "4", **ours)
    pipette.pick_up_tip()
    pipette.aspirate(900, stocks["A1"].bottom(1))
    for well in ("A1", "A2", "A3"):
        pipette.dispense(250, vials[well].top(-5))
    pipette.blow_out(stocks["A1"].top(-5))
    pipette.drop_tip()
""",
    # a stock diluted in a vial, mixed, and that dilution drawn for two others
    "diluted": _VIALS
    + """
    vials = protocol.load_labware("sdl_24_vials_8ml", "4", **ours)
    for volume, source in ((900, "A2"), (100, "A1")):
        pipette.pick_up_tip()
        pipette.aspirate(volume, stocks[source].bottom(1))
        pipette.air_gap(20)
        pipette.dispense(volume + 20, vials["D6"].top(-5))
        pipette.drop_tip()
    pipette.pick_up_tip()
    pipette.mix(2, 400, vials["D6"].bottom(3))
    pipette.drop_tip()
    for well in ("A1", "A2"):
        pipette.pick_up_tip()
        pipette.aspirate(150, vials["D6"].bottom(1.5))
        pipette.dispense(150, vials[well].top(-5))
        pipette.drop_tip()
""",
    # a vial rack on a heater-shaker: dispensed still, shaken warm, opened and closed, read again
    "shaken": _VIALS
    + """
    shaker = protocol.load_module("heaterShakerModuleV1", "10")
    vials = shaker.load_labware("sdl_24_vials_8ml", **ours)
    shaker.close_labware_latch()
    shaker.set_and_wait_for_temperature(40)
    pipette.pick_up_tip()
    pipette.aspirate(800, stocks["A1"].bottom(1))
    pipette.dispense(800, vials["A1"].top(-5))
    pipette.drop_tip()
    shaker.set_and_wait_for_shake_speed(400)
    protocol.delay(seconds=5)
    shaker.deactivate_shaker()
    shaker.deactivate_heater()
    shaker.open_labware_latch()
""",
    # two racks on blocks of their own, at two temperatures
    "two blocks": _VIALS
    + """
    blocks = [protocol.load_module("temperatureModuleV2", slot) for slot in ("10", "1")]
    racks = [block.load_labware("sdl_24_vials_8ml", **ours) for block in blocks]
    for block, celsius in zip(blocks, (30, 45)):
        block.set_temperature(celsius)
    for rack in racks:
        pipette.pick_up_tip()
        pipette.aspirate(500, stocks["A1"].bottom(1))
        pipette.dispense(500, rack["A1"].top(-5))
        pipette.drop_tip()
    for block in blocks:
        block.deactivate()
""",
}


def analysed(name: str) -> list[dict[str, Any]]:
    """Return what the vendor's analysis says ``name`` does; it must pass."""
    with tempfile.TemporaryDirectory() as folder:
        protocol, csv = Path(folder, "protocol.py"), Path(folder, "steps.csv")
        protocol.write_text(({**HAZARDS, **SOUND})[name], encoding="utf-8")
        csv.write_text("none\n", encoding="utf-8")
        return analyze(protocol, labware_files(), csv, analyzer_python=default_analyzer()).commands


def record() -> None:
    """Analyse every script and write the lists, without what changes from one analysis to the next."""
    lists = {name: analysed(name) for name in ({**HAZARDS, **SOUND})}
    for command in (c for commands in lists.values() for c in commands):
        for key in ("createdAt", "startedAt", "completedAt", "key", "notes"):
            command.pop(key, None)
    with gzip.GzipFile(DATA / "scripts.json.gz", "wb", mtime=0) as file:
        file.write(json.dumps(lists, separators=(",", ":")).encode())


if __name__ == "__main__":
    record()
