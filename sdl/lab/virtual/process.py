"""The virtual lab's own process: robot, reader, operator and clock behind one loopback port.

``python -m sdl.lab.virtual.process --folder DIR --spec FILE``. It outlives its controller, writes where it answers to
``DIR/virtual-lab.json``, keeps the physical journal beside it, and ends when told to or when nobody has called for
10 minutes. Started again in the same folder, it finds its vials as they were, but has forgotten protocols and runs,
as a robot that lost power has.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from sdl.lab.analysis import analyze, default_analyzer
from sdl.lab.virtual.bench import VirtualBench
from sdl.lab.virtual.endpoints import application
from sdl.lab.virtual.saving import EVERY_S

FILE = "virtual-lab.json"

IDLE_S = 600.0
"""Without a caller for this long in real time, the lab ends itself (the bench's rule)."""

LOOK_S = 1.0
"""How often the lab looks whether it has become idle."""


class Attended:
    """Remembers, on the real clock, when somebody last called."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._called_s = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._called_s = time.monotonic()
        await self._app(scope, receive, send)

    @property
    def idle_s(self) -> float:
        return time.monotonic() - self._called_s


async def serve(bench: VirtualBench, folder: Path, *, idle_s: float = IDLE_S) -> None:
    """Answer on a free loopback port until told to end, or idle."""
    token = secrets.token_hex(16)
    ended = asyncio.Event()
    app = Attended(application(bench, token, ended.set))
    listener = socket.create_server(("127.0.0.1", 0))
    # The lab logs what happens in its journal; its own log is for what goes wrong.
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", access_log=False))
    told = {"port": listener.getsockname()[1], "pid": os.getpid(), "token": token}
    _publish(folder / FILE, json.dumps(told))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    saving = asyncio.create_task(_save(bench))
    while not ended.is_set() and not serving.done() and (app.idle_s < idle_s or bench.robot.busy):
        await asyncio.wait({serving, asyncio.ensure_future(ended.wait())}, timeout=LOOK_S)
    (folder / FILE).unlink(missing_ok=True)
    saving.cancel()
    server.should_exit = True
    await serving


async def _save(bench: VirtualBench) -> None:
    """Let the spectrometer's program save what it sees, where this bench has one."""
    while bench.program is not None:
        await asyncio.to_thread(bench.program.step)
        await asyncio.sleep(EVERY_S)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the lab of one folder until it ends."""
    parser = argparse.ArgumentParser(prog="sdl virtual-lab", description="A lab that exists in numbers only.")
    parser.add_argument("--folder", type=Path, required=True, help="where its journal and files are kept")
    parser.add_argument("--spec", type=Path, required=True, help="what stands on its bench (JSON)")
    parser.add_argument("--idle-s", type=float, default=IDLE_S, help="end after this long without a caller")
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    spec = json.loads(given.spec.read_text(encoding="utf-8"))
    python = Path(spec["analyzer"]) if spec.get("analyzer") else default_analyzer()
    analyser = partial(analyze, analyzer_python=python)
    with closing(VirtualBench(folder=given.folder, spec=spec, analyze=analyser)) as bench:
        asyncio.run(serve(bench, given.folder, idle_s=given.idle_s))
    return 0


def _publish(path: Path, text: str) -> None:
    """Write a file that nobody can see half-written, for its owner's eyes only."""
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


if __name__ == "__main__":
    raise SystemExit(main())
