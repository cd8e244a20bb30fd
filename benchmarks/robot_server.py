"""Our driver and attempt code beside another robot-server, and beside the virtual robot: what do both answer?

``python -m benchmarks.robot_server --url http://127.0.0.1:31950 [--campaign FILE] [--wells 2] [--moves]``.

Without ``--moves`` only what can be asked is asked. With it the first batch of the campaign is made, by the code that
makes every batch (planned, uploaded, analysed, verified, interlocks, play, hand-shakes, record), then runs are refused,
stopped and lost on purpose: the arm MOVES, so give it a server with simulated motors, or a robot whose deck is empty.
Time is not waited for: the lab clock jumps to every timed step. What the robot's record says was pipetted is poured
in a virtual world, whose spectrometer is the reader. Then all of it is done again with the virtual robot, and the table
says where the two differ in HTTP status, in order of states, or in fields. The robot keeps what was uploaded.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from flows import steps
from sdl.attempt import consumables
from sdl.attempt.session import Session, Tempo, tell
from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.config.load import load_campaign
from sdl.errors import SdlError, Unreachable
from sdl.lab import simulated
from sdl.lab.analysis import analyze, default_analyzer
from sdl.lab.clock import Clock, RemoteClock
from sdl.lab.commands import Reader as Liquids
from sdl.lab.commands import executed
from sdl.lab.operator import Operator, Person, RemoteOperator
from sdl.lab.reader import Reader, ReaderStatus, from_json
from sdl.lab.readers import RemoteReader
from sdl.lab.robot import ENDED, Robot, Unexpected
from sdl.lab.virtual.bench import VirtualBench
from sdl.spectra.types import Spectrum
from sdl.store import Store

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "blue-465" / "campaign.yaml"

OPAQUE = frozenset(
    {
        *("params", "result", "definition", "runTimeParameters", "labware", "pipettes", "modules", "liquids"),
        *("logs", "links", "meta", "metadata", "wrappedErrors", "errorInfo"),
    }
)
"""Fields whose inside is not compared: commands are compared by their hash before every start, the rest is not read."""

QUOTED = 300
"""How many characters of an answer the table shows."""

PATIENCE_S = 60.0
"""How long a state may take to be reached (chosen: ten commands on a loaded machine)."""

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=/)unknown(?=/|$)|(?<=/modules/)[^/]+")

Fields = Mapping[str, set[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer: what was asked, its HTTP status, and its JSON."""

    asked: str
    status: int
    body: Any


class Listening(httpx.BaseTransport):
    """A network that remembers every answer."""

    def __init__(self) -> None:
        self._network = httpx.HTTPTransport()
        self.heard: list[Answer] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._network.handle_request(request)
        answer.read()
        asked = f"{request.method} {_ID.sub('ID', request.url.path)}"
        try:
            body = answer.json()
        except ValueError:
            body = answer.text
        self.heard.append(Answer(asked=asked, status=answer.status_code, body=body))
        return answer

    def close(self) -> None:
        self._network.close()


class Twin:
    """Reader and clock beside a robot that pipettes nothing: what its record says was moved is moved in numbers."""

    def __init__(self, bench: VirtualBench, robot: Robot) -> None:
        self._bench, self._robot = bench, robot
        self._run, self._analysed, self._done, self._liquids = "", list[Any](), 0, Liquids()

    def status(self) -> ReaderStatus:
        return ReaderStatus(**self._bench.read("status", {}))

    def dark(self) -> tuple[Spectrum, ...]:
        return self._look("dark")

    def reference(self, role: str) -> tuple[Spectrum, ...]:
        return self._look("reference", role=role)

    def measure(self) -> tuple[Spectrum, ...]:
        return self._look("measure")

    def now_s(self) -> float:
        return self._bench.clock.now_s()

    def wait_until(self, t_s: float) -> None:
        self._catch_up()  # what was poured before the wait was poured then
        self._bench.clock.wait_until(t_s)

    def _look(self, verb: str, **asked: str) -> tuple[Spectrum, ...]:
        self._catch_up()
        return tuple(from_json(each) for each in self._bench.read(verb, asked)["spectra"])

    def _catch_up(self) -> None:
        """Pour what the robot has poured since this was asked last."""
        run = next(run for run in self._robot.runs() if run["current"])
        if run["id"] != self._run:
            self._run, self._done, self._liquids = run["id"], 0, Liquids()
            self._analysed = self._robot.analysis(run["protocolId"])
            self._bench.world.begins(self._run, "")
        for command in executed(self._analysed, self._robot.commands(self._run))[self._done :]:
            if command["status"] != "succeeded":
                return
            for event in self._liquids.feed(command):
                self._bench.world.happens(event)
            self._done += 1


@dataclass(slots=True, kw_only=True)
class Seen:
    """What one robot did: its answers, and one line a step."""

    answers: list[Answer]

    def step(self, name: str, do: Callable[[], object]) -> Any:
        """Do one step and print how it ended, be it refused."""
        try:
            found = do()
        except SdlError as exc:
            status = f" {exc.status}" if isinstance(exc, Unexpected) else ""
            self.tell(name, f"{type(exc).__name__}{status}: {exc}")
            return None
        self.tell(name, "done" if found is None else str(found))
        return found

    def tell(self, name: str, text: str) -> None:
        print(f"  {name:28} {text[:QUOTED]}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what both robots did, and where they differ; return 1 where they differ in what is compared."""
    parser = argparse.ArgumentParser(prog="benchmarks.robot_server", description=__doc__)
    parser.add_argument("--url", default="", help="the robot-server; left out: the virtual robot alone")
    parser.add_argument("--campaign", type=Path, default=EXAMPLE)
    parser.add_argument("--wells", type=int, default=2, help="wells of the batch")
    parser.add_argument("--moves", action="store_true", help="the arm may move: nothing but air is on its deck")
    parser.add_argument("--keep", type=Path, help="write an answer of each kind that the robot gave into this file")
    given = parser.parse_args(arguments)
    campaign = load_campaign(given.campaign)
    campaign = replace(campaign, budget=replace(campaign.budget, batch=given.wells))
    found = {}
    if given.url:
        with TemporaryDirectory(prefix="sdl-robot-") as folder, beside(campaign, given.url, Path(folder)) as opened:
            print(f"the robot at {given.url}")
            found["the robot"] = _seen(*opened, moves=given.moves)
    with TemporaryDirectory(prefix="sdl-robot-") as folder, virtual(campaign, Path(folder)) as opened:
        print("\nthe virtual robot")
        found["the virtual robot"] = _seen(*opened, moves=given.moves)
    if not given.url:
        return 0
    theirs = found["the robot"].answers
    if given.keep:
        kept = {(a.asked, a.status): {"asked": a.asked, "status": a.status, "body": _cut(a.body)} for a in theirs}
        given.keep.write_text(json.dumps(list(kept.values()), indent=1) + "\n", encoding="utf-8")
    print("\nwhere they differ ('-' only the robot has it, '+' only the virtual robot has it)")
    lines = list(differences(theirs, found["the virtual robot"].answers))
    print("\n".join(lines) or "  nowhere")
    return 1 if lines else 0


def _seen(session: Session, listening: Listening, *, moves: bool) -> Seen:
    seen = Seen(answers=listening.heard)
    look(session.robot, seen)
    if moves:
        before = [str(run["id"]) for run in session.robot.runs()]
        try:
            batch(session, seen)
            refusals(session, seen)
            stopped(session, seen)
        finally:
            tidy(session.robot, seen, before)
    return seen


@contextmanager
def beside(campaign: Campaign, url: str, folder: Path) -> Iterator[tuple[Session, Listening]]:
    """Open a session on the robot at ``url``, with a virtual world as its reader and a clock that jumps."""
    assert campaign.lab is not None
    now = datetime.now(UTC)
    lab = replace(campaign.lab, robot=url, robot_serial="", armed_until=(now + timedelta(hours=70)).isoformat())
    lab = replace(lab, armed_for=lab.mark)
    spec = simulated.spec_of(lab, campaign.stocks, seed=campaign.seed)
    spec["load"] = {at: {**load, "loss_ul_h": 0.0} for at, load in spec["load"].items()}  # its year has passed at once
    analyser = partial(analyze, analyzer_python=default_analyzer())
    with closing(VirtualBench(folder=folder, spec={**spec, "run_free": 1.0}, analyze=analyser)) as bench:
        bench.clock.wait_until(time.time())
        twin = Twin(bench, Robot(url))
        yield from _session(replace(campaign, lab=lab), folder, url, clock=twin, reader=twin, operator=Person())


@contextmanager
def virtual(campaign: Campaign, folder: Path) -> Iterator[tuple[Session, Listening]]:
    """Open a session on the virtual robot."""
    assert campaign.lab is not None
    address = str(simulated.start(folder, simulated.spec_of(campaign.lab, campaign.stocks, seed=campaign.seed))["url"])
    try:
        reader = RemoteReader(f"{address}/virtual/reader")
        yield from _session(
            campaign, folder, address, clock=RemoteClock(address), reader=reader, operator=RemoteOperator(address)
        )
    finally:
        simulated.end(folder)


def _session(
    campaign: Campaign, folder: Path, address: str, *, clock: Clock, reader: Reader, operator: Operator
) -> Iterator[tuple[Session, Listening]]:
    lab, listening = campaign.lab, Listening()
    assert lab is not None
    robot = Robot(address, transport=listening)
    with closing(robot), Store.open(folder, create=True) as store:
        store.claim()
        session = Session(
            campaign=campaign,
            lab=lab,
            compiler=Compiler.of(campaign),
            store=store,
            robot=robot,
            reader=reader,
            clock=clock,
            operator=operator,
            folder=folder,
            analyze=partial(analyze, analyzer_python=default_analyzer()),
            tempo=Tempo(poll_s=0.02, heed_s=3600.0, patience_s=10.0),
            say=tell,
        )
        consumables.load_stocks(session)
        yield session, listening
        store.release()


def look(robot: Robot, seen: Seen) -> None:
    """Ask everything that pre-flight and interlocks ask and that does not need a run."""
    health = seen.step("health", robot.health) or {}
    seen.tell("so it is", f"{health.get('robot_model')}, robot-server {health.get('api_version')}")
    asks: Mapping[str, Callable[[], object]] = {
        "instruments": robot.instruments,
        "modules": robot.modules,
        "pipette offsets": robot.pipette_offsets,
        "deck calibration": robot.deck_calibration,
        "door": robot.door,
        "emergency stop": robot.estop,
        "deck configuration": robot.deck,
        "runs": lambda: f"{len(robot.runs())} remembered",
        "note": robot.note,
        "leave note": lambda: robot.leave_note({"holder": "benchmarks.robot_server"}),
        "note again": robot.note,
        "clear note": robot.clear_note,
        "run that is not there": lambda: robot.run("unknown"),
        "protocol that is not there": lambda: robot.analysis("unknown"),
    }
    for name, ask in asks.items():
        seen.step(name, ask)


def batch(session: Session, seen: Seen) -> None:
    """Make one batch as every batch is made, and say what came of it."""

    def made() -> str:
        attempt_id = steps.plan(session, steps.suggest(session))
        try:
            steps.execute(session, attempt_id)
        finally:
            seen.tell("order of states", " > ".join(_statuses(seen.answers)))
        seen_nm = [r.features.values.get("pl_peak_nm") for r in session.store.reads(attempt=attempt_id) if r.outcome]
        peaks = ", ".join("none" if peak is None else f"{peak.value:.1f}" for peak in seen_nm)
        shaken = len(session.store.handshakes(attempt_id))
        state = session.store.attempt(attempt_id).state
        return f"{state}, {shaken} hand-shakes, {len(seen_nm)} outcomes, PL at {peaks} nm"

    seen.step(f"batch of {session.campaign.budget.batch}", made)


def refusals(session: Session, seen: Seen) -> None:
    """Ask for what the robot must refuse after that batch."""
    robot, attempts = session.robot, session.store.attempts()
    run_id = attempts[-1].run_id if attempts else ""
    if not run_id:
        return
    seen.step("play an ended run", lambda: robot.play(run_id))
    seen.step("stop an ended run", lambda: robot.stop(run_id))
    seen.step("pause an ended run", lambda: robot.pause(run_id))
    seen.step("archive it again", lambda: robot.uncurrent(run_id))
    seen.step("a run of nothing", lambda: robot.create_run("unknown", "unknown"))
    seen.step("a run without its CSV", lambda: robot.create_run(attempts[-1].protocol_id, "unknown"))
    seen.step("a module that is not there", lambda: robot.heat_off({"id": "unknown", "serialNumber": "unknown"}))


def stopped(session: Session, seen: Seen) -> None:
    """Start the same list again, be refused a second run, stop it from outside, and look what is left of it."""
    robot, attempts = session.robot, session.store.attempts()
    if not attempts or not attempts[-1].file_id:
        return
    attempt, began = attempts[-1], len(seen.answers)
    for rack in ("tips50", "tips1000"):  # a virtual robot notices that its tips are gone
        session.operator.ask(rack, {})
    run_id = seen.step("an idle run", lambda: robot.create_run(attempt.protocol_id, attempt.file_id))
    if run_id is None:
        return
    seen.step("pause an idle run", lambda: robot.pause(run_id))
    seen.step("play", lambda: robot.play(run_id))
    _reached(robot, run_id, "paused")
    seen.step("stands at", lambda: (robot.current_command(run_id) or {}).get("params"))
    seen.step("a second run", lambda: robot.create_run(attempt.protocol_id, attempt.file_id))
    seen.step("archive while it goes", lambda: robot.uncurrent(run_id))
    seen.step("started twice", lambda: robot.find_run(attempt.protocol_id))
    _heat_off(seen, robot, "heat off in a paused run")
    seen.step("stop", lambda: robot.stop(run_id))
    _reached(robot, run_id, "stopped")
    last = robot.commands(run_id)[-1]
    error = (last.get("error") or {}).get("errorType")
    seen.tell("last command", f"{last['commandType']} {last['status']} {error}")
    seen.step("current command of a stopped run", lambda: robot.current_command(run_id) or "none")
    seen.tell("order of states", " > ".join(_statuses(seen.answers[began:])))
    seen.step("archive it", lambda: robot.uncurrent(run_id))


def tidy(robot: Robot, seen: Seen, before: Collection[str]) -> None:
    """Leave no heat and no run of ours on the robot: a later controller would ask whose it was."""
    _heat_off(seen, robot, "heat off")
    for run in robot.runs():
        if run["id"] not in before:
            headers = {"Opentrons-Version": "*"}
            gone = httpx.delete(f"{robot.address}/runs/{run['id']}", headers=headers, trust_env=False)
            seen.tell("delete our run", str(gone.status_code))


def _heat_off(seen: Seen, robot: Robot, name: str) -> None:
    for module in robot.modules():
        if str(module["moduleModel"]).startswith("temperature"):
            seen.step(name, partial(robot.heat_off, module))


def _reached(robot: Robot, run_id: str, status: str) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while (seen := robot.run(run_id)["status"]) not in (status, *ENDED):
        if time.monotonic() > give_up_s:
            raise Unreachable(f"run {run_id} is {seen} and not {status} after {PATIENCE_S:g} s")
        time.sleep(0.05)


def _statuses(answers: Sequence[Answer]) -> Iterator[str]:
    """Yield the states that a run was seen in, each as often as it was entered."""
    before = ""
    for answer in answers:
        if answer.asked == "GET /runs/ID" and answer.status == 200 and answer.body["data"]["status"] != before:
            yield (before := str(answer.body["data"]["status"]))


def differences(theirs: Sequence[Answer], ours: Sequence[Answer]) -> Iterator[str]:
    """Yield a line for each field of the robot's answers that the virtual robot has not, or has otherwise."""
    ones, others = _shapes(theirs), _shapes(ours)
    for asked in sorted(ones.keys() | others.keys()):
        one, other = ones.get(asked), others.get(asked)
        if one is None or other is None:
            yield f"  {asked}: only {'the virtual robot' if one is None else 'the robot'} was asked, or answered so"
            continue
        for name in sorted(one.keys() | other.keys()):
            if name not in other:
                yield f"  {asked}: - {name} ({', '.join(sorted(one[name]))})"
            elif name not in one:
                yield f"  {asked}: + {name} ({', '.join(sorted(other[name]))})"
            elif not one[name] & other[name]:
                yield f"  {asked}: {name} is {', '.join(sorted(one[name]))}, here {', '.join(sorted(other[name]))}"


def _shapes(answers: Sequence[Answer]) -> Mapping[str, Fields]:
    """Return every field with its types, by what was asked and the HTTP status of the answer."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for answer in answers:
        fields = found[f"{answer.asked} {answer.status}"]
        for name, kind in _fields(answer.body, ""):
            fields[name].add(kind)
    return found


def _fields(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in OPAQUE:
                yield f"{name}.{key}", "..."
            elif item is not None:
                yield from _fields(item, f"{name}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from _fields(item, f"{name}[]")
    else:
        yield name, "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _cut(value: Any) -> Any:
    """Return an answer with the first of each list, and without what is not compared."""
    if isinstance(value, Mapping):
        return {key: "..." if key in OPAQUE else _cut(item) for key, item in value.items()}
    return [_cut(item) for item in value[:1]] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
