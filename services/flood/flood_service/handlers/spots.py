"""Evidence, one spot at a time; and what citizens report, re-keyed to their spot."""

from collections.abc import Sequence
from datetime import datetime

from liandong.event import Event
from liandong.stream import Context, Due, Out, Outcome
from liandong_contracts import topics
from liandong_contracts.common import Quality
from liandong_contracts.dispatch import CaseOpened, ReportAttached
from liandong_contracts.flood import FloodEvidence, Spot, SpotSource, WaterloggingDetected

from flood_service import metrics
from flood_service.domain.place import facts_of
from flood_service.domain.spot import Verdict, assess, is_history, look_again, remember
from flood_service.handlers.outs import outs_of
from flood_service.reference import Reference

RECHECK = "recheck"


def judge(event: Event[FloodEvidence], spot: Spot | None, ctx: Context) -> Outcome[Spot]:
    """Open, raise, lower or clear a spot; late evidence is written into its history only."""
    refs: Reference = ctx.refs
    evidence = event.data
    if is_history(evidence, ctx.now):
        remembered = remember(spot, evidence, refs.policy.spot)
        return Outcome(state=remembered) if remembered is not None else Outcome()
    facts = facts_of(evidence.spot_id, refs.entry(evidence.spot_id))
    verdict = assess(spot, evidence, facts, refs.policy.spot)
    return _outcome(verdict, facts.area_code, ctx)


def recheck(due: Due, spot: Spot | None, ctx: Context) -> Outcome[Spot]:
    """Look at a spot again when time alone may have changed it."""
    if spot is None:
        return Outcome()
    refs: Reference = ctx.refs
    facts = facts_of(spot.spot_id, refs.entry(spot.spot_id))
    return _outcome(look_again(spot, facts, due.at, refs.policy.spot), facts.area_code, ctx)


def case_opened(event: Event[CaseOpened], ctx: Context) -> Sequence[Out]:
    """Return the word of each citizen in a new case about a spot; a case that flood itself caused has none."""
    case = event.data
    if case.spot_id is None:
        return ()
    return [_citizen(case.spot_id, report_id, case.opened_at) for report_id in case.report_ids]


def report_attached(event: Event[ReportAttached], ctx: Context) -> Sequence[Out]:
    """Return the word of one more citizen about a spot."""
    attached = event.data
    if attached.spot_id is None:
        return ()
    return [_citizen(attached.spot_id, attached.report_id, attached.at)]


def _outcome(verdict: Verdict | None, area_code: str, ctx: Context) -> Outcome[Spot]:
    if verdict is None:
        return Outcome()
    for emission in verdict.emissions:
        metrics.SPOT_EVENTS.labels(type(emission.record).__name__).inc()
        if isinstance(emission.record, WaterloggingDetected):
            ctx.record_chain()
    return Outcome(
        state=verdict.spot,
        emit=outs_of(verdict.emissions, area_code),
        timers={RECHECK: verdict.recheck},
    )


def _citizen(spot_id: str, report_id: str, at: datetime) -> Out:
    evidence = FloodEvidence(
        spot_id=spot_id,
        source=SpotSource.CITIZEN,
        source_id=report_id,
        depth_cm=None,
        quality=Quality.MANUAL,
        observed_at=at,
    )
    return Out(topics.FLOOD_EVIDENCE, evidence, time=at)
