"""Back-fill: recorded readings through gateway and judge. Expected counts come from a plain dictionary, not from us."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
from liandong.clock import ManualClock
from liandong.testing.stream import StreamHarness
from liandong_contracts import topics
from liandong_contracts.sensing import (
    AlarmRaised,
    DeviceReport,
    DeviceState,
    DeviceWentOffline,
    ReadingCorrected,
    ReadingObserved,
    ReadingRejected,
    RejectReason,
)
from sensing_service.gateway.registrar import Registrar
from sensing_service.gateway.web import Web
from sensing_service.handlers.judge import sensing, tracks
from sensing_service.refs import Refs

from tests.unit.sensing.town import NOW, ListSink, intake

Row = tuple[str, str, datetime, float]
RECORDED = datetime(2014, 2, 20, 4, 30, tzinfo=UTC)


def devices(rows: list[Row]) -> list[dict[str, object]]:
    metrics: dict[str, dict[str, dict[str, object]]] = {}
    for station, metric, _, _ in rows:
        spec: dict[str, object] = {"metric": metric, "unit": "m", "source": metric, "limit": 0.001}
        metrics.setdefault(station, {})[metric] = spec
    return [
        {
            "device_id": station, "native_id": station, "name": "测站", "kind": "WATER_LEVEL", "protocol": "HTTP",
            "owner_dept": "示例水务局", "area_code": "990101", "report_interval_s": 900,
            "metrics": list(specs.values()),
        }
        for station, specs in metrics.items()
    ]  # fmt: skip


async def played(rows: list[Row]) -> tuple[StreamHarness, list[ReadingRejected]]:
    """Register the stations and post every row in order; then let a day pass. Returns the gateway's refusals too."""
    sink = ListSink()
    taken = intake(sink)
    web = Web(taken, Registrar(taken.registry, sink, ManualClock(NOW)), 5)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(web.app()), base_url="http://gateway") as http:
        assert (await http.put("/v1/devices", json=devices(rows))).status_code == 200
        for start in range(0, len(rows), 500):
            items = [
                {"device": station, "observed_at": at.isoformat(), "values": {metric: value}}
                for station, metric, at, value in rows[start : start + 500]
            ]
            answer = await http.post("/v1/readings", json=items)
            assert answer.json()["accepted"] == len(items)
    states = {one.record.device_id: one.record for one in sink.sent if isinstance(one.record, DeviceState)}
    harness = StreamHarness(sensing, refs=Refs(states), now=NOW)
    for one in sink.sent:
        if isinstance(one.record, DeviceReport):
            harness.put(topics.SENSING_REPORT, one.record, id=one.event_id, time=one.time)
    harness.advance(timedelta(days=1))
    return harness, sink.rejections


def expected(rows: list[Row]) -> tuple[Counter[str], list[tuple[str, str, datetime, float, float]]]:
    """Count distinct readings, and list every change of a value for one time, in order."""
    last: dict[tuple[str, str, datetime], float] = {}
    changes = []
    for station, metric, at, value in rows:
        key = (station, metric, at)
        if key in last and last[key] != value:
            changes.append((*key, last[key], value))
        last[key] = value
    return Counter(station for station, _, _ in last), changes


def check(harness: StreamHarness, refused: list[ReadingRejected], rows: list[Row]) -> None:
    counts, changes = expected(rows)
    observed = harness.of(ReadingObserved)
    found = Counter(event.data.device_id for event in observed for _ in event.data.measurements)
    assert found == counts
    corrected = [event.data for event in harness.of(ReadingCorrected)]
    assert [(one.device_id, one.metric, one.observed_at, one.old_value, one.new_value) for one in corrected] == changes
    repeats = [*refused, *(event.data for event in harness.of(ReadingRejected))]
    assert {one.reason for one in repeats} == {RejectReason.DUPLICATE}
    assert len(repeats) == len(rows) - sum(counts.values()) - len(changes)
    assert all(one.late for event in observed for one in event.data.measurements)
    assert harness.of(AlarmRaised) == []
    assert harness.of(DeviceWentOffline) == []
    assert all(harness.timers(tracks, device) == {} for device in counts)


async def test_old_recordings_are_history() -> None:
    chance = random.Random(2014)
    rows: list[Row] = []
    for _ in range(1_200):
        at = RECORDED + timedelta(minutes=15 * chance.randrange(40))
        value = chance.choice((0.5, 0.5, 0.5, 0.75, chance.randrange(3000) / 1000))
        rows.append((f"S{chance.randrange(5)}", chance.choice(("stage", "rain")), at, value))
    # a value that returns to a former one in an identical report would be the former report sent again
    seen: dict[tuple[str, str, datetime], list[float]] = {}
    kept = []
    for row in rows:
        values = seen.setdefault(row[:3], [])
        if not values or row[3] == values[-1] or row[3] not in values:
            values.append(row[3])
            kept.append(row)
    check(*await played(kept), kept)
