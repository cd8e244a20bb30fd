"""One campaign for each route, over its whole range of parameters where a lab allows it.

The two off-deck routes stand on a bench that cannot exist (larger vials, no limit of heat), so that their volumes can
be compared like those of the others; the shipped labs refuse them.
"""

from __future__ import annotations

from dataclasses import replace

from sdl.bench import Block, Lab
from sdl.campaign import Campaign, Stock
from sdl.chemistry.routes import ROUTES
from sdl.config.load import load_campaign
from sdl.space import Parameter
from tests.benches import ROOT, example

DECK = ("cspbbr3-topo", "cspbbr3-pbs", "pma2pbbr4-cspbbr3", "mixing")
PAPER = ("cspbbr3-kalloyed", "cspbbr3-zn-halide")
NAMES = (*DECK, *PAPER)


def campaign(route: str) -> Campaign:
    """Return the campaign of one route: the shipped example where there is one."""
    match route:
        case "cspbbr3-topo":
            return example()
        case "cspbbr3-pbs":
            return load_campaign(ROOT / "examples" / "heterostructure" / "campaign.yaml")
        case "mixing":
            return load_campaign(ROOT / "examples" / "mixing" / "campaign.yaml")
        case "pma2pbbr4-cspbbr3":
            return _of(route, _bench(), PMA2, antisolvent=("bromobenzene", "chlorobenzene"))
        case "cspbbr3-kalloyed":
            return _of(route, _paper(100.0), KALLOYED)
    return _of(route, _paper(120.0), ZN_HALIDE)


def stock(name: str, solvent: str, at: str, volume_ml: float, **contains: float) -> Stock:
    return Stock(name=name, contains=contains, solvent=solvent, volume_ul=1000 * volume_ml, at=(at,))


PMA2 = (
    stock("precursor", "DMF-DMSO", "stocks/A1", 20, Cs=100, Pb=500, PMA=250, BA=1850),
    stock("bromobenzene", "bromobenzene", "stocks/B1", 200),
    stock("chlorobenzene", "chlorobenzene", "stocks/B2", 200),
)
KALLOYED = (
    stock("toluene", "toluene", "stocks/B1", 200),
    stock("K-Cs4PbBr6", "toluene", "stocks/A1", 20, Cs=20, Pb=5, K=4),
    stock("PbBr2-oleate", "toluene", "stocks/B2", 100, Pb=100),
)
ZN_HALIDE = (
    stock("oleyl-mixture", "octadecene", "stocks/B1", 200),
    stock("PbBr2", "octadecene", "stocks/A1", 20, Pb=300, Br=600),
    stock("ZnBr2", "octadecene", "stocks/B2", 100, Zn=400, Br=800),
    stock("Cs-oleate", "octadecene", "stocks/A2", 20, Cs=200),
)


def _of(route: str, lab: Lab, stocks: tuple[Stock, ...], **choices: tuple[str, ...]) -> Campaign:
    parameters = []
    for p in ROUTES[route].parameters.values():
        if p.choices:
            parameters.append(Parameter(name=p.name, choices=choices.get(p.name, p.choices)))
        elif p.name != "temperature_c":
            parameters.append(Parameter(name=p.name, low=p.low, high=p.high, scope=p.scope))
    return replace(
        example(),
        name=route,
        route=route,
        parameters=tuple(parameters),
        constraints=(),
        stocks={s.name: s for s in stocks},
        lab=replace(lab, substances=dict.fromkeys((s for held in stocks for s in held.contains), 1e6)),
    )


def _bench() -> Lab:
    lab = example().lab
    assert lab is not None
    return lab


def _paper(temperature_c: float) -> Lab:
    """Return a bench without limits of heat, with four vials of 24 mL that stand at one temperature."""
    lab = _bench()
    large = replace(lab.deck["stocks"], slot=lab.deck["vials"].slot, wells=4)
    deck = {**lab.deck, "vials": large}
    first = Block(rack="vials", low_c=temperature_c, high_c=temperature_c)
    limits = replace(lab.limits, max_temperature_c=200.0, boiling_margin_c=-200.0)
    return replace(lab, deck=deck, blocks=(first, *lab.blocks[1:]), limits=limits)
