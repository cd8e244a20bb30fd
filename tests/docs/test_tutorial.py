"""The tutorial and the README are true: their commands run as printed, and name verbs that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benches import ROOT
from tests.flows.campaigns import ENVIRONMENT, sdl


def console_lines(text: str) -> Iterator[tuple[str, int]]:
    """Yield each command of the ``console`` blocks with the exit code its comment announces (0 if none)."""
    for block in re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                code = re.search(r"# exit code (\d+)", line)
                yield line[2:].split("  #")[0].strip(), int(code.group(1)) if code else 0


def run_all(page: str) -> int:
    """Run every command of a page in order, here; return how many there were."""
    lines = list(console_lines((ROOT / "docs" / page).read_text(encoding="utf-8")))
    for line, code in lines:
        words = shlex.split(line)
        if words[0] == "sdl":
            done = sdl(*words[1:])
        else:
            done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
        assert done.returncode == code, f"{line}\n{done.stdout}\n{done.stderr}"
    return len(lines)


@pytest.mark.lab
def test_every_command_of_the_tutorial_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_all("tutorial.md") >= 8
    assert (tmp_path / "my-history" / "next.csv").read_text(encoding="utf-8").count("\n") == 5
    assert (tmp_path / "my-blue" / ".sdl" / "blue-465" / "report.html").is_file()


@pytest.mark.lab
def test_every_command_of_the_offline_page_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_all("offline.md") >= 8
    assert (tmp_path / "mine" / "table-s1-trust.html").is_file()
    assert (tmp_path / "mine" / ".sdl" / "table-s1" / "export" / "table-s1.xlsx").is_file()


def test_the_readme_names_only_verbs_and_files_that_exist() -> None:
    from sdl.cli import app

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    verbs = set(re.findall(r"(?:^|[`\s])sdl ([a-z-]+)", text))
    known = {name for name in app if not name.startswith("-")}
    assert verbs and verbs <= known | {"setup"}
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / link).exists(), link
