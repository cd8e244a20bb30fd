"""Which Prefect a campaign runs under: a dedicated server, or an embedded one that ends with its controller.

``PREFECT_API_URL`` names a server of your own (with ``PREFECT_API_AUTH_STRING`` where it was started with
``PREFECT_SERVER_API_AUTH_STRING``). Without it a process of its own is started and ends with the controller.

``python -m flows.server PORT`` serves Prefect's API on loopback. Its standard input is a pipe held by the controller;
when the controller ends, however it ends, the pipe closes and the server stops. So a killed campaign leaves no orphan.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from pathlib import Path

from sdl.errors import Refused, Unreachable

START_TIMEOUT_S = 180.0
"""The first start of an environment migrates an empty database; 25 s were measured on two busy cores, so seven times
that (chosen)."""


def settings(home: Path) -> dict[str, str]:
    """Return Prefect's environment: state in the campaign's folder, no telemetry, no console noise."""
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_SERVER_UI_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
    }


@contextmanager
def prefect_api(home: Path) -> Iterator[str]:
    """Point this process at a Prefect API: the one in ``PREFECT_API_URL`` if set, else an embedded one.

    Unreachable when a server that was named does not answer, Refused when it wants another auth string.
    """
    home.mkdir(parents=True, exist_ok=True)
    given = os.environ.get("PREFECT_API_URL")
    os.environ.update({k: v for k, v in settings(home).items() if k not in os.environ})
    if given:
        _require_answer(given)
        yield given
        return
    port = _free_port()
    url = f"http://127.0.0.1:{port}/api"
    fresh = not (home / "prefect.db").exists()
    if fresh:
        _begin_empty(home / "prefect.db")
    log = (home / "server.log").open("ab")
    server = subprocess.Popen(
        [sys.executable, "-m", "flows.server", str(port)], stdin=subprocess.PIPE, stdout=log, stderr=log
    )
    try:
        os.environ["PREFECT_API_URL"] = url  # before Prefect is imported: it reads its environment once
        import prefect.client.orchestration  # noqa: F401 - takes as long as the server takes to start

        _wait_until_healthy(port, server, home)
        if fresh:
            _keep_empty(home / "prefect.db")
        yield url
    finally:
        os.environ.pop("PREFECT_API_URL", None)
        if server.stdin is not None:
            server.stdin.close()
        server.wait(timeout=30)
        log.close()


KEPT_DAYS = 7
"""How long Prefect keeps the runs of flows that ended (its own default for events); the store keeps everything."""


def mark_of(folder: Path) -> str:
    """Return the tag of this campaign's flow runs: another campaign of the same name shares a server, not a folder."""
    return f"{socket.gethostname()}:{folder.resolve()}"


def tidy(mark: str) -> None:
    """Mark runs that a killed controller of this campaign left "Running" as crashed, and forget those long ended.

    What happened is in the store; this only keeps Prefect's window honest and small.
    """
    from datetime import UTC, datetime, timedelta

    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
    from prefect.states import Crashed

    before = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[mark]))):
            if run.state is not None and not run.state.is_final():
                client.set_flow_run_state(run.id, Crashed(message="its controller was killed"), force=True)
            elif run.end_time is not None and run.end_time < before:
                client.delete_flow_run(run.id)


def _require_answer(url: str) -> None:
    """Ask a dedicated server who it is, with our auth string if there is one."""
    import httpx

    login = os.environ.get("PREFECT_API_AUTH_STRING", "")
    user, _, word = login.partition(":")
    try:
        answer = httpx.get(f"{url}/admin/version", auth=(user, word) if login else None, timeout=10.0, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise Unreachable(
            f"PREFECT_API_URL={url}: no Prefect server answers ({exc or type(exc).__name__}); start it with `prefect "
            "server start`, or unset PREFECT_API_URL for an embedded one"
        ) from exc
    if answer.status_code in (401, 403):
        raise Refused(
            f"PREFECT_API_URL={url}: the server wants another auth string than PREFECT_API_AUTH_STRING: set it to what "
            "the server's PREFECT_SERVER_API_AUTH_STRING says, user:password"
        )
    if answer.status_code != 200:
        raise Unreachable(f"PREFECT_API_URL={url}: HTTP {answer.status_code} is no answer of a Prefect API")


def _empty_database() -> Path:
    """Where this environment keeps Prefect's empty database: migrating a new one takes 8 s of CPU, a copy none."""
    return Path(sys.prefix, "share", "sdl", f"prefect-{version('prefect')}.db")


def _begin_empty(database: Path) -> None:
    """Begin with the empty database that is kept; without one the server migrates its own."""
    if _empty_database().exists():
        copy = database.with_suffix(".new")
        shutil.copyfile(_empty_database(), copy)
        copy.replace(database)  # a kill in between leaves no half of a database


def _keep_empty(started: Path) -> None:
    """Keep the database of a server that was just started for the first time; an environment may be read-only."""
    kept = _empty_database()
    if kept.exists() or not started.exists():  # it may be another database, of PREFECT_API_DATABASE_CONNECTION_URL
        return
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            copy = Path(folder, kept.name)
            with closing(sqlite3.connect(started)) as old, closing(sqlite3.connect(copy)) as new:
                old.backup(new)
            copy.replace(kept)
    except OSError:
        return  # the next campaign migrates its own


def _wait_until_healthy(port: int, server: subprocess.Popen[bytes], home: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise Unreachable(f"the embedded Prefect server ended at once; its log is {home / 'server.log'}")
        with closing(HTTPConnection("127.0.0.1", port, timeout=2.0)) as asked, suppress(OSError, HTTPException):
            asked.request("GET", "/api/health")
            if asked.getresponse().status == 200:
                return
        time.sleep(0.1)
    server.kill()
    raise Unreachable(f"the embedded Prefect server gave no answer on port {port}; its log is {home / 'server.log'}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_parent() -> None:
    """Wait for the end of standard input, then stop this process as an operator would."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5.0)
    os._exit(0)


def main() -> None:
    """Serve until standard input closes."""
    import uvicorn
    from prefect.server.api.server import create_app

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()
