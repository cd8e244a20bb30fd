"""CsPbBr3 dots at room temperature: Cs-DOPA and PbBr2-TOPO in chlorobenzene, quenched with lecithin."""

from __future__ import annotations

from sdl.route import (
    Concentration,
    Dose,
    Fill,
    Hold,
    MoleRatio,
    Read,
    Route,
    RouteParameter,
    VolumeRatio,
    parameters,
)

_MODEL = "the range over which the kinetic model is specified (docs/virtual_lab.md, inputs); nominal: Yang 2024, 3.2"

PARAMETERS = parameters(
    RouteParameter(name="pb_to_cs", low=1.0, high=10.0, nominal=4.0, source=_MODEL),
    RouteParameter(name="topo_to_pb", low=3.0, high=45.0, nominal=5.0, source=_MODEL),
    RouteParameter(name="cs_concentration_mmol_l", low=0.02, high=1.0, nominal=0.2564, source=_MODEL),
    RouteParameter(name="growth_time_s", low=60.0, high=14400.0, nominal=1800.0, source=_MODEL),
    RouteParameter(name="lecithin_to_cs", low=0.3, high=1.5, nominal=1.0, source=_MODEL),
    RouteParameter(name="temperature_c", low=15.0, high=60.0, nominal=25.0, scope="block", source=_MODEL),
)

TOTAL_UL = 3120.0
"""40 + 80 + 3000 uL, Yang 2024, section 3.2."""

GROWTH = (
    Dose(reagent="diluent", amount=Fill(by=TOTAL_UL)),
    Dose(reagent="Cs-DOPA", amount=Concentration(species="Cs", by="cs_concentration_mmol_l")),
    Dose(reagent="TOPO", amount=MoleRatio(species="TOPO", to="Pb", by="topo_to_pb"), optional=True, dilutable=False),
    Dose(
        reagent="PbBr2-TOPO",
        amount=MoleRatio(species="Pb", to="Cs", by="pb_to_cs"),
        carries=frozenset({"TOPO"}),
        action="inject",
    ),
    Hold(by="growth_time_s", watched=True),
)
"""How the dots are made, before anything else is done; the diluent first, so that heat meets little hexane."""

QUENCH = (
    Dose(
        reagent="lecithin",
        amount=VolumeRatio(to="Cs-DOPA", by="lecithin_to_cs"),
        carries=frozenset({"lecithin"}),
        action="quench",
        dilutable=False,
    ),
    Hold(by=300.0),  # the read-out rule of the bench: PLQY still rises before
    Read(window_s=30.0),
)

ROUTE = Route(
    name="cspbbr3-topo",
    title="room-temperature CsPbBr3 dots from Cs-DOPA and PbBr2-TOPO in chlorobenzene, quenched with lecithin",
    source="Yang 2024, thesis, section 3.2 (nominal: 40 uL Cs-DOPA, 80 uL PbBr2-TOPO, 3 mL chlorobenzene, 30 min)",
    parameters=PARAMETERS,
    steps=(*GROWTH, *QUENCH),
    medium="diluent",
    notes=(
        "lecithin: 0.5 g in 10 mL is about 66 mmol/L at 760 g/mol; the text says approximately 0.13 M (a factor of 2)",
        "Cs-DOPA: 100 mg Cs2CO3 in 30 mL is 20.5 mmol/L of Cs; the text says 0.02 M",
        "the mean TEM size of 8.1 nm contradicts the PL at 495 nm, which stands for 5.8 nm on the sizing curve",
    ),
)
