"""The front of a trade-off: which wells no other beats, and where that is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdl.report.facts import Facts
from sdl.report.front import front, unbeaten
from sdl.report.page import render
from sdl.spectra.types import Features, Value
from sdl.store import NewExperiment, Store
from tests.report.synthetic_campaign import parsed

WELLS = {  # FWHM in nm (less is better), PLQY (more is better), PL peak in nm
    "narrow": (16.0, 0.50, 465.0),
    "between": (18.0, 0.70, 465.0),
    "bright": (22.0, 0.80, 465.0),
    "beaten": (19.0, 0.65, 465.0),
    "elsewhere": (15.0, 0.90, 480.0),
}


def traded(folder: Path, *, at_all: bool = True) -> Store:
    """Return a store with one well of each of ``WELLS``, whose campaign trades FWHM for PLQY."""
    store = Store.open(folder / "state", create=True)
    store.claim()
    asked = parsed("a trade-off")
    for name in ("fwhm_nm", "plqy") if at_all else ():
        asked["target"][name]["traded"] = True
    asked["target"]["fwhm_nm"]["high"] = 20.0
    store.save_campaign("campaign: traded\n", "ab" * 32, asked)
    new = [NewExperiment(kind="explore", suggestion={"design": {}, "why": w}, recipe={}) for w in WELLS]
    for e, (fwhm_nm, plqy, peak_nm) in zip(store.add_batch(1, new), WELLS.values(), strict=True):
        values = {"fwhm_nm": (fwhm_nm, 0.3), "plqy": (plqy, 0.02), "pl_peak_nm": (peak_nm, 0.2)}
        seen = Features(values={name: Value(value=v, sd=sd) for name, (v, sd) in values.items()})
        store.finish_experiment(e.id, {"design": {}}, seen, False)
    return store


def test_the_front_holds_the_wells_that_no_other_beats_and_that_meet_every_other_goal(tmp_path: Path) -> None:
    with traded(tmp_path) as store:
        facts = Facts.of(store)
        assert [e.suggestion["why"] for e in unbeaten(facts, facts.measured)] == ["narrow", "between", "bright"]
        drawn = front(facts)
        page = render(store)
    assert drawn is not None
    line, wells = drawn.data
    assert line.x == (16.0, 18.0, 22.0) and line.y == pytest.approx((50.0, 70.0, 80.0))
    assert line.line.shape == "hv"  # less FWHM is better: what a well beats lies to its right, and below
    assert wells.marker.opacity == (1.0, 1.0, 1.0, 1.0, 0.3)
    assert wells.error_y.array[0] == pytest.approx(1.96 * 2.0)
    shaded = next(s for s in drawn.layout.shapes if s.type == "rect")
    assert (shaded.x1, shaded.y0) == (20.0, 60.0)
    assert 'data-plot="plot-front"' in page and "The trade-off" in page


def test_goals_in_order_have_no_front(tmp_path: Path) -> None:
    with traded(tmp_path, at_all=False) as store:
        assert front(Facts.of(store)) is None
