"""Names of quantities as a chemist reads them."""

from __future__ import annotations

import pytest

from sdl.chemistry.routes import ROUTES
from sdl.units import counted, label_of


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("s_to_pb", "S:Pb (mol/mol)"),
        ("br_to_pb", "Br:Pb"),
        ("pb_concentration_mmol_l", "Pb"),
        ("nir_peak_nm", "NIR peak"),
        ("pl_od_ratio", "PL OD ratio"),
        ("sulfide_time_s", "sulfide time"),
        ("ageing_in_air_s", "ageing in air"),
    ],
)
def test_a_label_writes_elements_and_short_names_as_chemists_do(name: str, label: str) -> None:
    assert label_of(name) == label


def test_no_parameter_of_a_route_is_shown_as_programs_name_it() -> None:
    labels = {label_of(name) for route in ROUTES.values() for name in route.parameters}
    assert not [label for label in labels if "_" in label or " to " in label]


def test_one_is_not_many() -> None:
    assert (counted(1, "confirmed hit"), counted(2, "confirmed hit")) == ("1 confirmed hit", "2 confirmed hits")
