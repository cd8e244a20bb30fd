"""How long the verifier takes over a whole batch: ``python -m benchmarks.verifier`` (24 vials, about 1,850 commands).

The list is made as a campaign makes it, from the shipped protocol by the vendor's analysis; only `verify` is timed.
"""

from __future__ import annotations

import json
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from sdl.bench import Lab
from sdl.chemistry.recipe import Run, TimedStep
from sdl.config.lab import BUILT_IN, load_lab
from sdl.lab.analysis import analyze, default_analyzer
from sdl.lab.protocol import csv_text, labware_files, pauses, render
from sdl.verifier import Bench, Liquid, Pipette, TipRack, Vessel, definition_hash, verify

STOCKS = {
    "stocks/A1": Liquid(volume_ul=20_000, solvents={"hexane": 1.0}, species_mmol_l={"Cs": 20.0}),
    "stocks/A2": Liquid(volume_ul=20_000, solvents={"hexane": 1.0}, species_mmol_l={"Pb": 40.0, "TOPO": 200.0}),
    "stocks/A3": Liquid(volume_ul=20_000, solvents={"octane": 1.0}, species_mmol_l={"TOPO": 200.0}),
    "stocks/A4": Liquid(volume_ul=20_000, solvents={"hexane": 1.0}, species_mmol_l={"lecithin": 66.0}),
    "stocks/B1": Liquid(volume_ul=200_000, solvents={"chlorobenzene": 1.0}),
}
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
        temperature_c=40.0,
        duration_s=2 * GROWTH_S,
        draws_ul={},
        tips={},
        waste_ul=0.0,
    )


def _timed(action: Any, well: str, source: str, volume_ul: float, at_s: float) -> TimedStep:
    times = {"at_s": at_s, "earliest_s": at_s, "latest_s": at_s + 20.0}
    mount, label = ("right", "sample") if action == "read" else ("left", "")
    return TimedStep(action=action, well=well, source=source, volume_ul=volume_ul, pipette=mount, label=label, **times)


def bench_of(lab: Lab, run: Run) -> Bench:
    """Return what the run may do on ``lab``, with the stocks above."""
    delivered: dict[str, dict[str, float]] = {}
    for step in run.steps:
        if step.action != "mix":
            into = delivered.setdefault(step.well, {})
            into[step.source] = into.get(step.source, 0.0) + step.volume_ul
    timed = [step for step in run.steps if step.at_s is not None]
    messages = [text for _, text in pauses(run) if text.startswith("AT ")]
    limits = lab.limits
    return Bench(
        vessels=_vessels(lab),
        tip_racks={
            rack: TipRack(labware=lab.deck[rack].labware, slot=lab.deck[rack].slot, tip_ul=p.tip_ul, fresh=_tips())
            for p in lab.pipettes
            for rack in p.tip_racks
        },
        pipettes={
            p.mount: Pipette(name=p.name, min_ul=p.min_ul, max_ul=p.max_ul, racks=p.tip_racks) for p in lab.pipettes
        },
        trash="movableTrashA3",
        delivered_ul=delivered,
        pauses=tuple(text for _, text in pauses(run)),
        windows_s={
            text: (float(step.earliest_s or 0.0), float(step.latest_s or 0.0))
            for text, step in zip(messages, timed, strict=True)
        },
        min_growth_s=dict.fromkeys(run.wells.values(), 60.0),
        boiling_c={"hexane": 69, "octane": 126, "chlorobenzene": 132},
        open_vessel_c={"hexane": 35, "octane": 45, "chlorobenzene": 60},
        lel_ul={},
        airflow=True,
        never_together=frozenset(frozenset(pair) for pair in lab.never_together or ()),
        max_umol=lab.substances or {},
        max_temperature_c=limits.max_temperature_c,
        boiling_margin_c=limits.boiling_margin_c,
        max_fill_fraction=limits.max_fill_fraction,
        max_flow_rate_ul_s=limits.max_flow_rate_ul_s,
        max_delay_s=limits.max_delay_s,
        max_run_s=limits.max_run_h * 3600,
        waste_ul=limits.waste_ul,
        max_fraction={"hexane": limits.max_hexane_fraction},
    )


def _tips() -> frozenset[str]:
    return frozenset(f"{row}{column}" for row in "ABCDEFGH" for column in range(1, 13))


def _vessels(lab: Lab) -> dict[str, Vessel]:
    shapes = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in labware_files()}
    found = {}
    for name, place in lab.deck.items():
        if place.labware in shapes:
            wells = shapes[place.labware]["wells"]
            first = next(iter(wells.values()))
            holds = {well: STOCKS[f"{name}/{well}"] for well in wells if f"{name}/{well}" in STOCKS}
            found[name] = Vessel(
                labware=place.labware,
                definition_sha256=definition_hash(shapes[place.labware]),
                slot=place.slot,
                module=place.module,
                wells=frozenset(wells),
                depth_mm=first["depth"],
                area_mm2=math.pi * first["diameter"] ** 2 / 4,
                neck_mm=first["diameter"],
                capacity_ul=place.capacity_ul,
                dead_ul=place.dead_ul,
                holds={"A1": STOCKS[name]} if name in STOCKS else holds,
                drains=bool(place.drain),
            )
    return found


def commands(lab: Lab, run: Run) -> list[dict[str, Any]]:
    """Return what analysis says the shipped protocol does for ``run``."""
    with tempfile.TemporaryDirectory() as folder:
        protocol, csv = Path(folder, "timed_steps.py"), Path(folder, "steps.csv")
        protocol.write_text(render(lab.robot_type, "benchmark"), encoding="utf-8")
        csv.write_text(csv_text(lab, run), encoding="utf-8")
        return analyze(protocol, labware_files(), csv, analyzer_python=default_analyzer()).commands


def main(wells: int = 24, repeats: int = 20) -> None:
    """Verify one batch ``repeats`` times and print the table."""
    lab, run = load_lab(BUILT_IN), batch(wells)
    listed, bench = commands(lab, run), bench_of(lab, run)
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
