"""JCAMP-DX files, single or compound, read by the jcamp library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sdl.errors import Refused
from sdl.spectra.formats.recording import Recording
from sdl.spectra.formats.words import in_nm, quantity_of


def jcamp_dx(text: str) -> list[Recording]:
    """Return every block with data of a JCAMP-DX text; raise `Refused` where the library cannot read it."""
    import jcamp

    try:
        told = jcamp.read(text.splitlines(keepends=True))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, UnboundLocalError) as exc:
        raise Refused(f"not a JCAMP-DX file that can be read: {exc!r}") from exc
    blocks = [told, *told.get("children", [])]
    found = [_recording(block) for block in blocks if np.size(block.get("x", ())) and np.size(block.get("y", ()))]
    if not found:
        raise Refused("a JCAMP-DX file without data")
    return found


def _recording(block: Mapping[str, Any]) -> Recording:
    x, y = np.asarray(block["x"], dtype=float), np.asarray(block["y"], dtype=float)
    if x.size != y.size:
        raise Refused(f"truncated: {x.size} wavelengths but {y.size} values")
    units = str(block.get("yunits", ""))
    quantity, scale = quantity_of(units or str(block.get("data type", "")), y)
    stated = block.get("npoints", x.size)
    short = isinstance(stated, int | float) and x.size < stated
    return Recording(
        form="JCAMP-DX",
        wavelength_nm=in_nm(x, str(block.get("xunits", ""))),
        quantity=quantity,
        values=y * scale,
        instrument=str(block.get("spectrometer/data system", block.get("instrument s/n", ""))),
        label=str(block.get("title", "")),
        flags=("truncated",) if short else (),
    )
