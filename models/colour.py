"""Colour from a modelled line: CIE 1931 xy follow from PL peak and FWHM, which the law and every read know more of."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sdl.spectra.colour import of_lines
from sdl.target import BEHIND
from sdl.units import HC_EV_NM

PEAKS_NM, WIDTHS_NM = np.arange(380.0, 721.0, 1.0), np.arange(4.0, 82.0, 2.0)
"""Peaks and FWHM of the table that colours are read from; beyond its ends the end stands (chosen: xy to 0.0003)."""

SHIFTS_EV = np.linspace(-0.05, 0.05, 201)
"""By how much a line of the same colour may lie above the peak (chosen: several times what a tail does)."""

WIDTH_EV, WIDTH_SPREAD_EV = 0.1, 0.02
"""Middle and spread of the FWHM of these crystals."""

SHIFT_SD_EV, READ_SD_EV, READ_SD = 0.01, 0.003, 0.003
"""Prior sd of the shift and of its change with the width; scatter of one well's, in eV and in xy (chosen)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How the colour of our emission differs from that of a Gaussian line in energy: it has a tail on one side.

    The line of the same colour and FWHM lies ``shift_ev`` above the peak, ``slope_ev`` more for each
    `WIDTH_SPREAD_EV` that it is wider than `WIDTH_EV`.
    """

    shift_ev: float = 0.0
    slope_ev: float = 0.0

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, float]]) -> Line:
        """Learn the difference from rows with peak, width and colour; none are needed."""
        names = (*BEHIND.values(), *BEHIND)
        known = [[row[name] for name in names] for row in rows if all(name in row for name in names)]
        if not known:
            return cls()
        peak_nm, fwhm_nm, x, y = torch.tensor(known, dtype=torch.double).T
        energy, width = HC_EV_NM / peak_nm, fwhm_nm * HC_EV_NM / peak_nm**2
        tried = energy[:, None] + torch.from_numpy(SHIFTS_EV)
        seen = _xy(tried, width[:, None].expand_as(tried))
        away = (seen - torch.stack([x, y], dim=-1)[:, None]).norm(dim=-1)
        shift = torch.from_numpy(SHIFTS_EV)[away.argmin(-1)]
        bends = (seen[:, -1] - seen[:, 0]).norm(dim=-1) / float(SHIFTS_EV[-1] - SHIFTS_EV[0])
        precision = 1.0 / (READ_SD_EV**2 + (READ_SD / bends.clamp_min(1e-3)) ** 2)
        A = torch.stack([torch.ones_like(width), (width - WIDTH_EV) / WIDTH_SPREAD_EV], dim=-1)
        prior = torch.eye(2, dtype=torch.double) / SHIFT_SD_EV**2
        found = torch.linalg.solve(A.T @ (precision[:, None] * A) + prior, A.T @ (precision * shift))
        return cls(shift_ev=float(found[0]), slope_ev=float(found[1]))

    def xy(self, peak_nm: Tensor, fwhm_nm: Tensor) -> Tensor:
        """Return CIE 1931 xy ``... x 2`` of emissions with these peaks and FWHM ``...``."""
        energy, width = HC_EV_NM / peak_nm, fwhm_nm * HC_EV_NM / peak_nm**2
        return _xy(energy + self.shift_ev + self.slope_ev * (width - WIDTH_EV) / WIDTH_SPREAD_EV, width)


def _xy(energy_ev: Tensor, width_ev: Tensor) -> Tensor:
    """Return xy ``... x 2`` of Gaussian lines, between the rows and columns of the table."""
    peak_nm = HC_EV_NM / energy_ev
    table = _table()
    i, row = _place(peak_nm, PEAKS_NM)
    j, column = _place(width_ev * peak_nm**2 / HC_EV_NM, WIDTHS_NM)
    low = table[i, j] + column * (table[i, j + 1] - table[i, j])
    high = table[i + 1, j] + column * (table[i + 1, j + 1] - table[i + 1, j])
    return low + row * (high - low)


def _place(values: Tensor, at: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[Tensor, Tensor]:
    """Return between which entries of an even grid values lie, and how far ``... x 1``."""
    steps = ((values - at[0]) / (at[1] - at[0])).clamp(0.0, len(at) - 1.0)
    whole = steps.long().clamp_max(len(at) - 2)
    return whole, (steps - whole).unsqueeze(-1)


@functools.cache
def _table() -> Tensor:
    peaks, widths = np.meshgrid(PEAKS_NM, WIDTHS_NM, indexing="ij")
    return torch.from_numpy(of_lines(peaks.ravel(), widths.ravel())).reshape(*peaks.shape, 2)
