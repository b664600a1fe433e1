"""From a station's frame to judged readings, alarms and queries, through real processes."""

from datetime import datetime, timedelta

import grpc
from liandong.clock import real_now
from liandong_contracts.common import Quality
from liandong_contracts.rpc import sensing_pb2 as pb
from liandong_contracts.rpc import sensing_pb2_grpc as rpc
from liandong_contracts.sensing import AlarmRaised, ReadingCorrected, ReadingObserved, ReadingRejected

from tests.integration.sensing.processes import HOST, Process
from tests.integration.sensing.station import Station
from tests.support.events import Events, until


def reported(station: Station, metres: float, minutes_ago: float, now: datetime) -> None:
    """Report a depth observed so long before `now`: one moment for the whole test, or a minute could pass between."""
    station.send(station.frame(metres, now - timedelta(minutes=minutes_ago)))
    assert station.answer() is not None


def test_readings_alarms_and_queries(gateway: Process, judge: Process, events: Events) -> None:
    station, now = Station(gateway.sl651), real_now()
    for minutes_ago, metres in ((6, 0.20), (5, 0.28), (4, 0.29), (4, 0.29), (3, 2.50), (2, 0.30)):
        reported(station, metres, minutes_ago, now)
    readings = events.until("the readings", ReadingObserved, 5)
    values = [(one.value, one.quality) for event in readings for one in event.data.measurements]
    assert values == [
        (20.0, Quality.GOOD),
        (28.0, Quality.GOOD),
        (29.0, Quality.GOOD),
        (250.0, Quality.SUSPECT),
        (30.0, Quality.GOOD),
    ]
    assert [event.sequence for event in readings] == sorted(event.sequence or 0 for event in readings)
    alarms = events.until("the alarms", AlarmRaised, 2)
    assert [event.data.rule_id for event in sorted(alarms, key=lambda event: event.time)] == [
        "limit-water_depth",
        "jump-water_depth",
    ]
    assert all(event.correlation_id for event in alarms)
    with grpc.insecure_channel(f"{HOST}:{judge.grpc}") as channel:
        stub = rpc.SensingQueryStub(channel)

        def latest() -> float:
            reply = stub.GetLatest(pb.GetLatestRequest(object_id="OBJ-1"), timeout=5)
            return reply.values[0].value if reply.values else 0.0

        until("the newest value", lambda: latest() == 30.0)


def test_a_killed_judge_repeats_and_forgets_nothing(gateway: Process, judge: Process, events: Events) -> None:
    station, now = Station(gateway.sl651), real_now()
    reported(station, 0.10, 9, now)
    events.until("the first", ReadingObserved, 1)
    judge.kill()
    reported(station, 0.11, 8, now)
    reported(station, 0.12, 9, now)  # corrects the first
    reported(station, 0.11, 8, now)  # a repeat in another frame
    judge.start()
    events.until("the correction", ReadingCorrected, 1)
    events.until("the repeat", ReadingRejected, 1)
    assert [one.value for event in events.of(ReadingObserved) for one in event.data.measurements] == [10.0, 11.0]
    (correction,) = events.of(ReadingCorrected)
    assert (correction.data.old_value, correction.data.new_value) == (10.0, 12.0)
    ids = [event.id for event in events.all]
    assert len(ids) == len(set(ids))
