"""The example campaign through the command line, many seeds, against Sobol; and what the confirmed recipe truly gives.

``python -m benchmarks.campaign --seeds 10 [--jobs 2] [--sobol 10]``. Every campaign is the shipped example with another
seed: another virtual lab (lots, pipettes, dye, pixels) and another start of the model. Truth is the virtual lab's
chemistry with this lab's lots and pipette calibration, and without run, well, stroke and read noise. Sobol makes the
same wells without a robot: same chemistry and batch effect, true features, same definition of a hit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space
from sdl.config.load import load_campaign
from sdl.lab.virtual.chance import Effect, batch_effect, lot_effect
from sdl.lab.virtual.chemistry import Growth, Mix
from sdl.lab.virtual.optics import Truth, truth
from sdl.lab.virtual.world import lasting_error
from sdl.space import Design
from sdl.store import Store

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "blue-465"
LOTS = frozenset({"2026-11-02"})
"""The lots of the example's Cs and Pb stocks."""

CAMPAIGN = load_campaign(EXAMPLE / "campaign.yaml")
COMPILER = Compiler.of(CAMPAIGN)

TRUE_WITHIN_NM, TRUE_FWHM_NM = 1.5, 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One campaign: experiments in all, to the first hit and to the first confirmed one, and the truth of that."""

    seed: int
    code: int
    experiments: int
    first_hit: int | None
    first_confirmed: int | None
    replicates: int | None
    true_pl_nm: float | None
    true_fwhm_nm: float | None
    run_sd_nm: float | None
    overhead_s: float
    seconds: float
    cpu_s: float
    rss_mb: float


def vial(design: Design, effect: Effect, *, seed: int | None = None) -> Truth:
    """Return the noise-free features of ``design`` 300 s after its quench.

    With ``seed`` the recipe is poured by that lab's pipettes: each has a lasting calibration error, no stroke noise.
    """
    recipe = COMPILER.recipe(design)
    ul = {t.stock: t.volume_ul * _calibration(seed, t.volume_ul) for t in recipe.transfers}
    total = sum(volume for stock, volume in ul.items() if stock != "lecithin")
    mmol_l: dict[str, float] = {}
    for stock, volume in ul.items():
        for species, held in CAMPAIGN.stocks[stock].contains.items():
            mmol_l[species] = mmol_l.get(species, 0.0) + held * volume / total
    mix = Mix(
        cs_mol_l=mmol_l["Cs"] / 1e3,
        pb_mol_l=mmol_l["Pb"] / 1e3,
        topo_mol_l=mmol_l["TOPO"] / 1e3,
        dopa_mol_l=(mmol_l["DOPA"] + mmol_l["Cs"]) / 1e3,  # free, and what came bound to the Cs
        temperature_c=recipe.temperature_c,
    )
    growth = Growth(mix, effect)
    growth.quench(recipe.growth_time_s, float(design["lecithin_to_cs"]))
    growth.advance(recipe.growth_time_s + 300.0)
    return truth(growth.state)


def _calibration(seed: int | None, volume_ul: float) -> float:
    """Return delivered over wanted of the pipette that takes ``volume_ul`` in the lab with ``seed``."""
    assert CAMPAIGN.lab is not None
    pipette = CAMPAIGN.lab.pipette_for(volume_ul)
    return 1.0 if seed is None or pipette is None else 1.0 + lasting_error(seed, pipette.mount)


def one(seed: int, *, experiments: int = 48, batch: int = 8) -> Outcome:
    """Run one campaign in a process and a folder of its own."""
    edits = {"\nseed: 7": f"\nseed: {seed}", "48, batch: 8": f"{experiments}, batch: {batch}"}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "campaign.yaml")
        text = (EXAMPLE / "campaign.yaml").read_text(encoding="utf-8")
        for old, new in edits.items():
            assert old in text, f"the example has no {old!r} any more"
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
        Path(folder, "lab.yaml").write_text((EXAMPLE / "lab.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        command = [sys.executable, "-m", "sdl.cli", "run", str(file), "--runner", "plain", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode not in (0, 7):
            raise SystemExit(f"seed {seed}: exit {done.returncode}\n{done.stderr[-2000:]}")
        said = json.loads(done.stdout)
        with Store.open(Path(said["state_dir"]), create=False) as store:
            known, order = store.diagnostics(), {e.id: e.seq for e in store.experiments()}
            overhead_s = _overhead(store)
        return Outcome(
            seed=seed,
            code=done.returncode,
            experiments=said["experiments"],
            first_hit=order.get(said["first_hit_at"]),
            overhead_s=overhead_s,
            seconds=time.monotonic() - begun,
            cpu_s=used.ru_utime - before,
            rss_mb=used.ru_maxrss / 1024,
            **_confirmed(seed, known, order, batch),
        )


def _overhead(store: Store) -> float:
    """Return the longest time in s from the last read of a batch to the start of the next one."""
    last, longest = None, 0.0
    for event in store.events(kinds=["read saved", "attempt moved"]):
        at = datetime.fromisoformat(event.at_utc)
        if event.kind == "read saved":
            last = at
        elif event.data["to"] == "STARTING" and last is not None:
            longest = max(longest, (at - last).total_seconds())
    return longest


def _confirmed(seed: int, known: dict[int, Any], order: dict[str, int], batch: int) -> dict[str, Any]:
    """Return when a design was first confirmed, its truth, and how much one well of it scatters between runs."""
    batches = [b for b in sorted(known) if known[b].get("confirmed")]
    if not batches:
        return {
            "first_confirmed": None,
            "replicates": None,
            "true_pl_nm": None,
            "true_fwhm_nm": None,
            "run_sd_nm": None,
        }
    best = known[batches[0]]["confirmed"][0]
    seen = vial(best["design"], lot_effect(seed, LOTS), seed=seed)
    runs = [vial(best["design"], batch_effect(seed, LOTS, 1000 + k, "vials/A1")).pl_peak_nm for k in range(12)]
    done = (batches[0] - 1) * batch
    return {
        "first_confirmed": min(done, len(order)),
        "true_pl_nm": seen.pl_peak_nm,
        "true_fwhm_nm": seen.fwhm_nm,
        "replicates": len(best["experiments"]),
        "run_sd_nm": float(np.std(runs, ddof=1)),
    }


def sobol_first_hit(seed: int) -> int | None:
    """Return how many Sobol designs this lab makes before one is a hit (true features of each well); None if none."""
    designs = design_space(CAMPAIGN).sobol(CAMPAIGN.budget.experiments, seed=seed)
    for number, design in enumerate(designs, start=1):
        effect = batch_effect(seed, LOTS, (number - 1) // 8, f"vials/{number}")
        seen = vial(design, effect)
        if CAMPAIGN.target.hit({"pl_peak_nm": seen.pl_peak_nm, "fwhm_nm": seen.fwhm_nm, "plqy": seen.plqy}):
            return number
    return None


def table(outcomes: list[Outcome], sobol: list[int | None]) -> str:
    """Return the result as Markdown."""
    columns = ("seed", "experiments", "first hit", "first confirmed", "wells of it", "true PL nm", "true FWHM nm")
    columns = (*columns, "run-to-run sd nm", "longest gap s", "s", "MB")
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for o in outcomes:
        row = [o.seed, o.experiments, o.first_hit or "-", o.first_confirmed or "-", o.replicates or "-"]
        row += ["-" if v is None else f"{v:.2f}" for v in (o.true_pl_nm, o.true_fwhm_nm, o.run_sd_nm)]
        lines.append(
            "| " + " | ".join(map(str, [*row, f"{o.overhead_s:.0f}", f"{o.seconds:.0f}", f"{o.rss_mb:.0f}"])) + " |"
        )
    sure = [o for o in outcomes if o.first_confirmed is not None]
    true = [o for o in sure if abs(o.true_pl_nm - 465.0) <= TRUE_WITHIN_NM and o.true_fwhm_nm < TRUE_FWHM_NM]  # type: ignore[operator]
    lines += [
        "",
        f"Confirmed within the budget: {len(sure)} of {len(outcomes)} seeds; "
        f"true to +-{TRUE_WITHIN_NM} nm and below {TRUE_FWHM_NM:g} nm: {len(true)} of {len(sure)}.",
    ]
    lines.append(
        f"Experiments to the first hit: model {_median([o.first_hit for o in outcomes])}; "
        f"Sobol {_median(sobol)} (a miss counts as more than {CAMPAIGN.budget.experiments})."
    )
    return "\n".join(lines)


def _median(firsts: Sequence[int | None]) -> str:
    """Say the median experiment of the first hit, and in how many campaigns there was one."""
    limit = CAMPAIGN.budget.experiments
    middle = float(np.median([limit + 1 if n is None else n for n in firsts])) if firsts else limit + 1
    found = sum(n is not None for n in firsts)
    return f"median {f'{middle:g}' if middle <= limit else f'above {limit}'}, {found} of {len(firsts)} within {limit}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sobol", type=int, default=10)
    asked = parser.parse_args()
    with ThreadPoolExecutor(asked.jobs) as pool:
        outcomes = list(pool.map(one, range(1, asked.seeds + 1)))
    sobol = [sobol_first_hit(seed) for seed in range(1, asked.sobol + 1)]
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine}, {asked.jobs} campaigns at a time\n")
    print(table(outcomes, sobol))


if __name__ == "__main__":
    main()
