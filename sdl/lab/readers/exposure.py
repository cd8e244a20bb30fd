"""How long to expose, and how to bring reads of different exposures together."""

from __future__ import annotations

from dataclasses import replace

from sdl.spectra.types import Spectrum

DROPPED = 2
"""Frames thrown away after a change of light or integration time (reliability facts, F42)."""
MOST_CHANGES = 3
"""How often the integration time is changed for one read (reliability facts, F40)."""
TARGET, TOLERATED = 0.8, (0.6, 0.9)
"""Share of full scale wanted for the brightest pixel, and what is left as it is: counts bend above 0.9
(spectra_analysis, section 1), and each halving costs a factor of 1.4 in noise; chosen."""
CLIPPED = 0.995
"""Share of full scale from which a pixel is saturated and says nothing of how bright it is (F40)."""


def better_integration(now_ms: float, share: float, low_ms: float, high_ms: float) -> float:
    """Return the integration time that brings the brightest pixel, now at ``share`` of full scale, to its target.

    A clipped pixel halves it; a dark frame multiplies it by at most ten; device limits hold.
    """
    if TOLERATED[0] <= share <= TOLERATED[1]:
        return now_ms
    factor = 0.5 if share >= CLIPPED else min(TARGET / max(share, 1e-3), 10.0)
    return min(max(now_ms * factor, low_ms), high_ms)


def brought_to(spectrum: Spectrum, own_dark: Spectrum, reference_dark: Spectrum) -> Spectrum:
    """Return a read of another integration time as it would have been at that of ``reference_dark``.

    Light above the read's own dark grows with the time; its averages shrink as much, so that its noise stays.
    """
    ratio = reference_dark.integration_ms / spectrum.integration_ms
    return replace(
        spectrum,
        counts=(spectrum.counts - own_dark.counts) * ratio + reference_dark.counts,
        integration_ms=reference_dark.integration_ms,
        averages=max(1, round(spectrum.averages / ratio)),
        full_well=spectrum.full_well * ratio,
    )
