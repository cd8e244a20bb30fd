"""The list that the stand-in deck writes down is the one that the vendor's analysis gave, by its hash."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sdl.bench import Lab, RobotType
from sdl.chemistry.recipe import Run
from sdl.verifier import command_hash
from tests.protocols.listing import listed
from tests.verifier.conftest import recorded


@pytest.mark.parametrize("robot_type", ["Flex", "OT-2"])
def test_the_script_lists_what_analysis_listed(
    robot_type: RobotType, bench: Callable[[RobotType], Lab], run: Run
) -> None:
    assert command_hash(listed(bench(robot_type), run)) == command_hash(recorded(robot_type.lower()))
