"""From a design to microlitres of real stocks: mole balance, pipettable rounding, and what is safe.

The rounded design, computed back from the rounded volumes, is what everyone else remembers. All functions work on
columns of ``n`` designs so that a space can be searched by the thousand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdl.bench import Lab
from sdl.campaign import Campaign, Stock
from sdl.chemistry.recipe import Recipe, Transfer
from sdl.chemistry.routes import ROUTES, Route
from sdl.chemistry.schedule import shortest_growth_s
from sdl.chemistry.solvents import NOTICEABLE_FRACTION, SOLVENTS
from sdl.errors import NothingFeasible, Refused
from sdl.space import Columns, Constraint, Design, DesignSpace

Array = NDArray[np.float64]

GROWTH_READ_FRACTIONS = (0.35, 0.7)
"""When the growing dots are looked at, as fractions of the growth time (chosen: early and late growth)."""

LONG_ENOUGH_S = (420.0, 900.0)
"""A first growth read fits above 7 min, a second above 15 min of growth (arm time of a read is about 2 min)."""

TEMPERATURE_STEP_C = 1.0
"""Temperature modules are set in whole degrees (Opentrons temperature module manual: accuracy +-1 degC)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """One route on one lab with one set of stocks."""

    route: Route
    lab: Lab
    stocks: Mapping[str, Stock]

    @classmethod
    def of(cls, campaign: Campaign) -> Compiler:
        if campaign.lab is None:
            raise Refused(f"{campaign.file}: an offline campaign has no stocks to pipette from")
        return cls(route=ROUTES[campaign.route], lab=campaign.lab, stocks=campaign.stocks)

    def snap(self, columns: Columns) -> tuple[Columns, NDArray[np.bool_]]:
        """Round ``n`` designs to what these pipettes can make; say which rows are possible and safe ``(n,)``."""
        full = self.complete(columns)
        full["temperature_c"] = np.round(full["temperature_c"] / TEMPERATURE_STEP_C) * TEMPERATURE_STEP_C
        full["growth_time_s"] = np.round(full["growth_time_s"])
        volumes, ok = self.volumes(full)
        made = self._design(full, volumes)
        ok &= self.safe(made, volumes)
        quench = volumes[self.route.quench]
        shortest = {ul: shortest_growth_s(self.lab, ul) for ul in set(quench.tolist())}
        ok &= made["growth_time_s"] >= np.array([shortest[ul] for ul in quench.tolist()])
        return {name: made[name] for name in columns}, ok

    def volumes(self, full: Columns) -> tuple[dict[str, Array], NDArray[np.bool_]]:
        """Return rounded microlitres of each stock ``(n,)`` and which rows a pipette can deliver.

        Mole balance: every species counts wherever it comes from, so the TOPO that travels with the lead is
        subtracted from the TOPO asked for. The quench is dosed on the Cs still in the well after growth reads.
        """
        total = self.route.total_ul
        cs = full["cs_concentration_mmol_l"] * total / self._holds("Cs-DOPA", "Cs")
        cs, ok = self._round(cs)
        pb, fine = self._round(full["pb_to_cs"] * cs * self._holds("Cs-DOPA", "Cs") / self._holds("PbBr2-TOPO", "Pb"))
        ok &= fine
        wanted = full["topo_to_pb"] * pb * self._holds("PbBr2-TOPO", "Pb")
        extra = (wanted - pb * self._holds("PbBr2-TOPO", "TOPO")) / self._holds("TOPO", "TOPO")
        ok &= extra > -self._smallest  # less TOPO than the lead brings along cannot be made
        topo, fine = self._round_or_none(extra)
        ok &= fine
        lecithin, fine = self._round(full["lecithin_to_cs"] * cs * self._left_at_quench(full["growth_time_s"]))
        ok &= fine
        diluent, fine = self._round(total - cs - pb - topo)
        ok &= fine
        return {"Cs-DOPA": cs, "TOPO": topo, "diluent": diluent, "PbBr2-TOPO": pb, "lecithin": lecithin}, ok

    def safe(self, made: Columns, volumes: Mapping[str, Array]) -> NDArray[np.bool_]:
        """Return which rows keep the lab's limits: fill, hexane share, and temperature below the boiling point."""
        limits = self.lab.limits
        before = {name: volumes[name] for name in volumes if name != self.route.quench}
        total = sum(before.values(), np.zeros(len(volumes["Cs-DOPA"])))
        shares: dict[str, Array] = {}
        for name, volume in before.items():
            solvent = self.stocks[name].solvent
            shares[solvent] = shares.get(solvent, np.zeros_like(total)) + volume / total
        allowed = np.full_like(total, limits.max_temperature_c)
        for solvent, share in shares.items():
            boiling = SOLVENTS[solvent].boiling_c - limits.boiling_margin_c
            allowed = np.where(share > NOTICEABLE_FRACTION, np.minimum(allowed, boiling), allowed)
        capacity = self.lab.deck["vials"].capacity_ul * limits.max_fill_fraction
        block = self.lab.blocks[0]
        temperature = made["temperature_c"]
        return np.asarray(
            (total + volumes[self.route.quench] <= capacity)
            & (shares.get("hexane", np.zeros_like(total)) <= limits.max_hexane_fraction)
            & (temperature <= allowed)
            & (temperature >= block.low_c)
            & (temperature <= block.high_c)
        )

    def recipe(self, design: Design) -> Recipe:
        """Compile one rounded design; raise `Refused` when it cannot be made as given."""
        columns = {name: np.array([float(value)]) for name, value in design.items()}
        full = self.complete(columns)
        volumes, ok = self.volumes(full)
        if not (ok & self.safe(self._design(full, volumes), volumes))[0]:
            raise Refused(f"design {dict(design)} cannot be pipetted within the limits of {self.lab.name}")
        made = {name: float(v[0]) for name, v in self._design(full, volumes).items()}
        ul = {name: float(v[0]) for name, v in volumes.items()}
        growth = made["growth_time_s"]
        first = ("Cs-DOPA", "TOPO", "diluent")
        transfers = [Transfer(stock=s, volume_ul=ul[s], at_s=-60.0, action="dispense") for s in first if ul[s] > 0]
        transfers.append(
            Transfer(stock=self.route.injected, volume_ul=ul[self.route.injected], at_s=0, action="inject")
        )
        transfers.append(
            Transfer(stock=self.route.quench, volume_ul=ul[self.route.quench], at_s=growth, action="quench")
        )
        moles: dict[str, float] = {}
        for name, volume in ul.items():
            for species, mmol_l in self.stocks[name].contains.items():
                moles[species] = moles.get(species, 0.0) + mmol_l * volume / 1000.0
        return Recipe(
            design={name: made[name] for name in design},
            transfers=tuple(transfers),
            temperature_c=made["temperature_c"],
            growth_time_s=growth,
            read_s=(*growth_reads(growth), growth + self.route.outcome_delay_s),
            moles_umol=moles,
            total_ul=sum(ul.values()) - ul[self.route.quench],
        )

    def executed(
        self, planned: Design, volumes_ul: Mapping[str, float], growth_time_s: float
    ) -> dict[str, float | str]:
        """Return the design that was really made, from delivered microlitres and the true growth time."""
        full = self.complete({name: np.array([float(v)]) for name, v in planned.items()})
        full["growth_time_s"] = np.array([growth_time_s])
        delivered = {name: np.array([volumes_ul.get(name, 0.0)]) for name in self.route.stocks}
        made = self._design(full, delivered, planned_growth_s=float(planned.get("growth_time_s", growth_time_s)))
        return {name: float(made[name][0]) for name in planned}

    def complete(self, columns: Columns) -> Columns:
        """Add the route's nominal value for every parameter that does not vary."""
        n = len(next(iter(columns.values())))
        nominal = self.route.nominal
        return {name: np.asarray(columns.get(name, np.full(n, value)), dtype=float) for name, value in nominal.items()}

    def _design(self, full: Columns, ul: Mapping[str, Array], planned_growth_s: float | None = None) -> Columns:
        """Compute the design back from rounded volumes."""
        total = ul["Cs-DOPA"] + ul["TOPO"] + ul["diluent"] + ul["PbBr2-TOPO"]
        cs = ul["Cs-DOPA"] * self._holds("Cs-DOPA", "Cs")
        pb = ul["PbBr2-TOPO"] * self._holds("PbBr2-TOPO", "Pb")
        topo = ul["PbBr2-TOPO"] * self._holds("PbBr2-TOPO", "TOPO") + ul["TOPO"] * self._holds("TOPO", "TOPO")
        growth = full["growth_time_s"] if planned_growth_s is None else np.array([planned_growth_s])
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                **full,
                "cs_concentration_mmol_l": cs / total,
                "pb_to_cs": pb / cs,
                "topo_to_pb": topo / pb,
                "lecithin_to_cs": ul["lecithin"] / (ul["Cs-DOPA"] * self._left_at_quench(growth)),
            }

    def _left_at_quench(self, growth_time_s: Array) -> Array:
        """Fraction of the well still there at the quench, after the growth reads took their aliquots."""
        reads = sum((growth_time_s >= least).astype(float) for least in LONG_ENOUGH_S)
        return np.asarray(1.0 - reads * self.lab.reader.sample_ul / self.route.total_ul)

    def _holds(self, stock: str, species: str) -> float:
        return self.stocks[stock].contains[species]

    @property
    def _smallest(self) -> float:
        return min(p.min_ul for p in self.lab.pipettes)

    def _round(self, volume: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Round volumes ``(n,)`` to the pipette that takes each; not ok below every minimum."""
        best = np.full_like(volume, np.nan)
        rank = np.full_like(volume, np.inf)
        for index, pipette in enumerate(sorted(self.lab.pipettes, key=lambda p: p.resolution_ul)):
            strokes = np.ceil(np.maximum(volume, 1e-9) / pipette.stroke_ul)
            step = strokes * pipette.resolution_ul
            rounded = np.round(volume / step) * step
            better = (rounded >= pipette.min_ul) & (strokes + 0.1 * index < rank)
            best = np.where(better, np.round(rounded, 3), best)
            rank = np.where(better, strokes + 0.1 * index, rank)
        ok = np.isfinite(best)
        return np.where(ok, best, volume), ok

    def _round_or_none(self, volume: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Round to nothing at all or to at least the smallest transfer, whichever is nearer."""
        least = self._smallest
        none = volume < least / 2
        rounded, ok = self._round(np.where(none, least, np.maximum(volume, least)))
        return np.where(none, 0.0, rounded), ok | none


def growth_reads(growth_time_s: float) -> tuple[float, ...]:
    """Return when growing dots are read, in s after injection: none, one or two reads by growth time."""
    pairs = zip(LONG_ENOUGH_S, GROWTH_READ_FRACTIONS, strict=True)
    return tuple(round(fraction * growth_time_s) for least, fraction in pairs if growth_time_s >= least)


def design_space(campaign: Campaign) -> DesignSpace:
    """Return what this campaign may suggest: exactly what its stocks, pipettes and limits can make."""
    compiler = Compiler.of(campaign)
    space = DesignSpace(
        parameters=campaign.parameters,
        constraints=tuple(Constraint.parse(text) for text in campaign.constraints),
        shared={p.name: 1 for p in campaign.parameters if p.scope == "block"},
        snap=compiler.snap,
    )
    if not feasible_share(space) > 0:
        binds = "; ".join(binding(campaign, compiler)) or "several rules together"
        raise NothingFeasible(
            f"{campaign.file}: no design is left after stocks, pipettes, constraints and safety. Binding: {binds}. "
            "Widen a range, relax a constraint, or change a stock concentration."
        )
    return space


def feasible_share(space: DesignSpace, *, n: int = 4096) -> float:
    """Return the share of ``n`` uniform designs that can be made."""
    unit = np.random.default_rng(0).random((n, len(space.parameters)))
    return float(np.mean(space.make(space.from_unit(unit))[1]))


def binding(campaign: Campaign, compiler: Compiler, *, n: int = 4096) -> list[str]:
    """Name what leaves no design: each rule that refuses most of ``n`` uniform designs, the worst first."""
    unit = np.random.default_rng(0).random((n, len(campaign.parameters)))
    columns = DesignSpace(parameters=campaign.parameters).from_unit(unit)
    full = compiler.complete(columns)
    volumes, pipettable = compiler.volumes(full)
    rules = {
        "a transfer below the smallest pipette volume or less TOPO than the lead brings": ~pipettable,
        "fill, hexane share or temperature limits of the lab": ~compiler.safe(full, volumes),
    }
    for text in campaign.constraints:
        rules[f"constraint {text}"] = ~Constraint.parse(text).holds(columns)
    shares = {name: float(np.mean(refused)) for name, refused in rules.items()}
    worst = sorted(shares.items(), key=lambda item: -item[1])
    return [f"{name} (refuses {share:.0%})" for name, share in worst if share > 0.5]
