"""CsPbBr3 dots from (K,Cs)4PbBr6 crystals and PbBr2 in hot toluene: slow, and closed at 100 degC."""

from __future__ import annotations

from sdl.route import Dose, Hold, Manual, Read, Route, RouteParameter, Volume, parameters

_TABLE = "Otero-Martinez 2024, SI, Table S1: 5 to 160 min, 0.05 to 0.55 mL of precursor"

ROUTE = Route(
    name="cspbbr3-kalloyed",
    title="CsPbBr3 dots of 3 to 3.5 nm from (K0.18Cs0.82)4PbBr6 and PbBr2 in toluene at 100 degC",
    source="Otero-Martinez et al. 2024, main text and SI",
    parameters=parameters(
        RouteParameter(name="reaction_time_s", low=300.0, high=9600.0, nominal=3000.0, source=_TABLE),
        RouteParameter(name="precursor_volume_ul", low=50.0, high=550.0, nominal=350.0, source=_TABLE),
        RouteParameter(
            name="temperature_c",
            low=90.0,
            high=105.0,
            nominal=100.0,
            scope="block",
            source="100 degC in the paper; at room temperature nothing grows; range chosen",
        ),
    ),
    steps=(
        Dose(reagent="toluene", amount=Volume(by=5000.0)),
        Dose(reagent="K-Cs4PbBr6", amount=Volume(by="precursor_volume_ul"), carries=frozenset({"Cs", "Pb"})),
        Dose(reagent="PbBr2-oleate", amount=Volume(by=1000.0), carries=frozenset({"Pb"}), action="inject"),
        Hold(by="reaction_time_s", watched=True),
        Manual(text="quench in an ice-water bath"),
        Manual(
            text="add 0.5 mL ethyl acetate and 0.5 mL acetonitrile per mL, centrifuge (4000 rpm, 2 min), redisperse"
        ),
        Read(),
    ),
    medium="toluene",
    endpoint_nm=311.0,
    off_deck=(
        "it needs 100 degC in toluene, which boils at 111 degC: open vessels of toluene stay below 45 degC on a deck, "
        "and the rule of 20 K below boiling allows 91 degC at most. Make it closed, under nitrogen, in a hood"
    ),
    notes=(
        "precursor volume and time were changed together (correlation 0.993): their effects cannot be separated",
        "3.5 nm by HAADF (2.71 eV) and 445 nm of absorption (2.79 eV) for the same family are 75 meV apart",
        "PbBr2 solution 2: 367 mg PbBr2 in 10 mL is 100 mmol/L; the strength of the precursor is not given",
        "17.8 nm in the text and 17.7 +- 1.4 nm in Fig. S1; ionic radii printed in pm are Angstrom",
    ),
)
