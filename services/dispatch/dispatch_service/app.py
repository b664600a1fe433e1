"""The only place that wires: handlers to events, timers, commands and answers, servicers to the process. No rule."""

from pathlib import Path

from liandong.workflow import WorkflowService
from liandong_contracts import topics
from liandong_contracts.flood import SpotEntry, WaterloggingCleared, WaterloggingDetected, WaterloggingUpdated
from liandong_contracts.rpc import dispatch_pb2 as pb
from liandong_contracts.rpc import dispatch_pb2_grpc as rpc

from dispatch_service import commands
from dispatch_service.handlers import cases, clocks, reports, spots
from dispatch_service.queries import QueryServicer
from dispatch_service.settings import DispatchSettings
from dispatch_service.tables import metadata


def build() -> WorkflowService:
    """Return the service's declarations."""
    dispatch = WorkflowService("dispatch", tables=metadata, migrations=Path(__file__).parent / "migrations")
    dispatch.on(topics.FLOOD_SPOT_CATALOGUE, SpotEntry)(spots.catalogued)
    dispatch.on(topics.FLOOD_SPOT, WaterloggingDetected)(spots.detected)
    dispatch.on(topics.FLOOD_SPOT, WaterloggingUpdated)(spots.updated)
    dispatch.on(topics.FLOOD_SPOT, WaterloggingCleared)(spots.cleared)
    dispatch.answer(reports.MATCHED)(reports.spot_matched)
    dispatch.answer(cases.HANDLER_KNOWN)(cases.handler_known)
    dispatch.timer(clocks.WARN_TIMER)(clocks.warn)
    dispatch.timer(clocks.DUE_TIMER)(clocks.breach)
    dispatch.command(pb.SubmitReportRequest)(commands.submit_report)
    dispatch.command(pb.CloseCaseRequest)(commands.close_case)
    return dispatch


def main() -> None:
    """Run the process until it is told to stop."""
    settings = DispatchSettings()
    dispatch = build()
    dispatch.run(
        settings,
        refs=settings,
        grpc=[
            (rpc.add_DispatchCommandServicer_to_server, commands.CommandServicer(dispatch)),
            (rpc.add_DispatchQueryServicer_to_server, QueryServicer(dispatch)),
        ],
    )
