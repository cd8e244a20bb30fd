"""A going run is watched: what an interlock finds ends it, cooled and UNKNOWN, on the virtual robot over HTTP."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sdl.attempt.follow import follow
from sdl.attempt.preflight import WATCH_S, watch
from sdl.attempt.session import LOOPBACK, Session
from sdl.chemistry.compiler import Compiler
from sdl.errors import Unsafe
from sdl.lab.analysis import analyze
from sdl.lab.clock import RemoteClock
from sdl.lab.operator import RemoteOperator
from sdl.lab.readers.remote import RemoteReader
from sdl.store import Attempt, NewExperiment, Store
from tests.benches import example
from tests.lab.command_lists import DECK, command, opening, pause
from tests.lab.conftest import Bench, opened

CSV = "action,at_s,earliest_s,latest_s,well,stock,volume_ul,value\ntemperature,,,,vials,,,40\n"


def heated(celsius: float) -> list[dict[str, Any]]:
    """A run that sets its block, waits for us, and would switch the block off at its end."""
    return [
        *opening(),
        command("temperatureModule/setTargetTemperature", moduleId="heat", celsius=celsius),
        pause("AT 600 inject vials/A1"),
        command("temperatureModule/deactivate", moduleId="heat"),
    ]


def going(bench: Bench, store: Store) -> tuple[Session, Attempt]:
    """Start the bench's run as an attempt whose verified block temperature is 40 degC."""
    campaign = example()
    assert campaign.lab is not None
    store.claim()
    store.save_campaign("campaign: watched", "ab" * 32, {"name": "watched"})
    store.add_batch(1, [NewExperiment(kind="explore", suggestion={"design": {}})])
    planned = store.plan_attempt(1, {"vials/A1": store.experiments()[0].id}, {"duration_s": 60.0}, robot=bench.url)
    protocol_id, file_id = bench.send()
    bench.robot.analysis(protocol_id)
    run_id = bench.robot.create_run(protocol_id, file_id)
    store.set_attempt(planned.id, csv=CSV, protocol_id=protocol_id, file_id=file_id, run_id=run_id)
    for frm, to in (("PLANNED", "RESERVED"), ("RESERVED", "UPLOADED")):
        store.move_attempt(planned.id, frm, to)
    store.move_attempt(planned.id, "UPLOADED", "VERIFIED", list_hash="cd" * 32)
    for frm, to in (("VERIFIED", "ARMED"), ("ARMED", "STARTING"), ("STARTING", "VERIFY")):
        store.move_attempt(planned.id, frm, to)
    bench.robot.play(run_id)
    assert any(bench.robot.run(run_id)["status"] == "paused" for _ in range(2000))
    session = Session(
        campaign=campaign,
        lab=replace(campaign.lab, robot_serial=bench.inside.serial, deck=DECK),
        compiler=Compiler.of(campaign),
        store=store,
        robot=bench.robot,
        reader=RemoteReader(f"{bench.url}/virtual/reader"),
        clock=RemoteClock(bench.url),
        operator=RemoteOperator(bench.url),
        folder=bench.folder,
        analyze=partial(analyze, analyzer_python=Path()),
        say=[].append,
        tempo=LOOPBACK,
    )
    return session, store.attempt(planned.id)


def test_a_block_set_to_what_was_not_verified_ends_the_run_cold_and_unknown(tmp_path: Path) -> None:
    with opened(tmp_path, heated(55.0)) as bench, Store.open(tmp_path / "state", create=True) as store:
        session, attempt = going(bench, store)
        follow(session, attempt)
        assert store.attempt(attempt.id).state == "UNKNOWN"
        assert bench.robot.run(attempt.run_id)["status"] == "stopped"
        assert [module["data"].get("targetTemperature") for module in bench.robot.modules()] == [None]
        (lost,) = store.events(kinds=["attempt lost sight of"])
        assert "is set to 55 degC, verified were [40.0]; switch it off [I11]" in lost.data["why"]
        assert store.handshakes(attempt.id) == []


def test_a_run_as_verified_is_looked_at_once_a_minute_of_the_labs_clock(tmp_path: Path) -> None:
    with opened(tmp_path, heated(40.0)) as bench, Store.open(tmp_path / "state", create=True) as store:
        session, attempt = going(bench, store)
        first_s = watch(session, attempt, -math.inf)
        assert first_s == session.clock.now_s()
        session.clock.wait_until(first_s + WATCH_S / 2)
        assert watch(session, attempt, first_s) == first_s
        session.clock.wait_until(first_s + WATCH_S)
        assert watch(session, attempt, first_s) == pytest.approx(first_s + WATCH_S)
        elsewhere = replace(session, lab=replace(session.lab, robot_serial="another"))
        with pytest.raises(Unsafe, match=r"the lab file names another: check the address \[I20\]"):
            watch(elsewhere, attempt, -math.inf)
        bench.robot.stop(attempt.run_id)
