"""Look at what is in the cell: spectra are on disk before anything else happens, then their features."""

from __future__ import annotations

from sdl.attempt.expectation import rows
from sdl.attempt.session import Session
from sdl.chemistry.solvents import SOLVENTS
from sdl.spectra import Features, Spectrum
from sdl.spectra.readout import Optics, features
from sdl.spectra.types import Role
from sdl.store import Attempt, Well

DARK_AGE_S = 900.0
"""A dark is re-taken after 15 min (spectral analysis, clean-up)."""


def look(session: Session, attempt: Attempt, command_id: str, *, label: str, location: str) -> None:
    """Take the read of one waiting command, save it, then work out and save its features.

    Called again after a crash it finds the saved read and only works out what is missing.
    """
    store = session.store
    known = next((r for r in store.reads(attempt=attempt.id) if r.command_id == command_id), None)
    if known is None:
        _dark(session, attempt, command_id)
        spectra = _taken(session, label)
        now_s = session.clock.now_s()
        well = next((w for w in store.wells(attempt.id) if w.well == location), None)
        since_injection = None if well is None or well.injected_s is None else now_s - well.injected_s
        since_quench = None if well is None or well.quenched_s is None else now_s - well.quenched_s
        last = label == "sample" and _is_last(session, attempt, location)
        window = _in_window(session, well, since_injection, since_quench)
        number = store.save_read(
            attempt.id,
            command_id,
            label=label,
            time_s=now_s,
            spectra=spectra,
            experiment=None if well is None else well.experiment,
            well=location,
            since_injection_s=since_injection,
            since_quench_s=since_quench,
            flags=("timing",) if last and not window else (),
            outcome=last and window,
        )
        known = store.read(number)
    if label == "sample":
        seen = features_of(session, attempt, known.id, known.experiment or "")
        store.save_features(known.id, seen)
        shown = ", ".join(f"{name} {v.value:.4g}+-{v.sd:.2g}" for name, v in seen.values.items() if name in _SHOWN)
        session.say(f"  {known.experiment} {location}: {shown or 'nothing readable'} {' '.join(seen.flags)}")


def _is_last(session: Session, attempt: Attempt, location: str) -> bool:
    """Say whether this is the last look that the plan takes at a well: its outcome."""
    planned = sum(row["action"] == "read" and row["stock"] == location for row in rows(attempt.csv))
    return sum(read.well == location for read in session.store.reads(attempt=attempt.id)) == planned - 1


def _in_window(session: Session, well: Well | None, since_injection: float | None, since_quench: float | None) -> bool:
    """Say whether an outcome is read at its moment: after the quench, else the injection; after manual work, any."""
    route = session.compiler.route
    if well is None or route.manual:
        return True
    if route.quench:
        return since_quench is not None and abs(since_quench - route.outcome_delay_s) <= route.outcome_window_s
    planned = session.store.experiment(well.experiment).recipe["read_s"][-1]
    return since_injection is not None and abs(since_injection - planned) <= route.outcome_window_s


_SHOWN = ("x1_nm", "pl_peak_nm", "fwhm_nm", "plqy")


def features_of(session: Session, attempt: Attempt, read_id: int, experiment: str) -> Features:
    """Read the features of one saved sample, with the newest dark, blank and dye of the same attempt."""
    lab, store = session.lab, session.store
    reader = lab.reader
    design = store.experiment(experiment).design if experiment else {}
    temperature = float(design.get("temperature_c", session.compiler.route.nominal["temperature_c"]))
    medium = session.campaign.stocks[session.compiler.medium_of(design)].solvent
    optics = Optics(
        path_mm=reader.path_mm,
        excitation_nm=reader.excitation_nm,
        dye_plqy=reader.dye_plqy,
        dye_plqy_rsd=reader.dye_plqy_rsd,
        dye_refractive_index=reader.dye_refractive_index,
        refractive_index=SOLVENTS[medium].refractive_index,
        temperature_c=temperature,
    )
    wanted = session.campaign.target.goals.get("pl_peak_nm")
    recipe = store.experiment(experiment).recipe if experiment else {}
    cs_mol_l = recipe.get("moles_umol", {}).get("Cs", 0.0) / recipe.get("total_ul", 1.0)  # umol in uL are mol/L
    return features(
        store.spectra(read_id),
        dark=_reference(session, attempt, "dark"),
        blank=_reference(session, attempt, "blank"),
        dye=_reference(session, attempt, "dye"),
        optics=optics,
        channels=reader.channels,
        cs_mol_l=cs_mol_l or None,
        estimate_pl=wanted is not None and wanted.source == "absorption",
    )


def _reference(session: Session, attempt: Attempt, label: str) -> tuple[Spectrum, ...]:
    read = session.store.latest_reference(label, attempt.id)
    return () if read is None else session.store.spectra(read.id)


def _taken(session: Session, label: str) -> tuple[Spectrum, ...]:
    roles: dict[str, Role] = {"blank": "blank", "dye": "dye"}
    return session.reader.reference(roles[label]) if label in roles else session.reader.measure()


def _dark(session: Session, attempt: Attempt, command_id: str) -> None:
    """Take a dark if the newest of this attempt is too old."""
    newest = session.store.latest_reference("dark", attempt.id)
    if newest is None or session.clock.now_s() - newest.time_s > DARK_AGE_S:
        spectra = session.reader.dark()
        now_s = session.clock.now_s()
        session.store.save_read(attempt.id, f"dark-{command_id}", label="dark", time_s=now_s, spectra=spectra)
