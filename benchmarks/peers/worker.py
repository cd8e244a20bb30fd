"""One peer optimizer behind two messages, in an environment of its own: JSON lines in, JSON lines out.

``{"tell": [{"x": [...], "y": {...}}]}`` adds experiments (``x`` in the unit cube); ``{"ask": q}`` answers
``{"x": [[...], ...], "cpu_s": ...}``.  Started by ``compare.py`` as ``python worker.py PEER D SEED``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import sys
import time
import warnings
from typing import Any, Protocol

import pandas as pd
import torch

PL_NM, PL_WITHIN_NM, FWHM_NM, PLQY = 465.0, 1.0, 20.0, 0.6
RAMPS = {"fwhm_nm": (15.0, 30.0), "plqy": (0.2, 0.8)}
PL_REACH_NM = 40.0
"""The score of a chemist who knows no more than the target: triangles and ramps over what such dots can show."""
OUTCOMES = ("pl_peak_nm", "fwhm_nm", "plqy")


class Peer(Protocol):
    def tell(self, x: list[float], y: dict[str, float]) -> None: ...
    def ask(self, q: int) -> list[list[float]]: ...


class BayBE:
    """BayBE's campaign with its default recommender on its desirability objective."""

    def __init__(self, d: int, seed: int) -> None:
        from baybe import Campaign
        from baybe.objectives import DesirabilityObjective
        from baybe.parameters import NumericalContinuousParameter
        from baybe.searchspace import SearchSpace
        from baybe.targets import NumericalTarget

        self.names = [f"x{j}" for j in range(d)]
        space = SearchSpace.from_product([NumericalContinuousParameter(n, (0.0, 1.0)) for n in self.names])
        low, high = PL_NM - PL_REACH_NM, PL_NM + PL_REACH_NM
        targets = [
            NumericalTarget.match_triangular("pl_peak_nm", PL_NM, cutoffs=(low, high)),
            NumericalTarget.normalized_ramp("fwhm_nm", RAMPS["fwhm_nm"], descending=True),
            NumericalTarget.normalized_ramp("plqy", RAMPS["plqy"]),
        ]
        self.campaign = Campaign(space, DesirabilityObjective(targets, scalarizer="MEAN"))

    def tell(self, x: list[float], y: dict[str, float]) -> None:
        self.campaign.add_measurements(pd.DataFrame([dict(zip(self.names, x, strict=True)) | y]))

    def ask(self, q: int) -> list[list[float]]:
        return [[float(v) for v in row] for row in self.campaign.recommend(q)[self.names].to_numpy()]


class Ax:
    """Ax with its default strategy: two objectives under the target's outcome constraints."""

    def __init__(self, d: int, seed: int) -> None:
        from ax.api.client import Client
        from ax.api.configs import RangeParameterConfig

        self.names = [f"x{j}" for j in range(d)]
        self.client = Client(random_seed=seed)
        self.client.configure_experiment(
            parameters=[RangeParameterConfig(name=n, parameter_type="float", bounds=(0.0, 1.0)) for n in self.names]
        )
        low, high = PL_NM - PL_WITHIN_NM, PL_NM + PL_WITHIN_NM
        self.client.configure_optimization(
            objective="-fwhm_nm, plqy",
            outcome_constraints=[f"pl_peak_nm >= {low}", f"pl_peak_nm <= {high}"],
        )
        self.client.configure_generation_strategy(method="fast", initialization_budget=0, initialize_with_center=False)

    def tell(self, x: list[float], y: dict[str, float]) -> None:
        trial = self.client.attach_trial(dict(zip(self.names, x, strict=True)))
        self.client.complete_trial(trial, raw_data=y)

    def ask(self, q: int) -> list[list[float]]:
        found = self.client.get_next_trials(q)
        for trial in found:
            self.client.mark_trial_abandoned(trial)  # told again as executed
        return [[float(p[n]) for n in self.names] for p in found.values()]


class _BoTorch:
    def __init__(self, d: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.d, self.X, self.Y = d, [], []
        self.bounds = torch.tensor([[0.0] * d, [1.0] * d], dtype=torch.double)

    def tell(self, x: list[float], y: dict[str, float]) -> None:
        self.X.append(x)
        self.Y.append([y[name] for name in OUTCOMES])

    def model(self) -> Any:
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from gpytorch.mlls import ExactMarginalLogLikelihood

        gp = SingleTaskGP(torch.tensor(self.X, dtype=torch.double), torch.tensor(self.Y, dtype=torch.double))
        fit_gpytorch_mll(ExactMarginalLogLikelihood(gp.likelihood, gp))
        return gp

    def ask(self, q: int) -> list[list[float]]:
        from botorch.optim import optimize_acqf

        found, _ = optimize_acqf(
            self.acquisition(), self.bounds, q=q, num_restarts=10, raw_samples=512, sequential=True
        )
        return [[float(v) for v in row] for row in found]

    def acquisition(self) -> Any:
        raise NotImplementedError


def score(Y: torch.Tensor, X: torch.Tensor | None = None) -> torch.Tensor:
    """The same desirability as BayBE's, of outcomes ``... x 3``."""
    pl = (1.0 - (Y[..., 0] - PL_NM).abs() / PL_REACH_NM).clamp(0.0, 1.0)
    low, high = RAMPS["fwhm_nm"]
    fwhm = ((high - Y[..., 1]) / (high - low)).clamp(0.0, 1.0)
    low, high = RAMPS["plqy"]
    return (pl + fwhm + ((Y[..., 2] - low) / (high - low)).clamp(0.0, 1.0)) / 3.0


class Composite(_BoTorch):
    """BoTorch: one three-outcome GP, qLogEI on the score of its samples."""

    def acquisition(self) -> Any:
        from botorch.acquisition import qLogExpectedImprovement
        from botorch.acquisition.objective import GenericMCObjective

        gp = self.model()
        with torch.no_grad():
            best = score(gp.posterior(gp.train_inputs[0][0]).mean).max()
        return qLogExpectedImprovement(gp, best_f=best, objective=GenericMCObjective(score))


class NEHVI(_BoTorch):
    """BoTorch: qLogNEHVI on (-FWHM, PLQY) with the PL window as outcome constraints."""

    def acquisition(self) -> Any:
        from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
        from botorch.acquisition.multi_objective.objective import GenericMCMultiOutputObjective

        gp = self.model()
        return qLogNoisyExpectedHypervolumeImprovement(
            gp,
            ref_point=torch.tensor([-FWHM_NM, PLQY], dtype=torch.double),
            X_baseline=torch.tensor(self.X, dtype=torch.double),
            objective=GenericMCMultiOutputObjective(lambda Y, X=None: torch.stack([-Y[..., 1], Y[..., 2]], dim=-1)),
            constraints=[lambda Y: (Y[..., 0] - PL_NM).abs() - PL_WITHIN_NM],
            prune_baseline=True,
        )


PEERS = {"baybe": BayBE, "ax": Ax, "botorch_composite": Composite, "botorch_qlognehvi": NEHVI}


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    name, d, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(seed)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with open(os.devnull, "w", encoding="utf-8") as silence, contextlib.redirect_stdout(silence):  # noqa: PTH123
        peer: Peer = PEERS[name](d, seed)
        for line in sys.stdin:
            message = json.loads(line)
            for row in message.get("tell", []):
                if all(math.isfinite(row["y"].get(outcome, math.nan)) for outcome in OUTCOMES):
                    peer.tell(row["x"], {outcome: row["y"][outcome] for outcome in OUTCOMES})
            if "ask" in message:
                begin = time.process_time()
                found = peer.ask(message["ask"])
                answers.write(json.dumps({"x": found, "cpu_s": time.process_time() - begin}) + "\n")
                answers.flush()


if __name__ == "__main__":
    main()
