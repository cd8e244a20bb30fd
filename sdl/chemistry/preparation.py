"""The preparation card of a stock: what to weigh and measure for its volume, in which order, and what to beware of.

Masses are those of the substance as bought: the pure mass over the purity. A datum that the table of substances lacks
is named on the card as missing, and the line it would fill has no number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sdl.campaign import Stock
from sdl.chemistry.procedures import PROCEDURES, Procedure, procedure_for
from sdl.chemistry.substances import MIXTURES, Substance, element_counts, substances
from sdl.errors import Refused

DEFAULT_REAGENTS: Mapping[str, str] = {
    "Pb": "PbBr2",
    "Zn": "ZnBr2",
    "K": "potassium acetate",
    "S": "(TMS)2S",
    "PMA": "benzylamine",
    "BA": "benzoic acid",
    "OA": "oleic acid",
    "OLA": "oleylamine",
}
"""What brings a species where no procedure says so: the only substance of the papers that carries it."""

COMES_ALONG = frozenset({"Br"})
"""Species that arrive with the metal and are not weighed on their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """One thing to put in: ``mass_mg`` as bought, ``volume_ml`` of a liquid; None where a datum is missing."""

    substance: str
    role: str
    cas: str
    g_mol: float | None
    amount_mmol: float | None
    purity: float | None
    mass_mg: float | None
    volume_ml: float | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """How to make one stock: portions in order of addition, steps, caveats, hazards, sources, and what is missing."""

    stock: str
    volume_ml: float
    contains: Mapping[str, float]
    portions: tuple[Portion, ...]
    steps: tuple[str, ...]
    caveats: tuple[str, ...]
    hazards: Mapping[str, tuple[str, ...]]
    sources: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """The card as plain JSON."""
        return asdict(self)


def cards(route: str, stocks: Iterable[Stock]) -> list[Card]:
    """Return one card a stock, in the order given."""
    return [card(stock, procedure_for(route, stock.name)) for stock in stocks]


def published_cards(route: str) -> list[Card]:
    """Return the cards of a route's stocks at the volumes and concentrations of its paper."""
    if route not in PROCEDURES:
        raise Refused(f"route '{route}' has no published stocks; there are {', '.join(sorted(PROCEDURES))}")
    return [card(_published(procedure), procedure) for procedure in PROCEDURES[route]]


def _published(procedure: Procedure) -> Stock:
    return Stock(
        name=procedure.stock,
        contains=procedure.published.contains,
        solvent=procedure.solvent,
        volume_ul=procedure.published.volume_ml * 1000.0,
        at=(),
    )


def card(stock: Stock, procedure: Procedure | None = None) -> Card:
    """Return the preparation card of ``stock``; without a ``procedure`` each species is looked up on its own."""
    volume_ml = stock.volume_ul / 1000.0
    weighed = [] if procedure and procedure.made else _weighed(stock, procedure)
    solvents = [] if procedure and procedure.made else _solvents(stock, procedure, weighed)
    portions = (*weighed, *solvents)
    used = [substances()[p.substance] for p in portions if p.substance in substances()]
    cited = {f"{s.name}: {s.source}" for s in used}
    return Card(
        stock=stock.name,
        volume_ml=volume_ml,
        contains=dict(stock.contains),
        portions=portions,
        steps=_steps(stock, procedure),
        caveats=_caveats(stock, procedure, used),
        hazards={s.name: s.hazards for s in used if s.hazards},
        sources=(*((procedure.source,) if procedure else ()), *sorted(cited)),
        missing=tuple(dict.fromkeys(f"{p.substance}: {m}" for p in portions for m in p.missing)),
    )


def _weighed(stock: Stock, procedure: Procedure | None) -> list[Portion]:
    """Return what brings the species, several species of one substance as one portion: the largest need counts."""
    known = substances()
    needs: dict[str, tuple[float, list[str]]] = {}
    unknown: list[Portion] = []
    for species, mmol_l in stock.contains.items():
        if species in COMES_ALONG:
            continue
        name = _reagent(species, procedure)
        if name not in known:
            unknown.append(_unknown(species, mmol_l * stock.volume_ul / 1e6))
            continue
        total = mmol_l + (stock.contains.get(procedure.bound.get(species, ""), 0.0) if procedure else 0.0)
        mmol = total * stock.volume_ul / 1e6 / _per_formula(species, known[name])
        before, roles = needs.get(name, (0.0, []))
        needs[name] = max(before, mmol), [*roles, species]
    portions = [_portion(known[name], mmol, "brings " + ", ".join(roles)) for name, (mmol, roles) in needs.items()]
    solids_first = sorted(portions, key=lambda p: known[p.substance].state == "liquid")
    return [*solids_first, *unknown]


def _reagent(species: str, procedure: Procedure | None) -> str:
    chosen = procedure.reagents.get(species) if procedure else None
    return chosen or DEFAULT_REAGENTS.get(species, species)


def _per_formula(species: str, carrier: Substance) -> int:
    """Return moles of ``species`` in one mole of what brings it: two Cs in Cs2CO3; a molecule counts once."""
    return element_counts(carrier.formula).get(species, 1) if species != carrier.name else 1


def _portion(carrier: Substance, mmol: float, role: str) -> Portion:
    missing = []
    if carrier.purity is None:
        missing.append("purity is not stated in the source, taken as pure: use that of your bottle")
    mass_mg = mmol * carrier.g_mol / (carrier.purity or 1.0)
    volume_ml = None
    if carrier.state == "liquid":
        if carrier.density_g_ml is None:
            missing.append("density is missing: weigh it")
        else:
            volume_ml = mass_mg / 1000.0 / carrier.density_g_ml
    return Portion(
        substance=carrier.name,
        role=role,
        cas=carrier.cas,
        g_mol=carrier.g_mol,
        amount_mmol=mmol,
        purity=carrier.purity,
        mass_mg=mass_mg,
        volume_ml=volume_ml,
        missing=tuple(missing),
    )


def _unknown(species: str, mmol: float) -> Portion:
    near = [n for n, s in substances().items() if species in element_counts(s.formula) and s.state == "solid"]
    advice = f"say which of {', '.join(near)} brings it" if near else "add a row with formula and source"
    return Portion(
        substance=species,
        role=f"brings {species}",
        cas="",
        g_mol=None,
        amount_mmol=mmol,
        purity=None,
        mass_mg=None,
        volume_ml=None,
        missing=(f"formula weight is missing: substances.csv has no '{species}'; {advice}",),
    )


def _solvents(stock: Stock, procedure: Procedure | None, weighed: Sequence[Portion]) -> list[Portion]:
    """Return the solvents: what dissolves, then what fills up to the volume (ideal mixing; solids take no room)."""
    volume_ml = stock.volume_ul / 1000.0
    taken_ml = sum(p.volume_ml or 0.0 for p in weighed)
    own = procedure is not None and procedure.solvent == stock.solvent
    dissolving = procedure.dissolve if procedure and own else ()
    portions = [_liquid(name, share * volume_ml, "dissolves") for name, share in dissolving]
    rest_ml = volume_ml - taken_ml - sum(p.volume_ml or 0.0 for p in portions)
    if rest_ml < 0:
        raise Refused(
            f"{stock.name}: its liquid reagents take {taken_ml:.3g} mL of {volume_ml:g} mL and leave no room for the "
            "solvent; lower a concentration in `contains`"
        )
    role = "fills up to the mark" if stock.contains else "as bought"
    parts = MIXTURES.get(stock.solvent, ((stock.solvent, 1.0),))
    return [*portions, *(_liquid(name, share * rest_ml, role) for name, share in parts)]


def _liquid(name: str, volume_ml: float, role: str) -> Portion:
    known = substances().get(name)
    missing = () if known else ("formula and density are missing: substances.csv has no such solvent",)
    density = known.density_g_ml if known else None
    if known and density is None:
        missing = ("density is missing: measure by volume",)
    return Portion(
        substance=name,
        role=role,
        cas=known.cas if known else "",
        g_mol=known.g_mol if known else None,
        amount_mmol=None,
        purity=known.purity if known else None,
        mass_mg=None if density is None else volume_ml * density * 1000.0,
        volume_ml=volume_ml,
        missing=missing,
    )


def _steps(stock: Stock, procedure: Procedure | None) -> tuple[str, ...]:
    if procedure:
        return procedure.steps
    if not stock.contains:
        return ("Fill in as bought; filter (0.2 um PTFE) and keep dry.",)
    return (
        "No published procedure: weigh solids first, then liquids, dissolve, fill up with the solvent to the mark.",
    )


def _caveats(stock: Stock, procedure: Procedure | None, used: list[Substance]) -> tuple[str, ...]:
    said = [f"{s.name}: {s.caveat}" for s in used if s.caveat]
    if procedure:
        said += procedure.caveats
        for species in procedure.published.contains.keys() - stock.contains.keys() - COMES_ALONG:
            more = f"{procedure.published.contains[species]:g} mmol/L {_reagent(species, procedure)} ({species})"
            said.append(
                f"The paper's stock also holds {more}, this campaign's `contains` does not: leave out on purpose?"
            )
        if procedure.solvent != stock.solvent:
            said.append(f"The paper uses {procedure.solvent}, this campaign {stock.solvent}: test that it dissolves.")
    if COMES_ALONG & stock.contains.keys():
        said.append("Br comes with the bromides and is not weighed on its own: check that it adds up to `contains`.")
    return tuple(said)


def cards_in_words(made: Iterable[Card]) -> str:
    """Return the cards as text for the bench: one block a stock."""
    return "\n\n".join("\n".join(_lines(each)) for each in made)


def _lines(each: Card) -> list[str]:
    holds = ", ".join(f"{c:g} mmol/L {s}" for s, c in each.contains.items()) or "pure"
    lines = [f"{each.stock}: {each.volume_ml:g} mL, {holds}"]
    lines += [f"  {_said(p)}" for p in each.portions]
    lines += [f"  {n}. {step}" for n, step in enumerate(each.steps, 1)]
    lines += [f"  beware: {text}" for text in each.caveats]
    for name, codes in each.hazards.items():
        lines.append(f"  hazards of {name}: {' '.join(codes)} ({substances()[name].hazards_from}; check your SDS)")
    lines += [f"  missing: {text}" for text in each.missing]
    return [*lines, *(f"  source: {text}" for text in each.sources)]


def _said(p: Portion) -> str:
    of = f"{p.substance}" + (f" (CAS {p.cas}, {p.g_mol:.2f} g/mol)" if p.cas and p.g_mol else "")
    if p.amount_mmol is None:
        return f"{p.volume_ml:.4g} mL {of}, {p.role}" if p.volume_ml is not None else f"{of}, {p.role}"
    if p.mass_mg is None:
        return f"? mg {of} for {p.amount_mmol:.4g} mmol, {p.role}"
    purity = f" at {100 * p.purity:.4g} % purity" if p.purity else " taken as pure"
    measured = f" = {p.volume_ml:.4g} mL" if p.volume_ml is not None else ""
    return f"{p.mass_mg:.4g} mg{measured} {of}: {p.amount_mmol:.4g} mmol{purity}, {p.role}"
