"""Side by side with BayBE, Ax and BoTorch on the virtual lab's chemistry: experiments to the first true hit.

``python -m benchmarks.peers.compare --seeds 5 [--batch 1|8] [--budget 32] [--methods ours,baybe,...]``.  The peers run
in ``.venv-peers`` (made on first use from ``benchmarks/peers/requirements.txt``), each as a process of its own.

The same lab (lot, runs, wells) and the same space-filling first experiments for all of one seed; only model-chosen
experiments count.  A *true hit* is measured inside all bounds and its mean outcome in this lab is inside them too: luck
does not count.  The peers see the unit cube; what they ask for is made as the nearest design that can be pipetted, and
told as made.  Each may use as many temperatures in a batch as it likes; ours keeps to the lab's one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.campaign_model import READ_SD, TARGET, Lab, Plant, space, virtual
from models import Advisor
from models.encode import DesignCode
from models.filling import sobol_axes
from models.physics import GrowthLaw
from models.suggestion import Read
from sdl.space import Design

HERE = Path(__file__).resolve().parent
FIRST = 8
"""Space-filling experiments that all methods of one seed share."""


class Method(Protocol):
    """Ask for designs, tell what they gave."""

    def tell(self, design: Design, features: dict[str, float], reads: Sequence[Read], run: int) -> None: ...
    def ask(self, q: int) -> tuple[list[Design], float]: ...
    def close(self) -> None: ...


class Ours:
    """The advisor that campaigns use; ``law`` and ``reads`` switch its levers."""

    def __init__(self, seed: int, law: GrowthLaw | None, with_reads: bool) -> None:
        self.advisor, self.with_reads = Advisor(space(), TARGET, seed=seed, start=0, law=law), with_reads

    def tell(self, design: Design, features: dict[str, float], reads: Sequence[Read], run: int) -> None:
        self.advisor.tell(design, features, sd=READ_SD, run=run, reads=reads if self.with_reads else ())

    def ask(self, q: int) -> tuple[list[Design], float]:
        begin = time.process_time()
        return [s.design for s in self.advisor.suggest(q)], time.process_time() - begin

    def close(self) -> None:
        return


class Peer:
    """A peer in its own environment, behind pipes; its wishes become the nearest designs that can be made."""

    def __init__(self, name: str, seed: int, python: Path) -> None:
        self.code = DesignCode(space())
        columns, ok = self.code.make(sobol_axes(self.code.p, 1 << 15, 0), {})
        self.makeable = {k: v[ok] for k, v in columns.items()}
        self.axes = self.code.axes(self.makeable)
        command = [str(python), str(HERE / "worker.py"), name, str(self.code.p), str(seed)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def tell(self, design: Design, features: dict[str, float], reads: Sequence[Read], run: int) -> None:
        [x] = self.code.axes(self.code.space.columns([design])).tolist()
        self._send({"tell": [{"x": x, "y": features}]})

    def ask(self, q: int) -> tuple[list[Design], float]:
        assert self.process.stdout is not None
        self._send({"ask": q})
        answer = json.loads(self.process.stdout.readline())
        return [self._made(np.array([x])) for x in answer["x"]], float(answer["cpu_s"])

    def _made(self, x: np.ndarray) -> Design:
        columns, ok = self.code.make(x, {})
        if ok[0]:
            return self.code.space.designs(columns)[0]
        nearest = int(np.square(self.axes - x).sum(1).argmin())
        return self.code.space.designs({k: v[nearest : nearest + 1] for k, v in self.makeable.items()})[0]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


@dataclass(slots=True, kw_only=True)
class Result:
    """One campaign: model-chosen experiments to the first true hit (None: never), true hits, CPU s of each ask."""

    first: int | None = None
    hits: int = 0
    asks_s: list[float] = field(default_factory=list)


def campaign(method: Method, plant: Plant, seed: int, *, first: int, budget: int, batch: int) -> Result:
    """Run ``budget`` model-chosen experiments after ``first`` that fill the space."""
    lab, out, run = Lab(plant, seed), Result(), 0
    filling = Advisor(space(), TARGET, seed=seed, start=first).suggest(first) if first else []
    designs = [s.design for s in filling]
    for place in range(0, first, batch):
        _make(method, lab, designs[place : place + batch], run := run + 1)
    for place in range(0, budget, batch):
        wishes, seconds = method.ask(batch)
        out.asks_s.append(seconds)
        for i, true in enumerate(_make(method, lab, wishes, run := run + 1)):
            out.hits += true
            out.first = out.first or (place + i + 1 if true else None)
    method.close()
    return out


def _make(method: Method, lab: Lab, designs: Sequence[Design], run: int) -> list[bool]:
    """Make one batch in the lab, tell it, and say which were true hits."""
    true = []
    for design, (features, reads) in zip(designs, lab.run(list(designs)), strict=True):
        method.tell(design, features, reads, run)
        true.append(TARGET.hit(features) and TARGET.hit(lab.typical(design)))
    return true


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
    "ours, no law": (None, True, FIRST),
    "ours, no reads": (GrowthLaw(), False, FIRST),
    "ours, neither": (None, False, FIRST),
    "ours, law instead of first points": (GrowthLaw(), True, 0),
}
PEERS = ("baybe", "ax", "botorch_composite", "botorch_qlognehvi")


def method(name: str, seed: int) -> tuple[Method, int]:
    """Return the method called ``name`` and how many space-filling experiments it is given."""
    if name in OURS:
        law, reads, first = OURS[name]
        return Ours(seed, law, reads), first
    return Peer(name, seed, peers_python()), FIRST


def row(name: str, results: Sequence[Result], budget: int) -> str:
    """Return one line of the table; a hit never reached counts as one more than the budget."""
    firsts = [r.first or budget + 1 for r in results]
    found = sum(f <= budget for f in firsts)
    ask = float(np.median([s for r in results for s in r.asks_s]))
    hits = np.median([r.hits for r in results])
    return (
        f"| {name} | {np.median(firsts):g} [{min(firsts)}, {max(firsts)}] | {found} of {len(firsts)} "
        f"| {hits:g} | {ask:.2f} | {firsts} |"
    )


def main(arguments: Sequence[str] | None = None, plant: Callable[[], Plant] = virtual) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--from-seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--budget", type=int, default=32)
    parser.add_argument("--methods", default=",".join([*OURS, *PEERS]).replace(", ", "; "))
    args = parser.parse_args(arguments)
    print(f"\nbatches of {args.batch}, budget {args.budget} model-chosen, {args.seeds} seeds from {args.from_seed}")
    print("| method | first true hit, median [range] | within budget | true hits, median | CPU s per ask | each seed |")
    print("|---|---|---|---|---|---|")
    for name in args.methods.replace("; ", "/").split(","):
        name = name.replace("/", ", ")
        results = []
        for seed in range(args.from_seed, args.from_seed + args.seeds):
            chosen, first = method(name, seed)
            results.append(campaign(chosen, plant(), seed, first=first, budget=args.budget, batch=args.batch))
            print(f"{name} {seed}: {results[-1].first} {results[-1].hits}", file=sys.stderr, flush=True)
        print(row(name, results, args.budget), flush=True)


if __name__ == "__main__":
    main()
