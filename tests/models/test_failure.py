"""Wells in which nothing came to be teach the advisor where not to go, without blinding it."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from models import Advisor
from models.encode import DesignCode
from models.failure import odds, p_works
from models.suggestion import Row
from sdl.space import Design, DesignSpace
from sdl.target import Target, match

SPACE = DesignSpace.of(a=(0.0, 1.0), b=(0.0, 1.0))
TARGET = Target.of(pl_peak_nm=match(452.0, within=1.0))


def dead(design: Design) -> bool:
    return float(design["a"]) < 0.5


def peak_nm(design: Design) -> float:
    """The dead half is where the trend of the living one leads."""
    a, b = float(design["a"]), float(design["b"])
    return 440.0 + 30.0 * a + 8.0 * np.sin(4.0 * b)


def chances(failed: list[tuple[float, float]], worked: list[tuple[float, float]], at: list[list[float]]) -> list[float]:
    def row(x: tuple[float, float], why: str) -> Row:
        features = {} if why else {"y": 1.0}
        return Row(design={"a": x[0], "b": x[1]}, features=features, sd={}, run=None, experiment="", failed=why)

    found = odds(DesignCode(SPACE), [*(row(x, "no emission") for x in failed), *(row(x, "") for x in worked)])
    assert found is not None
    return p_works(found, found.view(torch.tensor(at, dtype=torch.double))).tolist()


@cache
def failures(seed: int, *, learned: bool) -> tuple[int, Advisor]:
    """Return how many of 8 designs chosen by the model lie in the dead half, after 8 that fill the space."""
    advisor, lost = Advisor(SPACE, TARGET, seed=seed, start=8), 0
    for batch in range(3):
        for s in advisor.suggest(4 if batch else 8):
            if not dead(s.design):
                advisor.tell(s.design, {"pl_peak_nm": peak_nm(s.design)}, sd={"pl_peak_nm": 0.2})
            elif learned:
                advisor.fail(s.design, "no emission")
            lost += batch > 0 and dead(s.design)
    return lost, advisor


def test_fewer_suggestions_fail_once_failures_are_told() -> None:
    unaware, _ = failures(1, learned=False)
    lost, advisor = failures(1, learned=True)
    assert lost <= 0.5 * unaware
    assert any(TARGET.hit(row.features) for row in advisor.rows)


def test_a_suggestion_says_the_risk_and_counts_it_in_the_chance_of_a_hit() -> None:
    advisor = failures(1, learned=True)[1]
    [s] = advisor.suggest(1)
    assert "risk that the well fails" in s.why or s.kind == "replicate"
    alive, gone = (advisor.predict({"a": a, "b": 0.5}) for a in (0.9, 0.1))
    assert alive.p_works > 0.8 > 0.2 > gone.p_works
    assert advisor.predict({"a": 0.9, "b": 0.5}).p_hit <= alive.p_works


def test_one_failure_among_many_does_not_close_the_space() -> None:
    grid = [(x / 4.0, y / 4.0) for x in range(5) for y in range(5)]
    assert min(chances([(0.5, 0.55)], grid, [[0.5, 0.55], [0.5, 0.75], [0.0, 0.0]])) > 0.7


def test_a_corner_that_fails_again_and_again_is_closed_and_only_that() -> None:
    grid = [(x / 4.0, y / 4.0) for x in range(5) for y in range(5) if x + y > 2]
    corner = [(0.0, 0.0), (0.1, 0.1), (0.0, 0.2), (0.2, 0.0), (0.1, 0.2)]
    [here, beside, far] = chances(corner, grid, [[0.05, 0.05], [0.5, 0.5], [1.0, 1.0]])
    assert here < 0.35 and beside > 0.8 and far > 0.85


def test_where_everything_failed_so_far_the_rest_stays_open() -> None:
    [here, far] = chances([(0.1, 0.1), (0.2, 0.1), (0.1, 0.2)], [], [[0.12, 0.12], [1.0, 1.0]])
    assert here < 0.35 and far > here + 0.1


def test_nothing_changes_as_long_as_nothing_failed() -> None:
    assert (
        odds(DesignCode(SPACE), [Row(design={"a": 0.1, "b": 0.1}, features={}, sd={}, run=None, experiment="")]) is None
    )
    advisor = failures(1, learned=False)[1]
    assert advisor.predict({"a": 0.5, "b": 0.5}).p_works == 1.0
    assert "fails" not in advisor.suggest(1)[0].why
