"""The gateway on real sockets and a real Kafka: confirmed means kept, through kills of gateway and broker."""

import socket
from pathlib import Path

import httpx
from liandong.clock import real_now
from liandong.settings import Settings
from liandong.testing.plugin import KafkaForTests
from liandong_contracts.sensing import DeviceReport, DeviceState, ReadingRejected, RejectReason

from tests.integration.sensing.processes import HOST, Process
from tests.integration.sensing.station import Station
from tests.support.events import Events, until
from tests.unit.frames.samples import TIMED, broken


def test_frames_in_reports_out(gateway: Process, events: Events) -> None:
    registered = events.until("the file's devices on the state topic", DeviceState, 3)
    assert {event.data.device_id for event in registered} == {"WL01", "WL02", "RG01"}
    station = Station(gateway.sl651)
    frame = station.frame(0.31)
    station.send(frame)
    answer = station.answer()
    assert answer is not None
    assert (answer.uplink, answer.station, answer.function, answer.end.name) == (False, "9901010001", 0x32, "ESC")
    (event,) = events.until("the report", DeviceReport, 1)
    assert event.data.measurements[0].value == 31.0
    assert (event.key, event.area_code, event.source) == ("WL01", "990101001", "/990101/sensing")
    assert event.traceparent is not None
    station.send(frame)
    assert station.answer() is not None, "a frame sent again is confirmed again"
    (repeat,) = events.until("the repeat", ReadingRejected, 1)
    assert repeat.data.reason is RejectReason.DUPLICATE
    assert len(events.of(DeviceReport)) == 1


def test_bad_input_ends_in_counted_refusals_and_the_next_good_frame_is_taken(gateway: Process, events: Events) -> None:
    station = Station(gateway.sl651)
    foreign = Station(gateway.sl651, "9901019999")
    bad = [
        broken(station.frame(0.1)),
        station.frame(0.1)[:12] + b"\x10" + station.frame(0.1)[13:],
        b"no frame at all",
        TIMED,
        station.frame(0.1, real_now().replace(year=2098)),
    ]
    for data in bad:
        station.send(data)
        good = station.frame(0.2)
        station.send(good)
        answer = station.answer()
        assert answer is not None, data
        assert answer.body[:2] == good[14:16], "the good frame is confirmed"
    foreign.send(foreign.frame(0.5))
    block = b"\x00" * (1 << 20)
    for _ in range(10):
        station.send(block)
    station.send(station.frame(0.3))
    assert station.answer(30) is not None, "after ten megabytes without a frame"
    wanted = {
        RejectReason.BAD_CHECKSUM,
        RejectReason.BAD_LENGTH,
        RejectReason.UNDECODABLE,
        RejectReason.UNKNOWN_DEVICE,
        RejectReason.FUTURE_TIME,
    }
    until("all reasons", lambda: {event.data.reason for event in events.of(ReadingRejected)} == wanted)
    raws = [event.data.raw for event in events.of(ReadingRejected)]
    assert all(data in raws for data in bad)
    events.until("every good frame", DeviceReport, 6)
    with httpx.Client(base_url=f"http://{HOST}:{gateway.ops}") as ops:
        metrics = ops.get("/metrics").text
    assert 'liandong_sensing_rejected_total{reason="BAD_CHECKSUM"} 1.0' in metrics


def test_half_frames_do_not_block_and_slow_ones_are_cut(world_settings: Settings, tmp_path: Path) -> None:
    from tests.integration.sensing.conftest import DEVICES, MODELS

    (tmp_path / "devices.csv").write_text(DEVICES, encoding="utf-8")
    (tmp_path / "device-models.yaml").write_text(MODELS, encoding="utf-8")
    own = {"LIANDONG_FRAME_S": "1", "LIANDONG_IDLE_S": "3", "LIANDONG_PROOF_S": "2"}
    gateway = Process("gateway", world_settings, tmp_path, **own)
    gateway.start()
    until("the gateway listens for HTTP", lambda: _listens(gateway.http))
    try:
        dawdler = socket.create_connection((HOST, gateway.http), 10)
        dawdler.sendall(b"POST /v1/readings HTTP/1.1\r\nHost: x\r\n")
        slow, good = Station(gateway.sl651), Station(gateway.sl651, "9901010002")
        slow.send(slow.frame(0.1)[:20])
        good.send(good.frame(0.2))
        assert good.answer() is not None
        assert slow.answer(10) is None, "hung up: no good frame within two seconds"
        assert good.answer(10) is None, "hung up: idle"
        assert dawdler.recv(100) == b"", "hung up: no request head within a second"
    finally:
        assert gateway.stop() == 0


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def test_http(gateway: Process, events: Events) -> None:
    entry = {
        "device_id": "H1", "name": "示例水位站", "kind": "WATER_LEVEL", "protocol": "HTTP", "native_id": "h-1",
        "metrics": [{"metric": "water_level", "unit": "m", "source": "level"}], "owner_dept": "示例水务局",
        "area_code": "990101", "report_interval_s": 900,
    }  # fmt: skip
    with httpx.Client(base_url=f"http://{HOST}:{gateway.http}", timeout=30) as http:
        assert http.put("/v1/devices", json=[entry]).json() == {"accepted": 1, "changed": 1}
        report = {"device": "h-1", "observed_at": real_now().isoformat(), "values": {"level": 1.25}}
        assert http.post("/v1/readings", json=[report] * 3).json() == {"accepted": 3, "rejected": []}
        assert http.post("/v1/readings", content=b"{", headers={"content-type": "application/json"}).status_code == 400
        assert http.post("/v1/readings", content=b"x", headers={"content-type": "text/plain"}).status_code == 415
    refused = [event.data for event in events.until("the refusals", ReadingRejected, 4)]
    assert sorted(one.raw for one in refused if one.reason is RejectReason.UNDECODABLE) == [b"x", b"{"]
    assert sum(one.reason is RejectReason.DUPLICATE for one in refused) == 2
    assert len(events.of(DeviceReport)) == 1


def test_a_registration_survives_the_gateway(gateway: Process, events: Events) -> None:
    test_http(gateway, events)
    gateway.kill()
    gateway.start()
    with httpx.Client(base_url=f"http://{HOST}:{gateway.http}") as http:
        assert http.get("/v1/devices/H1").json()["native_id"] == "h-1"
    states = [event.data.device_id for event in events.of(DeviceState)]
    assert sorted(states) == ["H1", "RG01", "WL01", "WL02"], "a restart publishes nothing again"


def test_no_broker_no_confirmation_and_nothing_lost(gateway: Process, events: Events, kafka: KafkaForTests) -> None:
    station = Station(gateway.sl651)
    station.send(station.frame(0.1))
    assert station.answer() is not None
    kafka.hold_broker()
    try:
        station.send(station.frame(0.2))
        assert station.answer(3) is None, "not confirmed while Kafka is away"
        until("health says so", lambda: gateway.health() == {})
    finally:
        kafka.start_broker()
    assert station.answer(60) is not None, "confirmed once Kafka is back"
    values = [event.data.measurements[0].value for event in events.until("both reports", DeviceReport, 2)]
    assert values == [10.0, 20.0]


def test_a_killed_gateway_confirms_nothing_it_has_not_kept(gateway: Process, events: Events) -> None:
    station = Station(gateway.sl651)
    frame = station.frame(0.1)
    station.send(frame)
    gateway.kill()
    confirmed = station.answer(5) is not None
    gateway.start()
    again = Station(gateway.sl651)
    again.send(frame)
    assert again.answer() is not None
    reports = events.until("the report", DeviceReport, 1)
    assert len({event.id for event in reports}) == 1
    assert confirmed in (True, False)


def test_a_port_in_use_is_one_sentence(world_settings: Settings, tmp_path: Path) -> None:
    gateway = Process("gateway", world_settings, tmp_path)
    with socket.socket() as taken:
        taken.bind((HOST, gateway.sl651))
        taken.listen()
        assert gateway.begin().wait(60) == 78
    lines = [line for line in gateway.log.read_text().splitlines() if "error" in line]
    assert len(lines) == 1
    assert "LIANDONG_SL651_PORT" in lines[0]
