"""Where a store may live: on a local disk, never in a network or synchronised folder.

SQLite's write-ahead log shares memory between processes, and sync programs copy half-written files: both lose data
silently on such folders (sqlite.org/wal.html, "All processes using a database must be on the same host computer").
"""

from __future__ import annotations

import re
from pathlib import Path

from sdl.errors import Refused

__all__ = ["place_of", "refuse_shared_folder", "remember_url", "url_of"]

_SYNC = re.compile(
    r"(dropbox|onedrive|google ?drive|my drive|icloud ?drive|mobile documents|nextcloud|owncloud|box sync|pclouddrive)"
    r"( .*)?",
    re.IGNORECASE,
)
"""Folder names that the sync programs give themselves, with a company name after a space."""

_NETWORK = re.compile(
    r"nfs4?|cifs|smb3?|smbfs|afs|9p|ceph|lustre|beegfs|glusterfs|davfs|fuse\.(sshfs|rclone|glusterfs|s3fs|davfs2)"
)
"""File system types of /proc/mounts (Linux, proc(5)) that are served by another computer."""


URL_FILE = "store.url"


def place_of(folder: Path) -> Path:
    """Return the file that stands for the store of a state folder: the database, or the note of where it is."""
    noted = folder / URL_FILE
    return noted if noted.exists() else folder / "store.sqlite"


def url_of(folder: Path) -> str:
    """Return the URL that a state folder remembers, "" for a store in a file."""
    noted = folder / URL_FILE
    return noted.read_text(encoding="utf-8").strip() if noted.exists() else ""


def remember_url(folder: Path, url: str) -> None:
    """Note, for the owner's eyes, that this folder's store is on a server; Refused when it is elsewhere already."""
    known = url_of(folder)
    if (folder / "store.sqlite").exists() or known not in ("", url):
        raise Refused(f"{place_of(folder)}: this campaign's store is here already; use another --state folder")
    if not known:
        folder.mkdir(parents=True, exist_ok=True)
        noted = folder / URL_FILE
        noted.touch(mode=0o600)
        noted.write_text(url + "\n", encoding="utf-8")


def refuse_shared_folder(folder: Path, mounts: str | None = None) -> None:
    """Raise Refused if ``folder`` is synchronised or on a network disk; ``mounts`` is the text of /proc/mounts."""
    folder = folder.absolute()
    synced = next((part for part in folder.parts if _SYNC.fullmatch(part)), None)
    if synced is not None or str(folder).startswith(("\\\\", "//")):
        _refuse(folder, f"is inside {synced!r}, which a program copies while we write" if synced else "is on a server")
    kind = _file_system(folder.resolve(), _mounts() if mounts is None else mounts)
    if _NETWORK.fullmatch(kind):
        _refuse(folder, f"is on a network disk ({kind})")


def _refuse(folder: Path, what: str) -> None:
    raise Refused(f"{folder}: the state folder {what}; data would be lost there; use --state with a local folder")


def _mounts() -> str:
    try:
        return Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _file_system(folder: Path, mounts: str) -> str:
    """Return the type of the file system that holds ``folder``, "" where the system does not say."""
    found = [
        (len(f[1]), n, f[2])
        for n, line in enumerate(mounts.splitlines())
        if len(f := line.split()) > 2 and folder.is_relative_to(f[1].replace("\\040", " "))
    ]
    return max(found)[2] if found else ""
