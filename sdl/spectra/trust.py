"""Whether a read can be an observation at all: the faults of a spectrometer that its counts give away.

Flags: ``saturated`` (F40), ``broken_pixels``, ``flat``, ``negative``, ``lamp_off`` (F41), ``stale`` (F42), ``late``
(F43), ``truncated`` (F44); the numbers are those of the fault matrix in the reliability facts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdl.spectra.types import Spectrum

CLIPPED = 0.995
"""Share of the full well from which a pixel is saturated (fault matrix, F40)."""
BAND_NM = (300.0, 700.0)
"""What is looked at; beyond it a lamp's line may clip without harm."""
BROKEN = 0.2
"""Share of pixels that may be no number: a bad detector has one in a thousand; chosen."""
DARKNESS_SD = 5.0
"""A lamp must stand out of the dark by this many sd of its frames; chosen."""
STAIN_NM, CLEAR_NM = (390.0, 410.0), (560.0, 650.0)
"""Where every crystal absorbs well and lamps are bright, and where none does (bulk edge 2.3 eV)."""
OLD_S = 30.0
"""How much older than its call a spectrum may be: clocks of two machines differ; chosen, bench.md's window."""


def untrusted(
    spectra: Sequence[Spectrum],
    *,
    dark: Sequence[Spectrum] = (),
    before: Sequence[Spectrum] = (),
    pixels: int | None = None,
    asked_s: float | None = None,
) -> tuple[str, ...]:
    """Return why these spectra are no observation, empty where they are one.

    ``before`` is the last read of any role, ``dark`` the newest dark, ``pixels`` what a spectrum of this instrument
    has, ``asked_s`` when the read was asked for.
    """
    found = [flag for spectrum in spectra for flag in _one(spectrum, dark)]
    if pixels is not None and any(s.counts.size != pixels for s in spectra):
        found.append("truncated")
    if asked_s is not None and any(s.time_s < asked_s - OLD_S for s in spectra):
        found.append("late")
    if any(_same(s, b) for s in spectra for b in before if s.kind == b.kind and s.role != "dark"):
        found.append("stale")
    return tuple(dict.fromkeys(found))


def changed(spectra: Sequence[Spectrum], first: Sequence[Spectrum]) -> str:
    """Say how the instrument differs from the one that took ``first``; empty where it is the same."""
    for spectrum in spectra:
        for known in first:
            if spectrum.kind != known.kind:
                continue
            if spectrum.instrument != known.instrument:
                return f"{spectrum.kind}: the instrument was {known.instrument}, now it is {spectrum.instrument}"
            if spectrum.grid_id != known.grid_id:
                told = [
                    f"{s.wavelength_nm.size} pixels, {s.wavelength_nm[0]:g} .. {s.wavelength_nm[-1]:g} nm"
                    for s in (known, spectrum)
                    if s.wavelength_nm.size
                ]
                return f"{spectrum.kind}: the wavelength grid of {spectrum.instrument} changed ({'; now '.join(told)})"
    return ""


def left_over(rinsed: Sequence[Spectrum], dark: Sequence[Spectrum], blank: Sequence[Spectrum]) -> float:
    """Return the absorbance over the path that a rinse left at 400 nm above that in the clear; 0 where none is seen."""
    seen = [next((s for s in spectra if s.kind == "absorption"), None) for spectra in (rinsed, dark, blank)]
    whole = [s for s in seen if s is not None]
    if len(whole) < len(seen) or len({s.grid_id for s in whole}) > 1:
        return 0.0
    rinse, offset, reference = whole
    light, lamp = rinse.counts - offset.counts, reference.counts - offset.counts
    with np.errstate(invalid="ignore", divide="ignore"):
        absorbed = np.where((light > 0) & (lamp > 0), -np.log10(light / lamp), np.nan)
    w = rinse.wavelength_nm
    blue, clear = (absorbed[(w >= low) & (w <= high) & np.isfinite(absorbed)] for low, high in (STAIN_NM, CLEAR_NM))
    return float(np.median(blue) - np.median(clear)) if blue.size and clear.size else 0.0


def _one(spectrum: Spectrum, dark: Sequence[Spectrum]) -> list[str]:
    counts, w = spectrum.counts, spectrum.wavelength_nm
    good = np.isfinite(counts)
    if not counts.size or good.mean() < 1 - BROKEN:
        return ["broken_pixels"]
    seen = counts[good]
    if spectrum.role == "dark":
        return []
    if np.ptp(seen) == 0:
        return ["flat"]
    band = good & (w >= BAND_NM[0]) & (w <= BAND_NM[1])
    offset = next((d.counts for d in dark if d.kind == spectrum.kind and d.counts.shape == counts.shape), None)
    above: NDArray[np.float64] = counts - (0.0 if offset is None else offset)
    flags = ["saturated"] if np.any(counts[band] >= CLIPPED * spectrum.full_well) else []
    usable = above[np.isfinite(above)]
    noise = 1.4826 * float(np.median(np.abs(np.diff(usable)))) + 1e-9 if usable.size > 1 else 1.0
    if usable.size and np.mean(usable < -DARKNESS_SD * noise) > BROKEN:
        flags.append("negative")
    elif offset is not None and spectrum.kind == "absorption" and np.quantile(usable, 0.95) < DARKNESS_SD * noise:
        flags.append("lamp_off")
    return flags


def _same(one: Spectrum, other: Spectrum) -> bool:
    return one.counts.shape == other.counts.shape and bool(np.array_equal(one.counts, other.counts, equal_nan=True))
