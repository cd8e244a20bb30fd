"""``python3 -m sdl VERB ...``: build both environments on first use, then hand over to the ``sdl`` command in them.

Only the standard library is imported here, because nothing else is installed yet. The environments lie in the
checkout (``.venv`` and ``.venv-analyzer``), made from the lock files in ``sdl/environments``, and are rebuilt when a
lock file changes.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = Path(__file__).resolve().parent / "environments"
SUPPORTED = ((3, 11), (3, 12))


def main() -> int:
    """Build what is missing, then run the ``sdl`` command with the same arguments."""
    if sys.version_info[:2] not in SUPPORTED:
        found = ".".join(map(str, sys.version_info[:2]))
        sys.stderr.write(f"sdl needs Python 3.11 or 3.12, this is {found}: start it with python3.11 or python3.12\n")
        return 2
    python = build(".venv", "main.txt", editable=True)
    build(".venv-analyzer", "analyzer.txt", editable=False)
    if sys.argv[1:] == ["setup"]:
        return 0
    command = [str(python), "-m", "sdl.cli", *sys.argv[1:]]
    if os.name != "nt":
        os.execv(command[0], command)
    import subprocess

    return subprocess.call(command)


def build(name: str, lock: str, *, editable: bool) -> Path:
    """Create the environment ``name`` from ``lock`` unless it is there already; return its Python."""
    folder, wanted = ROOT / name, hashlib.sha256((LOCKS / lock).read_bytes()).hexdigest()
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    marker = folder / "sdl-lock"
    if marker.is_file() and marker.read_text() == wanted:
        return python
    import subprocess
    import venv  # both take longer to load than the look at the lock files above

    started = time.monotonic()
    sys.stderr.write(f"building {name} from sdl/environments/{lock} (once, some minutes) ...\n")
    venv.create(folder, with_pip=True, clear=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pins = (LOCKS / lock).read_text().splitlines()
    for torch in (pin for pin in pins if pin.startswith("torch==")):
        subprocess.run([*install, torch], check=True)
    subprocess.run([*install, "--requirement", str(LOCKS / lock)], check=True)
    if editable:
        subprocess.run([*install, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)], check=True)
    marker.write_text(wanted)
    sys.stderr.write(f"{name} is ready after {time.monotonic() - started:.0f} s\n")
    return python


if __name__ == "__main__":
    raise SystemExit(main())
