"""Heat off when nobody watches: a small process that outlives its controller, to switch the robot's modules off.

``python -m sdl.attempt.watchdog FOLDER ADDRESS GRACE_S``. Its standard input is a pipe held by the controller. When the
pipe closes without a goodbye, and no other controller has taken the campaign after a grace, heat goes off. A watch that
nobody needs any more, of a campaign that was handed back with nothing in flight or whose folder is gone, ends at once.
It cannot help when this machine or the network dies: a robot needs a thermal fuse of its own (interlock I11).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GOODBYE = b"bye"

GRACE_S = 120.0
"""How long a killed controller may take to be resumed with its vials still warm (chosen: a restart takes 10 s)."""

LOOK_S = 1.0
"""How often a watchdog whose controller is gone looks whether its watch is over (chosen: a look takes 10 ms)."""

IN_FLIGHT = ("STARTING", "VERIFY")


@contextmanager
def guarded(folder: Path, address: str, *, grace_s: float = GRACE_S) -> Iterator[None]:
    """Have somebody watch this controller; the end of the block is a goodbye unless a run is in flight."""
    command = [sys.executable, "-m", "sdl.attempt.watchdog", str(folder), address, str(grace_s)]
    quiet = subprocess.DEVNULL
    dog = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True)
    assert dog.stdin is not None
    try:
        yield
    finally:
        from sdl.store import Store

        with Store.open(folder, create=False) as store:
            over = not store.attempts(*IN_FLIGHT)
        with dog.stdin as pipe:
            if over:
                pipe.write(GOODBYE)
        if over:
            dog.wait()


def watch(folder: Path, address: str, grace_s: float) -> None:
    """Wait for the controller's end; switch heat off unless it said goodbye or another one has taken over."""
    if sys.stdin.buffer.read().endswith(GOODBYE):
        return
    give_up_s = time.monotonic() + grace_s
    while time.monotonic() < give_up_s:
        if _is_over(folder):
            return
        time.sleep(LOOK_S)
    from sdl.lab.robot import Robot
    from sdl.store import Store

    with Store.open(folder, create=False) as store:
        if store.is_held():
            return
        refused = Robot(address).all_heat_off()
        said = f"not confirmed off: {'; '.join(refused)[:300]}" if refused else "switched off"
        store.claim()
        store.event("heat looked after", text=f"nobody watched the run for {grace_s:g} s; heat {said}")


def _is_over(folder: Path) -> bool:
    """Say whether a later controller has handed the campaign back with nothing in flight, or the campaign is gone."""
    from sdl.errors import SdlError
    from sdl.store import Store

    try:
        with Store.open(folder, create=False) as store:
            return store.owner().pid is None and not store.attempts(*IN_FLIGHT)
    except SdlError:
        return not folder.exists()


if __name__ == "__main__":
    watch(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
