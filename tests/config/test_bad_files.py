"""Every broken file of the corpus C01-C24 is refused with exactly the text in its golden file, and leaves no trace."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sdl.config.load import load_campaign
from sdl.errors import Refused

BAD = Path(__file__).parent / "bad"
FILES = sorted(path for path in BAD.glob("*.yaml") if not path.stem.endswith("-lab"))


def refusal(path: Path) -> Refused:
    with pytest.raises(Refused) as caught:
        load_campaign(path)
    return caught.value


def test_the_corpus_is_complete() -> None:
    assert {path.stem[:3] for path in FILES} == {f"C{n:02}" for n in range(1, 25)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_bad_file_is_refused_with_its_golden_text_and_creates_nothing(path: Path) -> None:
    before = sorted(BAD.rglob("*"))
    error = refusal(path)
    assert error.exit_code == 2
    assert str(error).replace(f"{BAD}/", "") == path.with_suffix(".txt").read_text(encoding="utf-8").rstrip("\n")
    assert sorted(BAD.rglob("*")) == before


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_problem_says_where_and_what_to_do(path: Path) -> None:
    for problem in refusal(path).problems:
        lines = Path(problem.file).read_text(encoding="utf-8").splitlines()
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert re.search(r"[;:]|did you mean|more like these", problem.text), problem.text


def test_the_sound_file_behind_the_corpus_is_accepted(tmp_path: Path) -> None:
    text = (BAD / "C14.yaml").read_text(encoding="utf-8").replace("2026-11-02", "blue-465")
    path = tmp_path / "campaign.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_campaign(path).name == "blue-465"
    assert list(tmp_path.iterdir()) == [path]
