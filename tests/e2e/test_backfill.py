"""Real input: a real flood morning and real SL 651 frames go through the whole pipeline as history."""

import csv
import socket
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from liandong.local.messages import Addresses
from liandong.simulate.feed import Feed
from liandong_contracts.emergency import NoticeSent, ResponseProposed
from liandong_contracts.flood import WaterloggingDetected
from liandong_contracts.sensing import (
    AlarmRaised,
    DeviceState,
    DeviceWentOffline,
    ReadingCorrected,
    ReadingObserved,
    ReadingRejected,
    RejectReason,
)

from tests.e2e.conftest import Watching, until

HERE = Path(__file__).parent
MEASURE = ["stationReference", "parameter", "qualifier", "units", "Time"]


def test_a_flood_morning_as_history(watching: Watching, real_data: Path) -> None:
    """25,000 readings: each (station, measure, time) counts once, differing repeats correct it, nobody is woken."""
    table = real_data / "uk_flood_2014" / "snapshot_20140220_0430.tsv"
    frame = pd.read_csv(table, sep="\t", dtype={"value": float}, keep_default_na=False)
    distinct = len(frame.drop_duplicates(MEASURE))
    changed = frame.groupby(MEASURE, sort=False)["value"].agg(lambda values: int((values.diff().iloc[1:] != 0).sum()))
    corrections, final = int(changed.sum()), frame.groupby(MEASURE)["value"].last()
    with watching(only=("sensing-gateway", "sensing-judge", "flood", "emergency")) as (at, ledger):
        feed(at, table)
        assert until(lambda: counted(ledger.of(ReadingObserved)) >= distinct, 120)
        assert until(lambda: len(ledger.of(ReadingCorrected)) >= corrections, 30)
        observed = ledger.of(ReadingObserved)
        assert counted(observed) == distinct
        assert len(ledger.of(ReadingCorrected)) == corrections
        repeats = sum(event.data.reason is RejectReason.DUPLICATE for event in ledger.of(ReadingRejected))
        assert repeats == len(frame) - distinct - corrections
        assert len({event.data.device_id for event in ledger.of(DeviceState)} & set(frame["stationReference"])) == 3316
        assert all(one.late for event in observed for one in event.data.measurements)
        values = {
            (event.data.device_id, one.metric, one.observed_at): one.value
            for event in observed
            for one in event.data.measurements
        }
        for event in ledger.of(ReadingCorrected):
            values[event.data.device_id, event.data.metric, event.data.observed_at] = event.data.new_value
        expected = {
            (one.station, "/".join(filter(None, one[2:5])), datetime.fromisoformat(str(one.time))): one.value
            for one in final.reset_index().set_axis(["station", *"pqu", "time", "value"], axis=1).itertuples()
        }
        assert values == expected
        for alarming in (AlarmRaised, WaterloggingDetected, ResponseProposed, NoticeSent, DeviceWentOffline):
            assert ledger.of(alarming) == []
        assert (ledger.lost, ledger.doubled) == (0, 0), ledger.problems[:5]


def feed(at: Addresses, table: Path) -> None:
    gateway = f"http://{at.address('sensing-gateway', 'http')}"
    mapping = str(HERE / "data" / "uk_flood_2014.yaml")
    command = [sys.executable, "-m", "liandong.cli.main", "simulate", "--from", str(table), "--map", mapping]
    done = subprocess.run(
        [*command, "--gateway", gateway, "--register"], capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "3316 devices registered" in done.stdout
    assert "25000 values confirmed" in done.stdout


def counted(events: list) -> int:  # type: ignore[type-arg]  # events of any one type
    return sum(len(event.data.measurements) for event in events)


def test_real_frames_are_confirmed_and_read(watching: Watching, real_data: Path) -> None:
    """Frames of real SL 651 stations: reports are confirmed and become readings with the published values."""
    with (real_data / "protocol_frames" / "sl651.csv").open(encoding="utf-8") as file:
        frames = [row for row in csv.DictReader(file) if row["crc16_modbus_big_endian_ok"] == "True"]
    reports = [bytes.fromhex(row["frame_hex"]) for row in frames if row["function_code"] in ("0x32", "0x33")]
    uplinks = [frame for frame in reports if frame[13] == 0x02 and not frame[11] & 0x80]
    assert uplinks
    with watching(only=("sensing-gateway", "sensing-judge")) as (at, ledger):
        Feed(f"http://{at.address('sensing-gateway', 'http')}").register([station("0011223344")])
        port = at.ports["sensing-gateway"]["sl651"]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            for frame in uplinks:
                line.sendall(b"\x00noise" + frame)
                answer = line.recv(100)
                assert answer[:2] == b"\x7e\x7e"
                assert answer[11] & 0x80
                assert answer[14:16] == frame[14:16], "the confirmation repeats the serial number"
        assert until(lambda: len(ledger.of(ReadingObserved)) == len(set(uplinks)), 20)
        values = Counter(
            (one.metric, one.value) for event in ledger.of(ReadingObserved) for one in event.data.measurements
        )
        assert values["level", 10.49] == 2
        assert values["rain_now", 4.0] == 2
        assert values["battery", 10.99] == values["battery", 11.02] == 1
        assert ledger.of(AlarmRaised) == []


def station(address: str) -> dict[str, object]:
    metrics = [("rain_now", "mm", "20"), ("rain_total", "mm", "26"), ("level", "m", "39"), ("battery", "V", "38")]
    return {
        "device_id": "S1",
        "native_id": address,
        "name": "station of the published frames",
        "kind": "WATER_LEVEL",
        "protocol": "SL651",
        "owner_dept": "test",
        "area_code": "990101",
        "report_interval_s": 300,
        "metrics": [{"metric": metric, "unit": unit, "source": source} for metric, unit, source in metrics],
    }


@pytest.mark.parametrize("missing", ["device", "value"])
def test_a_table_that_does_not_fit_its_mapping_is_refused_in_one_sentence(tmp_path: Path, missing: str) -> None:
    table, mapping = tmp_path / "table.tsv", tmp_path / "map.yaml"
    table.write_text("device\tat\tvalue\tunit\nA\t2026-01-01T00:00:00Z\t1\tmm\n", encoding="utf-8")
    text = "device: device\nmetric: [unit]\nobserved_at: at\nvalue: value\nunit: unit\n"
    text += "kind: {column: unit, of: {}, default: RAIN_GAUGE}\n"
    mapping.write_text(text.replace(f"{missing}: {missing}", f"{missing}: nowhere"), encoding="utf-8")
    command = [sys.executable, "-m", "liandong.cli.main", "simulate", "--from", str(table), "--map", str(mapping)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "line 2" in done.stderr
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr
