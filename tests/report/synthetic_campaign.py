"""A seeded make-believe campaign, written through the store's own methods, for the report to read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sdl.spectra.types import Features, Spectrum, Value
from sdl.store import Attempt, Experiment, NewExperiment, Store
from sdl.units import HC_EV_NM

LOW = {
    "pb_to_cs": 2.0,
    "topo_to_pb": 5.0,
    "cs_concentration_mmol_l": 0.06,
    "growth_time_s": 60.0,
    "temperature_c": 25.0,
}
HIGH = {
    "pb_to_cs": 8.0,
    "topo_to_pb": 20.0,
    "cs_concentration_mmol_l": 0.6,
    "growth_time_s": 3600.0,
    "temperature_c": 49.0,
}
GRID_NM = np.arange(340.0, 680.0, 1.0)
LAMP_E = 40_000.0


def parsed(why: str) -> dict[str, Any]:
    """The campaign as the controller stores it; infinite bounds are null."""
    return {
        "name": "blue-465",
        "why": why,
        "route": "cspbbr3-topo",
        "target": {
            "pl_peak_nm": {"kind": "match", "wanted": 465.0, "low": 464.0, "high": 466.0, "source": "pl"},
            "fwhm_nm": {"kind": "minimize", "wanted": None, "low": None, "high": 20.0, "source": "pl"},
            "plqy": {"kind": "maximize", "wanted": None, "low": 0.6, "high": None, "source": "pl"},
        },
        "parameters": [
            {"name": n, "low": LOW[n], "high": HIGH[n], "scope": "block" if n == "temperature_c" else "well"}
            for n in LOW
        ],
        "budget": {"experiments": 48, "batch": 8, "confirmed_hits": 2},
        "seed": 7,
        "file": "campaign.yaml",
        "stocks": {},
    }


@dataclass
class Make:
    """Writes batches into a store; ``channels`` are what the reader sees, ``lose`` the numbers of wells that fail."""

    store: Store
    channels: Collection[str] = ("absorption", "pl")
    lose: Collection[int] = ()
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(3))

    def start(self, why: str = "Rec.2020 blue") -> None:
        self.store.claim()
        self.store.save_campaign(f"campaign: blue-465\nwhy: {why}\n", "ab" * 32, parsed(why))

    def batch(self, number: int, kinds: list[str], near: float) -> list[Experiment]:
        """Suggest, make and measure one batch; ``near`` is 0 for designs anywhere and 1 for the right one."""
        stored = self.store.add_batch(number, [self._new(kind, near) for kind in kinds])
        wells = {f"vials/{'ABCD'[(e.seq - 1) % 24 // 6]}{(e.seq - 1) % 6 + 1}": e.id for e in stored}
        attempt = self.store.plan_attempt(number, wells, {}, robot="virtual-flex")
        self.store.reserve(attempt.id, {})
        self.store.move_attempt(attempt.id, "RESERVED", "UPLOADED", protocol_hash="ba5e" * 16)
        self.store.move_attempt(attempt.id, "UPLOADED", "VERIFIED", list_hash="c0ffee" * 10 + "abcd")
        self._reference(attempt)
        for well, id in wells.items():
            self._measure(attempt, self.store.experiment(id), well)
        return self.store.experiments(batch=number)

    def _new(self, kind: str, near: float) -> NewExperiment:
        unit = near * 0.35 + (1 - near) * self.rng.random(len(LOW))
        unit = unit if kind == "replicate" else np.clip(unit + 0.02 * self.rng.standard_normal(len(LOW)), 0, 1)
        design = {n: float(LOW[n] + u * (HIGH[n] - LOW[n])) for n, u in zip(LOW, unit, strict=True)}
        suggestion: dict[str, Any] = {
            "design": design,
            "kind": kind,
            "why": f"{kind}: chosen for the test",
            "p_hit": 0.0,
            "expected": {},
        }
        if kind != "sobol":
            mean, sd = truth(design), {"pl_peak_nm": 2.0, "fwhm_nm": 1.0, "plqy": 0.04}
            guess = {n: m + 0.8 * sd[n] * self.rng.standard_normal() for n, m in mean.items()}
            suggestion["expected"] = {
                n: {"mean": m, "sd": sd[n], "low": m - 1.96 * sd[n], "high": m + 1.96 * sd[n]} for n, m in guess.items()
            }
            suggestion |= {"p_hit": 0.41, "model": "gp-3-outcomes", "acquisition": "qLogEI"}
        return NewExperiment(kind=kind, suggestion=suggestion, recipe=recipe(design))

    def _reference(self, attempt: Attempt) -> None:
        spectra = [
            self._spectrum(kind, role, np.zeros(GRID_NM.size)) for kind in self.channels for role in ("dark", "blank")
        ]
        self.store.save_read(attempt.id, "blank", label="blank", time_s=10.0, spectra=spectra)

    def _measure(self, attempt: Attempt, e: Experiment, well: str) -> None:
        design = {k: float(v) for k, v in e.design.items()}
        quench_s = design["growth_time_s"]
        executed = {
            "design": design,
            "volumes_ul": {},
            "injected_s": 0.0,
            "quenched_s": quench_s,
            "vial": f"load {(e.seq - 1) // 24 + 1}, {well}",
        }
        self.store.move_well(attempt.id, well, "planned", "dispensed", injected_s=0.0)
        if e.seq in self.lose:
            self.store.move_well(attempt.id, well, "dispensed", "lost", flags=("timing",))
            self.store.lose_experiment(e.id, why="the tip was not picked up")
            return
        mean = truth(design)
        peak_nm = mean["pl_peak_nm"] + 1.2 * self.rng.standard_normal()
        values = {"x1_nm": Value(value=peak_nm - 8, sd=0.5)}
        if "pl" in self.channels:
            values |= {"pl_peak_nm": Value(value=peak_nm, sd=0.2), "fwhm_nm": Value(value=mean["fwhm_nm"], sd=0.3)}
            if e.seq % 7:
                values["plqy"] = Value(value=mean["plqy"], sd=0.015)
        for i, part in enumerate((0.3, 0.6, 1.0)):
            x1_nm = peak_nm - 8 - 12 * (1 - part)
            at_s = quench_s * part + (300.0 if part == 1.0 else 0.0)
            seen = Features(values=values) if part == 1.0 else Features(values={"x1_nm": Value(value=x1_nm, sd=0.6)})
            read = self.store.save_read(
                attempt.id,
                f"{e.id}-{i}",
                label="sample",
                time_s=at_s,
                spectra=[self._sample(kind, x1_nm) for kind in self.channels],
                features=seen,
                experiment=e.id,
                well=well,
                since_injection_s=at_s,
                outcome=part == 1.0,
            )
        hit = None
        if "pl" in self.channels:
            hit = (
                abs(peak_nm - 465) <= 1
                and values["fwhm_nm"].value < 20
                and "plqy" in values
                and values["plqy"].value > 0.6
            )
        flags = ("od_high",) if e.seq % 5 == 0 else ()
        self.store.finish_experiment(e.id, executed, Features(values=values), hit, outcome_read=read, flags=flags)

    def _sample(self, kind: str, x1_nm: float) -> Spectrum:
        if kind == "pl":
            light = 30_000 * np.exp(-0.5 * ((GRID_NM - x1_nm - 8) / 7.5) ** 2)
            return self._spectrum(kind, "sample", light)
        ev, x1_ev = HC_EV_NM / GRID_NM, HC_EV_NM / x1_nm
        edge = 1 / (1 + np.exp(-(ev - x1_ev - 0.1) / 0.04))
        return self._spectrum(
            kind,
            "sample",
            0.10 * np.exp(-0.5 * ((ev - x1_ev) / 0.045) ** 2) + edge * (0.09 + 0.25 * np.clip(ev - x1_ev, 0, 2)),
        )

    def _spectrum(self, kind: str, role: str, signal: np.ndarray) -> Spectrum:
        dark = 300.0
        light = signal if kind == "pl" else LAMP_E * 10**-signal
        counts = dark + (0.0 if role == "dark" else light) + self.rng.normal(0, 8, GRID_NM.size)
        return Spectrum(kind=kind, role=role, wavelength_nm=GRID_NM, counts=counts, time_s=0.0, instrument="virtual")


def truth(design: Mapping[str, float]) -> dict[str, float]:
    """A smooth made-up chemistry whose right answer is 35 % along every parameter."""
    u = np.array([(design[n] - LOW[n]) / (HIGH[n] - LOW[n]) for n in LOW])
    peak_nm = 465 + 30 * (u[0] - 0.35) - 14 * (u[1] - 0.35) + 8 * (u[2] - 0.35) + 18 * (u[3] - 0.35) + 6 * (u[4] - 0.35)
    away = float(((u - 0.35) ** 2).sum())
    return {"pl_peak_nm": float(peak_nm), "fwhm_nm": 17.5 + 12 * away, "plqy": 0.72 - 0.3 * away}


def recipe(design: Mapping[str, float]) -> dict[str, Any]:
    growth_s = design["growth_time_s"]
    transfers = [
        {"stock": "diluent", "volume_ul": 2875.4, "at_s": -240.0, "action": "dispense"},
        {"stock": "Cs-DOPA", "volume_ul": 46.8, "at_s": -180.0, "action": "dispense"},
        {"stock": "TOPO", "volume_ul": 58.5, "at_s": -120.0, "action": "dispense"},
        {"stock": "PbBr2-TOPO", "volume_ul": 139.3, "at_s": 0.0, "action": "inject"},
        {"stock": "lecithin", "volume_ul": 46.8, "at_s": growth_s, "action": "quench"},
    ]
    return {
        "transfers": transfers,
        "total_ul": 3120.0,
        "temperature_c": design["temperature_c"],
        "growth_time_s": growth_s,
        "read_s": [growth_s * 0.3, growth_s * 0.6, growth_s + 300.0],
        "moles_umol": {"Cs": 0.936, "Pb": 5.57},
    }


def whole_campaign(folder: Path, why: str = "Rec.2020 blue") -> Store:
    """Five batches: filling, exploring, exploiting, replicates that confirm, one lost well, one answered request."""
    store = Store.open(folder, create=True)
    make = Make(store=store, lose=(11,))
    make.start(why)
    make.batch(1, ["sobol"] * 8, 0.0)
    make.batch(2, ["explore"] * 5 + ["fallback", "exploit", "exploit"], 0.5)
    store.answer(store.request("refill tips", rack="tips50_1"), "done", by="operator")
    make.batch(3, ["explore"] * 2 + ["exploit"] * 6, 0.85)
    make.batch(4, ["exploit"] * 5 + ["replicate"] * 3, 1.0)
    make.batch(5, ["exploit", *["replicate"] * 3], 1.0)
    replicates = [e for e in store.experiments() if e.kind == "replicate"]
    store.save_diagnostics(5, diagnostics(replicates))
    return store


def diagnostics(replicates: list[Experiment]) -> dict[str, Any]:
    design = {k: float(v) for k, v in replicates[0].design.items()}
    slices = {}
    for name in LOW:
        x = np.linspace(LOW[name], HIGH[name], 21)
        curves = [truth({**design, name: float(v)}) for v in x]
        sd = {"pl_peak_nm": 1.5, "fwhm_nm": 0.8, "plqy": 0.03}
        slices[name] = {
            "x": x.tolist(),
            "feature": {f: {"mean": [c[f] for c in curves], "sd": [sd[f]] * len(x)} for f in sd},
        }
    sobol = {name: {"first": 0.1, "total": 0.2} for name in LOW}
    runs = [f"run-{k}" for k in range(1, 6)]
    chart = {
        "runs": runs,
        "effect": [0.1, -0.3, 0.2, 0.0, 5.0],
        "sd": [0.8] * 5,
        "limit": [2.4] * 5,
        "mean": [0.0, -0.1, 0.0, 0.0, 1.5],
        "mean_limit": [0.7, 0.8, 0.9, 0.9, 0.9],
        "run_sd": 1.0,
        "alarms": ["run-5: PL peak reads 5 nm high in all wells, beyond 3 sd"],
    }
    known = {
        "sensitivity": {"pl_peak_nm": sobol, "plqy": sobol},
        "control": {"pl_peak_nm": chart},
        "tolerance": {
            "experiments": [replicates[0].id],
            "robust": 0.63,
            "card": [{"what": "+1 µL of TOPO", "moves": {"pl_peak_nm": 0.8, "plqy": -0.011}}],
        },
        "prospects": [{"target": "", "p_reachable": 0.2, "rate": 0.1, "barrier": "PLQY comes to 0.5", "readings": 30}],
    }
    return known | {
        "model": {"id": "gp-3-outcomes", "outcomes": {}},
        "confirmed": [{"design": design, "p": 0.87, "experiments": [e.id for e in replicates]}],
        "candidates": [],
        "slices": slices,
    }
