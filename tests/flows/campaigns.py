"""Small campaigns for tests, run through the command line in a process of their own, as a user would."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from sdl import cli
from tests.benches import EXAMPLE, ROOT

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def campaign_file(folder: Path, changes: Mapping[str, str] | None = None, lab: Mapping[str, str] | None = None) -> Path:
    """Copy the shipped example into ``folder`` with some text replaced; every replaced text must be there."""
    for name, edits in (("campaign.yaml", changes or {}), ("lab.yaml", lab or {})):
        text = (EXAMPLE.parent / name).read_text(encoding="utf-8")
        for old, new in edits.items():
            assert old in text, f"{old!r} is not in {name} any more"
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "campaign.yaml"


def budget(experiments: int, batch: int, hits: int = 2) -> dict[str, str]:
    """Return the edit that gives the example another budget."""
    return {
        "budget: {experiments: 48, batch: 8, stop: 2 confirmed hits}": (
            f"budget: {{experiments: {experiments}, batch: {batch}, stop: {hits} confirmed hits}}"
        )
    }


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "sdl.cli", *map(str, words)]


def sdl(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run one command line to its end: here, which is quicker; under Prefect, or elsewhere, in a process of its own."""
    if (words[0] in ("run", "resume") and "plain" not in words) or cwd is not None:
        return controller(*words, cwd=cwd)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.command([str(word) for word in words])
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def controller(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run one command line in a process of its own: needed where it leaves a run, and so its watchdog, behind."""
    return subprocess.run(command(*words), capture_output=True, text=True, env=ENVIRONMENT, cwd=cwd, timeout=540)


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def journal(folder: Path) -> list[dict[str, Any]]:
    """Return the physical journal of the virtual lab."""
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()]


def strokes(folder: Path) -> Counter[tuple[str, str, str]]:
    """Count physical strokes from a stock into a vial, by attempt, source and well."""
    moved = [e for e in journal(folder) if e["kind"] == "move" and e["dest"].startswith("vials/")]
    return Counter((e["key"], e["source"], e["dest"]) for e in moved if e["source"] != e["dest"])


def planned_strokes(folder: Path) -> Counter[tuple[str, str, str]]:
    """Count the strokes that every verified command list asked for, from the analysis on disk."""
    from sdl.config.load import load_campaign
    from sdl.lab.commands import Dispensed, events

    deck = load_campaign(EXAMPLE).lab.deck  # type: ignore[union-attr]
    found: Counter[tuple[str, str, str]] = Counter()
    for analysis in sorted((folder / "attempts").glob("*/analysis.json")):
        for event in events(json.loads(analysis.read_text(encoding="utf-8"))):
            if isinstance(event, Dispensed) and event.source != event.well:
                source, well = event.source.on(deck), event.well.on(deck)
                if well.startswith("vials/"):
                    found[analysis.parent.name, source, well] += 1
    return found


def servers(home: Path) -> list[str]:
    """Return the processes that run with ``home`` as their Prefect home."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"PREFECT_HOME={home}".encode() in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found
