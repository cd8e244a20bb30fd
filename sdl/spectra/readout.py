"""One read of a well: from its counts, with dark, blank and dye, to every feature that can be believed.

Flags of a light path: ``no_absorption``, ``no_pl``, ``no_dark``, ``no_blank``, ``no_light``, ``mis_scaled``
(absorbance or transmittance where counts belong), ``duplicate`` (a reference's own counts), ``saturated``,
``stray_light``, ``sparse``, ``truncated``, ``bubble``, ``probe_in_air``, ``lamp_drift``, ``turbid``, ``noisy``. Of
absorption: ``no_exciton``, ``mixture``, ``x1_by_derivative``, ``size_extrapolated``. Of emission: ``weak_pl``,
``cut_off``, ``misfit``, ``reabsorption``, ``reabsorption_unknown``, ``pl_from_absorption``. Of both:
``green_shoulder``. Of the yield: ``od_high``, ``od_low``, ``no_od``,
``too_dilute``, ``bad_dye``.

Features are named as in ``sdl.units``. ``x1_nm`` and ``x1_ev`` are means over the crystals as absorption weighs
them, by volume; ``edge_length_nm`` is the number mean and ``dispersion_percent`` the sd over it. ``a365`` and
``a400`` are absorbances over the path, ``precursor_per_cm`` is the height of the band at 311 to 314 nm,
``crystal_mmol_l`` CsPbBr3 in the cell and ``yield_fraction`` that per Cs; ``fwhm_ev`` is the PL width per eV,
``pl_centroid_ev`` the mean photon energy, ``nir_peak_nm``, ``nir_fwhm_nm``, ``plqy_nir``, ``plqy_total`` belong to
a second, infrared emitter, whose flags begin with ``nir_``; ``pl_skew`` the asymmetry of the half widths, ``cie_x``
and ``cie_y`` are CIE 1931, ``cie_u`` and ``cie_v`` the u'v' of CIE 1976, and ``rec2020_blue_distance`` (``green``,
``red``) how far that is in xy from a primary of Rec. 2020.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from sdl.errors import Refused
from sdl.spectra.absorption import Absorbance, absorbance
from sdl.spectra.baseline import COLLOID, SOLUTION
from sdl.spectra.counts import READ_NOISE_E, check_grid, latest
from sdl.spectra.crystal import crystals, nm
from sdl.spectra.emission import Emission, emission
from sdl.spectra.heterostructure import band_yields
from sdl.spectra.quantum_yield import Bright, quantum_yield
from sdl.spectra.sizing import REFERENCE_C, emission_from_x1
from sdl.spectra.types import Features, Kind, Spectrum, Value, X1By

BOTH: tuple[Kind, ...] = ("absorption", "pl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Optics:
    """What the analysis must know of cell, lamp and dye; defaults are the built-in bench (bench.md).

    Indices: 1.524 is chlorobenzene, 1.361 ethanol. ``led_drift_per_h`` is relative. ``response`` is counts per photon
    against nm; empty means equal everywhere. ``nir_response`` is that of the infrared detector, calibrated against it.
    """

    path_mm: float = 2.0
    excitation_nm: float = 365.0
    dye_plqy: float = 0.54
    dye_plqy_rsd: float = 0.02
    dye_refractive_index: float = 1.361
    refractive_index: float = 1.524
    read_noise_e: float = READ_NOISE_E
    led_drift_per_h: float = 0.01
    temperature_c: float = REFERENCE_C
    response: tuple[tuple[float, float], ...] = ()
    nir_response: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        indices = (self.dye_refractive_index, self.refractive_index)
        positive = (self.path_mm, self.excitation_nm, self.dye_plqy, self.read_noise_e, *indices)
        if not all(math.isfinite(v) and v > 0 for v in positive):
            raise Refused(f"optics: path, excitation, dye PLQY, read noise and indices must be above 0, got {positive}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _References:
    dark: Sequence[Spectrum]
    blank: Sequence[Spectrum]
    optics: Optics
    channels: Collection[Kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """Both light paths of one liquid, cleaned; ``pl`` is the spectrum that ``emission`` was read from."""

    absorbance: Absorbance | None
    emission: Emission
    pl: Spectrum | None
    flags: tuple[str, ...]


def features(
    sample: Sequence[Spectrum],
    *,
    dark: Sequence[Spectrum],
    blank: Sequence[Spectrum],
    dye: Sequence[Spectrum] = (),
    optics: Optics | None = None,
    channels: Collection[Kind] = BOTH,
    cs_mol_l: float | None = None,
    estimate_pl: bool = False,
    x1_by: X1By = "fit",
) -> Features:
    """Read the features of one aliquot; a bad spectrum costs its features and leaves a flag.

    Of each light path the latest spectrum counts. ``channels`` are the paths that the reader has. With ``cs_mol_l``,
    the Cs in the cell, the yield is given; with ``estimate_pl`` a PL peak that was not seen is estimated from X1 and
    flagged ``pl_from_absorption``; ``x1_by`` the derivative saves the time of the fit. Raises `Refused` where the
    wavelength grid changed between spectra of one path.
    """
    references = _References(dark=dark, blank=blank, optics=optics or Optics(), channels=channels)
    known = [s.counts for s in (*dark, *blank, *dye) if s.counts.size]
    own = [s for s in sample if not any(np.array_equal(s.counts, counts, equal_nan=True) for counts in known)]
    look = _look(own, references)
    values, flags = look.emission.values, ["duplicate"] * (len(own) < len(sample)) + list(look.flags)
    if dye and look.emission.peak is not None:
        _add_yield(look, own, dye, references, values, flags)
    if "nir" in references.channels:
        _add_infrared(look, own, references, values, flags)
    if look.absorbance is not None:
        path_mm, temperature_c = references.optics.path_mm, references.optics.temperature_c
        seen = crystals(look.absorbance, path_mm=path_mm, temperature_c=temperature_c, cs_mol_l=cs_mol_l, x1_by=x1_by)
        values, flags = values | dict(seen.values), flags + list(seen.flags)
    if estimate_pl and "pl_peak_nm" not in values and "x1_ev" in values:
        values["pl_peak_nm"] = nm(emission_from_x1(values["x1_ev"], references.optics.temperature_c))
        flags.append("pl_from_absorption")
    return Features(values=values, flags=tuple(dict.fromkeys(flags)))


def _look(of: Sequence[Spectrum], references: _References, scatter: tuple[float, float] = COLLOID) -> _Look:
    flags: list[str] = []
    absorbed = _absorbance(of, references, scatter, flags) if "absorption" in references.channels else None
    pl = latest(of, "pl") if "pl" in references.channels else None
    emitted = Emission()
    if pl is not None and pl.counts.size:
        emitted = emission(
            pl,
            dark=latest(references.dark, "pl"),
            blank=latest(references.blank, "pl"),
            absorbance=absorbed,
            excitation_nm=references.optics.excitation_nm,
            response=references.optics.response,
            read_noise_e=references.optics.read_noise_e,
        )
        flags.extend(emitted.flags)
    elif "pl" in references.channels:
        flags.append("no_pl")
    return _Look(absorbance=absorbed, emission=emitted, pl=pl, flags=tuple(flags))


def _absorbance(
    of: Sequence[Spectrum], references: _References, scatter: tuple[float, float], flags: list[str]
) -> Absorbance | None:
    spectrum, lamp = latest(of, "absorption"), latest(references.blank, "absorption")
    if spectrum is None or lamp is None or not spectrum.counts.size:
        flags.append("no_blank" if spectrum is not None and lamp is None else "no_absorption")
        return None
    dark = latest(references.dark, "absorption")
    found = absorbance(spectrum, dark=dark, blank=lamp, read_noise_e=references.optics.read_noise_e, scatter=scatter)
    flags.extend(found.flags)
    return found


def _add_yield(
    look: _Look,
    sample: Sequence[Spectrum],
    dye: Sequence[Spectrum],
    references: _References,
    values: dict[str, Value],
    flags: list[str],
) -> None:
    """Add the PLQY to ``values``, or the reason why not to ``flags``."""
    for kind in BOTH:
        ours, theirs = latest(sample, kind), latest(dye, kind)
        if ours is not None and theirs is not None:
            check_grid(ours, theirs)
    optics = references.optics
    emitter = _bright(look, optics, optics.refractive_index)
    reference = _bright(_look(dye, references, SOLUTION), optics, optics.dye_refractive_index)
    if emitter is None or reference is None:
        flags.append("no_od" if emitter is None else "bad_dye")
        return
    known = Value(value=optics.dye_plqy, sd=optics.dye_plqy * optics.dye_plqy_rsd)
    plqy, notes = quantum_yield(emitter, reference, dye_plqy=known, drift_per_h=optics.led_drift_per_h)
    flags.extend(notes)
    if plqy is not None:
        values["plqy"] = plqy


def _add_infrared(
    look: _Look, sample: Sequence[Spectrum], references: _References, values: dict[str, Value], flags: list[str]
) -> None:
    """Add peak and width of the infrared band, and with the visible yield that of both bands."""
    nir = latest(sample, "nir")
    if nir is None or not nir.counts.size:
        flags.append("no_nir")
        return
    seen = emission(
        nir,
        dark=latest(references.dark, "nir"),
        blank=latest(references.blank, "nir"),
        absorbance=None,
        response=references.optics.nir_response,
        read_noise_e=references.optics.read_noise_e,
    )
    flags.extend(f"nir_{flag}" for flag in seen.flags if flag != "reabsorption_unknown")
    if seen.peak is not None and seen.fwhm is not None:
        values |= {"nir_peak_nm": seen.peak, "nir_fwhm_nm": seen.fwhm}
    visible = look.emission.photons
    if seen.photons is None or visible is None or look.pl is None or "plqy" not in values:
        return
    yields, notes = band_yields(_counted(visible, look.pl), _counted(seen.photons, nir), values["plqy"])
    values |= yields
    flags.extend(notes)


def _counted(photons: Value, spectrum: Spectrum) -> Value:
    """Turn an integral over nm of counts per pixel into counts, which detectors of different pixels share."""
    pitch_nm = float(np.median(np.abs(np.diff(spectrum.wavelength_nm))))
    return Value(value=photons.value / pitch_nm, sd=photons.sd / pitch_nm)


def _bright(look: _Look, optics: Optics, refractive_index: float) -> Bright | None:
    """Return photons and absorbance at the excitation; None where one of them is not known."""
    od = look.absorbance.at(optics.excitation_nm) if look.absorbance is not None else None
    if look.emission.photons is None or od is None or look.pl is None:
        return None
    return Bright(
        photons=look.emission.photons, absorbance=od, refractive_index=refractive_index, time_s=look.pl.time_s
    )
