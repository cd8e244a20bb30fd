"""Where a measured spectrum waits when the store's disk is full: a file on another disk, taken in at the next start."""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdl.spectra.types import Spectrum
from sdl.store.disk import write_durably

__all__ = ["spill", "spilled"]


def folder_of(store: Path) -> Path:
    """Return the spill folder of a store: named by its place, where temporary files go (often another disk)."""
    return Path(tempfile.gettempdir()) / f"sdl-spill-{hashlib.sha256(str(store.absolute()).encode()).hexdigest()[:16]}"


def spill(store: Path, read: Mapping[str, Any], spectra: Sequence[Spectrum]) -> Path:
    """Write one read with its spectra where ``store`` has no room for it; return the file."""
    folder = folder_of(store)
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{hashlib.sha256(str(read['command_id']).encode()).hexdigest()[:16]}.json"
    write_durably(path, json.dumps({"read": dict(read), "spectra": [_plain(s) for s in spectra]}))
    return path


def spilled(store: Path) -> Iterator[tuple[Path, dict[str, Any], tuple[Spectrum, ...]]]:
    """Give every read that waits, with its file; the caller deletes the file once the read is stored."""
    for path in sorted(folder_of(store).glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        yield path, told["read"], tuple(_spectrum(s) for s in told["spectra"])


def _plain(s: Spectrum) -> dict[str, Any]:
    return {
        "kind": s.kind,
        "role": s.role,
        "wavelength_nm": s.wavelength_nm.tolist(),
        "counts": [c if math.isfinite(c) else None for c in s.counts.tolist()],
        "time_s": s.time_s,
        "instrument": s.instrument,
        "averages": s.averages,
        "integration_ms": s.integration_ms,
        "full_well": s.full_well if math.isfinite(s.full_well) else None,
    }


def _spectrum(told: dict[str, Any]) -> Spectrum:
    arrays = {name: np.array(told[name], dtype=float) for name in ("wavelength_nm", "counts")}
    full_well = math.inf if told["full_well"] is None else told["full_well"]
    return Spectrum(**{**told, **arrays, "full_well": full_well})
