"""The numbers of offline work: plan, import, backtest, and whether a rehearsal predicts the campaign.

``python -m benchmarks.offline plan|import|backtest|rehearsal|history [--workers 2]``. The 289-row set is not
shipped: ``--data`` names it.
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
NPL = ROOT.parent / "shared" / "data" / "datasets" / "lmu_cspbbr3_npl" / "dataset_synthesizer.csv"


def plan(data: Path) -> None:
    """Time ``sdl plan`` on the 289 rows from a cold start."""
    file = ROOT / "examples" / "historical-npl" / "campaign.yaml"
    for words in ([], ["--target", "480 nm, FWHM < 20 nm"]):
        begin = time.perf_counter()
        command = [sys.executable, "-m", "sdl.cli", "plan", str(file), "--data", str(data), "--json", *words]
        subprocess.run(command, check=True, capture_output=True)
        print(f"sdl plan {' '.join(words)}: {time.perf_counter() - begin:.1f} s from cold start")


def imports(rows: int) -> None:
    """Time the import of a large table in each format."""
    import pandas as pd

    from sdl.campaign import DataColumn, DataSource
    from sdl.config.table import read_table

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.uniform(1.0, 2.0, rows) for name in ("V", "t", "c")})
    frame["S"] = rng.choice(["a", "b"], rows)
    frame["PL"], frame["W"], frame["QY"] = rng.uniform(430, 520, rows), rng.uniform(0.05, 0.1, rows), rng.random(rows)
    columns = {
        "volume_ml": DataColumn(column="V", unit="mL"),
        "growth_time_s": DataColumn(column="t", unit="min"),
        "solvent": DataColumn(column="S", unit="text"),
        "salt_mmol_l": DataColumn(column="c", unit="mmol/L"),
        "pl_peak_nm": DataColumn(column="PL", unit="nm"),
        "fwhm_nm": DataColumn(column="W", unit="eV"),
        "plqy": DataColumn(column="QY", unit=""),
    }
    with tempfile.TemporaryDirectory() as folder:
        frame.to_csv(Path(folder) / "t.csv", index=False)
        frame.to_parquet(Path(folder) / "t.parquet")
        frame.to_excel(Path(folder) / "t.xlsx", index=False)
        for kind in ("csv", "parquet", "xlsx"):
            begin = time.perf_counter()
            table = read_table(DataSource(file=f"t.{kind}", columns=columns), Path(folder))
            print(f"import of {len(table.designs)} rows x 7 columns, {kind}: {time.perf_counter() - begin:.1f} s")


def backtests(data: Path, seeds: int, workers: int | None) -> None:
    """Replay 40 experiments with every strategy and time it."""
    from flows.backtest import backtest
    from flows.sayings import backtest_in_words

    file = ROOT / "examples" / "historical-npl" / "campaign.yaml"
    for wish in ("465 +- 2 nm", "480 +- 2 nm, FWHM < 20 nm"):
        begin = time.perf_counter()
        print(backtest_in_words(backtest(file, wish=wish, seeds=seeds, budget=40, workers=workers, data=data)))
        print(f"{wish}: {seeds} seeds x 40 experiments x 3 strategies in {time.perf_counter() - begin:.0f} s\n")


def rehearsal(runs: int, campaigns: int, workers: int | None) -> None:
    """Say how many campaigns on the unperturbed lab fall inside the rehearsed 90 % interval."""
    from flows.parallel import each
    from flows.rehearse import Job, one, seeds, span

    file = str(ROOT / "examples" / "blue-465" / "campaign.yaml")
    rehearsed = [Job(file=file, seed=s, strategy="model", stop_at=1) for s in seeds(7, runs)]
    real = [Job(file=file, seed=1000 + i, strategy="model", kinetics_rsd=0.0, stop_at=1) for i in range(campaigns)]
    begin = time.perf_counter()
    found = each(one, [*rehearsed, *real], name="benchmark", workers=workers)
    taken = time.perf_counter() - begin
    for milestone in ("confirmed", "first_hit"):
        at = [getattr(r, milestone) or 49 for r in found]
        expected, came = span(at[:runs]), at[runs:]
        inside = sum(expected["low"] <= n <= expected["high"] for n in came)
        print(f"{milestone}: rehearsed {expected} from {sorted(at[:runs])}")
        print(f"{milestone}: {inside} of {campaigns} campaigns inside: {sorted(came)}")
    forecasts = sum(r.forecasts for r in found[runs:])
    print(f"95 % intervals held {sum(r.covered for r in found[runs:]) / forecasts:.2f}; {taken:.0f} s for all")


def history(labs: int, batch: int, most: int, workers: int | None) -> None:
    """Say how many experiments a lab needs that knows a campaign of another lab, and one that knows nothing."""
    from flows.parallel import each

    jobs = [(seed, batch, most) for seed in range(1, labs + 1)]
    for seed, *counts in each(_with_another_labs_history, jobs, name="benchmark", workers=workers):
        for told, (first_hit, confirmed, forecasts, covered) in zip(("with", "without"), counts, strict=True):
            held = f"{covered} of {forecasts} intervals held"
            print(f"lab {seed} {told} history: first hit {first_hit}, confirmed {confirmed} of {most}; {held}")


def _with_another_labs_history(job: tuple[int, int, int]) -> tuple[Any, ...]:
    """Run the example's campaign in one lab, then in another with other lots and pipettes, with its rows or without."""
    from flows.rehearsal import LabGround, rehearse_once
    from models.advisor import Advisor
    from sdl.chemistry.feasible import design_space
    from sdl.config.load import load_campaign

    seed, batch, most = job
    campaign = load_campaign(ROOT / "examples" / "blue-465" / "campaign.yaml")
    space = design_space(campaign)
    before = Advisor(space, campaign.target, seed=seed)
    rehearse_once(campaign, before, LabGround(campaign, seed=5000 + seed, kinetics_rsd=0.0), stop_at=1)
    short = dataclasses.replace(campaign, budget=dataclasses.replace(campaign.budget, experiments=most, batch=batch))
    found = []
    for rows in (before.rows, []):
        advisor = Advisor(space, campaign.target, seed=seed)
        for row in rows:
            advisor.recall(row.design, row.features, "another lab", sd=row.sd)
        came = rehearse_once(short, advisor, LabGround(campaign, seed=6000 + seed, kinetics_rsd=0.0), stop_at=1)
        found.append((came.first_hit, came.confirmed, came.forecasts, came.covered))
    return seed, *found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("plan", "import", "backtest", "rehearsal", "history"))
    parser.add_argument("--data", type=Path, default=NPL)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--campaigns", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--batch", type=int, default=1, help="experiments at a time, with a history")
    parser.add_argument("--most", type=int, default=10, help="experiments at most, with a history")
    parser.add_argument("--workers", type=int)
    args = parser.parse_args()
    if args.what == "plan":
        plan(args.data)
    elif args.what == "import":
        imports(args.rows)
    elif args.what == "backtest":
        backtests(args.data, args.seeds, args.workers)
    elif args.what == "rehearsal":
        rehearsal(args.runs, args.campaigns, args.workers)
    elif args.what == "history":
        history(args.seeds, args.batch, args.most, args.workers)


if __name__ == "__main__":
    main()
