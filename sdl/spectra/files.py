"""Files of spectra to features: what each file shows, how sure that is, and why a file shows nothing.

Flags beside those of `sdl.spectra.readout`: ``flat``, ``negative``, ``mis_scaled`` (transmittance, percent or counts
where absorbance was said), ``probe_in_air``, ``truncated``, ``broken_pixels``, ``duplicate``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sdl.errors import Refused
from sdl.spectra.formats import Recording, content, read_bytes
from sdl.spectra.formats.recording import Array, noise
from sdl.spectra.readout import Optics, features
from sdl.spectra.types import Features, Kind, Spectrum, Value, X1By
from sdl.units import HC_EV_NM

CLEAR_NM, BLUE_NM = (560.0, 650.0), (320.0, 450.0)
"""Where no crystal of CsPbBr3 absorbs, and where every one does (bulk edge 2.3 eV)."""
HIGHEST_A = 6.0
"""Absorbance that no instrument reads in a tenth of its pixels: stray light ends the best double monochromator's range
there (Cary 5000: 8 with extra beam attenuation, 6 without)."""
UPSIDE_DOWN_A = 0.05
"""How much more the clear range may seem to absorb than the blue before the scale is not believed; chosen."""
NEGATIVE_A = -0.1
"""A tenth of the pixels below this: blank and sample are swapped, or the blank is another's; chosen."""
AIR_A = 0.02
"""Least offset of a probe in air: 2 % of light by refraction at two windows that liquid would wet; chosen."""
FEATURELESS_A = 0.01
"""How far a spectrum without any absorber may bend; chosen, three times a reader's drift of tilt."""
FILES_AT_ONCE = 16
"""How many files one process takes at a time: a tenth of a second's work, so that no process waits long; chosen."""
SPOILT = frozenset({"flat", "negative", "mis_scaled", "probe_in_air"})
"""Flags that leave nothing to interpret."""
FILE_READ_NOISE_E = 1.0
"""Electrons; the noise of counts made from absorbance is in the counts already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What one spectrum of one file shows; ``error`` says why where it could not be read at all."""

    file: str
    kind: Kind | None = None
    form: str = ""
    features: Features = Features()
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the entry that ``sdl spectrum --json`` prints."""
        values = {name: {"value": v.value, "sd": v.sd} for name, v in _with_energies(self.features).items()}
        told = {"file": self.file, "kind": self.kind, "features": values, "flags": list(self.features.flags)}
        return {**told, "error": self.error} if self.error else told


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Dark and blank for files that hold neither; both optional."""

    dark: Recording | None = None
    blank: Recording | None = None


def listed(paths: Iterable[Path]) -> list[Path]:
    """Return every file that is meant, folders opened to all depths, hidden ones left out, each once."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        found.update(dict.fromkeys(p for p in inside if not p.name.startswith(".")))
    return list(found)


def look_at_files(
    files: Sequence[Path],
    references: References | None = None,
    tell: Callable[[int], None] | None = None,
    x1_by: X1By = "fit",
    processes: int = 1,
) -> Iterator[FileResult]:
    """Yield the results of each file in order; a file that cannot be read is one with its reason.

    ``tell`` is called with the number of files done. A file whose bytes were seen before is flagged ``duplicate``.
    """
    look = partial(_looked_at, references=references or References(), x1_by=x1_by)
    with ProcessPoolExecutor(processes) if processes > 1 else nullcontext() as pool:
        seen: set[bytes] = set()
        done = map(look, files) if pool is None else pool.map(look, files, chunksize=FILES_AT_ONCE)
        for number, (digest, results) in enumerate(done, 1):
            for result in results:
                yield _twin(result) if digest in seen and not result.error else result
            seen |= {digest} - {b""}
            if tell is not None:
                tell(number)


def _looked_at(path: Path, *, references: References, x1_by: X1By) -> tuple[bytes, list[FileResult]]:
    """Return the digest of a file, empty where it is no spectrum, and what each of its recordings shows."""
    try:
        raw = content(path)
        recordings = read_bytes(raw, suffix=path.suffix.lower().lstrip("."))
    except Refused as exc:
        return b"", [FileResult(file=str(path), error=str(exc))]
    names = [f"{path}#{r.label}" if len(recordings) > 1 else str(path) for r in recordings]
    results = [_result(name, r, references, x1_by) for name, r in zip(names, recordings, strict=True)]
    return hashlib.sha256(raw).digest(), results


def _twin(result: FileResult) -> FileResult:
    flagged = Features(values=result.features.values, flags=(*result.features.flags, "duplicate"))
    return replace(result, features=flagged)


def _result(name: str, recording: Recording, references: References, x1_by: X1By) -> FileResult:
    try:
        found = features_of(recording, references, x1_by)
    except Refused as exc:
        return FileResult(file=name, kind=recording.kind, form=recording.form, error=str(exc))
    kind: Kind = "absorption" if references.blank is not None else recording.kind
    return FileResult(file=name, kind=kind, form=recording.form, features=found)


def features_of(recording: Recording, references: References | None = None, x1_by: X1By = "fit") -> Features:
    """Return the features of one recording with its flags; raise `Refused` where references are on another grid."""
    given = references or References()
    kind: Kind = "pl" if recording.kind == "pl" and given.blank is None else "absorption"
    sample = recording.spectrum("sample", kind=kind)
    dark = recording.spectrum("dark", kind=kind) or _sample(given.dark, kind)
    lamp = None if kind == "pl" else recording.spectrum("blank", kind=kind) or _sample(given.blank, kind)
    assert sample is not None
    wrong = (*recording.flags, *implausible(recording, sample, dark, lamp))
    if SPOILT & set(wrong):
        return Features(flags=wrong)
    optics = Optics() if recording.quantity == "counts" else Optics(read_noise_e=FILE_READ_NOISE_E)
    found = features(
        (sample,),
        dark=(dark,) if dark else (),
        blank=(lamp,) if lamp else (),
        optics=optics,
        channels=(kind,),
        x1_by=x1_by,
    )
    return Features(values=found.values, flags=tuple(dict.fromkeys((*wrong, *found.flags))))


def _sample(recording: Recording | None, kind: Kind) -> Spectrum | None:
    return None if recording is None else recording.spectrum("sample", kind=kind)


def implausible(
    recording: Recording, sample: Spectrum, dark: Spectrum | None, lamp: Spectrum | None
) -> tuple[str, ...]:
    """Return what makes the numbers of a recording something else than they are said to be."""
    values = recording.values[np.isfinite(recording.values)]
    if np.ptp(values) == 0:
        return ("flat",)
    if recording.quantity == "counts":
        offset = 0.0 if dark is None else float(np.nanmedian(dark.counts))
        if np.mean(values < offset - 3 * max(1.0, noise(values))) > 0.1:
            return ("negative",)
        if lamp is None:
            return ()
    absorbance = _absorbance(recording, sample, dark, lamp)
    return _absorbance_flags(recording.wavelength_nm, absorbance)


def _absorbance(recording: Recording, sample: Spectrum, dark: Spectrum | None, lamp: Spectrum | None) -> Array:
    own = recording.absorbance
    if own is not None or lamp is None or lamp.counts.shape != sample.counts.shape:
        return own if own is not None else np.full(sample.counts.shape, np.nan)
    offset = dark.counts if dark is not None and dark.counts.shape == sample.counts.shape else 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (sample.counts - offset) / (lamp.counts - offset)
        return np.where(ratio > 0, -np.log10(ratio), np.nan)


def _absorbance_flags(wavelength_nm: Array, absorbance: Array) -> tuple[str, ...]:
    seen = np.isfinite(absorbance) & (wavelength_nm > BLUE_NM[0])
    if not seen.any():
        return ()
    within = [seen & (wavelength_nm >= low) & (wavelength_nm <= high) for low, high in (CLEAR_NM, BLUE_NM)]
    clear, blue = (float(np.median(absorbance[part])) if part.any() else math.nan for part in within)
    if np.quantile(absorbance[seen & (wavelength_nm < CLEAR_NM[1])], 0.1, method="lower") < NEGATIVE_A:
        return ("negative",)
    if np.quantile(absorbance[seen], 0.9, method="lower") > HIGHEST_A or clear > blue + UPSIDE_DOWN_A:
        return ("mis_scaled",)
    bend = abs(blue - clear)
    if abs(clear) > AIR_A and bend < FEATURELESS_A + 3 * noise(absorbance[seen]) / math.sqrt(seen.sum()):
        return ("probe_in_air",)
    return ()


def _with_energies(found: Features) -> Mapping[str, Value]:
    """Add X1 and X2 in eV where the analysis gives nm only."""
    values = dict(found.values)
    for name in ("x1", "x2"):
        nm = values.get(f"{name}_nm")
        if nm is not None and f"{name}_ev" not in values:
            values[f"{name}_ev"] = Value(value=HC_EV_NM / nm.value, sd=HC_EV_NM / nm.value**2 * nm.sd)
    return values
