"""Every real synthesis predicted without itself: ours beside a plain ARD-RBF Gaussian process for each antisolvent.

``python -m benchmarks.loo [--data FILE] [--folds 20] [--no-volumes] [--no-phase] [--no-alike]``.  The data are the 289
CsPbBr3 syntheses of Henke et al. 2025 (Advanced Materials; github.com/leoluber/synthesizer, MIT), not shipped.  The
plain model is BoTorch's `SingleTaskGP` with a scaled ARD RBF kernel on what ``examples/historical-npl`` varies (amounts
of PbBr2, Cs and antisolvent), one for each antisolvent.  Ours is the advisor's own model of all rows; it also knows the
volume of the caesium oleate and of the whole pot, whether the supernatant was measured, and the antisolvents' polarity
and viscosity.  ``--folds`` fits both anew without each twentieth of the rows; without it both keep the constants of all
rows, as closed-form leave-one-out does.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmarks.offline import NPL
from models.encode import DesignCode
from models.posterior import NORMAL_95, Posterior
from models.suggestion import Row
from models.trust import leave_one_out
from sdl.space import DesignSpace
from sdl.target import Target, match

Array = NDArray[np.float64]
NUMBERS = {
    "pb_volume_ul": "V (PbBr2 prec.)",
    "pb_concentration_mol_l": "c (PbBr2)",
    "cs_to_pb": "Cs_Pb_ratio",
    "antisolvent_to_pb": "AS_Pb_ratio",
}
VOLUMES = {"cs_volume_ul": "V (Cs-OA)", "total_volume_ul": "V_total"}
"""How thin everything becomes in the pot, which the four amounts leave open."""
PROPERTIES, ALIKE = "AntisolventProperties.csv", ["relative polarity (-)", "viscosity (mPa ?s)"]
"""The set's own table of solvents, and the two of its columns that are known of any solvent."""

TARGET = Target.of(pl_peak_nm=match(465.0, within=2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Syntheses:
    """The table as the model sees it: ``rows``, the antisolvent of each, its four amounts ``n x 4`` and PL ``(n,)``."""

    space: DesignSpace
    rows: tuple[Row, ...]
    antisolvents: tuple[str, ...]
    numbers: Array
    pl_nm: Array

    @classmethod
    def read(cls, file: Path, *, volumes: bool = True, phase: bool = True, alike: bool = True) -> Syntheses:
        """Read the table, with ``volumes`` beside the amounts, the ``phase`` measured (supernatant or not) and what
        makes antisolvents ``alike``."""
        frame = pd.read_csv(file, sep=";")
        known = {**NUMBERS, **(VOLUMES if volumes else {})}
        numbers = frame[list(known.values())].to_numpy(dtype=float)
        ranges = {n: (float(c.min()), float(c.max())) for n, c in zip(known, numbers.T, strict=True)}
        chosen = {"antisolvent": frame["molecule_name"], **({"phase": frame["S/P"]} if phase else {})}
        choices = {n: tuple(sorted(set(c))) for n, c in chosen.items()}
        described = {"antisolvent": properties(file.parent / PROPERTIES)} if alike else {}
        space = DesignSpace.of(**ranges, **{**choices, **described})
        rows = tuple(
            Row(
                design={**dict(zip(known, x.tolist(), strict=True)), **{n: c[i] for n, c in chosen.items()}},
                features={"pl_peak_nm": float(frame["peak_pos"][i])},
                sd={},
                run=None,
                experiment=str(i),
            )
            for i, x in enumerate(numbers)
        )
        pl_nm = frame["peak_pos"].to_numpy(dtype=float)
        antisolvents, amounts = tuple(chosen["antisolvent"]), numbers[:, : len(NUMBERS)]
        return cls(space=space, rows=rows, antisolvents=antisolvents, numbers=amounts, pl_nm=pl_nm)


def properties(file: Path) -> dict[str, tuple[float, ...]]:
    """Return relative polarity and viscosity of every antisolvent."""
    table = pd.read_csv(file, sep=";", encoding="latin-1").set_index("antisolvent")[ALIKE].astype(float)
    return {str(name): tuple(row) for name, row in zip(table.index, table.to_numpy().tolist(), strict=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """Mean and 95 % interval of every row, each ``(n,)``, in nm."""

    mean: Array
    low: Array
    high: Array


def ours(data: Syntheses, folds: int | None) -> Predicted:
    """Predict every row by the advisor's model without it."""
    out = np.full((3, len(data.rows)), np.nan)
    if folds is None:
        every = range(len(data.rows))
        held = leave_one_out(_learned(data, every), groups=every)["pl_peak_nm"]
        out[:] = np.array([[h.mean, h.low, h.high] for h in held]).T
    for rest, held_out in _folds(len(data.rows), folds):
        posterior = _learned(data, rest)
        designs = data.space.columns([data.rows[i].design for i in held_out])
        for i, forecast in zip(held_out, posterior.forecasts(designs), strict=True):
            e = forecast.expected["pl_peak_nm"]
            out[:, i] = e.mean, e.low, e.high
    return Predicted(mean=out[0], low=out[1], high=out[2])


def _learned(data: Syntheses, which: Sequence[int]) -> Posterior:
    posterior = Posterior.of(DesignCode(data.space), TARGET, [data.rows[i] for i in which], seed=0)
    assert isinstance(posterior, Posterior), posterior
    return posterior


def _folds(n: int, folds: int | None) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the rows kept and left out; nothing without ``folds``."""
    order = np.random.default_rng(0).permutation(n)
    for k in range(folds or 0):
        out = set(order[k :: folds or 1].tolist())
        yield [i for i in range(n) if i not in out], sorted(out)


def plain(data: Syntheses, folds: int | None) -> Predicted:
    """Predict every row by a plain Gaussian process of its own antisolvent's other rows."""
    out = np.full((3, len(data.rows)), np.nan)
    for name in sorted(set(data.antisolvents)):
        own = np.array([i for i, other in enumerate(data.antisolvents) if other == name])
        low, high = data.numbers[own].min(0), data.numbers[own].max(0)
        X = torch.from_numpy((data.numbers[own] - low) / np.where(high > low, high - low, 1.0))
        y = torch.from_numpy(data.pl_nm[own]).unsqueeze(-1)
        if folds is None:
            mean, sd = _closed(*_plain_gp(X, y))
            out[:, own] = mean, mean - NORMAL_95 * sd, mean + NORMAL_95 * sd
        for rest, held_out in _folds(len(own), folds):
            gp, _ = _plain_gp(X[rest], y[rest])
            with torch.no_grad():
                seen = gp.posterior(X[held_out], observation_noise=True)
                mean, sd = seen.mean.squeeze(-1).numpy(), seen.variance.sqrt().squeeze(-1).numpy()
            out[:, own[held_out]] = mean, mean - NORMAL_95 * sd, mean + NORMAL_95 * sd
    return Predicted(mean=out[0], low=out[1], high=out[2])


def _plain_gp(X: torch.Tensor, y: torch.Tensor):  # type: ignore[no-untyped-def]
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.kernels import RBFKernel, ScaleKernel
    from gpytorch.mlls import ExactMarginalLogLikelihood

    gp = SingleTaskGP(X, y, covar_module=ScaleKernel(RBFKernel(ard_num_dims=X.shape[1])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a length scale at its bound
        fit_gpytorch_mll(ExactMarginalLogLikelihood(gp.likelihood, gp))
    return gp, y.squeeze(-1)


def _closed(gp, y: torch.Tensor) -> tuple[Array, Array]:  # type: ignore[no-untyped-def]
    """Leave one out in closed form (Rasmussen and Williams 2006, section 5.4.2); return mean and sd ``(n,)``."""
    gp.train()
    with torch.no_grad():
        prior = gp(*gp.train_inputs)
        inverse = torch.linalg.inv(gp.likelihood(prior).covariance_matrix)
        away = (inverse @ (gp.train_targets - prior.mean)) / inverse.diagonal()
        spread = float(gp.outcome_transform.stdvs)
    return (y - spread * away).numpy(), (spread * inverse.diagonal().rsqrt()).numpy()


def report(name: str, data: Syntheses, found: Predicted) -> list[float]:
    """Print one line of the table and return the absolute errors in nm."""
    error = np.abs(found.mean - data.pl_nm)
    covered = (found.low <= data.pl_nm) & (data.pl_nm <= found.high)
    groups = [np.array([a == name for a in data.antisolvents]) for name in sorted(set(data.antisolvents))]
    each = [float(error[g].mean()) for g in groups]
    cells = " | ".join(f"{e:.1f}" for e in each)
    print(
        f"| {name} | {error.mean():.2f} | {np.mean(each):.2f} | {np.sqrt((error**2).mean()):.1f} "
        f"| {covered.mean():.3f} | {cells} |",
        flush=True,
    )
    return [float(e) for e in error]


def main(arguments: Sequence[str] | None = None) -> float:
    """Print the table and return our error over the plain one's, mean of all rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=NPL)
    parser.add_argument("--folds", type=int)
    parser.add_argument("--no-volumes", action="store_true", help="ours knows the four amounts only, as the plain one")
    parser.add_argument("--no-phase", action="store_true", help="ours does not know supernatant from precipitate")
    parser.add_argument("--no-alike", action="store_true", help="ours knows antisolvents by name only")
    args = parser.parse_args(arguments)
    data = Syntheses.read(args.data, volumes=not args.no_volumes, phase=not args.no_phase, alike=not args.no_alike)
    names = sorted(set(data.antisolvents))
    print(f"| PL, nm | MAE | mean of antisolvents | RMSE | 95 % cover | {' | '.join(names)} |")
    print("|---|---|---|---|---|" + "---|" * len(names))
    theirs = report("plain ARD-RBF per antisolvent", data, plain(data, args.folds))
    own = report("ours", data, ours(data, args.folds))
    ratio = float(np.mean(own) / np.mean(theirs))
    print(f"\nours over plain: {ratio:.2f}")
    return ratio


if __name__ == "__main__":
    main()
