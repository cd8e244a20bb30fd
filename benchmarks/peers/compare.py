"""Side by side with BayBE, Ax and BoTorch: experiments to the first true hit, hits, and regret.

``python -m benchmarks.peers.compare --task lab --seeds 20 --batch 8 [--budget 32] [--methods ours,baybe,...]
[--record FILE]``.  The peers run in ``.venv-peers`` (made on first use from ``benchmarks/peers/requirements.txt``),
each as a process of its own.  Every finished campaign is one line of the record; what is there is not run again.

The same world (lot, runs, wells, noise) and the same first experiments for all of one seed; only model-chosen
experiments count.  A *true hit* is measured inside all bounds and its mean outcome in this world is inside them too:
luck does not count.  The peers see the unit cube; what they ask for is made as the nearest design that can be made, and
told as made.  On the lab each may use as many temperatures in a batch as it likes; ours keeps to the lab's one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.peers.tasks import TASKS, Task, World, first_designs, spread_axes
from models import Advisor
from models.encode import DesignCode
from models.physics import GrowthLaw
from models.suggestion import Read
from sdl.space import Design

HERE = Path(__file__).resolve().parent
FIRST = 8
"""Experiments that all methods of one seed share."""

RECORD = HERE / "record.jsonl"
"""Campaigns that were run, one line each; delete a line to run it again."""


class Method(Protocol):
    """Ask for designs, tell what they gave."""

    def tell(self, design: Design, features: dict[str, float], reads: Sequence[Read], run: int) -> None: ...
    def ask(self, q: int) -> tuple[list[Design], float]: ...
    def close(self) -> None: ...


class Ours:
    """The advisor that campaigns use; ``law`` and ``reads`` switch its levers."""

    def __init__(self, task: Task, seed: int, law: GrowthLaw | None, with_reads: bool) -> None:
        self.task, self.with_reads = task, with_reads
        self.advisor = Advisor(task.space, task.target, seed=seed, start=0, law=law)
        self.left = {tuple(design.values()): design for design in task.pool}

    def tell(self, design: Design, features: dict[str, float], reads: Sequence[Read], run: int) -> None:
        self.left.pop(tuple(design.values()), None)
        self.advisor.tell(design, features, sd=self.task.read_sd, run=run, reads=reads if self.with_reads else ())

    def ask(self, q: int) -> tuple[list[Design], float]:
        begin = time.process_time()
        found = self.advisor.suggest(q, pool=list(self.left.values()) if self.task.pool else None)
        return [s.design for s in found], time.process_time() - begin

    def close(self) -> None:
        return


class Peer:
    """A peer in its own environment, behind pipes; its wishes become the nearest designs that can be made."""

    def __init__(self, task: Task, name: str, seed: int, python: Path) -> None:
        self.code, self.pooled = DesignCode(task.space), bool(task.pool)
        if task.pool:
            self.makeable = task.space.columns(task.pool)
        else:
            columns, ok = self.code.make(spread_axes(self.code.p), {})
            self.makeable = {k: v[ok] for k, v in columns.items()}
        self.points = self.code.inputs(self.makeable)
        self.free = np.ones(len(self.points), dtype=bool)
        command = [str(python), str(HERE / "worker.py"), name, str(seed)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        pool = self.points.tolist() if task.pool else None
        self._send({"wishes": [asdict(wish) for wish in task.wishes], "d": self.points.shape[1], "pool": pool})

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def tell(self, design: Design, features: dict[str, float], reads: Sequence[Read], run: int) -> None:
        [x] = self.code.matrix([design])
        if self.pooled:
            self.free[np.square(self.points - x).sum(1).argmin()] = False
        self._send({"tell": [{"x": x.tolist(), "y": features}]})

    def ask(self, q: int) -> tuple[list[Design], float]:
        assert self.process.stdout is not None
        self._send({"ask": q})
        answer = json.loads(self.process.stdout.readline())
        return [self._made(np.array([x])) for x in answer["x"]], float(answer["cpu_s"])

    def _made(self, x: np.ndarray) -> Design:
        if not self.pooled:
            columns, ok = self.code.make(x, {})
            if ok[0]:
                return self.code.space.designs(columns)[0]
        distance = np.where(self.free, np.square(self.points - x).sum(1), np.inf)
        nearest = int(distance.argmin())
        self.free[nearest] = not self.pooled
        return self.code.space.designs({k: v[nearest : nearest + 1] for k, v in self.makeable.items()})[0]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


@dataclass(slots=True, kw_only=True)
class Result:
    """One campaign: model-chosen experiments to the first true hit (None: never), true hits, CPU s of each ask.

    ``best`` is the highest noise-free score of the first experiments and after each batch.
    """

    task: str = ""
    method: str = ""
    batch: int = 0
    budget: int = 0
    seed: int = 0
    first: int | None = None
    hits: int = 0
    best: list[float] = field(default_factory=list)
    asks_s: list[float] = field(default_factory=list)


def campaign(method: Method, task: Task, seed: int, *, first: int, budget: int, batch: int) -> Result:
    """Run ``budget`` model-chosen experiments after ``first`` that all methods share."""
    world, out, run = task.world(seed), Result(task=task.name, batch=batch, budget=budget, seed=seed), 0
    designs, best = first_designs(task, first, seed), -np.inf
    for place in range(0, first, batch):
        made = _make(method, task, world, designs[place : place + batch], run := run + 1)
        best = max([best, *(score for _, score in made)])
    out.best.append(float(best))
    for place in range(0, budget, batch):
        wishes, seconds = method.ask(min(batch, budget - place))
        out.asks_s.append(round(seconds, 3))
        for i, (true, score) in enumerate(_make(method, task, world, wishes, run := run + 1)):
            out.hits += true
            out.first = out.first or (place + i + 1 if true else None)
            best = max(best, score)
        out.best.append(float(best))
    method.close()
    return out


def _make(method: Method, task: Task, world: World, designs: Sequence[Design], run: int) -> list[tuple[bool, float]]:
    """Make one batch in the world, tell it, and return for each whether it truly hit, and its noise-free score."""
    made = []
    for design, (features, reads) in zip(designs, world.run(list(designs)), strict=True):
        method.tell(design, features, reads, run)
        truth = world.typical(design)
        made.append((task.target.hit(features) and task.target.hit(truth), task.score(truth)))
    return made


def peers_python() -> Path:
    """Return the Python of the peers' environment, made on first use."""
    folder = HERE.parent.parent / ".venv-peers"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        for what in (["torch==2.13.0"], ["--requirement", str(HERE / "requirements.txt")]):
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *what], check=True)
        (folder / "ready").touch()
    return python


OURS: dict[str, tuple[GrowthLaw | None, bool, int]] = {
    "ours": (GrowthLaw(), True, FIRST),
    "ours-no-law": (None, True, FIRST),
    "ours-no-reads": (GrowthLaw(), False, FIRST),
    "ours-neither": (None, False, FIRST),
    "ours-law-first": (GrowthLaw(), True, 0),
}
"""The method that campaigns use, and without the law, the reads, both; the last begins with the law alone."""

PEERS = ("baybe", "ax", "botorch_composite", "botorch_qlognehvi")


def methods(task: Task) -> list[str]:
    """Ours and the peers that can be given ``task``: a front needs two goals to trade."""
    several = sum(wish.kind == "ramp" for wish in task.wishes) > 1
    return ["ours", *(name for name in PEERS if several or name != "botorch_qlognehvi")]


def method(task: Task, name: str, seed: int) -> tuple[Method, int]:
    """Return the method called ``name`` and how many shared experiments it is given."""
    if name in OURS:
        law, reads, first = OURS[name]
        return Ours(task, seed, law, reads), first
    return Peer(task, name, seed, peers_python()), FIRST


def recorded(record: Path) -> dict[tuple[str, str, int, int, int], Result]:
    """Read the campaigns that were run."""
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    results = [Result(**json.loads(line)) for line in lines]
    return {(r.task, r.method, r.batch, r.budget, r.seed): r for r in results}


def row(name: str, results: Sequence[Result]) -> str:
    """Return one line of the table; a hit never reached counts as one more than the budget."""
    budget = results[0].budget
    firsts = [r.first or budget + 1 for r in results]
    found = sum(f <= budget for f in firsts)
    ask = float(np.median([s for r in results for s in r.asks_s]))
    hits = np.median([r.hits for r in results])
    best = np.median([r.best[-1] for r in results])
    return (
        f"| {name} | {len(results)} | {np.median(firsts):g} [{min(firsts)}, {max(firsts)}] | {found} of {len(firsts)} "
        f"| {hits:g} | {best:.3f} | {ask:.2f} |"
    )


def regret(ours: Sequence[Result], peer: Sequence[Result]) -> tuple[float, float, float]:
    """Return mean and 90 % bootstrap interval of the paired difference of regret (below 0: ours is better)."""
    theirs = {r.seed: r.best[-1] for r in peer}
    pairs = np.array([theirs[r.seed] - r.best[-1] for r in ours if r.seed in theirs])
    draws = np.random.default_rng(0).choice(pairs, (4000, len(pairs))).mean(1)
    low, high = np.percentile(draws, [5.0, 95.0])
    return float(pairs.mean()), float(low), float(high)


def table(results: dict[str, list[Result]]) -> str:
    """Return the table of one task: each method's line, and ours against each peer."""
    lines = [
        "| method | seeds | first true hit, median [range] | within budget | true hits, median "
        "| best score, median | CPU s per ask |",
        "|---|---|---|---|---|---|---|",
        *(row(name, found) for name, found in results.items() if found),
    ]
    for name in PEERS if results.get("ours") else ():
        if results.get(name):
            mean, low, high = regret(results["ours"], results[name])
            lines.append(f"regret of ours less that of {name}: {mean:+.4f} (90 % {low:+.4f} .. {high:+.4f})")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=TASKS, default="lab")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--budget", type=int, default=32)
    parser.add_argument("--methods", help="comma-separated; all that the task can be given by default")
    parser.add_argument("--record", type=Path, default=RECORD)
    args = parser.parse_args(arguments)
    task, done = TASKS[args.task](), recorded(args.record)
    found: dict[str, list[Result]] = {}
    for name in args.methods.split(",") if args.methods else methods(task):
        for seed in range(args.seeds):
            key = (task.name, name, args.batch, args.budget, seed)
            if key not in done:
                chosen, first = method(task, name, seed)
                done[key] = campaign(chosen, task, seed, first=first, budget=args.budget, batch=args.batch)
                done[key].method = name
                with args.record.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(asdict(done[key])) + "\n")
                print(f"{name} {seed}: {done[key].first} {done[key].hits}", file=sys.stderr, flush=True)
            found.setdefault(name, []).append(done[key])
    print(f"\n{task.name}: batches of {args.batch}, {args.budget} model-chosen experiments after {FIRST} shared ones")
    print(table(found), flush=True)


if __name__ == "__main__":
    main()
