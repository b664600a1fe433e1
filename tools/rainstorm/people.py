"""The people of the night: a duty leader who approves, persons who confirm by their channel, citizens who report.

They act like real ones: over gRPC, from what the topics told them; without an answer they try again, same request id.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from liandong.clock import Clock
from liandong.event import Event
from liandong.ids import event_id
from liandong.telemetry.tracing import Tracing
from liandong_contracts.base import Record
from liandong_contracts.emergency import NoticeSent, ResponseProposed
from liandong_contracts.rpc import dispatch_pb2, dispatch_pb2_grpc, emergency_pb2, emergency_pb2_grpc

from tools.rainstorm.scenario import Scenario

log = logging.getLogger(__name__)
Reply = TypeVar("Reply")
_RETRY_S = 0.5
_GIVE_UP_S = 90.0


class People:
    """Everybody who acts in the night. `watch` is called with each event; answers are given from worker threads."""

    def __init__(self, scenario: Scenario, clock: Clock, tracing: Tracing, peers: dict[str, str]) -> None:
        self._scenario = scenario
        self._clock = clock
        self._tracing = tracing
        self._stop = threading.Event()
        self._work = ThreadPoolExecutor(32, thread_name_prefix="person")
        self._chance = random.Random(651)
        self._confirmed: set[str] = set()
        self._emergency = emergency_pb2_grpc.EmergencyCommandStub(grpc.insecure_channel(peers["emergency"]))
        self._dispatch = dispatch_pb2_grpc.DispatchCommandStub(grpc.insecure_channel(peers["dispatch"]))

    def watch(self, event: Event[Record]) -> None:
        """React to a notice or a proposal; everything else concerns nobody here."""
        data = event.data
        if isinstance(data, NoticeSent) and self._answers(data):
            low, high = self._scenario.people.confirm_after
            wait_s = self._minutes(self._chance.uniform(low, high))
            self._work.submit(self._confirm, data, event.id, event.traceparent, wait_s)
        elif isinstance(data, ResponseProposed):
            wait_s = self._minutes(self._scenario.people.approve_after)
            self._work.submit(self._approve, data, event.id, event.traceparent, wait_s)

    def _minutes(self, minutes: float) -> float:
        return minutes * 60 / self._scenario.rate

    def _answers(self, notice: NoticeSent) -> bool:
        people = self._scenario.people
        if notice.person_id in people.silent:
            return False
        return people.only_by.get(notice.person_id, notice.channel.value) == notice.channel.value

    def _confirm(self, notice: NoticeSent, cause: str, traceparent: str | None, wait_s: float) -> None:
        if self._stop.wait(wait_s) or notice.about_ref in self._confirmed:
            return
        self._confirmed.add(notice.about_ref)
        request = emergency_pb2.AcknowledgeTaskRequest(
            request_id=event_id(cause, "AcknowledgeTask", 0),
            task_id=notice.about_ref,
            person_id=notice.person_id,
            via=notice.channel.value,
        )
        self._call("person confirms", traceparent, self._emergency.AcknowledgeTask, request)

    def _approve(self, proposal: ResponseProposed, cause: str, traceparent: str | None, wait_s: float) -> None:
        if self._stop.wait(wait_s):
            return
        request = emergency_pb2.ApproveProposalRequest(
            request_id=event_id(cause, "ApproveProposal", 0),
            hazard=proposal.hazard.value,
            area_code=proposal.area_code,
            level=proposal.level.value,
            approved_by=self._scenario.people.approvers[proposal.level.value],
        )
        self._call("duty leader approves", traceparent, self._emergency.ApproveProposal, request)

    def report(self, number: int, lon: float, lat: float, datum: str) -> None:
        """Let the `number`-th citizen report the spot at this place."""
        text = self._scenario.appeals.texts[number]
        occurred = Timestamp()
        occurred.FromDatetime(self._clock.now())
        request = dispatch_pb2.SubmitReportRequest(
            request_id=event_id(f"appeal-{number}", "SubmitReport", 0),
            channel="HOTLINE_12345" if number % 2 else "APP_SNAPSHOT",
            property="HELP",
            text=text,
            address_text="临江路下穿隧道",
            point=dispatch_pb2.Point(lon=lon, lat=lat, datum=datum),
            occurred_at=occurred,
            external_no=f"DEMO-{number + 1:03d}",
            anonymous=True,
        )
        self._work.submit(self._call, "citizen reports", None, self._dispatch.SubmitReport, request)

    def _call(self, name: str, traceparent: str | None, method: Callable[..., Reply], request: object) -> None:
        """Call until answered: a service that is just being restarted is no reason to give up."""
        give_up = time.monotonic() + _GIVE_UP_S
        with self._tracing.step(name, traceparent, "client") as step:
            metadata = (("traceparent", step.traceparent),) if step.traceparent else ()
            while not self._stop.is_set() and time.monotonic() < give_up:
                try:
                    reply = method(request, timeout=5, metadata=metadata)
                except grpc.RpcError as error:
                    log.info("%s: %s, again", name, error.code())
                    self._stop.wait(_RETRY_S)
                    continue
                if not getattr(reply, "accepted", True):
                    log.warning("%s refused: %s", name, reply)
                return
            log.error("%s: no answer", name)

    def stop(self) -> None:
        """Send everybody home."""
        self._stop.set()
        self._work.shutdown(wait=False, cancel_futures=True)
