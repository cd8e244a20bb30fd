"""What the plan promises the verifier: the deck, what stands in it, what goes where, and every hand-shake."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from sdl.attempt.session import Session
from sdl.bench import Lab
from sdl.chemistry.solvents import SOLVENTS
from sdl.lab.protocol import labware_files
from sdl.store import Attempt
from sdl.verifier import Bench, Liquid, Pipette, TipRack, Vessel

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
    steps = [row for row in rows(attempt.csv) if row["volume_ul"] and row["action"] != "pipette"]
    delivered: dict[str, dict[str, float]] = {}
    for row in steps:
        if row["action"] != "mix" and float(row["volume_ul"]) > 0:
            into = delivered.setdefault(row["well"], {})
            into[row["stock"]] = into.get(row["stock"], 0.0) + float(row["volume_ul"])
    boiling = {name: s.boiling_c for name, s in SOLVENTS.items()}
    return Bench(
        vessels=_vessels(session, attempt),
        tip_racks=_racks(lab, attempt.plan["tips_gone"]),
        pipettes={
            p.mount: Pipette(name=p.name, min_ul=p.min_ul, max_ul=p.max_ul, racks=p.tip_racks) for p in lab.pipettes
        },
        trash=TRASH[lab.robot_type],
        delivered_ul=delivered,
        pauses=tuple(_pauses(steps)),
        boiling_c=boiling,
        max_temperature_c=limits.max_temperature_c,
        boiling_margin_c=limits.boiling_margin_c,
        max_fill_fraction=limits.max_fill_fraction,
        max_flow_rate_ul_s=limits.max_flow_rate_ul_s,
        max_delay_s=limits.max_delay_s,
        waste_ul=limits.waste_ul - float(session.store.deck().get("waste_ul", 0.0)) + _waste(steps),
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
            slot=place.slot,
            module=place.module,
            wells=frozenset(wells),
            depth_mm=float(first["depth"]),
            area_mm2=math.pi * float(first["diameter"]) ** 2 / 4,
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
                held[well] = Liquid(volume_ul=volume, solvents={stock.solvent: 1.0})
    if name == "dye":
        held["A1"] = Liquid(volume_ul=DYE_UL, solvents={"ethanol": 1.0})
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
