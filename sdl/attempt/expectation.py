"""What the plan promises the verifier: the deck, what stands in it, what goes where, and every hand-shake."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sdl.attempt import composition
from sdl.attempt.consumables import left_ul
from sdl.attempt.session import Session
from sdl.bench import Lab
from sdl.campaign import Campaign
from sdl.chemistry.evaporation import losses_ul_h
from sdl.chemistry.solvents import DYE_SOLVENT, SOLVENTS
from sdl.chemistry.windows import LATE_S
from sdl.errors import Unsafe
from sdl.lab.protocol import labware_files
from sdl.route import Route
from sdl.store import Attempt
from sdl.verifier import Bench, Liquid, Pipette, TipRack, Vessel, definition_hash

TIP_WELLS = [f"{row}{column}" for column in range(1, 13) for row in "ABCDEFGH"]
"""The order in which the robot takes tips: down each column (Opentrons standard racks)."""

TRASH = {"Flex": "movableTrashA3", "OT-2": "fixedTrash"}
"""The addressable area that tips go to (robot-server's names)."""

DYE_UL = 6000.0
"""What the load list asks for in the reference-dye vial."""


def rows(text: str) -> list[dict[str, str]]:
    """Return the rows of an attempt's CSV."""
    return list(csv.DictReader(io.StringIO(text)))


def bench_of(session: Session, attempt: Attempt) -> Bench:
    """Return what the verifier holds the command list of ``attempt`` against: the ledger plus what it reserved."""
    left = left_ul(session)
    drawn: Mapping[str, Any] = attempt.plan["draws_ul"]
    stocks = composition.compiler_of(session, attempt.plan.get("stocks", {})).stocks
    places = [at for stock in session.campaign.stocks.values() for at in stock.at]
    waste_ul = float(session.store.deck().get("waste_ul", 0.0))
    return expected(
        replace(session.campaign, lab=session.lab, stocks=stocks),
        session.compiler.route,
        attempt.csv,
        held_ul={at: left.get(at, 0.0) + float(drawn.get(at, 0.0)) for at in places},
        tips_gone=attempt.plan["tips_gone"],
        waste_ul=max(0.0, waste_ul - _waste(_moving(attempt.csv))),
    )


def expected(
    campaign: Campaign,
    route: Route,
    steps_csv: str,
    *,
    held_ul: Mapping[str, float],
    tips_gone: Mapping[str, int],
    waste_ul: float,
) -> Bench:
    """Return what the steps of one run promise on the campaign's lab.

    ``held_ul`` is what each stock location holds before it, ``tips_gone`` how many tips each mount's racks lack, and
    ``waste_ul`` what is in the waste bottle. Raise `Unsafe` when the lab file leaves a limit out.
    """
    assert campaign.lab is not None
    lab, limits = campaign.lab, campaign.lab.limits
    if lab.substances is None or lab.never_together is None:
        raise Unsafe(f"{lab.name} has no substances or never_together: a missing limit means refuse; state both")
    steps = _moving(steps_csv)
    delivered: dict[str, dict[str, float]] = {}
    for row in steps:
        if row["action"] not in ("mix", "look", "hand"):
            into = delivered.setdefault(row["well"], {})
            into[row["stock"]] = into.get(row["stock"], 0.0) + float(row["volume_ul"])
    return Bench(
        vessels=_vessels(campaign, lab, held_ul),
        tip_racks=_racks(lab, tips_gone),
        pipettes={
            p.mount: Pipette(name=p.name, min_ul=p.min_ul, max_ul=p.max_ul, racks=p.tip_racks) for p in lab.pipettes
        },
        trash=TRASH[lab.robot_type],
        delivered_ul=delivered,
        pauses=tuple(_pauses(steps)),
        probe_at=lab.reader.at,
        windows_s=dict(_windows(steps)),
        min_growth_s=_least_growth(route, steps),
        boiling_c={name: solvent.boiling_c for name, solvent in SOLVENTS.items()},
        open_vessel_c={name: solvent.open_vessel_c for name, solvent in SOLVENTS.items()},
        lel_ul={name: s.lel_ul for name, s in SOLVENTS.items() if math.isfinite(s.lel_ul)},
        airflow=lab.ventilated,
        never_together=frozenset(map(frozenset, lab.never_together)),
        max_umol=lab.substances,
        max_temperature_c=limits.max_temperature_c,
        boiling_margin_c=limits.boiling_margin_c,
        max_fill_fraction=limits.max_fill_fraction,
        max_flow_rate_ul_s=limits.max_flow_rate_ul_s,
        max_delay_s=limits.max_delay_s,
        max_run_s=limits.max_run_h * 3600,
        waste_ul=limits.waste_ul - waste_ul,
        waste_holds=_in_waste(campaign, lab) if waste_ul > 0 else frozenset(),
        max_fraction={"hexane": limits.max_hexane_fraction},
        evaporation_ul_h=losses_ul_h(lab, campaign.stocks.values()),
    )


def _moving(text: str) -> list[dict[str, str]]:
    """Return the rows of a CSV that move liquid or ask somebody to."""
    return [row for row in rows(text) if row["volume_ul"] and row["action"] != "pipette"]


def _pauses(steps: list[dict[str, str]]) -> Iterator[str]:
    for row in steps:
        place = row["stock"] if row["action"] in ("read", "look") else row["well"]
        if row["at_s"]:
            yield f"AT {row['at_s']} {row['action']} {place}"
        if row["action"] in ("read", "look"):
            yield f"READ {row['value']} {place}"
        if row["action"] == "hand":
            yield f"HAND {row['value']} {place}"


def _windows(steps: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield the window of every timed step by its hand-shake; one without stays out and is refused."""
    for row in steps:
        if row["at_s"] and row["earliest_s"] and row["latest_s"]:
            place = row["stock"] if row["action"] in ("read", "look") else row["well"]
            yield f"AT {row['at_s']} {row['action']} {place}", (float(row["earliest_s"]), float(row["latest_s"]))


def _least_growth(route: Route, steps: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """Return the route's least growth for each quenched well, less what a release may lead its liquid by."""
    growth = route.parameters.get("growth_time_s")
    least_s = max(0.0, growth.low - LATE_S) if growth else 0.0
    return {row["well"]: least_s for row in steps if row["action"] == "quench"}


def _in_waste(campaign: Campaign, lab: Lab) -> frozenset[str]:
    """Return what earlier runs may have left in the waste bottle: anything that this campaign reads."""
    stocks = campaign.stocks.values()
    dye = {DYE_SOLVENT} if "pl" in lab.reader.channels else set()
    return frozenset(name for stock in stocks for name in (stock.solvent, *stock.contains)) | dye


def _waste(steps: Sequence[Mapping[str, str]]) -> float:
    """Return what a run itself adds: the ledger counts it from the reservation on."""
    return sum(float(row["volume_ul"]) for row in steps if row["action"] in ("read", "rinse"))


def _vessels(campaign: Campaign, lab: Lab, held_ul: Mapping[str, float]) -> dict[str, Vessel]:
    shapes = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in labware_files()}
    vessels = {}
    for name, place in lab.deck.items():
        if not place.slot or place.labware not in shapes:
            continue
        wells = shapes[place.labware]["wells"]
        first = next(iter(wells.values()))
        vessels[name] = Vessel(
            labware=place.labware,
            definition_sha256=definition_hash(shapes[place.labware]),
            slot=place.slot,
            module=place.module,
            wells=frozenset(wells),
            depth_mm=float(first["depth"]),
            area_mm2=math.pi * float(first["diameter"]) ** 2 / 4,
            neck_mm=float(first["diameter"]),
            capacity_ul=place.capacity_ul,
            dead_ul=place.dead_ul,
            holds=_holds(campaign, lab, held_ul, name),
            drains=bool(place.drain),
        )
    return vessels


def _holds(campaign: Campaign, lab: Lab, held_ul: Mapping[str, float], name: str) -> dict[str, Liquid]:
    """Return what stands in deck item ``name`` before the run."""
    held = {}
    for stock in campaign.stocks.values():
        for at in stock.at:
            item, well = lab.locate(at)
            if item == name:
                volume = held_ul.get(at, 0.0)
                held[well] = Liquid(volume_ul=volume, solvents={stock.solvent: 1.0}, species_mmol_l=stock.contains)
    if name == "dye":
        held["A1"] = Liquid(volume_ul=DYE_UL, solvents={DYE_SOLVENT: 1.0})
    return held


def _racks(lab: Lab, gone: Mapping[str, int]) -> dict[str, TipRack]:
    racks = {}
    for pipette in lab.pipettes:
        skip = gone.get(pipette.mount, 0)
        for name in pipette.tip_racks:
            fresh = TIP_WELLS[min(skip, len(TIP_WELLS)) :]
            skip = max(0, skip - len(TIP_WELLS))
            place = lab.deck[name]
            racks[name] = TipRack(labware=place.labware, slot=place.slot, tip_ul=pipette.tip_ul, fresh=frozenset(fresh))
    return racks
