"""How the literature prepares each stock: which substance brings which species, in which solvents, in which order.

Amounts are not here: `sdl.chemistry.preparation` computes them for the volume and the concentrations of a campaign.
``published`` keeps what a paper states, so that a card can be printed without a campaign and compared with the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A stock as a paper makes it: its volume in mL and mmol/L of each species; ``amounts`` are words of the paper."""

    volume_ml: float
    contains: Mapping[str, float]
    amounts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """One stock's preparation.

    ``reagents`` maps a species to the substance that brings it; ``bound`` says of which other species each mole needs
    one more mole of it (DOPA binds to Cs beside what is free). ``dissolve`` are solvents with their share of the final
    volume; ``solvent`` fills up to it. ``made`` marks a product that is not weighed in: its steps are all there is.
    """

    stock: str
    solvent: str
    source: str
    steps: tuple[str, ...]
    published: Published
    reagents: Mapping[str, str] = field(default_factory=dict)
    bound: Mapping[str, str] = field(default_factory=dict)
    dissolve: tuple[tuple[str, float], ...] = ()
    caveats: tuple[str, ...] = ()
    made: bool = False


_HOT = "Hood, closed vial with a vent needle, heat by a controlled block: octane boils at 126 degC."
_THESIS = "Yang 2024, thesis, section 3.2"
_OTERO = "Otero-Martinez 2024, SI, precursor solutions"
_LI = "Li et al., Chem. Sci. 2019, 10, 5983, Methods"

CS_DOPA = Procedure(
    stock="Cs-DOPA",
    solvent="hexane",
    source=_THESIS,
    reagents={"Cs": "Cs2CO3", "DOPA": "DOPA"},
    bound={"DOPA": "Cs"},
    dissolve=(("octane", 2.0 / 30.0),),
    steps=(
        "Weigh Cs2CO3 into the vial; add DOPA and octane.",
        f"Stir at 120 degC until clear; water and CO2 leave. {_HOT}",
        "Cool to room temperature, then fill up with hexane.",
    ),
    caveats=(
        "`contains: DOPA` is free DOPA; the DOPA bound to Cs (1 mol per mol) is added here.",
        "The thesis states 0.02 M; 100 mg in 30 mL are 0.0205 M.",
    ),
    published=Published(
        volume_ml=30.0,
        contains={"Cs": 20.46, "DOPA": 74.6},
        amounts="100 mg Cs2CO3, 1 mL DOPA, 2 mL octane, 27 mL hexane",
    ),
)

PBBR2_TOPO = Procedure(
    stock="PbBr2-TOPO",
    solvent="hexane",
    source=_THESIS,
    reagents={"Pb": "PbBr2", "TOPO": "TOPO"},
    dissolve=(("octane", 5.0 / 25.0),),
    steps=(
        "Weigh PbBr2 and TOPO into the vial; add octane.",
        f"Stir at 120 degC until clear. {_HOT}",
        "Cool to room temperature, then fill up with hexane.",
    ),
    caveats=(
        "The thesis adds 5 + 20 mL of solvent to the solids without filling up to a mark: about 2 mL of TOPO make its "
        "stock up to 8 % thinner than the 0.04 M it states.",
    ),
    published=Published(
        volume_ml=25.0,
        contains={"Pb": 40.0, "TOPO": 200.0},
        amounts="1 mmol PbBr2, 5 mmol TOPO, 5 mL octane, 20 mL hexane",
    ),
)

TOPO = Procedure(
    stock="TOPO",
    solvent="octane",
    source="as the TOPO of the lead stock of Yang 2024, section 3.2 (0.20 M); on its own it is ours",
    reagents={"TOPO": "TOPO"},
    steps=("Weigh TOPO into the vial, fill up with the solvent, stir at room temperature until clear.",),
    published=Published(volume_ml=10.0, contains={"TOPO": 200.0}, amounts="not published"),
)

LECITHIN = Procedure(
    stock="lecithin",
    solvent="hexane",
    source=_THESIS,
    reagents={"lecithin": "lecithin"},
    steps=("Weigh lecithin into the vial, fill up with hexane, stir until clear; keep it dry and dark.",),
    published=Published(volume_ml=10.0, contains={"lecithin": 66.0}, amounts="0.5 g lecithin, 10 mL hexane"),
)

TMS2S = Procedure(
    stock="TMS2S",
    solvent="octane",
    source="Yang 2024, section 3.2: concentration and solvent are not printed; 40 mmol/L is an inference",
    reagents={"S": "(TMS)2S"},
    steps=(
        "Glove box or dry N2 line only: dry the solvent over a molecular sieve and purge it for 30 min.",
        "Add (TMS)2S by syringe to the solvent under N2, close with a septum, use the same day.",
        "Quench leftovers off the deck into an excess of basic hypochlorite; H2S alarm at 1 ppm.",
    ),
    caveats=("80 uL at Pb/S 1:1 with 3.2 umol Pb would need 40 mmol/L: inferred, not printed.",),
    published=Published(volume_ml=5.0, contains={"S": 40.0}, amounts="not printed"),
)

PMA_PRECURSOR = Procedure(
    stock="precursor",
    solvent="DMF-DMSO",
    source="Yang 2024, thesis, section 4.2",
    reagents={"Cs": "CsBr", "Pb": "PbBr2", "PMA": "benzylamine", "BA": "benzoic acid"},
    steps=(
        "Weigh the salts and benzoic acid into the vial; add DMF and most of the DMSO.",
        "Add benzylamine slowly under stirring (it warms up), stir until clear.",
        "Fill up with DMSO.",
    ),
    caveats=("The paper counts 4 mL of solvent, not of solution: its true concentrations are somewhat lower.",),
    published=Published(
        volume_ml=4.0,
        contains={"Cs": 100.0, "Pb": 500.0, "PMA": 250.0, "BA": 1850.0},
        amounts="0.4 mmol CsBr, 2 mmol PbBr2, 1 mmol benzylamine, 7.4 mmol benzoic acid, 4 mL DMF:DMSO 1:1 v/v",
    ),
)

PBBR2_OLEATE = Procedure(
    stock="PbBr2-oleate",
    solvent="toluene",
    source=f"{_OTERO} (PbBr2 precursor solution 2)",
    reagents={"Pb": "PbBr2", "OLA": "oleylamine", "OA": "oleic acid"},
    steps=(
        "Weigh PbBr2 into a 25 mL vial; add toluene, oleylamine and oleic acid.",
        "Stir at 120 degC for 1 h in a closed vial behind a shield: above the boiling point of toluene (111 degC).",
        "Cool to room temperature.",
    ),
    published=Published(
        volume_ml=10.0,
        contains={"Pb": 100.0, "OLA": 532.0, "OA": 707.0},
        amounts="367 mg PbBr2, 5 mL toluene, 2.5 mL oleylamine, 2.5 mL oleic acid",
    ),
)

K_CS4PBBR6 = Procedure(
    stock="K-Cs4PbBr6",
    solvent="toluene",
    source=f"{_OTERO} and nanocrystal synthesis",
    made=True,
    steps=(
        "PbBr2 solution 1: 60 mg PbBr2, 5 mL octadecene, 1.5 mL oleylamine, 0.2 mL oleic acid; 120 degC, 30 min.",
        "Cs-OL: 400 mg Cs2CO3 in 8 mL oleic acid; 100 degC, 1 h under vacuum.",
        "K-OL: 250 mg potassium acetate in 10 mL oleic acid (0.25 M); 100 degC, 1 h under vacuum; 1 mL + 9 mL toluene.",
        "Cs4PbBr6: PbBr2 solution 1 at 80 degC under N2, inject 0.75 mL Cs-OL, after 30 s into ice; 6000 rpm 5 min; "
        "redisperse in 1 mL toluene.",
        "Three times: add 1 mL of 25 mM K-OL, then 5 mL ethyl acetate, 6000 rpm 5 min, redisperse in 1 mL of 2.5 mM "
        "oleylamine and oleic acid in toluene.",
    ),
    caveats=(
        "The concentration of the nanocrystals is not printed: measure the absorbance at 311 nm and state it.",
        "K fraction 0.18 (SEM and STEM-EDS); band at 311 nm, 314 nm without K.",
    ),
    published=Published(volume_ml=1.0, contains={}, amounts="see the steps"),
)

CS_OLEATE = Procedure(
    stock="Cs-oleate",
    solvent="octadecene",
    source=_LI,
    reagents={"Cs": "Cs2CO3", "OA": "oleic acid"},
    steps=(
        "Weigh Cs2CO3, oleic acid and octadecene into a 50 mL three-neck flask.",
        "120 degC under vacuum for 1 h, then 150 degC under argon until clear; keep at 100 degC.",
    ),
    caveats=("The paper weighs its solvent: 7 g of octadecene and 0.8 g of oleic acid are about 9.8 mL.",),
    published=Published(
        volume_ml=9.8, contains={"Cs": 157.0, "OA": 260.0}, amounts="0.25 g Cs2CO3, 0.8 g oleic acid, 7 g octadecene"
    ),
)

OLEYL_MIXTURE = Procedure(
    stock="oleyl-mixture",
    solvent="octadecene",
    source=_LI,
    reagents={"OA": "oleic acid", "OLA": "oleylamine"},
    steps=("Mix octadecene, oleic acid and oleylamine in a three-neck flask; dry under vacuum.",),
    published=Published(
        volume_ml=11.0,
        contains={"OA": 770.0, "OLA": 580.0},
        amounts="5 mL octadecene, 3 mL oleic acid, 3 mL oleylamine",
    ),
)

LI_PBBR2 = Procedure(
    stock="PbBr2",
    solvent="octadecene",
    source=_LI,
    reagents={"Pb": "PbBr2", "OA": "oleic acid", "OLA": "oleylamine"},
    steps=("Weigh PbBr2 into the oleyl mixture; dissolve under argon at the reaction temperature.",),
    caveats=("The paper dissolves PbBr2 and ZnBr2 together in the 11 mL of the oleyl mixture.",),
    published=Published(
        volume_ml=11.0,
        contains={"Pb": 18.58, "OA": 770.0, "OLA": 580.0},
        amounts="75 mg PbBr2 in 5 mL octadecene, 3 mL oleic acid, 3 mL oleylamine",
    ),
)

LI_ZNBR2 = Procedure(
    stock="ZnBr2",
    solvent="octadecene",
    source=_LI,
    reagents={"Zn": "ZnBr2", "OA": "oleic acid", "OLA": "oleylamine"},
    steps=("Weigh ZnBr2 into the oleyl mixture; dissolve under argon.",),
    caveats=("ZnBr2 is 0 to 600 mg in the paper and not given for each size: state what you use.",),
    published=Published(
        volume_ml=11.0,
        contains={"Zn": 121.1, "OA": 770.0, "OLA": 580.0},
        amounts="0 to 600 mg ZnBr2 (300 taken here) in 5 mL octadecene, 3 mL oleic acid, 3 mL oleylamine",
    ),
)

PROCEDURES: Mapping[str, tuple[Procedure, ...]] = {
    "cspbbr3-topo": (CS_DOPA, PBBR2_TOPO, TOPO, LECITHIN),
    "cspbbr3-pbs": (CS_DOPA, PBBR2_TOPO, TOPO, LECITHIN, TMS2S),
    "pma2pbbr4-cspbbr3": (PMA_PRECURSOR,),
    "cspbbr3-kalloyed": (K_CS4PBBR6, PBBR2_OLEATE),
    "cspbbr3-zn-halide": (CS_OLEATE, OLEYL_MIXTURE, LI_PBBR2, LI_ZNBR2),
}
"""By route, the stocks that are prepared; a medium is used as it is bought."""


def procedure_for(route: str, stock: str) -> Procedure | None:
    """Return how ``stock`` is prepared: as its route does, else as any route with a stock of that name does."""
    own = PROCEDURES.get(route, ())
    every = (*own, *(p for found in PROCEDURES.values() for p in found))
    return next((p for p in every if p.stock == stock), None)
