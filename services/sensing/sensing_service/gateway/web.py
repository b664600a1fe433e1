"""HTTP of the gateway: reports as JSON, and the registration of devices. It says yes only after Kafka has everything.

Wrong requests are told what is wrong and where. A refused report is published with its bytes like a refused frame.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from liandong.edge.producer import PublishError
from liandong_contracts.common import Protocol
from liandong_contracts.sensing import RejectReason
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from sensing_service.gateway.forms import Report, WrongForm, entries, reports
from sensing_service.gateway.intake import MAX_RAW, Arrival, Intake, Refusal
from sensing_service.gateway.registrar import Registrar

log = logging.getLogger(__name__)

MAX_BODY = 8 << 20
_BODY_S = 15.0
_REASONS_SHOWN = 20


class Refused(Exception):
    """A request that is answered with an error. `raw` is published as a refusal, when it was to be a report."""

    def __init__(self, status: int, code: str, detail: str, raw: bytes = b"") -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.raw = status, code, detail, raw


class Web:
    """The routes. `patience_s`: how long a request waits for Kafka."""

    def __init__(self, intake: Intake, registrar: Registrar, patience_s: float) -> None:
        self._intake = intake
        self._registrar = registrar
        self._patience_s = patience_s

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/readings", self.post_readings, methods=["POST"]),
                Route("/v1/devices", self.put_devices, methods=["PUT"]),
                Route("/v1/devices/{device_id:path}", self.get_device, methods=["GET"]),
            ],
            exception_handlers={HTTPException: _plain_error},
        )

    async def post_readings(self, request: Request) -> Response:
        """Take one report or many."""
        try:
            body = await _json_body(request)
            return await self._take(_parsed(reports, body), _transport(request))
        except Refused as refused:
            if refused.raw:
                await self._publish_refusal(refused, _transport(request))
            return _error(refused)

    async def put_devices(self, request: Request) -> Response:
        """Register devices, all or none."""
        try:
            states = [entry.state() for entry in _parsed(entries, await _json_body(request))]
            wrong = self._registrar.refusals(states)
            if wrong:
                more = f" (and {len(wrong) - _REASONS_SHOWN} more)" if len(wrong) > _REASONS_SHOWN else ""
                raise Refused(400, "WRONG_DEVICES", "; ".join(wrong[:_REASONS_SHOWN]) + more)
            async with asyncio.timeout(self._patience_s):
                changed = await self._registrar.register(states)
        except Refused as refused:
            return _error(refused)
        except (TimeoutError, PublishError) as error:
            return _error(_unavailable(error))
        return _answer(200, {"accepted": len(states), "changed": changed})

    async def get_device(self, request: Request) -> Response:
        """Return one registration."""
        device = self._intake.registry.get(request.path_params["device_id"])
        if device is None:
            return _error(Refused(404, "NOT_FOUND", "no such device is registered"))
        return Response(msgspec.json.encode(device.state), media_type="application/json")

    async def _take(self, items: Sequence[Report], transport: str) -> Response:
        kept: list[asyncio.Future[None]] = []
        rejected: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(self._patience_s):
                for index, item in enumerate(items):
                    await self._intake.sink.room()
                    arrival = Arrival(Protocol.HTTP, item.device, transport, item.raw())
                    taken = self._intake.take(arrival, item.samples(), item.observed_at)
                    if isinstance(taken, Refusal):
                        rejected.append({"index": index, "reason": taken.reason.value, "detail": taken.detail})
                        taken = self._intake.refuse(arrival, taken)
                    kept.append(taken)
                await asyncio.gather(*kept)
        except (TimeoutError, PublishError) as error:
            return _error(_unavailable(error))
        finally:
            for future in kept:
                if future.done() and not future.cancelled():
                    future.exception()  # looked at: the request has been answered with the first one
        accepted = len(items) - len(rejected)
        return _answer(200 if accepted else 422, {"accepted": accepted, "rejected": rejected})

    async def _publish_refusal(self, refused: Refused, transport: str) -> None:
        arrival = Arrival(Protocol.HTTP, "", transport, refused.raw)
        detail = f"HTTP {refused.status} {refused.code}: {refused.detail}"
        future = self._intake.refuse(arrival, Refusal(RejectReason.UNDECODABLE, detail))
        await asyncio.wait([future], timeout=self._patience_s)


def _parsed(form: Any, body: bytes) -> Any:
    try:
        return form(body)
    except WrongForm as error:
        raise Refused(400, error.code, str(error), body) from error


async def _json_body(request: Request) -> bytes:
    """Return the body of a JSON request. Raises Refused: 408, 413, 415."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_S):
            async for part in request.stream():
                size += len(part)
                parts.append(part)
                if size > MAX_BODY:
                    head = b"".join(parts)[:MAX_RAW]
                    raise Refused(413, "TOO_LARGE", f"the body is larger than {MAX_BODY} bytes; send less", head)
    except TimeoutError as error:
        raise Refused(408, "TOO_SLOW", f"the body did not arrive within {_BODY_S:.0f} s", b"".join(parts)) from error
    except ClientDisconnect as error:
        raise Refused(400, "CUT", "the connection ended within the body", b"".join(parts)) from error
    body = b"".join(parts)
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        detail = f"content type {kind or '(none)'}; send application/json"
        raise Refused(415, "UNSUPPORTED_MEDIA_TYPE", detail, body or b"(empty)")
    return body


def _transport(request: Request) -> str:
    return f"http:{request.client.host}:{request.client.port}" if request.client else "http"


def _unavailable(error: Exception) -> Refused:
    why = str(error) or "no acknowledgement in time"
    return Refused(503, "NOT_STORED", f"Kafka does not take the report now ({why}); send it again")


def _error(refused: Refused) -> Response:
    reply = _answer(refused.status, {"error": refused.code, "detail": refused.detail})
    if refused.status == 503:
        reply.headers["Retry-After"] = "1"
    return reply


def _answer(status: int, content: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")


async def _plain_error(request: Request, error: Exception) -> Response:
    """Answer what the router refuses (unknown path, wrong method)."""
    assert isinstance(error, HTTPException)
    return _answer(error.status_code, {"error": "HTTP", "detail": error.detail})
