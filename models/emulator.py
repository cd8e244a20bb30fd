"""A stand-in for a laboratory where there is none: one function drawn from the model of the data, with its noise."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.posterior import Posterior
from sdl.space import Design


class Emulator:
    """Answer designs as one possible world that agrees with the data; ``seed`` draws the world and its noise.

    What was answered before is remembered, so that nearby designs agree with each other: the sample of a Gaussian
    process continued by conditioning.
    """

    def __init__(self, posterior: Posterior, seed: int) -> None:
        self._posterior = posterior
        self._generator = torch.Generator().manual_seed(seed)
        self._X = posterior.X.new_empty((0, posterior.X.shape[1]))
        self._F: list[Tensor] = [posterior.X.new_empty(0) for _ in posterior.surrogate.outcomes]

    def run(self, designs: Sequence[Design]) -> list[dict[str, float]]:
        """Return what each design gives when it is made now, by feature."""
        X = self._posterior.inputs(designs)
        Y = torch.empty(len(designs), len(self._F), dtype=torch.double)
        with torch.no_grad():
            for j, outcome in enumerate(self._posterior.surrogate.outcomes):
                both = torch.cat([self._X, X])
                view = outcome.view(both)
                C = outcome.covariance(view, view)
                C = C + torch.eye(len(C), dtype=C.dtype) * (1e-6 * float(C.diagonal().max()) + 1e-12)
                mean, k = outcome.mean(view), len(self._X)
                gain = torch.linalg.solve(C[:k, :k], C[:k, k:]).T if k else C.new_empty((len(X), 0))
                centre = mean[k:] + gain @ (self._F[j] - mean[:k])
                left = C[k:, k:] - gain @ C[:k, k:]
                root = torch.linalg.cholesky(left + torch.eye(len(X), dtype=C.dtype) * 1e-8 * float(C.diagonal().max()))
                f = centre + root @ self._normals(len(X))
                self._F[j] = torch.cat([self._F[j], f])
                run = outcome.run_var**0.5 * self._normals(1)
                well = (outcome.well_var + outcome.read_var) ** 0.5 * self._normals(len(X))
                Y[:, j] = f + run + well
            self._X = torch.cat([self._X, X])
            values = self._posterior.codec.decode(Y)
        return [dict(zip(self._posterior.codec.names, row, strict=True)) for row in values.tolist()]

    def _normals(self, n: int) -> Tensor:
        return torch.randn(n, generator=self._generator, dtype=torch.double)
