"""A colour read from the line: the table, the tail of our emission, and a wish for a colour."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models import Advisor
from models.colour import Line
from models.control import charts
from models.trust import leave_one_out
from sdl.space import Design, DesignSpace
from sdl.spectra.colour import chromaticity, of_lines
from sdl.target import Target, match, maximize
from sdl.units import FWHM_PER_SD, HC_EV_NM

SPACE = DesignSpace.of(dose=(0.0, 1.0), growth=(0.0, 1.0))


def seen_from(peak_nm: float, fwhm_nm: float) -> tuple[float, float]:
    """Return xy of a Gaussian line in energy as the spectrometer's own sums say it."""
    at_nm = np.arange(360.0, 831.0, 0.5)
    sd_ev = fwhm_nm * HC_EV_NM / peak_nm**2 / FWHM_PER_SD
    per_nm = np.exp(-0.5 * ((HC_EV_NM / at_nm - HC_EV_NM / peak_nm) / sd_ev) ** 2) / at_nm**2
    x, y = chromaticity(at_nm, per_nm, np.zeros_like(at_nm))
    return x.value, y.value


@pytest.mark.parametrize(
    ("peak_nm", "fwhm_nm"), [(455.0, 12.0), (466.3, 18.7), (502.6, 21.0), (530.4, 25.5), (633.3, 30.0)]
)
def test_a_line_has_the_colour_that_its_spectrum_has(peak_nm: float, fwhm_nm: float) -> None:
    wanted = seen_from(peak_nm, fwhm_nm)
    assert of_lines(np.array([peak_nm]), np.array([fwhm_nm]))[0] == pytest.approx(wanted, abs=2e-4)
    found = Line().xy(torch.tensor([peak_nm]).double(), torch.tensor([fwhm_nm]).double())[0]
    assert found.tolist() == pytest.approx(wanted, abs=5e-4)


def test_the_tail_of_an_emission_is_learned_from_wells_that_have_both() -> None:
    def well(peak_nm: float, width_ev: float) -> dict[str, float]:
        """A line whose colour is that of one 6 meV higher, and 4 meV more for each 20 meV above 100 meV of width."""
        energy = HC_EV_NM / peak_nm
        other_nm = HC_EV_NM / (energy + 0.006 + 0.004 * (width_ev - 0.1) / 0.02)
        x, y = seen_from(other_nm, width_ev * other_nm**2 / HC_EV_NM)
        return {"pl_peak_nm": peak_nm, "fwhm_nm": width_ev * peak_nm**2 / HC_EV_NM, "cie_x": x, "cie_y": y}

    rng = np.random.default_rng(0)
    rows = [
        well(float(p), float(w)) for p, w in zip(rng.uniform(455, 510, 16), rng.uniform(0.085, 0.12, 16), strict=True)
    ]
    learned = Line.of([*rows, {"pl_peak_nm": 470.0}])
    assert (learned.shift_ev, learned.slope_ev) == pytest.approx((0.006, 0.004), abs=0.001)
    new = well(467.0, 0.105)
    found = learned.xy(torch.tensor(new["pl_peak_nm"]).double(), torch.tensor(new["fwhm_nm"]).double())
    assert found.tolist() == pytest.approx([new["cie_x"], new["cie_y"]], abs=1e-3)
    assert Line.of([{"plqy": 0.5}]) == Line()


BLUE = Target.of(cie_x=match(0.1316, within=0.007), cie_y=match(0.0492, within=0.007), plqy=maximize(above=0.5))


def lab(design: Design) -> dict[str, float]:
    peak_nm = 450.0 + 40.0 * float(design["growth"]) + 4.0 * float(design["dose"])
    x, y = seen_from(peak_nm, 17.0)
    return {"pl_peak_nm": peak_nm, "fwhm_nm": 17.0 + 0.1 * float(design["dose"]), "plqy": 0.7, "cie_x": x, "cie_y": y}


def test_a_wish_for_a_colour_is_answered_by_peak_and_width() -> None:
    """Rec. 2020 blue is a line at 467 nm: six wells elsewhere say where that is, though no colour is near it."""
    advisor = Advisor(SPACE, BLUE, seed=1, start=0, law=None)
    rng = np.random.default_rng(0)
    for dose, growth in ((0.1, 0.1), (0.8, 0.15), (0.3, 0.8), (0.9, 0.9), (0.2, 0.95), (0.6, 0.05)):
        seen = lab({"dose": dose, "growth": growth})
        seen |= {"plqy": 0.7 + 0.01 * float(rng.standard_normal())}
        advisor.tell({"dose": dose, "growth": growth}, seen, sd={"pl_peak_nm": 0.1, "fwhm_nm": 0.1, "plqy": 0.01})
    posterior = advisor.posterior
    assert posterior is not None and set(posterior.constants()) == {"pl_peak_nm", "fwhm_nm", "plqy"}
    [best] = advisor.suggest(1)
    assert abs(lab(best.design)["pl_peak_nm"] - 467.0) < 1.0
    assert set(best.expected) >= {"cie_x", "cie_y", "plqy", "pl_peak_nm", "fwhm_nm"}
    for name in ("cie_x", "cie_y"):
        e = best.expected[name]
        assert e.low < lab(best.design)[name] < e.high
        assert e.mean == pytest.approx(lab(best.design)[name], abs=0.003)


def test_a_peak_that_is_wanted_too_leaves_the_colour_an_outcome_of_its_own() -> None:
    both = Target.of(pl_peak_nm=match(467.0, within=2.0), **BLUE.goals)
    advisor = Advisor(SPACE, both, seed=1, law=None)
    for design in SPACE.sobol(8, seed=3):
        advisor.tell(design, lab(design))
    assert advisor.posterior is not None
    assert {"pl_peak_nm", "cie_x", "cie_y"} <= set(advisor.posterior.constants())


def test_runs_are_charted_by_what_was_modelled_and_wells_left_out_by_what_was_asked() -> None:
    advisor, rng = Advisor(SPACE, BLUE, seed=1, law=None), np.random.default_rng(0)
    for i, design in enumerate(SPACE.sobol(12, seed=3)):
        seen = lab(design)
        seen["plqy"] += 0.01 * float(rng.standard_normal())
        advisor.tell(design, seen, sd={"plqy": 0.01}, run=f"run-{i // 4}")
    posterior = advisor.posterior
    assert posterior is not None
    assert [chart.feature for chart in charts(posterior)] == ["pl_peak_nm", "fwhm_nm", "plqy"]
    held = leave_one_out(posterior)
    assert {name: len(rows) for name, rows in held.items()} == {"cie_x": 12, "cie_y": 12, "plqy": 12}
    assert np.mean([h.covered for h in held["cie_y"]]) > 0.8
    assert np.median([abs(h.mean - h.measured) for h in held["cie_y"]]) < 0.01
