"""Which topic each record of flood is published on."""

from collections.abc import Iterable

from liandong.stream import Out
from liandong_contracts import topics
from liandong_contracts.base import Record, Topic

from flood_service.domain.emission import Emission

TOPIC_OF: dict[type[Record], Topic] = {
    record: topic
    for topic in (
        topics.FLOOD_EVIDENCE,
        topics.FLOOD_AREA_EVIDENCE,
        topics.FLOOD_RAIN,
        topics.FLOOD_SPOT,
        topics.FLOOD_WARNING,
        topics.EMERGENCY_PROPOSAL,
    )
    for record in topic.records
}


def outs_of(emissions: Iterable[Emission], area_code: str | None = None) -> list[Out]:
    """Return the events of emissions; `area_code` says where, else they inherit it from their cause."""
    return [Out(TOPIC_OF[type(e.record)], e.record, time=e.at, area_code=area_code) for e in emissions]
