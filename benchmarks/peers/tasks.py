"""What is asked of every optimizer alike: a space, a target, and a world that answers designs.

``lab`` is the virtual lab's chemistry with its lots, runs and wells; ``synthetic`` is smooth, noisy and knows no
chemistry (0.1 % of its space in specification); ``hartmann6`` is the usual test function (Dixon & Szego 1978); the
others are real experiments to choose from, the public tables of ``../shared/data/datasets``: their sources stand there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.campaign_model import READ_SD, TARGET, Lab, space, virtual
from models.filling import sobol_axes
from models.suggestion import Read
from sdl.space import Design, DesignSpace
from sdl.target import Target, match, maximize, minimize

DATASETS = Path(__file__).resolve().parents[3] / "shared" / "data" / "datasets"
Answer = tuple[dict[str, float], list[Read]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One goal as a score that every package can be given: 0 at ``worst``, 1 at ``best`` (a match falls to both sides).

    ``low`` and ``high`` are the bounds of a hit.
    """

    name: str
    best: float
    worst: float
    kind: Literal["match", "ramp"] = "ramp"
    low: float | None = None
    high: float | None = None

    def score(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        gap = (
            np.abs(value - self.best) if self.kind == "match" else (value - self.best) * np.sign(self.worst - self.best)
        )
        return np.asarray(1.0 - gap / abs(self.worst - self.best))


class World(Protocol):
    """One seed's ground truth: what designs give when made, and what they give without noise."""

    def run(self, designs: list[Design]) -> list[Answer]: ...
    def typical(self, design: Design) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One problem; ``pool`` are the only designs that can be made, where there are only some."""

    name: str
    space: DesignSpace
    target: Target
    wishes: tuple[Wish, ...]
    world: Callable[[int], World]
    read_sd: Mapping[str, float]
    pool: tuple[Design, ...] = ()

    def score(self, values: Mapping[str, float]) -> float:
        """The mean of the wishes' scores, each at least 0; of a single wish its plain value."""
        if len(self.wishes) == 1:
            return float(self.wishes[0].score(np.array(values[self.wishes[0].name])))
        return float(np.mean([np.clip(w.score(np.array(values[w.name])), 0.0, 1.0) for w in self.wishes]))


def lab() -> Task:
    """The example's target on the virtual lab's chemistry, batch effect on."""
    plant = virtual()
    return Task(
        name="lab",
        space=space(),
        target=TARGET,
        wishes=(
            Wish(name="pl_peak_nm", kind="match", best=465.0, worst=505.0, low=464.0, high=466.0),
            Wish(name="fwhm_nm", best=15.0, worst=30.0, high=20.0),
            Wish(name="plqy", best=0.8, worst=0.2, low=0.6),
        ),
        world=lambda seed: Lab(plant, seed),
        read_sd=READ_SD,
    )


SYNTHETIC_SD = {"peak": 0.6, "width": 0.4, "yield": 0.02}


def _surface(x: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Three smooth outcomes of six axes ``n x 6``: a curved valley of peaks, a basin of widths, a ridge of yields."""
    a, b, c, d, e, f = x.T
    peak = 430.0 + 70.0 * (0.5 * a + 0.3 * b**2 + 0.2 * np.sin(2.5 * c) + 0.15 * a * (1.0 - d) - 0.1 * e)
    width = 15.0 + 24.0 * (d - 0.25 - 0.4 * b) ** 2 + 14.0 * (e - 0.7) ** 2 + 6.0 * a * f
    yield_ = 1.0 / (1.0 + np.exp(-(2.2 - 7.0 * (f - 0.35 - 0.3 * c) ** 2 - 2.6 * (b - 0.6) ** 2 - 2.0 * d * e)))
    return {"peak": peak, "width": width, "yield": yield_}


class _Synthetic:
    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def typical(self, design: Design) -> dict[str, float]:
        x = np.array([[float(v) for v in design.values()]])
        return {name: float(values[0]) for name, values in _surface(x).items()}

    def run(self, designs: list[Design]) -> list[Answer]:
        noisy = [
            {name: value + SYNTHETIC_SD[name] * self.rng.standard_normal() for name, value in self.typical(d).items()}
            for d in designs
        ]
        return [(seen, []) for seen in noisy]


def synthetic() -> Task:
    """Six variables, three noisy outcomes; the axes and outcomes have names that no prior of ours knows."""
    return Task(
        name="synthetic",
        space=DesignSpace.of(**dict.fromkeys("abcdef", (0.0, 1.0))),
        target=Target.of(
            **{"peak": match(465.0, within=1.0), "width": minimize(below=17.4), "yield": maximize(above=0.8)}
        ),
        wishes=(
            Wish(name="peak", kind="match", best=465.0, worst=505.0, low=464.0, high=466.0),
            Wish(name="width", best=14.0, worst=30.0, high=17.4),
            Wish(name="yield", best=0.9, worst=0.2, low=0.8),
        ),
        world=_Synthetic,
        read_sd=SYNTHETIC_SD,
    )


class _Hartmann:
    def __init__(self, seed: int) -> None:
        import torch
        from botorch.test_functions import Hartmann

        self.function, self.torch = Hartmann(dim=6), torch

    def typical(self, design: Design) -> dict[str, float]:
        x = self.torch.tensor([[float(v) for v in design.values()]], dtype=self.torch.double)
        return {"value": float(self.function(x)[0])}

    def run(self, designs: list[Design]) -> list[Answer]:
        return [(self.typical(d), []) for d in designs]


def hartmann6() -> Task:
    """Minimise Hartmann's function of six variables, without noise (least value -3.32237)."""
    return Task(
        name="hartmann6",
        space=DesignSpace.of(**{f"x{j}": (0.0, 1.0) for j in range(6)}),
        target=Target.of(value=minimize()),
        wishes=(Wish(name="value", best=-3.32237, worst=-2.32237),),
        world=_Hartmann,
        read_sd={},
    )


class _Table:
    """Experiments that were made: one of a design's replicates is drawn, the mean of all is the truth."""

    def __init__(self, outcomes: Mapping[tuple[Any, ...], list[dict[str, float]]], seed: int) -> None:
        self.outcomes, self.rng = outcomes, np.random.default_rng(seed)

    def typical(self, design: Design) -> dict[str, float]:
        seen = self.outcomes[tuple(design.values())]
        return {name: float(np.mean([one[name] for one in seen])) for name in seen[0]}

    def run(self, designs: list[Design]) -> list[Answer]:
        seen = [self.outcomes[tuple(d.values())] for d in designs]
        return [(dict(one[int(self.rng.integers(len(one)))]), []) for one in seen]


def _pool(name: str, rows: Sequence[tuple[Design, dict[str, float]]], target: Target, wishes: tuple[Wish, ...]) -> Task:
    """A task of experiments that were made; ranges and names are those of ``rows``."""
    outcomes: dict[tuple[Any, ...], list[dict[str, float]]] = {}
    for design, seen in rows:
        outcomes.setdefault(tuple(design.values()), []).append(seen)
    names = list(rows[0][0])
    columns = {n: [design[n] for design, _ in rows] for n in names}
    spans: dict[str, Any] = {
        n: tuple(sorted(set(v))) if isinstance(v[0], str) else (min(v), max(v)) for n, v in columns.items()
    }
    return Task(
        name=name,
        space=DesignSpace.of(**spans),
        target=target,
        wishes=wishes,
        world=lambda seed: _Table(outcomes, seed),
        read_sd={},
        pool=tuple(dict(zip(names, key, strict=True)) for key in outcomes),
    )


def npl() -> Task:
    """Choose among the public CsPbBr3 nanoplatelet syntheses: 480 nm, as narrow as can be."""
    from sdl.config.load import load_campaign
    from sdl.config.table import campaign_table

    data = DATASETS / "lmu_cspbbr3_npl" / "dataset_synthesizer.csv"
    file = Path(__file__).resolve().parents[2] / "examples" / "historical-npl" / "campaign.yaml"
    table = campaign_table(load_campaign(file, data=data))
    names = ("pl_peak_nm", "fwhm_nm")
    rows = [
        (design, {n: seen[n] for n in names})
        for design, seen in zip(table.designs, table.features, strict=True)
        if all(n in seen for n in names)
    ]
    target = Target.of(pl_peak_nm=match(480.0, within=2.0), fwhm_nm=minimize(below=20.0))
    wishes = (
        Wish(name="pl_peak_nm", kind="match", best=480.0, worst=520.0, low=478.0, high=482.0),
        Wish(name="fwhm_nm", best=12.0, worst=36.0, high=20.0),
    )
    return _pool("npl", rows, target, wishes)


def crossed_barrel() -> Task:
    """Choose among 600 printed structures, three replicates each: the toughest (J)."""
    table = np.genfromtxt(
        DATASETS / "pvlab_crossed_barrel" / "Crossed barrel_dataset.csv", delimiter=",", skip_header=1
    )
    rows: list[tuple[Design, dict[str, float]]] = [
        (dict(zip(("n", "theta", "r", "t"), map(float, row), strict=False)), {"toughness": float(row[4])})
        for row in table
    ]
    return _pool(
        "crossed_barrel", rows, Target.of(toughness=maximize()), (Wish(name="toughness", best=47.0, worst=46.0),)
    )


def colors() -> Task:
    """Choose among 102 mixtures of three dyes: the least difference to green."""
    table = np.genfromtxt(DATASETS / "olympus_colors_n9" / "data.csv", delimiter=",")
    rows: list[tuple[Design, dict[str, float]]] = [
        (dict(zip(("red", "green", "blue"), map(float, row), strict=False)), {"difference": float(row[3])})
        for row in table
    ]
    return _pool("colors", rows, Target.of(difference=minimize()), (Wish(name="difference", best=0.0, worst=1.0),))


TASKS: dict[str, Callable[[], Task]] = {
    "lab": lab,
    "synthetic": synthetic,
    "hartmann6": hartmann6,
    "npl": npl,
    "crossed_barrel": crossed_barrel,
    "colors": colors,
}


def first_designs(task: Task, n: int, seed: int) -> list[Design]:
    """Return the ``n`` designs with which every method of one seed begins."""
    if task.pool:
        order = np.random.default_rng([seed, 1]).permutation(len(task.pool))
        return [task.pool[int(i)] for i in order[:n]]
    from models import Advisor

    return [s.design for s in Advisor(task.space, task.target, seed=seed, start=n).suggest(n)] if n else []


def spread_axes(p: int) -> NDArray[np.float64]:
    """Points of the cube near which a wish that cannot be made is made."""
    return sobol_axes(p, 1 << 15, 0)
