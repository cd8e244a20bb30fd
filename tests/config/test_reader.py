"""The reader part of a lab file: three geometries, and what does not go with each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sdl.bench import AVERAGES, INTEGRATION_MS
from sdl.config.load import load_campaign
from sdl.errors import Refused
from sdl.words import reader_in_words
from tests.benches import ROOT

ABSORPTION = ROOT / "examples" / "absorption-only"
DIP = "kind: simulated, channels: [absorption], geometry: dip probe, at: vials/A1, path: 10 mm, max_reads: 12"
PLATE = (
    "kind: 'plate:D3', channels: [absorption], geometry: plate, path: 3 mm, max_reads: 1, bottom: glass, "
    "bands: [450 nm, 562 nm, 600 nm, 650 nm]"
)
CELL = "kind: simulated, channels: [absorption], path: 2 mm, max_reads: 6"


def campaign_file(folder: Path, reader: str, *changes: tuple[str, str]) -> Path:
    """Copy the absorption-only example with another reader, batches of one, and texts replaced."""
    lab = (ABSORPTION / "lab.yaml").read_text(encoding="utf-8")
    lab = re.sub(r"(?s)reader:.*?(?=\nlimits:)", f"reader: {{{reader}}}\n", lab)
    campaign = (ABSORPTION / "campaign.yaml").read_text(encoding="utf-8")
    campaign = re.sub(r"budget: .*", "budget: {experiments: 2, batch: 1, stop: 2 confirmed hits}", campaign)
    for old, new in changes:
        assert re.search(old, lab) or re.search(old, campaign), old
        lab, campaign = re.sub(old, new, lab), re.sub(old, new, campaign)
    (folder / "lab.yaml").write_text(lab, encoding="utf-8")
    (folder / "campaign.yaml").write_text(campaign, encoding="utf-8")
    return folder / "campaign.yaml"


def test_the_published_settings_are_the_defaults(tmp_path: Path) -> None:
    lab = load_campaign(campaign_file(tmp_path, CELL)).lab
    assert lab is not None
    assert (lab.reader.integration_ms, lab.reader.averages) == (INTEGRATION_MS, AVERAGES) == (2.0, 250)
    assert (lab.reader.sample_ul, lab.reader.rinse_ul, lab.reader.rinses) == (120.0, 150.0, 2)
    assert "2 rinses; path 2 mm; 250 x 2 ms a spectrum" in reader_in_words(lab)


def test_a_dip_probe_needs_no_cell_and_withdraws_nothing(tmp_path: Path) -> None:
    lab = load_campaign(campaign_file(tmp_path, DIP, (r"  cell: .*\n", ""), (r"  waste: +\{.*\n", ""))).lab
    assert lab is not None
    assert (lab.reader.geometry, lab.reader.at, lab.reader.path_mm) == ("dip probe", "vials/A1", 10.0)
    assert (lab.reader.sample_ul, lab.reader.rinses) == (0.0, 0)
    assert "dip probe in vials/A1, nothing withdrawn; path 10 mm" in reader_in_words(lab)


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        (CELL.replace("simulated", "crystal-ball"), "is not a reader; write simulated, ocean:SERIAL"),
        (CELL.replace("simulated", "'http://8.8.8.8/eye'"), "not in a private network"),
        (CELL.replace("simulated", "'plate:D3'"), "does not go with geometry 'flow cell'"),
        (CELL + ", at: vials/A1", "reader.at: means nothing for a flow cell"),
        (CELL + ", sample: 2 mL", "more than the 1000 uL that the cell port holds"),
        (CELL.replace("simulated", "'ocean:USB4A'").replace("[absorption]", "[absorption, pl]"), "has one light path"),
        (DIP + ", rinses: 2", "reader.rinses: means nothing for a dip probe"),
        (DIP.replace("vials/A1", "nowhere"), "'nowhere' is no well; name the one reactor"),
        (DIP.replace("[absorption]", "[absorption, pl]"), "a transmission dip probe reads absorption only"),
        (PLATE.replace("bottom: glass, ", ""), "reader.bottom: is missing: chlorobenzene and hexane dissolve"),
        (PLATE.replace("562 nm", "300 nm"), "300 nm is no band of the plate reader"),
        (PLATE.replace("562 nm", "450 nm"), "list 1 to 6 different wavelengths"),
        (PLATE.replace("D3", "D1"), "does not fit in slot D1; choose A3, B3, C3, D3"),
        (PLATE, "'plate' is missing: the plate that takes the aliquots"),
        (PLATE, "bands at 450, 562, 600, 650 nm show no exciton"),
    ],
    ids=lambda value: value[:40],
)
def test_what_a_geometry_cannot_have_is_refused(tmp_path: Path, reader: str, expected: str) -> None:
    changes = [(r"deck: ", "deck: ")]
    if "show no exciton" in expected:
        changes = [(r"  spare: .*\n", "  plate:      {labware: sdl_24_vials_8ml, slot: D2, capacity: 8 mL}\n")]
        changes += [(r"  - \{rack: spare\}\n", "")]
        reader = reader.replace("D3", "B3")
    with pytest.raises(Refused) as caught:
        load_campaign(campaign_file(tmp_path, reader, *changes))
    assert expected in str(caught.value)


def test_a_folder_counts_from_the_lab_file(tmp_path: Path) -> None:
    lab = load_campaign(campaign_file(tmp_path, CELL.replace("simulated", "'folder:saved', light: led"))).lab
    assert lab is not None
    assert lab.reader.kind == f"folder:{(tmp_path / 'saved').resolve()}"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("'folder:saved'", "reader.lamp_hours: is missing: read the lamp's meter"),
        ("'ocean:USB1', light: laser", "reader.lamp_hours: is missing"),
        ("'folder:saved', lamp_hours: 10 h", "goes with lamp_read, the day on which the meter showed it; give both"),
    ],
    ids=["lamp", "laser", "hours without their day"],
)
def test_a_lamp_whose_hours_nobody_counts_is_refused(tmp_path: Path, given: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        load_campaign(campaign_file(tmp_path, CELL.replace("simulated", given)))


def test_one_reactor_holds_one_experiment_at_a_time(tmp_path: Path) -> None:
    file = campaign_file(tmp_path, DIP, (r"batch: 1", "batch: 2"))
    with pytest.raises(Refused, match="2 experiments do not fit into vials/A1, the one reactor"):
        load_campaign(file)
