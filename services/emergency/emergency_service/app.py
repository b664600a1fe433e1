"""The only place that wires: handlers to events, timers and commands, servicers to the process. No rule here."""

import logging
import sys
from pathlib import Path

from liandong.errors import ConfigError
from liandong.workflow import WorkflowService
from liandong_contracts import topics
from liandong_contracts.emergency import ResponseProposed
from liandong_contracts.rpc import emergency_pb2 as pb
from liandong_contracts.rpc import emergency_pb2_grpc as rpc

from emergency_service import commands, reference
from emergency_service.handlers import notices, proposals, tasks
from emergency_service.queries import QueryServicer
from emergency_service.settings import EmergencySettings
from emergency_service.tables import metadata

log = logging.getLogger(__name__)


def build() -> WorkflowService:
    """Return the service's declarations."""
    emergency = WorkflowService("emergency", tables=metadata, migrations=Path(__file__).parent / "migrations")
    emergency.on(topics.EMERGENCY_PROPOSAL, ResponseProposed)(proposals.keep)
    emergency.timer(notices.STEP_TIMER)(notices.step_over)
    emergency.timer(tasks.ACK_TIMER)(tasks.ack_over)
    emergency.timer(tasks.DONE_TIMER)(tasks.done_over)
    emergency.command(pb.ApproveProposalRequest)(commands.approve_proposal)
    emergency.command(pb.TerminateResponseRequest)(commands.terminate_response)
    emergency.command(pb.AcknowledgeTaskRequest)(commands.acknowledge_task)
    emergency.command(pb.CompleteTaskRequest)(commands.complete_task)
    return emergency


def main() -> None:
    """Run the process until it is told to stop."""
    settings = EmergencySettings()
    try:
        references = reference.load(settings)
    except ConfigError as error:
        sys.exit(f"emergency cannot start: {error}")
    for gap in reference.gaps_of(references):
        log.warning("roster gap, the duty officer stands in: %s", gap)
    emergency = build()
    emergency.run(
        settings,
        refs=references,
        grpc=[
            (rpc.add_EmergencyCommandServicer_to_server, commands.CommandServicer(emergency)),
            (rpc.add_EmergencyQueryServicer_to_server, QueryServicer(emergency, references, settings.clock())),
        ],
    )
