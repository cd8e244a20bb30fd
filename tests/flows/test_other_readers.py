"""Whole campaigns through other eyes: a folder that a vendor's program writes into, and a dip probe in the reactor."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sdl.store import Store
from tests.config.test_reader import CELL, DIP, campaign_file
from tests.flows.campaigns import answer, journal, sdl


@pytest.mark.lab
def test_a_campaign_runs_on_the_files_of_a_vendors_program(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    file = campaign_file(
        tmp_path, CELL.replace("simulated", f"'folder:{saved}', light: led"), (r"experiments: 2", "experiments: 1")
    )
    done = sdl("run", file, "--json", "--runner", "plain")
    assert done.returncode in (0, 7), done.stderr
    assert "which program and settings, only a person can see" in done.stderr
    assert {"x1_nm", "pl_peak_nm"} <= set(answer(done)["best"]["features"])
    assert all(path.name.startswith("white-") for path in saved.iterdir())
    with Store.open(Path(answer(done)["state_dir"]), create=False) as store:
        reads = store.reads()
        assert {"dark", "blank", "sample", "rinse"} <= {r.label for r in reads}
        spectra = [s for r in reads for s in store.spectra(r.id)]
        assert {(s.instrument, s.averages, s.integration_ms) for s in spectra} == {("virtual-7", 250, 2.0)}


@pytest.mark.lab
def test_a_campaign_runs_with_a_dip_probe_in_one_reactor(tmp_path: Path) -> None:
    changes = [(r"  cell: .*\n", ""), (r"  waste: +\{.*\n", ""), (r"experiments: 2", "experiments: 1")]
    done = sdl("run", campaign_file(tmp_path, DIP, *changes), "--json", "--runner", "plain")
    assert done.returncode in (0, 7), done.stderr
    told = answer(done)
    assert "x1_nm" in told["best"]["features"]
    assert re.search(r"AT [0-9.]+ look vials/A1", done.stderr)
    moves = [entry for entry in journal(Path(told["state_dir"])) if entry["kind"] == "move"]
    assert moves and not any(entry["source"] == "vials/A1" != entry["dest"] for entry in moves)
