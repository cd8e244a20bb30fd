"""How long the verifier takes over a whole batch: ``python -m benchmarks.verifier`` (24 vials, about 1,850 commands).

The list is made as a campaign makes it, from the shipped protocol by the vendor's analysis; only `verify` is timed.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from sdl.attempt.expectation import expected
from sdl.bench import Lab
from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.recipe import Run, TimedStep
from sdl.lab.analysis import analyze, default_analyzer
from sdl.lab.protocol import csv_text, labware_files, render
from sdl.verifier import Bench, verify
from tests.benches import example

PERIOD_S, GROWTH_S = 200.0, 6000.0
"""Between two wells, and from injection to quench: all injections and reads come before the first quench (chosen)."""


def batch(wells: int) -> Run:
    """Return a batch of ``wells`` vials: medium, two stocks, injection, quench and the outcome read, mixed twice."""
    at = [f"vials/{'ABCD'[n // 6]}{n % 6 + 1}" for n in range(wells)]
    steps = []
    for source, volume_ul, mount in (
        ("stocks/B1", 2800.0, "right"),
        ("stocks/A1", 40.0, "left"),
        ("stocks/A3", 60.0, "left"),
    ):
        steps += [TimedStep(action="dispense", well=w, source=source, volume_ul=volume_ul, pipette=mount) for w in at]
    for action, source, begin_s in (("inject", "stocks/A2", 600.0), ("quench", "stocks/A4", 600.0 + GROWTH_S)):
        for n, well in enumerate(at):
            at_s = begin_s + n * PERIOD_S
            steps.append(_timed(action, well, source, 80.0, at_s))
            steps.append(TimedStep(action="mix", well=well, source=well, volume_ul=400, pipette="right", times=2))
            if action == "quench":
                steps.append(_timed("read", "cell", well, 120.0, at_s + 90.0))
                steps += [
                    TimedStep(action="rinse", well="cell", source="stocks/B1", volume_ul=150, pipette="right")
                ] * 2
    return Run(
        wells={well: well for well in at},
        recipes={},
        steps=tuple(steps),
        temperatures_c={"vials": 40.0},
        duration_s=2 * GROWTH_S,
        draws_ul={},
        tips={},
        waste_ul=0.0,
    )


def _timed(action: Any, well: str, source: str, volume_ul: float, at_s: float) -> TimedStep:
    times = {"at_s": at_s, "earliest_s": at_s, "latest_s": at_s + 20.0}
    mount, label = ("right", "sample") if action == "read" else ("left", "")
    return TimedStep(action=action, well=well, source=source, volume_ul=volume_ul, pipette=mount, label=label, **times)


def bench_of(campaign: Campaign, run: Run) -> Bench:
    """Return what the run may do in the campaign's lab, everything full."""
    assert campaign.lab is not None
    held = {at: stock.volume_ul / len(stock.at) for stock in campaign.stocks.values() for at in stock.at}
    text = csv_text(campaign.lab, run)
    return expected(campaign, Compiler.of(campaign).route, text, held_ul=held, tips_gone={}, waste_ul=0.0)


def commands(lab: Lab, run: Run) -> list[dict[str, Any]]:
    """Return what analysis says the shipped protocol does for ``run``."""
    with tempfile.TemporaryDirectory() as folder:
        protocol, csv = Path(folder, "timed_steps.py"), Path(folder, "steps.csv")
        protocol.write_text(render(lab.robot_type, "benchmark"), encoding="utf-8")
        csv.write_text(csv_text(lab, run), encoding="utf-8")
        return analyze(protocol, labware_files(), csv, analyzer_python=default_analyzer()).commands


def main(wells: int = 24, repeats: int = 20) -> None:
    """Verify one batch ``repeats`` times and print the table."""
    campaign, run = example(), batch(wells)
    assert campaign.lab is not None
    listed, bench = commands(campaign.lab, run), bench_of(campaign, run)
    spent = []
    for _ in range(repeats):
        begin = time.perf_counter()
        approval = verify(listed, bench)
        spent.append(time.perf_counter() - begin)
    print("| vials | commands | fastest s | median s | slowest s | us per command |")
    print("|---|---|---|---|---|---|")
    median = statistics.median(spent)
    times = f"{min(spent):.3f} | {median:.3f} | {max(spent):.3f} | {1e6 * median / len(listed):.0f}"
    print(f"| {len(approval.wells)} | {len(listed)} | {times} |")


if __name__ == "__main__":
    main()
