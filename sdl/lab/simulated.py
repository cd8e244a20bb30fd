"""Find the virtual lab of a folder, or start it: a process of its own that outlives whoever started it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx

from sdl.bench import Lab
from sdl.campaign import Stock
from sdl.chemistry.evaporation import loss_ul_h
from sdl.errors import Unreachable

FILE = "virtual-lab.json"
LOG = "virtual-lab.log"

START_S = 120.0
"""How long a lab may take to start, in real time (chosen: its imports take 2 s, 50 times that when overloaded)."""

ANSWER_S = 10.0
POLL_S = 0.05

_LAUNCH = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], start_new_session=True, stdout=sys.stderr).pid)"
"""Starts the lab from a process that ends at once, so that the lab has no parent to wait for it or to take it along."""


def spec_of(lab: Lab, stocks: Mapping[str, Stock], *, seed: int) -> dict[str, Any]:
    """Return what `start` needs to put ``lab`` on a virtual bench with ``stocks`` in their places, shared evenly.

    ``lab.virtual`` overrides, such as ``batch_effect: false`` or ``run_free: 60`` (times as fast as real time);
    ``draught: 3`` lets stocks lose three times the solvent that is computed for stagnant air, as on a ventilated deck.
    """
    draught = float(lab.virtual.get("draught", 1.0))
    load = {
        location: {
            "contains": dict(stock.contains),
            "solvent": stock.solvent,
            "volume_ul": stock.volume_ul / len(stock.at),
            "lot": stock.lot,
            "loss_ul_h": draught * _loss_ul_h(lab, stock, location),
        }
        for stock in stocks.values()
        for location in stock.at
    }
    return {
        "seed": seed,
        "robot_type": lab.robot_type,
        "pipettes": [asdict(pipette) for pipette in lab.pipettes],
        "deck": {name: asdict(place) for name, place in lab.deck.items()},
        "load": load,
        "channels": lab.reader.channels,
        "path_mm": lab.reader.path_mm,
        "dye_plqy": lab.reader.dye_plqy,
        "analyzer": lab.analyzer,
        "probe_at": lab.reader.at,
        "saves": lab.reader.kind.removeprefix("folder:") if lab.reader.kind.startswith("folder:") else "",
        "plate_reader": lab.reader.kind.removeprefix("plate:") if lab.reader.kind.startswith("plate:") else "",
        "room_c": lab.room_c,
        **lab.virtual,
    }


def _loss_ul_h(lab: Lab, stock: Stock, location: str) -> float:
    """Return what a stock under its septum loses per hour in this room."""
    opening_mm = lab.deck[lab.locate(location)[0]].opening_mm
    return loss_ul_h(stock.solvent, opening_mm=opening_mm, temperature_c=lab.room_c) if opening_mm > 0 else 0.0


def start(folder: Path, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"url", "pid", "token"}`` of the lab in ``folder``, started by ``spec`` if none lives there.

    Raises `Unreachable` with the end of its log when it does not come up.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if found := alive(folder):
        return found
    spec_file = folder / "virtual-lab.spec.json"
    spec_file.write_text(json.dumps(spec), encoding="utf-8")
    lab = ["-m", "sdl.lab.virtual.process", "--folder", str(folder), "--spec", str(spec_file)]
    with (folder / LOG).open("ab") as log:
        launched = subprocess.run(
            [sys.executable, "-c", _LAUNCH, sys.executable, *lab],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            check=True,
        )
    pid = int(launched.stdout)
    give_up_s = time.monotonic() + START_S
    while time.monotonic() < give_up_s and _runs(pid):
        if found := alive(folder):
            return found
        time.sleep(POLL_S)
    said = (folder / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise Unreachable(f"the virtual lab in {folder} did not start: {' / '.join(said[-3:])}")


def alive(folder: Path) -> dict[str, Any] | None:
    """Return ``{"url", "pid", "token"}`` of the lab that lives in ``folder``, or None."""
    try:
        told = json.loads((folder / FILE).read_text(encoding="utf-8"))
        url = f"http://127.0.0.1:{told['port']}"
        proof = {"Authorization": f"Bearer {told['token']}"}
        answer = httpx.get(f"{url}/virtual/status", headers=proof, timeout=ANSWER_S, trust_env=False)
    except (OSError, ValueError, KeyError, httpx.HTTPError):
        return None
    return {"url": url, "pid": told["pid"], "token": told["token"]} if answer.status_code == 200 else None


def end(folder: Path) -> None:
    """Close the lab of ``folder``, if one lives there."""
    if found := alive(folder):
        proof = {"Authorization": f"Bearer {found['token']}"}
        httpx.post(f"{found['url']}/virtual/shutdown", headers=proof, timeout=ANSWER_S, trust_env=False)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
