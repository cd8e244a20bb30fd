"""How growth is drawn: the reads of every well, and what a watched well was forecast to become."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from sdl.attempt.growing import Decision
from sdl.report.curves import growth
from sdl.report.facts import Facts
from sdl.store import Store
from tests.report.synthetic_campaign import Make


def test_the_last_forecast_of_a_watched_well_stands_where_its_quench_was_decided(tmp_path: Path) -> None:
    with Store.open(tmp_path / "state", create=True) as store:
        make = Make(store=store)
        make.start()
        first, *_ = make.batch(1, ["sobol"] * 2, 0.0)
        for quench_s in (500.0, 432.0):
            said = Decision(quench_s=quench_s, moved=True, expected_nm=465.2, sd_nm=0.8, planned_nm=470.0, why="nearer")
            store.event("growth forecast", experiment=first.id, **asdict(said))
        drawn = growth(Facts.of(store))
    assert drawn is not None
    (diamond,) = [trace for trace in drawn.data if trace.name == f"{first.id} forecast"]
    assert diamond.x == pytest.approx([7.2]) and diamond.y == (465.2,)
    assert diamond.error_y.array == pytest.approx([1.96 * 0.8], rel=1e-3)
    assert diamond.marker.symbol == "diamond" and diamond.text == ("nearer",)
    assert drawn.layout.yaxis.title.text == "X1, forecast PL (nm)"
