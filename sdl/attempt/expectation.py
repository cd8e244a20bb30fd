"""What the plan promises the verifier: the deck, what stands in it, what goes where, and every hand-shake."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sdl.attempt.session import Session
from sdl.bench import Lab
from sdl.chemistry.solvents import DYE_SOLVENT, SOLVENTS
from sdl.chemistry.windows import LATE_S
from sdl.errors import Unsafe
from sdl.lab.protocol import labware_files
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
    """Return what the verifier holds the command list of ``attempt`` against."""
    lab, limits = session.lab, session.lab.limits
    if lab.substances is None or lab.never_together is None:
        raise Unsafe(f"{lab.name} has no substances or never_together: a missing limit means refuse; state both")
    steps = [row for row in rows(attempt.csv) if row["volume_ul"] and row["action"] != "pipette"]
    delivered: dict[str, dict[str, float]] = {}
    for row in steps:
        if row["action"] not in ("mix", "hand") and float(row["volume_ul"]) > 0:
            into = delivered.setdefault(row["well"], {})
            into[row["stock"]] = into.get(row["stock"], 0.0) + float(row["volume_ul"])
    waste_ul = float(session.store.deck().get("waste_ul", 0.0))
    return Bench(
        vessels=_vessels(session, attempt),
        tip_racks=_racks(lab, attempt.plan["tips_gone"]),
        pipettes={
            p.mount: Pipette(name=p.name, min_ul=p.min_ul, max_ul=p.max_ul, racks=p.tip_racks) for p in lab.pipettes
        },
        trash=TRASH[lab.robot_type],
        delivered_ul=delivered,
        pauses=tuple(_pauses(steps)),
        windows_s=dict(_windows(steps)),
        min_growth_s=_least_growth(session, steps),
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
        waste_ul=limits.waste_ul - waste_ul + _waste(steps),
        waste_holds=_in_waste(session) if waste_ul > _waste(steps) else frozenset(),
        max_fraction={"hexane": limits.max_hexane_fraction},
        probe=lab.reader.probe,
    )


def _pauses(steps: list[dict[str, str]]) -> Iterator[str]:
    for row in steps:
        place = row["stock"] if row["action"] == "read" else row["well"]
        if row["at_s"]:
            yield f"AT {row['at_s']} {row['action']} {place}"
        if row["action"] == "read":
            yield f"READ {row['value']} {place}"
        if row["action"] == "hand":
            yield f"HAND {row['value']} {place}"


def _windows(steps: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield the window of every timed step by its hand-shake; one without stays out and is refused."""
    for row in steps:
        if row["at_s"] and row["earliest_s"] and row["latest_s"]:
            place = row["stock"] if row["action"] == "read" else row["well"]
            yield f"AT {row['at_s']} {row['action']} {place}", (float(row["earliest_s"]), float(row["latest_s"]))


def _least_growth(session: Session, steps: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """Return the route's least growth for each quenched well, less what a release may lead its liquid by."""
    growth = session.compiler.route.parameters.get("growth_time_s")
    least_s = max(0.0, growth.low - LATE_S) if growth else 0.0
    return {row["well"]: least_s for row in steps if row["action"] == "quench"}


def _in_waste(session: Session) -> frozenset[str]:
    """Return what earlier runs may have left in the waste bottle: anything that this campaign has."""
    stocks = session.campaign.stocks.values()
    return frozenset(name for stock in stocks for name in (stock.solvent, *stock.contains)) | {DYE_SOLVENT}


def _waste(steps: list[dict[str, str]]) -> float:
    """What this attempt itself adds: the ledger counts it from the reservation on."""
    return sum(float(row["volume_ul"]) for row in steps if row["action"] in ("read", "rinse"))


def _vessels(session: Session, attempt: Attempt) -> dict[str, Vessel]:
    lab = session.lab
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
            holds=_holds(session, attempt, name),
            drains=bool(place.drain),
        )
    return vessels


def _holds(session: Session, attempt: Attempt, name: str) -> dict[str, Liquid]:
    """Return what stands in deck item ``name`` before this attempt: the ledger plus what it reserved."""
    left: Mapping[str, float] = session.store.stock_left()
    drawn: Mapping[str, Any] = attempt.plan["draws_ul"]
    held = {}
    for stock in session.campaign.stocks.values():
        for at in stock.at:
            item, well = session.lab.locate(at)
            if item == name:
                volume = left.get(at, 0.0) + float(drawn.get(at, 0.0))
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
