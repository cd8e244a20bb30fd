"""The closed form of the evidence is the one GPyTorch computes step by step, and its gradient is right."""

import dataclasses

import gpytorch
import numpy as np
import pytest
import torch

from models.evidence import ALIKE_SD, Constants, Evidence, Readings, believed, most_probable, priors, start


def readings(kinds: int, n: int = 30, seed: int = 0, smoothness: float = 2.5) -> Readings:
    rng = np.random.default_rng(seed)
    shares = np.eye(kinds)
    shares[0] = 1.0
    features = rng.standard_normal((n, 2))
    return Readings(
        X=rng.random((n, 3)),
        kind=np.arange(n) % kinds,
        run=np.arange(n) // 8 - 1,
        z=rng.standard_normal(n),
        zvar=rng.uniform(0.0, 0.1, n),
        features=features,
        shares=shares,
        moves=np.array([[1.0, 1.0, 0.0], *[[1.0, 1.0, 1.0]] * (kinds - 1)]),
        trust=rng.uniform(0.2, 1.2, n),
        smoothness=smoothness,
    )


def thetas(r: Readings, count: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [start(r) + rng.normal(0.0, 0.5, len(start(r))) for _ in range(count)]


class _Reference(gpytorch.models.ExactGP):
    """GPyTorch's own model of the same structure, for one kind of reading and no known covariance."""

    def __init__(self, r: Readings, c: Constants) -> None:
        likelihood = gpytorch.likelihoods.FixedNoiseGaussianLikelihood(torch.from_numpy(r.noise(c)))
        super().__init__(torch.from_numpy(r.X), torch.from_numpy(r.z), likelihood)
        self.mean_module = gpytorch.means.ZeroMean()
        self.matern = gpytorch.kernels.ScaleKernel(
            gpytorch.kernels.MaternKernel(nu=r.smoothness, ard_num_dims=3)
        ).double()
        self.matern.base_kernel.lengthscale = torch.from_numpy(c.lengths[0])
        self.matern.outputscale = torch.tensor(c.scales[0])
        self.more = torch.from_numpy(r.features @ r.features.T + c.run * r.same_run)

    def forward(self, X: torch.Tensor) -> gpytorch.distributions.MultivariateNormal:
        return gpytorch.distributions.MultivariateNormal(self.mean_module(X), self.matern(X).to_dense() + self.more)


@pytest.mark.parametrize("smoothness", [1.5, 2.5])
def test_the_evidence_is_the_one_of_gpytorch(smoothness: float) -> None:
    r = readings(1, smoothness=smoothness)
    for theta in thetas(r):
        gp = _Reference(r, Constants.of(theta, r.moves)).train()
        mll = gpytorch.mlls.ExactMarginalLogLikelihood(gp.likelihood, gp)
        theirs = float(mll(gp(*gp.train_inputs), gp.train_targets).detach()) * len(r.z)
        ours = -Evidence(r)(theta)[0] * len(r.z) - believed(r, theta)[0]
        assert ours == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(("kinds", "smoothness"), [(1, 2.5), (3, 2.5), (3, 1.5)])
def test_the_gradient_is_that_of_the_evidence(kinds: int, smoothness: float) -> None:
    r = readings(kinds, smoothness=smoothness)
    objective = Evidence(r)
    for theta in thetas(r):
        steps = 1e-5 * np.eye(len(theta))
        slopes = [(objective(theta + step)[0] - objective(theta - step)[0]) / 2e-5 for step in steps]
        np.testing.assert_allclose(objective(theta)[1], slopes, rtol=1e-5, atol=1e-7)


def test_length_scales_are_alike_but_for_an_input_that_may_not_matter() -> None:
    r = dataclasses.replace(readings(1), X=np.zeros((30, 6)), moves=np.ones((1, 6)))
    usual, all_, one = priors(r)[0], np.zeros(9), np.zeros(9)
    all_[:6], one[0] = 1.0, 1.0
    usually, alike, less, idle = (believed(r, usual + step)[0] for step in (0.0 * one, all_, one, 3.0 * one))
    assert alike > less, "a level that all share is free to move"
    gaussian = 0.5 * 3.0**2 * 5 / 6 / ALIKE_SD**2
    assert usually - idle < 0.75 * gaussian, "one input may well not matter at all"


def test_the_search_finds_a_point_that_no_neighbour_beats() -> None:
    r = readings(2)
    theta, evidence = most_probable(r)
    rng = np.random.default_rng(2)
    beside = [theta + rng.normal(0.0, 0.1, len(theta)) for _ in range(20)]
    assert evidence > max(-Evidence(r)(t)[0] * len(r.z) for t in beside)


def test_readings_without_a_finite_optimum_are_refused() -> None:
    r = readings(1)
    with pytest.raises(FloatingPointError, match="optimum"):
        most_probable(r, np.full_like(start(r), np.nan))
