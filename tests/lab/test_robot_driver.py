"""The robot driver meets a network that lies, hangs and babbles: it says so, and repeats nothing that moves liquid."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from sdl.errors import SdlError, Unreachable, Unsafe
from sdl.lab.robot import GET_TRIES, MAX_BODY_BYTES, Robot, Unexpected


@contextmanager
def scripted(answers: Sequence[bytes], *, deadline_s: float = 5.0) -> Iterator[tuple[Robot, list[str]]]:
    """A robot whose n-th connection gets the n-th answer, byte by byte as given, and is closed; b"" is no answer."""
    asked: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(65536).decode(errors="replace").split("\r\n")[0])
                try:
                    connection.sendall(answer)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    robot = Robot(f"http://127.0.0.1:{listener.getsockname()[1]}", deadline_s=deadline_s)
    try:
        yield robot, asked
    finally:
        robot.close()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _http(status: str, body: str, *, length: int | None = None, more: str = "") -> bytes:
    size = len(body.encode()) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n{more}\r\n{body}".encode()


def _run(status: str) -> str:
    return json.dumps({"data": {"id": "r", "status": status, "actions": []}})


def test_a_closed_port_is_unreachable_and_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    robot = Robot(f"http://127.0.0.1:{port}")
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port} does not answer GET /health"):
        robot.health()
    robot.close()


def test_a_module_that_refuses_keeps_no_other_one_hot() -> None:
    cold: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/modules":
            found = [("a", "temperatureModuleV2"), ("b", "temperatureModuleV2"), ("c", "absorbanceReaderV1")]
            return httpx.Response(
                200, json={"data": [{"id": i, "serialNumber": i, "moduleModel": m} for i, m in found]}
            )
        id = json.loads(request.content)["data"]["params"]["moduleId"]
        if id == "a":
            return httpx.Response(500, text="boom")
        cold.append(id)
        return httpx.Response(201, json={"data": {"status": "succeeded"}})

    (refused,) = Robot("http://127.0.0.1:1", transport=httpx.MockTransport(answer)).all_heat_off()
    assert cold == ["b"] and "temperatureModuleV2 a" in refused


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{}",
        b"SSH-2.0-nonsense\r\n",
        _http("500 Internal Server Error", "boom"),
        _http("502 Bad Gateway", "<html>proxy</html>"),
        _http("409 Conflict", "{}"),
        _http("429 Too Many Requests", "{}", more="Retry-After: 1\r\n"),
        _http("307 Temporary Redirect", "", more="Location: /elsewhere\r\n"),
    ],
    ids=["lost", "half", "not HTTP", "500", "502 HTML", "409", "429", "redirect"],
)
def test_a_play_whose_answer_is_bad_is_sent_exactly_once(answer: bytes) -> None:
    with scripted([answer] * 4) as (robot, asked):
        with pytest.raises(Unreachable):
            robot.play("r")
        assert asked == ["POST /runs/r/actions HTTP/1.1"]


def test_a_get_is_asked_again_after_a_lost_answer() -> None:
    with scripted([b""] * (GET_TRIES - 1) + [_http("200 OK", _run("running"))]) as (robot, asked):
        assert robot.run("r")["status"] == "running"
        assert len(asked) == GET_TRIES


def test_a_get_gives_up_after_a_few_lost_answers() -> None:
    with scripted([b""] * (GET_TRIES + 2)) as (robot, asked):
        with pytest.raises(Unreachable):
            robot.run("r")
        assert len(asked) == GET_TRIES


@pytest.mark.parametrize(
    ("body", "quoted"),
    [
        ("not json", "not json"),
        ("[]", "[]"),
        ('{"data": NaN}', '{"data": NaN}'),
        ('{"data": null}', "None"),
        ('{"data": {"status": "running"}}', '"running"'),
        (_run("frobbing"), "frobbing"),
    ],
    ids=["text", "list", "NaN", "no data", "no actions", "unknown status"],
)
def test_an_answer_that_is_not_what_the_api_promises_is_unexpected_and_quoted(body: str, quoted: str) -> None:
    with scripted([_http("200 OK", body)]) as (robot, _), pytest.raises(Unexpected) as refused:
        robot.run("r")
    assert refused.value.status == 200
    assert quoted in str(refused.value)


def test_the_status_of_a_refusal_is_kept() -> None:
    with scripted([_http("404 Not Found", '{"errors": [{"id": "RunNotFound"}]}')]) as (robot, asked):
        with pytest.raises(Unexpected, match="RunNotFound") as refused:
            robot.run("r")
        assert refused.value.status == 404
        assert len(asked) == 1


def test_a_body_without_end_is_cut_at_the_limit() -> None:
    piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + piece * (MAX_BODY_BYTES // 0x100000 + 8)
    with scripted([endless], deadline_s=30.0) as (robot, _), pytest.raises(Unexpected, match="too long") as refused:
        robot.health()
    assert len(str(refused.value)) < 1000


def test_an_answer_that_never_comes_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        robot = Robot(f"http://127.0.0.1:{listener.getsockname()[1]}", deadline_s=0.2)
        with pytest.raises(Unreachable, match="POST /runs/r/actions"):
            robot.pause("r")
        robot.close()


def test_an_analysis_that_is_not_ok_is_unsafe() -> None:
    protocol = json.dumps({"data": {"id": "p", "analysisSummaries": [{"id": "a", "status": "completed"}]}})
    failed = json.dumps(
        {"data": {"id": "a", "status": "completed", "result": "not-ok", "errors": [{"detail": "no tip"}]}}
    )
    answers = [_http("200 OK", protocol), _http("200 OK", failed)]
    with scripted(answers) as (robot, _), pytest.raises(Unsafe, match="no tip"):
        robot.analysis("p")


def test_a_protocol_that_was_started_twice_is_reported_and_an_idle_twin_is_ignored() -> None:
    def runs(*played: bool) -> bytes:
        found = [
            {"id": f"r{i}", "protocolId": "p", "actions": [{"actionType": "play"}] if p else []}
            for i, p in enumerate(played)
        ]
        return _http("200 OK", json.dumps({"data": [*found, {"id": "x", "protocolId": "q", "actions": []}]}))

    with scripted([runs(), runs(False, False), runs(True, False), runs(True, True)]) as (robot, _):
        assert robot.find_run("p") is None
        assert robot.find_run("p") == "r1"
        assert robot.find_run("p") == "r0"
        with pytest.raises(Unexpected, match="started 2 times"):
            robot.find_run("p")


def test_every_page_of_commands_is_read() -> None:
    def page(start: int, n: int) -> bytes:
        data = [{"id": f"c{i}", "commandType": "comment"} for i in range(start, start + n)]
        return _http("200 OK", json.dumps({"data": data, "links": {}, "meta": {"cursor": start, "totalLength": 5}}))

    with scripted([page(0, 2), page(2, 2), page(4, 1)]) as (robot, asked):
        assert [c["id"] for c in robot.commands("r")] == ["c0", "c1", "c2", "c3", "c4"]
        assert [line.split("cursor=")[1][0] for line in asked] == ["0", "2", "4"]


def test_every_error_of_the_driver_belongs_to_the_one_tree() -> None:
    assert issubclass(Unexpected, SdlError)
    assert Unexpected("x", status=500).exit_code == Unreachable.exit_code == 5


def test_an_upload_sent_again_while_its_analysis_goes_on_waits_for_it(tmp_path: Path) -> None:
    """robot-server 8.1.0 answers 503 then; the same files have the same ids, so that asking again moves nothing."""
    for name in ("p.py", "s.csv"):
        (tmp_path / name).write_text("#")
    made = [_http("201 Created", json.dumps({"data": {"id": name}})) for name in ("csv", "protocol")]
    pending = _http("503 Service Unavailable", '{"errors":[{"id":"LastAnalysisPending"}]}')
    with scripted([made[0], pending, made[1]]) as (robot, asked):
        assert robot.upload(tmp_path / "p.py", [], tmp_path / "s.csv", key="a") == ("protocol", "csv")
    assert [line.split()[1] for line in asked] == ["/dataFiles", "/protocols", "/protocols"]
