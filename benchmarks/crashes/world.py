"""One laboratory in one process: real store, steps and robot driver; clock, network, disk, person and crash injected.

A *moment* is everything that outlives a crash: the database's bytes, the attempt's files, the robot, the lab clock and
which fault is still to come. `Laboratory.live` starts a controller at a moment and lets it go on until it ends, waits
for a person (who then does what is asked), or is killed at the crash point that the caller chose.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx
from sqlalchemy import Engine

from benchmarks.crashes.devices import Attendant, Clocks, Eye
from benchmarks.crashes.faults import NONE, Fault
from benchmarks.crashes.robot import Hardware, Run
from benchmarks.crashes.robot import Robot as Memory
from flows import campaign, steps
from sdl.attempt.session import NETWORK, Session
from sdl.attempt.wording import campaign_json, recipe_json
from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.config.load import load_campaign
from sdl.errors import SdlError, Stopped, Unreachable
from sdl.lab.analysis import Analysis, analyze, default_analyzer
from sdl.lab.robot import Robot
from sdl.progress import resolve
from sdl.store import NewExperiment, Store

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "blue-465" / "campaign.yaml"

DESIGN = {
    "pb_to_cs": 4.0,
    "topo_to_pb": 8.0,
    "cs_concentration_mmol_l": 0.2,
    "growth_time_s": 300.0,
    "lecithin_to_cs": 1.0,
    "temperature_c": 30.0,
}
"""One ordinary design inside the example's space (chosen)."""

START_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
AWAY_S = 600.0
"""A slow restart: longer than the growth of the one well, shorter than the life of a dark (chosen)."""

MOST_LIVES = 12
"""Controllers started one after the other before a campaign counts as stuck (chosen: each fault needs two or three)."""

Point = Callable[[str], None]


class Merged(BaseException):
    """The controller stands, with nothing in its memory, where another one stood before: its future is known."""


@dataclass(slots=True)
class Moment:
    """What a crash leaves behind."""

    database: bytes  # compressed: there are thousands of moments
    files: frozenset[str]
    robot: Memory
    clock_s: float
    fault: Fault  # still to come
    waited_s: float = 0.0  # real time
    key: str = ""


@dataclass(slots=True)
class Life:
    """What the laboratory saw: crash points by key in order, and what is wrong with the end."""

    points: list[str] = field(default_factory=list)
    wrong: tuple[str, ...] = ()
    end: str = ""
    stops: list[str] = field(default_factory=list)  # what each controller ended with, for a person to see


class JournaledStore(Store):
    """The real store, with a crash point after each durable step; one life's engines serve the next, being the same."""

    point: Point
    engines: ClassVar[dict[tuple[Path, str], Engine]] = {}

    @contextmanager
    def _write(self, kind: str, **given: Any) -> Iterator[Any]:
        with super()._write(kind, **given) as tx:
            yield tx
        self.point(f"after {kind}")

    def _engine(self, mode: str, begin: str) -> Engine:
        if (self.path, mode) not in self.engines:
            self.engines[self.path, mode] = super()._engine(mode, begin)
        return self.engines[self.path, mode]


class Laboratory:
    """One folder in which moments come alive, one after the other.

    What lies behind a fault is the same future whichever fault it was: lives are shared by all of them.
    """

    def __init__(self, folder: Path, *, fault: Fault = NONE, arrows: steps.Arrows = steps.ARROWS) -> None:
        self.folder = folder
        self.campaign = one_well()
        self.arrows = arrows
        self.restart: Callable[[Store], None] = lambda store: None
        self.hardware = Hardware(())
        self.moments: dict[str, Moment] = {}
        self.futures: dict[str, Life] = {}
        self.lives: dict[str, Life] = {}
        self._life = Life()
        self._marks: list[tuple[str, int]] = []
        self._contents: dict[str, bytes] = {}
        self._disk: sqlite3.Connection | None = None
        self.now = self._first(fault)

    def begin(self, fault: Fault) -> str:
        """Return the moment at which a campaign begins that will meet ``fault``."""
        key = f"start, {fault.name}"
        self.moments[key] = replace(_copy(self.moments["start"]), fault=fault, key=key)
        return key

    def lived(self, key: str) -> Life:
        """Return what follows a moment, lived once."""
        if key not in self.lives:
            self.lives[key] = self.live(key)
        return self.lives[key]

    def live(self, key: str) -> Life:
        """Let controllers and people go on from a moment until the campaign is over; return what was seen."""
        self.now = _copy(self.moments[key])
        self._life, self._marks = Life(), []
        try:
            for _ in range(MOST_LIVES):
                self._restore()
                self.quiet()
                if self._controller():
                    self._life.end = "over"
                    break
            else:
                self._life.end = "stuck"
            self._life.wrong = self._judge()
        except Merged as met:
            known = self.futures[str(met)]
            self._life.points += known.points
            self._life.wrong, self._life.end = known.wrong, known.end
        finally:
            self._shut()
        for mark, before in self._marks:
            self.futures[mark] = replace(self._life, points=self._life.points[before:])
        return self._life

    def after(self, key: str, way: str) -> str:
        """Return the moment that a crash at ``key`` leads to: a quick or slow restart, or with a power cut.

        A power cut of a robot that stands still and cold is no more than a restart.
        """
        if f"{key} {way}" in self.moments:
            return f"{key} {way}"
        moment = _copy(self.moments[key])
        if way == "slow":
            self._progress(moment)
            moment.clock_s += AWAY_S
            moment.robot.now_s += AWAY_S
        elif way == "power cut":
            self.hardware.power_cut(moment.robot)
            if moment.robot == self.moments[key].robot:
                return self.after(key, "quick")
        moment.key = f"{key} {way}"
        self.moments[moment.key] = moment
        return moment.key

    # What the controller meets.

    def call(self, kind: str) -> str:
        """Say how a call of this kind goes: "" well, else the fault's way, which then is over."""
        fault = self.now.fault
        if fault.call == kind:
            self.now.fault = NONE
            if fault.way == "down":
                self.now.robot.down = 5
            if kind == "reader":
                raise Unreachable("the reader does not answer")
            return fault.way
        return ""

    def tick(self) -> None:
        """Let the robot go on to its next rest."""
        self._progress(self.now)

    def _progress(self, moment: Moment) -> None:
        """Let the robot come to rest; a person may press resume there, though it is our hand-shake."""
        moment.clock_s += self.hardware.tick(moment.robot, self._trap_of(moment))
        for run in moment.robot.runs:
            waits = self.hardware.waits.get(run.begun - 1, "") if run.status == "paused" else ""
            if waits and moment.fault.released and moment.fault.released in waits:
                moment.fault = NONE
                self.hardware.act(moment.robot, run, "play", by_us=False)
                moment.clock_s += self.hardware.tick(moment.robot, self._trap_of(moment))

    def quiet(self) -> None:
        """Note that the controller remembers nothing but what is on disk, or stop where that was so before."""
        mark = self._key()
        if mark in self.futures:
            raise Merged(mark)
        self._marks.append((mark, len(self._life.points)))

    def point(self, name: str) -> None:
        """Pass a crash point: keep the moment, so that a crash here can be looked at later (where anybody lives)."""
        if self._disk is None:
            return
        key = self._key()
        if key not in self.moments:
            kept = _copy(self.now)
            kept.database, kept.files, kept.key = zlib.compress(self._disk.serialize(), 1), self._files(), key
            self.moments[key] = kept
        self._life.points.append(key)

    def wire(self, request: httpx.Request) -> httpx.Response:
        """Carry one request to the robot, and be the network that may lose it."""
        robot = self.now.robot
        if robot.down:
            robot.down -= 1
            raise httpx.ConnectError("connection refused")
        kind = self._kind(request)
        way = self.call("get" if request.method == "GET" else kind)
        if robot.down or way == "lost":
            raise httpx.ReadTimeout("timed out")
        if way == "500":
            return httpx.Response(500, text="<html>oops</html>")
        if way == "conflict":
            robot.foreign = True
        body = request.read()
        answer = self.hardware.answer(robot, request.method, request.url.path, body, dict(request.url.params))
        if request.method != "GET":
            self.point(f"after {kind}")
        if way == "acted":
            raise httpx.ReadError("connection reset")
        return httpx.Response(201, text='{"data": NaN') if way == "garbage" else answer

    def _kind(self, request: httpx.Request) -> str:
        path = request.url.path
        if path.endswith("/actions"):
            run = next((r for r in self.now.robot.runs if r.id in path), None)
            return "play" if run is not None and run.status == "idle" else "release"
        return {"/runs": "create", "/protocols": "upload"}.get(path, "other")

    def _trap_of(self, moment: Moment) -> Callable[[Run, int], None]:
        """Return what happens to the run after a command: the fault, at the first step after the injection."""

        def trap(run: Run, index: int) -> None:
            kind = moment.fault.run
            if not kind or index != 9 + next(i for i, text in self.hardware.waits.items() if " inject " in text):
                return
            moment.fault = NONE
            status = {"fails": "failed", "stopped": "stopped", "paused": "paused", "door": "blocked-by-open-door"}
            match kind:
                case "hangs":
                    run.hangs = True
                case "recovery":
                    run.status = "awaiting-recovery"
                case "stopping":
                    run.status = "stop-requested"
                case "deleted":
                    run.status = "stopped"
                    moment.robot.runs.remove(run)
                case _:
                    if kind in ("stopped", "paused"):
                        run.actions.append({"stopped": "stop", "paused": "pause"}[kind])
                    run.status, run.error = status[kind], "injected" if kind == "fails" else ""

        return trap

    # One controller.

    def _controller(self) -> bool:
        """Run one controller until the campaign is over (True) or a person was needed, who then acts (False)."""
        with self._session() as session:
            session.store.claim()
            self.restart(session.store)
            try:
                campaign.campaign(session, lambda step, *ids: self._do(session, step, *ids))
            except SdlError as exc:
                self._life.stops.append(f"{type(exc).__name__}: {exc}")
                self._person(session.store)
                return False
        return True

    def _do(self, session: Session, step: Callable[..., Any], *ids: Any) -> Any:
        if step is steps.execute:
            return steps.execute(session, *ids, arrows=self.arrows)
        return {steps.suggest: suggest, steps.finished: finished}.get(step, step)(session, *ids)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        JournaledStore.point = staticmethod(self.point)  # type: ignore[assignment]
        store = JournaledStore.open(self.folder, create=True, clock=lambda: NOON)
        clocks = Clocks(self)
        address = "http://robot.invalid:31950"
        robot = Robot(address, pace=clocks, transport=httpx.MockTransport(self.wire))
        lab = self.campaign.lab
        assert lab is not None
        try:
            yield Session(
                campaign=self.campaign,
                lab=lab,
                compiler=_compiler(self.campaign),
                store=store,
                robot=robot,
                reader=Eye(self),
                clock=clocks,
                pace=clocks,
                operator=Attendant(),
                folder=self.folder,
                analyze=self._analyse,
                say=self._said,
                tempo=replace(NETWORK, heed_s=3600.0),  # nobody asks for anything while this clock jumps
            )
        finally:
            robot.close()
            store._reader.dispose()
            store._writer.dispose()

    def _analyse(self, protocol: Path, labware: Sequence[Path], csv: Path) -> Analysis:
        self.hardware = hardware_of(protocol, labware, csv)
        commands = [dict(command) for command in self.hardware.commands]
        return Analysis(result="ok", commands=commands, errors=[], raw={})

    def _said(self, text: str) -> None:
        if text.endswith(("PLANNED", "UPLOADED", "VERIFIED", "ARMED", "STARTING", "VERIFY", "DISPENSED", "MEASURED")):
            self.quiet()

    # The person.

    def _person(self, store: Store) -> None:
        """Do what the controller asked for, as a careful person would who looks at the vials."""
        robot = self.now.robot
        for attempt in store.attempts("UNKNOWN"):
            poured = any(key == attempt.id for key, *_ in robot.poured)
            outcome = "discard" if poured or store.handshakes(attempt.id) else "not-run"
            resolve(store, self.campaign.target, attempt.id, outcome, who="A. Chemist", note="looked at the vials")
        robot.foreign = robot.door_open = False
        robot.down = 0
        for run in robot.runs:
            run.hangs = False
            if run.status == "stop-requested":
                self.hardware.power_cut(robot)
            held = run.status == "blocked-by-open-door" or (run.status == "paused" and run.actions[-1] == "pause")
            if held:
                self.hardware.act(robot, run, "play", by_us=False)
        self.now.fault = NONE

    # What must hold.

    def _judge(self) -> tuple[str, ...]:
        """Return every promise that was broken (P1, P2, P3)."""
        robot, wrong = self.now.robot, []
        if self._life.end == "stuck":
            wrong.append("stuck: the campaign does not end")
        wrong += [f"{key} was started {n} times" for key, n in robot.starts.items() if n > 1]
        doubles: dict[tuple[str, int], set[tuple[str, str]]] = {}
        for (key, run, well, index), n in robot.poured.items():
            if n > 1:
                wrong.append(f"command {index} poured {n} times")
            doubles.setdefault((well, index), set()).add((key, run))
        wrong += [f"vial {well} got command {i} from {runs}" for (well, i), runs in doubles.items() if len(runs) > 1]
        store = JournaledStore.open(self.folder, create=False, clock=lambda: NOON)
        wrong += self._lost(store)
        store.close()
        return tuple(wrong)

    def _lost(self, store: Store) -> list[str]:
        """Return results that the robot presented to us and the store does not have."""
        wrong = []
        known = {(r.attempt, r.command_id) for r in store.reads()}
        for run in self.now.robot.runs:
            for index in run.released_by_us:
                if self.hardware.waits[index].startswith("READ ") and (run.protocol, f"{run.id}-c{index}") not in known:
                    wrong.append(f"{run.id}: {self.hardware.waits[index]} was released and is not stored")
        open_states = [a.state for a in store.attempts() if a.state not in steps.ENDED]
        if open_states:
            wrong.append(f"attempts left {open_states}")
        done = {a.id for a in store.attempts("DONE")}
        for experiment in store.experiments():
            if experiment.state not in ("measured", "lost"):
                wrong.append(f"{experiment.id} is {experiment.state} at the end")
            read = [r for r in store.reads(experiment=experiment.id) if r.outcome]
            if experiment.attempt in done and read and experiment.outcome_read is None:
                wrong.append(f"{experiment.id}: its outcome was read and is not its outcome")
        if problems := store.verify_chain() if len(self.futures) % 50 == 0 else []:
            wrong += problems
        return wrong

    # Moments on disk.

    def _first(self, fault: Fault) -> Moment:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with Store.open(self.folder, create=True, clock=lambda: NOON) as store:
            store.claim()
            store.save_campaign("", self.campaign.sha256, campaign_json(self.campaign))
        database = zlib.compress((self.folder / "store.sqlite").read_bytes(), 1)
        moment = Moment(database=database, files=frozenset(), robot=Memory(), clock_s=START_S, fault=fault, key="start")
        self.moments["start"] = moment
        return moment

    def _restore(self) -> None:
        """Put the present moment's bytes on disk, unless they are there already (a later life of the same history)."""
        if self.now.database:
            self._shut()
            path = self.folder / "store.sqlite"
            for name in ("store.sqlite-wal", "store.sqlite-shm"):
                (self.folder / name).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            path.write_bytes(zlib.decompress(self.now.database))
            self.now.database = b""
            shutil.rmtree(self.folder / "attempts", ignore_errors=True)
            for name in self.now.files:
                file = self.folder / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(self._contents[name])
        if self._disk is None:
            self._disk = sqlite3.connect(self.folder / "store.sqlite")
        for (text,) in self._disk.execute("SELECT csv FROM attempts ORDER BY n DESC LIMIT 1"):
            self.hardware = _LISTS.get(text, self.hardware)

    def _shut(self) -> None:
        if self._disk is not None:
            self._disk.close()
            self._disk = None

    def _files(self) -> frozenset[str]:
        found = [f for f in (self.folder / "attempts").glob("*/*") if not f.name.startswith(".")]
        names = frozenset(str(f.relative_to(self.folder)) for f in found)
        for name in names:
            self._contents[name] = (self.folder / name).read_bytes()
        return names

    def _key(self) -> str:
        """Return a name of everything that decides the future; times count from now."""
        assert self._disk is not None
        now_s = self.now.clock_s
        told = [repr(self._disk.execute(query).fetchall()) for query in _STATE]
        told += [repr(self._disk.execute(query, {"now": now_s}).fetchall()) for query in _TIMES]
        told.append(repr((self.now.robot.state(self.hardware.waits), self.now.fault.name, sorted(self._names()))))
        text = "".join(told)
        for (id,) in self._disk.execute("SELECT id FROM attempts ORDER BY n"):
            text = text.replace(id, "attempt")
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def _names(self) -> list[str]:
        return [p.name for p in (self.folder / "attempts").glob("*/*") if not p.name.startswith(".")]


_STATE = (
    "SELECT n, batch, state, run_id, list_hash FROM attempts ORDER BY n",
    "SELECT id, state, attempt, well, executed = '{}', outcome_read, flags FROM experiments ORDER BY id",
    "SELECT command_id, label, outcome, features FROM reads ORDER BY id",
    "SELECT stock, sum(delta_ul) FROM stock_ledger GROUP BY stock ORDER BY stock",
    "SELECT name, value FROM deck WHERE name <> 'standing' ORDER BY name",
    "SELECT what, answer FROM requests ORDER BY id",
)
"""What decides the future; events, epochs and wall times do not."""

_TIMES = (
    "SELECT well, attempt, state, round(injected_s - :now, 2), round(quenched_s - :now, 2) FROM wells ORDER BY 2, 1",
    "SELECT command_id, CASE WHEN message LIKE 'AT %' THEN round(released_s - :now, 2) END, sent FROM handshakes "
    "ORDER BY attempt, command_id",
    "SELECT label, round(max(time_s) - :now, 2) FROM reads WHERE label = 'dark' GROUP BY label",
)


def suggest(session: Session) -> int:
    """Suggest the one design, as the model's step would its batch."""
    waiting = session.store.experiments("suggested")
    if waiting:
        return waiting[0].batch
    if session.store.experiments():
        raise Stopped("the one experiment is neither suggested nor ended, and no attempt has it")
    recipe = recipe_json(session.compiler.recipe(DESIGN))
    batch = session.store.next_batch()
    session.store.add_batch(batch, [NewExperiment(kind="explore", suggestion={"design": DESIGN}, recipe=recipe)])
    return batch


def finished(session: Session) -> str:
    """Say "budget" when the one experiment has an end."""
    experiments = session.store.experiments()
    return "budget" if experiments and all(e.state in ("measured", "lost") for e in experiments) else ""


_KNOWN: dict[str, Any] = {}
_LISTS: dict[str, Hardware] = {}


def one_well() -> Campaign:
    """Return the shipped example; the simulator makes one well of it."""
    if "campaign" not in _KNOWN:
        _KNOWN["campaign"] = load_campaign(EXAMPLE)
    found: Campaign = _KNOWN["campaign"]
    return found


def _compiler(wanted: Campaign) -> Compiler:
    if "compiler" not in _KNOWN:
        _KNOWN["compiler"] = Compiler.of(wanted)
    found: Compiler = _KNOWN["compiler"]
    return found


def hardware_of(protocol: Path, labware: Sequence[Path], csv: Path) -> Hardware:
    """Return what moves when this CSV is run: what the vendor's software says of it, asked once per process."""
    steps_text = csv.read_text(encoding="utf-8")
    if steps_text not in _LISTS:
        _LISTS[steps_text] = Hardware(analyze(protocol, labware, csv, analyzer_python=default_analyzer()).commands)
    return _LISTS[steps_text]


def _copy(moment: Moment) -> Moment:
    return replace(moment, robot=moment.robot.copy())
