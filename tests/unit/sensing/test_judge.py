"""The judge on its harness: readings, repeats, corrections, order, jumps, alarms, presence."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from liandong.testing.stream import StreamHarness
from liandong.testing.suite import ServiceSuite
from liandong_contracts import topics
from liandong_contracts.common import DeviceKind, Protocol, Quality
from liandong_contracts.sensing import (
    AlarmCleared,
    AlarmRaised,
    AlarmUpdated,
    DeviceCameOnline,
    DeviceReport,
    DeviceState,
    DeviceStatus,
    DeviceWentOffline,
    Measurement,
    ReadingCorrected,
    ReadingObserved,
    ReadingRejected,
    RejectReason,
)
from sensing_service.handlers.judge import sensing, tracks
from sensing_service.refs import Refs

from tests.unit.sensing.town import MINUTE, NOW, gauge, rain_gauge

DAY = timedelta(days=1)


class Town:
    """A judge with some devices; `says` lets a device report."""

    def __init__(self, *devices: DeviceState) -> None:
        self.devices = {one.device_id: one for one in devices or (gauge(), rain_gauge())}
        self.harness = StreamHarness(sensing, refs=Refs(self.devices), now=NOW)

    def says(
        self,
        value: float | None,
        *,
        at: datetime | None = None,
        device: str = "WL01",
        metric: str = "water_depth",
        quality: Quality = Quality.GOOD,
        frame: str | None = None,
    ) -> list[Any]:
        observed = at or self.harness.now
        one = Measurement(metric=metric, value=value, unit="cm", observed_at=observed, quality=quality)
        return self.report(one, device=device, frame=frame)

    def report(self, *measurements: Measurement, device: str = "WL01", frame: str | None = None) -> list[Any]:
        record = report_of(measurements, device, self.harness.now)
        return [event.data for event in self.harness.put(topics.SENSING_REPORT, record, id=frame)]

    def every(self, minutes: float, *values: float) -> list[Any]:
        told: list[Any] = []
        for value in values:
            told += self.says(value)
            self.harness.advance(timedelta(minutes=minutes))
        return told

    def of(self, record: type[Any]) -> list[Any]:
        return [event.data for event in self.harness.of(record)]


def report_of(measurements: tuple[Measurement, ...], device: str, received_at: datetime) -> DeviceReport:
    return DeviceReport(
        device_id=device,
        native_id="9901010001",
        protocol=Protocol.SL651,
        function_code="32",
        received_at=received_at,
        measurements=measurements,
        frame_ref="0" * 32,
        area_code="990101001",
    )


def test_a_good_reading_is_published_with_kind_and_object() -> None:
    (reading,) = Town().says(12.0)
    assert isinstance(reading, ReadingObserved)
    assert (reading.kind, reading.object_id, reading.received_at) == (DeviceKind.WATERLOG, "OBJ-1", NOW)
    (one,) = reading.measurements
    assert (one.value, one.quality, one.late) == (12.0, Quality.GOOD, False)


def test_a_repeat_is_refused_and_another_value_corrects() -> None:
    town = Town()
    town.says(12.0)
    (repeat,) = town.says(12.0)
    assert isinstance(repeat, ReadingRejected)
    assert (repeat.reason, repeat.metric, repeat.observed_at) == (RejectReason.DUPLICATE, "water_depth", NOW)
    (first,) = town.says(13.0)
    (second,) = town.says(11.0)
    assert isinstance(first, ReadingCorrected)
    assert (first.old_value, first.new_value) == (12.0, 13.0)
    assert (second.old_value, second.new_value) == (13.0, 11.0)
    assert isinstance(town.says(None)[0], ReadingRejected), "a repeat without a value takes nothing back"
    track = town.harness.state(tracks, "WL01")
    assert track is not None
    assert track.metrics[0].value == 11.0


def test_a_frame_sent_again_changes_nothing() -> None:
    town = Town()
    town.says(12.0, frame="a" * 32)
    assert town.says(12.0, frame="a" * 32) == []


def test_each_repeated_value_of_a_report_is_counted() -> None:
    town = Town()
    values = [
        Measurement(metric="rain_5min", value=1.0, unit="mm", observed_at=NOW - at * MINUTE, quality=Quality.GOOD)
        for at in (10, 5, 0)
    ]
    town.report(*values, device="RG01")
    told = town.report(*values, device="RG01")
    assert [(type(one), one.observed_at) for one in told] == [(ReadingRejected, one.observed_at) for one in values]
    newer = msgspec.structs.replace(values[2], observed_at=NOW + MINUTE)
    observed, *refused = town.report(*values[1:], newer, device="RG01")
    assert [one.observed_at for one in observed.measurements] == [NOW + MINUTE]
    assert len(refused) == 2


def test_late_readings_are_history_and_wake_nobody() -> None:
    town = Town()
    town.says(10.0)
    town.harness.advance(20 * MINUTE)
    *_, ten_minutes = town.says(40.0, at=town.harness.now - 10 * MINUTE)
    *_, older = town.says(41.0, at=town.harness.now - 11 * MINUTE)
    assert not ten_minutes.measurements[0].late
    assert older.measurements[0].late
    assert town.of(AlarmRaised) == []


def test_out_of_order_is_late_and_no_alarm_flaps() -> None:
    town = Town(gauge(max_step=None))
    town.says(30.0, at=NOW - 10 * MINUTE)
    town.says(31.0, at=NOW)
    assert len(town.of(AlarmRaised)) == 1
    told = town.says(1.0, at=NOW - 5 * MINUTE)
    assert [type(one) for one in told] == [ReadingObserved]
    assert told[0].measurements[0].late
    assert town.of(AlarmCleared) == []
    track = town.harness.state(tracks, "WL01")
    assert track is not None
    assert track.metrics[0].value == 31.0, "the newest by observation stays the newest"


def test_an_alarm_needs_two_readings_and_clears_below_ninety_five_percent() -> None:
    town = Town()
    assert [type(one) for one in town.every(2, 20, 27)] == [ReadingObserved] * 2
    _, raised = town.says(28.0)
    assert isinstance(raised, AlarmRaised)
    assert (raised.alarm_key, raised.episode, raised.severity) == ("WL01+limit-water_depth", 1, 2)
    assert (raised.value, raised.threshold, raised.unit) == (28.0, 27.0, "cm")
    assert raised.first_at == NOW + 2 * MINUTE
    assert len(raised.source_event_ids) == 2
    assert raised.alarm_id.startswith("990101-alarm-20310720-")
    town.harness.advance(2 * MINUTE)
    (_, updated) = town.says(30.0)
    assert isinstance(updated, AlarmUpdated)
    assert (updated.repeat_count, updated.value, updated.alarm_id) == (3, 30.0, raised.alarm_id)
    town.harness.advance(2 * MINUTE)
    assert len(town.says(26.0)) == 1, "between 95 % and the limit nothing happens"
    town.harness.advance(2 * MINUTE)
    (_, cleared) = town.says(25.6)
    assert isinstance(cleared, AlarmCleared)
    assert cleared.severity == raised.severity
    town.harness.advance(2 * MINUTE)
    again = town.every(2, 27, 27)
    raised_again = [one for one in again if isinstance(one, AlarmRaised)]
    assert [one.episode for one in raised_again] == [2]
    assert raised_again[0].alarm_id != raised.alarm_id


def test_one_reading_over_the_limit_is_not_enough_and_must_be_followed_at_once() -> None:
    town = Town()
    town.every(2, 27, 26.9, 27, 10)
    assert town.of(AlarmRaised) == []


def test_updates_come_at_most_once_a_minute() -> None:
    town = Town(gauge(interval_s=10, max_step=None))
    town.every(1 / 6, *[30.0] * 14)
    assert len(town.of(AlarmRaised)) == 1
    assert [one.repeat_count for one in town.of(AlarmUpdated)] == [8, 14]


@pytest.mark.parametrize(
    "quality", [Quality.SUSPECT, Quality.DEVICE_FAULT, Quality.CALIBRATION, Quality.MAINTENANCE, Quality.STOPPED]
)
def test_untrusted_qualities_neither_raise_nor_clear(quality: Quality) -> None:
    town = Town(gauge(max_step=None))
    for _ in range(3):
        town.says(90.0, quality=quality)
        town.harness.advance(MINUTE)
    assert town.of(AlarmRaised) == []
    town.every(1, 30, 30)
    town.says(0.0, quality=quality)
    assert len(town.of(AlarmRaised)) == 1
    assert town.of(AlarmCleared) == []


def test_over_range_counts_as_over_the_limit_and_below_range_does_not() -> None:
    town = Town(gauge(max_step=None))
    for value in (400.0, 400.0):
        town.says(value, quality=Quality.OVER_RANGE)
        town.harness.advance(MINUTE)
    assert len(town.of(AlarmRaised)) == 1
    below = Town(gauge(max_step=None))
    for value in (-5.0, -5.0):
        below.says(value, quality=Quality.OVER_RANGE)
        below.harness.advance(MINUTE)
    assert below.of(AlarmRaised) == []


def test_a_jumping_gauge_is_suspected_and_raises_only_a_notice() -> None:
    town = Town()
    town.every(2, 0, 0)
    reading, raised = town.says(200.0)
    assert reading.measurements[0].quality is Quality.SUSPECT
    assert (raised.rule_id, raised.severity, raised.value, raised.threshold) == ("jump-water_depth", 4, 200.0, 50.0)
    town.harness.advance(2 * MINUTE)
    reading, cleared = town.says(0.0)
    assert reading.measurements[0].quality is Quality.GOOD
    assert isinstance(cleared, AlarmCleared)
    assert cleared.severity == 4, "what the upper tier was never told of need not be cleared there"
    assert [one.rule_id for one in town.of(AlarmRaised)] == ["jump-water_depth"]


def test_a_jump_that_stays_is_believed_after_three_readings_that_agree() -> None:
    town = Town()
    town.every(1, 0, 200, 203, 205, 207)
    qualities = [one.measurements[0].quality for one in town.of(ReadingObserved)]
    assert qualities == [Quality.GOOD, Quality.SUSPECT, Quality.SUSPECT, Quality.GOOD, Quality.GOOD]
    assert [one.rule_id for one in town.of(AlarmRaised)] == ["jump-water_depth", "limit-water_depth"]


def test_a_wild_gauge_is_never_believed() -> None:
    town = Town()
    town.every(1, 0, 200, 100, 290, 90)
    assert {one.rule_id for one in town.of(AlarmRaised)} == {"jump-water_depth"}


def test_a_change_over_a_long_gap_is_no_jump() -> None:
    town = Town()
    town.says(0.0)
    town.harness.advance(7 * MINUTE)
    assert town.says(200.0)[-1].measurements[0].quality is Quality.GOOD


def test_alarm_chains_are_recorded_from_here_on() -> None:
    town = Town()
    town.every(2, 27)
    town.says(28.0)
    flags = {type(event.data): (event.traceparent or "")[-2:] for event in town.harness.published[-2:]}
    assert flags == {ReadingObserved: "01", AlarmRaised: "01"}


def test_silence_of_three_intervals_is_offline_and_the_next_frame_brings_it_back() -> None:
    town = Town()
    town.says(1.0)
    assert town.harness.advance(5.9 * MINUTE) == []
    (gone,) = town.harness.advance(MINUTE)
    assert isinstance(gone.data, DeviceWentOffline)
    assert (gone.data.last_seen_at, gone.data.missed_intervals) == (NOW, 3)
    town.harness.advance(timedelta(minutes=23.1))
    backlog = [
        Measurement(metric="water_depth", value=at, unit="cm", observed_at=NOW + at * MINUTE, quality=Quality.GOOD)
        for at in (10.0, 20.0, 30.0)
    ]
    back, reading = town.report(*backlog)
    assert isinstance(back, DeviceCameOnline)
    assert (back.offline_s, back.backlog_readings, back.at) == (1800, 2, NOW + 30 * MINUTE)
    assert [one.late for one in reading.measurements] == [True, False, False]
    assert len(town.harness.advance(7 * MINUTE)) == 1, "and gone again"


def test_frames_keep_a_device_online_heartbeats_too() -> None:
    town = Town()
    town.says(1.0)
    for _ in range(10):
        town.harness.advance(5 * MINUTE)
        town.report()
    assert town.of(DeviceWentOffline) == []
    assert len(town.of(ReadingObserved)) == 1, "a heartbeat is no reading"


def test_maintenance_marks_readings_and_suppresses_alarms_and_silence() -> None:
    town = Town(gauge(status=DeviceStatus.MAINTENANCE))
    town.every(2, 90, 90, 90)
    assert {one.measurements[0].quality for one in town.of(ReadingObserved)} == {Quality.MAINTENANCE}
    town.harness.advance(DAY)
    assert town.of(AlarmRaised) == []
    assert town.of(DeviceWentOffline) == []
    town.devices["WL01"] = gauge()
    town.harness.advance(10 * MINUTE)
    assert len(town.of(DeviceWentOffline)) == 1, "after the window the watch goes on"


def test_a_judge_that_was_away_gives_devices_one_more_interval() -> None:
    town = Town()
    town.says(1.0)
    town.harness.clock.set(NOW + 30 * MINUTE)  # nobody looked in the meantime
    assert town.harness.advance(MINUTE) == []
    assert [type(event.data) for event in town.harness.advance(2 * MINUTE)] == [DeviceWentOffline]


def test_a_device_unknown_here_is_recorded_but_not_watched() -> None:
    town = Town(rain_gauge())
    (reading,) = town.says(90.0)
    town.says(90.0)
    assert reading.kind is DeviceKind.UNKNOWN
    assert town.harness.advance(DAY) == []
    assert town.of(AlarmRaised) == []


class TestJudge(ServiceSuite):
    """The judge keeps what every stream service must keep."""

    def service(self) -> Any:
        return sensing

    def refs(self) -> Any:
        return Refs({"WL01": gauge(), "RG01": rain_gauge()})

    def start(self) -> datetime:
        return NOW

    def play(self, harness: StreamHarness) -> None:
        for minute, value in enumerate((0, 20, 28, 29, 29, 200, 5, 5)):
            for at, shown in ((minute, value), (minute, value), (max(0, minute - 3), value + 0.5)):
                one = Measurement(
                    metric="water_depth", value=float(shown), unit="cm", observed_at=NOW + at * MINUTE,
                    quality=Quality.GOOD,
                )  # fmt: skip
                harness.put(topics.SENSING_REPORT, report_of((one,), "WL01", harness.now))
            harness.advance(MINUTE)
        harness.advance(timedelta(hours=1))
