"""The console's page without Kafka: the real service on the workflow harness, the real web server, kept commands."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import ioc_service.handlers
from ioc_service.service import console
from ioc_service.settings import ConsoleSettings
from ioc_service.view.state import State
from ioc_service.web.commands import Commands
from ioc_service.web.hub import Hub
from ioc_service.web.latest import keep_asking
from ioc_service.web.pages import Parts, page_app
from ioc_service.web.server import PageServer
from liandong.telemetry.ops import Health
from liandong.testing.workflow import WorkflowHarness
from liandong_contracts.rpc import emergency_pb2, sensing_pb2

from tests.support.console_district import NAMES, START
from tests.support.console_storm import Storm

__all__ = ["ConsolePage", "FakeEmergency", "FakeSensing"]

_ = ioc_service.handlers  # the handlers declare themselves


class Away(grpc.RpcError):
    """A peer that cannot be reached."""


class FakeEmergency:
    """Keeps the commands it gets; answers a repeated request id as before."""

    def __init__(self) -> None:
        self.approved: list[tuple[emergency_pb2.ApproveProposalRequest, str | None]] = []
        self.acknowledged: list[tuple[emergency_pb2.AcknowledgeTaskRequest, str | None]] = []
        self.away = False
        self.delay_s = 0.0

    def approve(self, request: emergency_pb2.ApproveProposalRequest, traceparent: str | None) -> emergency_pb2.Reply:
        self._there()
        self.approved.append((request, traceparent))
        return emergency_pb2.Reply(accepted=True, code="OK", id="990101-response-20260715-aaaaaaaa")

    def acknowledge(
        self, request: emergency_pb2.AcknowledgeTaskRequest, traceparent: str | None
    ) -> emergency_pb2.Reply:
        self._there()
        self.acknowledged.append((request, traceparent))
        return emergency_pb2.Reply(accepted=True, code="OK", id=request.task_id)

    def on_duty(self, post: str, area_code: str) -> str | None:
        return {"DUTY_LEADER": "P-1", "DEPUTY_COMMANDER": "P-6"}.get(post)

    def _there(self) -> None:
        if self.delay_s:
            threading.Event().wait(self.delay_s)
        if self.away:
            raise Away


class FakeSensing:
    """Knows one gauge."""

    def latest(self, device_ids: Sequence[str]) -> sensing_pb2.GetLatestReply:
        reply = sensing_pb2.GetLatestReply()
        if "WL01" in device_ids:
            value = reply.values.add(device_id="WL01", value=0.47, unit="m", age_s=8, quality="GOOD")
            value.observed_at.FromDatetime(START)
        return reply


class ConsolePage:
    """A running console; `storm` feeds it, `emergency` shows what was commanded. Use as a context manager."""

    def __init__(self, tmp: Path, *, world: str = "demo-test", port: int = 0) -> None:
        self.settings = ConsoleSettings(data_dir=tmp, world=world, http_port=port, reference_dir=tmp)
        self.emergency = FakeEmergency()
        self.health = Health(ready=True)
        self.harness = WorkflowHarness(console, refs=NAMES, now=START, settings=self.settings)
        self.storm = _Ringing(self.harness, self)
        self.state = State(self.storm.read, NAMES)
        self._thread: threading.Thread | None = None
        self.open()

    def open(self, port: int | None = None) -> None:
        """Start the web server (again)."""
        clock = self.harness.clock
        self.hub = Hub(self.state, clock.now, 50)
        commands = Commands(self.storm.read, self.emergency, NAMES, self.settings.area_code)
        parts = Parts(self.settings, clock, self.state, self.hub, commands, lambda: self.health)
        self.server = PageServer(page_app(parts), "127.0.0.1", port or self.settings.http_port, self.hub.close)
        self.url = self.server.url
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="page", daemon=True)
        self._thread.start()

    async def _serve(self) -> None:
        asking = asyncio.create_task(keep_asking(self.storm.read, NAMES, FakeSensing(), self.hub))
        await self.server.run_until_stopped()
        asking.cancel()

    def close(self) -> None:
        """Stop the web server; the projections stay."""
        self.server.stop()
        if self._thread is not None:
            self._thread.join(10)

    def __enter__(self) -> "ConsolePage":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Ringing(Storm):
    """A storm that tells the pages after each event."""

    def __init__(self, harness: WorkflowHarness, page: ConsolePage) -> None:
        super().__init__(harness)
        self._page = page

    def put(self, *args: Any, **envelope: Any) -> None:
        super().put(*args, **envelope)
        self._page.hub.changed()
