"""A target in one line."""

from __future__ import annotations

import math

import pytest

from sdl.config.wish import read_wish
from sdl.errors import Refused


def read(text: str) -> dict[str, tuple[str, float | None, float, float]]:
    target = read_wish(text, known={"yield": "yield"}, tolerances={"x1_nm": 2.0})
    return {n: (g.kind, g.wanted, round(g.low, 6), round(g.high, 6)) for n, g in target.goals.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("480 nm", {"pl_peak_nm": ("match", 480.0, 479.0, 481.0)}),
        ("480 +- 2 nm", {"pl_peak_nm": ("match", 480.0, 478.0, 482.0)}),
        ("480 nm within 3 nm", {"pl_peak_nm": ("match", 480.0, 477.0, 483.0)}),
        ("x1 440 nm", {"x1_nm": ("match", 440.0, 438.0, 442.0)}),
        ("470 .. 480 nm", {"pl_peak_nm": ("inside", None, 470.0, 480.0)}),
        ("2.6 eV", {"pl_peak_nm": ("match", pytest.approx(476.862302), 475.862302, 477.862302)}),
        (
            "480 nm, FWHM < 20 nm, PLQY > 60 %",
            {
                "pl_peak_nm": ("match", 480.0, 479.0, 481.0),
                "fwhm_nm": ("minimize", None, -math.inf, 20.0),
                "plqy": ("maximize", None, 0.6, math.inf),
            },
        ),
        ("yield > 0.5 and fwhm below 30 nm", {
            "yield": ("maximize", None, 0.5, math.inf), "fwhm_nm": ("minimize", None, -math.inf, 30.0),
        }),
        ("fwhm > 10 nm, fwhm < 20 nm", {"fwhm_nm": ("inside", None, 10.0, 20.0)}),
    ],
)  # fmt: skip
def test_wishes_read_as_people_mean_them(text: str, expected: dict[str, object]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("480 nm, 470 nm", "nothing can be both; drop one of the two, or write a palette like '470, 480 nm'"),
        ("470,5 nm", "comma between digits; write a decimal point, or a blank after each of a list"),
        ("470, FWHM < 20 nm", "'470' has no unit and is not in a list with 'FWHM < 20 nm'"),
        ("470, 480 .. 490 nm", "not in a list"),
        ("470, 480", "names no feature"),
        ("470, 470 nm", "'470 nm' is listed twice"),
        ("470, 480 nm, PL < 500 nm", "PL peak is asked for again beside a list"),
        ("470, 480 nm, x1 440, 450 nm", "one list makes a palette"),
        ("470, x1 440, 450 nm", "not in a list"),
        (", ".join(map(str, range(450, 463))) + " nm", "a palette has at most 12"),
        ("FWHM < 20 nm, FWHM > 30 nm", "above 30 and below 20 nm: nothing can be both"),
        ("480", "names no feature"),
        ("PLQY > 120 %", "PLQY above 1.2 can never be measured"),
        ("PLQY 120, 130 % +- 1 %", "PLQY above 1.19 can never be measured"),
        ("FWHM < -5 nm", "'-5 nm' is not above 0"),
        ("colour < 3", "'colour' is not a feature"),
        ("FWHM < 20", "has no unit"),
        ("FWHM < 20 mL", "not a wavelength"),
        ("plqy 60 %", "needs a tolerance"),
        ("480 nm within 0 nm", "tolerance above 0"),
        ("blue please", "is no wish"),
        ("", "is empty"),
    ],
)
def test_a_wish_without_meaning_is_refused_with_advice(text: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        read(text)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("470, 480, 490 nm", "pl_peak_nm", {"470 nm": (469, 471), "480 nm": (479, 481), "490 nm": (489, 491)}),
        ("470, 480 +- 2 nm", "pl_peak_nm", {"470 nm": (468, 472), "480 nm": (478, 482)}),
        ("FWHM < 20 nm, x1 440, 450 nm, PLQY > 60 %", "x1_nm", {"440 nm": (438, 442), "450 nm": (448, 452)}),
        ("2.6, 2.7 eV within 2 nm", "pl_peak_nm", {"2.6 eV": (474.862, 478.862), "2.7 eV": (457.201, 461.201)}),
    ],
)
def test_bare_numbers_before_one_with_a_unit_are_a_palette(
    text: str, name: str, expected: dict[str, tuple[float, float]]
) -> None:
    target = read_wish(text, known={}, tolerances={"x1_nm": 2.0})
    found = {t.name: (round(t.goals[name].low, 3), round(t.goals[name].high, 3)) for t in target.each}
    assert found == expected
    common = [{n: g for n, g in t.goals.items() if n != name} for t in target.each]
    assert all(goals == common[0] for goals in common)
