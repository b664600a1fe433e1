"""Proposals that wait for a person, and the responses that came of them.

Order across the two topics is not promised: an answer may be seen before its question, so each side looks at the other.
"""

from datetime import datetime

import msgspec
from liandong.event import Event
from liandong.workflow import Work
from liandong_contracts import topics
from liandong_contracts.emergency import (
    ResponseActivated,
    ResponseLevelChanged,
    ResponseProposed,
    ResponseTerminated,
)

from ioc_service.handlers.projection import Stamp, tell
from ioc_service.service import console
from ioc_service.tables import proposal, response


@console.on(topics.EMERGENCY_PROPOSAL, ResponseProposed)
def proposed(event: Event[ResponseProposed], work: Work) -> None:
    """Put the newest proposal of a hazard and area up for decision; a level already in force needs none."""
    said = event.data
    mark = tell(event, work)
    held = work.one(proposal, proposal_key=event.key)
    if held is not None and said.proposed_at < held.proposed_at:
        return
    running = work.one(response, response_key=event.key)
    in_force = running is not None and running.ended_at is None and running.own_level == said.level
    work.upsert(
        proposal,
        ("proposal_key",),
        **mark,
        proposal_key=event.key,
        hazard=said.hazard,
        area_code=said.area_code,
        level=said.level,
        conditions=[msgspec.structs.asdict(condition) for condition in said.conditions],
        confidence=said.confidence,
        rule_pack=said.rule_pack,
        rule_version=said.rule_version,
        proposed_at=said.proposed_at,
        decided=in_force,
    )


@console.on(topics.EMERGENCY_RESPONSE, ResponseActivated)
def activated(event: Event[ResponseActivated], work: Work) -> None:
    """Show the response; its proposal is decided."""
    said = event.data
    mark = tell(event, work)
    work.upsert(
        response,
        ("response_key",),
        **mark,
        response_key=event.key,
        hazard=said.hazard,
        area_code=said.area_code,
        response_id=said.response_id,
        level=said.level,
        own_level=said.level,
        approved_by=said.approved_by,
        effective_at=said.effective_at,
        ended_at=None,
    )
    _decide(work, event.key, mark, said.effective_at)


@console.on(topics.EMERGENCY_RESPONSE, ResponseLevelChanged)
def level_changed(event: Event[ResponseLevelChanged], work: Work) -> None:
    """Show the new effective level; the proposal that led to it is decided."""
    said = event.data
    mark = tell(event, work)
    work.upsert(
        response,
        ("response_key",),
        **mark,
        response_key=event.key,
        hazard=said.hazard,
        area_code=said.area_code,
        response_id=said.response_id,
        level=said.effective_level,
        own_level=said.own_level,
        approved_by=said.approved_by,
        effective_at=said.effective_at,
        ended_at=None,
    )
    _decide(work, event.key, mark, said.effective_at)


@console.on(topics.EMERGENCY_RESPONSE, ResponseTerminated)
def terminated(event: Event[ResponseTerminated], work: Work) -> None:
    """End the response."""
    work.update(response, {"response_key": event.key}, **tell(event, work), ended_at=event.data.ended_at)


def _decide(work: Work, key: str, mark: Stamp, effective_at: datetime) -> None:
    """Take the proposal off the list, unless it was made after the decision and asks for something else.

    It is marked as changed either way: what its approval would do depends on the level in force.
    """
    held = work.one(proposal, proposal_key=key)
    running = work.one(response, response_key=key)
    if held is None or running is None:
        return
    decided = held.decided or held.proposed_at <= effective_at or held.level == running.own_level
    work.update(proposal, {"proposal_key": key}, decided=decided, rev=mark["rev"])
