"""Text with units to floats and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdl.config import quantities
from sdl.errors import Refused

UNITS = ("s", "nm", "uL", "mmol/L", "degC", "uL/s", "K", "")
values = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)


@given(values, st.sampled_from(UNITS))
def test_a_written_quantity_reads_back(value: float, unit: str) -> None:
    assert quantities.number(f"{value!r} {unit}", unit) == pytest.approx(value, rel=1e-12, abs=1e-9)


@given(values, values, st.sampled_from(UNITS))
def test_a_written_range_reads_back_or_is_refused_when_not_rising(low: float, high: float, unit: str) -> None:
    text = f"{low!r} .. {high!r} {unit}"
    if quantities.number(f"{low!r} {unit}", unit) < quantities.number(f"{high!r} {unit}", unit):
        assert quantities.interval(text, unit) == pytest.approx((low, high), rel=1e-12, abs=1e-9)
    else:
        with pytest.raises(Refused):
            quantities.interval(text, unit)


@settings(deadline=None)  # the first odd unit loads pint
@given(st.text(max_size=40), st.sampled_from(UNITS))
def test_any_text_is_a_finite_number_or_refused(text: str, unit: str) -> None:
    try:
        assert abs(quantities.number(text, unit)) <= 1e15
    except Refused as exc:
        assert str(exc)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("5 min", "s", 300.0),
        ("2 h", "s", 7200.0),
        ("60 %", "", 0.6),
        (0.6, "", 0.6),
        ("2 mol/mol", "", 2.0),
        ("1.5 v/v", "", 1.5),
        ("298.15 K", "degC", 25.0),
        ("25 °C", "degC", 25.0),
        ("20 K", "K", 20.0),
        ("20 degC", "K", 20.0),
        ("3 mM", "mmol/L", 3.0),
        ("0.02 M", "mmol/L", 20.0),
        ("1e-3 mol/L", "mmol/L", 1.0),
        ("2 \u00b5L", "uL", 2.0),
        ("2 \u03bcl", "uL", 2.0),
        ("2 ul", "uL", 2.0),
        ("0.2 mL", "uL", 200.0),
    ],
)
def test_units_are_converted(text: object, unit: str, value: float) -> None:
    assert quantities.number(text, unit) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "unit", "advice"),
    [
        (5, "s", "has no unit"),
        ("5", "s", "has no unit"),
        ("20 uL", "s", "is not a time"),
        ("2.667 eV", "nm", "464.9 nm"),
        ("3 MM", "mmol/L", "write mM"),
        ("2 UL", "uL", "write uL"),
        ("25 C", "degC", "write degC"),
        ("1,5 mL", "uL", "1.5 mL"),
        ("1:30", "s", "base 60"),
        ("nan nm", "nm", "not a finite number"),
        ("inf", "", "not a finite number"),
        ("1e400 nm", "nm", "not a finite number"),
        (float("nan"), "", "not a finite number"),
        (True, "", "true is not"),
        (None, "s", "nothing is not"),
        ("1 .. 2 nm", "nm", "is a range"),
        ("1 furlong", "nm", "not known"),
        ("1 s**99999999", "s", "not known"),
        ("1 __import__('os')", "s", "not known"),
    ],
)
def test_doubtful_text_is_refused_with_advice(text: object, unit: str, advice: str) -> None:
    with pytest.raises(Refused) as caught:
        quantities.number(text, unit)
    assert advice in str(caught.value)


def test_the_unit_of_a_range_may_stand_once_or_twice() -> None:
    assert quantities.interval("1 .. 60 min", "s") == (60.0, 3600.0)
    assert quantities.interval("30 s .. 1 h", "s") == (30.0, 3600.0)
    assert quantities.interval("2..8", "") == (2.0, 8.0)


@pytest.mark.parametrize("text", ["2 - 8", "2 ... 8", "2 ..", "2", "8 .. 2", "5 .. 5", "1 .. 2 .. 3"])
def test_what_is_no_rising_range_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        quantities.interval(text, "")


@pytest.mark.parametrize(
    ("given_", "known"), [("µl", "uL"), ("M", "mol/L"), ("mM", "mmol/L"), ("min", "min"), ("", "")]
)
def test_units_have_one_spelling(given_: str, known: str) -> None:
    assert quantities.canonical(given_) == known


@pytest.mark.parametrize("kind", range(len(quantities._USUAL)))
def test_the_usual_units_are_what_pint_makes_of_them(kind: int) -> None:
    registry = quantities._registry()
    for one in quantities._USUAL[kind]:
        for other in quantities._USUAL[kind]:
            theirs = registry.convert(3.7, one.replace("%", "percent"), other.replace("%", "percent"))
            assert quantities._convert(3.7, one, other, "") == pytest.approx(theirs, rel=1e-12), (one, other)
