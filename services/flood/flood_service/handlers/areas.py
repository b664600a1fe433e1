"""Evidence and warnings, one district at a time; the rule pack decides what is proposed."""

from liandong.event import Event
from liandong.stream import Context, Due, Outcome
from liandong_contracts.flood import Area, AreaEvidence, WeatherWarningSubmitted

from flood_service import metrics
from flood_service.domain.area import empty_area, take_evidence, take_warning
from flood_service.domain.emission import Emission
from flood_service.domain.proposal import decide
from flood_service.handlers.outs import outs_of
from flood_service.reference import Reference

RECHECK = "recheck"


def weigh(event: Event[AreaEvidence], area: Area | None, ctx: Context) -> Outcome[Area]:
    """Write evidence into the books of the district and hold the rules against them."""
    refs: Reference = ctx.refs
    area = area if area is not None else empty_area(event.key)
    taken = take_evidence(area, event.data, event.id, refs.pack, refs.policy.area)
    return _decided(taken, [], ctx) if taken is not None else Outcome()


def warn(event: Event[WeatherWarningSubmitted], area: Area | None, ctx: Context) -> Outcome[Area]:
    """Take a weather warning into force and publish it once."""
    refs: Reference = ctx.refs
    area = area if area is not None else empty_area(event.key)
    taken = take_warning(area, event.data, event.id, ctx.now, refs.pack)
    if taken is None:
        return Outcome()
    after, fact = taken
    return _decided(after, [Emission(fact, ctx.now)], ctx)


def recheck(due: Due, area: Area | None, ctx: Context) -> Outcome[Area]:
    """Hold the rules against the books again when time alone may have changed the answer."""
    return _decided(area, [], ctx) if area is not None else Outcome()


def _decided(area: Area, emissions: list[Emission], ctx: Context) -> Outcome[Area]:
    refs: Reference = ctx.refs
    decision = decide(area, ctx.now, refs.pack, refs.policy.area)
    if decision.proposal is not None:
        ctx.record_chain()
        metrics.PROPOSALS.labels(decision.proposal.level.value).inc()
        emissions = [*emissions, Emission(decision.proposal, ctx.now)]
    return Outcome(
        state=decision.area,
        emit=outs_of(emissions, area.area_code),
        timers={RECHECK: decision.recheck},
    )
