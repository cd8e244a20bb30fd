"""Which process holds a store, told apart from a later process with the same number."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["boot", "is_running", "started"]


def boot() -> str:
    """Return the id of this boot of this computer, "" where the system does not say (Linux: random(4))."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def started(pid: int) -> str | None:
    """Return when ``pid`` started, in clock ticks since boot; "" where unknown, None when it is dead (proc(5))."""
    if not Path("/proc/self/stat").exists():
        return "" if _answers(pid) else None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    state, start_ticks = fields[0], fields[19]
    return None if state in "ZX" else start_ticks


def is_running(pid: int, start: str, booted: str) -> bool:
    """Say whether the process that noted ``start`` and ``booted`` about itself is still alive."""
    return booted == boot() and started(pid) == start


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
