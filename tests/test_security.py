"""The threat model's rows that apply without a web page (T8-T18): what a file, a name, a robot or a row may not do."""

from __future__ import annotations

import ast
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.crashes.world import Laboratory
from flows import steps
from sdl.chemistry.feasible import design_space
from sdl.errors import Refused, Unreachable
from sdl.lab.protocol import TEMPLATE, render
from sdl.lab.robot import MAX_BODY_BYTES, Robot
from tests.benches import EXAMPLE, ROOT, example

SOURCES = [p for room in ("sdl", "models", "flows", "protocols") for p in sorted((ROOT / room).rglob("*.py"))]

FORBIDDEN_NAMES = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve"}
FORBIDDEN_CALLS = {"torch.load", "torch.save", "yaml.load", "os.system", "os.popen", "np.load", "numpy.load"}


def dangers(tree: ast.AST) -> Iterator[str]:
    """Yield every call or import that could run what a file holds (T9)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (name for name in names if name.split(".")[0] in FORBIDDEN_MODULES)
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in FORBIDDEN_NAMES | FORBIDDEN_CALLS:
                yield name
            for keyword in node.keywords:
                if keyword.arg in ("shell", "allow_pickle") and ast.unparse(keyword.value) != "False":
                    yield f"{keyword.arg}={ast.unparse(keyword.value)}"


def test_nothing_in_the_source_runs_what_a_file_holds() -> None:
    assert len(SOURCES) > 100
    found = {str(p.relative_to(ROOT)): list(dangers(ast.parse(p.read_text(encoding="utf-8")))) for p in SOURCES}
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "line",
    ["import pickle", "from joblib import load", "torch.load(p)", "yaml.load(t)", "eval(t)", "run(c, shell=True)"],
)
def test_the_search_for_forbidden_calls_finds_them(line: str) -> None:
    assert list(dangers(ast.parse(line)))


HOSTILE = ["../../etc/x", "/etc/passwd", "..\\..\\x", "a\x00b", "CON", "name.", "x" * 300, "\u202egnp", "a/b", "", " "]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_campaign_named_like_a_path_is_refused_and_makes_nothing(tmp_path: Path, name: str) -> None:
    from sdl.config.load import load_campaign
    from sdl.progress import state_folder

    file = tmp_path / "campaign.yaml"
    text = EXAMPLE.read_text(encoding="utf-8").replace("campaign: blue-465", f"campaign: {json.dumps(name)}")
    file.write_text(text, encoding="utf-8")
    (tmp_path / "lab.yaml").write_bytes((EXAMPLE.parent / "lab.yaml").read_bytes())
    for look in (lambda: load_campaign(file), lambda: state_folder(file, None)):
        with pytest.raises(Refused):
            look()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["campaign.yaml", "lab.yaml"]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80) | st.sampled_from(['"]); import os #', "{attempt}", "\\", "'''", "\n"]))
def test_no_name_changes_the_protocol_but_for_one_literal(name: str) -> None:
    """The generated script is the shipped one, with other constants (T12)."""
    try:
        text = render("Flex", name)
    except Refused:
        return
    assert _shape(ast.parse(text)) == _shape(ast.parse(TEMPLATE.read_text(encoding="utf-8")))


def _shape(tree: ast.AST) -> list[str]:
    return [type(node).__name__ for node in ast.walk(tree)]


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://user:secret@10.0.0.7:31950",
        "file:///etc/passwd",
        "ftp://10.0.0.7",
        "gopher://10.0.0.7",
        "http://[fe80::1",
        "https://example.com@10.0.0.7",
    ],
)
def test_a_robot_address_that_reaches_elsewhere_is_refused(tmp_path: Path, address: str) -> None:
    """A shared campaign file cannot make the controller call a cloud's metadata or carry a password (T15)."""
    from sdl.config.load import load_campaign

    for name in ("campaign.yaml", "lab.yaml"):
        text = (EXAMPLE.parent / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(
            text.replace("robot: simulated", f"robot: {json.dumps(address)}"), encoding="utf-8"
        )
    with pytest.raises(Refused):
        load_campaign(tmp_path / "campaign.yaml")


def _robot(answer: httpx.Response | Exception) -> Robot:
    def wire(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    class Quick:
        def monotonic_s(self) -> float:
            return 0.0

        def sleep(self, seconds: float) -> None:
            pass

    return Robot("http://10.0.0.7:31950", transport=httpx.MockTransport(wire), pace=Quick())


DEEP = "[" * 100_000
HOSTILE_ANSWERS: Mapping[str, httpx.Response | Exception] = {
    "html": httpx.Response(200, text="<html>login</html>"),
    "nan": httpx.Response(200, text='{"data": {"status": NaN}}'),
    "too large": httpx.Response(200, content=b" " * (MAX_BODY_BYTES + 1)),
    "too deep": httpx.Response(200, text=DEEP),
    "redirect": httpx.Response(302, headers={"location": "http://169.254.169.254/"}),
    "unknown status": httpx.Response(200, json={"data": {"status": "frobbing", "actions": []}}),
    "missing actions": httpx.Response(200, json={"data": {"status": "running"}}),
    "a list": httpx.Response(200, json=[1]),
    "401": httpx.Response(401, json={}),
    "429": httpx.Response(429, headers={"retry-after": "1"}),
    "reset": httpx.ReadError("connection reset"),
    "half": httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
}


@pytest.mark.parametrize("name", HOSTILE_ANSWERS)
def test_a_hostile_answer_is_an_instrument_that_cannot_be_reached_never_a_guess(name: str) -> None:
    with pytest.raises(Unreachable, match=r"10\.0\.0\.7"):
        _robot(HOSTILE_ANSWERS[name]).run("r1")


def test_a_bomb_of_a_campaign_file_is_refused_in_two_seconds_and_little_memory(tmp_path: Path) -> None:
    bombs = {
        "aliases": "a: &a [x,x]\nb: &b [*a,*a]\ncampaign: *b\n",
        "deep": "campaign: " + "[" * 3000,
        "long number": "campaign: x\nseed: " + "9" * 5000,
        "large": "campaign: " + "x" * 300_000,
        "tag": "campaign: !!python/object/apply:os.system [touch canary]\n",
    }
    for name, text in bombs.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    program = (
        "import resource, sys\nfrom pathlib import Path\nfrom sdl.cli import command\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (10, 10))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"codes = [command(['check', str(p)]) for p in sorted(Path({str(tmp_path)!r}).glob('*.yaml'))]\n"
        "grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024\n"
        "print(codes, grown)\nassert set(codes) == {2} and grown < 256, (codes, grown)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "canary").exists()


def test_an_armed_attempt_is_not_started_on_another_robot(tmp_path: Path) -> None:
    """The robot behind the address is looked at before every start, not only the first (T13)."""
    laboratory = Laboratory(tmp_path / "lab")
    assert laboratory.campaign.lab is not None
    named = replace(laboratory.campaign.lab, robot_serial="FLX-0042")
    laboratory.campaign = replace(laboratory.campaign, lab=named)
    life = laboratory.live("start")
    assert life.stops and all("FLX-0042" in said for said in life.stops)
    assert not laboratory.now.robot.starts, "no robot was started"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1.0, 1e300])
def test_a_poisoned_design_is_feasible_for_nobody(bad: float) -> None:
    """Whatever an optimiser proposes is untrusted input, as a person's is (T17)."""
    space = design_space(example())
    good = space.sobol(1, seed=1)[0]
    assert space.feasible(good)
    assert [name for name in good if space.feasible({**good, name: bad})] == []


@pytest.mark.parametrize("attempt", ["blue-465-a001-forged00", "../x", "", "blue-465-a001' OR 1=1 --"])
def test_a_forged_flow_run_moves_nothing(tmp_path: Path, attempt: str) -> None:
    """A flow run carries an id only; the store knows no such attempt, so nothing is sent anywhere (T8)."""
    laboratory = Laboratory(tmp_path / "lab")
    laboratory.live("start")
    before = laboratory.now.robot.copy()
    with laboratory._session() as session, pytest.raises(Refused, match="no attempt"):
        steps.execute(session, attempt)
    assert laboratory.now.robot == before
