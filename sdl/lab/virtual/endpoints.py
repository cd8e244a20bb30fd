"""What the virtual lab answers beside the robot: clock, reader, operator, and, for tests and benchmarks, the truth."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sdl.lab.virtual.bench import VirtualBench
from sdl.lab.virtual.execution import Conflict
from sdl.lab.virtual.server import RobotApi, conflict, read_object

LOCAL = ("127.0.0.1", "localhost")
"""Names that a caller may use; anything else is a web page that tries to reach in."""

Endpoint = Callable[[Request], Awaitable[Response]]


def application(bench: VirtualBench, token: str, end: Callable[[], None]) -> Starlette:
    """Return the whole lab as one application; ``token`` is asked of whoever wants to know or to end it."""
    spec = bench.spec
    robot = RobotApi(
        bench.robot,
        bench.world,
        robot_type=spec["robot_type"],
        serial=bench.serial,
        pipettes=spec["pipettes"],
        plate_reader=bench.plate_reader,
    )
    return Starlette(
        routes=[*robot.routes(), *LabApi(bench, token, end).routes()],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(LOCAL))],
        exception_handlers={Conflict: conflict},
    )


class LabApi:
    """Everything below ``/virtual``."""

    def __init__(self, bench: VirtualBench, token: str, end: Callable[[], None]) -> None:
        self._bench = bench
        self._token = token
        self._end = end

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Endpoint]] = [
            ("status", "GET", self.status),
            ("shutdown", "POST", self.shutdown),
            ("clock", "GET", self.clock),
            ("clock/wait_until", "POST", self.wait_until),
            ("operator/requests", "POST", self.operator),
            ("reader/{verb}", "GET", self.reader),
            ("reader/{verb}", "POST", self.reader),
            ("truth", "POST", self.truth),
        ]
        return [Route(f"/virtual/{path}", call, methods=[method]) for path, method, call in table]

    async def status(self, request: Request) -> Response:
        self._owner(request)
        return JSONResponse({"now_s": self._bench.clock.now_s(), "volumes_ul": self._bench.world.volumes_ul()})

    async def shutdown(self, request: Request) -> Response:
        self._owner(request)
        self._end()
        return JSONResponse({"ended": True})

    async def clock(self, _: Request) -> Response:
        return JSONResponse({"now_s": self._bench.clock.now_s()})

    async def wait_until(self, request: Request) -> Response:
        self._bench.clock.wait_until(_number(await request.body(), "t_s"))
        return await self.clock(request)

    async def operator(self, request: Request) -> Response:
        asked = read_object(await request.body())
        what = str(asked.get("what"))
        if not await run_in_threadpool(self._bench.ask, what, str(asked.get("lot") or "")):
            raise Conflict("Unknown", f"the operator knows no {what!r}", 404)
        return JSONResponse({"what": what, "done": True, "now_s": self._bench.clock.now_s()})

    async def reader(self, request: Request) -> Response:
        asked = read_object(await request.body() or b"{}")
        return JSONResponse(await run_in_threadpool(self._bench.read, request.path_params["verb"], asked))

    async def truth(self, request: Request) -> Response:
        asked = read_object(await request.body()).get("wells")
        if not isinstance(asked, list):
            raise Conflict("InvalidRequest", "wells is missing", 422)
        return JSONResponse({"wells": await run_in_threadpool(self._bench.truth, asked)})

    def _owner(self, request: Request) -> None:
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(shown.encode(), self._token.encode()):
            raise Conflict("Unauthorized", "this needs the token in virtual-lab.json", 401)


def _number(body: bytes, name: str) -> float:
    found: Any = read_object(body).get(name)
    if not isinstance(found, int | float):
        raise Conflict("InvalidRequest", f"{name} is a number", 422)
    return float(found)
