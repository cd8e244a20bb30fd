"""A robot that exists in numbers: it keeps files, protocols and runs by the rules of robot-server 8.1.0.

Protocols are analysed by the real analyser; a run carries out the analysed list. One run is active at a time, the
20 newest are remembered, and whatever comes too late is a conflict.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sdl.errors import SdlError
from sdl.lab.analysis import Analysis
from sdl.lab.virtual.clock import VirtualClock, iso
from sdl.lab.virtual.execution import ENDED, Conflict, Execution, Json, Surroundings

MAX_RUNS = 20
MAX_UNUSED_PROTOCOLS = 5
"""robot-server 8.1.0 deletes the oldest beyond these."""

ANALYSIS_S = 300.0
"""How long a new run waits for an analysis that is still going on, in real time (chosen: the analyser's own limit)."""

Analyze = Callable[[Path, Sequence[Path], Path], Analysis]
"""From protocol, labware and CSV to their analysis."""


@dataclass(slots=True, kw_only=True)
class _Analysed:
    files: Mapping[str, str]  # CSV parameter -> data file id
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    done: threading.Event = field(default_factory=threading.Event)
    result: str = "not-ok"
    commands: list[Json] = field(default_factory=list)
    errors: list[Json] = field(default_factory=list)

    def summary(self) -> Json:
        return {"id": self.id, "status": "completed" if self.done.is_set() else "pending"}

    def whole(self) -> Json:
        if not self.done.is_set():
            return self.summary()
        told: Json = {"result": self.result, "commands": self.commands, "errors": self.errors}
        return {**self.summary(), **told, "labware": [], "pipettes": []}


@dataclass(slots=True, kw_only=True)
class _Protocol:
    id: str
    key: str
    created: str
    script: Path
    labware: tuple[Path, ...]
    analyses: list[_Analysed] = field(default_factory=list)

    def summary(self) -> Json:
        files = [{"name": self.script.name, "role": "main"}]
        return {
            "id": self.id,
            "key": self.key,
            "createdAt": self.created,
            "protocolType": "python",
            "protocolKind": "standard",
            "metadata": {},
            "files": files + [{"name": path.name, "role": "labware"} for path in self.labware],
            "analysisSummaries": [analysis.summary() for analysis in self.analyses],
        }


class VirtualRobot:
    """The robot itself, without its HTTP; every method may be called from any thread."""

    def __init__(self, *, folder: Path, clock: VirtualClock, surroundings: Surroundings, analyze: Analyze) -> None:
        self._folder = folder
        self._clock = clock
        self._world = surroundings
        self._analyze = analyze
        self._lock = threading.RLock()
        self._files: dict[str, Path] = {}
        self._protocols: dict[str, _Protocol] = {}
        self._runs: dict[str, Execution] = {}
        self._parameters: dict[str, Mapping[str, str]] = {}  # run id -> CSV parameter -> data file id

    def add_file(self, name: str, content: bytes) -> tuple[Json, bool]:
        """Keep a data file; return it and whether it is new. The same content has the same id."""
        file_id = _content_id([(name, content)])
        with self._lock:
            new = file_id not in self._files
            if new:
                self._files[file_id] = self._store(f"data-{file_id}", name, content)
            return {"id": file_id, "name": name, "createdAt": iso(self._clock.now_s())}, new

    def files(self) -> list[Json]:
        with self._lock:
            return [{"id": file_id, "name": path.name} for file_id, path in self._files.items()]

    def add_protocol(
        self, files: Sequence[tuple[str, bytes]], key: str, parameters: Mapping[str, str]
    ) -> tuple[Json, bool]:
        """Keep a protocol and start its analysis; return it and whether it is new."""
        scripts = [name for name, _ in files if name.endswith(".py")]
        if len(scripts) != 1:
            raise Conflict("ProtocolFilesInvalid", f"one Python file is needed, {len(scripts)} were sent", 422)
        protocol_id = _content_id(sorted(files))
        with self._lock:
            new = protocol_id not in self._protocols
            if new:
                self._forget_unused()
                paths = [self._store(f"protocol-{protocol_id}", name, content) for name, content in files]
                self._protocols[protocol_id] = _Protocol(
                    id=protocol_id,
                    key=key,
                    created=iso(self._clock.now_s()),
                    script=next(path for path in paths if path.name == scripts[0]),
                    labware=tuple(path for path in paths if path.name != scripts[0]),
                )
            protocol = self._protocols[protocol_id]
            if protocol.analyses and not protocol.analyses[-1].done.is_set():
                raise Conflict("LastAnalysisPending", f"Analysis {protocol.analyses[-1].id} is still pending.", 503)
            if not protocol.analyses or protocol.analyses[-1].files != parameters:
                self._start_analysis(protocol, parameters)
            return protocol.summary(), new

    def protocols(self) -> list[Json]:
        with self._lock:
            return [protocol.summary() for protocol in self._protocols.values()]

    def protocol(self, protocol_id: str) -> Json:
        return self._protocol(protocol_id).summary()

    def analysis(self, protocol_id: str, analysis_id: str) -> Json:
        for analysis in self._protocol(protocol_id).analyses:
            if analysis.id == analysis_id:
                return analysis.whole()
        raise Conflict("AnalysisNotFound", f"no analysis {analysis_id}", 404)

    def add_run(self, protocol_id: str, parameters: Mapping[str, str]) -> Json:
        """Make an idle run of a protocol and its CSV; it becomes the current one."""
        self._refuse_unknown(parameters)
        with self._lock:
            protocol = self._protocol(protocol_id)
            if self.active:
                raise Conflict("RunAlreadyActive", "another run is active")
            fitting = [analysis for analysis in protocol.analyses if analysis.files == parameters]
            analysis = fitting[-1] if fitting else self._start_analysis(protocol, parameters)
        analysis.done.wait(ANALYSIS_S)
        run = Execution(
            protocol_id=protocol_id,
            key=protocol.key,
            commands=analysis.commands,
            errors=analysis.errors,
            clock=self._clock,
            surroundings=self._world,
        )
        with self._lock:
            for other in self._runs.values():
                other.current = False
            while len(self._runs) >= MAX_RUNS:
                self._runs.pop(next(iter(self._runs)))
            self._runs[run.id] = run
            self._parameters[run.id] = parameters
        return self.run(run.id)

    def runs(self) -> list[Json]:
        with self._lock:
            return [self.run(run_id) for run_id in self._runs]

    def run(self, run_id: str) -> Json:
        files = [
            {"type": "csv_file", "variableName": name, "file": {"id": file_id}}
            for name, file_id in self._parameters.get(run_id, {}).items()
        ]
        return {**self.execution(run_id).summary(), "runTimeParameters": files}

    def execution(self, run_id: str) -> Execution:
        with self._lock:
            if run_id not in self._runs:
                raise Conflict("RunNotFound", f"no run {run_id}", 404)
            return self._runs[run_id]

    def archive(self, run_id: str) -> Json:
        """Make a run not the current one; raise `Conflict` while it is active."""
        run = self.execution(run_id)
        if run.status not in ENDED | {"idle"}:
            raise Conflict("RunNotIdle", f"run {run_id} is {run.status}")
        if not run.current:
            raise Conflict("RunStopped", f"Cannot update {run_id} because it is not the current run.")
        run.current = False
        return self.run(run_id)

    def waits_for(self) -> str:
        """Return the message of the pause at which the current run stands; empty while none does."""
        with self._lock:
            paused = [run for run in self._runs.values() if run.current and run.status == "paused"]
        page = paused[0].commands(None, 1)[0] if paused else []
        return str((page[-1].get("params") or {}).get("message") or "") if page else ""

    @property
    def active(self) -> bool:
        """Say whether a run is under way, paused or not; single commands are refused then."""
        with self._lock:
            return any(run.current and run.status not in ENDED | {"idle"} for run in self._runs.values())

    @property
    def busy(self) -> bool:
        with self._lock:
            return any(run.status not in ENDED | {"idle", "paused"} for run in self._runs.values())

    def _protocol(self, protocol_id: str) -> _Protocol:
        with self._lock:
            if protocol_id not in self._protocols:
                raise Conflict("ProtocolNotFound", f"no protocol {protocol_id}", 404)
            return self._protocols[protocol_id]

    def _forget_unused(self) -> None:
        used = {run.protocol_id for run in self._runs.values()}
        unused = [protocol_id for protocol_id in self._protocols if protocol_id not in used]
        for protocol_id in unused[: max(0, len(unused) - MAX_UNUSED_PROTOCOLS + 1)]:
            del self._protocols[protocol_id]

    def _refuse_unknown(self, parameters: Mapping[str, str]) -> None:
        if missing := [file_id for file_id in parameters.values() if file_id not in self._files]:
            raise Conflict("FileIdNotFound", f"Data file {missing[0]} was not found.", 422)

    def _start_analysis(self, protocol: _Protocol, parameters: Mapping[str, str]) -> _Analysed:
        self._refuse_unknown(parameters)
        analysis = _Analysed(files=dict(parameters))
        protocol.analyses.append(analysis)
        threading.Thread(target=self._analyse, args=(protocol, analysis), daemon=True).start()
        return analysis

    def _analyse(self, protocol: _Protocol, analysis: _Analysed) -> None:
        try:
            if not analysis.files:
                analysis.result = "parameter-value-required"
            else:
                (file_id,) = analysis.files.values()
                found = self._analyze(protocol.script, protocol.labware, self._files[file_id])
                analysis.result, analysis.commands, analysis.errors = found.result, found.commands, found.errors
        except SdlError as exc:
            analysis.errors = [{"errorType": type(exc).__name__, "errorCode": "4000", "detail": str(exc)}]
        finally:
            analysis.done.set()

    def _store(self, folder: str, name: str, content: bytes) -> Path:
        path = self._folder / folder / Path(name).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


def _content_id(files: Sequence[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(f"{name}:{len(content)}:".encode() + content)
    return str(uuid.UUID(bytes=digest.digest()[:16]))
