"""Which species the virtual lab has a chemistry for: whoever pours others is told before the lab is started."""

from __future__ import annotations

from collections.abc import Iterable

from sdl.errors import Refused

DOTS = frozenset({"Cs", "Pb", "TOPO", "DOPA", "lecithin", "S"})
"""What the kinetics of the TOPO/DOPA dots, and what (TMS)2S makes of them, know."""

JUNCTIONS = frozenset({"Cs", "Pb", "PMA", "BA"})
"""What the empirical PMA2PbBr4-CsPbBr3 heterojunction knows."""

DYE = "dye"
"""The reference dye."""


def raise_unless_modelled(species: Iterable[str]) -> None:
    """Raise `Refused` for species that no model of the virtual lab knows together."""
    named = {s for s in species if s != DYE}
    if named <= DOTS or named <= JUNCTIONS:
        return
    odd = sorted(named - DOTS - JUNCTIONS) or sorted(named - DOTS)
    raise Refused(
        f"the virtual lab has no chemistry for {', '.join(odd)} and would have to invent spectra; it knows "
        f"{', '.join(sorted(DOTS))} (dots) and {', '.join(sorted(JUNCTIONS))} (heterojunctions). Use a real lab, "
        "`sdl plan` for recipes, or mode: offline with a table"
    )
