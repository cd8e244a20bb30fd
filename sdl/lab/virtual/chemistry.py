"""How CsPbBr3 dots nucleate, grow, ripen and are quenched in one well: the kinetics of the TOPO/DOPA synthesis.

LaMer and Sugimoto's picture as virtual_lab.md specifies it, sections 1 and 2: a reservoir releases monomer, monomer
nucleates above its solubility, cohorts of crystals grow or dissolve by Gibbs-Thomson. Tags of constants: [S] stated
in the papers, [C] calibrated against them, [X] assumed; the kinetic constants are one of many sets that fit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdl.errors import Refused
from sdl.lab.virtual.chance import NO_EFFECT, Effect
from sdl.lab.virtual.mix import (
    DOPA_REFERENCE,
    GAS_J_MOL_K,
    REFERENCE_K,
    TOPO_REFERENCE,
    TRACE_MOL_L,
    ZERO_C_K,
    Mix,
)

Array = NDArray[np.float64]

MOLAR_VOLUME_M3 = 1.1966e-4
"""Per mole of CsPbBr3: orthorhombic cell of 0.795 nm3 with four formula units [X, textbook]."""

RELEASE_PER_S, RELEASE_ORDER, RELEASE_J_MOL = 1.6e-3, 0.70, 55e3
"""k0 [C: yield 0.92 at 30 min, S], m [C], E [X]."""
SOLUBILITY_MOL_M3, SOLUBILITY_J_MOL = 4e-4, 25e3
"""c_s0 [C: size], dH [X]; of order 1 in TOPO [C]."""
GAMMA_J_M2 = 4.5e-3
"""Surface energy [C: PL of 495 nm and its dispersion]."""
NUCLEATION_PER_M3_S, BARRIER = 3.6e20, 30.0
"""J0 and B [C: as the surface energy]; B goes with gamma^3/T^3."""
LEAST_SUPERSATURATION, NUCLEUS_SCALE, NUCLEUS_M = 1.5, 1.15, 1.8e-9
"""Below this S nothing is born; a nucleus is this much above the critical edge, and never smaller than 1.8 nm [X]."""
ATTACHMENT_M_S, ATTACHMENT_J_MOL, DIFFUSION_M2_S = 2.6e-5, 35e3, 6e-10
"""k_s with its activation energy and D at 298 K [C]/[X]."""
GROWTH_DISPERSION, NODES = 0.05, 5
"""s_g, the sd of ln(growth rate) among crystals [C], and the Gauss-Hermite nodes that stand for it."""
GIBBS_THOMSON_CAP, DISSOLVED_M = 6.0, 1e-9
"""The exponent's largest value, and the edge below which a crystal is gone (section 2b)."""
MIXING_S, MIXING_RPM = 1.5, 600.0
"""Time constant of mixing at the nominal stirring [X]."""
FROZEN, FREEZING_S = 0.02, 30.0
"""What lecithin leaves of all rates, and how fast it acts [X]."""

FIRST_STEP_S, STEP_GROWTH, STEP_OF_TIME, BIRTH_STEP_S = 0.02, 1.25, 0.02, 2.0
STEP_S, LATE_STEP_S, LATE_S = 5.0, 30.0, 7200.0
STEP_M = 3e-11
"""Steps in time and in edge (section 2b); the recipe is part of the model: other steps give 0.2-0.4 nm other PL."""
BIRTHS_EVERY_S, BIRTHS_OF_TIME = 1.0, 0.02
"""Nuclei wait this long, or this part of the time, before they form cohorts (section 2b)."""


def _rates() -> tuple[Array, Array]:
    x, weight = np.polynomial.hermite_e.hermegauss(NODES)
    return np.exp(GROWTH_DISPERSION * x - GROWTH_DISPERSION**2 / 2), weight / weight.sum()


RATES, SHARES = _rates()


@dataclass(frozen=True, slots=True, kw_only=True)
class Colloid:
    """A well at one moment: cohorts ``(c,)`` of crystals with edge (nm) and number (per L), and what is dissolved.

    ``since_quench_s`` is negative infinity without a quench; ``quench_ratio`` is lecithin over Cs-DOPA in v/v;
    ``sulfide`` is there once (TMS)2S has reached the dots.
    """

    mix: Mix
    time_s: float
    converted: float
    reservoir_mol_l: float
    monomer_mol_l: float
    edge_nm: Array
    number_per_l: Array
    since_quench_s: float = -math.inf
    quench_ratio: float = 0.0
    sulfide: Sulfide | None = None

    @property
    def mean_nm(self) -> float:
        """Number-mean edge; NaN before the first crystal."""
        total = float(self.number_per_l.sum())
        return float(self.number_per_l @ self.edge_nm) / total if total > 0 else math.nan

    @property
    def sd_nm(self) -> float:
        """Standard deviation of the edge; NaN before the first crystal."""
        total = float(self.number_per_l.sum())
        return math.sqrt(float(self.number_per_l @ (self.edge_nm - self.mean_nm) ** 2) / total) if total else math.nan

    @property
    def crystal_mol_l(self) -> float:
        """CsPbBr3 in crystals, per litre of the whole."""
        return float(self.number_per_l @ self.edge_nm**3) * 1e-27 / MOLAR_VOLUME_M3

    @property
    def yield_fraction(self) -> float:
        return self.crystal_mol_l / self.mix.cs_mol_l


@dataclass(frozen=True, slots=True, kw_only=True)
class Sulfide:
    """What (TMS)2S does to the dots of a well: S over Pb in mol/mol, and how long ago it was added."""

    s_to_pb: float
    since_s: float


class Growth:
    """Dots growing in one well; time counts from the moment when Cs met Pb. SI units inside."""

    def __init__(self, mix: Mix, effect: Effect = NO_EFFECT) -> None:
        self._effect = effect
        self._converted = mix.converted
        self._set(mix)
        self._t = 0.0
        self._dt = FIRST_STEP_S
        self._reservoir = self._converted * mix.cs_mol_l * 1e3
        self._monomer = 0.0
        self._edge, self._number, self._rate = np.empty(0), np.empty(0), np.empty(0)
        self._waiting = self._waiting_edge = self._opened_s = 0.0
        self._quenched_s, self._quench_ratio = math.inf, 0.0
        self._sulfide_s, self._s_to_pb = math.inf, 0.0

    def _set(self, mix: Mix) -> None:
        """Make every rate that of ``mix``."""
        effect, self._mix = self._effect, mix
        kelvin = mix.temperature_c + ZERO_C_K
        inverse = (1 / kelvin - 1 / REFERENCE_K) / GAS_J_MOL_K
        topo, dopa = max(mix.topo_mol_l, TRACE_MOL_L), max(mix.dopa_mol_l, TRACE_MOL_L)
        self._release = RELEASE_PER_S * (DOPA_REFERENCE / dopa) ** RELEASE_ORDER * math.exp(-RELEASE_J_MOL * inverse)
        self._solubility = (
            SOLUBILITY_MOL_M3 * effect.solubility * topo / TOPO_REFERENCE * math.exp(-SOLUBILITY_J_MOL * inverse)
        )
        self._nucleation = NUCLEATION_PER_M3_S * effect.nucleation
        self._barrier = BARRIER * (REFERENCE_K / kelvin) ** 3
        self._capillary_m = 4 * GAMMA_J_M2 * MOLAR_VOLUME_M3 / (GAS_J_MOL_K * kelvin)
        self._rates = RATES * ATTACHMENT_M_S * math.exp(-ATTACHMENT_J_MOL * inverse)
        self._double_diffusion = 2 * DIFFUSION_M2_S * kelvin / REFERENCE_K
        self._mixing_s = MIXING_S * MIXING_RPM / mix.rpm

    def dilute(self, t_s: float, mix: Mix, diluted: float) -> None:
        """Let the well become ``mix`` at ``t_s`` by an addition that makes its volume ``1/diluted`` times as large.

        Virtual_lab.md, section 1, simplest extension [X]: what is dissolved and every number of crystals thin out, the
        rates follow the new concentrations, and the part of Cs in the reservoir's equilibrium stays.
        """
        self.advance(t_s)
        self._reservoir *= diluted
        self._monomer *= diluted
        self._number = self._number * diluted
        self._waiting *= diluted
        self._waiting_edge *= diluted
        self._set(mix)

    def sulfidize(self, t_s: float, s_to_pb: float) -> None:
        """Add (TMS)2S at ``t_s`` so that S over Pb in the well is ``s_to_pb``.

        Lecithin that came first blocks the surface: then nothing happens (Yang 2024, Fig. 3-12) [S]. More (TMS)2S later
        changes the ratio only.
        """
        if t_s < self._quenched_s and s_to_pb > 0:
            self._sulfide_s, self._s_to_pb = min(self._sulfide_s, t_s), s_to_pb
        elif self._sulfide_s < math.inf:
            self._s_to_pb = s_to_pb

    def quench(self, t_s: float, ratio: float) -> None:
        """Add lecithin at ``t_s``; ``ratio`` is lecithin over Cs-DOPA in v/v, and 0 is no quench.

        The first lecithin stops growth; more of it changes the ratio only. Raises `Refused` for a time that is over.
        """
        if ratio <= 0:
            return
        if self._quenched_s == math.inf:
            if t_s < self._t:
                raise Refused(f"a quench at {t_s:g} s, but the well was looked at {self._t:g} s after mixing")
            self._quenched_s = t_s
        self._quench_ratio = ratio

    def advance(self, t_s: float) -> Colloid:
        """Let time go on to ``t_s`` and return what is there; an earlier time than before changes nothing."""
        while self._t < t_s:
            self._step(t_s)
        return self.state

    @property
    def state(self) -> Colloid:
        """What is in the well now."""
        return Colloid(
            mix=self._mix,
            time_s=self._t,
            converted=self._converted,
            reservoir_mol_l=self._reservoir * 1e-3,
            monomer_mol_l=self._monomer * 1e-3,
            edge_nm=self._edge * 1e9,
            number_per_l=self._number * 1e-3,
            since_quench_s=self._t - self._quenched_s,
            quench_ratio=self._quench_ratio,
            sulfide=Sulfide(s_to_pb=self._s_to_pb, since_s=self._t - self._sulfide_s)
            if self._t >= self._sulfide_s
            else None,
        )

    def _step(self, end_s: float) -> None:
        """Take one step of section 2b, implicit in the monomer; crystals' arrays are ``(c,)``."""
        t, monomer, edge = self._t, self._monomer, self._edge
        alive = 1.0 if t < self._quenched_s else FROZEN + (1 - FROZEN) * math.exp((self._quenched_s - t) / FREEZING_S)
        births, nucleus = self._births(monomer / self._solubility, alive)
        released = self._release * self._reservoir * -math.expm1(-t / self._mixing_s) * alive
        speed = self._rate * alive / (1 + self._rate * edge / self._double_diffusion)
        local = self._solubility * np.exp(np.minimum(self._capillary_m / edge, GIBBS_THOMSON_CAP))
        demand = 6 * self._number * edge * edge * speed
        fastest = 2 * MOLAR_VOLUME_M3 * float(np.abs(speed * (monomer - local)).max(initial=0.0))
        dt, at_end = self._length(fastest, births > 0, end_s)
        if births > 0:  # far outside the ligands of the papers nuclei would take more than there is
            births = min(births, (monomer / dt + released) * MOLAR_VOLUME_M3 / nucleus**3)
        gained = released + float(demand @ local) - births * nucleus**3 / MOLAR_VOLUME_M3
        monomer = max(0.0, (monomer + dt * gained) / (1 + dt * float(demand.sum())))
        self._reservoir -= dt * released
        self._edge = edge + (2 * dt * MOLAR_VOLUME_M3) * speed * (monomer - local)
        self._monomer = monomer
        if self._edge.min(initial=1.0) < DISSOLVED_M:
            self._dissolve()
        self._t, self._dt = end_s if at_end else t + dt, dt
        self._waiting += births * dt
        self._waiting_edge += births * dt * nucleus
        if self._waiting > 0 and self._t - self._opened_s > max(BIRTHS_EVERY_S, BIRTHS_OF_TIME * self._t):
            self._open()

    def _births(self, supersaturation: float, alive: float) -> tuple[float, float]:
        """Return crystals born per m3 and s, and their edge in m."""
        if supersaturation <= LEAST_SUPERSATURATION:
            return 0.0, 0.0
        ln_s = math.log(supersaturation)
        rate = self._nucleation * math.exp(-self._barrier / ln_s**2) * alive
        return rate, max(NUCLEUS_SCALE * self._capillary_m / ln_s, NUCLEUS_M)

    def _length(self, fastest_m_s: float, nucleating: bool, end_s: float) -> tuple[float, bool]:
        """Return the length of this step in s, and whether it ends at ``end_s``."""
        t = self._t
        dt = min(STEP_GROWTH * self._dt, STEP_OF_TIME * (t + 1), STEP_S if t < LATE_S else LATE_STEP_S)
        if fastest_m_s > 0:
            dt = min(dt, max(STEP_M / fastest_m_s, FIRST_STEP_S))
        if nucleating:
            dt = min(dt, BIRTH_STEP_S)
        return (end_s - t, True) if end_s - t <= dt else (dt, False)

    def _dissolve(self) -> None:
        """Give crystals that are too small back to the solution."""
        gone = self._edge < DISSOLVED_M
        rest = np.maximum(self._edge[gone], 0.0) ** 3
        self._monomer += float(self._number[gone] @ rest) / MOLAR_VOLUME_M3
        self._edge, self._number, self._rate = self._edge[~gone], self._number[~gone], self._rate[~gone]

    def _open(self) -> None:
        """Make one cohort a growth rate of the nuclei that wait."""
        born = np.full(NODES, self._waiting_edge / self._waiting)
        self._edge = np.concatenate([self._edge, born])
        self._number = np.concatenate([self._number, self._waiting * SHARES])
        self._rate = np.concatenate([self._rate, self._rates])
        self._waiting = self._waiting_edge = 0.0
        self._opened_s = self._t


def simulate(
    mix: Mix,
    *,
    read_s: Sequence[float],
    quench_s: float = math.inf,
    quench_ratio: float = 0.0,
    effect: Effect = NO_EFFECT,
) -> list[Colloid]:
    """Return what is in the well at each time of ``read_s``, which rise."""
    growth = Growth(mix, effect)
    growth.quench(quench_s, quench_ratio)
    return [growth.advance(t_s) for t_s in read_s]
