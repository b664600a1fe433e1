"""Bodies of SL 651 reports: every form that the standard or the field knows."""

from datetime import timedelta
from decimal import Decimal

import pytest
from cityframes import ErrorKind, FrameError, Quality, Reading, sl651
from cityframes.sl651.encode import element
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.frames.samples import NOON, STATION, exact, report

_MINUTE = timedelta(minutes=1)


def readings(raw: bytes) -> list[Reading]:
    return list(message(raw).readings)


def message(raw: bytes) -> sl651.Message:
    frame = sl651.decode(raw)
    assert isinstance(frame, sl651.Frame), frame
    found = sl651.read(frame)
    assert isinstance(found, sl651.Message), found
    return found


def body(elements: str, function: int = 0x32, station: str = STATION) -> bytes:
    head = sl651.report_body(1, NOON, station, 0x48, [(NOON, [])])
    return sl651.uplink(station=station, function=function, body=head + bytes.fromhex(elements))


def refusal(raw: bytes) -> FrameError:
    frame = sl651.decode(raw)
    assert isinstance(frame, sl651.Frame)
    found = sl651.read(frame)
    assert isinstance(found, FrameError), found
    return found


def test_observation_times_recur() -> None:
    early, late = NOON - 10 * _MINUTE, NOON - 5 * _MINUTE
    found = readings(report([(early, [(0x39, 1.25)]), (late, [(0x39, 1.5), (0x38, 12.0)])]))
    assert [(one.observed_at, one.value) for one in found] == [
        (early, Decimal("1.25")), (late, Decimal("1.5")), (late, Decimal(12)),
    ]  # fmt: skip


def test_negative_and_missing_values() -> None:
    found = readings(report([(NOON, [(0x39, -0.345), (0x02, -5.5), (0x38, None), (0x26, 0.0)])]))
    assert [one.value for one in found] == exact([-0.345, -5.5, None, 0.0])
    assert [one.quality for one in found] == [Quality.GOOD, Quality.GOOD, Quality.DEVICE_FAULT, Quality.GOOD]
    assert found[2].flag == "FF"


def test_series_of_a_full_hour_may_carry_its_last_time() -> None:
    rain = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 25.4]
    first = readings(report([(NOON - 55 * _MINUTE, [(0xF4, rain)])], function=0x34))
    last = readings(report([(NOON, [(0xF4, rain)])], function=0x34))
    assert [one.value for one in first] == exact(rain)
    assert [(one.observed_at, one.value) for one in first] == [(one.observed_at, one.value) for one in last]
    assert last[-1].observed_at == NOON


def test_levels_of_an_hour_ignore_a_wrong_definition() -> None:
    levels: list[float | None] = [1.0, 2.5, None, *[0.01] * 9]
    good = report([(NOON - 55 * _MINUTE, [(0xF5, levels)])], function=0x34)
    wrong = body("F0F0 2606131105 F55C" + element(0xF5, levels)[2:].hex() + "38121115", 0x34)
    assert [one.value for one in readings(good)] == exact(levels)
    assert [one.value for one in readings(wrong)] == exact([*levels, 11.15])


def test_uniform_period_report_repeats_values_without_identifiers() -> None:
    found = readings(body("F0F0 2606131105 04 18 000005 39 23" + "00028960" * 11 + "00028970", 0x31))
    assert [one.value for one in found] == exact([28.96] * 11 + [28.97])
    assert found[-1].observed_at == NOON
    with_voltage = readings(body("F0F0 2606131105 04 18 000005 39 23 00028960 00028970 3812 1230", 0x31))
    assert [(one.element, one.value) for one in with_voltage] == [
        ("39", Decimal("28.96")),
        ("39", Decimal("28.97")),
        ("38", Decimal("12.3")),
    ]


def test_status_manual_picture_extension() -> None:
    assert message(body("45 20 00000006")).states == ("battery_low", "level_over_limit")
    typed = message(body("F2F2" + "Z 10.49 PJ 3.5 天气 晴".encode("gb18030").hex(), 0x35))
    assert [(one.element, one.value, one.quality.value) for one in typed.readings] == [
        ("39", Decimal("10.49"), "MANUAL"),
        ("20", Decimal("3.5"), "MANUAL"),
    ]
    assert typed.manual is not None
    assert typed.manual.endswith("天气 晴")
    assert message(body("F3F3 FFD8FFE0", 0x36)).picture == b"\xff\xd8\xff\xe0"
    (extra,) = readings(body("FF 01 11 0123"))
    assert (extra.element, extra.metric, extra.value, extra.unit) == ("FF01", "element_ff01", Decimal("12.3"), "")


def test_period_length_is_minutes_and_unknown_elements_keep_their_number() -> None:
    found = readings(body("05 12 0130 9A 08 42"))
    assert [(one.element, one.value, one.unit) for one in found] == [
        ("05", Decimal(90), "min"), ("9A", Decimal(42), ""),
    ]  # fmt: skip


def test_test_reports_and_manual_reports_are_marked() -> None:
    assert readings(report(function=0x30))[0].quality is Quality.MAINTENANCE
    assert readings(report(function=0x35))[0].quality is Quality.MANUAL


def test_station_class_may_be_left_out() -> None:
    head = sl651.link_body(1, NOON) + bytes.fromhex("F1F1" + STATION + "F0F02606131200" + "20190000150000"[:10])
    found = message(sl651.uplink(station=STATION, function=0x32, body=head))
    assert found.station_class is None
    assert found.readings[0].value == 1.5


@pytest.mark.parametrize(
    "elements",
    ["20", "2019", "20190000", "2019 0A0000", "F0 19 000000", "F0F0 2613991200", "F460 0000", "39 23 FF0A0000"],
)
def test_bodies_that_cannot_be_read_are_refused_whole(elements: str) -> None:
    found = refusal(body("26 19 000040" + elements))
    assert found.kind is ErrorKind.UNDECODABLE
    assert found.station == STATION
    assert found.raw


def test_body_without_a_time_is_refused() -> None:
    assert refusal(sl651.uplink(station=STATION, function=0x32, body=b"\x00\x01")).kind is ErrorKind.UNDECODABLE
    assert refusal(sl651.uplink(station=STATION, function=0x32, body=bytes(8))).kind is ErrorKind.UNDECODABLE


@pytest.mark.parametrize("function", sorted(set(range(0x100)) - {0x32}))
def test_every_function_code_has_an_envelope(function: int) -> None:
    raw = sl651.uplink(station=STATION, function=function, body=sl651.link_body(9, NOON))
    frame = sl651.decode(raw)
    assert isinstance(frame, sl651.Frame)
    found = sl651.read(frame)
    assert isinstance(found, sl651.Message | FrameError)
    if function in sl651.FUNCTIONS and sl651.FUNCTIONS[function].body != "text":
        assert isinstance(found, sl651.Message), found
        assert found.serial == 9


SINGLE = sorted(number for number, known in sl651.ELEMENTS.items() if known.unit and number < 0xF0 and number != 5)


@given(st.data())
def test_what_is_encoded_is_what_is_decoded(data: st.DataObject) -> None:
    groups: list[sl651.encode.Group] = []
    expected = []
    for at in range(data.draw(st.integers(1, 4))):
        observed = NOON - at * 5 * _MINUTE
        elements: list[tuple[int, sl651.encode.Value]] = []
        for number in data.draw(st.lists(st.sampled_from(SINGLE), max_size=5)):
            known = sl651.ELEMENTS[number]
            top = 10**known.digits - 1
            scaled = data.draw(st.none() | st.integers(-top, top))
            value = None if scaled is None else Decimal(scaled).scaleb(-known.decimals)
            elements.append((number, value))
            expected.append((known.id, known.metric, value, known.unit, observed))
        groups.append((observed, elements))
    found = readings(report(groups))
    assert [(one.element, one.metric, one.value, one.unit, one.observed_at) for one in found] == expected


@given(st.binary(max_size=200), st.sampled_from(sorted(sl651.FUNCTIONS)), st.booleans())
def test_no_body_raises(body: bytes, function: int, head: bool) -> None:
    whole = (sl651.link_body(3, NOON) if head else b"") + body
    frame = sl651.decode(sl651.uplink(station=STATION, function=function, body=whole))
    assert isinstance(frame, sl651.Frame)
    assert isinstance(sl651.read(frame), sl651.Message | FrameError)


def test_encoder_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        report([(NOON, [(0x38, 123.4)])])
    with pytest.raises(ValueError, match="packets"):
        sl651.uplink(station=STATION, function=0x36, body=bytes(5000))
    with pytest.raises(ValueError, match="digits"):
        sl651.uplink(station="99", function=0x32, body=b"")
    with pytest.raises(ValueError, match="zone"):
        sl651.link_body(1, NOON.replace(tzinfo=None))
    with pytest.raises(ValueError, match="twelve"):
        report([(NOON, [(0xF4, 1.0)])])
