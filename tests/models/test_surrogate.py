"""The model tells run, well and design apart, and survives any data."""

from collections.abc import Sequence

import numpy as np
import torch

from models.evidence import Array
from models.fitted import NO_RUN, Told, fit_quantity
from models.surrogate import Surrogate, outcome

RUN_SD, WELL_SD = 0.3, 0.05


def fit(
    X: torch.Tensor, runs: torch.Tensor, Y: torch.Tensor, Yvar: torch.Tensor, warm: Sequence[Array | None] | None = None
) -> Surrogate:
    """Fit every column of ``Y`` ``n x m`` on its own to the rows that have it."""
    outcomes = []
    for j, theta in enumerate(warm or [None] * Y.shape[-1]):
        row = Y[:, j].isfinite().nonzero().squeeze(-1)
        told = Told(row=row, X=X[row], run=runs[row], y=Y[row, j], yvar=Yvar[row, j], kind=torch.zeros_like(row))
        outcomes.append(outcome(fit_quantity(told, begin=theta), 0))
    return Surrogate(outcomes=tuple(outcomes))


def data(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``n`` wells in runs of 8 on a smooth function of two variables, with run effect and well noise."""
    rng = np.random.default_rng(seed)
    X = rng.random((n, 2))
    runs = np.arange(n) // 8
    y = truth(X) + (RUN_SD * rng.standard_normal(n))[runs] + WELL_SD * rng.standard_normal(n)
    return torch.from_numpy(X), torch.from_numpy(runs), torch.from_numpy(y).unsqueeze(-1)


def truth(X: np.ndarray) -> np.ndarray:
    return np.asarray(np.sin(3.0 * X[:, 0]) + X[:, 1] ** 2)


def test_the_run_effect_is_learned_apart_from_the_well_noise() -> None:
    X, runs, Y = data(80)
    [outcome] = fit(X, runs, Y, torch.zeros_like(Y)).outcomes
    assert 0.5 * RUN_SD < outcome.run_var**0.5 < 2.0 * RUN_SD
    assert 0.5 * WELL_SD < outcome.well_var**0.5 < 2.0 * WELL_SD


def test_without_run_labels_the_same_scatter_counts_as_well_noise() -> None:
    X, runs, Y = data(80)
    [outcome] = fit(X, torch.full_like(runs, NO_RUN), Y, torch.zeros_like(Y)).outcomes
    assert outcome.well_var**0.5 > 3.0 * WELL_SD


def test_many_wells_of_one_run_say_less_than_a_few_of_several() -> None:
    X, runs, Y = data(80)
    x = torch.tensor([[0.5, 0.5]], dtype=torch.double)
    rows = torch.cat([X, x.expand(8, 2)])
    values = torch.cat([Y, torch.full((8, 1), float(truth(x.numpy())[0]), dtype=torch.double)])
    warm = fit(X, runs, Y, torch.zeros_like(Y)).thetas

    def sd(extra: torch.Tensor) -> float:
        surrogate = fit(rows, torch.cat([runs, extra]), values, torch.zeros_like(values), warm=warm)
        return float(surrogate.moments(x)[1].sqrt())

    assert sd(torch.arange(100, 108)) < 0.9 * sd(torch.full((8,), 100))


def test_a_known_noise_is_not_believed_more_than_it_deserves() -> None:
    X, runs, Y = data(24)
    Yvar = torch.zeros_like(Y)
    Y[3], Yvar[3] = 50.0, 1e4
    mean, _ = fit(X, runs, Y, Yvar).moments(X[3:4])
    assert abs(float(mean) - float(truth(X[3:4].numpy())[0])) < 25.0


def test_an_outcome_missing_in_most_rows_still_uses_the_others_and_leaves_its_neighbour_alone() -> None:
    X, runs, Y = data(24)
    both = torch.cat([Y, Y], dim=1)
    both[4:, 1] = torch.nan
    surrogate = fit(X, runs, both, torch.zeros_like(both))
    alone = fit(X, runs, Y, torch.zeros_like(Y))
    assert len(surrogate.outcomes[1].fitted.told.y) == 4
    torch.testing.assert_close(surrogate.moments(X)[0][:, 0], alone.moments(X)[0][:, 0])
    assert surrogate.moments(X)[1][8:, 1].mean() > 2.0 * alone.moments(X)[1][8:, 0].mean()


def test_a_failed_search_falls_back_to_default_constants_and_says_so() -> None:
    X, runs, Y = data(16)
    good = fit(X, runs, Y, torch.zeros_like(Y))
    bad = tuple(np.full_like(theta, np.nan) for theta in good.thetas)
    surrogate = fit(X, runs, Y, torch.zeros_like(Y), warm=bad)
    assert good.good and not surrogate.good
    assert all(bool(m.isfinite().all()) for m in surrogate.moments(X))


def test_a_warm_start_ends_at_the_same_place() -> None:
    X, runs, Y = data(32)
    cold = fit(X, runs, Y, torch.zeros_like(Y))
    warm = fit(X, runs, Y, torch.zeros_like(Y), warm=cold.thetas)
    torch.testing.assert_close(cold.moments(X)[0], warm.moments(X)[0], rtol=1e-2, atol=1e-2)


def test_the_95_percent_intervals_cover_new_runs() -> None:
    inside = []
    for seed in range(8):
        X, runs, Y = data(112, seed=seed)
        surrogate = fit(X[:48], runs[:48], Y[:48], torch.zeros_like(Y[:48]))
        mean, var = surrogate.moments(X[48:])
        inside += ((Y[48:] - mean).abs() < 1.96 * (var + surrogate.noise_var).sqrt()).flatten().tolist()
    assert np.mean(inside) > 0.8  # six runs leave the run-to-run sd itself uncertain
