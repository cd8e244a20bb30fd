"""CsPbBr3-PbS heterostructures: dots grown as in cspbbr3-topo, then (TMS)2S turns part of their lead into PbS."""

from __future__ import annotations

from sdl.chemistry.routes.cspbbr3_topo import GROWTH, PARAMETERS, QUENCH
from sdl.route import Dose, Hold, MoleRatio, Route, RouteParameter, parameters

_SOURCE = "Yang 2024, thesis, section 3.2: Pb/S 1:1, 1:3, 1:5, 1:10, 1:30 after 30 min of growth, 30 min more"

ROUTE = Route(
    name="cspbbr3-pbs",
    title="CsPbBr3-PbS heterostructures: (TMS)2S after growth, then lecithin; visible and near-infrared bands",
    source=_SOURCE,
    parameters={
        **PARAMETERS,
        **parameters(
            RouteParameter(name="s_to_pb", low=1.0, high=30.0, nominal=1.0, source=_SOURCE),
            RouteParameter(name="sulfide_time_s", low=60.0, high=7200.0, nominal=1800.0, source=_SOURCE),
        ),
    },
    steps=(
        *GROWTH,
        # Lead still in the well: what growth reads took is gone.
        Dose(reagent="TMS2S", amount=MoleRatio(species="S", to="Pb", by="s_to_pb"), action="add"),
        Hold(by="sulfide_time_s", watched=True),
        *QUENCH,  # after the sulfide: lecithin before it blocks the binding of S (Fig. 3-12)
    ),
    medium="diluent",
    notes=(
        "(TMS)2S: called trimethylsulfonium sulfide; the reagent is bis(trimethylsilyl) sulfide, CAS 3385-94-2",
        "(TMS)2S: the strength of its solution is not given; 80 uL at Pb/S 1:1 with 3.2 umol Pb would be 40 mmol/L",
        "lecithin: stated 0.13 M, weighed 0.066 M; the last rest is '30 seconds in the refrigerator'",
        "the transfer-efficiency formula holds only with an undisclosed factor of 29.77, and not for its row 1:3",
        "pristine dots: 8.1 nm (TEM) and 495 nm (PL) contradict each other; the 471 nm shift took 10 days in the cold",
    ),
)
