"""The one door between units outside and numbers inside: designs to the unit cube, features to scales a GP likes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sdl.errors import Refused
from sdl.space import Columns, Design, DesignSpace, Parameter
from sdl.target import BEHIND
from sdl.units import HC_EV_NM, SEEN_NM, WIDEST_NM

if TYPE_CHECKING:
    from torch import Tensor

    from models.colour import Line

Array = NDArray[np.float64]
ScaleKind = Literal["energy", "log", "logit", "plain"]

PLQY_EDGE = 0.002
"""PLQY is kept this far from 0 and 1 before its logit: below the 1 % a relative measurement can resolve."""

PLQY_MOST = 2.0
"""A PLQY as large, or as far below 0, is not a measurement with a large error but another unit (chosen)."""

IN_EV = (0.3, 10.0)
"""Peaks from the infrared to the ultraviolet in eV: numbers that no peak in nm can be."""

LARGEST = 1e12
"""An outcome above this, of those that a user names, is a unit or parser error."""

_PEAKS = ("pl_peak_nm", "x1_nm", "x2_nm")

POSSIBLE = dict.fromkeys((*_PEAKS, "nir_peak_nm"), SEEN_NM) | dict.fromkeys(
    ("fwhm_nm", "nir_fwhm_nm"), (0.0, WIDEST_NM)
)
"""What readings may be, in nm; what is outside is no reading of it: the limits of tables (`sdl.units`)."""


@dataclass(frozen=True, slots=True)
class DesignCode:
    """Designs to the axes of the unit cube (one per parameter) and to model inputs (a choice becomes one-hot)."""

    space: DesignSpace

    same: ClassVar[float] = 1e-6
    """Designs closer than this on every axis are one design: a thousandth of any pipette's resolution."""

    @property
    def p(self) -> int:
        """The number of axes, one per parameter."""
        return len(self.space.parameters)

    @property
    def axis_names(self) -> list[str]:
        """Name each of the model's ``d`` inputs: a parameter, one choice of it, or a number that describes choices."""
        return [
            name
            for p in self.space.parameters
            for name in (*(f"{p.name}={c}" for c in p.choices), *_descriptors(p), *(() if p.choices else (p.name,)))
        ]

    @property
    def choices(self) -> tuple[bool, ...]:
        """Say of each of the model's ``d`` inputs whether it is one choice of a parameter."""
        return tuple(
            chosen
            for p in self.space.parameters
            for chosen in (
                *(True for _ in p.choices),
                *(False for _ in _descriptors(p)),
                *(() if p.choices else (False,)),
            )
        )

    @property
    def zeros(self) -> tuple[int, ...]:
        """Return the numbers of the model's inputs that are parameters whose range begins at nothing."""
        none = {p.name for p in self.space.parameters if not p.choices and p.low == 0.0}
        return tuple(j for j, name in enumerate(self.axis_names) if name in none)

    def check(self, design: Design) -> None:
        """Raise `Refused` unless ``design`` names every parameter with a value that can be encoded."""
        self.space.columns([design])
        for p in self.space.parameters:
            p.check(value := design[p.name])
            if p.logarithmic and float(value) <= 0:
                raise Refused(f"{p.name}: {value!r} must be above 0, the space spans {p.low:g} to {p.high:g}")

    def make(self, axes: Array, allowed: Mapping[str, NDArray[np.generic]]) -> tuple[Columns, NDArray[np.bool_]]:
        """Round points of the cube to designs and say which can be made; ``allowed`` values are dealt out in turn."""
        return self.space.make(self._dealt(axes, allowed))

    def missed(self, axes: Array, allowed: Mapping[str, NDArray[np.generic]]) -> Array:
        """Return by how much points of the cube miss what can be made, ``n x c``: see `DesignSpace.missed`."""
        return self.space.missed(self._dealt(axes, allowed))

    def _dealt(self, axes: Array, allowed: Mapping[str, NDArray[np.generic]]) -> Columns:
        dealt = {name: values[np.arange(len(axes)) % len(values)] for name, values in allowed.items()}
        return self.columns(axes) | dealt

    def columns(self, axes: Array) -> Columns:
        """Map ``n x p`` points of the unit cube to columns; a choice takes an equal share of its axis."""
        axes = np.clip(axes, 0.0, 1.0)
        out = self.space.from_unit(axes)
        for j, p in enumerate(self.space.parameters):
            if p.logarithmic:
                out[p.name] = np.clip(p.low * (p.high / p.low) ** axes[:, j], p.low, p.high)
        return out

    def axes(self, columns: Columns) -> Array:
        """Map columns of ``n`` designs to ``n x p`` points of the unit cube; a choice sits mid-share."""
        return np.stack([_axis(p, columns[p.name]) for p in self.space.parameters], axis=1)

    def inputs(self, columns: Columns) -> Array:
        """Map columns of ``n`` designs to model inputs ``n x d``."""
        parts = [
            np.concatenate([_one_hot(p, columns[p.name]), _described(p, columns[p.name])], axis=1)
            if p.choices
            else _axis(p, columns[p.name])[:, None]
            for p in self.space.parameters
        ]
        return np.concatenate(parts, axis=1)

    def matrix(self, designs: Sequence[Design]) -> Array:
        """Map ``n`` designs, also none, to model inputs ``n x d``."""
        if not designs:
            return np.empty((0, len(self.axis_names)))
        return self.inputs(self.space.columns(designs))

    def values(self, X: Array) -> dict[str, Array]:
        """Map model inputs ``N x d`` back to the values ``(N,)`` of every parameter that has a range."""
        found, j = {}, 0
        for p in self.space.parameters:
            if not p.choices:
                x = X[:, j]
                found[p.name] = p.low * (p.high / p.low) ** x if p.logarithmic else p.low + x * (p.high - p.low)
            j += len(p.choices) + len(_descriptors(p)) if p.choices else 1
        return found


def _descriptors(p: Parameter) -> list[str]:
    return [f"{p.name}: number {k + 1}" for k in range(len(next(iter(p.alike.values()), ())))]


def _one_hot(p: Parameter, values: NDArray[np.generic]) -> Array:
    return np.stack([np.asarray(values == c, dtype=float) for c in p.choices], axis=1)


def _described(p: Parameter, values: NDArray[np.generic]) -> Array:
    """Return the numbers that describe each choice ``n x k``, each spread over 0 to 1; ``k`` is 0 without any."""
    if not p.alike:
        return np.empty((len(values), 0))
    table = np.array([p.alike[c] for c in p.choices])
    low, high = table.min(0), table.max(0)
    return np.asarray(_one_hot(p, values) @ ((table - low) / np.where(high > low, high - low, 1.0)))


def _axis(p: Parameter, values: NDArray[np.generic]) -> Array:
    if p.choices:
        index = np.argmax(np.stack([values == c for c in p.choices]), axis=0)
        return np.asarray((index + 0.5) / len(p.choices))
    numbers = np.asarray(values, dtype=float)
    if p.logarithmic:
        return np.asarray(np.log(numbers / p.low) / np.log(p.high / p.low))
    return np.asarray((numbers - p.low) / (p.high - p.low))


def scale_of(name: str) -> ScaleKind:
    """Say on which scale the feature ``name`` is modelled."""
    if name in _PEAKS:
        return "energy"
    return {"fwhm_nm": "log", "plqy": "logit"}.get(name, "plain")  # type: ignore[return-value]


def checked(features: Mapping[str, float], sd: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Return readings and their sds as plain numbers; raise `Refused` for what cannot be a reading, by its name."""
    for given in (features, sd):
        if not isinstance(given, Mapping):
            raise Refused(f"{given!r} are no features: give numbers by name, such as {{'pl_peak_nm': 466.2}}")
    values = {name: _number(name, value) for name, value in features.items()}
    sds = {name: _number(f"sd of {name}", value) for name, value in sd.items()}
    for name in (*values, *sds):
        check_feature(name, values.get(name), sds.get(name, 0.0))
    return values, sds


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise Refused(f"{name}: {value!r} is not a number; give one, or leave it out")
    return float(value)


def check_feature(name: str, value: float | None, sd: float) -> None:
    """Raise `Refused` unless ``value +- sd`` can be a reading of the feature ``name``; a value may be missing."""
    if not (np.isfinite([value or 0.0, sd]).all() and abs(value or 0.0) <= LARGEST and 0 <= sd <= LARGEST):
        raise Refused(f"{name}: {value!r} +- {sd!r} is not a measurement: give finite numbers, or leave it out")
    if value is None:
        return
    if scale_of(name) in ("energy", "log") and value <= 0:
        raise Refused(f"{name}: {value!r} must be above 0; leave it out when nothing was seen")
    if name in _PEAKS and IN_EV[0] <= value <= IN_EV[1]:
        raise Refused(f"{name}: {value!r} nm looks like eV; that would be {HC_EV_NM / value:.1f} nm")
    if name == "plqy" and not -PLQY_MOST < value < PLQY_MOST:
        raise Refused(f"{name}: {value!r} is no share of 1; for percent divide by 100")
    low, high = POSSIBLE.get(name, (-LARGEST, LARGEST))
    if not low <= value <= high:
        raise Refused(f"{name}: {value!r} is outside {low:g} to {high:g}, where any such reading lies: another unit?")


@dataclass(frozen=True, slots=True)
class FeatureCode:
    """Features to the model's scales and back.

    Peaks in nm become eV, PLQY its logit, FWHM the logarithm of meV at the row's own PL peak (``width_by_peak``;
    of nm when the peak is not always known), everything else stays as it is.
    """

    names: tuple[str, ...]
    width_by_peak: bool = False
    line: Line | None = None
    """Where a colour is read from the line: its coordinates stand for PL peak and FWHM."""

    @property
    def modelled(self) -> tuple[str, ...]:
        """The features whose scales the columns of ``Y`` are."""
        if self.line is None:
            return self.names
        return tuple(BEHIND.get(name, name) for name in self.names)

    @classmethod
    def of(
        cls, names: Sequence[str], rows: Sequence[Mapping[str, float]], *, goals: Collection[str] = ()
    ) -> FeatureCode:
        """Choose the scale of the FWHM from what ``rows`` know.

        It follows the peak only where both are among the ``goals`` or neither is: the two groups are read apart.
        """
        pair = {"pl_peak_nm", "fwhm_nm"}
        known = all("pl_peak_nm" in row for row in rows if "fwhm_nm" in row)
        return cls(tuple(names), pair <= set(names) and known and len(pair & set(goals)) != 1)

    def only(self, names: Sequence[str], line: Line | None = None) -> FeatureCode:
        """Return the same scales for some of the features: all of those that are goals, or all others."""
        return FeatureCode(tuple(names), self.width_by_peak, line)

    def encode(self, rows: Sequence[Mapping[str, float]], sds: Sequence[Mapping[str, float]]) -> tuple[Array, Array]:
        """Return ``Y`` and ``Yvar``, both ``n x m``, NaN where a row lacks the feature; ``sds`` may lack any."""
        Y = np.full((len(rows), len(self.names)), np.nan)
        Yvar = Y.copy()
        for i, (row, sd) in enumerate(zip(rows, sds, strict=True)):
            for j, name in enumerate(self.names):
                if name in row and (name != "fwhm_nm" or not self.width_by_peak or "pl_peak_nm" in row):
                    Y[i, j], slope = _inward(scale_of(name), row[name])
                    Yvar[i, j] = (slope * sd.get(name, 0.0)) ** 2
                    if name == "fwhm_nm" and self.width_by_peak:
                        peak_nm = row["pl_peak_nm"]
                        Y[i, j] += np.log(1e3 * HC_EV_NM) - 2.0 * np.log(peak_nm)
                        Yvar[i, j] += (2.0 * sd.get("pl_peak_nm", 0.0) / peak_nm) ** 2
        return Y, Yvar

    def decode(self, Y: Tensor) -> Tensor:
        """Map samples ``... x m`` back to the features' own units (differentiable)."""
        names = self.modelled
        parts = [_outward(scale_of(name), Y[..., j]) for j, name in enumerate(names)]
        if self.width_by_peak and "fwhm_nm" in names:
            peak_nm = parts[names.index("pl_peak_nm")]
            j = names.index("fwhm_nm")
            parts[j] = parts[j] * peak_nm**2 / (1e3 * HC_EV_NM)
        if self.line is not None:
            at = self.names.index("cie_x"), self.names.index("cie_y")
            xy = self.line.xy(parts[at[0]], parts[at[1]])
            for place, j in enumerate(at):
                parts[j] = xy[..., place]
        out = Y.new_empty(Y.shape)
        for j, part in enumerate(parts):
            out[..., j] = part
        return out

    def ends(self, Y: Tensor, half: Tensor) -> Tensor:
        """Return the lower and upper end ``n x m x 2`` of features whose ``Y`` ``n x m`` may be ``half`` off each.

        Each outcome by itself, the others at their means; what a colour is read from counts together.
        """
        colour = [] if self.line is None else [self.names.index("cie_x"), self.names.index("cie_y")]
        out, squares = Y.new_empty((*Y.shape, 2)), Y.new_zeros(Y.shape)
        for j in range(len(self.names)):
            moved = []
            for sign in (-1.0, 1.0):
                off = Y.clone()
                off[:, j] += sign * half[:, j]
                moved.append(self.decode(off))
            out[:, j, 0] = moved[0][:, j].minimum(moved[1][:, j])
            out[:, j, 1] = moved[0][:, j].maximum(moved[1][:, j])
            if j in colour:
                squares += ((moved[1] - moved[0]) / 2.0) ** 2
        for j in colour:
            middle, both = self.decode(Y)[:, j], squares[:, j].sqrt()
            out[:, j, 0], out[:, j, 1] = middle - both, middle + both
        return out


def _inward(kind: ScaleKind, value: float) -> tuple[float, float]:
    """Return the value on its scale and the slope of that scale there (the delta method's factor)."""
    if kind == "energy":
        return HC_EV_NM / value, HC_EV_NM / value**2
    if kind == "log":
        return float(np.log(value)), 1.0 / value
    if kind == "logit":
        share = float(np.clip(value, PLQY_EDGE, 1.0 - PLQY_EDGE))
        return float(np.log(share / (1.0 - share))), 1.0 / (share * (1.0 - share))
    return value, 1.0


def _outward(kind: ScaleKind, y: Tensor) -> Tensor:
    if kind == "energy":
        return HC_EV_NM / y.clamp_min(HC_EV_NM / LARGEST)
    if kind == "log":
        return y.clamp(-50.0, 50.0).exp()
    return y.sigmoid() if kind == "logit" else y
