"""Asking a process for its health: what counts as an answer and what as none."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from liandong.local.ports import FreePorts
from liandong.local.probes import Probe, ask
from liandong.telemetry.ops import Health, OpsServer

Serve = Callable[[bytes], Awaitable[int]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve fixed bytes to whoever connects; return the port."""
    servers: list[asyncio.Server] = []

    async def make(answer: bytes) -> int:
        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.write(answer)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(client, "127.0.0.1", FreePorts()())
        servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    yield make
    for server in servers:
        server.close()


async def test_a_service_tells_its_lag_and_why_it_is_not_ready() -> None:
    ops = OpsServer(FreePorts()(), lambda: Health(False, "restoring 2 partitions", lag=1200))
    ops.start()
    answer = await ask(Probe("ops", ops.port))
    ops.stop()
    assert (answer.ready, answer.detail, answer.lag) == (False, "restoring 2 partitions", 1200)


async def test_silence_of_a_port_is_an_answer() -> None:
    port = FreePorts()()
    assert (await ask(Probe("ops", port))).detail == f"nothing listens on port {port} yet"


@pytest.mark.parametrize("kind", ["ops", "kafka", "http"])
@pytest.mark.parametrize("answer", [b"", b"hello", b"HTTP/1.0 200 OK\r\n\r\n[1]", b"\x00" * 40])
async def test_nonsense_is_never_ready(serve: Serve, kind: str, answer: bytes) -> None:
    got = await ask(Probe(kind, await serve(answer)))  # type: ignore[arg-type]
    assert got.ready == (kind == "http" and answer.startswith(b"HTTP"))


async def test_a_broker_answers_its_protocol(serve: Serve) -> None:
    port = await serve(b"\x00\x00\x00\x06\x00\x00\x00\x01\x00\x00")
    assert (await ask(Probe("kafka", port))).ready
