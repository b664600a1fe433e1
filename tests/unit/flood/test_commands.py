"""SubmitWarning: checked, published once for a request_id, refused with a code; no effect without Kafka's word."""

from typing import Any
from unittest.mock import Mock

import grpc
import pytest
from flood_service.commands import CommandServicer
from google.protobuf.timestamp_pb2 import Timestamp
from liandong.clock import ManualClock
from liandong.edge import Publication
from liandong_contracts.common import Colour
from liandong_contracts.flood import WeatherWarningSubmitted
from liandong_contracts.rpc import flood_pb2 as pb

from .conftest import START

CONTEXT = Mock(spec=grpc.ServicerContext)


def stamp(hours: float) -> Timestamp:
    return Timestamp(seconds=int(START.timestamp() + hours * 3600))


def request(**changes: Any) -> pb.SubmitWarningRequest:
    fields: dict[str, Any] = {
        "request_id": "r-1",
        "area_code": "990101",
        "warning_id": "W-1",
        "event_code": "11B03",
        "colour": "YELLOW",
        "action": "ISSUE",
        "effective": stamp(0),
        "expires": stamp(6),
        "issuer": "示例气象台",
    }
    return pb.SubmitWarningRequest(**{**fields, **changes})


def test_accepted_once() -> None:
    sent: list[Publication] = []
    servicer = CommandServicer(sent.append, ManualClock(START), "990101")
    assert servicer.SubmitWarning(request(), CONTEXT).accepted
    assert servicer.SubmitWarning(request(), CONTEXT).accepted
    assert len(sent) == 1
    record = sent[0].record
    assert isinstance(record, WeatherWarningSubmitted)
    assert (record.area_code, record.colour, record.effective) == ("990101", Colour.YELLOW, START)
    again: list[Publication] = []
    CommandServicer(again.append, ManualClock(START), "990101").SubmitWarning(request(), CONTEXT)
    assert again[0].event_id == sent[0].event_id  # after a restart the same event


@pytest.mark.parametrize("area", ["990101002", "9901", "99"])
def test_a_street_of_the_district_and_its_city_count_here(area: str) -> None:
    sent: list[Publication] = []
    assert CommandServicer(sent.append, ManualClock(START), "990101").SubmitWarning(request(area_code=area), CONTEXT)
    assert getattr(sent[0].record, "area_code", "") == "990101"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"area_code": "990102"}, "WRONG_AREA"),
        ({"area_code": ""}, "WRONG_AREA"),
        ({"warning_id": ""}, "MISSING_FIELD"),
        ({"colour": "PURPLE"}, "WRONG_COLOUR"),
        ({"colour": "UNKNOWN"}, "WRONG_COLOUR"),
        ({"action": ""}, "WRONG_ACTION"),
        ({"expires": stamp(-1)}, "WRONG_TIME"),
        ({"expires": None}, "WRONG_TIME"),
    ],
)
def test_refused_with_a_reason(changes: dict[str, Any], code: str) -> None:
    sent: list[Publication] = []
    reply = CommandServicer(sent.append, ManualClock(START), "990101").SubmitWarning(request(**changes), CONTEXT)
    assert (reply.accepted, reply.code, bool(reply.reason), sent) == (False, code, True, [])


def test_without_a_request_id_nothing_happens() -> None:
    with pytest.raises(ValueError, match="request_id"):
        CommandServicer(Mock(), ManualClock(START), "990101").SubmitWarning(request(request_id=""), CONTEXT)


def test_a_failed_publication_is_not_remembered_as_done() -> None:
    publish = Mock(side_effect=[TimeoutError("Kafka is away"), None])
    servicer = CommandServicer(publish, ManualClock(START), "990101")
    with pytest.raises(TimeoutError):
        servicer.SubmitWarning(request(), CONTEXT)
    assert servicer.SubmitWarning(request(), CONTEXT).accepted
