"""What people want while a campaign runs: a pause lets the attempt end, a stop ends it where it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.crashes.world import Laboratory
from flows.steps import ARROWS
from sdl.attempt.consumables import load_stocks
from sdl.attempt.session import Session
from sdl.errors import Refused
from sdl.store import Attempt, Store


def _asking(verb: str, state: str) -> dict[str, object]:
    """Return the real steps, in which a person asks for ``verb`` as soon as the attempt is in ``state``."""
    step = ARROWS[state]

    def asked(session: Session, attempt: Attempt) -> None:
        if not session.store.events(kinds=["asked"]):
            session.store.ask(verb, "Mei", note="fire drill")
        step(session, attempt)

    return {**ARROWS, state: asked}


def _lived(tmp_path: Path, verb: str, state: str) -> tuple[Laboratory, Store]:
    laboratory = Laboratory(tmp_path / "lab", arrows=_asking(verb, state))  # type: ignore[arg-type]
    life = laboratory.live("start")
    assert life.wrong == ()
    return laboratory, Store.open(laboratory.folder, create=False)


def test_a_stop_stops_the_robot_where_it_is_and_leaves_the_wells_to_a_person(tmp_path: Path) -> None:
    laboratory, store = _lived(tmp_path, "stop", "VERIFY")
    with store:
        attempt = store.attempts()[0]
        said = store.events(kinds=["attempt lost sight of"])[-1].data["why"]
        assert [e.data["outcome"] for e in store.events(kinds=["acknowledged"])] == [
            "done: the robot was stopped where it was"
        ]
    assert laboratory.now.robot.runs[0].actions[-1] == "stop" and not laboratory.now.robot.heat
    assert attempt.state in ("CANCELLED", "FAILED_SAFE") and "stop wanted by Mei" in said and "fire drill" in said


def test_a_pause_lets_the_attempt_end_and_no_well_is_lost(tmp_path: Path) -> None:
    laboratory, store = _lived(tmp_path, "pause", "VERIFY")
    with store:
        assert [e.state for e in store.experiments()] == ["measured"]
        assert "stop" not in laboratory.now.robot.runs[0].actions


def test_another_volume_in_the_campaign_file_is_a_refill_once(tmp_path: Path) -> None:
    laboratory = Laboratory(tmp_path / "lab")
    with laboratory._session() as session:
        session.store.claim()
        load_stocks(session)
        session.store.draw_stock("stocks/A1", 5000.0, "test")
        load_stocks(session)
        assert session.store.stock_left()["stocks/A1"] == 15_000.0, "the same file refills nothing"
        stocks = dict(session.campaign.stocks)
        stocks["Cs-DOPA"] = replace(stocks["Cs-DOPA"], volume_ul=18_000.0)
        edited = replace(session, campaign=replace(session.campaign, stocks=stocks))
        for _ in range(2):
            load_stocks(edited)
        assert session.store.stock_left()["stocks/A1"] == 18_000.0
        said = [r.detail["why"] for r in session.store.requests()]
    assert said == ["the file says 18 mL of Cs-DOPA at stocks/A1 now, 20 mL before"]


def test_a_wish_without_a_name_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    laboratory = Laboratory(tmp_path / "lab")
    with Store.open(laboratory.folder, create=False) as store:
        for verb, who in (("stop", ""), ("stop", "  "), ("explode", "Mei")):
            with pytest.raises(Refused):
                store.ask(verb, who)
        assert store.ask("pause", "Mei") == store.ask("pause", "Mei"), "a double click is one wish"
