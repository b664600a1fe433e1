"""The registry away at start and while a service runs."""

import logging
from datetime import UTC, datetime

import httpx
import pytest
from liandong.errors import DecodeError, Unavailable
from liandong.wire import Codec, Registry, RegistryIds, prepare_patiently
from liandong.wire.framing import header
from liandong_contracts.base import schema_of
from liandong_contracts.common import DeviceKind
from liandong_contracts.records import RECORDS
from liandong_contracts.sensing import ReadingObserved

from tests.support.avro import HALVES

TOPIC = "district.sensing.reading.v1"
TRIES = 4  # of one call


class Server:
    """A registry that is away for a number of requests, or until told."""

    def __init__(self, away_for: int = 0) -> None:
        self.away_for = away_for
        self.asked = 0
        self.now = 0.0
        transport = httpx.MockTransport(self._answer)
        self.ids = RegistryIds(Registry("http://registry.test", transport=transport, pause=self.pause), register=True)

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked <= self.away_for:
            raise httpx.ConnectError("refused")
        if request.method == "POST":
            return httpx.Response(200, json={"id": 7})
        if request.url.path == "/schemas/ids/8":
            return httpx.Response(200, json={"schema": schema_of(RECORDS["liandong.sensing.DeviceCameOnline"])})
        return httpx.Response(404, json={"error_code": 40403, "message": "Schema not found."})


def test_it_waits_for_the_registry_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(away_for=3 * TRIES)
    codec = Codec(server.ids)
    with caplog.at_level(logging.WARNING):
        prepare_patiently(codec, [(TOPIC, ReadingObserved)], monotonic=lambda: server.now, pause=server.pause)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert "waiting for the schema registry, 2 of 60 s" in said[1]
    assert server.asked == 3 * TRIES + 1


def test_it_gives_up_with_what_to_do() -> None:
    server = Server(away_for=10**9)
    with pytest.raises(Unavailable, match=r"registry\.test.*waited 1\d s.*LIANDONG_REGISTRY_URL"):
        prepare_patiently(
            Codec(server.ids),
            [(TOPIC, ReadingObserved)],
            patience_s=10,
            monotonic=lambda: server.now,
            pause=server.pause,
        )


def test_a_process_that_stops_does_not_wait() -> None:
    server = Server(away_for=10**9)
    with pytest.raises(Unavailable):
        prepare_patiently(
            Codec(server.ids), [(TOPIC, ReadingObserved)], stopping=lambda: True, monotonic=lambda: server.now
        )
    assert server.asked == TRIES


@pytest.mark.parametrize("in_c", HALVES)
def test_a_running_service_works_from_its_memory(in_c: bool) -> None:
    server = Server()
    codec = Codec(server.ids, in_c=in_c)
    codec.prepare([(TOPIC, ReadingObserved)])
    example = ReadingObserved(
        device_id="d",
        kind=DeviceKind.RAIN_GAUGE,
        measurements=(),
        received_at=datetime(2026, 7, 8, tzinfo=UTC),
        frame_ref="",
    )
    value = codec.encode(TOPIC, example)
    server.away_for = 10**9
    assert codec.decode(codec.encode(TOPIC, example)) == example
    assert codec.decode_many([value]) == [example]
    new = header(8) + b"\2d\2\0"
    for read in (lambda: codec.decode(new), lambda: codec.decode_many([value, new])):
        with pytest.raises(Unavailable):
            read()
    server.away_for = 0
    with pytest.raises(DecodeError, match="UNDECODABLE"):  # the id is known now, the body is cut
        codec.decode(new)
