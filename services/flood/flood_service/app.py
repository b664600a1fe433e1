"""The only place that wires: handlers to topics and timers, servicers to the process. No rule."""

from liandong.stream import StreamService
from liandong_contracts import topics
from liandong_contracts.dispatch import CaseOpened, ReportAttached
from liandong_contracts.flood import (
    Area,
    AreaEvidence,
    FloodEvidence,
    GaugeTrack,
    Spot,
    WeatherWarningSubmitted,
)
from liandong_contracts.sensing import ReadingCorrected, ReadingObserved

from flood_service.handlers import areas, gauges, spots


def build() -> StreamService:
    """Return the service's declarations."""
    flood = StreamService("flood")
    gauge = flood.state(GaugeTrack, name="gauge")
    spot = flood.state(Spot, name="spot")
    area = flood.state(Area, name="area")
    flood.on(topics.SENSING_READING, ReadingObserved, state=gauge)(gauges.observed)
    flood.on(topics.SENSING_READING, ReadingCorrected, state=gauge)(gauges.corrected)
    flood.on(topics.FLOOD_EVIDENCE, FloodEvidence, state=spot)(spots.judge)
    flood.timer(spot, spots.RECHECK)(spots.recheck)
    flood.rekey(topics.DISPATCH_CASE, CaseOpened)(spots.case_opened)
    flood.rekey(topics.DISPATCH_CASE, ReportAttached)(spots.report_attached)
    flood.on(topics.FLOOD_AREA_EVIDENCE, AreaEvidence, state=area)(areas.weigh)
    flood.on(topics.FLOOD_REQUEST, WeatherWarningSubmitted, state=area)(areas.warn)
    flood.timer(area, areas.RECHECK)(areas.recheck)
    return flood
