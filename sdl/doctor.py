"""What of this installation works, what does not, and what to do."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from typing import Any

from sdl.errors import Refused
from sdl.lab.analysis import default_analyzer

PACKAGES = ("torch", "gpytorch", "botorch", "pandas", "prefect", "sqlalchemy", "httpx", "plotly")


def examine() -> dict[str, dict[str, Any]]:
    """Return a finding per part: ``ok`` and a sentence."""
    return {"python": _python(), "packages": _packages(), "analyzer": _analyzer(), "spectrometers": _spectrometers()}


def _python() -> dict[str, Any]:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info[:2] in ((3, 11), (3, 12))
    return {"ok": ok, "text": f"Python {version}" + ("" if ok else ": 3.11 or 3.12 is needed")}


def _packages() -> dict[str, Any]:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return {"ok": False, "text": f"missing {', '.join(missing)}: run `python3 -m sdl setup` in the checkout"}
    return {"ok": True, "text": ", ".join(found)}


def _analyzer() -> dict[str, Any]:
    """Ask the analyzer environment which version of the vendor's package it holds."""
    try:
        python = default_analyzer()
        done = subprocess.run(
            [str(python), "-c", "from importlib.metadata import version; print(version('opentrons'))"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (Refused, subprocess.SubprocessError, OSError) as exc:
        return {"ok": False, "text": f"{exc}; build it with `python3 -m sdl setup`"}
    return {"ok": True, "text": f"opentrons {done.stdout.strip()} analyses protocols, in an environment of its own"}


def _spectrometers() -> dict[str, Any]:
    """Ask the USB bus for Ocean spectrometers; none is no fault, since a bench may read by other means."""
    try:
        from seabreeze.spectrometers import SeaBreezeError, list_devices
    except ImportError as exc:
        return {"ok": False, "text": f"{exc}: run `python3 -m sdl setup` in the checkout"}
    try:
        found = [f"ocean:{device.serial_number} ({device.model})" for device in list_devices()]
    except (SeaBreezeError, OSError) as exc:
        return {"ok": False, "text": f"the USB bus cannot be asked: {exc}; `seabreeze_os_setup` sets rights"}
    there = ", ".join(found) if found else "no Ocean spectrometer on USB"
    return {"ok": True, "text": f"{there}; folder, plate and http readers are looked at when a campaign opens its lab"}
