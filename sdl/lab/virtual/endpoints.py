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

    async def status(request: Request) -> Response:
        _owner(request, token)
        return JSONResponse({"now_s": bench.clock.now_s(), "volumes_ul": bench.world.volumes_ul()})

    async def shutdown(request: Request) -> Response:
        _owner(request, token)
        end()
        return JSONResponse({"ended": True})

    async def clock(_: Request) -> Response:
        return JSONResponse({"now_s": bench.clock.now_s()})

    async def wait_until(request: Request) -> Response:
        bench.clock.wait_until(_number(await request.body(), "t_s"))
        return JSONResponse({"now_s": bench.clock.now_s()})

    async def operator(request: Request) -> Response:
        what = str(read_object(await request.body()).get("what"))
        if not await run_in_threadpool(bench.ask, what):
            raise Conflict("Unknown", f"the operator knows no {what!r}", 404)
        return JSONResponse({"what": what, "done": True, "now_s": bench.clock.now_s()})

    async def reader(request: Request) -> Response:
        asked = read_object(await request.body() or b"{}")
        return JSONResponse(await run_in_threadpool(bench.read, request.path_params["verb"], asked))

    async def truth(request: Request) -> Response:
        asked = read_object(await request.body()).get("wells")
        if not isinstance(asked, list):
            raise Conflict("InvalidRequest", "wells is missing", 422)
        return JSONResponse({"wells": await run_in_threadpool(bench.truth, asked)})

    table: list[tuple[str, str, Endpoint]] = [
        ("/virtual/status", "GET", status),
        ("/virtual/shutdown", "POST", shutdown),
        ("/virtual/clock", "GET", clock),
        ("/virtual/clock/wait_until", "POST", wait_until),
        ("/virtual/operator/requests", "POST", operator),
        ("/virtual/reader/{verb}", "GET", reader),
        ("/virtual/reader/{verb}", "POST", reader),
        ("/virtual/truth", "POST", truth),
    ]
    spec = bench.spec
    robot = RobotApi(
        bench.robot, bench.world, robot_type=spec["robot_type"], serial=bench.serial, pipettes=spec["pipettes"]
    )
    return Starlette(
        routes=[*robot.routes(), *(Route(path, call, methods=[method]) for path, method, call in table)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(LOCAL))],
        exception_handlers={Conflict: conflict},
    )


def _owner(request: Request, token: str) -> None:
    shown = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(shown.encode(), token.encode()):
        raise Conflict("Unauthorized", "this needs the token in virtual-lab.json", 401)


def _number(body: bytes, name: str) -> float:
    found: Any = read_object(body).get(name)
    if not isinstance(found, int | float):
        raise Conflict("InvalidRequest", f"{name} is a number", 422)
    return float(found)
