"""The reader part of a lab file: which instruments there are, and what each geometry needs and must not have."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

from sdl.bench import Place, ReaderSpec
from sdl.config.fields import robot_address
from sdl.config.report import Report
from sdl.config.schema import LabFile, ReaderEntry

SAMPLE_UL, RINSE_UL, RINSES = 120.0, 150.0, 2
"""One filling of the 2 mm cell and its cleaning (bench design, reads)."""
MOST_BANDS = 6
"""What the plate reader measures in one pass (Opentrons absorbance plate reader, multi mode)."""
BAND_RANGE_NM = (350.0, 1000.0)
"""Where its bands can be (Opentrons manual: 450, 562, 600, 650 nm, custom units 350 to 1000 nm)."""
PLATE_SLOTS = ("A3", "B3", "C3", "D3")
"""Where a plate reader stands on a Flex (Opentrons manual, column 3)."""

_KINDS = r"simulated|ocean:[A-Za-z0-9+_-]{1,32}|folder:[^\0]{1,200}|plate:[A-D][1-3]|http://\S+"
_GIVE = "write simulated, ocean:SERIAL, folder:PATH, plate:SLOT or the http address of a reader service"


def check_reader(file: LabFile, places: Mapping[str, Place], report: Report) -> None:
    """Report what is wrong with the reader, also against robot, deck and pipettes."""
    reader = file.reader
    if reader is None:
        return
    if not re.fullmatch(_KINDS, reader.kind):
        report.say("reader", "kind", text=f"'{reader.kind}' is not a reader; {_GIVE}")
    if reader.kind == "simulated" and file.robot not in (None, "simulated"):
        report.say("reader", "kind", text="a simulated reader invents spectra for a real robot; name the real one")
    if reader.kind.startswith("http://"):
        with report.at("reader", "kind"):
            address = re.match(r"http://[^/]+", reader.kind)
            robot_address(address[0] if address else reader.kind, allow_public=file.allow_public)
    if not reader.channels or len(set(reader.channels)) < len(reader.channels):
        report.say("reader", "channels", text="list absorption, or absorption and pl, each once")
    if "pl" in reader.channels and reader.kind.startswith("ocean:"):
        text = "an ocean reader has one light path here; list absorption only, or serve both from a reader service"
        report.say("reader", "channels", text=text)
    if (reader.kind.startswith("plate:")) != (reader.geometry == "plate") and reader.kind != "simulated":
        text = f"'{reader.kind}' does not go with geometry '{reader.geometry}'; a plate reader reads a plate"
        report.say("reader", "geometry", text=text)
    _light(reader, report)
    {"flow cell": _flow_cell, "dip probe": _dip_probe, "plate": _plate}[reader.geometry](reader, file, places, report)


def reader_of(entry: ReaderEntry, folder: Path) -> ReaderSpec:
    """Return the reader that ``entry`` describes; a dip probe withdraws nothing, a path counts from ``folder``."""
    scheme, _, name = entry.kind.partition(":")
    wet = entry.geometry != "dip probe"
    rinses = RINSES if entry.rinses is None else entry.rinses
    return ReaderSpec(
        kind=f"folder:{(folder / name).resolve()}" if scheme == "folder" else entry.kind,
        channels=tuple(entry.channels),
        geometry=entry.geometry,
        at=entry.at,
        path_mm=entry.path,
        sample_ul=(entry.sample or SAMPLE_UL) if wet else 0.0,
        rinse_ul=(entry.rinse or RINSE_UL) if entry.geometry == "flow cell" else 0.0,
        rinses=rinses if entry.geometry == "flow cell" else 0,
        excitation_nm=entry.excitation,
        dye_plqy=entry.dye_plqy,
        dye_plqy_rsd=entry.dye_plqy_rsd,
        dye_refractive_index=entry.dye_refractive_index,
        max_reads=entry.max_reads,
        integration_ms=entry.integration * 1e3,
        averages=entry.averages,
        dark_age_s=entry.dark_age,
        blank_age_s=entry.blank_age,
        carry_over=entry.carry_over,
        bands_nm=tuple(round(band) for band in entry.bands),
        light=entry.light or ("led" if entry.geometry == "plate" else "lamp"),
        lamp_h=math.nan if entry.lamp_hours is None else entry.lamp_hours,
        lamp_read=entry.lamp_read,
    )


def _light(reader: ReaderEntry, report: Report) -> None:
    """Ask for a lamp's hours where no reader service tells them; light-emitting diodes have no such life."""
    if (reader.lamp_hours is None) != (reader.lamp_read == ""):
        report.say("reader", "lamp_hours", text="goes with lamp_read, the day on which the meter showed it; give both")
    told_by_reader = reader.kind == "simulated" or reader.kind.startswith("http://")
    if reader.lamp_hours is None and not (told_by_reader or reader.light == "led" or reader.geometry == "plate"):
        text = "is missing: read the lamp's meter, write lamp_hours: 120 h and lamp_read, the day; or say light: led"
        report.say("reader", "lamp_hours", text=text)


def _flow_cell(reader: ReaderEntry, file: LabFile, places: Mapping[str, Place], report: Report) -> None:
    if "pl" in reader.channels and file.deck is not None and "dye" not in places:
        report.say("deck", text="'dye' is missing: PLQY is measured against the reference-dye vial; add it")
    _none_of(reader, ("at", "bands", "bottom"), report)
    least = min((p.min for p in (file.pipettes or {}).values()), default=0.0)
    for name, volume in (("sample", reader.sample or SAMPLE_UL), ("rinse", reader.rinse or RINSE_UL)):
        if volume < least:
            report.say("reader", name, text=f"{volume:g} uL is below {least:g} uL, what the pipettes can set; raise it")
        elif "cell" in places and volume > places["cell"].capacity_ul > 0:
            held = places["cell"].capacity_ul
            text = f"{volume:g} uL is more than the {held:g} uL that the cell port holds; lower it"
            report.say("reader", name, text=text)


def _dip_probe(reader: ReaderEntry, file: LabFile, places: Mapping[str, Place], report: Report) -> None:
    _none_of(reader, ("sample", "rinse", "rinses", "bands", "bottom"), report)
    if "pl" in reader.channels:
        report.say("reader", "channels", text="a transmission dip probe reads absorption only; leave pl out")
    rack, _, well = reader.at.rpartition("/")
    if rack not in places or not re.fullmatch(r"[A-Z][0-9]{1,2}", well):
        report.say("reader", "at", text=f"'{reader.at}' is no well; name the one reactor, such as vials/A1")


def _plate(reader: ReaderEntry, file: LabFile, places: Mapping[str, Place], report: Report) -> None:
    _none_of(reader, ("at", "rinse", "rinses"), report)
    if file.robot_type == "OT-2":
        report.say("reader", "geometry", text="the OT-2 has no plate reader and no gripper; use a Flex")
    if "pl" in reader.channels:
        report.say("reader", "channels", text="a plate reader reads absorption only; leave pl out")
    if reader.bottom is None:
        text = "is missing: chlorobenzene and hexane dissolve polystyrene plates; state glass or quartz"
        report.say("reader", "bottom", text=text)
    if not 1 <= len(reader.bands) <= MOST_BANDS or len(set(reader.bands)) < len(reader.bands):
        report.say("reader", "bands", text=f"list 1 to {MOST_BANDS} different wavelengths, such as [450 nm, 562 nm]")
    for band in reader.bands:
        if not BAND_RANGE_NM[0] <= band <= BAND_RANGE_NM[1] or band != round(band):
            low, high = BAND_RANGE_NM
            text = f"{band:g} nm is no band of the plate reader; give whole nm from {low:g} to {high:g}"
            report.say("reader", "bands", text=text)
    slot = reader.kind.removeprefix("plate:")
    if reader.kind.startswith("plate:") and slot not in PLATE_SLOTS:
        report.say(
            "reader", "kind", text=f"a plate reader does not fit in slot {slot}; choose {', '.join(PLATE_SLOTS)}"
        )
    elif slot in {place.slot for place in places.values()}:
        report.say("reader", "kind", text=f"slot {slot} is taken on the deck; choose another")


def _none_of(reader: ReaderEntry, names: tuple[str, ...], report: Report) -> None:
    for name in names:
        if getattr(reader, name) not in (None, "", []):
            report.say("reader", name, text=f"means nothing for a {reader.geometry}; leave it out")
