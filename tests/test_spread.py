"""Spreading over what can be made: every point becomes a design, and evenly."""

from __future__ import annotations

import numpy as np
import pytest

from sdl.constraint import Constraint, contradict
from sdl.errors import NothingFeasible, Refused
from sdl.space import Columns, DesignSpace, Parameter, When


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


SIMPLEX = {f"x{i}": (0.0, 1.0) for i in range(12)}
BALL = "(a - 0.5)**2 + (b - 0.5)**2 + (c - 0.5)**2 + (d - 0.5)**2 <= 0.0004"


def values(space: DesignSpace, n: int) -> np.ndarray:
    designs = space.sobol(n, seed=1)
    assert all(space.feasible(d) for d in designs)
    return np.array([[float(d[name]) for name in space.names] for d in designs])


def test_a_part_of_two_in_a_billion_is_filled_evenly() -> None:
    """Twelve shares of a mixture and what is left: Dirichlet, mean 1/13, variance 12/(169 * 14) (closed form)."""
    found = values(DesignSpace.of(constraints=["+".join(SIMPLEX) + " <= 1"], **SIMPLEX), 512)
    assert len(np.unique(found, axis=0)) == 512
    assert found.mean() == pytest.approx(1 / 13, abs=0.01)
    assert found.var(0).mean() == pytest.approx(12 / (169 * 14), rel=0.25)


def test_a_small_ball_is_found_and_filled() -> None:
    """Uniform in a ball of radius r in four dimensions: variance r^2 / 6 on each axis (closed form)."""
    found = values(DesignSpace.of(constraints=[BALL], **dict.fromkeys("abcd", (0.0, 1.0))), 256)
    assert found.mean(0) == pytest.approx(0.5, abs=0.003)
    assert found.var(0).mean() == pytest.approx(0.0004 / 6, rel=0.3)


def test_a_slab_thinner_than_any_step_is_followed() -> None:
    """The shares of four components: Dirichlet(1, 1, 1, 1), mean 1/4, variance 3/80 (closed form)."""
    space = DesignSpace.of(constraints=["0.999999 <= a + b + c + d <= 1.000001"], **dict.fromkeys("abcd", (0.0, 1.0)))
    found = values(space, 256)
    assert found.mean(0) == pytest.approx(0.25, abs=0.03)
    assert found.var(0).mean() == pytest.approx(3 / 80, rel=0.2)


def test_what_is_found_is_the_same_for_a_seed() -> None:
    space = DesignSpace.of(constraints=["a + b <= 0.001"], a=(0.0, 1.0), b=(0.0, 1.0))
    assert space.sobol(8, seed=1) == space.sobol(8, seed=1) != space.sobol(8, seed=2)


def test_what_cannot_be_made_for_other_reasons_is_left_out_where_little_is_left() -> None:
    def snap(columns: Columns) -> tuple[Columns, np.ndarray]:
        return columns, columns["a"] > 0.5

    space = DesignSpace.of(constraints=[BALL], **dict.fromkeys("abcd", (0.0, 1.0)), snap=snap)
    assert values(space, 64)[:, 0].min() > 0.5


def test_an_empty_space_says_whether_that_is_proven() -> None:
    unit = {"a": (0.0, 1.0), "b": (0.0, 1.0)}
    with pytest.raises(
        NothingFeasible, match=r"no design exists inside a, b: no values .* meet 2 \* a \+ b / 2 >= 3; w"
    ):
        DesignSpace.of(constraints=["2 * a + b / 2 >= 3"], **unit).sobol(4, seed=0)
    with pytest.raises(
        NothingFeasible, match=r"none of \d+ .* is no proof, inside a, b \(a \* b >= 3\); widen a range"
    ):
        DesignSpace.of(constraints=["a * b >= 3"], **unit).sobol(4, seed=0)


LINEAR = [
    ("-(a - 2 * b) <= 3 * (b + 1) / 2", {"a": -1.0, "b": 0.5}, -1.5),
    ("a * 4 > b - a", {"a": -5.0, "b": 1.0}, 0.0),
]


@pytest.mark.parametrize(("text", "weights", "added"), LINEAR)
def test_what_is_linear_is_known_to_be(text: str, weights: dict[str, float], added: float) -> None:
    assert Constraint.parse(text).linear == ((weights, added),)


@pytest.mark.parametrize("text", ["a * b <= 1", "1 / a <= 1", "a ** 2 <= 1", 'a * (s == "x") <= 1', "a / 0 <= 1"])
def test_what_is_not_linear_proves_nothing(text: str) -> None:
    constraint = Constraint.parse(text)
    assert constraint.linear == ()
    assert not contradict([constraint], {"a": (0.0, 1.0), "b": (0.0, 1.0)})


def test_how_much_is_missed_is_nothing_where_it_holds_and_endless_where_there_is_no_number() -> None:
    constraint, columns = (
        Constraint.parse("0.5 <= a / b <= 1"),
        {"a": np.array([0.0, 3, 4, 0]), "b": np.array([1.0, 4, 2, 0])},
    )
    assert constraint.missed(columns).tolist() == [0.5, 0.0, 1.0, np.inf]


def test_an_equality_is_refused_with_what_to_write() -> None:
    with pytest.raises(
        Refused, match=r"'a \+ b == 1' is an equality: vary all components but one .* or allow a thin slab"
    ):
        DesignSpace.of(a=(0.0, 1.0), b=(0.0, 1.0), constraints=["a + b == 1"])
