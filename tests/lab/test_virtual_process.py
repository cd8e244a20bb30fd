"""The virtual lab is a process of its own: it outlives its caller, is found again, and ends when told to."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import httpx
import pytest

from sdl.errors import Unreachable
from sdl.lab.clock import RemoteClock
from sdl.lab.robot import Robot
from sdl.lab.simulated import FILE, LOG, alive, end, start
from sdl.lab.virtual.process import main
from tests.lab.conftest import SPEC


def test_a_lab_is_started_once_found_again_and_ended(tmp_path: Path) -> None:
    first = start(tmp_path, SPEC)
    try:
        assert first["pid"] != os.getpid()
        assert os.getsid(first["pid"]) == first["pid"] != os.getsid(0), "a session of its own survives the caller"
        assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
        clock = RemoteClock(first["url"])
        clock.wait_until(clock.now_s() + 3600.0)
        robot = Robot(first["url"])
        assert robot.health()["robot_serial"] == "virtual-7"
        robot.close()
        assert start(tmp_path, SPEC) == first, "a second call finds the first lab"
        assert clock.now_s() == pytest.approx(1767225600.0 + 3600.0)
    finally:
        end(tmp_path)
    assert "Traceback" not in (tmp_path / LOG).read_text()


def test_a_stale_file_of_another_lab_is_not_believed(tmp_path: Path) -> None:
    assert alive(tmp_path) is None
    (tmp_path / FILE).write_text(json.dumps({"port": 9, "pid": 1, "token": "x"}))
    assert alive(tmp_path) is None
    (tmp_path / FILE).write_text('{"port"')
    assert alive(tmp_path) is None


def test_a_lab_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="seed"):
        start(tmp_path, {**SPEC, "seed": "not a number"})


def test_a_lab_without_a_caller_ends_itself(tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(SPEC))
    assert main(["--folder", str(tmp_path), "--spec", str(spec), "--idle-s", "0"]) == 0
    assert not (tmp_path / FILE).exists()


def test_only_the_owner_may_end_a_lab(tmp_path: Path) -> None:
    found = start(tmp_path, SPEC)
    try:
        for headers in ({}, {"Authorization": "Bearer guess"}):
            answer = httpx.post(f"{found['url']}/virtual/shutdown", headers=headers, trust_env=False)
            assert answer.status_code == 401
        assert alive(tmp_path) == found
    finally:
        end(tmp_path)
