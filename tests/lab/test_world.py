"""What is physically in the vials: mole balance, growth from what is really there, quench by what is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sdl.bench import CARRY_OVER
from sdl.lab.commands import Dispensed, Spot
from sdl.lab.virtual.chemistry import Growth, Mix
from sdl.lab.virtual.clock import EPOCH_S, VirtualClock
from sdl.lab.virtual.journal import Journal
from sdl.lab.virtual.spectrometer import Spectrometer
from sdl.lab.virtual.world import Vessel, World
from sdl.spectra.trust import left_over
from tests.lab.command_lists import DECK
from tests.lab.conftest import LOAD

WELL = ("vials", "A1")


class Place:
    """A world of its own, and the wells whose growth it began."""

    def __init__(self, folder: Path, seed: int = 7, load: Mapping[str, Mapping[str, Any]] = LOAD) -> None:
        self.folder = folder
        self.clock = VirtualClock()
        self.begun: list[tuple[Vessel, Growth]] = []
        self.journal = Journal(folder / "journal.jsonl")
        self.world = World(
            seed=seed, deck=DECK, load=load, room_c=25.0, clock=self.clock, journal=self.journal, begin=self.begin
        )

    def begin(self, vessel: Vessel, location: str) -> Growth:
        assert location == "vials/A1"
        cs, pb, topo, dopa = (vessel.mmol_l(s) / 1000.0 for s in ("Cs", "Pb", "TOPO", "DOPA"))
        made = Growth(Mix(cs_mol_l=cs, pb_mol_l=pb, topo_mol_l=topo, dopa_mol_l=dopa))
        self.begun.append((vessel, made))
        return made

    def journal_moves(self) -> list[dict[str, Any]]:
        lines = (self.folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
        return [entry for entry in map(json.loads, lines) if entry["kind"] == "move"]

    def pour(self, source: tuple[str, str], dest: tuple[str, str], volume_ul: float, wait_s: float = 1.0) -> None:
        self.clock.advance(wait_s)
        spots = [Spot(slot=DECK[n].slot, labware=DECK[n].labware, well=w) for n, w in (source, dest)]
        self.world.happens(Dispensed(index=0, source=spots[0], well=spots[1], volume_ul=volume_ul, mount="left"))


CS, PB, LECITHIN, MEDIUM, CELL = (
    ("stocks", "A1"),
    ("stocks", "A2"),
    ("stocks", "A4"),
    ("stocks/B1", "A1"),
    ("cell", "A1"),
)


def _mixed(place: Place) -> None:
    place.pour(MEDIUM, WELL, 3000.0)
    place.pour(CS, WELL, 40.0)
    place.pour(PB, WELL, 40.0)
    place.pour(PB, WELL, 40.0, wait_s=5.0)


def test_growth_starts_when_lead_meets_caesium_and_counts_every_stroke(tmp_path: Path) -> None:
    place = Place(tmp_path)
    _mixed(place)
    assert place.begun == [], "nobody looked yet"
    place.pour(WELL, CELL, 120.0, wait_s=300.0)
    ((vessel, growth),) = place.begun
    assert vessel.started_s == EPOCH_S + 3.0
    cv = 0.015 * 4
    mix = growth.state.mix
    assert mix.cs_mol_l == pytest.approx(2.564e-4, rel=cv)
    assert mix.pb_mol_l == pytest.approx(1.026e-3, rel=cv)
    assert mix.topo_mol_l == pytest.approx(5.128e-3, rel=cv)
    assert place.world.cell.growth is growth
    assert place.world.waste_ul == pytest.approx(120.0, rel=cv)
    place.pour(MEDIUM, CELL, 150.0)
    assert place.world.cell.growth is None
    place.journal.close()


def test_a_rinse_that_was_skipped_or_too_small_is_seen_as_carry_over(tmp_path: Path) -> None:
    place = Place(tmp_path)
    spectrometer = Spectrometer(7, ("absorption",))
    dark, blank = spectrometer.dark(0.0), spectrometer.look("blank", 1.0, "blank")

    def left(now_s: float) -> float:
        (_, cell), *before = place.world.look("blank")
        remains = [(part, vessel.growth or "blank") for part, vessel in before]
        return left_over(spectrometer.look(cell.growth or "blank", now_s, "sample", remains), dark, blank)

    _mixed(place)
    place.pour(WELL, CELL, 120.0, wait_s=1800.0)
    place.begun[0][1].advance(1800.0)
    assert left(2.0) > CARRY_OVER
    place.pour(MEDIUM, CELL, 20.0)
    assert left(3.0) > CARRY_OVER
    for _ in range(2):
        place.pour(MEDIUM, CELL, 150.0)
    assert abs(left(4.0)) < CARRY_OVER
    place.journal.close()


def test_withdrawn_aliquots_count_in_the_quench_and_its_strokes_add_up(tmp_path: Path) -> None:
    place = Place(tmp_path)
    _mixed(place)
    place.pour(WELL, CELL, 1560.0, wait_s=100.0)  # half of the well goes
    place.pour(LECITHIN, WELL, 10.0, wait_s=200.0)
    ((_, growth),) = place.begun
    growth.advance(400.0)
    assert growth.state.since_quench_s == pytest.approx(95.0)
    assert growth.state.quench_ratio == pytest.approx(0.5, rel=0.08)
    place.pour(LECITHIN, WELL, 10.0)
    assert growth.state.since_quench_s == pytest.approx(95.0)
    assert growth.state.quench_ratio == pytest.approx(1.0, rel=0.08)
    place.journal.close()


def test_lecithin_that_comes_before_the_lead_quenches_from_the_start(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for stock in (MEDIUM, CS, LECITHIN, PB, WELL):
        place.pour(stock, CELL if stock == WELL else WELL, 40.0)
    assert [growth.state.since_quench_s for _, growth in place.begun] == [0.0]
    place.journal.close()


def test_nothing_is_created_and_a_seed_repeats_itself(tmp_path: Path) -> None:
    ends = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        place = Place(tmp_path / name)
        before = sum(place.world.volumes_ul().values())
        _mixed(place)
        ends.append(place.world.volumes_ul())
        assert sum(ends[-1].values()) == pytest.approx(before)
        place.journal.close()
    assert ends[0] == ends[1]
    other = Place(tmp_path, seed=8)
    _mixed(other)
    assert other.world.volumes_ul() != ends[0]
    other.journal.close()


def test_a_stock_loses_solvent_with_time_and_keeps_what_is_dissolved(tmp_path: Path) -> None:
    load = {**LOAD, "stocks/A1": {**LOAD["stocks/A1"], "loss_ul_h": 80.0}}
    place = Place(tmp_path, load=load)
    place.pour(CS, WELL, 40.0, wait_s=10 * 3600.0)
    poured = place.journal_moves()[-1]["volume_ul"]
    assert place.world.volumes_ul()["stocks/A1"] == pytest.approx(20_000.0 - 800.0 - poured, abs=0.5)
    place.pour(MEDIUM, WELL, 3000.0)
    place.pour(PB, WELL, 80.0)
    place.pour(WELL, CELL, 100.0)
    (vessel, _) = place.begun[0]
    taken_ul = place.journal_moves()[-1]["volume_ul"]
    before = vessel.umol["Cs"] * (vessel.volume_ul + taken_ul) / vessel.volume_ul
    assert before == pytest.approx(20.0 * 20_000.0 / 19_200.0 * poured / 1000.0, rel=1e-9)
    place.journal.close()


def test_a_refilled_stock_is_fresh_and_of_the_lot_that_was_brought(tmp_path: Path) -> None:
    load = {**LOAD, "stocks/A1": {**LOAD["stocks/A1"], "loss_ul_h": 80.0}}
    place = Place(tmp_path, load=load)
    place.clock.advance(10 * 3600.0)
    assert place.world.refill("stocks/A1", "2026-11-20")
    place.pour(CS, WELL, 40.0)
    left_ul = 20_000.0 - place.journal_moves()[-1]["volume_ul"]
    assert place.world.volumes_ul()["stocks/A1"] == pytest.approx(left_ul, abs=0.05)
    place.pour(PB, WELL, 80.0)
    place.pour(WELL, CELL, 100.0)
    assert "2026-11-20" in place.begun[0][0].lots
    place.journal.close()


def test_a_lab_that_was_killed_finds_its_stocks_as_dry_as_they_were(tmp_path: Path) -> None:
    load = {**LOAD, "stocks/A1": {**LOAD["stocks/A1"], "loss_ul_h": 80.0}}
    place = Place(tmp_path, load=load)
    for hours in (1.0, 7.0, 0.5):
        place.pour(CS, WELL, 40.0, wait_s=hours * 3600.0)
    before = place.world.volumes_ul()
    place.journal.close()
    again = Place(tmp_path, load=load)
    assert again.world.volumes_ul() == before
    again.journal.close()
