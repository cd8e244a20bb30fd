"""What all earlier wells say about the next one: a nonlinear mixed-effects model, learned in closed steps.

Each well has its own five numbers of the growth law; their mean is a quadratic in the design, their scatter between
wells (lots, runs, pipetting) a full covariance. Fitted by alternating Laplace's approximation per well with a
generalised least-squares step over all wells (Lindstrom and Bates 1990, 10.2307/2532087), which gives a well with few
or no reads exactly the weight that it has. Chosen because a dozen wells are enough, the extrapolation from the first
minutes follows a law instead of a kernel's mean, and a forecast is a few small matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.encode import DesignCode
from models.kinetics import law
from models.kinetics.curve import Curve
from models.kinetics.law import Array
from models.kinetics.well import PL, Noise, Quench, Well, evidence, observed
from sdl.space import Design, DesignSpace
from sdl.spectra.sizing import edge_from_x1_nm

ROUNDS = 8
"""Rounds of the alternation; the numbers move by less than 1 % of their sd after six (chosen, see benchmark)."""
SETTLED = 2
"""Rounds before the noise is asked about: a law that does not fit yet looks like a rough one."""
BETWEEN_SD = np.array([0.05, 0.15, 0.05, 0.1, 0.05])
"""Scatter of the numbers between wells of one design before any is known: 5 % in size, 15 % in rate (chosen)."""
BETWEEN_WELLS = 8.0
"""How many wells that first guess counts for: one batch of the built-in lab (chosen)."""
LINEAR, QUADRATIC = 1.0, 0.3
"""Prior sd of what half a design axis moves a number, over `law.START_SD`: power laws are lines here (chosen)."""
WIDEST = 5.0
"""The noise's constants stay within this factor of their first guess: a law that were worse would be another law."""
FACTORS = (1 / 1.4, 1.4)
"""Steps of the search for the noise's constants: within 20 % is as good as a sd is known from a dozen wells."""
MOST_LOOKS = 24
"""Reads of an earlier well that are learned from: more say nothing new of five numbers (chosen, see benchmark)."""
LEAST_SD_EV = 5e-4
"""Scatter of final emission between wells, at least: 0.1 nm at 480 nm, what a peak is read to (chosen)."""
NOT_GROWTH = ("growth_time_s",)
"""Parameters that choose where a curve ends, not how it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The model of all wells of one campaign; ``weights`` ``(f, 5)`` and their covariance ``(5f, 5f)``."""

    space: DesignSpace
    weights: Array
    weights_covariance: Array
    between: Array
    noise: Noise
    quench: Quench
    wells: int
    outcomes: int

    @classmethod
    def learn(cls, space: DesignSpace, curves: Sequence[Curve]) -> Fleet:
        """Learn from ``curves``, in any order; with none, what is known before any experiment."""
        fleet = cls._before(space)
        told = [c.thinned(MOST_LOOKS) for c in curves if c.looks or c.final_ev is not None]
        if not told:
            return fleet
        basis = np.stack([_basis(space, c.design) for c in told])
        fleet = replace(
            fleet,
            wells=len(told),
            outcomes=sum(c.final_ev is not None and c.quench_s is not None for c in told),
            quench=replace(fleet.quench, growing_ev=_growing_ev(told)),
        )
        fleet = replace(fleet, between=np.diag(law.START_SD**2))  # at first every well is taken as it is
        for turn in range(ROUNDS):
            seen = [observed(c, fleet.noise, fleet.quench, final=turn > 0) for c in told]
            found = [Well(b @ fleet.weights, fleet.between, fleet.noise, s) for b, s in zip(basis, seen, strict=True)]
            fleet = fleet._weighed(basis, found)
            fleet = replace(fleet, between=fleet._scatter(basis, found))
            if turn >= SETTLED:
                fleet = replace(fleet, noise=fleet._quieter(told, basis, found))
            fleet = replace(fleet, quench=fleet._stopped(told))
        return fleet

    @classmethod
    def _before(cls, space: DesignSpace) -> Fleet:
        size = _basis(space, None).size
        axes = len(_growing(space))
        weights = np.zeros((size, law.SIZE))
        weights[0] = law.START
        relative = np.concatenate([[1.0], np.full(axes, LINEAR), np.full(size - 1 - axes, QUADRATIC)])
        return cls(
            space=space,
            weights=weights,
            weights_covariance=np.diag(np.square(np.outer(relative, law.START_SD)).ravel()),
            between=np.diag(BETWEEN_SD**2),
            noise=Noise(),
            quench=Quench(),
            wells=0,
            outcomes=0,
        )

    def prior(self, design: Design) -> tuple[Array, Array]:
        """Return mean ``(5,)`` and covariance ``(5, 5)`` of the numbers of a new well of ``design``."""
        basis = _basis(self.space, design)
        lift = np.kron(basis, np.eye(law.SIZE))
        return basis @ self.weights, self.between + lift @ self.weights_covariance @ lift.T

    def well(self, curve: Curve) -> Well:
        """Return what is known of the well of ``curve`` from its growth reads so far and all earlier wells."""
        mean, covariance = self.prior(curve.design)
        return Well(mean, covariance, self.noise, observed(curve, self.noise, self.quench, final=False))

    def _weighed(self, basis: Array, found: Sequence[Well]) -> Fleet:
        """Learn how the numbers follow the design: each well counts by what its reads alone say of it."""
        before = Fleet._before(self.space)
        precision = np.linalg.inv(before.weights_covariance)
        pull = precision @ before.weights.ravel()
        inverse = np.linalg.inv(self.between)
        for b, well in zip(basis, found, strict=True):
            mean = b @ self.weights
            own = np.linalg.inv(well.covariance) - inverse  # precision of the reads alone
            counted = own - own @ well.covariance @ own
            aim = (np.eye(law.SIZE) - own @ well.covariance) @ (
                np.linalg.solve(well.covariance, well.numbers) - inverse @ mean
            )
            precision += np.kron(np.outer(b, b), counted)
            pull += np.kron(b, aim)
        covariance = np.asarray(np.linalg.inv((precision + precision.T) / 2), dtype=float)
        weights = (covariance @ pull).reshape(self.weights.shape)
        return replace(self, weights=weights, weights_covariance=covariance)

    def _scatter(self, basis: Array, found: Sequence[Well]) -> Array:
        """Return the covariance of the numbers between wells of one design (the M step)."""
        total = BETWEEN_WELLS * np.diag(BETWEEN_SD**2)
        for b, well in zip(basis, found, strict=True):
            off = well.numbers - b @ self.weights
            total = total + np.outer(off, off) + well.covariance
        return np.asarray(total / (BETWEEN_WELLS + len(found)))

    def _quieter(self, told: Sequence[Curve], basis: Array, found: Sequence[Well]) -> Noise:
        """Return the noise under which the reads are likelier, one constant after the other."""
        few = slice(None, None, max(1, len(told) // 24))

        def likely(noise: Noise) -> float:
            return sum(
                evidence(b @ self.weights, self.between, noise, observed(c, noise, self.quench, final=False), w.numbers)
                for c, b, w in zip(told[few], basis[few], found[few], strict=True)
            )

        best, noise = likely(self.noise), self.noise
        for name in ("smooth_ev", "smooth_time", "length", "x1", "pl", "amount", "smooth_ln"):
            for factor in FACTORS:
                value = getattr(noise, name) * factor
                if not 1 / WIDEST < value / getattr(Noise(), name) < WIDEST:
                    continue
                tried = replace(noise, **{name: value})
                if (gain := likely(tried)) > best:
                    best, noise = gain, tried
        return noise

    def _stopped(self, told: Sequence[Curve]) -> Quench:
        """Learn offset, lag and scatter of the final emission from wells whose growth was seen and outcome read."""
        start, rows = Quench(), []
        for curve in told:
            if curve.looks and curve.final_ev is not None and curve.quench_s is not None:
                stop = np.array([curve.quench_s + self.quench.lag_s])
                well = self.well(curve)
                band, rate = well.along(PL, stop), well.pl_rate(stop)
                gap = curve.final_ev.value - float(band.mean[0]) + float(rate[0]) * self.quench.lag_s
                rows.append((gap, float(rate[0]), float(band.sd[0] ** 2) + curve.final_ev.sd**2))
        if not rows:
            return self.quench
        gap, rate, variance = np.array(rows).T
        slopes = np.stack([np.ones_like(rate), rate], axis=1)
        weight = 1.0 / (variance + self.quench.sd_ev**2)
        prior = np.linalg.inv(start.covariance)
        covariance = np.linalg.inv(prior + (slopes * weight[:, None]).T @ slopes)
        centre = np.array([self.quench.growing_ev, start.lag_s])
        offset, lag_s = covariance @ (prior @ centre + (slopes * weight[:, None]).T @ gap)
        left = gap - slopes @ np.array([offset, lag_s])
        excess = np.clip(left**2, 0.0, 9 * np.median(left**2) + 1e-12) - variance
        sd_ev = np.sqrt((4 * start.sd_ev**2 + excess.sum()) / (4 + left.size)) if excess.sum() > 0 else LEAST_SD_EV
        return replace(
            self.quench,
            offset_ev=float(offset),
            lag_s=float(max(lag_s, 0.0)),
            covariance=covariance,
            sd_ev=float(max(sd_ev, LEAST_SD_EV)),
        )


def _growing_ev(told: Sequence[Curve]) -> float:
    """Return the median of emission less what X1 and the Stokes law predict, over all reads that have both."""
    gaps = []
    for look in (look for curve in told for look in curve.looks):
        if "x1_ev" in look.values and "pl_ev" in look.values:
            seen_ev = look.values["x1_ev"].value
            edge = np.clip(edge_from_x1_nm(seen_ev), law.SMALLEST_NM, law.LARGEST_NM)
            gaps.append(look.values["pl_ev"].value - seen_ev + float(law.stokes_ev(np.asarray(edge))))
    return float(np.median(gaps)) if gaps else 0.0


def _growing(space: DesignSpace) -> list[int]:
    return [i for i, p in enumerate(space.parameters) if p.name not in NOT_GROWTH]


def _basis(space: DesignSpace, design: Design | None) -> Array:
    """Return 1, the design's axes on [-1, 1], and their products; of the middle of the space without a design."""
    axes = np.full(len(space.parameters), 0.5)
    if design is not None:
        axes = DesignCode(space).axes(space.columns([design]))[0]
    z = 2 * axes[_growing(space)] - 1
    products = np.outer(z, z)[np.triu_indices(z.size)]
    return np.concatenate([[1.0], z, products])
