"""How CsPbBr3 dots nucleate, grow, ripen and are quenched in one vial: LaMer kinetics with Gibbs-Thomson solubility.

Equations, step rule and constants: the virtual lab's specification (``docs/virtual_lab.md``), calibrated there against
Yang 2024 (thesis, ch. 3), Akkerman 2022 and Montanarella 2023; the kinetic constants are one of many sets that fit.
SI inside: mol/m3, m, s, K.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

Array = NDArray[np.float64]

R = 8.3145  # J/mol/K
T0_K = 298.15
V_M = 1.1966e-4  # m3/mol, orthorhombic cell of 795 A3 with four formula units (textbook)
K_PRE, NU = 2e4, 1.0  # M; X = 0.97 at the nominal recipe (calibrated)
K_REL, M_DOPA, E_REL = 1.6e-3, 0.70, 55e3  # 1/s, -, J/mol; yield 0.92 at 30 min (calibrated), E assumed
C_S, N_TOPO, H_S = 4e-7, 1.0, 25e3  # M, -, J/mol; size (calibrated), enthalpy assumed
GAMMA, B_298, J_0 = 4.5e-3, 30.0, 3.6e20  # J/m2, -, 1/m3/s; 495 nm PL and dispersion (calibrated)
K_S, E_S, D_298, S_G = 2.6e-5, 35e3, 6e-10, 0.05  # m/s, J/mol, m2/s, - (calibrated or assumed)
TOPO_REF, DOPA_REF = 5.128e-3, 1.2e-3  # M: nominal TOPO, and the DOPA the release law is written for

NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
SPREAD = np.exp(S_G * NODES - S_G**2 / 2)
"""Growth-rate dispersion: factors of the five cohorts that are born together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What differs from run to run: factors on the nucleation rate and on the solubility; 1 is the lab's mean."""

    nucleation: float = 1.0
    solubility: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """What is in the vial at t = 0: concentrations in mol/L, temperature, stirring."""

    cs_mol_l: float
    pb_mol_l: float
    topo_mol_l: float
    dopa_mol_l: float
    temperature_c: float = 25.0
    stir_rpm: float = 600.0


class Growth:
    """One vial from injection on; `advance` it to a time, `quench` it when the lecithin comes.

    ``n`` (1/m3), ``L`` (m) and ``g`` are the cohorts, ``A`` the reservoir, ``M`` the monomer (mol/m3).
    """

    def __init__(self, mixture: Mixture, effect: Effect | None = None) -> None:
        effect = effect or Effect()
        self.mixture = mixture
        self.t_s = 0.0
        self.quenched_s = math.inf
        self.lecithin_ratio = 0.0
        self.T = mixture.temperature_c + 273.15
        inverse = 1.0 / self.T - 1.0 / T0_K
        topo = mixture.topo_mol_l / TOPO_REF
        self.X = converted(mixture)
        self.A, self.M = self.X * mixture.cs_mol_l * 1e3, 0.0
        self._release = K_REL * (DOPA_REF / mixture.dopa_mol_l) ** M_DOPA * math.exp(-E_REL / R * inverse)
        self._solubility = C_S * 1e3 * topo**N_TOPO * math.exp(-H_S / R * inverse) * effect.solubility
        self._l_gt = 4 * GAMMA * V_M / (R * self.T)
        self._barrier = B_298 * (T0_K / self.T) ** 3
        self._nucleation = J_0 * effect.nucleation
        self._attach = K_S * math.exp(-E_S / R * inverse)
        self._diffusion = D_298 * self.T / T0_K
        self._mixing_s = 1.5 * 600.0 / mixture.stir_rpm
        self._n, self._L, self._g = np.empty(0), np.empty(0), np.empty(0)
        self._pool, self._pool_length = 0.0, 0.0
        self._opened_s, self._dt = 0.0, 0.02

    @property
    def n(self) -> Array:
        return self._n

    @property
    def L(self) -> Array:
        return self._L

    @cached_property
    def free_pb_mol_l(self) -> float:
        """PbBr2 that no agglomerate holds."""
        return self.mixture.pb_mol_l - 1.5 * self.X * self.mixture.cs_mol_l

    @property
    def crystal_mol_m3(self) -> float:
        return float(np.sum(self._n * self._L**3) / V_M)

    @property
    def yielded(self) -> float:
        """Crystallised share of the Cs."""
        return self.crystal_mol_m3 / (self.mixture.cs_mol_l * 1e3)

    def quench(self, at_s: float, lecithin_ratio: float) -> None:
        """Freeze growth from ``at_s`` on; ``lecithin_ratio`` is v/v to Cs-DOPA. Only the first quench counts."""
        if math.isinf(self.quenched_s) and lecithin_ratio > 0:
            self.quenched_s, self.lecithin_ratio = at_s, min(lecithin_ratio, 1.5)

    def advance(self, to_s: float) -> None:
        """Let the dots grow until ``to_s`` after the injection."""
        while self.t_s < to_s - 1e-9:
            self._step(to_s)

    def _activity(self, t_s: float) -> float:
        """Return what the quench leaves of every rate: 1 before it, 2 % long after."""
        if t_s < self.quenched_s:
            return 1.0
        return 0.02 + 0.98 * math.exp(-(t_s - self.quenched_s) / 30.0)

    def _step(self, to_s: float) -> None:
        """One semi-implicit step: monomer implicit, sizes with the new monomer, nuclei into the pool."""
        t, q = self.t_s, self._activity(self.t_s)
        S = self.M / self._solubility
        rate, born = 0.0, 1.8e-9
        if S > 1.5:
            log_s = math.log(S)
            rate = self._nucleation * math.exp(-self._barrier / log_s**2) * q
            born = max(1.15 * self._l_gt / log_s, 1.8e-9)
        Q = self._release * self.A * (1.0 - math.exp(-t / self._mixing_s)) * q
        L = self._L
        k = self._attach * self._g * q / (1.0 + self._attach * self._g * L / (2.0 * self._diffusion))
        ce = self._solubility * np.exp(np.minimum(self._l_gt / L, 6.0))
        a = 6.0 * self._n * L * L * k
        vk = 2.0 * V_M * k
        fastest = float(np.max(np.abs(vk * (self.M - ce)), initial=0.0))
        dt = min(1.25 * self._dt, 0.02 * (t + 1.0), 5.0 if t < 7200.0 else 30.0, to_s - t)
        if fastest > 0.0:
            dt = min(dt, max(0.03e-9 / fastest, 0.02))
        if rate > 0.0:
            dt = min(dt, 2.0)
        gain = Q + float(a @ ce) - rate * born**3 / V_M
        M = max(0.0, (self.M + dt * gain) / (1.0 + dt * float(a.sum())))
        self.A -= dt * Q
        self._L = L + dt * vk * (M - ce)
        self.M = self._dissolve(M)
        self.t_s, self._dt = t + dt, dt
        self._nucleate(rate * dt, born)

    def _dissolve(self, M: float) -> float:
        """Give cohorts below 1 nm back to the monomer."""
        gone = self._L < 1e-9
        if not gone.any():
            return M
        M += float(np.sum(self._n[gone] * np.maximum(self._L[gone], 0.0) ** 3) / V_M)
        keep = ~gone
        self._n, self._L, self._g = self._n[keep], self._L[keep], self._g[keep]
        return M

    def _nucleate(self, nuclei: float, born: float) -> None:
        """Collect nuclei, and open five cohorts when a second (or 2 % of the time) has passed."""
        self._pool += nuclei
        self._pool_length += nuclei * born
        if self._pool > 0.0 and self.t_s - self._opened_s > max(1.0, 0.02 * self.t_s):
            size = self._pool_length / self._pool
            self._n = np.concatenate([self._n, self._pool * WEIGHTS])
            self._L = np.concatenate([self._L, np.full(len(WEIGHTS), size)])
            self._g = np.concatenate([self._g, SPREAD])
            self._pool, self._pool_length, self._opened_s = 0.0, 0.0, self.t_s


def converted(mixture: Mixture) -> float:
    """Return X, the share of Cs that forms agglomerates at once (precursor equilibrium)."""
    cs, pb = mixture.cs_mol_l, mixture.pb_mol_l
    topo = (mixture.topo_mol_l / TOPO_REF) ** NU

    def excess(x: float) -> float:
        free = pb - 1.5 * cs * x
        return math.log(x / (1 - x)) + 0.5 * math.log(cs * x / 2) - 1.5 * math.log(free) + math.log(topo / K_PRE)

    top = min(1.0, pb / (1.5 * cs))
    return float(brentq(excess, 1e-12, top * (1 - 1e-12), xtol=1e-14))
