"""Stocks on the deck of the built-in lab: they get stronger, are replaced, age, and are replaced by a new lot."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sdl.attempt import composition, consumables
from sdl.attempt.session import Session, open_session
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space
from sdl.cli import command
from sdl.config.load import load_campaign
from sdl.errors import NeedsPerson
from sdl.lab import simulated
from tests.flows.campaigns import campaign_file, journal

CAPPED_HEXANE_UL_H = 83.5
"""A tenth of 0.85 mL/h for 25 mm (chemical safety facts), for a mouth of 25.4 mm, as computed."""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    campaign = load_campaign(campaign_file(tmp_path))
    opened = dataclasses.replace(open_session(campaign, campaign.home), say=lambda _: None)
    try:
        consumables.load_stocks(opened)
        yield opened
    finally:
        opened.robot.close()
        opened.store.release()
        opened.store.close()
        simulated.end(opened.folder)


def later(session: Session, hours: float) -> None:
    session.clock.wait_until(session.clock.now_s() + hours * 3600.0)


def with_stock(session: Session, **changes: object) -> Session:
    stock = dataclasses.replace(session.campaign.stocks["Cs-DOPA"], **changes)  # type: ignore[arg-type]
    stocks = {**session.campaign.stocks, "Cs-DOPA": stock}
    return dataclasses.replace(session, campaign=dataclasses.replace(session.campaign, stocks=stocks))


def test_a_batch_is_compiled_with_the_concentration_that_evaporation_left(session: Session) -> None:
    later(session, 3.0)
    at = consumables.sources(session)
    stocks = composition.stocks_now(session, at)
    factor = 20_000.0 / (20_000.0 - 3 * CAPPED_HEXANE_UL_H)
    assert stocks["Cs-DOPA"].contains["Cs"] == pytest.approx(20.0 * factor, rel=1e-4)
    assert stocks["PbBr2-TOPO"].contains["TOPO"] == pytest.approx(200.0 * factor, rel=1e-4)
    assert consumables.left_ul(session)["stocks/A1"] == pytest.approx(20_000.0 - 3 * CAPPED_HEXANE_UL_H, rel=1e-4)
    now = composition.campaign_now(session, stocks)
    (design,) = design_space(now).sobol(1, seed=1)
    poured = Compiler.of(now).recipe(design)
    again = composition.compiler_of(session, composition.stocks_json(stocks, at)).recipe(design)
    assert again.transfers == poured.transfers
    ul = {t.stock: t.volume_ul for t in poured.transfers}
    cs_umol = ul["Cs-DOPA"] * 20.0 * factor / 1000.0
    assert poured.moles_umol["Cs"] == pytest.approx(cs_umol, rel=1e-4)


def test_past_two_per_cent_the_stock_is_replaced_before_the_next_batch(session: Session) -> None:
    later(session, 8.0)
    consumables.renew(session)
    asked = {r.what: r.detail["why"] for r in session.store.requests()}
    assert set(asked) == {"stocks/A1", "stocks/A2", "stocks/A4"}  # hexane; octane and chlorobenzene hardly move
    assert "limit is 2%" in asked["stocks/A1"]
    refills = [e["what"] for e in journal(session.folder) if e["kind"] == "refill"]
    assert refills == ["stocks/A1", "stocks/A2", "stocks/A4"]
    assert composition.standing(session)["stocks/A1"].factor < 1.001
    assert session.store.stock_left()["stocks/A1"] == 20_000.0
    consumables.renew(session)
    assert len(session.store.requests()) == 3


def test_a_lot_that_comes_of_age_during_a_campaign_stops_it_before_anything_moves(session: Session) -> None:
    made = (datetime.now(UTC) - timedelta(hours=20)).isoformat()
    dated = with_stock(session, lot="9", made=made, max_age_h=24.0)
    consumables.load_stocks(dated)
    consumables.renew(dated)
    later(dated, 4.1)
    with pytest.raises(NeedsPerson, match=r"Cs-DOPA, lot 9, is 24.1 h old, its max_age is 24.0 h: make a new lot"):
        consumables.renew(dated)


def test_a_new_lot_in_the_file_is_asked_for_loaded_and_travels(session: Session) -> None:
    later(session, 1.0)
    renewed = with_stock(session, lot="2026-11-20")
    consumables.load_stocks(renewed)
    (refill,) = [e for e in journal(session.folder) if e["kind"] == "refill"]
    assert (refill["what"], refill["lot"]) == ("stocks/A1", "2026-11-20")
    loads = [e.data for e in session.store.events(kinds=["stock loaded"])]
    assert (loads[-1]["stock"], loads[-1]["lot"]) == ("stocks/A1", "2026-11-20")
    at = consumables.sources(renewed)
    stored = composition.stocks_json(composition.stocks_now(renewed, at), at)
    assert stored["Cs-DOPA"]["lot"] == "2026-11-20"
    assert stored["Cs-DOPA"]["contains"]["Cs"] == pytest.approx(20.0, rel=1e-3)
    consumables.load_stocks(renewed)  # the same file again loads nothing
    assert len(session.store.events(kinds=["stock loaded"])) == len(loads)
    assert session.store.verify_chain() == []


def test_a_campaign_whose_species_nobody_modelled_is_refused_before_the_virtual_lab_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = {"DOPA: 75 mmol/L}": "DOPA: 75 mmol/L, OLA: 10 mmol/L}"}
    file = campaign_file(tmp_path, odd, {"substances: {Cs": "substances: {OLA: 2 mmol, Cs"})
    assert command(["run", str(file), "--runner", "plain"]) == 2
    said = capsys.readouterr().err
    assert "no chemistry for OLA" in said and "sdl plan" in said
    assert not (tmp_path / ".sdl").exists()
