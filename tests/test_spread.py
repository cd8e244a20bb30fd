"""Spreading over what can be made: every point becomes a design, and evenly."""

from __future__ import annotations

import numpy as np
import pytest

from sdl.errors import NothingFeasible
from sdl.space import DesignSpace, Parameter, When


def test_a_simplex_is_filled_evenly() -> None:
    """Uniform on a + b + c <= 1 is a Dirichlet(1, 1, 1, 1): mean 1/4, variance 3/80 (closed form)."""
    space = DesignSpace.of(a=(0.0, 1.0), b=(0.0, 1.0), c=(0.0, 1.0), constraints=["a + b + c <= 1"])
    designs = space.sobol(2048, seed=1)
    values = np.array([[float(d[name]) for name in "abc"] for d in designs])
    assert len(designs) == 2048 and (values.sum(1) <= 1.0).all()
    assert values.mean(0) == pytest.approx(0.25, abs=0.015)
    assert values.var(0) == pytest.approx(3 / 80, abs=0.004)


def test_a_corner_of_a_hundredth_is_filled_without_loss() -> None:
    space = DesignSpace.of(a=(0.0, 1.0), b=(0.0, 1.0), constraints=["a * b >= 0.9"])
    designs = space.sobol(512, seed=2)
    values = np.array([[float(d["a"]), float(d["b"])] for d in designs])
    assert len(np.unique(values, axis=0)) == 512
    assert values.mean(0) == pytest.approx(0.966, abs=0.003), "the mean of 5,130 of a million uniform points"


def test_a_constraint_may_depend_on_a_choice() -> None:
    space = DesignSpace.of(
        solvent=("toluene", "octane"), time=(0.0, 10.0), constraints=['(solvent == "toluene") * time <= 5']
    )
    designs = space.sobol(256, seed=3)
    longest = {s: max(float(d["time"]) for d in designs if d["solvent"] == s) for s in ("toluene", "octane")}
    assert longest["toluene"] <= 5.0 and longest["octane"] > 9.0


def test_a_parameter_that_does_not_count_has_one_value() -> None:
    when = When(parameter="ligand", among=("amine",))
    space = DesignSpace(
        parameters=(
            Parameter(name="ligand", choices=("amine", "acid")),
            Parameter(name="amine_to_pb", low=1.0, high=4.0, when=when),
        )
    )
    designs = space.sobol(64, seed=1)
    assert {d["amine_to_pb"] for d in designs if d["ligand"] == "acid"} == {1.0}
    assert len({d["amine_to_pb"] for d in designs if d["ligand"] == "amine"}) > 20


def test_an_empty_space_says_so() -> None:
    with pytest.raises(NothingFeasible, match=r"none of \d+ designs can be made inside a; widen a range"):
        DesignSpace.of(a=(0.0, 1.0), constraints=["a >= 2"]).sobol(4, seed=0)
