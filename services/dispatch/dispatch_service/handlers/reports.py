"""Reports: take them in once, ask flood for the spot, join the open case of the same matter or begin one."""

from datetime import timedelta
from typing import Any, cast

import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp
from liandong.workflow import Answer, Work
from liandong_contracts import topics
from liandong_contracts.common import Datum, GeoPoint
from liandong_contracts.dispatch import AttachBasis, ReportChannel, ReportProperty, ReportReceived
from liandong_contracts.rpc import flood_pb2

from dispatch_service import metrics
from dispatch_service.domain.policy import SAME_TIME, STANDING_WATER
from dispatch_service.domain.report import Said, Submission, classify, urgency_of
from dispatch_service.handlers import cases
from dispatch_service.handlers.cases import Matter
from dispatch_service.settings import DispatchSettings
from dispatch_service.tables import report, spot

MATCHED = "spot_matched"
MATCH_SPOT = "liandong.flood.v1.FloodQuery/MatchSpot"
Row = sa.Row[Any]


def known(work: Work, channel: ReportChannel, external_no: str | None) -> str | None:
    """Return the report that a channel has handed in under this number before."""
    row = work.one(report, channel=channel, external_no=external_no) if external_no else None
    return row.report_id if row else None


def receive(
    work: Work,
    given: Submission,
    channel: ReportChannel,
    prop: ReportProperty,
    external_no: str | None,
    *,
    said: Said,
) -> str:
    """Take a report in and look for its place; return its id."""
    settings: DispatchSettings = work.refs
    report_id = work.new_id("report", settings.area_code[:6])
    place = given.place
    received = ReportReceived(
        report_id=report_id,
        channel=channel,
        property=prop,
        text=given.text,
        external_no=external_no,
        occurred_at=given.occurred_at or work.now,
        address_text=said.address_text,
        location=GeoPoint(lon=place.lon, lat=place.lat, datum=Datum(place.datum)) if place else None,
        anonymous=said.anonymous,
        reporter_name=said.name or None,
        reporter_phone=said.phone or None,
    )
    sealed = work.emit(topics.DISPATCH_REPORT, received).data
    _store(work, sealed, given.text)
    metrics.REPORTS.labels("RECEIVED").inc()
    if place is not None and classify(given.text) is STANDING_WATER:
        _ask_for_spot(work, received, settings.match_deadline)
    else:
        _settle(work, report_id, None)
    return report_id


def spot_matched(answer: Answer[flood_pb2.MatchSpotReply], work: Work) -> None:
    """Go on with the spot that flood names; without an answer in time the report goes on by itself."""
    metrics.MATCHES.labels(answer.error or "OK").inc()
    _settle(work, answer.data["report_id"], answer.reply if answer.ok else None)


def _store(work: Work, said: ReportReceived, text: str) -> None:
    """Keep a report as it was published, its personal fields sealed; `text` in the clear decides what it is about."""
    work.insert(
        report,
        report_id=said.report_id,
        channel=said.channel,
        external_no=said.external_no,
        property=said.property,
        text=said.text,
        address_text=said.address_text,
        reporter_name=said.reporter_name,
        reporter_phone=said.reporter_phone,
        lon=said.location.lon if said.location else None,
        lat=said.location.lat if said.location else None,
        datum=said.location.datum if said.location else None,
        class_code=classify(text).code,
        urgency=urgency_of(text),
        occurred_at=said.occurred_at,
        received_at=work.now,
    )


def _ask_for_spot(work: Work, said: ReportReceived, deadline: timedelta) -> None:
    where, at = cast(GeoPoint, said.location), Timestamp()
    at.FromDatetime(said.occurred_at)
    asked = flood_pb2.MatchSpotRequest(
        point=flood_pb2.Point(lon=where.lon, lat=where.lat, datum=where.datum),
        at=at,
    )
    data = {"report_id": said.report_id}
    work.call(MATCH_SPOT, asked, flood_pb2.MatchSpotReply, then=MATCHED, deadline=deadline, data=data)


def _settle(work: Work, report_id: str, matched: flood_pb2.MatchSpotReply | None) -> None:
    """Join the case of the same spot, else of the same place and time, else begin one."""
    row = work.one(report, report_id=report_id)
    if row is None or row.case_id is not None:
        return
    spot_id = matched.spot_id if matched and matched.spot_id else None
    same = cases.of_spot(work, spot_id)
    if same is not None:
        cases.attach(work, same, row, AttachBasis.SAME_OBJECT, 1.0)
        return
    near = _near(work, row, other_spots=not (matched and matched.catalogued))
    if near is not None:
        found, score = near
        cases.attach(work, cases.adopt(work, found, spot_id), row, AttachBasis.SAME_PLACE_TIME, score)
        return
    cases.begin(work, _matter(work, row, matched, spot_id), row)


def _near(work: Work, row: Row, *, other_spots: bool) -> tuple[Row, float] | None:
    if row.lon is None:
        return None
    return cases.near(work, row, row.class_code, row.occurred_at, SAME_TIME, other_spots=other_spots)


def _matter(work: Work, row: Row, matched: flood_pb2.MatchSpotReply | None, spot_id: str | None) -> Matter:
    settings: DispatchSettings = work.refs
    place = work.one(spot, spot_id=spot_id) if spot_id else None
    return Matter(
        class_code=row.class_code,
        prop=ReportProperty(row.property),
        urgency=cases.higher(row.urgency, cases.urgency_of_spot(place)),
        area_code=place.area_code if place else settings.area_code,
        spot_id=spot_id,
        place_name=place.name if place else matched.name if matched else "",
        place=row if place is None or place.lon is None else place,
    )
