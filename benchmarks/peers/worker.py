"""One peer optimizer behind two messages, in an environment of its own: JSON lines in, JSON lines out.

The first line says what is wished and, for a pool, what there is: ``{"wishes": [...], "d": 6, "pool": [[...], ...]}``.
``{"tell": [{"x": [...], "y": {...}}]}`` adds experiments (``x`` in the unit cube); ``{"ask": q}`` answers
``{"x": [[...], ...], "cpu_s": ...}``.  Started by ``compare.py`` as ``python worker.py PEER SEED``.
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

Wishes = list[dict[str, Any]]
Points = list[list[float]]


class Peer(Protocol):
    def tell(self, x: list[float], y: dict[str, float]) -> None: ...
    def ask(self, q: int) -> Points: ...


class BayBE:
    """BayBE's campaign with its default recommender, on its desirability objective where there are several wishes."""

    def __init__(self, d: int, wishes: Wishes, pool: Points | None, seed: int) -> None:
        from baybe import Campaign
        from baybe.objectives import DesirabilityObjective
        from baybe.parameters import NumericalContinuousParameter, NumericalDiscreteParameter
        from baybe.searchspace import SearchSpace

        self.names = [f"x{j}" for j in range(d)]
        if pool is None:
            space = SearchSpace.from_product([NumericalContinuousParameter(n, (0.0, 1.0)) for n in self.names])
        else:
            frame = pd.DataFrame(pool, columns=self.names)
            grid = [NumericalDiscreteParameter(n, sorted(set(frame[n]))) for n in self.names if frame[n].nunique() > 1]
            self.names = [p.name for p in grid]
            space = SearchSpace.from_dataframe(frame[self.names], grid)
        self.kept = [int(n[1:]) for n in self.names]
        targets = [self._target(wish, alone=len(wishes) == 1) for wish in wishes]
        goal = targets[0].to_objective() if len(wishes) == 1 else DesirabilityObjective(targets, scalarizer="MEAN")
        once = {"allow_recommending_already_measured": False} if pool is not None else {}
        self.campaign, self.d = Campaign(space, goal, **once), d

    @staticmethod
    def _target(wish: dict[str, Any], *, alone: bool) -> Any:
        from baybe.targets import NumericalTarget

        if wish["kind"] == "match":
            reach = abs(wish["worst"] - wish["best"])
            cutoffs = (wish["best"] - reach, wish["best"] + reach)
            return NumericalTarget.match_triangular(wish["name"], wish["best"], cutoffs=cutoffs)
        falling = wish["best"] < wish["worst"]
        if alone:
            return NumericalTarget(wish["name"], minimize=falling)
        ends = sorted((wish["best"], wish["worst"]))
        return NumericalTarget.normalized_ramp(wish["name"], (ends[0], ends[1]), descending=falling)

    def tell(self, x: list[float], y: dict[str, float]) -> None:
        row = {n: x[j] for n, j in zip(self.names, self.kept, strict=True)}
        self.campaign.add_measurements(pd.DataFrame([row | y]))

    def ask(self, q: int) -> Points:
        found = self.campaign.recommend(q)
        rows = [dict.fromkeys(range(self.d), 0.0) for _ in range(q)]
        for name, j in zip(self.names, self.kept, strict=True):
            for row, value in zip(rows, found[name], strict=True):
                row[j] = float(value)
        return [list(row.values()) for row in rows]


class Ax:
    """Ax with its default strategy: the ramps as objectives, the other bounds as outcome constraints.

    It has no pools: a wish becomes the nearest of the pool (see ``compare.py``).  Outcomes are called ``y_...``, as Ax
    reads names as Python and ``yield`` is a word of that language.
    """

    def __init__(self, d: int, wishes: Wishes, pool: Points | None, seed: int) -> None:
        from ax.api.client import Client
        from ax.api.configs import RangeParameterConfig

        self.names = [f"x{j}" for j in range(d)]
        self.client = Client(random_seed=seed)
        self.client.configure_experiment(
            parameters=[RangeParameterConfig(name=n, parameter_type="float", bounds=(0.0, 1.0)) for n in self.names]
        )
        ramps = [w for w in wishes if w["kind"] == "ramp"]
        within = [w for w in wishes if w["kind"] == "match"]
        self.client.configure_optimization(
            objective=", ".join(("-" if w["best"] < w["worst"] else "") + f"y_{w['name']}" for w in ramps),
            outcome_constraints=[
                text for w in within for text in (f"y_{w['name']} >= {w['low']}", f"y_{w['name']} <= {w['high']}")
            ]
            or None,
        )
        self.client.configure_generation_strategy(method="fast", initialization_budget=0, initialize_with_center=False)

    def tell(self, x: list[float], y: dict[str, float]) -> None:
        trial = self.client.attach_trial(dict(zip(self.names, x, strict=True)))
        self.client.complete_trial(trial, raw_data={f"y_{name}": value for name, value in y.items()})

    def ask(self, q: int) -> Points:
        found = self.client.get_next_trials(q)
        for trial in found:
            self.client.mark_trial_abandoned(trial)  # told again as executed
        return [[float(p[n]) for n in self.names] for p in found.values()]


class _BoTorch:
    def __init__(self, d: int, wishes: Wishes, pool: Points | None, seed: int) -> None:
        torch.manual_seed(seed)
        self.wishes, self.X, self.Y = wishes, [], []
        self.bounds = torch.tensor([[0.0] * d, [1.0] * d], dtype=torch.double)
        self.pool = None if pool is None else torch.tensor(pool, dtype=torch.double)

    def tell(self, x: list[float], y: dict[str, float]) -> None:
        self.X.append(x)
        self.Y.append([y[wish["name"]] for wish in self.wishes])

    def model(self) -> Any:
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from gpytorch.mlls import ExactMarginalLogLikelihood

        gp = SingleTaskGP(torch.tensor(self.X, dtype=torch.double), torch.tensor(self.Y, dtype=torch.double))
        fit_gpytorch_mll(ExactMarginalLogLikelihood(gp.likelihood, gp))
        return gp

    def ask(self, q: int) -> Points:
        from botorch.optim import optimize_acqf, optimize_acqf_discrete

        if self.pool is None:
            found, _ = optimize_acqf(
                self.acquisition(), self.bounds, q=q, num_restarts=10, raw_samples=512, sequential=True
            )
        else:
            known = torch.tensor(self.X, dtype=torch.double)
            left = self.pool[torch.cdist(self.pool, known).amin(1) > 1e-9]
            found, _ = optimize_acqf_discrete(self.acquisition(), q=q, choices=left, unique=True)
        return [[float(v) for v in row] for row in found]

    def acquisition(self) -> Any:
        raise NotImplementedError

    def score(self, Y: torch.Tensor, X: torch.Tensor | None = None) -> torch.Tensor:
        """The same desirability as BayBE's, of outcomes ``... x m``; of one wish its plain value."""
        parts = []
        for j, wish in enumerate(self.wishes):
            gap = Y[..., j] - wish["best"]
            gap = gap.abs() if wish["kind"] == "match" else gap * math.copysign(1.0, wish["worst"] - wish["best"])
            parts.append(1.0 - gap / abs(wish["worst"] - wish["best"]))
        if len(parts) == 1:
            return parts[0]
        return torch.stack([part.clamp(0.0, 1.0) for part in parts]).mean(0)


class Composite(_BoTorch):
    """BoTorch: one GP of all outcomes, qLogEI on the score of its samples."""

    def acquisition(self) -> Any:
        from botorch.acquisition import qLogExpectedImprovement
        from botorch.acquisition.objective import GenericMCObjective

        gp = self.model()
        with torch.no_grad():
            best = self.score(gp.posterior(torch.tensor(self.X, dtype=torch.double)).mean).max()
        return qLogExpectedImprovement(gp, best_f=best, objective=GenericMCObjective(self.score))


class NEHVI(_BoTorch):
    """BoTorch: qLogNEHVI on the ramps, with the matches as outcome constraints."""

    def acquisition(self) -> Any:
        from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
        from botorch.acquisition.multi_objective.objective import GenericMCMultiOutputObjective

        gp = self.model()
        ramps = [
            (j, w, -1.0 if w["best"] < w["worst"] else 1.0) for j, w in enumerate(self.wishes) if w["kind"] == "ramp"
        ]
        bounds = [(s * float(w["high"] if s < 0 else w["low"])) for _, w, s in ramps]
        return qLogNoisyExpectedHypervolumeImprovement(
            gp,
            ref_point=torch.tensor(bounds, dtype=torch.double),
            X_baseline=torch.tensor(self.X, dtype=torch.double),
            objective=GenericMCMultiOutputObjective(
                lambda Y, X=None: torch.stack([s * Y[..., j] for j, _, s in ramps], dim=-1)
            ),
            constraints=[
                lambda Y, j=j, w=w: (Y[..., j] - w["best"]).abs() - (w["high"] - w["best"])
                for j, w in enumerate(self.wishes)
                if w["kind"] == "match"
            ],
            prune_baseline=True,
        )


PEERS = {"baybe": BayBE, "ax": Ax, "botorch_composite": Composite, "botorch_qlognehvi": NEHVI}


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    name, seed = sys.argv[1], int(sys.argv[2])
    torch.manual_seed(seed)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with open(os.devnull, "w", encoding="utf-8") as silence, contextlib.redirect_stdout(silence):  # noqa: PTH123
        task = json.loads(sys.stdin.readline())
        outcomes = [wish["name"] for wish in task["wishes"]]
        peer: Peer = PEERS[name](task["d"], task["wishes"], task["pool"], seed)
        for line in sys.stdin:
            message = json.loads(line)
            for row in message.get("tell", []):
                if all(math.isfinite(row["y"].get(outcome, math.nan)) for outcome in outcomes):
                    peer.tell(row["x"], {outcome: row["y"][outcome] for outcome in outcomes})
            if "ask" in message:
                begin = time.process_time()
                found = peer.ask(message["ask"])
                answers.write(json.dumps({"x": found, "cpu_s": time.process_time() - begin}) + "\n")
                answers.flush()


if __name__ == "__main__":
    main()
