"""What a plan promises the verifier: taken from the lab and the steps, and refused where a limit is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sdl.attempt.expectation import expected
from sdl.chemistry.compiler import Compiler
from sdl.errors import Unsafe
from sdl.verifier import Bench
from tests.benches import example

STEPS = """action,at_s,earliest_s,latest_s,well,stock,volume_ul,pipette,place,value
dispense,,,,vials/A1,stocks/B1,2500,right,,
inject,600,600,620,vials/A1,stocks/A2,80,left,,
mix,,,,vials/A1,vials/A1,400,right,,2
quench,1200,1100,1300,vials/A1,stocks/A4,40,left,,
read,1500,,,cell,vials/A1,120,right,,sample
"""


def promised(**of_lab: Any) -> Bench:
    campaign = example()
    assert campaign.lab is not None
    campaign = replace(campaign, lab=replace(campaign.lab, **of_lab))
    route = Compiler.of(campaign).route
    return expected(campaign, route, STEPS, held_ul={"stocks/A2": 5000.0}, tips_gone={"left": 97}, waste_ul=1000.0)


@pytest.mark.parametrize("missing", ["substances", "never_together"])
def test_a_lab_that_leaves_a_limit_out_approves_nothing(missing: str) -> None:
    with pytest.raises(Unsafe, match="a missing limit means refuse; state both"):
        promised(**{missing: None})


def test_windows_come_from_the_steps_and_one_without_stays_out() -> None:
    bench = promised()
    assert bench.windows_s == {
        "AT 600 inject vials/A1": (600.0, 620.0),
        "AT 1200 quench vials/A1": (1100.0, 1300.0),
    }
    assert bench.pauses[-2:] == ("AT 1500 read vials/A1", "READ sample vials/A1")
    assert bench.delivered_ul["vials/A1"] == {"stocks/B1": 2500.0, "stocks/A2": 80.0, "stocks/A4": 40.0}
    assert bench.min_growth_s == {"vials/A1": 40.0}  # the route's minute, less what a release may lead by


def test_stocks_tips_and_waste_come_from_the_ledger() -> None:
    bench = promised()
    lead = bench.vessels["stocks"].holds["A2"]
    assert lead.volume_ul == 5000.0 and lead.umol == pytest.approx({"Pb": 200.0, "TOPO": 1000.0})
    assert bench.tip_racks["tips50_1"].fresh == frozenset()
    assert bench.waste_ul == 900_000.0 - 1000.0
    assert {"hexane", "Cs", "ethanol"} <= bench.waste_holds
