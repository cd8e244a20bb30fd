"""What the robot's own software says a protocol will do: its analysis, run in an environment of its own.

Opentrons pins packages that cannot live beside Prefect, so it is a subprocess, kept ready from the first analysis on
(`sdl.lab.vendor`): its import takes longer than an analysis.  Analysis is not a safety check (it passes overfilled
wells and heaters left on): the command list goes on to `sdl.verifier`.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import sdl
from sdl.errors import Refused, Unsafe
from sdl.lab import vendor

STEPS_PARAMETER = "steps"
"""The variable name of the one CSV parameter in ``protocols/timed_steps.py``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """An analysis that ended with ``result`` "ok": the command list, and the whole JSON document as ``raw``."""

    result: str
    commands: list[dict[str, Any]]
    errors: list[dict[str, Any]]
    raw: dict[str, Any]


def default_analyzer() -> Path:
    """Return the Python of the checkout's analyzer environment; raise `Refused` with how to build it."""
    leaf = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    python = Path(sdl.__file__).parent.parent / ".venv-analyzer" / leaf
    if not python.exists():
        raise Refused(f"the analyzer environment is missing ({python}): build it with `python3 -m sdl setup`")
    return python


def analyze(
    protocol: Path, labware: Sequence[Path], csv: Path, *, analyzer_python: Path, timeout_s: float = 300.0
) -> Analysis:
    """Analyse ``protocol`` with its CSV, about 1 s of CPU for 1800 commands, and 3 s more for the first.

    Raises `Refused` when the analyzer cannot run, does not answer, or refuses its input (it then writes no JSON), and
    `Unsafe` when the protocol itself fails, quoting the innermost error.
    """
    with tempfile.TemporaryDirectory(prefix="sdl-analysis-") as folder:
        out = Path(folder, "analysis.json")
        words = ["analyze", "--check", f"--json-output={out}"]
        words += [f"--rtp-files={json.dumps({STEPS_PARAMETER: str(csv.resolve())})}"]
        words += [str(path.resolve()) for path in (protocol, *labware)]
        said = _vendor(analyzer_python).run(words, folder, timeout_s)
        if not out.exists() or not out.stat().st_size:
            raise Refused(f"the analyzer refused {protocol.name}: {said}")
        raw: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    if raw["result"] != "ok" or raw["errors"]:
        raise Unsafe(f"{protocol.name}: analysis ended with {raw['result']!r}: {_innermost(raw['errors'])}")
    return Analysis(result=raw["result"], commands=raw["commands"], errors=raw["errors"], raw=raw)


@dataclass(slots=True)
class Vendor:
    """The vendor's software in a process of its own, away from the user's own Opentrons settings; one order at a time.

    It starts with the first order, and anew where it has ended since; it ends with this process.
    """

    python: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _process: subprocess.Popen[str] | None = None
    _home: tempfile.TemporaryDirectory[str] | None = None

    def run(self, words: Sequence[str], folder: str, timeout_s: float) -> str:
        """Run one command line in ``folder``; return its exit code and the end of what it said."""
        with self._lock, ThreadPoolExecutor(1) as listener:
            if self._process is not None and self._process.poll() is not None:
                self.end()
            process = self._process or self._start()
            assert process.stdin is not None and process.stdout is not None
            with suppress(BrokenPipeError):  # it has ended: so does what it says
                process.stdin.write(json.dumps({"arguments": list(words), "folder": folder}) + "\n")
                process.stdin.flush()
            try:
                code = listener.submit(process.stdout.readline).result(timeout_s).strip()
            except TimeoutError as exc:
                self.end()
                raise Refused(
                    f"the analyzer did not answer within {timeout_s:g} s: is the machine overloaded?"
                ) from exc
            if code:
                return f"exit code {code}: {_last_lines(Path(folder))}"
            assert self._home is not None
            said = f"exit code {process.wait()}: {_last_lines(Path(self._home.name))}"
            self.end()
            return said

    def _start(self) -> subprocess.Popen[str]:
        self._home = tempfile.TemporaryDirectory(prefix="sdl-vendor-")
        command = [str(self.python), "-I", "-B", vendor.__file__]
        with Path(self._home.name, vendor.SAID).open("wb") as said:
            try:
                self._process = subprocess.Popen(
                    command,
                    env={**os.environ, "OT_API_CONFIG_DIR": self._home.name},
                    cwd=self._home.name,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    text=True,
                    start_new_session=True,
                )
            except OSError as exc:
                raise Refused(
                    f"the analyzer {self.python} cannot run ({exc}): build it with `python3 -m sdl setup`"
                ) from exc
        atexit.register(self.end)
        return self._process

    def end(self) -> None:
        """End the software and what it is doing."""
        atexit.unregister(self.end)
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError, BrokenPipeError), process:
                os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
        if self._home is not None:
            self._home.cleanup()


@cache
def _vendor(python: Path) -> Vendor:
    return Vendor(python)


def _last_lines(folder: Path) -> str:
    said = folder / vendor.SAID
    lines = said.read_text(encoding="utf-8", errors="replace").strip().splitlines() if said.exists() else []
    return " / ".join(lines[-4:])


def _innermost(errors: Sequence[Mapping[str, Any]]) -> str:
    """Follow the wrapped errors down; both ends are quoted, as the outer one has the line number."""
    if not errors:
        return "it gives no error; a CSV parameter may be missing"
    outer = inner = errors[0]
    while inner.get("wrappedErrors"):
        inner = inner["wrappedErrors"][0]
    texts = dict.fromkeys(f"{e['errorType']} {e['errorCode']}: {e['detail']}" for e in (inner, outer))
    return "; from ".join(texts)
