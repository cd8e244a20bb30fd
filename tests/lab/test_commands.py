"""The reader of command lists: air is not liquid, and what it cannot understand it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdl.errors import Refused
from sdl.lab.commands import Aspirated, Discarded, Dispensed, Paused, TemperatureSet, TipTaken, Waited, events, executed
from tests.lab.command_lists import DECK, command, drop, liquid, opening, pause, stroke, tip

A1, WELL = ("stocks", "A1"), ("vials", "C4")


def _moved(commands: list[dict[str, object]]) -> list[tuple[str, str, float]]:
    return [(e.source.on(DECK), e.well.on(DECK), e.volume_ul) for e in events(commands) if isinstance(e, Dispensed)]


def test_an_air_gap_counts_as_air_not_as_liquid() -> None:
    found = events([*opening(), tip("A1"), *stroke(A1, WELL, 20.0), *drop()])
    assert [type(e) for e in found] == [TipTaken, Aspirated, Dispensed]
    assert found[1].volume_ul == found[2].volume_ul == 20.0  # type: ignore[union-attr]
    assert _moved([*opening(), tip("A1"), *stroke(A1, WELL, 20.0), *drop()]) == [("stocks/A1", "vials/C4", 20.0)]


def test_the_newer_air_gap_command_counts_as_air_too() -> None:
    air = command("airGapInPlace", pipetteId="left", volume=5.0)
    shot = [liquid("aspirate", *A1, 20.0), air, liquid("dispense", *WELL, 25.0)]
    assert _moved([*opening(), tip("A1"), *shot]) == [("stocks/A1", "vials/C4", 20.0)]


@given(st.lists(st.floats(1.0, 15.0), min_size=1, max_size=3), st.floats(0.5, 5.0))
def test_a_multi_dispense_gives_its_air_to_the_first_well_only(parts: list[float], air_ul: float) -> None:
    total = sum(parts)
    draw = [liquid("aspirate", *A1, total), liquid("aspirate", *A1, air_ul, z_mm=0.0)]
    shots = [liquid("dispense", "vials", f"A{i + 1}", v + (air_ul if i == 0 else 0.0)) for i, v in enumerate(parts)]
    moved = _moved([*opening(), tip("A1"), *draw, *shots])
    assert [v for _, _, v in moved] == pytest.approx(parts)


def test_a_mix_takes_from_and_gives_to_the_same_well() -> None:
    mix = [liquid("aspirate", *WELL, 40.0), liquid("dispense", *WELL, 40.0)]
    assert (
        _moved([*opening(), tip("A1"), *stroke(A1, WELL, 20.0), *mix * 3])[1:] == [("vials/C4", "vials/C4", 40.0)] * 3
    )


def test_what_is_blown_out_or_dropped_is_accounted_for() -> None:
    blow = command("blowout", pipetteId="left", labwareId="vials", wellName="A1")
    held = [*opening(), tip("A1"), liquid("aspirate", *A1, 20.0)]
    assert _moved([*held, blow]) == [("stocks/A1", "vials/A1", 20.0)]
    assert [e.volume_ul for e in events([*held, *drop()]) if isinstance(e, Discarded)] == [20.0]


def test_a_bottle_that_is_a_deck_item_hides_the_well_of_the_rack_with_its_name() -> None:
    assert _moved([*opening(), tip("A1"), *stroke(("stocks/B1", "A1"), WELL, 9.0)])[0][0] == "stocks/B1"
    with pytest.raises(Refused, match="hides"):
        _moved([*opening(), tip("A1"), *stroke(("stocks", "B1"), WELL, 9.0)])


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ([tip("A1"), liquid("aspirate", *A1, 9.0), liquid("aspirate", "stocks", "A2", 9.0)], "second source"),
        ([tip("A1"), liquid("aspirate", *A1, 9.0), liquid("dispense", *WELL, 9.1)], "more than the tip holds"),
        ([liquid("aspirate", *A1, 9.0)], "without a tip"),
        ([tip("A1"), tip("B1")], "over another"),
        ([tip("A1"), liquid("aspirate", "nowhere", "A1", 9.0)], "never loaded"),
        ([command("moveLabware", labwareId="vials")], "not known"),
    ],
    ids=["two sources", "too much", "no tip", "two tips", "no labware", "unknown command"],
)
def test_a_list_that_cannot_be_understood_is_refused(wrong: list[dict[str, object]], why: str) -> None:
    with pytest.raises(Refused, match=why):
        events([*opening(), *wrong])


def test_pauses_waits_and_heat_are_events_at_their_place_in_the_list() -> None:
    rest = [
        pause("AT 10 inject vials/C4"),
        command("waitForDuration", seconds=2.5),
        command("temperatureModule/setTargetTemperature", moduleId="heat", celsius=40.0),
        command("temperatureModule/deactivate", moduleId="heat"),
    ]
    n = len(opening())
    assert events([*opening(), *rest]) == [
        Paused(index=n, message="AT 10 inject vials/C4"),
        Waited(index=n + 1, seconds=2.5),
        TemperatureSet(index=n + 2, slot="D1", celsius=40.0),
        TemperatureSet(index=n + 3, slot="D1", celsius=None),
    ]


def test_only_succeeded_commands_of_a_run_moved_liquid() -> None:
    plan = [*opening(), tip("A1"), *stroke(A1, WELL, 20.0)]
    facts = [{k: v for k, v in c.items() if k != "result"} for c in plan]
    facts[-1]["status"] = "failed"
    merged = executed(plan, facts)
    assert _moved(merged) == []
    assert _moved(executed(plan, [*facts[:-1], {**facts[-1], "status": "succeeded"}])) != []


def test_a_run_that_is_not_the_analysed_list_is_refused() -> None:
    plan = [*opening(), tip("A1"), *stroke(A1, WELL, 20.0)]
    other = [*opening(), tip("A1"), *stroke(A1, WELL, 21.0)]
    with pytest.raises(Refused, match="not as analysed"):
        executed(plan, other)
    with pytest.raises(Refused, match="its analysis"):
        executed(plan, [*plan, pause("more")])
