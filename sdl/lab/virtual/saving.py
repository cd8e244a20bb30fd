"""A spectrometer's own program in the virtual lab: while the arm waits at a read, it saves spectra into a folder.

It stands for every instrument without a driver: the controller sees files only. They look as AvaSoft 8 writes them,
with the dark of the program's start in a column of their own, one file a light path.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from sdl.spectra.types import Kind, Role, Spectrum

EVERY_S = 0.2
"""How often the program saves, in real time [assumed]."""
NAMES: dict[Kind, str] = {"absorption": "white", "pl": "pl"}
ROLES: dict[str, Role] = {"blank": "blank", "rinse": "blank", "dye": "dye", "sample": "sample"}

Take = Callable[[Role], Sequence[Spectrum]]


class SavingProgram:
    """Saves one spectrum a light path each time `step` finds the arm waiting; ``waits`` gives the robot's message."""

    def __init__(self, folder: Path, waits: Callable[[], str], take: Take) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._waits, self._take = folder, waits, take
        self._darks: dict[Kind, Spectrum] = {}
        self._number = sum(1 for _ in folder.iterdir())

    def step(self) -> None:
        words = self._waits().split()
        if words[:1] != ["READ"] or words[1] not in ROLES:
            return
        if not self._darks:
            self._darks = {spectrum.kind: spectrum for spectrum in self._take("dark")}
        for spectrum in self._take(ROLES[words[1]]):
            self._number += 1
            path = self._folder / f"{NAMES[spectrum.kind]}-{self._number:06d}.txt"
            path.write_bytes(written(spectrum, self._darks[spectrum.kind]))


def written(spectrum: Spectrum, dark: Spectrum) -> bytes:
    """Return the file of a spectrum with its dark; a dead pixel reads 0."""
    head = (
        f"\r\nIntegration time [ms]: {spectrum.integration_ms:.2f}\r\nAveraging Nr. [scans]: {spectrum.averages}\r\n"
        f"Data measured with spectrometer [name]: {spectrum.instrument}\r\n"
        "Wave   ;Sample   ;Dark     \r\n[nm]   ;[counts] ;[counts] \r\n\r\n"
    )
    columns = zip(spectrum.wavelength_nm, spectrum.counts, dark.counts, strict=True)
    return (head + "".join(f"{w:7.2f};{_seen(s):10.3f};{_seen(d):10.3f}\r\n" for w, s, d in columns)).encode()


def _seen(counts: float) -> float:
    return counts if math.isfinite(counts) else 0.0
