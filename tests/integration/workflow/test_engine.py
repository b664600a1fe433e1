"""The running engine without Kafka: writer thread, real database files, calls over gRPC, clocks that run."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest
import sqlalchemy as sa
from liandong.clock import Clock, ManualClock, ScaledClock, WallClock, write_scaled
from liandong.errors import ConfigError, Unavailable
from liandong.event import Event, headers_of
from liandong.rpc.client import Clients
from liandong.rpc.server import RpcServer
from liandong.telemetry.tracing import Tracing
from liandong.testing.otlp import SpanCollector
from liandong.testing.workflow import START
from liandong.wire import Codec, LocalIds
from liandong.workflow import WorkflowService, WorkflowSettings, tables
from liandong.workflow.calls import Caller
from liandong.workflow.migrate import migrate
from liandong.workflow.model import Cause, Delivery
from liandong.workflow.opening import open_database
from liandong.workflow.processor import Processor
from liandong.workflow.sqlite import SqliteDatabase
from liandong.workflow.steps import CommandStep
from liandong.workflow.unit import micros
from liandong.workflow.writer import Writer
from liandong_contracts.base import Record, Topic
from liandong_contracts.rpc.emergency_pb2 import AcknowledgeTaskRequest, ApproveProposalRequest, CompleteTaskRequest
from liandong_contracts.rpc.flood_pb2 import MatchSpotReply, MatchSpotRequest
from liandong_contracts.rpc.flood_pb2_grpc import FloodQueryServicer, add_FloodQueryServicer_to_server
from sqlalchemy.exc import OperationalError

from tests.support import workflow_sample as sample
from tests.support.workflow_crash import until

WIRE = "district.emergency.proposal.v1"


class Flood(FloodQueryServicer):
    """Answers, after refusing `away` calls."""

    def __init__(self, away: int = 0, refuse: bool = False) -> None:
        self.away = away
        self.refuse = refuse
        self.asked: list[str] = []

    def MatchSpot(self, request: MatchSpotRequest, context: grpc.ServicerContext) -> MatchSpotReply:
        self.asked.append(str(dict(context.invocation_metadata())["request-id"]))
        if self.refuse:
            raise ValueError("a place without datum")
        if len(self.asked) <= self.away:
            raise Unavailable("starting")
        return MatchSpotReply(spot_id="spot-1")


class Engine:
    """Everything of a process but Kafka."""

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        flood: Flood | None = None,
        clock: Clock | None = None,
        otlp: str = "",
        service: WorkflowService = sample.service,
    ) -> None:
        tracing = Tracing("emergency", WorkflowSettings(otlp_endpoint=otlp, data_dir=folder))
        self.tracing = tracing
        self.server = RpcServer(0, [(add_FloodQueryServicer_to_server, flood)] if flood else [], tracing)
        self.server.start()
        peers = {"flood": f"127.0.0.1:{self.server.port}"} if flood else {}
        settings = WorkflowSettings(data_dir=folder, peers=peers, trace_ratio=0, database_url=url)
        self.database = open_database(settings, "emergency")
        migrate(self.database, service.tables, None)
        self.binding = service.bind(settings, clock=clock or WallClock(), codec=Codec(LocalIds()), tracing=tracing)
        self.processor = Processor(self.binding, self.database)
        self.reseeks: list[tuple[Any, int]] = []
        self.writer = Writer(self.processor, lambda partition, position: self.reseeks.append((partition, position)))
        self.clients = Clients(settings, tracing)
        self.caller = Caller(self.binding, self.database, self.writer, self.clients)
        self.processor.after_commit(lambda unit: self.caller.wake() if unit.calls else None)
        self.processor.start()
        self.processor.open([(WIRE, 0)])
        self.writer.start()
        self.offset = 0

    def put(self, plan: str = "rain", traceparent: str | None = None) -> None:
        """Hand one proposal over."""
        record = sample.proposal(plan)
        event: Event[Any] = Event(
            data=record,
            id=f"p-{self.offset}",
            type=record.FULL_NAME,
            source="/test",
            time=START,
            key="RAINSTORM+990101",
            traceparent=traceparent,
        )
        value = self.binding.codec.encode(WIRE, record)
        self.writer.offer([Delivery(WIRE, 0, self.offset, self.offset, b"k", value, headers_of(event))])
        self.offset += 1

    def offer(self, topic: Topic, record: Record, offset: int) -> None:
        """Hand any record over, as partition 0 of its topic."""
        wire, key = topic.wire("district"), topic.key_of(record)
        if offset == 0:
            self.writer.call(lambda: self.processor.open([(wire, 0)])).result(10)
        event: Event[Any] = Event(
            data=record,
            id=f"{wire}-{offset}",
            type=record.FULL_NAME,
            source="/test",
            time=START,
            key=key,
            sequence=offset + 1,
        )
        value = self.binding.codec.encode(wire, record)
        self.writer.offer([Delivery(wire, 0, offset, offset, key.encode(), value, headers_of(event))])

    def execute(self, request: Any, traceparent: str | None = None) -> Any:
        """Run a command."""
        step = CommandStep(self.binding, request, None, traceparent)
        self.writer.submit(step)
        return step.future.result(10)

    def task(self) -> Any:
        """Return the only task."""
        until("there is a task", lambda: bool(self.database.read(sa.select(sample.tasks))), 10)
        return self.database.read(sa.select(sample.tasks))[0]

    def stop(self) -> None:
        """Stop everything and close the file."""
        self.caller.stop()
        self.writer.stop()
        self.writer.join(5)
        self.clients.close()
        self.server.stop(0)
        self.tracing.shutdown()
        self.database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    made: list[Engine] = []
    url = request.getfixturevalue("postgres").database() if request.param == "postgres" else ""

    def make(**options: Any) -> Engine:
        made.append(Engine(tmp_path, url, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def ask_for_place(engine: Engine) -> str:
    """Have the engine call flood for its only task."""
    engine.put()
    task_id = str(engine.task().task_id)
    engine.execute(CompleteTaskRequest(request_id="r-1", task_id=task_id))
    return task_id


def test_call_is_made_after_the_commit_and_answered(engine: Callable[..., Engine]) -> None:
    flood = Flood()
    one = engine(flood=flood)
    one.caller.start()
    ask_for_place(one)
    until("the answer is handled", lambda: one.task().place == "spot-1", 10)
    assert len(flood.asked) == 1
    assert one.database.read(sa.select(tables.call)) == []


def test_call_is_tried_again_under_the_same_id(engine: Callable[..., Engine]) -> None:
    flood = Flood(away=2)
    one = engine(flood=flood)
    one.caller.start()
    ask_for_place(one)
    until("the answer is handled", lambda: one.task().place == "spot-1", 10)
    assert len(flood.asked) == 3
    assert len(set(flood.asked)) == 1


def test_refusal_is_an_answer_at_once(engine: Callable[..., Engine]) -> None:
    flood = Flood(refuse=True)
    one = engine(flood=flood)
    one.caller.start()
    ask_for_place(one)
    until("the answer is handled", lambda: one.task().place == "?INVALID_ARGUMENT", 10)
    assert len(flood.asked) == 1


def test_call_survives_a_restart_and_is_answered_once(engine: Callable[..., Engine], tmp_path: Path) -> None:
    one = engine(flood=Flood())
    ask_for_place(one)
    one.stop()
    flood = Flood()
    two = engine(flood=flood)
    two.caller.start()
    until("the answer is handled", lambda: two.task().place == "spot-1", 10)
    assert len(flood.asked) == 1


def test_call_without_peer_times_out_on_the_worlds_clock(engine: Callable[..., Engine], tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_scaled(path, START, 30.0)
    one = engine(clock=ScaledClock(path))
    one.caller.start()
    began = time.monotonic()
    ask_for_place(one)
    until("the time-out is handled", lambda: one.task().place == "?DEADLINE_EXCEEDED", 10)
    assert 0.9 < time.monotonic() - began < 8  # thirty shown seconds are one real second


def test_timer_runs_on_the_worlds_clock(engine: Callable[..., Engine], tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_scaled(path, START, 600.0)
    one = engine(clock=ScaledClock(path))
    one.put()
    until("the ten-minute timer fires within seconds", lambda: one.task().state == "OVERDUE", 10)


def test_clock_that_speeds_up_is_noticed(engine: Callable[..., Engine], tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_scaled(path, START, 1.0)
    one = engine(clock=ScaledClock(path))
    one.put()
    assert one.task().state == "ASSIGNED"
    write_scaled(path, START + timedelta(minutes=9, seconds=59), 60.0)
    until("the timer follows the clock", lambda: one.task().state == "OVERDUE", 10)


def test_broken_chain_asks_once_to_go_back(engine: Callable[..., Engine]) -> None:
    one = engine()
    one.put()
    one.offset = 5
    for _ in range(3):
        one.put()
    until("the source is asked", lambda: bool(one.reseeks), 10)
    one.offset = 1
    one.put()
    until("the chain goes on", lambda: one.processor.inbox.positions[WIRE, 0] == 2, 10)
    assert one.reseeks == [((WIRE, 0), 1)]


def test_database_that_is_busy_is_waited_for_and_fills_no_dead_letters(engine: Callable[..., Engine]) -> None:
    one = engine()
    failures = iter([True, True, False])
    inner = one.processor._transact

    def transact(*arguments: Any) -> Any:
        if next(failures, False):
            busy = sa.exc.OperationalError("BEGIN", {}, _busy())
            raise busy
        return inner(*arguments)

    one.processor._transact = transact  # type: ignore[method-assign,assignment]
    one.put()
    until("it is applied all the same", lambda: one.processor.inbox.positions[WIRE, 0] == 1, 10)
    assert one.database.read(sa.select(sa.func.count()).select_from(tables.outbox))[0][0] == 1
    assert one.writer.trouble == ""


def test_lost_commit_answer_is_resolved_by_the_inbox(engine: Callable[..., Engine]) -> None:
    one = engine()
    lost = iter([True])
    inner = one.processor._transact

    def transact(*arguments: Any) -> Any:
        result = inner(*arguments)
        if next(lost, False):
            raise OperationalError("COMMIT", {}, _busy())
        return result

    one.processor._transact = transact  # type: ignore[method-assign,assignment]
    one.put()
    one.put()
    until("both are applied", lambda: one.processor.inbox.positions[WIRE, 0] == 2, 10)
    assert one.database.read(sa.select(sample.proposals))[0].seen == 2


def _busy() -> Exception:
    import sqlite3

    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def test_second_worker_on_sqlite_is_refused(tmp_path: Path) -> None:
    first = SqliteDatabase(tmp_path / "emergency.sqlite3")
    with pytest.raises(ConfigError, match=r"another process works on .* replicas on PostgreSQL"):
        SqliteDatabase(tmp_path / "emergency.sqlite3", wait_s=0.2)
    first.close()


def test_two_writers_take_turns(postgres: Any, tmp_path: Path) -> None:
    one = Engine(tmp_path, postgres.database())
    two = Processor(one.binding, open_database(one.binding.settings, "emergency"))
    with two.database.writer.begin() as connection:
        connection.execute(tables.outbox.insert(), {"topic": "t", "headers": b"\x90"})
        one.put()
        time.sleep(0.2)  # time for the other writer to overtake, were it able to
        assert one.database.read(sa.select(tables.inbox.c.next))[0].next == 0
    until("its turn comes", lambda: one.processor.inbox.positions[WIRE, 0] == 1, 10)
    found = one.database.read(sa.select(tables.outbox).order_by(tables.outbox.c.id))
    assert [row.topic == "t" for row in found] == [True, False]
    two.database.close()
    one.stop()


def test_timer_of_a_replica_that_died_fires_on_another(engine: Callable[..., Engine]) -> None:
    clock = ManualClock(START)
    one = engine(clock=clock)
    with one.database.writer.begin() as connection:  # set by another process
        row = {"kind": "task-ack", "key": "t", "due_us": micros(START), "data": {}, "cause": b""}
        row["cause"] = msgspec.msgpack.encode(Cause("c", "c", "c"))
        connection.execute(tables.timer.insert(), row)
    until("it fires here", lambda: bool(one.database.read(sa.select(tables.outbox))), 10)


def test_stopped_writer_refuses_commands(engine: Callable[..., Engine]) -> None:
    one = engine()
    one.writer.stop()
    with pytest.raises(Unavailable):
        one.execute(AcknowledgeTaskRequest(request_id="r", task_id="t"))


def test_commands_from_many_threads_act_once_each(engine: Callable[..., Engine]) -> None:
    one = engine()
    replies: list[Any] = []

    def click(number: int) -> None:
        replies.append(one.execute(AcknowledgeTaskRequest(request_id=f"r-{number % 10}", task_id="none")))

    threads = [threading.Thread(target=click, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replies) == 40
    assert len(one.database.read(sa.select(tables.command))) == 10


def test_approval_continues_the_trace_of_the_stored_proposal(engine: Callable[..., Engine]) -> None:
    collector = SpanCollector()
    one = engine(otlp=collector.endpoint)
    one.put(traceparent="00-" + "ab" * 16 + "-" + "cd" * 8 + "-01")
    one.task()
    request = ApproveProposalRequest(request_id="r-1", hazard="RAINSTORM", area_code="990101")
    one.execute(request, traceparent="00-" + "ef" * 16 + "-" + "12" * 8 + "-01")
    headers = one.database.read(sa.select(tables.outbox).order_by(tables.outbox.c.id))[-1].headers
    one.tracing.shutdown()
    chain = collector.trace("ab" * 16)
    collector.stop()
    assert [span.name for span in chain] == ["emergency ResponseProposed", "emergency ApproveProposalRequest"]
    assert chain[1].parent_id == chain[0].span_id
    assert chain[1].span_id.encode() in headers


def test_deadline_is_at_least_a_second_of_real_time(engine: Callable[..., Engine], tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_scaled(path, START, 3000.0)
    one = engine(clock=ScaledClock(path))
    ask_for_place(one)
    (row,) = one.database.read(sa.select(tables.call))
    left = one.binding.clock.seconds_until(datetime.fromtimestamp(row.due_us / 1e6, START.tzinfo))
    assert 0.01 < left <= 1.0
