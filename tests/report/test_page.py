"""The report: one page, nothing from outside, true at every moment of a campaign."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sdl.report import write_report
from sdl.store import Store
from tests.report.synthetic_campaign import whole_campaign


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    with whole_campaign(folder / "state", why="blue <img src=x onerror=alert(1)>") as store:
        store.claim()
        return write_report(store, folder / "report.html").read_text(encoding="utf-8")


class Links(HTMLParser):
    """Collect what the elements of a page point to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]


def test_the_page_fetches_nothing(page: str) -> None:
    links = Links()
    links.feed(page)
    assert [link for link in links.found if not link.startswith(("#", "data:"))] == []
    assert "default-src 'none'" in unescape(page[:2000]), "the page's own policy forbids every request"
    assert len(page.encode()) < 8_000_000


def test_names_from_the_file_are_text_never_markup(page: str) -> None:
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_every_experiment_its_vial_and_the_recipe_are_there(page: str) -> None:
    ids = set(re.findall(r"[a-z0-9-]+-\d{4}", page))
    assert len(ids) >= 30
    for word in ("Cs-DOPA", "PbBr2-TOPO", "lecithin", "load 1", "PL peak", "PLQY"):
        assert word in page


def test_what_matters_how_exactly_whether_runs_drift_and_what_is_in_reach_are_there(page: str) -> None:
    for figure in ("plot-parity", "plot-reliability", "plot-sensitivity", "plot-control"):
        assert f'id="{figure}"' in page
    text = re.sub(r"<[^>]+>", " ", page[: page.index('<script type="application/json"')])
    assert re.search(r"\+1 µL of TOPO\s+\+0\.8\s+−1\.1", text)  # nm, and per cent of PLQY
    assert "hits with a probability of 63 %" in text
    assert "run-5: PL peak reads 5 nm high in all wells" in text
    assert "can be reached with a probability of 20 %" in text and "PLQY comes to 0.5" in text


def test_a_campaign_that_has_not_begun_has_a_page_too(tmp_path: Path) -> None:
    with Store.open(tmp_path / "state", create=True) as store:
        store.claim()
        text = write_report(store, tmp_path / "empty.html").read_text(encoding="utf-8")
    assert "<html" in text
