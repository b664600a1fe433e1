"""HJ 212: published packets with the values that their sources give, deviations, flags, answers."""

import csv
from datetime import datetime
from decimal import Decimal

import pytest
from cityframes import ErrorKind, FrameError, Quality, crc, hj212
from cityframes.bcd import SHANGHAI
from cityframes.tolerances import TOLERANCES, defaults
from hypothesis import given
from hypothesis import strategies as st

from tests.support.shared_data import shared
from tests.unit.frames import packets

AT = datetime(2026, 6, 13, 12, 0, tzinfo=SHANGHAI)
MN = "0123456789ABCDEF01234567"
ALL = frozenset(one.name for one in TOLERANCES if one.protocol == "hj212")


def frame_of(text: str, tolerances: frozenset[str] = defaults("hj212")) -> hj212.Frame:
    found = hj212.decode(text.encode(), tolerances)
    assert isinstance(found, hj212.Frame), found
    return found


def message_of(text: str, tolerances: frozenset[str] = defaults("hj212"), **units: str) -> hj212.Message:
    found = hj212.read(frame_of(text, tolerances), tolerances, units)
    assert isinstance(found, hj212.Message), found
    return found


def sealed(segment: str) -> str:
    return packets.seal_hj212(segment.encode()).decode()[:-2]


def data(cp: str, *, st: str = "32", cn: str = "2011") -> str:
    return sealed(f"QN=20260613120000000;ST={st};CN={cn};PW=123456;MN={MN};Flag=5;CP=&&{cp}&&")


def kind_of(text: str, tolerances: frozenset[str] = defaults("hj212")) -> ErrorKind:
    found = hj212.decode(text.encode(), tolerances)
    assert isinstance(found, FrameError), found
    assert found.detail
    return found.kind


def slow_crc(data: bytes) -> int:
    value = 0xFFFF
    for byte in data:
        value = (value >> 8) ^ byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value


@given(st.binary(max_size=300))
def test_table_check_sum_is_the_bitwise_one(raw: bytes) -> None:
    assert crc.hj212(raw) == slow_crc(raw)


def test_the_standards_own_example() -> None:
    frame = frame_of(packets.INTERVAL)
    assert (frame.qn, frame.st, frame.cn, frame.pw, frame.mn, frame.flag) == (
        "20160801085857223", "32", "1062", "100000", "010000A8900016F000169DC0", 5,
    )  # fmt: skip
    assert frame.wants_answer
    assert frame.tolerated == ()
    assert message_of(packets.INTERVAL).fields == (("RtdInterval", "30"),)
    assert hj212.build(
        st="32", cn="1062", mn=frame.mn, cp="RtdInterval=30", qn=frame.qn, pw="100000", flag=5
    ) == packets.INTERVAL.encode() + b"\r\n"  # fmt: skip


def test_packet_of_2005() -> None:
    message = message_of(packets.OLD)
    at = datetime(2016, 8, 24, 0, 38, 17, tzinfo=SHANGHAI)
    assert [(one.element, one.metric, str(one.value), one.unit, one.flag) for one in message.readings] == [
        ("011-Rtd", "w01018", "231.0", "mg/L", "N"),
        ("B01-Rtd", "w00000", "36.91", "L/s", None),
        ("060-Rtd", "w21003", "1.803", "mg/L", "N"),
    ]
    assert {one.observed_at for one in message.readings} == {at}
    assert {one.quality for one in message.readings} == {Quality.GOOD}
    assert set(message.tolerated) == {"lowercase_crc", "mn_form", "missing_qn", "missing_flag"}


def test_air_packet_with_deviations() -> None:
    message = message_of(packets.AIR)
    values = {one.element: (str(one.value), one.unit) for one in message.readings}
    assert values["a01006-Rtd"] == ("101.02", "kPa")
    assert values["a34004-Rtd"] == ("207", "ug/m3")
    assert values["LA-td"] == ("50.1", "dB{A}")
    assert values["a01008-Rtd"] == ("120", "deg")
    assert len(values) == 12
    assert {"suffix_typo", "trailing_semicolon", "number_form", "lowercase_crc"} <= set(message.tolerated)
    off = message_of(packets.AIR, defaults("hj212") - {"dust_micrograms"}, a34002="mg/m3")
    units = {one.element: one.unit for one in off.readings}
    assert (units["a34004-Rtd"], units["a34002-Rtd"]) == ("ng/m3", "mg/m3")


def test_the_answer_to_data_is_byte_for_byte_the_published_one() -> None:
    assert hj212.confirm(frame_of(packets.AIR)) == packets.AIR_ANSWER.encode() + b"\r\n"


def test_answers() -> None:
    request = frame_of(packets.INTERVAL)
    accepted = hj212.read(frame_of(hj212.accept(request, 3).decode()))
    assert isinstance(accepted, hj212.Message)
    assert accepted.outcome == "wrong PW"
    done = frame_of(hj212.result(request).decode())
    assert (done.cn, done.qn, done.st, done.flag) == ("9012", request.qn, "91", 4)
    notice = hj212.build(st="32", cn="1013", mn=MN, qn="20260613120000000", flag=9).decode()
    answer = frame_of(hj212.confirm(frame_of(notice)).decode())
    assert (answer.cn, answer.flag, answer.version) == ("9013", 8, 2)


def test_stray_comma_and_other_case() -> None:
    frame = frame_of(packets.STRAY)
    assert (frame.mn, frame.flag) == ("88888881234567", 0)
    assert [str(one.value) for one in message_of(packets.STRAY).readings] == [
        "6.951", "23.400", "134.119", "382.222", "156720160.000",
    ]  # fmt: skip


def test_counts_of_values_are_no_values() -> None:
    message = message_of(packets.NUMBERED)
    assert [(one.stat, one.period, str(one.value)) for one in message.readings] == [
        ("AVG", "MIN", "101.85"), ("MIN", "MIN", "101.84"), ("MAX", "MIN", "101.87"),
    ]  # fmt: skip
    assert dict(message.fields)["a01006-ValidNum"] == "10"
    assert (frame_of(packets.NUMBERED).pnum, frame_of(packets.NUMBERED).pno) == (2, 2)


def test_modbus_check_sums_are_a_switch() -> None:
    assert kind_of(packets.MODBUS) is ErrorKind.BAD_CHECKSUM
    frame = frame_of(packets.MODBUS, ALL)
    assert "modbus_crc" in frame.tolerated
    fields = dict(message_of(packets.MODBUS, ALL).fields)
    assert fields == {"BeginTime": "20170302000000", "EndTime": "20170303000000"}
    assert hj212.build(
        st="22", cn="2051", mn=frame.mn, cp=frame.cp, qn=frame.qn, flag=3, modbus=True
    ) == packets.MODBUS.encode() + b"\r\n"  # fmt: skip


@pytest.mark.parametrize(
    ("flag", "quality"),
    [
        ("N", "GOOD"), ("F", "STOPPED"), ("M", "MAINTENANCE"), ("S", "MANUAL"), ("D", "DEVICE_FAULT"),
        ("C", "CALIBRATION"), ("T", "OVER_RANGE"), ("B", "COMM_FAULT"), ("X", "SUSPECT"), ("n", "GOOD"),
    ],
)  # fmt: skip
def test_flags(flag: str, quality: str) -> None:
    (one,) = message_of(data(f"DataTime=20260613120000;w01018-Rtd=12.50,w01018-Flag={flag}")).readings
    assert (one.quality.value, one.flag, str(one.value)) == (quality, flag, "12.50")


def test_a_flag_counts_for_its_own_factor_wherever_it_stands() -> None:
    cp = "DataTime=20260613120000;w01018-Flag=M;w01018-Rtd=1;w21003-Rtd=2;DataTime=20260613120100;w01018-Rtd=3"
    found = [(str(one.value), one.quality.value, one.observed_at) for one in message_of(data(cp)).readings]
    assert found == [
        ("1", "MAINTENANCE", AT), ("2", "GOOD", AT), ("3", "GOOD", AT.replace(minute=1)),
    ]  # fmt: skip


def test_what_is_no_number_is_not_measured() -> None:
    cp = "DataTime=20260613120000;w01018-Rtd=,w01018-Flag=N;w21003-Rtd=--,w21003-Flag=B;w01001-Rtd=-1.5e1"
    found = [(one.value, one.quality.value) for one in message_of(data(cp)).readings]
    assert found == [(None, "DEVICE_FAULT"), (None, "COMM_FAULT"), (Decimal(-15), "GOOD")]


def test_totals_converted_values_states_and_texts() -> None:
    cp = (
        "DataTime=20260613110000;a21026-Cou=1.20,a21026-ZsAvg=30.5,a21026-Flag=N;SB1-RS=1;SB1-RT=2.5;"
        "i13001-Info=text;a21026-SN=ABC;a01001-SampleTime=20260613105500;a99999-Avg=7"
    )
    message = message_of(data(cp, st="31", cn="2061"))
    found = [(one.element, one.metric, str(one.value), one.unit, one.stat, one.period) for one in message.readings]
    assert found == [
        ("a21026-Cou", "a21026", "1.20", "kg", "SUM", "HOUR"),
        ("a21026-ZsAvg", "a21026_converted", "30.5", "mg/m3", "AVG", "HOUR"),
        ("SB1-RS", "SB1_running_state", "1", "1", "RTD", "HOUR"),
        ("SB1-RT", "SB1_running_time", "2.5", "h", "SUM", "HOUR"),
        ("a99999-Avg", "a99999", "7", "", "AVG", "HOUR"),
    ]
    assert [key for key, _ in message.fields] == ["DataTime", "i13001-Info", "a21026-SN", "a01001-SampleTime"]


def test_codes_of_2005_mean_nothing_where_they_are_ambiguous() -> None:
    (one,) = message_of(data("DataTime=20260613120000;101-Rtd=1.5", st="22")).readings
    assert (one.metric, one.unit) == ("101", "")
    (one,) = message_of(data("DataTime=20260613120000;101-Rtd=1.5", st="21")).readings
    assert (one.metric, one.unit) == ("w21011", "mg/L")


def test_without_a_data_time_the_time_of_the_command_counts() -> None:
    (one,) = message_of(data("w01018-Rtd=12.5")).readings
    assert one.observed_at == AT
    (one,) = message_of(sealed(f"ST=32;CN=2011;MN={MN};CP=&&w01018-Rtd=12.5&&")).readings
    assert one.observed_at is None


def test_kinds_of_damage() -> None:
    good = packets.INTERVAL
    assert kind_of(packets.WRONG_SUM) is ErrorKind.BAD_CHECKSUM
    assert kind_of(good[:-1]) is ErrorKind.BAD_LENGTH
    assert kind_of(good.replace("##0101", "##0102")) is ErrorKind.BAD_LENGTH
    assert kind_of(good.replace("##0101", "##01x1")) is ErrorKind.BAD_LENGTH
    assert kind_of(good[1:]) is ErrorKind.UNDECODABLE
    assert kind_of("") is ErrorKind.UNDECODABLE
    assert kind_of(good + "\n\n") is ErrorKind.BAD_TAIL
    assert kind_of(sealed("QN=1;ST=32;CN=2011;MN=1")) is ErrorKind.UNDECODABLE
    assert kind_of(sealed("ST=32;CN=20x1;MN=1;CP=&&&&")) is ErrorKind.UNDECODABLE
    assert kind_of(sealed("ST=32;CN=2011;CP=&&&&")) is ErrorKind.UNDECODABLE
    assert kind_of(sealed("ST=32;ST=32;CN=2011;MN=1;CP=&&&&")) is ErrorKind.UNDECODABLE
    assert kind_of(sealed("ST=32;CN=2011;MN=1;Flag=300;CP=&&&&")) is ErrorKind.UNDECODABLE
    body = hj212.read(frame_of(data("DataTime=20261313120000;w01018-Rtd=1")))
    assert isinstance(body, FrameError)
    assert body.kind is ErrorKind.UNDECODABLE


TOLERATED = {
    "lowercase_crc": packets.OLD,
    "modbus_crc": packets.MODBUS,
    "long_segment": data("DataTime=20260613120000;" + ";".join(f"w{number:05}-Rtd=1.234567" for number in range(60))),
    "missing_qn": packets.OLD,
    "missing_flag": packets.OLD,
    "missing_pw": sealed(f"QN=20260613120000000;ST=32;CN=2011;MN={MN};Flag=4;CP=&&&&"),
    "field_case": packets.STRAY,
    "stray_comma": packets.STRAY,
    "number_form": packets.NUMBERED,
    "trailing_semicolon": packets.AIR,
    "suffix_typo": packets.AIR,
    "comma_separator": packets.MODBUS,
    "mn_form": packets.STRAY,
    "qn_form": sealed(f"QN=2026;ST=32;CN=2011;PW=1;MN={MN};Flag=4;CP=&&&&"),
    "time_milliseconds": data("DataTime=20260613120000000;w01018-Rtd=1"),
}


@pytest.mark.parametrize("name", sorted(ALL - {"dust_micrograms"}))
def test_each_deviation_is_tolerated_or_refused_as_chosen(name: str) -> None:
    frame = hj212.decode(TOLERATED[name].encode(), ALL)
    assert isinstance(frame, hj212.Frame), frame
    message = hj212.read(frame, ALL)
    assert isinstance(message, hj212.Message)
    assert name in message.tolerated
    strict = hj212.decode(TOLERATED[name].encode(), ALL - {name})
    if isinstance(strict, hj212.Frame):
        refused = hj212.read(strict, ALL - {name})
        assert isinstance(refused, FrameError)
    else:
        refused = strict
    assert name in refused.detail or refused.kind in (ErrorKind.BAD_CHECKSUM, ErrorKind.BAD_LENGTH)


def test_every_packet_of_the_shared_collection() -> None:
    rows = list(csv.DictReader(shared("protocol_frames/hj212.csv").open(encoding="utf-8")))
    assert len(rows) >= 15
    for row in rows:
        raw = row["packet_without_crlf"].encode()
        found = hj212.decode(raw)
        if row["length_field_ok"] != "True":
            assert isinstance(found, FrameError)
            assert found.kind is ErrorKind.BAD_LENGTH, row
        elif row["crc16_hj212_ok"] != "True":
            assert isinstance(found, FrameError)
            assert found.kind is ErrorKind.BAD_CHECKSUM, row
            tolerant = hj212.decode(raw, ALL)
            assert isinstance(tolerant, hj212.Frame) == (row["crc16_modbus_ok"] == "True"), row
        else:
            assert isinstance(found, hj212.Frame), (row, found)
            assert isinstance(hj212.read(found), hj212.Message), row


CODES = st.sampled_from(sorted(set(hj212.FACTORS) - {"a34001", "a34002", "a34004"}))
NUMBERS = st.decimals(-(10**9), 10**9, places=4) | st.integers(-1000, 1000).map(Decimal)


@given(
    st.lists(
        st.tuples(CODES, st.sampled_from(["Rtd", "Avg", "Min", "Max", "Cou"]), NUMBERS, st.sampled_from("NFMSDCTB")),
        max_size=8, unique_by=lambda one: one[0],
    ),
    st.sampled_from(["2011", "2031", "2051", "2061"]),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001 - the zone is added below
    st.integers(0, 255).filter(lambda flag: not flag & 2),
)  # fmt: skip
def test_what_is_encoded_is_what_is_decoded(
    values: list[tuple[str, str, Decimal, str]], cn: str, at: datetime, flag: int
) -> None:
    at = at.replace(microsecond=0, tzinfo=SHANGHAI)
    packet = hj212.build(
        st="31", cn=cn, mn=MN, qn=hj212.stamp(at, milliseconds=True), flag=flag, cp=hj212.data(at, values)
    )
    frame = frame_of(packet.decode())
    assert (frame.cn, frame.mn, frame.flag, frame.qn) == (cn, MN, flag, hj212.stamp(at) + "000")
    message = hj212.read(frame)
    assert isinstance(message, hj212.Message)
    found = [(one.element, one.value, one.flag, one.observed_at) for one in message.readings]
    assert found == [(f"{code}-{suffix}", value, mark, at) for code, suffix, value, mark in values]
    assert [str(one.value) for one in message.readings] == [format(value, "f") for _, _, value, _ in values]


@pytest.mark.parametrize("cn", sorted(hj212.COMMANDS))
def test_every_command_goes_both_ways(cn: str) -> None:
    frame = frame_of(hj212.build(st="32", cn=cn, mn=MN, qn="20260613120000000", cp="PolId=w01018").decode())
    message = hj212.read(frame)
    assert isinstance(message, hj212.Message)
    assert (frame.cn, message.fields) == (cn, (("PolId", "w01018"),))
