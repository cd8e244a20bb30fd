"""The fifteen hazards that Opentrons analysis passes are refused, each by its own message (reliability notes, 0.1)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sdl.errors import Refused, Unsafe
from sdl.lab.analysis import default_analyzer
from sdl.verifier import Bench, Liquid, Pipette, TipRack, Vessel, command_hash, definition_hash, verify
from tests.verifier.conftest import TIPS, Commands, allowed, recorded, scripted
from tests.verifier.mutations import every
from tests.verifier.scripts import HAZARDS, SOUND, analysed

WELLS = frozenset(f"{row}{column}" for row in "ABCDEFGH" for column in range(1, 13))


def plate_bench(commands: Commands, name: str) -> Bench:
    """Return a bench with a 360 uL plate, a reservoir and P300 tips, whose plan is the hazard's own."""
    digests = {
        c["params"]["loadName"]: definition_hash(c["result"]["definition"]) for c in every(commands, "loadLabware")
    }
    stock = Liquid(volume_ul=50.0 if name == "H3" else 10_000.0, solvents={"chlorobenzene": 1.0})
    prior = {"H2": 200.0, "H4": 5000.0, "H13": 100.0}.get(name, 0.0)
    reservoir, plate = "nest_12_reservoir_15ml", "corning_96_wellplate_360ul_flat"
    plates = Vessel(
        labware=plate,
        definition_sha256=digests.get(plate, "?"),
        slot="2",
        wells=WELLS,
        depth_mm=10.67,
        area_mm2=37.1,
        neck_mm=6.86,
        capacity_ul=360,
        holds={"A1": Liquid(volume_ul=prior, solvents={"chlorobenzene": 1.0})} if prior else {},
    )
    return replace(
        allowed("ot-2"),
        vessels={
            "plate": plates,
            "warm": replace(plates, slot="10", module="temperatureModuleV2"),
            "stock": Vessel(
                labware=reservoir,
                definition_sha256=digests.get(reservoir, "?"),
                slot="3",
                wells=frozenset(f"A{n}" for n in range(1, 13)),
                depth_mm=26.85,
                area_mm2=8.2 * 71.2,
                neck_mm=8.2,
                capacity_ul=15_000,
                holds={f"A{n}": stock for n in (1, 2)},
            ),
        },
        tip_racks={"tips": TipRack(labware="opentrons_96_tiprack_300ul", slot="1", tip_ul=300, fresh=TIPS)},
        pipettes={"left": Pipette(name="p300_single_gen2", min_ul=20, max_ul=300, racks=("tips",))},
        delivered_ul={
            "H1": {"plate/A1": {"stock/A1": 1000.0}},
            "H2": {"plate/A1": {"stock/A1": 1000.0}},
            "H10": {"plate/A1": {"stock/A1": 50.0, "stock/A2": 50.0}},
            "H4": {"plate/B1": {"stock/A1": 100.0}},
            "H3": {"plate/A1": {"stock/A1": 300.0}},
            "H5": {"plate/A1": {"stock/A1": 1.0}},
        }.get(name, {"plate/A1": {"stock/A1": 100.0}} if name in ("H6", "H9") else {}),
        pauses=(),
        windows_s={},
        max_fraction={},
        max_temperature_c=95,
    )


SAYS = {
    "H1": r"fills plate/A1 to 400 uL, limit 288; use less or a larger vessel",
    "H2": r"fills plate/A1 to 1200 uL, 200 uL of it from before, limit 288; use less or a larger vessel",
    "H3": r"aspirate: leaves -250 uL in stock/A1, 0 cannot be drawn; refill it",
    "H4": r"loadLiquid: declares 5000 uL in plate/A1, which may hold 288; correct the protocol",
    "H5": r"aspirate: 1 uL is below the pipette's minimum of 20; use a finer pipette",
    "H6": r"aspirate: goes to -20 mm above the bottom, limit 0.5 mm; raise it",
    "H7": r"waits -5 s; a delay must be above zero",
    "H8": r"waits 1e\+12 s, limit 10; use a timed step",
    "H9": r"aspirate: 1e\+06 uL/s, limit 200; slow down",
    "H10": r"aspirate: the tip touched stock/A1 and now enters stock/A2; take a fresh tip",
    "H11": r"at the end: a tip is still on; drop it",
    "H12": r"at the end: the block in slot 10 is still set to 90 degC; deactivate it",
    "H13": r"warm/A1 is mostly chlorobenzene at 94 degC, an open vessel of it stands 60; lower the temperature",
    "H14": r"aspirate: 0 uL at 100 uL/s; both must be above zero, remove the row",
    "H15": r"unknown command 'absorbanceReader/initialize'; it is not on the list of what the verifier knows",
}


@pytest.mark.parametrize("name", HAZARDS)
def test_a_hazard_that_analysis_passes_is_refused_by_its_own_message(name: str) -> None:
    commands = scripted(name)
    with pytest.raises(Unsafe, match=SAYS[name]) as refused:
        verify(commands, plate_bench(commands, name))
    others = [text for other, text in SAYS.items() if other != name]
    assert not [text for text in others if re.search(text, str(refused.value))]


def test_the_recorded_lists_are_what_analysis_says_today() -> None:
    """Analysis may change with its version; then the recorded lists must be made again."""
    try:
        default_analyzer()
    except Refused as exc:
        pytest.skip(f"not shown: {exc}")
    assert command_hash(analysed("diluted")) == command_hash(scripted("diluted"))
    assert set(SOUND) | set(HAZARDS) == {*SOUND, *SAYS}
    assert len(recorded("flex")) == 405


def test_a_list_of_newer_software_that_says_the_same_has_the_same_hash() -> None:
    """opentrons 9.0.0 writes ``volumeOffset`` 0 where robot-server 8.1.0 writes nothing; any other depth differs."""

    def stroke(**more: float) -> list[dict[str, object]]:
        where = {"origin": "bottom", "offset": {"x": 0.0, "y": 0.0, "z": 1.0}, **more}
        return [{"commandType": "aspirate", "params": {"volume": 50.0, "wellLocation": where}}]

    assert command_hash(stroke(volumeOffset=0.0)) == command_hash(stroke())
    assert command_hash(stroke(volumeOffset=-1.0)) != command_hash(stroke())
