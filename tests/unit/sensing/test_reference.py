"""The device registry from files: good files give devices, bad ones a sentence with the line."""

from pathlib import Path

import pytest
from liandong.errors import ConfigError
from liandong_contracts.common import DeviceKind, Protocol
from liandong_contracts.sensing import DeviceStatus
from sensing_service.gateway.reference import load

MODELS = """
models:
  waterlog-sl651:
    kind: WATERLOG
    protocol: SL651
    report_interval_s: 120
    metrics:
      - {metric: water_depth, unit: cm, source: "39", scale: 100, lo: 0, hi: 300, limit: 27, max_step: 50}
"""
HEADER = "device_id,name,model,native_id,area_code,owner_dept,object_id,lon,lat,datum,report_interval_s,status,limits"
GOOD = "WL01,临江隧道,waterlog-sl651,9901010001,990101001,示例水务局,OBJ-1,120.1,30.2,WGS84,,,"


def files(folder: Path, *rows: str, header: str = HEADER, models: str = MODELS) -> Path:
    (folder / "devices.csv").write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    (folder / "device-models.yaml").write_text(models, encoding="utf-8")
    return folder


def test_devices_take_their_models_values(tmp_path: Path) -> None:
    other = "WL02,示例路,waterlog-sl651,9901010002,990101002,示例水务局,,,,,60,MAINTENANCE,water_depth=40"
    first, second = load(files(tmp_path, GOOD, other))
    assert (first.kind, first.protocol, first.report_interval_s) == (DeviceKind.WATERLOG, Protocol.SL651, 120)
    assert first.location is not None
    assert (first.location.lon, first.status, first.object_id) == (120.1, DeviceStatus.ACTIVE, "OBJ-1")
    assert first.metrics[0].limit == 27
    assert (second.report_interval_s, second.status, second.metrics[0].limit) == (60, DeviceStatus.MAINTENANCE, 40)
    assert (second.location, second.object_id) == (None, None)


def test_no_file_no_devices(tmp_path: Path) -> None:
    assert load(tmp_path) == []


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (GOOD.replace("waterlog-sl651", "nothing"), "line 2: model 'nothing'"),
        (GOOD.replace("9901010001", "99"), "ten hexadecimal digits"),
        (GOOD.replace("WGS84", ""), "go together"),
        (GOOD.replace("120.1", "east"), "line 2: could not convert"),
        (GOOD[:-1] + "ACTIVE,rain=3", "does not have"),
        (GOOD[:-1] + "SLEEPING,", "SLEEPING"),
        (f"{GOOD}\n{GOOD}", "line 3: WL01 is listed twice"),
        (f"{GOOD}\n{GOOD.replace('WL01', 'WL09')}", "already the identity of WL01"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, row: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(files(tmp_path, row))


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="columns area_code"):
        load(files(tmp_path, GOOD, header=HEADER.replace("area_code,", "")))
    with pytest.raises(ConfigError, match="columns colour are unknown"):
        load(files(tmp_path, GOOD, header=HEADER + ",colour"))
    with pytest.raises(ConfigError, match=r"device-models.yaml: .*`kind`"):
        load(files(tmp_path, GOOD, models="models: {m: {protocol: HTTP}}"))
