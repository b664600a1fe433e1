"""Proposals: keep the latest of each hazard and area until a person decides. Nothing here changes a level."""

from typing import Any

import msgspec
import sqlalchemy as sa
from liandong.event import Event
from liandong.workflow import Work
from liandong_contracts.common import Level
from liandong_contracts.emergency import ResponseProposed

from emergency_service import metrics
from emergency_service.domain.response import Held, Intake, ProposalState, ResponseState, take
from emergency_service.tables import proposal, response

Row = sa.Row[Any]


def keep(event: Event[ResponseProposed], work: Work) -> None:
    """Keep a proposal with its trace, so that the approval goes on in the same chain."""
    said = event.data
    row = work.one(proposal, hazard=said.hazard, area_code=said.area_code)
    active = work.one(response, hazard=said.hazard, area_code=said.area_code, state=ResponseState.ACTIVE)
    held = held_of(row)
    intake = take(held, said.level, said.proposed_at, Level(active.own_level) if active else None)
    metrics.PROPOSALS.labels(intake).inc()
    if intake not in (Intake.NEW, Intake.REFRESHED):
        return
    work.upsert(
        proposal,
        ("hazard", "area_code"),
        hazard=said.hazard,
        area_code=said.area_code,
        plan_id=said.plan_id,
        level=said.level,
        state=ProposalState.PENDING,
        version=(held.version if held else 0) + (intake is Intake.NEW),
        conditions=[msgspec.structs.asdict(condition) for condition in said.conditions],
        proposed_at=said.proposed_at,
        traceparent=work.traceparent,
        correlation_id=work.correlation_id,
    )


def held_of(row: Row | None) -> Held | None:
    """Return what the rules need of a stored proposal."""
    if row is None:
        return None
    return Held(Level(row.level), ProposalState(row.state), row.proposed_at, row.version)
