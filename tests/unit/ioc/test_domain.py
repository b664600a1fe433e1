"""Wording, trends, newest values: every declared event has its words, and what is unknown is not made up."""

import json
from importlib import resources
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from ioc_service.domain import labels
from ioc_service.domain.depths import KEPT, appended, trend
from ioc_service.domain.names import Names
from ioc_service.domain.sentences import _WORDING
from ioc_service.service import console
from ioc_service.web.latest import depths_of
from liandong_contracts import common, dispatch, emergency, flood, sensing
from liandong_contracts.flood import RainfallAggregated
from liandong_contracts.rpc import sensing_pb2

MINUTE = 60_000


def test_every_event_that_is_handled_has_words() -> None:
    assert console.records - {RainfallAggregated} == set(_WORDING)


@pytest.mark.parametrize(
    ("table", "enum"),
    [
        (labels.LEVEL, common.Level),
        (labels.COLOUR, common.Colour),
        (labels.HAZARD, common.Hazard),
        (labels.SPOT_LEVEL, flood.SpotLevel),
        (labels.SPOT_STATUS, flood.SpotStatus),
        (labels.SPOT_KIND, flood.SpotKind),
        (labels.SPOT_SOURCE, flood.SpotSource),
        (labels.WARNING_ACTION, flood.WarningAction),
        (labels.REJECT, sensing.RejectReason),
        (labels.OFFLINE_SCOPE, sensing.OfflineScope),
        (labels.CLEARED_BY, sensing.ClearedBy),
        (labels.CHANNEL, emergency.NoticeChannel),
        (labels.VIA, emergency.Via),
        (labels.CANCEL_REASON, emergency.CancelReason),
        (labels.CASE_CLOCK, dispatch.ClockKind),
        (labels.REPORT_CHANNEL, dispatch.ReportChannel),
    ],
)
def test_every_symbol_has_a_word(table: dict[str, str], enum: type) -> None:
    assert {symbol.value for symbol in enum} - {"UNKNOWN"} <= set(table)  # type: ignore[attr-defined]


def test_a_trend_needs_time() -> None:
    assert trend([]) is None
    assert trend([[0, 10.0]]) is None
    assert trend([[0, 10.0], [2 * MINUTE, 20.0]]) is None
    assert trend([[0, 10.0], [30 * MINUTE, 20.0]]) == 20
    assert trend([[0, 99.0], [60 * MINUTE, 30.0], [90 * MINUTE, 20.0]]) == -20


def test_a_course_is_in_order_short_and_takes_a_repeat_once() -> None:
    history = appended([[10 * MINUTE, 3.0]], 5 * MINUTE, 1.0)
    assert history == [(5 * MINUTE, 1.0), (10 * MINUTE, 3.0)]
    assert appended(history, 10 * MINUTE, 4.0)[-1] == (10 * MINUTE, 4.0)
    assert appended(history, 11 * MINUTE, None) == history
    long: list[tuple[int, float]] = []
    for number in range(300):
        long = appended(long, number * MINUTE, 1.0)
    assert len(long) == KEPT
    assert appended(long, 1000 * MINUTE, 2.0) == [(1000 * MINUTE, 2.0)]


def test_newest_depths_are_in_centimetres_and_nothing_else_is_a_depth() -> None:
    reply = sensing_pb2.GetLatestReply()
    at = Timestamp(seconds=1784122980)
    for device, value, unit, age in [
        ("A", 0.47, "m", 9),
        ("A", 45.0, "cm", 3),
        ("B", 12.0, "mm", 1),
        ("C", 3.0, "V", 1),
    ]:
        reply.values.add(device_id=device, value=value, unit=unit, age_s=age, observed_at=at, quality="GOOD")
    reply.values.add(device_id="D", unit="cm", age_s=1)
    course = [[at.ToMilliseconds() - 30 * MINUTE, 35.0]]
    found = {str(item["device_id"]): (item["value"], item["trend"]) for item in depths_of(reply, {"A": course})}
    assert found == {"A": ("45", 20), "B": ("1.2", None)}


def test_figures_are_short_and_keep_their_unit() -> None:
    assert [labels.number(value) for value in (None, 46.0, 46.04, 52.44, 0.06)] == ["—", "46", "46", "52.4", "0.1"]
    assert labels.measured(3.0, "m3/s") == "3 m³/s"
    assert labels.measured(3.0, "furlong") == "3 furlong"


def test_an_area_without_a_name_is_placed_by_its_parent() -> None:
    names = Names(areas={"990101": "示例区"})
    assert [names.area(code) for code in ("990101", "990101001", "12", None)] == [
        "示例区",
        "示例区 990101001",
        "12",
        "",
    ]


def test_the_scripts_never_write_markup() -> None:
    folder = Path(str(resources.files("ioc_service.web") / "static"))
    for script in folder.glob("*.js"):
        text = script.read_text(encoding="utf-8")
        for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert forbidden not in text, f"{script.name} uses {forbidden}"


def test_limits_are_plain_numbers_for_the_page() -> None:
    from ioc_service.domain.freshness import LIMITS

    assert json.loads(json.dumps(LIMITS)) == {"rain": 600, "spot": 600}
