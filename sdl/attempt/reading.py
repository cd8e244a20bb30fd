"""Look at what is in the cell: spectra are on disk before anything else happens, then their features."""

from __future__ import annotations

from collections.abc import Sequence

from sdl.attempt.session import Session
from sdl.campaign import Campaign
from sdl.chemistry.routes import ROUTES
from sdl.chemistry.solvents import SOLVENTS
from sdl.space import Design
from sdl.spectra import Features, Spectrum
from sdl.spectra.readout import Optics, features
from sdl.spectra.types import Role
from sdl.store import Attempt

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
        route = session.compiler.route
        window = abs((since_quench or 0.0) - route.outcome_delay_s) <= route.outcome_window_s
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
            flags=() if since_quench is None or window else ("timing",),
            outcome=label == "sample" and since_quench is not None and window,
        )
        known = store.read(number)
    if label == "sample":
        seen = features_of(session, attempt, known.id, known.experiment or "")
        store.save_features(known.id, seen)
        shown = ", ".join(f"{name} {v.value:.4g}+-{v.sd:.2g}" for name, v in seen.values.items() if name in _SHOWN)
        session.say(f"  {known.experiment} {location}: {shown or 'nothing readable'} {' '.join(seen.flags)}")


_SHOWN = ("x1_nm", "pl_peak_nm", "fwhm_nm", "plqy")


def features_of(session: Session, attempt: Attempt, read_id: int, experiment: str) -> Features:
    """Read the features of one saved sample, with the newest dark, blank and dye of the same attempt."""
    store = session.store
    return read_well(
        session.campaign,
        store.experiment(experiment).design if experiment else {},
        store.spectra(read_id),
        dark=_reference(session, attempt, "dark"),
        blank=_reference(session, attempt, "blank"),
        dye=_reference(session, attempt, "dye"),
    )


def read_well(
    campaign: Campaign,
    design: Design,
    sample: Sequence[Spectrum],
    *,
    dark: Sequence[Spectrum],
    blank: Sequence[Spectrum],
    dye: Sequence[Spectrum],
) -> Features:
    """Read the features of one aliquot of a well that was made by ``design``, as this campaign's reader sees it."""
    assert campaign.lab is not None
    reader, route = campaign.lab.reader, ROUTES[campaign.route]
    optics = Optics(
        path_mm=reader.path_mm,
        excitation_nm=reader.excitation_nm,
        dye_plqy=reader.dye_plqy,
        dye_plqy_rsd=reader.dye_plqy_rsd,
        dye_refractive_index=reader.dye_refractive_index,
        refractive_index=SOLVENTS[campaign.stocks[route.medium].solvent].refractive_index,
        temperature_c=float(design.get("temperature_c", route.nominal["temperature_c"])),
    )
    wanted = campaign.target.goals.get("pl_peak_nm")
    cs = design.get("cs_concentration_mmol_l", route.nominal["cs_concentration_mmol_l"])
    return features(
        sample,
        dark=dark,
        blank=blank,
        dye=dye,
        optics=optics,
        channels=reader.channels,
        cs_mol_l=float(cs) / 1000.0,
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
