"""A PostgreSQL cluster of the tests' own, on a socket in a temporary folder, where the server is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from sdl.store import Store

TEMPLATE = "sdl_template"


def programs() -> Path | None:
    """Return the folder of initdb and pg_ctl, None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Start a server in ``folder`` and give its URL without a database; it holds a template with our schema."""
    place = programs()
    assert place is not None
    folder.mkdir(mode=0o700)
    who: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    for parent in folder.parents[:2]:
        parent.chmod(parent.stat().st_mode | 0o011)
    data, options = folder / "data", f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    make = [place / "initdb", "-D", data, "-U", "sdl", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C"]
    subprocess.run(make, **quiet, **who)
    control = [place / "pg_ctl", "-D", data, "-w"]
    subprocess.run([*control, "-o", options, "-l", folder / "log", "start"], **quiet, **who)
    try:
        with psycopg.connect(host=str(folder), user="sdl", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
        Store.open(folder / "state", create=True, url=url_of(folder, TEMPLATE)).close()
        yield str(folder)
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet, **who)


def url_of(socket: str | Path, database: str) -> str:
    return f"postgresql://sdl@/{database}?host={socket}"


def fresh_database(socket: str, name: str) -> str:
    """Make an empty campaign database and return its URL."""
    with psycopg.connect(host=socket, user="sdl", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    return url_of(socket, name)
