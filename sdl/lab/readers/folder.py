"""A folder into which a vendor's program saves spectra: for instruments that have no driver here.

A file counts when it is new since the call, has not changed between two looks and can be read; the first one after the
call may have been begun before it and is left out. Nothing in the folder is changed. A name that begins with "dark" is
a dark; one with "pl" or "fluorescence" as a word is emission, any other absorption.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sdl.errors import NeedsPerson, Refused, Unreachable
from sdl.lab.clock import Clock
from sdl.lab.reader import ReaderStatus
from sdl.spectra.formats import Recording, read_file
from sdl.spectra.types import Kind, Role, Spectrum

PATIENCE_S = 120.0
"""How long a new file is waited for, in real time (chosen: a program saves every few seconds, a person in a minute)."""
POLL_S = 0.2
"""How often the folder is looked at; a file must be the same twice (chosen: networks report sizes that late)."""
LEFT_OUT = 1
"""Files after the call that may have been begun before it."""
NOTE = "reads what a vendor's program saves; which program and settings, only a person can see"

_EMISSION = re.compile(r"(?i)(?:^|[^a-z])(?:pl|fluo\w*|emission)(?:[^a-z]|$)")
_DARK = re.compile(r"(?i)dark")


@dataclass(frozen=True, slots=True)
class _Look:
    size: int
    modified_ns: int


class FolderReader:
    """The Reader of one folder; ``wait`` and ``monotonic_s`` keep real time, ``clock`` stamps the spectra."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        channels: Sequence[Kind] = ("absorption",),
        left_out: int = LEFT_OUT,
        patience_s: float = PATIENCE_S,
        wait: Callable[[float], None] = time.sleep,
        monotonic_s: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        if not folder.is_dir():
            raise Unreachable(f"{folder} is no folder; let the spectrometer's program save its spectra there")
        self._folder, self._clock = folder, clock
        self._channels: tuple[Kind, ...] = tuple(channels)
        self._left_out, self._patience_s = left_out, patience_s
        self._wait, self._monotonic_s, self._wall_s = wait, monotonic_s, wall_s
        self._lamp_e = 0.0

    def status(self) -> ReaderStatus:
        seen = self._newest_readable()
        spectrum = None if seen is None else self._spectrum(*seen, role="sample")
        return ReaderStatus(
            instrument="" if spectrum is None else spectrum.instrument,
            grid_id="" if spectrum is None else spectrum.grid_id,
            channels=self._channels,
            ok=self._folder.is_dir(),
            note=NOTE,
        )

    def dark(self) -> tuple[Spectrum, ...]:
        """Return the dark that the newest files carry, or the newest file called dark; wait for the first one."""
        give_up_s = self._monotonic_s() + self._patience_s
        while True:
            found = [self._kept_dark(kind) for kind in self._channels]
            whole = tuple(spectrum for spectrum in found if spectrum is not None)
            if len(whole) == len(found):
                return whole
            if self._monotonic_s() > give_up_s:
                raise NeedsPerson(
                    f"{self._folder}: no dark: close the shutter and save one spectrum there as dark.txt, or have the "
                    "program save its dark with every spectrum; then sdl resume"
                )
            self._wait(POLL_S)

    def reference(self, role: str) -> tuple[Spectrum, ...]:
        return self._new("dye" if role == "dye" else "blank")

    def measure(self) -> tuple[Spectrum, ...]:
        return self._new("sample")

    def _new(self, role: Role) -> tuple[Spectrum, ...]:
        """Wait for the next whole file of every light path."""
        before, reasons = self._listing(), dict[str, str]()
        seen: dict[Path, _Look] = {}
        counted: dict[Kind, list[Path]] = {kind: [] for kind in self._channels}
        taken: dict[Kind, Spectrum] = {}
        give_up_s = self._monotonic_s() + self._patience_s
        while len(taken) < len(self._channels):
            if self._monotonic_s() > give_up_s:
                raise Unreachable(self._nothing_came(reasons))
            self._wait(POLL_S)
            now = self._listing()
            for path in sorted((p for p in now if now[p] != before.get(p)), key=lambda p: now[p].modified_ns):
                kind = kind_of(path)
                if (
                    now[path] != seen.get(path)
                    or kind not in counted
                    or path in counted[kind]
                    or _DARK.match(path.name)
                ):
                    continue
                recording = _whole(path, reasons)
                if recording is None:
                    continue
                counted[kind].append(path)
                if len(counted[kind]) > self._left_out and kind not in taken:
                    taken[kind] = self._spectrum(recording, path, role=role)
            seen = now
        return tuple(taken[kind] for kind in self._channels)

    def _nothing_came(self, reasons: dict[str, str]) -> str:
        last = "; ".join(f"{name}: {why}" for name, why in list(reasons.items())[-2:]) or "none was saved"
        return f"{self._folder}: no new whole spectrum in {self._patience_s:g} s ({last}); is the program saving?"

    def _listing(self) -> dict[Path, _Look]:
        found = {}
        try:
            for path in self._folder.iterdir():
                if path.is_file() and not path.name.startswith("."):
                    told = path.stat()
                    found[path] = _Look(told.st_size, told.st_mtime_ns)
        except FileNotFoundError:  # renamed between two lines: the next look finds it
            pass
        except OSError as exc:
            raise Unreachable(f"{self._folder} cannot be read: {exc.strerror or exc}") from exc
        return found

    def _newest_readable(self, name: str = "", kind: Kind | None = None) -> tuple[Recording, Path] | None:
        listing = self._listing()
        for path in sorted(listing, key=lambda p: -listing[p].modified_ns)[:20]:
            if path.name.lower().startswith(name) and (kind is None or kind_of(path) == kind):
                recording = _whole(path, {})
                if recording is not None:
                    return recording, path
        return None

    def _kept_dark(self, kind: Kind) -> Spectrum | None:
        named = self._newest_readable("dark", kind)
        if named is not None:
            return self._spectrum(*named, role="dark", column="sample")
        newest = self._newest_readable("", kind)
        if newest is None or newest[0].spectrum("dark", kind=kind) is None:
            return None
        return self._spectrum(*newest, role="dark", column="dark")

    def _spectrum(self, recording: Recording, path: Path, *, role: Role, column: Role = "sample") -> Spectrum:
        """Return one column of a file; absorbance becomes counts of the same lamp for every file."""
        kind = kind_of(path)
        if kind == "pl":
            recording = replace(recording, quantity="counts")
        elif recording.quantity != "counts":
            self._lamp_e = self._lamp_e or recording.lamp_e
            recording = replace(recording, given_lamp_e=self._lamp_e)
        age_s = max(0.0, self._wall_s() - path.stat().st_mtime)
        found = recording.spectrum(column, kind=kind, time_s=self._clock.now_s() - age_s)
        if found is None:
            raise Refused(f"{path}: holds no {role}")
        return replace(found, role=role)


def kind_of(path: Path) -> Kind:
    """Return which light path a file of this name is of."""
    return "pl" if _EMISSION.search(path.stem) else "absorption"


def _whole(path: Path, reasons: dict[str, str]) -> Recording | None:
    """Return the file's first spectrum; None, with the reason noted, while it is not whole."""
    try:
        recording = read_file(path)[0]
    except Refused as exc:
        reasons[path.name] = str(exc)
        return None
    if "truncated" in recording.flags:
        reasons[path.name] = "truncated"
        return None
    return recording
