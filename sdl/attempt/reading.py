"""Look at what is in the cell: spectra are on disk before anything else happens, then their features.

A look that is no observation (saturated, flat, repeated, cut short...) is kept as ``rejected`` and taken again: looking
twice is harmless. A bubble in the aliquot or in the dye is looked at again too, while the liquid is still there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from sdl.attempt.expectation import rows
from sdl.attempt.interlocks import raise_unless_held
from sdl.attempt.preflight import sight_of
from sdl.attempt.session import Session
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.solvents import SOLVENTS
from sdl.errors import InstrumentChanged, StaleInstrument
from sdl.lab.reader import Adjustable, Malformed
from sdl.lab.readers.exposure import brought_to
from sdl.space import Design
from sdl.spectra import Features, Spectrum
from sdl.spectra.readout import Optics, features
from sdl.spectra.trust import changed, left_over, untrusted
from sdl.store import Attempt, Read, Well

LOOKS = 3
"""How often one liquid is looked at (reliability facts: F40 and F42 allow three)."""
AGAIN = frozenset({"bubble", "no_light"})
"""What a second look may cure: a bubble moves on, a shutter opens."""


def look(session: Session, attempt: Attempt, command_id: str, *, label: str, location: str) -> None:
    """Take the read of one waiting command, save it, then work out and save its features.

    Called again after a crash it finds the saved looks and only does what is missing. Raises `InstrumentChanged` or
    `StaleInstrument`, with everything saved, where the spectrometer itself cannot be believed.
    """
    stale = 0
    for number in range(1, LOOKS + 1):
        name = command_id if number == 1 else f"{command_id}~{number}"
        read = _known(session, attempt, name) or _taken(session, attempt, name, label=label, location=location)
        if read.label == "rejected":
            _say_rejected(session, read, number)
            stale += "stale" in read.flags and set(read.flags) <= {"stale", "timing"}
            if stale == LOOKS:
                raise StaleInstrument(
                    f"{attempt.id}: the spectrometer gave the same bytes {LOOKS} times; switch it off and on, "
                    "then sdl resume"
                )
        elif label != "sample" or not AGAIN & set(_seen(session, attempt, read).flags):
            return


def _seen(session: Session, attempt: Attempt, read: Read) -> Features:
    """Return the features of one saved sample; worked out, saved and said once."""
    if read.features != Features():
        return read.features
    seen = features_of(session, attempt, read.id, read.experiment or "")
    session.store.save_features(read.id, seen)
    shown = ", ".join(f"{name} {v.value:.4g}+-{v.sd:.2g}" for name, v in seen.values.items() if name in _SHOWN)
    session.say(f"  {read.experiment} {read.well}: {shown or 'nothing readable'} {' '.join(seen.flags)}")
    return seen


_SHOWN = ("x1_nm", "pl_peak_nm", "fwhm_nm", "plqy")


def _known(session: Session, attempt: Attempt, name: str) -> Read | None:
    return next((r for r in session.store.reads(attempt=attempt.id) if r.command_id == name), None)


def _taken(session: Session, attempt: Attempt, name: str, *, label: str, location: str) -> Read:
    """Take one look and save it, as what it is or as rejected, with all that is known of its moment."""
    store = session.store
    if session.lab.reader.light == "laser":
        raise_unless_held(sight_of(session, attempt, "look"), "look")
    _dark(session, attempt, name)
    asked_s = session.clock.now_s()
    try:
        spectra = _spectra(session, label)
    except Malformed as exc:
        return _keep_raw(session, attempt, name, label, exc)
    now_s = session.clock.now_s()
    wrong = _wrong(session, attempt, spectra, label, asked_s)
    place = location if label == "sample" else ""
    well = next((w for w in store.wells(attempt.id) if w.well == place), None)
    since_injection = None if well is None or well.injected_s is None else now_s - well.injected_s
    since_quench = None if well is None or well.quenched_s is None else now_s - well.quenched_s
    grown = since_quench is not None or not session.compiler.route.quench
    last = label == "sample" and grown and _is_last(session, attempt, name, location)
    window = _in_window(session, well, since_injection, since_quench)
    timing = ("timing",) if last and not window else ()
    number = store.save_read(
        attempt.id,
        name,
        label="rejected" if wrong else _kept_as(session, attempt, label, now_s),
        time_s=now_s,
        spectra=spectra,
        experiment=None if well is None else well.experiment,
        well=place,
        since_injection_s=since_injection,
        since_quench_s=since_quench,
        flags=(*timing, *wrong),
        outcome=last and window and not wrong,
    )
    if "truncated" not in wrong or name.endswith(f"~{LOOKS}"):
        _raise_if_changed(session, spectra)
    if "saturated" in wrong and isinstance(session.reader, Adjustable):
        session.reader.shorten()
    _matching_dark(session, attempt, name, spectra, wrong)
    return store.read(number)


def _kept_as(session: Session, attempt: Attempt, label: str, now_s: float) -> str:
    """Return what a good look is kept as: a clean rinse is the new blank once the old one is half its age."""
    blank = session.store.latest_reference("blank", attempt.id)
    due = blank is None or now_s - blank.time_s > session.lab.reader.blank_age_s / 2
    return "blank" if label == "rinse" and due else label


def _is_last(session: Session, attempt: Attempt, name: str, location: str) -> bool:
    """Say whether this is the last read that the plan takes at a well, however often it is looked at: its outcome."""
    looks = [row for row in rows(attempt.csv) if row["action"] in ("read", "look")]
    planned = sum(row["stock"] == location and row["value"] == "sample" for row in looks)
    reads = {r.command_id.split("~")[0] for r in session.store.reads(attempt=attempt.id) if r.well == location}
    return len(reads - {name.split("~")[0]}) >= planned - 1


def _in_window(session: Session, well: Well | None, since_injection: float | None, since_quench: float | None) -> bool:
    """Say whether an outcome is read at its moment: after the quench, else the injection; after manual work, any."""
    route = session.compiler.route
    if well is None or route.manual:
        return True
    if route.quench:
        return since_quench is not None and abs(since_quench - route.outcome_delay_s) <= route.outcome_window_s
    planned = session.store.experiment(well.experiment).recipe["read_s"][-1]
    return since_injection is not None and abs(since_injection - planned) <= route.outcome_window_s


def _wrong(
    session: Session, attempt: Attempt, spectra: Sequence[Spectrum], label: str, asked_s: float
) -> tuple[str, ...]:
    """Return why this look is no observation: by its counts, or because a dye or blank is not what it must be."""
    dark = _reference(session, attempt, "dark")
    last = session.store.reads(attempt=attempt.id)
    wrong = untrusted(
        spectra,
        dark=dark,
        before=session.store.spectra(last[-1].id) if last else (),
        pixels=dark[0].counts.size if dark else None,
        asked_s=asked_s,
    )
    if wrong or label not in ("dye", "rinse"):
        return wrong
    blank = _reference(session, attempt, "blank")
    if label == "rinse":
        return ("carry_over",) if left_over(spectra, dark, blank) > session.lab.reader.carry_over else ()
    seen = features(spectra, dark=dark, blank=blank, channels=session.lab.reader.channels)
    return () if {"a365", "pl_peak_nm"} <= seen.values.keys() else ("bad_dye", *seen.flags)


def _keep_raw(session: Session, attempt: Attempt, name: str, label: str, error: Malformed) -> Read:
    """Keep what was no spectrum bit for bit beside the attempt, and a read without spectra in the store."""
    folder = session.attempt_folder(attempt.id) / "rejected"
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(error.raw).hexdigest()
    (folder / f"{digest[:16]}.raw").write_bytes(error.raw)
    session.store.event("malformed read kept", attempt=attempt.id, sha256=digest, text=str(error)[:300])
    now_s = session.clock.now_s()
    number = session.store.save_read(
        attempt.id, name, label="rejected", time_s=now_s, spectra=(), flags=("truncated", f"asked_{label}")
    )
    return session.store.read(number)


def _say_rejected(session: Session, read: Read, number: int) -> None:
    again = "looking again" if number < LOOKS else "given up; the liquid is in its vial and can be read again by hand"
    session.say(f"  {read.well or 'cell'}: rejected ({' '.join(read.flags)}), {again}")


def _spectra(session: Session, label: str) -> tuple[Spectrum, ...]:
    if label == "sample":
        return session.reader.measure()
    return session.reader.reference("dye" if label == "dye" else "blank")


def features_of(session: Session, attempt: Attempt, read_id: int, experiment: str) -> Features:
    """Read the features of one saved sample, with the newest dark, blank and dye that still hold."""
    store, reader = session.store, session.lab.reader
    design = store.experiment(experiment).design if experiment else {}
    wanted = session.campaign.target.goals.get("pl_peak_nm")
    recipe = store.experiment(experiment).recipe if experiment else {}
    cs_mol_l = recipe.get("moles_umol", {}).get("Cs", 0.0) / recipe.get("total_ul", 1.0)  # umol in uL are mol/L
    read = store.read(read_id)
    blank, old_blank = _held(session, attempt, "blank", read.time_s)
    dye, old_dye = _held(session, attempt, "dye", read.time_s) if "pl" in reader.channels else ((), ())
    dark, (sample, dye) = _alike(session, attempt, blank, (store.spectra(read_id), dye))
    found = features(
        sample,
        dark=dark,
        blank=blank,
        dye=dye,
        optics=optics_of(session.compiler, design),
        channels=reader.channels,
        cs_mol_l=cs_mol_l or None,
        estimate_pl=wanted is not None and wanted.source == "absorption",
    )
    flags = (*found.flags, *old_blank, *old_dye, *_carried(session, attempt, read))
    return Features(values=found.values, flags=tuple(dict.fromkeys(flags)))


def optics_of(compiler: Compiler, design: Design) -> Optics:
    """Return what the analysis must know of cell, lamp, dye and medium of a well that was made by ``design``."""
    reader, medium = compiler.lab.reader, compiler.stocks[compiler.medium_of(design)].solvent
    return Optics(
        path_mm=reader.path_mm,
        excitation_nm=reader.excitation_nm,
        dye_plqy=reader.dye_plqy,
        dye_plqy_rsd=reader.dye_plqy_rsd,
        dye_refractive_index=reader.dye_refractive_index,
        refractive_index=SOLVENTS[medium].refractive_index,
        temperature_c=float(design.get("temperature_c", compiler.route.nominal["temperature_c"])),
    )


def _held(session: Session, attempt: Attempt, label: str, now_s: float) -> tuple[tuple[Spectrum, ...], tuple[str, ...]]:
    """Return the newest good blank or dye that still holds, of this attempt or an earlier one; a flag where none does.

    Its age counts in the yield's sd (drift of the lamp); after ``blank_age_s`` it is refused.
    """
    store = session.store
    read = store.latest_reference(label, attempt.id) or store.latest_reference(label)
    if read is None:
        return (), (f"no_{label}",)
    if now_s - read.time_s > session.lab.reader.blank_age_s:
        return (), (f"old_{label}",)
    return store.spectra(read.id), ()


def _alike(
    session: Session, attempt: Attempt, blank: Sequence[Spectrum], others: Sequence[Sequence[Spectrum]]
) -> tuple[tuple[Spectrum, ...], list[tuple[Spectrum, ...]]]:
    """Return the dark of the blank's integration time, and the other reads brought to that time."""
    darks = [session.store.spectra(r.id) for r in session.store.reads(attempt=attempt.id) if r.label == "dark"][::-1]

    def dark_of(spectrum: Spectrum) -> Spectrum | None:
        mine = [d for dark in darks for d in dark if d.kind == spectrum.kind]
        same = [d for d in mine if d.integration_ms == spectrum.integration_ms]
        return next(iter(same or mine), None)

    wanted = {s.kind: dark for s in (blank or others[0]) if (dark := dark_of(s)) is not None}

    def brought(spectrum: Spectrum) -> Spectrum:
        to, own = wanted.get(spectrum.kind), dark_of(spectrum)
        differs = to is not None and own is not None and own.integration_ms != to.integration_ms
        return brought_to(spectrum, own, to) if differs and own is not None and to is not None else spectrum

    return tuple(wanted.values()), [tuple(brought(s) for s in spectra) for spectra in others]


def _carried(session: Session, attempt: Attempt, read: Read) -> tuple[str, ...]:
    """Say whether the last rinse before this read left something in the cell."""
    before = [r for r in session.store.reads(attempt=attempt.id) if r.id < read.id]
    rinses = [r for r in before if r.label == "rinse" or "carry_over" in r.flags]
    return ("carry_over",) if rinses and "carry_over" in rinses[-1].flags else ()


def _reference(session: Session, attempt: Attempt, label: str) -> tuple[Spectrum, ...]:
    read = session.store.latest_reference(label, attempt.id)
    return () if read is None else session.store.spectra(read.id)


def _dark(session: Session, attempt: Attempt, name: str) -> None:
    """Take a dark if the newest of this attempt is too old."""
    newest = session.store.latest_reference("dark", attempt.id)
    if newest is None or session.clock.now_s() - newest.time_s > session.lab.reader.dark_age_s:
        _take_dark(session, attempt, f"dark-{name}")


def _matching_dark(
    session: Session, attempt: Attempt, name: str, spectra: Sequence[Spectrum], wrong: Collection[str]
) -> None:
    """Take a dark of the integration time just used, or one that tells the shutter from the lamp (F41)."""
    dark = _reference(session, attempt, "dark")
    times = {(s.kind, s.integration_ms) for s in spectra}
    if "lamp_off" in wrong or not times <= {(d.kind, d.integration_ms) for d in dark}:
        _take_dark(session, attempt, f"dark-after-{name}")


def _take_dark(session: Session, attempt: Attempt, name: str) -> None:
    store = session.store
    spectra = session.reader.dark()
    first = store.latest_reference("dark")
    other = first is not None and bool(changed(spectra, store.spectra(first.id)))
    label = "rejected" if other else "dark"
    store.save_read(attempt.id, name, label=label, time_s=session.clock.now_s(), spectra=spectra)
    _raise_if_changed(session, spectra)


def _raise_if_changed(session: Session, spectra: Sequence[Spectrum]) -> None:
    """Stop where these spectra come from another instrument or grid than the campaign's newest dark."""
    first = session.store.latest_reference("dark")
    why = "" if first is None else changed(spectra, session.store.spectra(first.id))
    if why:
        raise InstrumentChanged(
            f"{why}: dark, blank and dye of this campaign are void. Put the instrument back and sdl resume, or begin a "
            "new campaign with this one as history"
        )
