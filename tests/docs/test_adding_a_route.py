"""The how-to for a seventh route is true: its YAML and its Python are the same route, and its commands run."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space
from sdl.cli import check
from sdl.config.load import load_campaign
from sdl.route import Route
from tests.benches import ROOT

PAGE = (ROOT / "docs" / "adding_a_route.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def written(folder: Path) -> Path:
    for text in blocks("yaml"):
        name = text.splitlines()[0].removeprefix("# ")
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "campaign.yaml"


def test_the_seventh_route_is_checked_and_compiled_as_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path)
    assert check(path) == 0
    assert "antisolvent: toluene, chlorobenzene" in capsys.readouterr().out
    campaign = load_campaign(path)
    compiler, space = Compiler.of(campaign), design_space(campaign)
    for design in space.sobol(16, seed=1):
        recipe = compiler.recipe(design)
        assert recipe.moles_umol["Cs"] / recipe.moles_umol["Pb"] == pytest.approx(design["cs_to_pb"], rel=1e-9)
        lead = recipe.moles_umol["Pb"] / recipe.total_ul * 1e6
        assert lead == pytest.approx(1e3 * float(design["pb_concentration_mmol_l"]), rel=1e-9)


def test_the_python_of_the_page_declares_the_same_route(tmp_path: Path) -> None:
    campaign = load_campaign(written(tmp_path))
    module = tmp_path / "amines_route.py"
    module.write_text(blocks("python")[0], encoding="utf-8")
    import runpy

    route = runpy.run_path(str(module))["ROUTE"]
    assert isinstance(route, Route) and campaign.synthesis is not None
    assert route.steps == campaign.synthesis.steps
    assert {p.name: (p.low, p.high, p.choices) for p in route.parameters.values()} == {
        p.name: (p.low, p.high, p.choices) for p in campaign.synthesis.parameters.values()
    }
    one, other = (Compiler.of(replace(campaign, synthesis=r)) for r in (route, campaign.synthesis))
    columns = design_space(campaign).from_unit(np.random.default_rng(0).random((64, 4)))
    for name, values in one.snap(columns)[0].items():
        assert (values == other.snap(columns)[0][name]).all()
