"""Run by the analyzer's own Python, never by ours: the vendor's software, imported once for many analyses.

Each line of standard input, JSON ``{"arguments": [...], "folder": "..."}``, is one ``python -m opentrons.cli`` in a
fork of its own, as clean as a new process; what it says goes to `SAID` in its folder, its exit code to standard output.
It ends with its standard input, so with whoever started it.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

SAID = "said.txt"
"""What an order said, in its folder."""


def run(order: dict[str, Any]) -> int:
    """Run one order in a child process and return its exit code; where nothing forks, in a new interpreter."""
    if not hasattr(os, "fork"):
        with Path(order["folder"], SAID).open("wb") as said:
            command = [sys.executable, "-m", "opentrons.cli", *order["arguments"]]
            return subprocess.run(command, cwd=order["folder"], stdout=said, stderr=said, check=False).returncode
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        os.chdir(order["folder"])
        out = os.open(SAID, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.argv = ["opentrons.cli", *order["arguments"]]
        runpy.run_module("opentrons.cli", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:  # noqa: BLE001 - the child ends here, whatever happened
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Answer orders until there are no more."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what the import says is no answer
        importlib.import_module("opentrons.cli.analyze")
        for line in sys.stdin:
            answers.write(f"{run(json.loads(line))}\n")
            answers.flush()


if __name__ == "__main__":
    main()
