"""The forecast of one growing well: where it goes, when to quench it, and what its reads give away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.kinetics import law
from models.kinetics.curve import Curve
from models.kinetics.fleet import Fleet
from models.kinetics.law import Array
from models.kinetics.well import LN_YIELD, PL, X1, Band, Well
from sdl.units import HC_EV_NM

SURE = 1.96
"""Two-sided 95 % of a Gaussian (closed form)."""
ENDPOINT = 0.95
"""Growth has ended when this part of the final yield is there (issue: the endpoint)."""
FAR, GRID = 2.0, 201
"""Where the final yield is looked up, in law's endpoints (0.3 % are missing there), and moments up to it."""
STILL_EV, STILL_S = 2e-3, 600.0
"""A plateau: X1 moves less than 2 meV (0.4 nm at 480 nm, one read's noise) in the next 10 min (chosen)."""
BROADER = 0.05
"""Ripening has begun when the line is 5 % broader than at its narrowest since the precursor was gone: FWHM goes from
16 to 17 nm (chosen). What broadens before is growth (late nuclei, unequal rates), not large dots eating small ones."""
BROADER_SD, AROUND = 3.0, 3
"""... by three standard deviations, in the median of three reads (chosen: one bad read is no ripening)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What a curve shows so far: times in s after injection, None for what is not there yet.

    ``endpoint_s`` is when 95 % of the final yield is reached, with its 95 % interval; ``exhausted`` says that it is
    over, ``plateau`` that X1 stands still.
    """

    endpoint_s: tuple[float, float, float]
    exhausted: bool
    plateau: bool
    ripening_s: float | None


class Forecast:
    """The future of one well as `Fleet` knows it after the reads in ``curve``."""

    def __init__(self, fleet: Fleet, curve: Curve) -> None:
        self.fleet, self.curve = fleet, curve
        self.well: Well = fleet.well(curve)

    def x1(self, time_s: Array) -> Band:
        """Return X1 in eV at ``time_s`` ``(t,)`` after injection, if nobody quenches."""
        return self.well.along(X1, time_s)

    def amount(self, time_s: Array) -> Band:
        """Return ln of the yield at ``time_s`` ``(t,)``, if nobody quenches."""
        return self.well.along(LN_YIELD, time_s)

    def final(self, quench_s: Array) -> Band:
        """Return the emission in nm that will be read if lecithin is in at ``quench_s`` ``(t,)`` after injection."""
        quench = self.fleet.quench
        band = self.well.along(PL, quench_s + quench.lag_s)
        rate = self.well.pl_rate(quench_s + quench.lag_s)
        c = quench.covariance
        variance = band.sd**2 + quench.sd_ev**2 + c[0, 0] + 2 * rate * c[0, 1] + rate**2 * c[1, 1]
        mean_nm = HC_EV_NM / (band.mean + quench.offset_ev)
        return Band(mean=mean_nm, sd=mean_nm**2 / HC_EV_NM * np.sqrt(np.maximum(variance, 0.0)))

    def signs(self, now_s: float) -> Signs:
        """Return what the curve shows at ``now_s``."""
        end, low, high = self._endpoint_s(now_s)
        ahead = self.x1(np.array([now_s, now_s + STILL_S]))
        exhausted = now_s >= end and bool(self.curve.looks)
        return Signs(
            endpoint_s=(end, low, high),
            exhausted=exhausted,
            plateau=exhausted and abs(float(ahead.mean[1] - ahead.mean[0])) < STILL_EV,
            ripening_s=_ripening_s(self.curve, end) if exhausted else None,
        )

    def _endpoint_s(self, now_s: float) -> tuple[float, float, float]:
        """Return when 95 % of the final yield is there, by the curve as read so far, and its 95 % interval."""
        numbers = self.well.numbers
        law_s = float(np.exp(np.log(-np.log(1 - ENDPOINT)) - numbers[law.RATE]))
        moments = np.geomspace(law_s / 20, max(FAR * law_s, FAR * now_s), GRID)
        amount = self.amount(moments)
        short = amount.mean - amount.mean[-1] - np.log(ENDPOINT)
        end = float(moments[np.argmax(short >= 0)])
        sd = float(np.sqrt(self.well.covariance[law.RATE, law.RATE]))
        return end, end * float(np.exp(-SURE * sd)), end * float(np.exp(SURE * sd))


def _ripening_s(curve: Curve, end_s: float) -> float | None:
    """Return when the line was first seen to broaden while the yield stood still, after ``end_s``; None before."""
    time_s, width, sd = curve.series("width_ev")
    over = time_s >= end_s
    if over.sum() < 2 * AROUND:
        return None
    smooth = np.array([np.median(width[max(0, i - AROUND + 1) : i + 1]) for i in np.flatnonzero(over)])
    narrowest = np.minimum.accumulate(smooth)
    rise = smooth - narrowest
    broad = (rise > BROADER * narrowest) & (rise > BROADER_SD * np.sqrt(2.0) * sd[over])
    return float(time_s[over][np.argmax(broad)]) if broad.any() else None
