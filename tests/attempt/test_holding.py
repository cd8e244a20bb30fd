"""Two controllers with stores of their own, or a store and its copy, on one robot: one holds it, the other is told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from sdl.attempt.holding import held, hold, renew
from sdl.attempt.session import Session
from sdl.errors import NeedsPerson
from sdl.store import Store
from tests.chemistry.campaigns import example
from tests.lab.command_lists import opening
from tests.lab.conftest import Bench, opened


@contextmanager
def controller(bench: Bench, folder: Path) -> Iterator[Session]:
    """Open the store in ``folder`` and give a session that can do nothing but hold the robot."""
    nothing = cast("Any", None)
    with Store.open(folder, create=True) as store:
        yield Session(
            campaign=example(),
            lab=nothing,
            compiler=nothing,
            store=store,
            robot=bench.robot,
            reader=nothing,
            clock=nothing,
            operator=nothing,
            folder=folder,
            analyze=nothing,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with opened(tmp_path, opening()) as found:
        yield found


def test_a_second_controller_is_told_who_holds_the_robot_since_when(bench: Bench, tmp_path: Path) -> None:
    with controller(bench, tmp_path / "ours") as ours, controller(bench, tmp_path / "theirs") as theirs:
        with held(ours):
            said = rf"held by campaign blue-465, pid \d+, {tmp_path}/ours on \S+, since 20\d\d-\d\d-\d\dT[\d:]+Z"
            with pytest.raises(NeedsPerson, match=said):
                hold(theirs)
        hold(theirs)
        with pytest.raises(NeedsPerson, match="/theirs on"):
            hold(ours)


def test_a_copy_of_a_store_does_not_get_the_robot_of_the_first(bench: Bench, tmp_path: Path) -> None:
    with controller(bench, tmp_path / "first") as first:
        hold(first)
    shutil.copytree(tmp_path / "first", tmp_path / "copy")
    with controller(bench, tmp_path / "copy") as copy, pytest.raises(NeedsPerson, match="/first on"):
        hold(copy)


def test_a_killed_controller_takes_its_robot_again_and_keeps_the_moment(bench: Bench, tmp_path: Path) -> None:
    with controller(bench, tmp_path / "ours") as ours:
        hold(ours)
        since = bench.robot.note()["since"]
    with controller(bench, tmp_path / "ours") as again:
        hold(again)
        bench.robot.leave_note({**bench.robot.note(), "until": ""})
        renew(again)
    assert bench.robot.note()["since"] == since and bench.robot.note()["until"]


def test_a_hold_that_ran_out_is_nobodys_and_a_note_nobody_can_read_needs_a_person(bench: Bench, tmp_path: Path) -> None:
    with controller(bench, tmp_path / "ours") as ours:
        bench.robot.leave_note({"holder": "gone", "until": "2026-01-01T00:00:00+00:00"})
        renew(ours)
        assert bench.robot.note()["holder"] == "gone", "a renewal takes nothing from others"
        hold(ours)
        assert bench.robot.note()["campaign"] == "blue-465"
        for bad in ({"holder": "x"}, {"holder": "x", "until": "soon"}):
            bench.robot.leave_note(bad)
            with pytest.raises(NeedsPerson, match="cannot be read"):
                hold(ours)
