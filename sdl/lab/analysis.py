"""What the robot's own software says a protocol will do: its analysis, run in an environment of its own.

Opentrons pins packages that cannot live beside Prefect, so it is a subprocess.  Analysis is not a safety check (it
passes overfilled wells and heaters left on): the command list goes on to `sdl.verifier`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sdl
from sdl.errors import Refused, Unsafe

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
    """Analyse ``protocol`` with its CSV, about 3 s of CPU for 1800 commands.

    Raises `Refused` when the analyzer cannot run, does not answer, or refuses its input (it then writes no JSON), and
    `Unsafe` when the protocol itself fails, quoting the innermost error.
    """
    with tempfile.TemporaryDirectory(prefix="sdl-analysis-") as folder:
        out = Path(folder, "analysis.json")
        command = [str(analyzer_python), "-m", "opentrons.cli", "analyze", "--check", f"--json-output={out}"]
        command += [f"--rtp-files={json.dumps({STEPS_PARAMETER: str(csv.resolve())})}"]
        command += [str(path.resolve()) for path in (protocol, *labware)]
        said = _run(command, folder, timeout_s)
        if not out.exists() or not out.stat().st_size:
            raise Refused(f"the analyzer refused {protocol.name}: {said}")
        raw: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    if raw["result"] != "ok" or raw["errors"]:
        raise Unsafe(f"{protocol.name}: analysis ended with {raw['result']!r}: {_innermost(raw['errors'])}")
    return Analysis(result=raw["result"], commands=raw["commands"], errors=raw["errors"], raw=raw)


def _run(command: list[str], folder: str, timeout_s: float) -> str:
    """Run the analyzer away from the user's own Opentrons settings; return the end of what it said."""
    quiet = {"OT_API_CONFIG_DIR": folder, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, env=os.environ | quiet, cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise Refused(f"the analyzer did not answer within {timeout_s:g} s: is the machine overloaded?") from exc
    except OSError as exc:
        raise Refused(f"the analyzer {command[0]} cannot run ({exc}): build it with `python3 -m sdl setup`") from exc
    lines = (done.stderr + done.stdout).strip().splitlines()
    return f"exit code {done.returncode}: {' / '.join(lines[-4:])}"


def _innermost(errors: Sequence[Mapping[str, Any]]) -> str:
    """Follow the wrapped errors down; both ends are quoted, as the outer one has the line number."""
    if not errors:
        return "it gives no error; a CSV parameter may be missing"
    outer = inner = errors[0]
    while inner.get("wrappedErrors"):
        inner = inner["wrappedErrors"][0]
    texts = dict.fromkeys(f"{e['errorType']} {e['errorCode']}: {e['detail']}" for e in (inner, outer))
    return "; from ".join(texts)
