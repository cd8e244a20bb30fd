"""What the spectrometer saw: reads, and their spectra bit for bit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, select

from sdl.errors import Refused
from sdl.spectra.types import Features, Spectrum
from sdl.store import tables
from sdl.store.columns import pack, unpack
from sdl.store.core import Core
from sdl.store.faults import StoreFailed
from sdl.store.rows import Read
from sdl.store.spill import spill, spilled
from sdl.store.transaction import Transaction

__all__ = ["Reads"]


_KNOWN = select(tables.reads.c.id).where(
    tables.reads.c.attempt == bindparam("attempt"), tables.reads.c.command_id == bindparam("command_id")
)
_GRID = select(tables.grids.c.id).where(tables.grids.c.id == bindparam("grid"))


class Reads(Core):
    """Every read is data: one well is a curve."""

    def save_read(
        self,
        attempt: str,
        command_id: str,
        *,
        label: str,
        time_s: float,
        spectra: Sequence[Spectrum],
        features: Features | None = None,
        experiment: str | None = None,
        well: str = "",
        since_injection_s: float | None = None,
        since_quench_s: float | None = None,
        flags: tuple[str, ...] = (),
        outcome: bool = False,
    ) -> int:
        """Save one read, its spectra, its event and, for an outcome, the well's state, and return the read's id.

        ``label`` is blank, dye or sample; ``time_s`` the lab clock. The same ``command_id`` again is the same read.
        The well becomes measured where it was dispensed or quenched; a read that comes too late for that is kept too.
        Where the disk does not take it, the spectra go to a file on another one and StoreFailed says where.
        """
        read = {"label": label, "time_s": time_s, "experiment": experiment, "well": well, "outcome": outcome}
        read |= {"since_injection_s": since_injection_s, "since_quench_s": since_quench_s, "flags": flags}
        key = {"attempt": attempt, "command_id": command_id}
        try:
            return self._save_read(key, read, spectra, features or Features())
        except StoreFailed as exc:
            kept = spill(self.path, {**key, **read}, spectra)
            raise StoreFailed(f"{exc}; the spectra are safe in {kept} and are taken in at the next start") from exc

    def take_in_spilled(self) -> int:
        """Save every read that waited on another disk while this one was full; return how many."""
        count = 0
        for path, read, spectra in spilled(self.path):
            key = {name: read.pop(name) for name in ("attempt", "command_id")}
            self._save_read(key, {**read, "flags": tuple(read["flags"])}, spectra, Features())
            path.unlink()
            count += 1
        return count

    def _save_read(
        self, key: Mapping[str, str], read: Mapping[str, Any], spectra: Sequence[Spectrum], features: Features
    ) -> int:
        said = {name: read[name] for name in ("experiment", "label", "well", "outcome")}
        with self._write("read saved", attempt=key["attempt"], **said) as tx:
            if (id := tx.connection.execute(_KNOWN, key).scalar()) is not None:
                tx.skip()
                return int(id)
            id = tx.data["read"] = tx.next(tables.reads.c.id)
            tx.insert(tables.reads, id=id, **key, **read, features=features)
            for position, spectrum in enumerate(spectra):
                _insert_spectrum(tx, id, position, spectrum)
            if read["outcome"]:
                _measured(tx, key["attempt"], str(read["well"]))
        return id

    def save_features(self, read_id: int, features: Features) -> None:
        """Set what a stored read shows, when it was worked out after the spectra were saved."""
        outcome = {name: [v.value, v.sd] for name, v in features.values.items()}
        with self._write("features saved", read=read_id, features=outcome, flags=list(features.flags)) as tx:
            tx.update(tables.reads, {"id": read_id}, {}, features=features)

    def read(self, id: int) -> Read:
        """Return one read; Refused if there is none with this id."""
        found = self._rows(Read, select(tables.reads).where(tables.reads.c.id == id))
        if not found:
            raise Refused(f"{self.path}: no read {id}")
        return found[0]

    def reads(self, experiment: str | None = None, attempt: str | None = None) -> list[Read]:
        """Return reads in the order they were saved, of one experiment or attempt only if given."""
        query = select(tables.reads).order_by(tables.reads.c.id)
        if experiment is not None:
            query = query.where(tables.reads.c.experiment == experiment)
        if attempt is not None:
            query = query.where(tables.reads.c.attempt == attempt)
        return self._rows(Read, query)

    def spectra(self, read_id: int) -> tuple[Spectrum, ...]:
        """Return the spectra of a read, exactly as they were saved."""
        table, grids = tables.spectra, tables.grids
        query = select(table, grids.c.wavelength_nm).join(grids, grids.c.id == table.c.grid)
        with self._read() as connection:
            rows = connection.execute(query.where(table.c.read_id == read_id).order_by(table.c.position)).mappings()
            return tuple(_spectrum(row) for row in rows)

    def latest_reference(self, label: str, attempt: str | None = None) -> Read | None:
        """Return the newest read of a blank or dye, of one attempt only if given; None where there is none."""
        query = select(tables.reads).where(tables.reads.c.label == label).order_by(tables.reads.c.id.desc()).limit(1)
        if attempt is not None:
            query = query.where(tables.reads.c.attempt == attempt)
        return next(iter(self._rows(Read, query)), None)

    def read_count(self) -> int:
        """Return how many reads are stored."""
        with self._read() as connection:
            return int(connection.execute(select(func.count()).select_from(tables.reads)).scalar_one())


def _insert_spectrum(tx: Transaction, read_id: int, position: int, spectrum: Spectrum) -> None:
    grid = spectrum.grid_id
    if tx.connection.execute(_GRID, {"grid": grid}).first() is None:
        tx.insert(tables.grids, id=grid, wavelength_nm=pack(spectrum.wavelength_nm))
    tx.insert(
        tables.spectra,
        read_id=read_id,
        position=position,
        kind=spectrum.kind,
        role=spectrum.role,
        grid=grid,
        counts=pack(spectrum.counts),
        time_s=spectrum.time_s,
        instrument=spectrum.instrument,
        meta={
            "averages": spectrum.averages,
            "integration_ms": spectrum.integration_ms,
            "full_well": None if math.isinf(spectrum.full_well) else spectrum.full_well,
        },
    )


def _spectrum(row: Any) -> Spectrum:
    full_well = row["meta"]["full_well"]
    return Spectrum(
        kind=row["kind"],
        role=row["role"],
        wavelength_nm=unpack(row["wavelength_nm"]),
        counts=unpack(row["counts"]),
        time_s=row["time_s"],
        instrument=row["instrument"],
        averages=row["meta"]["averages"],
        integration_ms=row["meta"]["integration_ms"],
        full_well=math.inf if full_well is None else full_well,
    )


def _measured(tx: Transaction, attempt: str, well: str) -> None:
    state = tx.connection.execute(select(tables.wells.c.state).filter_by(attempt=attempt, well=well)).scalar()
    if state in ("dispensed", "quenched"):
        tx.update(tables.wells, {"attempt": attempt, "well": well}, {"state": state}, state="measured")
