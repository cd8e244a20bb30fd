"""What an attempt uploads, and what the robot's own software makes of it."""

from __future__ import annotations

import ast
import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sdl.bench import Lab, RobotType
from sdl.chemistry.recipe import Run
from sdl.errors import Refused, Unsafe
from sdl.lab.analysis import Analysis, Vendor, analyze
from sdl.lab.protocol import COLUMNS, TEMPLATE, csv_text, labware_files, pauses, render
from sdl.lab.vendor import SAID
from sdl.lab.vendor import run as vendor_run
from sdl.verifier import command_hash

CONTROLLER = """
import sys, time
from pathlib import Path
from sdl.lab.analysis import Vendor
vendor = Vendor(Path(sys.argv[1]))
vendor.run(["--help"], sys.argv[2], 60.0)
print(vendor._process.pid, flush=True)
time.sleep(600)
"""

HANGING = """
import os
requirements = {{"robotType": "Flex", "apiLevel": "2.20"}}
def run(protocol):
    with open("{mark}.new", "w") as file:
        file.write(str(os.getpid()))
    os.replace("{mark}.new", "{mark}")
    while True:
        pass
"""

RECORDED = Path(__file__).parent.parent / "verifier" / "data"


def literals_blanked(source: str) -> str:
    """The syntax tree without the two literals that rendering may change."""
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in ("attempt", "robotType"):
                    assert isinstance(value, ast.Constant)
                    value.value = None
    return ast.dump(tree)


def gone(pid: int) -> bool:
    """Wait until a process has ended; a zombie that nobody has asked about has."""
    for _ in range(600):
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split()[2] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def written(folder: Path, lab: Lab, run: Run, attempt: str = "c-a001-0123abcd") -> tuple[Path, Path]:
    protocol, steps = folder / "timed_steps.py", folder / "steps.csv"
    protocol.write_text(render(lab.robot_type, attempt), encoding="utf-8")
    steps.write_text(csv_text(lab, run), encoding="utf-8")
    return protocol, steps


def analysed(folder: Path, lab: Lab, run: Run, analyzer: Path) -> Analysis:
    protocol, steps = written(folder, lab, run)
    return analyze(protocol, labware_files(), steps, analyzer_python=analyzer)


@pytest.mark.parametrize("robot_type", ["Flex", "OT-2"])
def test_rendering_changes_two_literals_and_nothing_else(robot_type: RobotType) -> None:
    rendered = render(robot_type, "c-a001-0123abcd")
    namespace = {
        node.targets[0].id: ast.literal_eval(node.value)  # type: ignore[attr-defined]
        for node in ast.parse(rendered).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    }
    assert namespace["requirements"] == {"robotType": robot_type, "apiLevel": "2.20"}
    assert namespace["metadata"]["attempt"] == "c-a001-0123abcd"
    assert literals_blanked(rendered) == literals_blanked(TEMPLATE.read_text(encoding="utf-8"))
    assert len(rendered.splitlines()) == len(TEMPLATE.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("attempt", ["", "A1", "-a", "a" * 65, 'a"}; import os', "a\n", "é"])
def test_an_attempt_id_that_could_be_code_is_refused(attempt: str) -> None:
    with pytest.raises(Refused, match="attempt id"):
        render("Flex", attempt)


def test_the_protocol_imports_only_the_standard_library_and_opens_no_file() -> None:
    tree = ast.parse(TEMPLATE.read_text(encoding="utf-8"))
    imported = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(n) for n in imported] == ["import math"]
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert not called & {"open", "exec", "eval", "compile", "__import__"}


def test_the_csv_has_the_deck_first_and_then_a_row_a_step(bench: Callable[[RobotType], Lab], run: Run) -> None:
    lab = bench("Flex")
    rows = list(csv.DictReader(csv_text(lab, run, {"left": 5}).splitlines()))
    assert tuple(rows[0]) == COLUMNS
    preamble, steps = rows[: -len(run.steps)], rows[-len(run.steps) :]
    assert [r["well"] for r in preamble if r["action"] == "labware"] == [n for n in lab.deck if n != "waste"]
    left = next(r for r in preamble if r["action"] == "pipette")
    assert (left["well"], left["volume_ul"], left["value"]) == ("left", "5", "2")
    assert [r["value"] for r in preamble if r["action"] == "temperature"] == ["40"]
    for row, step in zip(steps, run.steps, strict=True):
        assert (row["action"], row["well"], row["stock"]) == (step.action, step.well, step.source)
        assert float(row["volume_ul"]) == step.volume_ul
        assert row["at_s"] == ("" if step.at_s is None else f"{step.at_s:g}")


def test_a_block_that_follows_the_room_is_not_heated(bench: Callable[[RobotType], Lab], run: Run) -> None:
    lab = bench("Flex")
    object.__setattr__(lab.blocks[0], "high_c", lab.blocks[0].low_c)
    assert "temperature," not in csv_text(lab, run)


@pytest.mark.parametrize("robot_type", ["Flex", "OT-2"])
def test_the_robots_software_accepts_the_run_and_says_the_same_twice(
    robot_type: RobotType, bench: Callable[[RobotType], Lab], run: Run, analyzer: Path, tmp_path: Path
) -> None:
    analysis = analysed(tmp_path, bench(robot_type), run, analyzer)
    messages = [c["params"]["message"] for c in analysis.commands if c["commandType"] == "waitForResume"]
    assert messages == [text for _, text in pauses(run)]
    assert analysis.raw["metadata"]["attempt"] == "c-a001-0123abcd"
    with gzip.open(RECORDED / f"{robot_type.lower()}.json.gz", "rt", encoding="utf-8") as file:
        recorded = json.load(file)
    # The recorded list is an analysis of the same files on another day: write analysis.commands there when they change.
    assert command_hash(analysis.commands) == command_hash(recorded)
    assert {c["id"] for c in analysis.commands}.isdisjoint(c["id"] for c in recorded)


def test_a_protocol_that_fails_in_analysis_quotes_the_innermost_error(
    bench: Callable[[RobotType], Lab], run: Run, analyzer: Path, tmp_path: Path
) -> None:
    protocol, steps = written(tmp_path, bench("Flex"), run)
    steps.write_text(steps.read_text(encoding="utf-8").replace("vials/A3", "vials/Z3"), encoding="utf-8")
    with pytest.raises(Unsafe, match=r"KeyError.*Z3|Z3.*KeyError"):
        analyze(protocol, labware_files(), steps, analyzer_python=analyzer)


def test_input_that_the_analyzer_does_not_read_is_refused(
    bench: Callable[[RobotType], Lab], run: Run, analyzer: Path, tmp_path: Path
) -> None:
    protocol, steps = written(tmp_path, bench("Flex"), run)
    broken = tmp_path / "broken.json"
    broken.write_text("{}", encoding="utf-8")
    with pytest.raises(Refused, match=r"exit code 1.*broken\.json is not a known Opentrons format"):
        analyze(protocol, [*labware_files(), broken], steps, analyzer_python=analyzer)


def test_an_analyzer_that_is_missing_or_silent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="sdl setup"):
        analyze(TEMPLATE, [], tmp_path / "steps.csv", analyzer_python=tmp_path / "python")


def test_an_analysis_that_takes_too_long_is_refused_and_the_next_one_is_made(
    bench: Callable[[RobotType], Lab], run: Run, analyzer: Path, tmp_path: Path
) -> None:
    protocol, steps = written(tmp_path, bench("Flex"), run)
    with pytest.raises(Refused, match="did not answer within"):
        analyze(protocol, labware_files(), steps, analyzer_python=analyzer, timeout_s=0.01)
    assert analyze(protocol, labware_files(), steps, analyzer_python=analyzer).result == "ok"


def test_a_script_that_hangs_ends_with_its_analyzer(tmp_path: Path, analyzer: Path) -> None:
    hanging, mark = tmp_path / "hanging.py", tmp_path / "running"
    hanging.write_text(HANGING.format(mark=str(mark)), encoding="utf-8")
    vendor = Vendor(analyzer)
    with ThreadPoolExecutor(1) as other:
        said = other.submit(vendor.run, ["analyze", "--check", str(hanging)], str(tmp_path), 300.0)
        while not mark.exists() and not said.done():
            time.sleep(0.05)
        vendor.end()
        assert said.result().startswith("exit code -9")
    assert gone(int(mark.read_text(encoding="utf-8")))


def test_an_analyzer_that_was_killed_is_started_anew(tmp_path: Path, analyzer: Path) -> None:
    vendor = Vendor(analyzer)
    try:
        assert vendor.run(["--help"], str(tmp_path), 60.0).startswith("exit code 0")
        assert vendor._process is not None
        os.kill(vendor._process.pid, signal.SIGKILL)
        vendor._process.wait()
        assert "Usage" in Path(tmp_path, SAID).read_text(encoding="utf-8")
        assert vendor.run(["analyze"], str(tmp_path), 60.0).startswith("exit code 2")
    finally:
        vendor.end()


def test_a_python_without_the_vendors_software_says_so(tmp_path: Path) -> None:
    vendor = Vendor(Path(sys.executable))
    said = vendor.run(["--help"], str(tmp_path), 60.0)
    assert said.startswith("exit code 1") and "No module named 'opentrons'" in said


def test_where_nothing_forks_a_new_interpreter_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    assert vendor_run({"arguments": ["--help"], "folder": str(tmp_path)}) == 1
    assert "No module named" in Path(tmp_path, SAID).read_text(encoding="utf-8")


def test_the_analyzer_ends_with_a_controller_that_was_killed(tmp_path: Path, analyzer: Path) -> None:
    controller = subprocess.Popen([sys.executable, "-c", CONTROLLER, analyzer, tmp_path], stdout=subprocess.PIPE, text=True)
    assert controller.stdout is not None
    with controller:
        pid = int(controller.stdout.readline())
        os.kill(pid, 0)
        controller.kill()
    assert gone(pid)


def test_labware_definitions_say_the_same_as_their_names() -> None:
    names = {path.stem for path in labware_files()}
    assert names == {
        "sdl_24_vials_5ml",
        "sdl_24_vials_8ml",
        "sdl_8_vials_20ml",
        "sdl_1_bottle_250ml",
        "sdl_1_cell_port",
        "sdl_1_vial_8ml",
    }
    for path in labware_files():
        labware = json.loads(path.read_text(encoding="utf-8"))
        assert labware["parameters"]["loadName"] == path.stem
        assert len(labware["wells"]) in (1, 8, 24)
        for well in labware["wells"].values():
            brimful_ul = 3.14159 / 4 * well["diameter"] ** 2 * well["depth"]
            assert brimful_ul >= well["totalLiquidVolume"], f"{path.stem} holds less than its nominal volume"
            assert abs(well["z"] + well["depth"] - labware["dimensions"]["zDimension"]) < 1e-6
            assert well["x"] - well["diameter"] / 2 > 0 and well["x"] + well["diameter"] / 2 < 127.76
            assert well["y"] - well["diameter"] / 2 > 0 and well["y"] + well["diameter"] / 2 < 85.48
