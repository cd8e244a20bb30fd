"""A synthesis in YAML: read with units, refused with its line, and held against what must not meet."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sdl.config.load import load_campaign
from sdl.errors import Refused
from sdl.route import Concentration, Hold, MoleRatio, VolumeRatio
from tests.benches import ROOT

MIXING = ROOT / "examples" / "mixing"


def edited(folder: Path, *changes: tuple[str, str], example: str = "mixing") -> Path:
    for name in ("campaign.yaml", "lab.yaml"):
        shutil.copy(ROOT / "examples" / example / name, folder / name)
    text = (folder / "campaign.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "campaign.yaml").write_text(text, encoding="utf-8")
    return folder / "campaign.yaml"


def test_a_declared_synthesis_becomes_a_route_in_internal_units() -> None:
    campaign = load_campaign(MIXING / "campaign.yaml")
    route = campaign.synthesis
    assert route is not None
    assert route.dose("Cs-DOPA").amount == Concentration(species="Cs", by="cs_concentration_mmol_l")
    assert route.dose("PbBr2-TOPO").amount == MoleRatio(species="Pb", to="Cs", by="pb_to_cs")
    assert route.dose("lecithin").amount == VolumeRatio(to="Cs-DOPA", by=1.0)
    assert Hold(by="growth_time_s", watched=True) in route.steps
    assert route.parameters["growth_time_s"].high == 7200.0
    assert route.nominal["temperature_c"] == 25.0, "the room's"
    assert {p.name for p in campaign.parameters if p.choices} == {"solvent"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("concentration: Cs, by: cs_concentration", "concentration: Cs, by: cs_conc"),
            "did you mean 'cs_concentration'",
        ),
        (("ratio: Pb/Cs", "ratio: lead"), "write 'ratio: Pb/Cs'"),
        (("{hold: growth_time, watched: true}", "{hold: 5 mL}"), "is not a time"),
        (("limits: 1 .. 10}", "limits: 1 .. 10 min}"), "is not a number"),
        (("{nominal: 0.25 mmol/L, limits", "{nominal: 0.25 nm, limits"), "is no ratio, time, temperature"),
        (("route: mixing ", "route: cspbbr3-topo "), "goes with route: mixing only"),
        (("route: mixing ", "route: cspbbr3-kalloyed "), r"is not made on a deck: it needs 100 degC .* mode: offline"),
        (("[chlorobenzene, toluene]\n  cs", "[chlorobenzene, hexane]\n  cs"), "'hexane' is no choice here"),
        (("solvent: hexane, volume: 10 mL", "solvent: ethanol, volume: 10 mL"), "brings ethanol: an alcohol strips"),
        (("solvent: hexane, volume: 10 mL", "solvent: benzene, volume: 10 mL"), "'benzene' has no safety data"),
        (("volume: 10 mL, at: stocks/A4", "volume: 0.5 mL, at: stocks/A4"), r"500 uL .* below 1000 uL .* fill in more"),
    ],
    ids=[
        *("parameter", "ratio", "time", "limits", "unit", "not mixing", "off deck"),
        *("choice", "alcohol", "no data", "empty"),
    ],
)
def test_a_wrong_synthesis_is_refused_with_what_to_do(tmp_path: Path, change: tuple[str, str], expected: str) -> None:
    with pytest.raises(Refused, match=expected):
        load_campaign(edited(tmp_path, change))


def test_sulfide_meets_no_alcohol_not_even_the_dye_in_the_waste(tmp_path: Path) -> None:
    path = edited(tmp_path, example="heterostructure")
    shutil.copy(ROOT / "examples" / "blue-465" / "lab.yaml", tmp_path / "lab.yaml")
    with pytest.raises(Refused, match=r"S of 'TMS2S' would meet ethanol of 'dye'.*H2S.*absorption only"):
        load_campaign(path)


def test_a_nominal_temperature_that_the_block_cannot_hold_is_refused(tmp_path: Path) -> None:
    path = edited(tmp_path)
    lab = (tmp_path / "lab.yaml").read_text(encoding="utf-8")
    (tmp_path / "lab.yaml").write_text(lab.replace("range: 4 .. 95 degC", "range: 37 .. 95 degC"), encoding="utf-8")
    with pytest.raises(Refused, match=r"temperature stays at 25 degC, below 37 degC, .* vary temperature above it"):
        load_campaign(path)


def test_a_route_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = edited(tmp_path, ("route: mixing ", "route: washed.yaml "))
    text = path.read_text(encoding="utf-8")
    before, rest = text.split("synthesis:\n")
    own, after = rest.split("target:\n")
    path.write_text(f"{before}target:\n{after}", encoding="utf-8")
    (tmp_path / "washed.yaml").write_text("\n".join(line[2:] for line in own.splitlines()) + "\n", encoding="utf-8")
    campaign = load_campaign(path)
    assert campaign.synthesis is not None and campaign.synthesis.name == "washed"
    assert campaign.synthesis.steps == load_campaign(MIXING / "campaign.yaml").synthesis.steps  # type: ignore[union-attr]
    (tmp_path / "washed.yaml").write_text("medium: solvent\nsteps: [{boil: solvent}]\n", encoding="utf-8")
    with pytest.raises(Refused, match=r"washed\.yaml:2:\d+: steps\.0.*unknown key 'boil'"):
        load_campaign(path)
