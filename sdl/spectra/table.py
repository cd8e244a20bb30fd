"""The answer of ``sdl spectrum``: one line a spectrum, what could not be read and why, and progress on the way."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from sdl.errors import Refused
from sdl.spectra.bands import conversion
from sdl.spectra.files import FileResult, References, listed, look_at_files
from sdl.spectra.formats import Recording, read_file
from sdl.spectra.types import Features, Value, X1By

LONG_S = 2.0
"""How long a person waits without a word (chosen)."""
MANY_FILES = 200
"""Above this many files X1 is by derivative unless the fit is asked for: 1,000 fits alone are 10 s of one core."""
MOST_PROCESSES = 8
"""Above `MANY_FILES`, files are read by as many processes as there are cores, at most by these; chosen."""
COLUMNS = ("x1_nm", "x2_nm", "edge_length_nm", "pl_peak_nm", "fwhm_nm")


def results_of(
    paths: Sequence[Path],
    *,
    dark: Path | None = None,
    blank: Path | None = None,
    start: Path | None = None,
    x1_by: X1By | None = None,
    out: TextIO | None = None,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> list[FileResult]:
    """Return what every file shows, telling ``out`` how long the rest will take once it takes long.

    X1 is found as ``x1_by`` says; without it by the full fit, but by the derivative for more than `MANY_FILES`.
    With ``start``, the first spectrum of the same reaction, each also says how much of the precursor is gone.
    Raises `Refused` where there is no file at all, or where ``dark``, ``blank`` or ``start`` cannot be used.
    """
    files = listed(paths)
    if not files:
        raise Refused("no file to read; name spectra, or a folder that holds some")
    if x1_by is None and len(files) > MANY_FILES and out is not None:
        out.write(f"{len(files)} files: X1 by derivative, without dispersion; --x1-by fit gives both, more slowly\n")
    begun_s = told_s = monotonic_s()

    def tell(done: int) -> None:
        nonlocal told_s
        now_s = monotonic_s()
        if out is not None and now_s - told_s >= LONG_S:
            told_s = now_s
            left_s = (now_s - begun_s) / done * (len(files) - done)
            out.write(f"{done} of {len(files)} files, about {left_s:.0f} s left\n")

    chosen: X1By = x1_by or ("derivative" if len(files) > MANY_FILES else "fit")
    references = References(dark=_one(dark), blank=_one(blank))
    band = _band(start, references) if start else None
    processes = min(os.cpu_count() or 1, MOST_PROCESSES) if len(files) > MANY_FILES else 1
    return [_converted(result, band) for result in look_at_files(files, references, tell, chosen, processes)]


def _band(start: Path, references: References) -> Value:
    """Return the precursor's band in the first spectrum of a reaction; raise `Refused` where it is not clear."""
    first = next(look_at_files([start], references))
    band = first.features.values.get("precursor_per_cm")
    if band is None or conversion(band, band) is None:
        seen = first.error or (f"{band.value:.3g} +- {band.sd:.2g} per cm there" if band else "nothing was read there")
        raise Refused(f"--start {start}: no clear band of the precursor at 311 to 314 nm ({seen}); name another")
    return band


def _converted(result: FileResult, start: Value | None) -> FileResult:
    """Add how much of the precursor is gone since ``start``, where both spectra reach its band."""
    now = result.features.values.get("precursor_per_cm")
    gone = conversion(now, start) if now and start else None
    if gone is None:
        return result
    found = Features(values={**result.features.values, "converted": gone}, flags=result.features.flags)
    return dataclasses.replace(result, features=found)


def in_words(results: Sequence[FileResult]) -> str:
    """Return the table a person reads: features with sd, flags, and the unreadable files with their reasons."""
    read, lost = [r for r in results if not r.error], [r for r in results if r.error]
    width = max((len(r.file) for r in read), default=4)
    columns = (*COLUMNS, *(["converted"] if any("converted" in r.features.values for r in read) else []))
    lines = (
        [f"{'file':{width}}  {'kind':10}" + "".join(f"  {name:>16}" for name in columns) + "  flags"] if read else []
    )
    for r in read:
        cells = "".join(f"  {_cell(r.features.values.get(name)):>16}" for name in columns)
        lines.append(f"{r.file:{width}}  {r.kind or '':10}{cells}  {' '.join(r.features.flags)}".rstrip())
    if lost:
        lines += ["", f"Not read, {len(lost)} of {len(results)}:", *(f"  {r.file}: {r.error}" for r in lost)]
    return "\n".join(lines)


def _cell(value: Value | None) -> str:
    return "-" if value is None else f"{value.value:.2f} +- {value.sd:.2f}"


def _one(path: Path | None) -> Recording | None:
    if path is None:
        return None
    try:
        return read_file(path)[0]
    except Refused as exc:
        raise Refused(f"{path}: {exc}") from exc
