"""The Starlette application: page, state, stream, commands. Wiring only; every part can be had without the others."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, select_autoescape
from liandong.clock import Clock
from liandong.telemetry.ops import Health
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ioc_service.domain.freshness import LIMITS
from ioc_service.settings import ConsoleSettings
from ioc_service.view.rows import ms
from ioc_service.view.state import Position, State
from ioc_service.web.commands import Acknowledge, Approve, Commands
from ioc_service.web.frame import frame_of
from ioc_service.web.guard import Guard
from ioc_service.web.hub import Hub, event
from ioc_service.web.stream import EventStream

_STATIC = Path(__file__).parent / "static"
_PROBE = timedelta(seconds=1000)
MOST_BYTES = 16 * 1024


@dataclass(frozen=True)
class Parts:
    """What the page is made of. `health` tells whether the projections keep up with the topics."""

    settings: ConsoleSettings
    clock: Clock
    state: State
    hub: Hub
    commands: Commands
    health: Callable[[], Health]


def page_app(parts: Parts) -> ASGIApp:
    """Return the ASGI application of the console."""
    templates = Environment(loader=PackageLoader("ioc_service.web"), autoescape=select_autoescape(default=True))
    frame = templates.get_template("console.html")

    async def page(_request: Request) -> Response:
        return HTMLResponse(frame.render(frame_of(parts.settings, parts.state.names), boot={"limits": LIMITS}))

    async def state(request: Request) -> Response:
        now = parts.clock.now()
        found = await asyncio.to_thread(parts.state.since, _position(request), now)
        body = {"position": str(found.position), "whole": found.whole, "now": ms(now), "tables": found.tables}
        return _json(body)

    async def events(request: Request) -> ASGIApp:
        return EventStream(parts.hub, _position(request), lambda: event("clock", beat(parts.clock, parts.health())))

    async def approve(request: Request) -> Response:
        return await _command(request, Approve, parts.commands.approve)

    async def acknowledge(request: Request) -> Response:
        return await _command(request, Acknowledge, parts.commands.acknowledge)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> Any:
        parts.hub.start()
        yield
        parts.hub.close()

    routes = [
        Route("/", page),
        Route("/api/state", state),
        Route("/events", events),
        Route("/api/commands/approve", approve, methods=["POST"]),
        Route("/api/commands/acknowledge", acknowledge, methods=["POST"]),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]
    guard = Middleware(Guard, hosts=(parts.settings.http_host,))
    return Starlette(routes=routes, middleware=[guard], lifespan=lifespan)


def beat(clock: Clock, health: Health) -> dict[str, object]:
    """Return the world's time, how fast it runs, and whether the projections keep up."""
    now = clock.now()
    return {
        "now": ms(now),
        "rate": rate_of(clock, now),
        "ready": health.ready,
        "lag": health.lag,
        "detail": health.detail,
    }


def rate_of(clock: Clock, now: datetime) -> float:
    """Return how many seconds of the world pass in a real one."""
    real = clock.seconds_until(now + _PROBE)
    return round(_PROBE.total_seconds() / real, 2) if real > 0 else 1.0


def _position(request: Request) -> Position | None:
    text = request.headers.get("last-event-id") or request.query_params.get("last") or ""
    return Position.parse(text)


async def _command(request: Request, kind: Any, send: Callable[[Any], Any]) -> Response:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return _json({"accepted": False, "known": True, "text": "请求过大", "code": "TOO_LARGE"}, 413)
    try:
        asked = msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        text = {"accepted": False, "known": True, "text": f"请求不完整：{error}", "code": "BAD_REQUEST"}
        return _json(text, 400)
    return _json(await send(asked))


def _json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
