"""The HTTP side of the gateway, in process."""

import asyncio
from typing import Any

import httpx
import pytest
from liandong.clock import ManualClock
from liandong_contracts.common import Protocol, Quality
from liandong_contracts.sensing import DeviceState, RejectReason
from sensing_service.gateway.registrar import Registrar
from sensing_service.gateway.web import MAX_BODY, Web

from tests.unit.sensing.town import NOW, ListSink, gauge, intake

AT = "2031-07-20T12:00:00+08:00"


def client(sink: ListSink, patience_s: float = 5) -> httpx.AsyncClient:
    taken = intake(sink, gauge("H1", "post-1", protocol=Protocol.HTTP), gauge())
    web = Web(taken, Registrar(taken.registry, sink, ManualClock(NOW)), patience_s)
    return httpx.AsyncClient(transport=httpx.ASGITransport(web.app()), base_url="http://gateway")


def report(**changes: Any) -> dict[str, Any]:
    return {"device": "post-1", "observed_at": AT, "values": {"depth": 12.5}, **changes}


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "device_id": "N1", "name": "新站", "kind": "WATER_LEVEL", "protocol": "HTTP", "native_id": "n-1",
        "metrics": [{"metric": "water_level", "unit": "m", "source": "level"}], "owner_dept": "示例水务局",
        "area_code": "990101", "report_interval_s": 900, **changes,
    }  # fmt: skip


async def test_one_report() -> None:
    sink = ListSink()
    async with client(sink) as http:
        answer = await http.post("/v1/readings", json=report())
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "rejected": []})
    (taken,) = sink.reports
    assert (taken.device_id, taken.protocol, taken.received_at) == ("H1", Protocol.HTTP, NOW)
    assert (taken.measurements[0].value, taken.measurements[0].observed_at) == (12.5, NOW)


async def test_many_reports_keep_their_order_and_bad_ones_are_listed() -> None:
    sink = ListSink()
    items = [report(values={"depth": at}) for at in range(50)]
    items[7] = report(device="nobody")
    items[9] = report(observed_at="2031-07-20T12:06:00+08:00")
    async with client(sink) as http:
        answer = await http.post("/v1/readings", json=items)
    assert answer.status_code == 200
    body = answer.json()
    assert body["accepted"] == 48
    assert [(one["index"], one["reason"]) for one in body["rejected"]] == [(7, "UNKNOWN_DEVICE"), (9, "FUTURE_TIME")]
    assert [one.measurements[0].value for one in sink.reports] == [at for at in range(50) if at not in (7, 9)]
    assert b"nobody" in sink.rejections[0].raw


async def test_a_report_sent_again_is_known_however_it_is_written() -> None:
    sink = ListSink()
    async with client(sink) as http:
        await http.post("/v1/readings", json=report())
        again = [{"values": {"depth": 12.5}, "observed_at": AT, "device": "post-1"}]
        answer = await http.post("/v1/readings", json=again)
    assert answer.json() == {"accepted": 1, "rejected": []}
    assert len(sink.reports) == 1
    assert [one.reason for one in sink.rejections] == [RejectReason.DUPLICATE]


async def test_after_a_change_of_its_registration_a_report_may_come_again() -> None:
    sink = ListSink()
    more = {"metric": "voltage", "unit": "V", "source": "volt"}
    async with client(sink) as http:
        await http.put("/v1/devices", json=[entry()])
        item = report(device="n-1", values={"level": 1.5, "volt": 12})
        await http.post("/v1/readings", json=item)
        await http.put("/v1/devices", json=[entry(metrics=[*entry()["metrics"], more])])
        await http.post("/v1/readings", json=item)
    assert [len(one.measurements) for one in sink.reports] == [1, 2]


async def test_quality_and_missing_values() -> None:
    sink = ListSink()
    async with client(sink) as http:
        await http.post("/v1/readings", json=report(quality="CALIBRATION"))
        await http.post("/v1/readings", json=report(values={"depth": None}))
    assert [one.measurements[0].quality for one in sink.reports] == [Quality.CALIBRATION, Quality.DEVICE_FAULT]


@pytest.mark.parametrize(
    ("body", "kind", "status", "code", "says"),
    [
        (b'{"device": "post-1"', "application/json", 400, "BAD_JSON", "truncated"),
        (b"", "application/json", 400, "BAD_JSON", ""),
        (b"\xff\xfe", "application/json", 400, "BAD_JSON", ""),
        (b'{"device": "post-1"}', "application/json", 400, "WRONG_FORM", "observed_at"),
        (b'[{"device": 3}]', "application/json", 400, "WRONG_FORM", "$[0].device"),
        (b"[]", "application/json", 400, "WRONG_FORM", "1 to 5000"),
        (b"[" * 100_000, "application/json", 400, "WRONG_FORM", "object"),
        (b'{"device": "post-1"}', "text/csv", 415, "UNSUPPORTED_MEDIA_TYPE", "text/csv"),
        (b" " * (MAX_BODY + 1), "application/json", 413, "TOO_LARGE", "larger"),
    ],
    ids=["cut", "empty", "not utf-8", "fields", "types", "none", "deep", "type", "large"],
)
async def test_wrong_requests_are_told_why_and_recorded(
    body: bytes, kind: str, status: int, code: str, says: str
) -> None:
    sink = ListSink()
    async with client(sink) as http:
        answer = await http.post("/v1/readings", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert answer.json()["error"] == code
    assert says in answer.json()["detail"]
    assert sink.reports == []
    if body:
        (rejection,) = sink.rejections
        assert rejection.reason is RejectReason.UNDECODABLE
        assert body.startswith(rejection.raw)
        assert rejection.raw


@pytest.mark.parametrize(
    "change",
    [
        {"observed_at": "2031-07-20T12:00:00"},
        {"values": {}},
        {"values": {"depth": "12"}},
        {"extra": 1},
        {"quality": "OK"},
    ],
)
async def test_reports_are_checked_strictly(change: dict[str, Any]) -> None:
    async with client(ListSink()) as http:
        assert (await http.post("/v1/readings", json=report(**change))).status_code == 400


async def test_nothing_accepted_is_422() -> None:
    async with client(ListSink()) as http:
        assert (await http.post("/v1/readings", json=report(device="nobody"))).status_code == 422


async def test_no_answer_from_kafka_is_503() -> None:
    sink = ListSink(instant=False)
    async with client(sink, patience_s=0.02) as http:
        answer = await http.post("/v1/readings", json=report())
        assert (answer.status_code, answer.json()["error"]) == (503, "NOT_STORED")
        registration = await http.put("/v1/devices", json=[entry()])
        assert registration.status_code == 503
        assert (await http.get("/v1/devices/N1")).status_code == 404, "what Kafka does not have is not registered"


async def test_devices_are_registered_once_and_changed_by_version() -> None:
    sink = ListSink()
    async with client(sink) as http:
        assert (await http.put("/v1/devices", json=[entry()])).json() == {"accepted": 1, "changed": 1}
        assert (await http.put("/v1/devices", json=[entry()])).json() == {"accepted": 1, "changed": 0}
        assert (await http.put("/v1/devices", json=[entry(name="改名")])).json() == {"accepted": 1, "changed": 1}
        found = (await http.get("/v1/devices/N1")).json()
        assert (found["name"], found["version"]) == ("改名", 2)
        taken = await http.post("/v1/readings", json=report(device="n-1", values={"level": 1.5}))
        assert taken.json()["accepted"] == 1
    states = [one.record for one in sink.sent if isinstance(one.record, DeviceState)]
    assert [state.version for state in states] == [1, 2]


async def test_thousands_of_devices_at_once() -> None:
    sink = ListSink()
    many = [entry(device_id=f"N{at}", native_id=f"n-{at}") for at in range(3_316)]
    async with client(sink) as http:
        assert (await http.put("/v1/devices", json=many)).json() == {"accepted": 3_316, "changed": 3_316}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"area_code": "99"}, "area_code"),
        ({"protocol": "SL651"}, "ten hexadecimal digits"),
        ({"native_id": "post-1"}, "already belongs to H1"),
        ({"device_id": "a+b"}, "no '+'"),
        ({"metrics": [{"metric": "m", "unit": "m", "source": "s", "lo": 2, "hi": 1}]}, "not below"),
        ({"metrics": [{"metric": "m", "unit": "m", "source": "s", "scale": 0}]}, "scale 0"),
    ],
)
async def test_wrong_devices_are_refused_all_together(change: dict[str, Any], says: str) -> None:
    sink = ListSink()
    async with client(sink) as http:
        answer = await http.put("/v1/devices", json=[entry(), entry(device_id="N2", native_id="n-2") | change])
    assert answer.status_code == 400
    assert says in answer.json()["detail"]
    assert sink.sent == []


async def test_unknown_paths_and_methods() -> None:
    async with client(ListSink()) as http:
        assert (await http.get("/v1/nothing")).status_code == 404
        assert (await http.get("/v1/readings")).status_code == 405
        assert (await http.put("/v1/devices", content=b"[]", headers={"content-type": "text/plain"})).status_code == 415


async def test_requests_do_not_wait_for_each_other() -> None:
    sink = ListSink(instant=False)
    async with client(sink) as http:
        items = [report(values={"depth": at}) for at in range(3)]
        waiting = [asyncio.ensure_future(http.post("/v1/readings", json=item)) for item in items]
        while len(sink.sent) < 3:
            await asyncio.sleep(0)
        sink.acknowledge()
        answers = await asyncio.gather(*waiting)
    assert [one.status_code for one in answers] == [200] * 3
