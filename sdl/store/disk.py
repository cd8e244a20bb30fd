"""Files that are complete or absent, whatever is killed or unplugged while they are written."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["sync", "write_durably"]


def write_durably(path: Path, content: str | bytes) -> None:
    """Put ``content`` under its final name only when all of it is on disk; a failed fsync is not repeated."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file, or a folder's names, on the disk itself."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
