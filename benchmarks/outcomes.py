"""The table of simulated outcomes of a route, shipped with it for reachability in ``sdl check``.

``python -m benchmarks.outcomes ROUTE|CAMPAIGN [--rows N] [--seed S] [--out FILE]`` draws designs over the whole of the
route's limits (ranges of more than a factor of 4 by logarithm), in every second one of them each parameter stays at its
nominal value with even odds (campaigns vary a few), compiles them with stocks as published on the built-in bench, lets
the virtual lab make them without noise or batch effect, and writes design and outcome, one row each.

A campaign file whose own files declare its synthesis gets a table beside them, with its stocks, bench and choices; what
is done by hand changes nothing in it. A chemistry that the virtual lab has no model of is refused.
"""

from __future__ import annotations

import argparse
import csv
import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sdl import __version__
from sdl.campaign import Budget, Campaign, Stock
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.feasible import design_space
from sdl.chemistry.outcomes import FOLDER, own_table, route_mark
from sdl.chemistry.procedures import procedure_for
from sdl.chemistry.recipe import Recipe
from sdl.chemistry.routes import ROUTES
from sdl.config.lab import BUILT_IN, load_lab
from sdl.config.load import load_campaign
from sdl.errors import Refused
from sdl.lab.modelled import raise_unless_modelled
from sdl.lab.virtual.chemistry import Growth
from sdl.lab.virtual.heterojunction import EDGE_3D_NM, Heterojunction
from sdl.lab.virtual.optics import TRUTH_NM, line, truth
from sdl.lab.virtual.reaction import Reaction, Vessel, act, begin, changes
from sdl.route import Route
from sdl.space import Columns, Design, DesignSpace, Parameter
from sdl.target import Target
from sdl.units import HC_EV_NM

FEATURES = ("pl_peak_nm", "fwhm_nm", "plqy", "x1_nm", "nir_peak_nm")
LOG_FROM = 4.0
"""A range whose ends differ by more than this factor is drawn by logarithm (chosen)."""
DRAWN = 2048
"""Designs looked at at once (chosen: a power of 2, so that the sequence stays even)."""
TMS2S_MMOL_L = 400.0
"""Strength of the (TMS)2S solution: the paper prints none; as in ``examples/heterostructure``."""


def campaign(route: Route) -> Campaign:
    """Return a campaign over everything that ``route`` may vary, with stocks as published on the built-in bench."""
    parameters = tuple(
        Parameter(name=p.name, low=p.low, high=p.high, scope=p.scope)
        for p in route.parameters.values()
        if not p.choices
    )
    stocks = {name: _stock(route.name, name) for name in route.stocks({})}
    return Campaign(
        name="outcomes",
        why="",
        target=Target(goals={}),
        parameters=parameters,
        constraints=(),
        budget=Budget(experiments=1, batch=1),
        seed=0,
        file="outcomes",
        sha256="",
        route=route.name,
        stocks=stocks,
        lab=load_lab(BUILT_IN),
    )


def campaign_in(path: Path) -> Campaign:
    """Return the campaign of a file over all that its own synthesis may vary; raise `Refused` unless it is modelled."""
    asked = load_campaign(path)
    if asked.synthesis is None:
        raise Refused(f"{path} declares no synthesis; give the name of its route, {asked.route}")
    raise_unless_modelled({species for stock in asked.stocks.values() for species in stock.contains})
    choices = tuple(p for p in asked.parameters if p.choices)
    limits = tuple(
        Parameter(name=p.name, low=p.low, high=p.high, scope=p.scope)
        for p in asked.synthesis.parameters.values()
        if not p.choices and p.low < p.high
    )
    return replace(asked, parameters=(*choices, *limits), constraints=())


def _stock(route: str, name: str) -> Stock:
    procedure = procedure_for(route, name)
    contains = dict(procedure.published.contains) if procedure else {}
    if name == "TMS2S":
        contains = {"S": TMS2S_MMOL_L}
    solvent = procedure.solvent if procedure else {"diluent": "chlorobenzene"}.get(name, name)
    return Stock(name=name, contains=contains, solvent=solvent, volume_ul=1e5, at=("stocks/A1",))


def designs(route: Route, space: DesignSpace, rows: int, seed: int) -> list[dict[str, float | str]]:
    """Draw ``rows`` feasible designs over the whole space, every second one nominal in about half of its parameters."""
    from scipy.stats import qmc

    engine, rng = qmc.Sobol(len(space.parameters), seed=seed), np.random.default_rng(seed)
    found: list[dict[str, float | str]] = []
    while len(found) < rows:
        drawn = _spread(space, engine.random(DRAWN))
        for name, column in drawn.items():
            column[1::2] = np.where(rng.random(DRAWN // 2) < 0.5, route.parameters[name].nominal, column[1::2])
        columns, ok = space.make(drawn)
        found += space.designs({name: column[ok] for name, column in columns.items()})
    return found[:rows]


def _spread(space: DesignSpace, unit: np.ndarray) -> Columns:  # type: ignore[type-arg]
    columns = space.from_unit(unit)
    for j, p in enumerate(space.parameters):
        if p.low > 0 and p.high / p.low > LOG_FROM:
            columns[p.name] = p.low * (p.high / p.low) ** unit[:, j]
    return columns


def poured(recipe: Recipe, stocks: Mapping[str, Stock], sample_ul: float) -> Reaction:
    """Let the virtual lab make ``recipe`` to the letter and return what is in the well at the outcome read."""
    factors = {d.name: (d.stock, d.factor) for d in recipe.dilutions}
    events = sorted(
        [(max(t.at_s, -1.0), 0, t.stock, t.volume_ul) for t in recipe.transfers]
        + [(at_s, 1, "", sample_ul) for at_s in recipe.read_s[:-1]],
        key=lambda event: (event[0], -event[1]),
    )
    well = Vessel(celsius=recipe.temperature_c)
    for at_s, _, name, volume_ul in events:
        if not name:
            well.take(volume_ul)
            continue
        stock, factor = factors.get(name, (name, 1.0))
        umol = {s: c * volume_ul / 1000.0 / factor for s, c in stocks[stock].contains.items()}
        liquid = Vessel(volume_ul=volume_ul, umol=umol)
        if changes(well, liquid, at_s):
            well.growth = well.growth or begin(well)
            act(well, liquid, at_s)
        else:
            well.add(liquid)
            if well.started_s is None and well.complete:
                well.started_s = at_s
        well.fed_s = at_s
    well.growth = well.growth or begin(well)
    well.growth.advance((recipe.read_s or (recipe.growth_time_s,))[-1])
    return well.growth


def outcome(made: Reaction) -> dict[str, float]:
    """Return the noise-free features of what was made."""
    if isinstance(made, Growth):
        seen = truth(made.state)
        return {name: getattr(seen, name) for name in FEATURES}
    assert isinstance(made, Heterojunction)
    peak_nm, fwhm_nm = line(TRUTH_NM, made.emission(TRUTH_NM))
    x1_nm = HC_EV_NM / (HC_EV_NM / EDGE_3D_NM + made.shift_ev)
    return {"pl_peak_nm": peak_nm, "fwhm_nm": fwhm_nm, "plqy": made.plqy, "x1_nm": x1_nm, "nir_peak_nm": math.nan}


def rows(asked: Campaign, n: int, seed: int) -> Iterator[tuple[Design, dict[str, float]]]:
    """Yield ``n`` designs of the campaign's route with their outcome."""
    compiler = Compiler.of(asked)
    for design in designs(compiler.route, design_space(asked), n, seed):
        made = poured(compiler.recipe(design), asked.stocks, compiler.lab.reader.sample_ul)
        yield design, outcome(made)


def write(asked: Campaign, named: str, out: Path, n: int, seed: int, *, now: datetime) -> None:
    """Write the table of the campaign's route; its first line says how it was made."""
    found = list(rows(asked, n, seed))
    shown = [f for f in FEATURES if any(math.isfinite(seen[f]) for _, seen in found)]
    with out.open("w", encoding="utf-8", newline="") as file:
        command = f"python -m benchmarks.outcomes {named} --rows {n} --seed {seed}"
        own = f"; {route_mark(asked.synthesis)}" if asked.synthesis else ""
        made = f"{now:%Y-%m-%d}; python {platform.python_version()}{own}"
        file.write(f"# simulated; sdl {__version__}; {command}; {made}\n")
        writer = csv.writer(file)
        writer.writerow([*found[0][0], *shown])
        for design, seen in found:
            values = [seen[f] for f in shown]
            writer.writerow([_cell(v) for v in (*design.values(), *values)])


def _cell(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.5g}" if math.isfinite(value) else ""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    able = sorted(name for name, route in ROUTES.items() if not route.off_deck)
    parser.add_argument("route", help=f"one of {', '.join(able)}, or a campaign file with a synthesis of its own")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    own = asked.route.endswith((".yaml", ".yml"))
    if not own and asked.route not in able:
        parser.error(f"{asked.route}: not one of {', '.join(able)}, and no campaign file")
    chosen = campaign_in(Path(asked.route)) if own else campaign(ROUTES[asked.route])
    out = asked.out or (own_table(chosen) if own else FOLDER / f"{asked.route}.csv")
    write(chosen, asked.route, out, asked.rows, asked.seed, now=datetime.now(UTC))
    print(f"{out}: {asked.rows} designs")


if __name__ == "__main__":
    main()
