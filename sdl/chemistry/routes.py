"""The syntheses this laboratory knows: reagents, what may vary, nominal values, hard limits, sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sdl.space import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteParameter:
    """What may vary in a route: hard limits, the published value, and whether wells of a block share it."""

    name: str
    low: float
    high: float
    nominal: float
    scope: Scope = "well"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One synthesis. ``stocks`` names each stock and the species it must contain; ``medium`` is the diluent."""

    name: str
    title: str
    source: str
    parameters: Mapping[str, RouteParameter]
    stocks: Mapping[str, frozenset[str]]
    injected: str
    quench: str
    medium: str
    total_ul: float
    outcome_delay_s: float
    outcome_window_s: float

    @property
    def nominal(self) -> dict[str, float]:
        return {p.name: p.nominal for p in self.parameters.values()}


def _parameters(*rows: tuple[str, float, float, float, Scope]) -> dict[str, RouteParameter]:
    return {
        name: RouteParameter(name=name, low=low, high=high, nominal=nominal, scope=scope)
        for name, low, high, nominal, scope in rows
    }


CSPBBR3_TOPO = Route(
    name="cspbbr3-topo",
    title="room-temperature CsPbBr3 dots from Cs-DOPA and PbBr2-TOPO in chlorobenzene, quenched with lecithin",
    source="Yang 2024, thesis, section 3.2 (nominal: 40 uL Cs-DOPA, 80 uL PbBr2-TOPO, 3 mL chlorobenzene, 30 min)",
    # Hard limits: the range over which the kinetic model is specified (inputs table of the virtual lab).
    parameters=_parameters(
        ("pb_to_cs", 1.0, 10.0, 4.0, "well"),
        ("topo_to_pb", 3.0, 45.0, 5.0, "well"),
        ("cs_concentration_mmol_l", 0.02, 1.0, 0.2564, "well"),
        ("growth_time_s", 60.0, 14400.0, 1800.0, "well"),
        ("lecithin_to_cs", 0.3, 1.5, 1.0, "well"),
        ("temperature_c", 15.0, 60.0, 25.0, "block"),
    ),
    stocks={
        "Cs-DOPA": frozenset({"Cs"}),
        "PbBr2-TOPO": frozenset({"Pb", "TOPO"}),
        "TOPO": frozenset({"TOPO"}),
        "lecithin": frozenset({"lecithin"}),
        "diluent": frozenset(),
    },
    injected="PbBr2-TOPO",
    quench="lecithin",
    medium="diluent",
    total_ul=3120.0,  # 40 + 80 + 3000 uL, Yang 2024
    outcome_delay_s=300.0,  # the read-out rule of the bench: PLQY still rises before
    outcome_window_s=30.0,
)

ROUTES: dict[str, Route] = {CSPBBR3_TOPO.name: CSPBBR3_TOPO}
