"""Lots in the campaign file: when they were made, how old they may become, and the refusal of one that is past it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sdl.cli import command
from sdl.config.load import load_campaign, refuse_old_lots
from sdl.errors import Refused
from tests.flows.campaigns import campaign_file


def with_lot(folder: Path, words: str) -> Path:
    return campaign_file(folder, {'at: stocks/A1, lot: "2026-11-02"}': f"at: stocks/A1, {words}}}"})


def test_a_lot_with_its_date_and_lifetime_is_read(tmp_path: Path) -> None:
    stock = load_campaign(with_lot(tmp_path, 'lot: "7", made: "2026-11-02", max_age: 14 d')).stocks["Cs-DOPA"]
    assert (stock.lot, stock.made, stock.max_age_h) == ("7", "2026-11-02", 336.0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param('made: "yesterday"', "does not say when", id="not a date"),
        pytest.param('made: "2026-11-02T09:30"', "does not say when", id="no zone"),
        pytest.param('made: "2026-13-02"', "does not say when", id="no such month"),
        pytest.param("max_age: 14 d", "without 'made'", id="no date to count from"),
        pytest.param('made: "2026-11-02", max_age: 14', "unit", id="no unit"),
    ],
)
def test_what_does_not_say_when_is_refused_in_place(tmp_path: Path, words: str, said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        load_campaign(with_lot(tmp_path, words))
    assert "campaign.yaml:17:" in str(refused.value)


def test_a_lot_past_its_age_is_refused_at_its_line_with_number_limit_and_remedy(tmp_path: Path) -> None:
    campaign = load_campaign(with_lot(tmp_path, 'lot: "7", made: "2026-11-02", max_age: 14 d'))
    refuse_old_lots(campaign, datetime(2026, 11, 15, tzinfo=UTC))
    with pytest.raises(Refused, match=r"campaign.yaml:17:\d+: stocks.Cs-DOPA.made: .*20.0 d old.*14.0 d.*new lot"):
        refuse_old_lots(campaign, datetime(2026, 11, 22, tzinfo=UTC))


@pytest.mark.parametrize("verb", ["check", "plan", "run"])
def test_every_verb_that_leads_to_liquid_refuses_an_old_lot_and_creates_nothing(
    tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = with_lot(tmp_path, 'made: "2020-01-01", max_age: 14 d')
    assert command([verb, str(file)]) == 2
    assert "max_age is 14.0 d" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["campaign.yaml", "lab.yaml"]
