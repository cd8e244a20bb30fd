"""A reading that all others contradict moves nothing, and is believed once another one like it comes."""

from __future__ import annotations

import numpy as np
import torch

from models.doubt import HEAVY, kurtosis, steadied
from models.fitted import NO_RUN, Fitted, Told, fit_quantity
from models.surrogate import outcome

WRONG = (5, 20)


def fitted(*, wrong: float, n: int = 40, again: int = 0) -> Fitted:
    """``n`` wells of a smooth function with little noise, those of `WRONG` off by ``wrong``, the first made again."""
    rng = np.random.default_rng(4)
    X = rng.random((n, 2))
    y = truth(X) + 0.05 * rng.standard_normal(n)
    y[list(WRONG)] += wrong
    X, y = np.concatenate([X, X[[WRONG[0]] * again]]), np.concatenate([y, y[[WRONG[0]] * again]])
    nothing = torch.zeros(len(X), dtype=torch.long)
    told = Told(
        row=torch.arange(len(X)),
        X=torch.from_numpy(X),
        run=nothing + NO_RUN,
        y=torch.from_numpy(y),
        yvar=torch.zeros(len(X), dtype=torch.double),
        kind=nothing,
    )
    return fit_quantity(told)


def truth(X: np.ndarray) -> np.ndarray:
    return np.asarray(np.sin(3.0 * X[:, 0]) + X[:, 1] ** 2)


def error(model: Fitted) -> float:
    X = np.random.default_rng(9).random((200, 2))
    seen = outcome(model, 0)
    return float(np.abs(seen.mean(seen.view(torch.from_numpy(X))).numpy() - truth(X)).mean())


def test_two_wells_that_went_wrong_hardly_move_the_others() -> None:
    model = fitted(wrong=2.0)
    steady = steadied(model)
    assert kurtosis(model) > HEAVY and error(steady) < 0.6 * error(model)
    trust = steady.trust
    assert float(trust[list(WRONG)].max()) < 0.2 < float(trust.median())
    assert outcome(steady, 0).well_var < outcome(model, 0).well_var


def test_where_noise_is_gaussian_nothing_changes() -> None:
    model = fitted(wrong=0.0)
    assert steadied(model) is model and outcome(model, 0).fitted.tail == 1.0


def test_a_reading_that_comes_again_is_believed() -> None:
    once, often = steadied(fitted(wrong=2.0)), steadied(fitted(wrong=2.0, again=3))
    at = once.told.X[WRONG[0]].unsqueeze(0)

    def there(model: Fitted) -> float:
        seen = outcome(model, 0)
        return float(seen.mean(seen.view(at))) - float(truth(at.numpy())[0])

    assert abs(there(once)) < 0.2 and there(often) > 0.5
