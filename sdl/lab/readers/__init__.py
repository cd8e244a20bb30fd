"""Drivers of spectrometers, one plain class each behind `sdl.lab.reader.Reader`.

`remote` speaks to a reader service over HTTP (the virtual lab is one), `ocean` to an Ocean spectrometer by USB,
`folder` reads what a vendor's program saves, `plate` has the robot's absorbance plate reader measure. Opening one
moves nothing.
"""

from __future__ import annotations

from pathlib import Path

from sdl.bench import Lab
from sdl.errors import Refused
from sdl.lab.clock import Clock
from sdl.lab.reader import Reader
from sdl.lab.readers.folder import FolderReader
from sdl.lab.readers.ocean import OceanReader, seabreeze_device
from sdl.lab.readers.plate import PlateReader
from sdl.lab.readers.remote import RemoteReader
from sdl.lab.robot import Robot

__all__ = ["FolderReader", "OceanReader", "PlateReader", "RemoteReader", "open_reader"]


def open_reader(lab: Lab, clock: Clock, robot: str) -> Reader:
    """Return the driver that ``lab.reader.kind`` names; ``robot`` is the address of the robot or virtual lab.

    Raises `Unreachable` where the instrument does not answer, `Refused` for a kind nobody drives.
    """
    spec = lab.reader
    if spec.kind == "simulated":
        return RemoteReader(f"{robot}/virtual/reader")
    if spec.kind.startswith("http://"):
        return RemoteReader(spec.kind)
    scheme, _, name = spec.kind.partition(":")
    if scheme == "ocean":
        return OceanReader(
            lambda: seabreeze_device(name), clock, integration_ms=spec.integration_ms, averages=spec.averages
        )
    if scheme == "folder":
        return FolderReader(Path(name), clock, channels=spec.channels)
    if scheme == "plate":
        return PlateReader(Robot(robot), clock, slot=name, plate=lab.deck["plate"], bands_nm=spec.bands_nm)
    raise Refused(f"{lab.name}: nobody drives the reader {spec.kind!r}")
