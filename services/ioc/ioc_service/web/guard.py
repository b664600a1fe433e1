"""What stands before every request: the page has no login yet, so only this machine's own page may use it.

Refuses foreign Host names (DNS rebinding) and commands that another site's page sends; sets the security headers.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COMMAND_HEADER = "x-liandong-console"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_LOCAL = ("127.0.0.1", "localhost", "::1")


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = {*_LOCAL, *hosts} - {"0.0.0.0", "::"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        origin = headers.get("origin")
        if host not in self._hosts:
            await PlainTextResponse("只接受本机地址的访问\n", 403)(scope, receive, send)
            return
        foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")
        if scope["method"] not in ("GET", "HEAD") and (foreign or COMMAND_HEADER not in headers):
            await PlainTextResponse("命令只能由指挥台页面发出\n", 403)(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                out.setdefault("cache-control", "no-cache")
                out["content-security-policy"] = _POLICY
                out["x-content-type-options"] = "nosniff"
                out["referrer-policy"] = "no-referrer"
            await send(message)

        await self._app(scope, receive, sending)
