"""A manual step: the campaign stops for a person, goes on when told, and pours nothing twice."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.benches import ROOT
from tests.flows.campaigns import controller, sdl, strokes


@pytest.mark.lab
def test_the_campaign_waits_for_a_person_and_goes_on(tmp_path: Path) -> None:
    for name in ("campaign.yaml", "lab.yaml"):
        shutil.copy(ROOT / "examples" / "mixing" / name, tmp_path / name)
    file = tmp_path / "campaign.yaml"
    text = file.read_text(encoding="utf-8").replace("experiments: 16, batch: 4", "experiments: 1, batch: 1")
    file.write_text(text, encoding="utf-8")
    waits = controller("run", file, "--runner", "plain")
    assert waits.returncode == 4, waits.stderr
    asked = re.search(r"a person's turn with vials/A1: add 3 mL ethyl acetate.*--request (\d+)", waits.stderr)
    assert asked is not None, waits.stderr
    before = strokes(tmp_path / ".sdl" / "antisolvent")
    assert controller("resume", file, "--runner", "plain").returncode == 4, "not before it is done"
    assert sdl("resolve", file, "--request", asked[1], "--by", "me").returncode == 0
    done = sdl("resume", file, "--runner", "plain", "--json")
    assert done.returncode == 7, done.stderr
    assert '"experiments": 1' in done.stdout
    assert strokes(tmp_path / ".sdl" / "antisolvent") == before, "reads only after the washing"
