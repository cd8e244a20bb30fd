"""The literature that ships with the program: tables by name, each with its source in its first lines."""

from __future__ import annotations

from pathlib import Path

from sdl.errors import Refused

FOLDER = Path(__file__).parent / "literature"

PREFIX = "literature/"
"""What begins the name of a shipped table under ``history:``."""

READY = ("topo-room-temperature", "k-alloyed-100c", "hot-injection")
"""Tables whose columns are parameters and features as campaigns name them; the others are facts to look up."""


def shipped(name: str) -> Path:
    """Return the file of ``literature/NAME``; raise `Refused` with what there is."""
    wanted = name.removeprefix(PREFIX).removesuffix(".csv")
    if wanted not in READY:
        raise Refused(f"'{name}' is not among the shipped histories; there are {', '.join(PREFIX + n for n in READY)}")
    return FOLDER / f"{wanted}.csv"
