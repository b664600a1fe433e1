"""Asks a process on this machine whether it is ready. One question, one answer, never a client that stays."""

import asyncio
import json
import struct
from typing import Any, Literal

import msgspec

from liandong.local.ports import HOST

ProbeKind = Literal["kafka", "http", "ops"]

_ANSWER_S = 2.0
# Kafka's ApiVersions request, version 0: length, key 18, version 0, correlation id, no client id
_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)


class Probe(msgspec.Struct, frozen=True):
    """What to ask: a broker's port, any HTTP path, or a service's /health."""

    kind: ProbeKind
    port: int
    path: str = "/health"


class Answer(msgspec.Struct, frozen=True):
    """What came back; `lag` counts input events not yet taken."""

    ready: bool
    detail: str = ""
    lag: int | None = None


async def ask(probe: Probe) -> Answer:
    """Ask once; a refused connection, silence or nonsense is an answer too (not ready)."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            return await (_ask_kafka(probe.port) if probe.kind == "kafka" else _ask_http(probe))
    except TimeoutError:
        return Answer(False, f"no answer on port {probe.port} within {_ANSWER_S:.0f} s")
    except OSError:
        return Answer(False, f"nothing listens on port {probe.port} yet")
    except (ValueError, asyncio.IncompleteReadError):
        return Answer(False, f"port {probe.port} answers, but not as expected")


async def _ask_kafka(port: int) -> Answer:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(_API_VERSIONS)
        size, correlation, error = struct.unpack(">iih", await reader.readexactly(10))
    finally:
        writer.close()
    return Answer(size > 0 and correlation == 1 and error == 0)


async def _ask_http(probe: Probe) -> Answer:
    status, body = await _get(probe.port, probe.path)
    if probe.kind == "http":
        return Answer(status == 200, "" if status == 200 else f"HTTP {status} from {probe.path}")
    answer: Any = json.loads(body)
    if not isinstance(answer, dict):
        raise ValueError("health is not an object")
    lag = answer.get("lag")
    return Answer(status == 200 and bool(answer.get("ready")), str(answer.get("detail") or ""), lag)


async def _get(port: int, path: str) -> tuple[int, bytes]:
    """GET without a client library: the supervisor must stay small and free of threads."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/"):
        raise ValueError("not HTTP")
    return int(words[1]), body
