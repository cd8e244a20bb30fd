"""Spectra as instruments write them to files: every layout becomes a `Recording`, and what cannot be read says why.

What lives here: one module a family of layouts (text tables, AvaSoft binaries, JCAMP-DX) and the words of their
headers. A file is data: nothing in it is carried out, and nothing outside it is opened.
"""

from __future__ import annotations

from pathlib import Path

from sdl.errors import Refused
from sdl.spectra.formats import avantes, jcampdx, text
from sdl.spectra.formats.recording import Recording

__all__ = ["Recording", "content", "read_bytes", "read_file"]

LARGEST_BYTES = 32 * 2**20
"""The largest file that is read: a thousand spectra of 2,048 pixels as text; chosen."""


def read_file(path: Path) -> tuple[Recording, ...]:
    """Return every spectrum of one file; raise `Refused` with the reason where there is none to be had."""
    return read_bytes(content(path), suffix=path.suffix.lower().lstrip("."))


def content(path: Path) -> bytes:
    """Return the bytes of a file of bearable size; raise `Refused` where it cannot be opened."""
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise Refused(f"{size / 2**20:.0f} MiB is more than {LARGEST_BYTES / 2**20:.0f} MiB; split it")
        return path.read_bytes()
    except OSError as exc:
        raise Refused(f"cannot be opened: {exc.strerror or exc}") from exc


def read_bytes(raw: bytes, *, suffix: str = "") -> tuple[Recording, ...]:
    """Return every spectrum in the bytes of a file whose name ends in ``suffix``."""
    if not raw.strip(b"\0 \r\n\t"):
        raise Refused("the file is empty")
    if raw[:5] in avantes.MAGIC_8:
        return tuple(avantes.avasoft_8(raw))
    if avantes.is_avasoft_7(raw):
        return tuple(avantes.avasoft_7(raw, suffix))
    words = text.decoded(raw)
    if words.lstrip().startswith("##") and "##TITLE" in words[:2000].upper():
        return tuple(jcampdx.jcamp_dx(words))
    return tuple(text.table_spectra(words))
