"""PMA2PbBr4-CsPbBr3 2D-3D heterojunctions: one DMF/DMSO precursor into an antisolvent, then washing by hand."""

from __future__ import annotations

from sdl.route import Dose, Fill, Hold, Manual, Read, Route, RouteParameter, VolumeRatio, parameters

_SOURCE = "Yang 2024, thesis, chapter 4: 200 uL precursor into 10 mL bromobenzene, stirred for 1 min, room temperature"
_CHOSEN = "chosen: a factor of 4 about the published point"

ROUTE = Route(
    name="pma2pbbr4-cspbbr3",
    title="PMA2PbBr4-CsPbBr3 heterojunctions by antisolvent: DMF/DMSO precursor into bromobenzene",
    source=_SOURCE,
    parameters=parameters(
        RouteParameter(name="precursor_to_antisolvent", low=0.005, high=0.08, nominal=0.02, source=_CHOSEN),
        RouteParameter(name="stirring_time_s", low=60.0, high=3600.0, nominal=60.0, source=_SOURCE),
        RouteParameter(
            name="antisolvent",
            choices=("bromobenzene", "chlorobenzene", "toluene"),
            nominal="bromobenzene",
            source=f"{_SOURCE}; chlorobenzene and toluene: the other solvents of the chapter's list of chemicals",
        ),
        RouteParameter(name="temperature_c", low=15.0, high=45.0, nominal=25.0, scope="block", source=_SOURCE),
    ),
    steps=(
        # A third of the published batch, so that a vial of 8 mL holds it.
        Dose(reagent="antisolvent", amount=Fill(by=3400.0)),
        Dose(
            reagent="precursor",
            amount=VolumeRatio(to="antisolvent", by="precursor_to_antisolvent"),
            carries=frozenset({"Cs", "Pb", "PMA"}),
            action="inject",
        ),
        Hold(by="stirring_time_s"),
        Manual(text="add 3 volumes of ethyl acetate, shake, centrifuge at 8000 rpm for 5.5 min, discard the liquid"),
        Manual(text="redisperse in 2 mL chlorobenzene, centrifuge at 6000 rpm for 5.5 min, keep the liquid"),
        Manual(text="centrifuge at 4000 rpm for 5.5 min, redisperse in 2 mL chlorobenzene, put it back"),
        Read(),
    ),
    medium="antisolvent",
    allows=frozenset({"DMF", "DMSO"}),
    notes=(
        "the text swaps the absorption peaks of the two phases: 400 nm is PMA2PbBr4, 494 nm CsPbBr3",
        "d-spacings of 0.297 and 0.468 'A' must be nm",
        "0.4 mmol CsBr, 2 mmol PbBr2, 1 mmol benzylamine, 7.4 mmol benzoic acid in 4 mL: 100, 500, 250, 1850 mmol/L",
    ),
)
