"""CsPbBr3 dots by hot injection with ZnBr2: the bromide equilibrium and the temperature set the size."""

from __future__ import annotations

from sdl.route import Concentration, Dose, Hold, Manual, MoleRatio, Read, Route, RouteParameter, Volume, parameters

_METHODS = "Li et al., Chem. Sci. 2019, 10, 5983, Methods"

ROUTE = Route(
    name="cspbbr3-zn-halide",
    title="CsPbBr3 dots of 2.6 to 6.2 nm by hot injection with ZnBr2, 80 to 190 degC",
    source=_METHODS,
    parameters=parameters(
        RouteParameter(
            name="zn_to_pb",
            low=0.0,
            high=13.1,
            nominal=6.5,
            source=f"{_METHODS}: 0 to 600 mg ZnBr2 with 75 mg PbBr2; the amount for each size is not given",
        ),
        RouteParameter(name="pb_concentration_mmol_l", low=10.0, high=30.0, nominal=18.57, source=_METHODS),
        RouteParameter(name="growth_time_s", low=10.0, high=180.0, nominal=100.0, source=_METHODS),
        RouteParameter(name="temperature_c", low=80.0, high=190.0, nominal=120.0, scope="block", source=_METHODS),
    ),
    steps=(
        Dose(reagent="oleyl-mixture", amount=Volume(by=11_000.0)),  # 5 mL ODE, 3 mL oleic acid, 3 mL oleylamine
        Dose(reagent="PbBr2", amount=Concentration(species="Pb", by="pb_concentration_mmol_l")),
        Dose(reagent="ZnBr2", amount=MoleRatio(species="Zn", to="Pb", by="zn_to_pb"), optional=True),
        Dose(reagent="Cs-oleate", amount=Volume(by=400.0), carries=frozenset({"Cs"}), action="inject"),
        Hold(by="growth_time_s"),
        Manual(text="cool in an ice-water bath, centrifuge at 3500 rpm for 15 min, precipitate with 8 mL acetone"),
        Read(),
    ),
    medium="oleyl-mixture",
    off_deck=(
        "it is a hot injection at 80 to 190 degC under argon within seconds; a deck stays below 60 degC. "
        "Its published results serve as history"
    ),
    notes=(
        "ZnBr2 per size is not given: size must not be fitted to temperature alone, ZnBr2 is a hidden variable",
        "times are given for 2.6, 3.0 and 3.5 nm only (batches of threefold size)",
        "X2 - X1 runs from 0.18 to 0.32 eV in the text and to 0.37 eV in Table 1",
    ),
)
