"""A lab file becomes a `sdl.bench.Lab`; whatever does not fit the deck, the pipettes or physics is refused."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from sdl.bench import Block, Geometry, Lab, Limits, Mount, Pipette, Place
from sdl.config import labware
from sdl.config.fields import robot_address
from sdl.config.reader import check_reader, reader_of
from sdl.config.report import Report, draft, suggestion
from sdl.config.schema import LAB_REQUIRED, LabFile, LimitsEntry, PipetteEntry, PlaceEntry
from sdl.config.strict import read

BUILT_IN = Path(__file__).parent / "labs" / "flex.yaml"
"""The virtual Flex that a campaign without ``lab:`` runs in."""

DECK_LIMIT_C = 60.0
"""Hard stop for any vessel on the deck in degC (chemical safety facts, temperature)."""

SHAKER_LOW_C = 37.0
"""A Heater-Shaker's lowest target in degC (Opentrons API: 37 to 95): dots here grow at 15 to 60 degC."""

ARMED_FOR = {"robot", "robot_type", "robot_serial", "pipettes", "deck", "blocks", "limits", "substances"} | {
    *("never_together", "ventilated", "airflow", "room"),
}
"""What of a lab file a person arms: a change of any of these asks for a new look at the bench."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}(/[A-Z][0-9]{1,2})?")
"""A place: it becomes a cell of the robot's step list, where commas and semicolons separate."""

_NEEDED = {
    "vials": "the rack in which reactions run",
    "stocks": "the rack of stock vials",
}
_NEEDED_BY: Mapping[Geometry, Mapping[str, str]] = {
    "flow cell": {"cell": "the flow-cell port", "waste": "the bottle that the cell drains to"},
    "dip probe": {},
    "plate": {"plate": "the plate that takes the aliquots"},
}


def load_lab(path: Path) -> Lab:
    """Read the lab file ``path``; raise `Refused` with every problem in it."""
    report = Report(read(path))
    file = draft(LabFile, report)
    for name in LAB_REQUIRED:
        if not report.given(name):
            report.say(name, text="is missing; add it (`sdl init` writes a complete lab file)")
    _check_robot(file, report)
    places = _places(file, report)
    _check_deck(file, places, report)
    _check_pipettes(file, places, report)
    blocks = _blocks(file, places, report)
    check_reader(file, places, report)
    _check_limits(file, report)
    _check_pairs(file, report)
    report.finish()
    return _lab(file, places, blocks, path.parent)


def _check_robot(file: LabFile, report: Report) -> None:
    if file.robot is not None:
        with report.at("robot"):
            robot_address(file.robot, allow_public=file.allow_public)
    simulated = file.robot == "simulated"
    if file.armed_until == "always" and not simulated:
        report.say("armed_until", text="'always' is for simulated robots only; write a moment at most 72 h ahead")
    if file.armed_until is not None and not file.armed_by:
        report.say("armed_until", text="says until when, but armed_by does not say who answers for it; add armed_by")
    if file.ventilated and not file.airflow:
        report.say("ventilated", text="is true without an airflow signal; add 'airflow:' and name the signal")


def _places(file: LabFile, report: Report) -> dict[str, Place]:
    """Return the deck as far as its entries are sound, with wells and volumes from the labware definitions."""
    places: dict[str, Place] = {}
    for name, entry in (file.deck or {}).items():
        rack = labware.tip_volume_ul(entry.labware, file.robot_type) if file.robot_type else None
        known = labware.definition(entry.labware)
        if entry.slot and rack is None and known is None:
            text = f"labware '{entry.labware}' is not known; {suggestion(entry.labware, labware.names())}"
            report.say("deck", name, "labware", text=f"{text} (or an Opentrons tip rack for this robot)")
        if known and entry.capacity is not None and entry.capacity > known.capacity_ul:
            text = f"{entry.capacity:g} uL is more than the {known.capacity_ul:g} uL that {entry.labware} holds"
            report.say("deck", name, "capacity", text=f"{text}; lower it")
        if rack is None and known is None and entry.capacity is None:
            report.say("deck", name, text="capacity is missing; add it")
        places[name] = _place(entry, known, rack)
    return places


def _place(entry: PlaceEntry, known: labware.Labware | None, tip_ul: float | None) -> Place:
    wells = labware.TIPS_PER_RACK if tip_ul else len(known.wells) if known else 1
    return Place(
        labware=entry.labware,
        slot=entry.slot,
        module=entry.module,
        capacity_ul=entry.capacity or (known.capacity_ul if known else 0.0),
        dead_ul=entry.dead or 0.0,
        wells=entry.wells or wells,
        drain=entry.drain,
        opening_mm=known.opening_mm if known else 0.0,
    )


def _check_deck(file: LabFile, places: Mapping[str, Place], report: Report) -> None:
    if file.deck is None or file.robot_type is None:
        return
    geometry: Geometry = file.reader.geometry if file.reader else "flow cell"
    for name, meaning in {**_NEEDED, **_NEEDED_BY[geometry]}.items():
        if name not in file.deck and not _spoiled(report, "deck", name):
            report.say("deck", text=f"'{name}' is missing: {meaning}; add it")
    trash, slots = labware.TRASH[file.robot_type], labware.SLOTS[file.robot_type]
    taken: dict[str, str] = {}
    drains = {place.drain for place in places.values()}
    for name, place in places.items():
        slot = place.slot
        if not _NAME.fullmatch(name):
            report.say(
                "deck", name, text="cannot be a place; write a name such as vials, tips50_1 or stocks/B1", key=True
            )
        if not slot and name not in drains:
            report.say("deck", name, text=f"has no slot and nothing drains into it; give one of {_listed(slots)}")
        elif slot and slot not in slots:
            report.say("deck", name, "slot", text=f"the {file.robot_type} has no slot '{slot}'; give {_listed(slots)}")
        elif slot == trash:
            report.say("deck", name, "slot", text=f"slot {slot} holds the trash; choose another")
        elif slot in taken:
            report.say("deck", name, "slot", text=f"slot {slot} already holds '{taken[slot]}'; choose another")
        taken.setdefault(slot, name)
        if place.drain and place.drain not in places:
            report.say(
                "deck", name, "drain", text=f"'{place.drain}' is not on the deck; {suggestion(place.drain, places)}"
            )
        if place.module and place.module not in labware.MODULES:
            why = f"; it holds nothing below {SHAKER_LOW_C:g} degC" if place.module.startswith("heaterShaker") else ""
            text = f"module '{place.module}' is not driven here{why}; {suggestion(place.module, labware.MODULES)}"
            report.say("deck", name, "module", text=text)
        elif place.module and slot in slots and slot not in labware.MODULE_SLOTS[file.robot_type]:
            allowed = _listed(labware.MODULE_SLOTS[file.robot_type])
            report.say("deck", name, "slot", text=f"a module does not fit in slot {slot}; choose {allowed}")


def _check_pipettes(file: LabFile, places: Mapping[str, Place], report: Report) -> None:
    for mount, entry in (file.pipettes or {}).items():
        model = labware.PIPETTES.get(entry.name)
        if model is None or (file.robot_type and model[0] != file.robot_type):
            known = [n for n, (robot, _, _) in labware.PIPETTES.items() if robot == file.robot_type]
            text = f"'{entry.name}' is not a pipette of the {file.robot_type}; {suggestion(entry.name, known)}"
            report.say("pipettes", mount, "name", text=text)
        else:
            _check_volumes(mount, entry, model[1], model[2], report)
        for rack in entry.tip_racks:
            tip = (
                labware.tip_volume_ul(places[rack].labware, file.robot_type)
                if rack in places and file.robot_type
                else 0
            )
            if not tip:
                report.say("pipettes", mount, "tip_racks", text=f"'{rack}' is not a tip rack on the deck; correct it")
            elif tip != entry.tip:
                text = f"'{rack}' holds tips of {tip:g} uL, 'tip' says {entry.tip:g} uL; make them agree"
                report.say("pipettes", mount, "tip_racks", text=text)
    if file.pipettes is not None and not file.pipettes and not _spoiled(report, "pipettes"):
        report.say("pipettes", text="at least one pipette is needed; add left: or right:")


def _check_volumes(mount: str, entry: PipetteEntry, low: float, high: float, report: Report) -> None:
    where = "pipettes", mount
    if entry.min < low:
        report.say(*where, "min", text=f"{entry.min:g} uL is below {low:g} uL, what {entry.name} can set; raise it")
    if entry.max > high:
        report.say(*where, "max", text=f"{entry.max:g} uL is above {high:g} uL, what {entry.name} can take; lower it")
    if min(entry.max, entry.tip) - entry.air_gap <= entry.min:
        text = f"the stroke less the air gap of {entry.air_gap:g} uL does not reach min {entry.min:g} uL; lower the gap"
        report.say(*where, "air_gap", text=text)


def _blocks(file: LabFile, places: Mapping[str, Place], report: Report) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for i, entry in enumerate(file.blocks or []):
        place = places.get(entry.rack)
        if place is None:
            report.say("blocks", i, "rack", text=f"'{entry.rack}' is not on the deck; {suggestion(entry.rack, places)}")
            continue
        if entry.rack in {block.rack for block in blocks}:
            report.say("blocks", i, "rack", text=f"'{entry.rack}' is listed twice; keep one")
        low, high = entry.range or (file.room, file.room)
        limits = labware.MODULES.get(place.module)
        if entry.range and not place.module:
            report.say("blocks", i, "range", text=f"'{entry.rack}' has no module that heats; leave the range out")
        elif entry.range and limits and not (limits[0] <= low and high <= limits[1]):
            text = f"{low:g} .. {high:g} degC leaves {limits[0]:g} .. {limits[1]:g} degC, what {place.module} holds"
            report.say("blocks", i, "range", text=f"{text}; narrow it")
        blocks.append(Block(rack=entry.rack, low_c=low, high_c=high))
    if file.blocks is not None and file.deck is not None and "vials" not in {block.rack for block in blocks}:
        report.say("blocks", text="'vials' is missing: say which temperatures its block holds")
    return tuple(blocks)


def _check_limits(file: LabFile, report: Report) -> None:
    if file.limits is not None and file.limits.max_temperature > DECK_LIMIT_C:
        text = f"{file.limits.max_temperature:g} degC is above {DECK_LIMIT_C:g} degC, the hard stop for open solvents"
        report.say("limits", "max_temperature", text=f"{text} on a deck; lower it")


def _check_pairs(file: LabFile, report: Report) -> None:
    for i, (one, other) in enumerate(file.never_together or []):
        if one == other:
            report.say("never_together", i, text=f"'{one}' is paired with itself; name two species or solvents")


def limits_of(entry: LimitsEntry) -> Limits:
    """Return the limits that ``entry`` states."""
    return Limits(
        max_temperature_c=entry.max_temperature,
        boiling_margin_c=entry.boiling_margin,
        max_fill_fraction=entry.max_fill,
        max_hexane_fraction=entry.max_hexane,
        max_flow_rate_ul_s=entry.max_flow_rate,
        max_run_h=entry.max_run,
        max_delay_s=entry.max_delay,
        waste_ul=entry.waste,
        clearance_mm=entry.clearance,
        max_calibration_age_h=entry.max_calibration_age,
        max_lamp_h=entry.max_lamp,
    )


def _mark(file: LabFile) -> str:
    """Return the short hash of everything in the lab file that whoever arms it answers for (interlock I22)."""
    told = file.model_dump(mode="json", include=ARMED_FOR)
    return f"deck-{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]}"


def _lab(file: LabFile, places: Mapping[str, Place], blocks: tuple[Block, ...], folder: Path) -> Lab:
    assert file.lab and file.robot and file.robot_type and file.reader and file.limits and file.pipettes
    return Lab(
        name=file.lab,
        robot=robot_address(file.robot, allow_public=file.allow_public),
        robot_type=file.robot_type,
        robot_serial=file.robot_serial,
        pipettes=tuple(_pipette(mount, entry) for mount, entry in file.pipettes.items()),
        deck=dict(places),
        blocks=blocks,
        reader=reader_of(file.reader, folder),
        limits=limits_of(file.limits),
        substances=dict(file.substances or {}),
        never_together=tuple((one, other) for one, other in file.never_together or []),
        ventilated=file.ventilated,
        armed_by=file.armed_by,
        armed_until=file.armed_until or "",
        armed_for=file.armed_for,
        mark=_mark(file),
        room_c=file.room,
        virtual=dict(file.virtual),
    )


def _pipette(mount: Mount, entry: PipetteEntry) -> Pipette:
    return Pipette(
        mount=mount,
        name=entry.name,
        min_ul=entry.min,
        max_ul=entry.max,
        tip_ul=entry.tip,
        air_gap_ul=entry.air_gap,
        resolution_ul=entry.resolution,
        tip_racks=tuple(entry.tip_racks),
        cv=entry.cv,
    )


def _spoiled(report: Report, *loc: str) -> bool:
    """Say whether a problem at or below ``loc`` is known already, so that its absence is no news."""
    path = ".".join(loc)
    return any(p.path == path or p.path.startswith(f"{path}.") for p in report.problems)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names, key=lambda n: (len(n), n)))
