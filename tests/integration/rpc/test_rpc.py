"""gRPC over loopback: errors become status codes, deadlines are kept, traces go along."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from liandong.errors import ConfigError, Unavailable
from liandong.rpc.client import Clients
from liandong.rpc.context import current_traceparent, serving
from liandong.rpc.server import RpcServer
from liandong.settings import Settings
from liandong.telemetry.tracing import Tracing
from liandong.testing.otlp import SpanCollector
from liandong_contracts.rpc.emergency_pb2 import GetResponseReply, GetResponseRequest
from liandong_contracts.rpc.emergency_pb2_grpc import (
    EmergencyQueryServicer,
    EmergencyQueryStub,
    add_EmergencyQueryServicer_to_server,
)

TRACE = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"


class Query(EmergencyQueryServicer):
    def __init__(self) -> None:
        self.seen: list[str | None] = []
        self.release = threading.Event()
        self.error: Exception | None = None

    def GetResponse(self, request: GetResponseRequest, context: grpc.ServicerContext) -> GetResponseReply:
        self.seen.append(current_traceparent())
        if request.hazard == "SLOW":
            self.release.wait(10)
        if request.hazard == "ABORT":
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now")
        if self.error is not None:
            raise self.error
        return GetResponseReply(found=True)


@pytest.fixture
def collector() -> Iterator[SpanCollector]:
    collector = SpanCollector()
    yield collector
    collector.stop()


@pytest.fixture
def tracing(collector: SpanCollector, tmp_path: Path) -> Iterator[Tracing]:
    tracing = Tracing("emergency", Settings(otlp_endpoint=collector.endpoint, data_dir=tmp_path))
    yield tracing
    tracing.shutdown()


@pytest.fixture
def query() -> Query:
    return Query()


@pytest.fixture
def server(query: Query, tracing: Tracing) -> Iterator[RpcServer]:
    server = RpcServer(0, [(add_EmergencyQueryServicer_to_server, query)], tracing)
    server.start()
    yield server
    query.release.set()
    server.stop(0.1)


@pytest.fixture
def clients(server: RpcServer, tracing: Tracing, tmp_path: Path) -> Iterator[Clients]:
    settings = Settings(peers={"emergency": f"127.0.0.1:{server.port}"}, data_dir=tmp_path)
    clients = Clients(settings, tracing)
    yield clients
    clients.close()


@pytest.fixture
def stub(clients: Clients) -> Any:
    return EmergencyQueryStub(clients.channel("emergency"))


def code_of(stub: Any, request: GetResponseRequest) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetResponse(request, timeout=5)
    error: Any = caught.value
    return error.code().name, error.details()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("area code 12x"), "INVALID_ARGUMENT"),
        (LookupError("no such response"), "NOT_FOUND"),
        (PermissionError("not your area"), "PERMISSION_DENIED"),
        (Unavailable("stopping"), "UNAVAILABLE"),
        (TimeoutError("too slow"), "DEADLINE_EXCEEDED"),
    ],
)
def test_errors_become_status_codes(stub: Any, query: Query, error: Exception, code: str) -> None:
    query.error = error
    assert code_of(stub, GetResponseRequest()) == (code, str(error))


def test_bug_is_internal_and_says_little(stub: Any, query: Query) -> None:
    query.error = KeyError("secret-column")
    code, details = code_of(stub, GetResponseRequest())
    assert code == "INTERNAL"
    assert "secret" not in details


def test_abort_by_the_servicer_is_kept(stub: Any) -> None:
    assert code_of(stub, GetResponseRequest(hazard="ABORT")) == ("FAILED_PRECONDITION", "not now")


def test_default_deadline(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetResponse(GetResponseRequest(hazard="SLOW"))
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_trace_goes_along(stub: Any, query: Query, tracing: Tracing, collector: SpanCollector) -> None:
    with serving(TRACE):
        stub.GetResponse(GetResponseRequest())
    tracing.shutdown()
    spans = collector.trace("ab" * 16)
    assert [span.name for span in spans] == ["liandong.emergency.v1.EmergencyQuery/GetResponse"] * 2
    assert (spans[0].parent_id, spans[1].parent_id) == ("cd" * 8, spans[0].span_id)
    assert query.seen[0] is not None
    assert spans[1].span_id in query.seen[0]


def test_without_a_trace_nothing_is_made_up(stub: Any, query: Query) -> None:
    stub.GetResponse(GetResponseRequest())
    assert query.seen == [None]


def test_health(server: RpcServer, clients: Clients) -> None:
    check = health_pb2_grpc.HealthStub(clients.channel("emergency")).Check
    serving_now = health_pb2.HealthCheckResponse.SERVING
    assert check(health_pb2.HealthCheckRequest()).status != serving_now
    server.set_ready(True)
    assert check(health_pb2.HealthCheckRequest()).status == serving_now


def test_unknown_peer_is_a_clear_sentence(clients: Clients) -> None:
    with pytest.raises(ConfigError, match="LIANDONG_PEERS"):
        clients.channel("fire")


def test_port_in_use_is_a_clear_sentence(server: RpcServer, tracing: Tracing) -> None:
    with pytest.raises(ConfigError, match="LIANDONG_GRPC_PORT"):
        RpcServer(server.port, [], tracing)
