"""The compiler: how fast it is, how little sampling wastes, and whether the verifier finds what it planned.

Run as ``python -m benchmarks.compiler [DESIGNS]`` from the checkout. Random feasible designs of all routes are put on
the deck, 24 wells at a time, analysed by the robot vendor's software, and read back by the verifier, which shares no
code with the compiler.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.acquisition import Offer
from models.encode import DesignCode
from models.filling import sobol_axes
from sdl.attempt.consumables import rack_wells
from sdl.attempt.expectation import TIP_WELLS, TRASH
from sdl.bench import Lab
from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space, feasible_share
from sdl.chemistry.recipe import Recipe, Run
from sdl.chemistry.schedule import Scheduler
from sdl.chemistry.solvents import SOLVENTS
from sdl.lab.analysis import analyze, default_analyzer
from sdl.lab.protocol import csv_text, labware_files, pauses, render
from sdl.space import DesignSpace
from sdl.verifier import Bench, Liquid, Pipette, TipRack, Vessel, definition_hash, verify
from tests.chemistry.campaigns import NAMES, campaign

MANY = 10_000
MEDIUM_UL = 150_000.0
"""What one bottle gives to one list of wells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The largest differences between plan and verifier in one list: uL, and a fraction of the moles."""

    designs: int
    volume_ul: float
    moles: float


def main(designs: int) -> None:
    """Print speed and waste for each route, then the agreement of ``designs`` designs."""
    print(f"{'route':20} {'10,000 compiled':>15} {'possible':>9} {'refused after spread':>21} {'steps left out':>15}")
    for name in NAMES:
        chosen = campaign(name)
        space = design_space(chosen)
        refused, left_out = waste(space)
        seconds = compile_s(chosen, space)
        print(f"{name:20} {seconds:13.2f} s {feasible_share(space):9.1%} {refused:21.2%} {left_out:15.2%}", flush=True)
    print()
    share = math.ceil(designs / len(NAMES))
    print(f"{'route':20} {'designs':>8} {'largest gap uL':>15} {'largest gap moles':>18}")
    for name in NAMES:
        gaps = list(differences(campaign(name), share, seed=len(name)))
        total, volume, moles = sum(g.designs for g in gaps), max(g.volume_ul for g in gaps), max(g.moles for g in gaps)
        print(f"{name:20} {total:8} {volume:15.2g} {moles:18.2g}", flush=True)


def compile_s(chosen: Campaign, space: DesignSpace) -> float:
    """Return the seconds that `MANY` random designs take from parameters to rounded, checked volumes."""
    compiler = Compiler.of(chosen)
    columns = space.from_unit(np.random.default_rng(1).random((MANY, len(space.parameters))))
    start = time.perf_counter()
    compiler.snap(columns)
    return time.perf_counter() - start


def waste(space: DesignSpace) -> tuple[float, float]:
    """Return the share of spread-out points, and of steps around designs, that become no design."""
    code = DesignCode(space)
    free = {name: np.array([space.sobol(1, seed=0)[0][name]]) for name in space.shared}
    offer = Offer.spread(code, sobol_axes(code.p, 2048, seed=1), free, seed=1)
    moves = np.random.default_rng(2).standard_normal((len(offer), code.p)) * 0.1
    return 1.0 - len(offer) / 2048, 1.0 - len(offer.moved(moves, free)) / max(1, len(offer))


def differences(chosen: Campaign, n: int, *, seed: int) -> Iterator[Gap]:
    """Yield how plan and verifier differ, list by list, over ``n`` random feasible designs."""
    one = replace(chosen, parameters=tuple(p for p in chosen.parameters if p.scope == "well"))  # one temperature
    compiler, space = Compiler.of(one), design_space(one)
    recipes = [compiler.recipe(design) for design in space.sobol(n, seed=seed)]
    largest = max(sum(t.volume_ul for t in r.transfers) for r in recipes)
    size = min(24, int(MEDIUM_UL // largest))
    for i in range(0, n, size):
        yield compare(compiler, recipes[i : i + size])


def compare(compiler: Compiler, recipes: Sequence[Recipe]) -> Gap:
    """Plan one list without reads, have it analysed and verified, and hold the verifier's books against the plan."""
    lab, run = compiler.lab, poured(compiler, recipes)
    with tempfile.TemporaryDirectory() as folder:
        protocol, csv = Path(folder) / "timed_steps.py", Path(folder) / "steps.csv"
        protocol.write_text(render(lab.robot_type, "compare"), encoding="utf-8")
        csv.write_text(csv_text(lab, run), encoding="utf-8")
        commands = analyze(protocol, labware_files(), csv, analyzer_python=default_analyzer()).commands
    approval = verify(commands, bench(compiler, run))
    volume = moles = 0.0
    for experiment, well in run.wells.items():
        recipe, found = run.recipes[experiment], approval.received_umol[well]
        volume = max(volume, abs(sum(t.volume_ul for t in recipe.transfers) - approval.wells[well].volume_ul))
        for species in recipe.moles_umol.keys() | found.keys():
            planned, seen = recipe.moles_umol.get(species, 0.0), found.get(species, 0.0)
            moles = max(moles, abs(planned - seen) / max(planned, seen, 1e-12))
    return Gap(designs=len(recipes), volume_ul=volume, moles=moles)


def poured(compiler: Compiler, recipes: Sequence[Recipe]) -> Run:
    """Return the run of ``recipes`` without reads and manual work: dilutions, additions, mixing."""
    lab = compiler.lab
    wells = rack_wells("vials", lab.deck["vials"].wells)
    scheduler = Scheduler(
        lab=lab,
        declared=compiler.declared,
        sources={name: stock.at[0] for name, stock in compiler.stocks.items()},
        vials=tuple(rack_wells(lab.dilution_rack, lab.deck[lab.dilution_rack].wells)),
    )
    given = {str(i): replace(recipe, read_s=(), manual=()) for i, recipe in enumerate(recipes)}
    run = scheduler.run(given, dict(zip(given, wells, strict=False)))
    return replace(run, steps=tuple(s for s in run.steps if s.action not in ("read", "rinse")))


def bench(compiler: Compiler, run: Run) -> Bench:
    """Return what the verifier is told: deck, stocks, and the plan's promises, put together here by hand."""
    lab, limits = compiler.lab, compiler.lab.limits
    delivered: dict[str, dict[str, float]] = {}
    windows = {}
    for step in run.steps:
        if step.action != "mix":
            into = delivered.setdefault(step.well, {})
            into[step.source] = into.get(step.source, 0.0) + step.volume_ul
    for index, message in pauses(run):
        step = run.steps[index]
        windows[message] = (float(step.earliest_s or 0.0), float(step.latest_s or 0.0))
    species = {s for stock in compiler.stocks.values() for s in stock.contains}
    return Bench(
        vessels={name: vessel(compiler, name) for name in lab.deck if lab.deck[name].labware.startswith("sdl_")},
        tip_racks={
            name: TipRack(
                labware=lab.deck[name].labware, slot=lab.deck[name].slot, tip_ul=p.tip_ul, fresh=frozenset(TIP_WELLS)
            )
            for p in lab.pipettes
            for name in p.tip_racks
        },
        pipettes={
            p.mount: Pipette(name=p.name, min_ul=p.min_ul, max_ul=p.max_ul, racks=p.tip_racks) for p in lab.pipettes
        },
        trash=TRASH[lab.robot_type],
        delivered_ul=delivered,
        pauses=tuple(message for _, message in pauses(run)),
        windows_s=windows,
        min_growth_s=dict.fromkeys(run.wells.values(), 0.0),
        boiling_c={name: s.boiling_c for name, s in SOLVENTS.items()},
        open_vessel_c={name: s.open_vessel_c for name, s in SOLVENTS.items()},
        lel_ul={name: s.lel_ul for name, s in SOLVENTS.items() if math.isfinite(s.lel_ul)},
        airflow=True,
        never_together=frozenset(),
        max_umol=dict.fromkeys(species, 1e9),
        max_temperature_c=limits.max_temperature_c,
        boiling_margin_c=limits.boiling_margin_c,
        max_fill_fraction=limits.max_fill_fraction,
        max_flow_rate_ul_s=limits.max_flow_rate_ul_s,
        max_delay_s=limits.max_delay_s,
        max_run_s=1e9,
        waste_ul=limits.waste_ul,
        max_fraction={"hexane": limits.max_hexane_fraction},
    )


def vessel(compiler: Compiler, name: str) -> Vessel:
    """Return one deck item as its labware file describes it, with the stocks that stand in it."""
    lab: Lab = compiler.lab
    place = lab.deck[name]
    shape = next(json.loads(p.read_text(encoding="utf-8")) for p in labware_files() if p.stem == place.labware)
    first = next(iter(shape["wells"].values()))
    wider = max(1.0, place.capacity_ul / float(first["totalLiquidVolume"]))  # the paper bench's vials
    holds = {}
    for stock in compiler.stocks.values():
        item, well = lab.locate(stock.at[0])
        if item == name:
            holds[well] = Liquid(
                volume_ul=stock.volume_ul / len(stock.at), solvents={stock.solvent: 1.0}, species_mmol_l=stock.contains
            )
    return Vessel(
        labware=place.labware,
        definition_sha256=definition_hash(shape),
        slot=place.slot,
        module=place.module,
        wells=frozenset(shape["wells"]),
        depth_mm=float(first["depth"]),
        area_mm2=math.pi * float(first["diameter"]) ** 2 / 4 * wider,
        neck_mm=float(first["diameter"]),
        capacity_ul=place.capacity_ul,
        dead_ul=place.dead_ul,
        holds=holds,
        drains=bool(place.drain),
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
