from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sdl.store import NewExperiment, Store

WRITER = """
import sys
from pathlib import Path
import numpy as np
from sdl.spectra.types import Spectrum
from sdl.store import Store

store = Store.open(Path(sys.argv[1]), create=False)
epoch, attempt = store.claim(), store.attempts()[0].id
grid = np.linspace(340.0, 800.0, 2048)
print("ready", flush=True)
for n in range(100_000):
    look = Spectrum(kind="pl", role="sample", wavelength_nm=grid, counts=grid + n, time_s=float(n), instrument="x")
    command = f"{epoch}-{n}"
    store.write_handshake(attempt, command, "READ", 1.0)
    read = store.save_read(attempt, command, label="sample", time_s=float(n), spectra=[look])
    print(command, read, flush=True)
"""

ACKNOWLEDGED_BEFORE_KILL = (1, 5, 18)


def test_what_was_acknowledged_is_there_after_kill_9(folder: Path) -> None:
    with Store.open(folder, create=True) as store:
        store.claim()
        store.add_batch(1, [NewExperiment(kind="explore", suggestion={"design": {}})])
        store.plan_attempt(1, {"vials/A1": "blue-465-0001"}, {})
    acknowledged: dict[str, int] = {}
    for count in ACKNOWLEDGED_BEFORE_KILL:
        acknowledged |= _write_until_killed(folder, count)
        with Store.open(folder, create=False) as store:
            assert store.verify_chain() == []
            stored = {read.command_id: read for read in store.reads()}
            assert {command: stored[command].id for command in acknowledged} == acknowledged
            assert all(store.spectra(read.id)[0].counts[0] == 340.0 + read.time_s for read in stored.values())
            assert stored.keys() <= {handshake.command_id for handshake in store.handshakes(store.attempts()[0].id)}
    assert len(acknowledged) >= sum(ACKNOWLEDGED_BEFORE_KILL)
    with Store.open(folder, create=False) as store:
        assert store.claim() == len(ACKNOWLEDGED_BEFORE_KILL) + 2


def _write_until_killed(folder: Path, count: int) -> dict[str, int]:
    """Let a child write, kill it after ``count`` acknowledgements, return all it managed to acknowledge."""
    command = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        lines = [child.stdout.readline() for _ in range(count)]
        child.kill()
        lines += child.stdout.readlines()
    return {command: int(read) for command, read in (line.split() for line in lines if line.endswith("\n"))}
