"""The virtual robot answers as the vendor's robot-server 8.1.0 did, of which answers are kept beside this file.

They were written by ``python -m benchmarks.robot_server --url ... --moves --keep``, with simulated motors.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.robot_server import Answer, Listening, Seen, differences, look
from sdl.lab.robot import ENDED, Robot
from tests.lab.command_lists import command, opening
from tests.lab.conftest import Bench

RUN = [*opening(), command("waitForResume", message="READ blank stocks/B1")]

LEFT_OUT = (".links (...)", ".meta (...)", ".metadata (...)", ".robotType (str)", ".runTimeParameters (...)")
"""What the virtual robot does not say and nobody here reads: links, and what a protocol says of itself."""


def recorded(robot_type: str) -> list[Answer]:
    """Return one answer of robot-server of each kind."""
    text = (Path(__file__).parent / f"robot_server_8_1_0_{robot_type}.json").read_text(encoding="utf-8")
    return [Answer(**answer) for answer in json.loads(text)]


@pytest.mark.parametrize("robot_type", ["Flex", "OT-2"])
def test_the_virtual_robot_answers_with_the_status_and_the_fields_of_robot_server(
    open_bench: Callable[..., Bench], robot_type: str
) -> None:
    bench = open_bench(RUN, {"robot_type": robot_type})
    listening = Listening()
    robot = Robot(bench.url, transport=listening)
    look(robot, Seen(answers=listening.heard))
    if robot_type == "Flex":
        protocol_id, file_id = bench.send()
        robot.analysis(protocol_id)
        for end in (robot.play, robot.stop):
            run_id = robot.create_run(protocol_id, file_id)
            robot.play(run_id)
            _reached(robot, run_id, "paused")
            end(run_id)
            _reached(robot, run_id, *ENDED)
            robot.current_command(run_id)
        robot.uncurrent(run_id)
        robot.runs()
    robot.close()
    ours, all_theirs = {(a.asked, a.status) for a in listening.heard}, recorded(robot_type)
    assert ours <= {(a.asked, a.status) for a in all_theirs}
    theirs = [a for a in all_theirs if (a.asked, a.status) in ours and "analyses" not in a.asked]
    heard = [a for a in listening.heard if "analyses" not in a.asked]  # the analyser of these tests is no analyser
    found = [line for line in differences(theirs, heard) if not line.endswith(LEFT_OUT)]
    assert found == []


def _reached(robot: Robot, run_id: str, *states: str) -> None:
    while robot.run(run_id)["status"] not in states:
        pass
