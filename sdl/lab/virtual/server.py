"""The virtual robot's HTTP: the subset of robot-server 8.1.0's API that a controller uses."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sdl.lab.virtual.clock import EPOCH_S, iso
from sdl.lab.virtual.execution import Conflict, error
from sdl.lab.virtual.plate import VirtualPlateReader
from sdl.lab.virtual.robot import VirtualRobot
from sdl.lab.virtual.world import World

Json = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]

MODEL = {"Flex": "OT-3 Standard", "OT-2": "OT-2 Standard"}
FLEX_PIPETTES = {"flex_1channel_50": "p50_single_flex", "flex_1channel_1000": "p1000_single_flex"}
"""How the robot calls the pipettes that protocols name differently."""

DEFAULT_PAGE = 20

CALIBRATED = iso(EPOCH_S - 86_400.0)
OFFSET = {"x": 0.0, "y": 0.1, "z": -0.2}
"""Pipettes, modules and deck were calibrated the day before the lab opened, with so many mm of offset (chosen)."""
MADE: Json = {"offset": OFFSET, "last_modified": CALIBRATED}
NOT_BAD: Json = {"markedBad": False, "source": None, "markedAt": None}

OF_A_MODULE: Json = {
    "firmwareVersion": "virtual",
    "hardwareRevision": "virtual",
    "hasAvailableUpdate": False,
    "compatibleWithRobot": True,
    "usbPort": {"port": 0, "portGroup": "unknown", "hub": False, "path": ""},
}

FLEX_CUTOUTS = tuple(f"cutout{row}{column}" for row in "ABCD" for column in "123")
TRASH_CUTOUT = "cutoutA3"


class RobotApi:
    """The endpoints of one robot; `routes` is what a server mounts."""

    def __init__(
        self,
        robot: VirtualRobot,
        world: World,
        *,
        robot_type: str,
        serial: str,
        pipettes: Sequence[Mapping[str, Any]],
        plate_reader: VirtualPlateReader | None = None,
    ) -> None:
        self._plate_reader = plate_reader
        self._robot = robot
        self._world = world
        self._type = robot_type
        self._serial = serial
        self._pipettes = pipettes
        self._notes: dict[str, Json] = {}

    def routes(self) -> list[Route]:
        get, post = ["GET"], ["POST"]
        table: list[tuple[str, list[str], Endpoint]] = [
            ("/health", get, self.health),
            ("/instruments", get, self.instruments),
            ("/modules", get, self.modules),
            ("/calibration/pipette_offset", get, self.pipette_offsets),
            ("/calibration/status", get, self.calibration_status),
            ("/robot/door/status", get, self.door),
            ("/robot/control/estopStatus", get, self.estop),
            ("/deck_configuration", get, self.deck_configuration),
            ("/dataFiles", get, self.data_files),
            ("/dataFiles", post, self.add_data_file),
            ("/protocols", get, self.protocols),
            ("/protocols", post, self.add_protocol),
            ("/protocols/{protocol}", get, self.protocol),
            ("/protocols/{protocol}/analyses/{analysis}", get, self.analysis),
            ("/runs", get, self.runs),
            ("/runs", post, self.add_run),
            ("/runs/{run}", get, self.run),
            ("/runs/{run}", ["PATCH"], self.archive),
            ("/runs/{run}/actions", post, self.act),
            ("/runs/{run}/commands", get, self.commands),
            ("/commands", post, self.command),
            ("/modules/{serial}", post, self.command_module),
            ("/maintenance_runs", post, self.add_maintenance),
            ("/maintenance_runs/{run}", ["DELETE"], self.end_maintenance),
            ("/maintenance_runs/{run}/commands", post, self.maintain),
        ]
        table.append(("/clientData/{key}", ["GET", "PUT", "DELETE"], self.client_data))
        return [Route(path, _with_version(endpoint), methods=methods) for path, methods, endpoint in table]

    async def client_data(self, request: Request) -> Response:
        key = request.path_params["key"]
        if request.method == "PUT":
            self._notes[key] = dict(read_object(await request.body()).get("data") or {})
        if key not in self._notes:
            raise Conflict("ClientDataKeyDoesNotExist", f"No data found for key {key}", 404)
        if request.method == "DELETE":
            del self._notes[key]
            return JSONResponse({})
        return _one(self._notes[key])

    async def health(self, _: Request) -> Response:
        told: Json = {
            "name": "virtual",
            "robot_model": MODEL[self._type],
            "api_version": "8.2.0" if self._plate_reader else "8.1.0",  # the lid's commands came with 8.2
            "fw_version": "virtual",
            "board_revision": "virtual",
            "system_version": "virtual",
            "logs": [],
            "links": {},
            "minimum_protocol_api_version": [2, 15 if self._type == "Flex" else 0],
            "maximum_protocol_api_version": [2, 20],
            "robot_serial": self._serial,
        }
        return JSONResponse(told)

    async def instruments(self, _: Request) -> Response:
        found = []
        for p in self._pipettes:
            data: Json = {"channels": 1, "min_volume": p["min_ul"], "max_volume": p["max_ul"]}
            told: Json = {
                "mount": p["mount"],
                "instrumentType": "pipette",
                "instrumentName": FLEX_PIPETTES.get(p["name"], p["name"]),
                "instrumentModel": p["name"],
                "serialNumber": f"{self._serial}-{p['mount']}",
                "subsystem": f"pipette_{p['mount']}",
                "ok": True,
                "data": data,
            }
            if self._type == "Flex":  # an OT-2 tells its offsets at /calibration/pipette_offset only
                data["calibratedOffset"] = {**MADE, "source": "user", "reasonability_check_failures": []}
                told |= {"firmwareVersion": "virtual", "state": {"tipDetected": False}}
            found.append(told)
        return _many(found)

    async def pipette_offsets(self, _: Request) -> Response:
        if self._type == "Flex":
            raise Conflict("NotSupportedOnFlex", "This route is only available on an OT-2.", 403)
        found = [
            {
                "id": f"{self._serial}-{p['mount']}&{p['mount']}",
                "pipette": f"{self._serial}-{p['mount']}",
                "mount": p["mount"],
                "offset": list(OFFSET.values()),
                "tiprack": "",
                "tiprackUri": "",
                "lastModified": CALIBRATED,
                "source": "user",
                "status": NOT_BAD,
            }
            for p in self._pipettes
        ]
        return JSONResponse({"data": found, "links": None})

    async def calibration_status(self, _: Request) -> Response:
        made = self._type == "OT-2"  # a Flex has no such calibration
        data: Json = {
            "type": "attitude",
            "matrix": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            "lastModified": CALIBRATED if made else None,
            "pipetteCalibratedWith": f"{self._serial}-right" if made else None,
            "tiprack": "" if made else None,
            "source": "user" if made else "default",
            "status": NOT_BAD,
        }
        nothing = {"single": [0.0, 0.0, 0.0], "multi": [0.0, 0.0, 0.0]}
        told = {"deckCalibration": {"status": "OK" if made else "IDENTITY", "data": data}}
        return JSONResponse({**told, "instrumentCalibration": {"right": nothing, "left": nothing}})

    async def modules(self, _: Request) -> Response:
        found: list[Json] = [
            {
                "id": f"module-{rack}",
                "serialNumber": f"{self._serial}-{place.slot}",
                "moduleType": "temperatureModuleType",
                "moduleModel": place.module,
                **({"moduleOffset": {**MADE, "slot": place.slot}} if self._type == "Flex" else {}),
                "data": {"status": "idle", "currentTemperature": now_c}
                | ({} if target is None else {"status": "holding at target", "targetTemperature": target}),
                **OF_A_MODULE,
            }
            for rack, place, now_c, target in self._world.modules()
        ]
        return _many([*found, self._plate_reader.module() | OF_A_MODULE] if self._plate_reader else found)

    async def door(self, _: Request) -> Response:
        return _one({"status": "closed", "doorRequiredClosedForProtocol": True})

    async def estop(self, _: Request) -> Response:
        if self._type == "OT-2":
            raise Conflict("NotSupportedOnOT2", "This route is only available on a Flex.", 403)
        return _one(dict.fromkeys(("status", "leftEstopPhysicalStatus", "rightEstopPhysicalStatus"), "disengaged"))

    async def deck_configuration(self, _: Request) -> Response:
        loaded = {f"cutout{place.slot}": place for _, place, _, _ in self._world.modules()}
        fixtures: list[Json] = []
        for cutout in FLEX_CUTOUTS:
            if cutout in loaded:
                serial = f"{self._serial}-{loaded[cutout].slot}"
                fixture: Json = {"cutoutFixtureId": loaded[cutout].module, "opentronsModuleSerialNumber": serial}
            elif cutout == TRASH_CUTOUT:
                fixture = {"cutoutFixtureId": "trashBinAdapter"}
            else:
                side = {"1": "left", "2": "center", "3": "right"}[cutout[-1]]
                fixture = {"cutoutFixtureId": f"single{side.title()}Slot"}
            fixtures.append({"cutoutId": cutout, **fixture})
        if self._type == "OT-2":
            fixtures = [{"cutoutId": f"cutout{n}", "cutoutFixtureId": "singleStandardSlot"} for n in range(1, 12)]
            return _one({"cutoutFixtures": [*fixtures, {"cutoutId": "cutout12", "cutoutFixtureId": "fixedTrashSlot"}]})
        return _one({"cutoutFixtures": fixtures, "lastModifiedAt": CALIBRATED})

    async def data_files(self, _: Request) -> Response:
        return _many(self._robot.files())

    async def add_data_file(self, request: Request) -> Response:
        async with request.form() as form:
            name, content = (await _files(form.getlist("file")))[0]
        data, new = await run_in_threadpool(self._robot.add_file, name, content)
        return _one(data, 201 if new else 200)

    async def protocols(self, _: Request) -> Response:
        return _many(self._robot.protocols())

    async def add_protocol(self, request: Request) -> Response:
        async with request.form() as form:
            files = await _files(form.getlist("files"))
            key = str(form.get("key") or "")
            parameters = read_object(str(form.get("runTimeParameterFiles") or "{}"))
        data, new = await run_in_threadpool(self._robot.add_protocol, files, key, parameters)
        return _one(data, 201 if new else 200)

    async def protocol(self, request: Request) -> Response:
        return _one(self._robot.protocol(request.path_params["protocol"]))

    async def analysis(self, request: Request) -> Response:
        return _one(self._robot.analysis(request.path_params["protocol"], request.path_params["analysis"]))

    async def runs(self, _: Request) -> Response:
        runs = self._robot.runs()
        current = next((f"/runs/{run['id']}" for run in runs if run["current"]), None)
        links = {"current": {"href": current}} if current else {}
        return JSONResponse({"data": runs, "links": links, "meta": {"cursor": 0, "totalLength": len(runs)}})

    async def add_run(self, request: Request) -> Response:
        wanted = _data(await request.body())
        protocol_id, files = wanted.get("protocolId"), wanted.get("runTimeParameterFiles") or {}
        if not isinstance(protocol_id, str) or not isinstance(files, dict):
            raise Conflict("InvalidRequest", "a run needs a protocolId, and files as an object", 422)
        return _one(await run_in_threadpool(self._robot.add_run, protocol_id, files), 201)

    async def run(self, request: Request) -> Response:
        return _one(self._robot.run(request.path_params["run"]))

    async def archive(self, request: Request) -> Response:
        if _data(await request.body()).get("current") is not False:
            raise Conflict("InvalidRequest", "only current: false can be patched", 422)
        return _one(self._robot.archive(request.path_params["run"]))

    async def act(self, request: Request) -> Response:
        action = str(_data(await request.body()).get("actionType"))
        execution = self._robot.execution(request.path_params["run"])
        return _one(await run_in_threadpool(execution.act, action), 201)

    async def commands(self, request: Request) -> Response:
        query = request.query_params
        run_id = request.path_params["run"]
        try:
            cursor = int(query["cursor"]) if "cursor" in query else None
            length = int(query.get("pageLength", DEFAULT_PAGE))
        except ValueError as exc:
            raise Conflict("InvalidRequest", f"cursor and pageLength are whole numbers: {exc}", 422) from exc
        page, start, total, current = self._robot.execution(run_id).commands(cursor, length)
        links: Json = {}
        if current is not None:
            href = f"/runs/{run_id}/commands/{current['commandId']}"
            links = {"current": {"href": href, "meta": {"runId": run_id, **current}}}
        return JSONResponse({"data": page, "links": links, "meta": {"cursor": start, "totalLength": total}})

    async def command(self, request: Request) -> Response:
        command = _data(await request.body())
        params, now = command.get("params") or {}, iso(EPOCH_S)
        told: Json = {**command, "id": str(uuid.uuid4()), "status": "succeeded", "result": {}, "intent": "setup"}
        told |= {"key": told["id"], "notes": [], **dict.fromkeys(("createdAt", "startedAt", "completedAt"), now)}
        if self._robot.active:
            raise Conflict("RunActive", "A run is currently active")
        if command.get("commandType") == "temperatureModule/deactivate":
            racks = [rack for rack, *_ in self._world.modules() if f"module-{rack}" == params.get("moduleId")]
            if racks:
                await run_in_threadpool(self._world.switch_off, racks[0])
            else:
                detail = f"Module ID {params.get('moduleId')} not found."
                told |= {"status": "failed", "error": error("ModuleNotLoadedError", detail, EPOCH_S)}
        elif command.get("commandType") != "home":
            raise Conflict("InvalidRequest", f"{command.get('commandType')} needs a run", 422)
        return _one(told, 201)

    async def command_module(self, request: Request) -> Response:
        """Reach a module past a run that is active: a call of the API's second version."""
        if request.headers["opentrons-version"] != "2":
            raise Conflict("APIRemoved", "/modules/{serial} is not available after API version 3", 410)
        serial, command = request.path_params["serial"], read_object(await request.body())
        racks = [rack for rack, place, *_ in self._world.modules() if f"{self._serial}-{place.slot}" == serial]
        if not racks:
            raise Conflict("ModuleNotPresent", f"Specified module not found: {serial}", 404)
        if command.get("command_type") != "deactivate":
            raise Conflict("ModuleCommand", f"Module does not have command: {command.get('command_type')}", 400)
        await run_in_threadpool(self._world.switch_off, racks[0])
        return JSONResponse({"message": "Success", "returnValue": None})

    async def add_maintenance(self, _: Request) -> Response:
        return _one(self._plate().begin(), 201)

    async def end_maintenance(self, request: Request) -> Response:
        return _one(self._plate().end(request.path_params["run"]))

    async def maintain(self, request: Request) -> Response:
        command = _data(await request.body())
        return _one(await run_in_threadpool(self._plate().carry_out, request.path_params["run"], command), 201)

    def _plate(self) -> VirtualPlateReader:
        if self._plate_reader is None:
            raise Conflict("NotFound", "this bench has nothing that a maintenance run would serve", 404)
        return self._plate_reader


def _with_version(endpoint: Endpoint) -> Endpoint:
    """Refuse a call without the header that robot-server asks for."""

    async def checked(request: Request) -> Response:
        if "opentrons-version" not in request.headers:
            told = {"message": "header.opentrons-version: field required", "errorCode": "4000"}
            return JSONResponse(told, status_code=422)
        return await endpoint(request)

    return checked


def conflict(_: Request, exc: Exception) -> Response:
    """Answer a refusal of the robot as robot-server words it."""
    name, status = getattr(exc, "name", type(exc).__name__), getattr(exc, "status", 500)
    told = {"id": name, "title": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name), "detail": str(exc), "errorCode": "4000"}
    return JSONResponse({"errors": [told]}, status_code=status)


def _one(data: object, status: int = 200) -> Response:
    return JSONResponse({"data": data}, status_code=status)


def _many(data: Sequence[object]) -> Response:
    return JSONResponse({"data": data, "meta": {"cursor": 0, "totalLength": len(data)}})


async def _files(parts: Sequence[UploadFile | str]) -> list[tuple[str, bytes]]:
    files = [(part.filename or "file", await part.read()) for part in parts if isinstance(part, UploadFile)]
    if not files:
        raise Conflict("InvalidRequest", "no file in the upload", 422)
    return files


def read_object(text: str | bytes) -> Json:
    try:
        found = json.loads(text)
    except ValueError as exc:
        raise Conflict("InvalidRequest", f"the body is no JSON: {exc}", 422) from exc
    if not isinstance(found, dict):
        raise Conflict("InvalidRequest", "the body is no JSON object", 422)
    return found


def _data(body: bytes) -> Json:
    found = read_object(body).get("data")
    if not isinstance(found, dict):
        raise Conflict("InvalidRequest", "data is missing", 422)
    return found
