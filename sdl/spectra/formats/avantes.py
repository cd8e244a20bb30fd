"""AvaSoft's binary files: version 8 (magic AVS82, AVS84) and the older float files of version 7.

Layouts as public readers of these files describe them (pyAvantes and lightr for version 8, nirs4all-formats for 7);
numbers are little-endian.
"""

from __future__ import annotations

import struct

import numpy as np

from sdl.errors import Refused
from sdl.spectra.formats.recording import Array, Recording

MAGIC_8 = (b"AVS82", b"AVS84")
FIRST_BLOCK = 6
HEAD_8 = struct.Struct("<IBBBB10s64sBHHfII")
"""length, sequence, mode, bits, marker, serial, name, status, first and last pixel, ms, delay, averages."""
DATA_8, TAIL_8 = 322, 10
"""Bytes from the start of a block to its arrays, and after its stated length to the next block."""

VERSION_7 = 70.0
HEAD_7, COEFFICIENTS_7, FIRST_7, LAST_7 = 100, slice(74, 79), 79, 80
"""Positions in the float32 array of a version-7 file: its data, its wavelength polynomial, its pixels."""
PROCESSED_7 = ("abs", "trm")
"""Suffixes whose pixels are triples of sample, reference and dark."""


def is_avasoft_7(raw: bytes) -> bool:
    """Say whether these bytes begin as a version-7 file does."""
    if len(raw) < 4 * (HEAD_7 + 1) or len(raw) % 4:
        return False
    head = np.frombuffer(raw[: 4 * HEAD_7], "<f4")
    with np.errstate(invalid="ignore"):
        return bool(abs(head[0] - VERSION_7) < 0.01 and 0 <= head[FIRST_7] < head[LAST_7] < 1e5)


def avasoft_8(raw: bytes) -> list[Recording]:
    """Return every spectrum of a version-8 file; raise `Refused` where it ends too early."""
    found, at = [], FIRST_BLOCK
    for number in range(raw[5] if len(raw) > 5 else 0):
        if at + DATA_8 > len(raw):
            raise Refused(f"truncated: the header of spectrum {number + 1} is cut off")
        head = HEAD_8.unpack_from(raw, at)
        length, serial, first, last, integration_ms, averages = head[0], head[5], *head[8:11], head[12]
        pixels = last - first + 1
        if pixels <= 0 or at + DATA_8 + 16 * pixels > len(raw):
            raise Refused(f"truncated: spectrum {number + 1} of {max(pixels, 0)} pixels is cut off")
        arrays = np.frombuffer(raw, "<f4", 4 * pixels, at + DATA_8).astype(float).reshape(4, pixels)
        wavelength_nm, sample, dark, reference = arrays
        found.append(
            Recording(
                form="AvaSoft 8 binary",
                wavelength_nm=wavelength_nm,
                quantity="counts",
                values=sample,
                dark=_if_any(dark),
                reference=_if_any(reference),
                instrument=serial.split(b"\0")[0].decode("latin-1").strip(),
                integration_ms=float(integration_ms),
                averages=int(averages),
            )
        )
        at += length + TAIL_8
    if not found:
        raise Refused("an AvaSoft 8 file without a spectrum")
    return found


def avasoft_7(raw: bytes, suffix: str) -> list[Recording]:
    """Return the spectrum of a version-7 file; ``suffix`` says whether its pixels are triples."""
    numbers = np.frombuffer(raw, "<f4").astype(float)
    pixel = np.arange(numbers[FIRST_7], numbers[LAST_7] + 1)
    wavelength_nm = np.polynomial.polynomial.polyval(pixel, numbers[COEFFICIENTS_7])
    data, each = numbers[HEAD_7:], 3 if suffix in PROCESSED_7 else 1
    if data.size < each * pixel.size:
        raise Refused(f"truncated: {data.size} numbers for {pixel.size} pixels")
    columns = data[: each * pixel.size].reshape(pixel.size, each).T
    return [
        Recording(
            form="AvaSoft 7 binary",
            wavelength_nm=np.asarray(wavelength_nm),
            quantity="counts",
            values=columns[0],
            reference=columns[1] if each == 3 else None,
            dark=columns[2] if each == 3 else None,
        )
    ]


def _if_any(values: Array) -> Array | None:
    """Return an array that holds anything; AvaSoft writes zeros where nothing was saved."""
    return values if np.any(values) else None
