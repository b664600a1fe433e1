"""A gateway and a judge on real Kafka, with a few fictional devices."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from liandong.settings import Settings
from liandong.wire import register_all
from liandong_contracts import topics

from tests.integration.sensing.processes import Process
from tests.support.events import Events

DEVICES = """device_id,name,model,native_id,area_code,owner_dept,object_id
WL01,示例隧道,waterlog,9901010001,990101001,示例水务局,OBJ-1
WL02,示例路口,waterlog,9901010002,990101001,示例水务局,
RG01,示例雨量站,rain,9901010101,990101002,示例水务局,
"""
MODELS = """
models:
  waterlog:
    kind: WATERLOG
    protocol: SL651
    report_interval_s: 600
    metrics:
      - {metric: water_depth, unit: cm, source: "39", scale: 100, lo: 0, hi: 300, limit: 27, max_step: 50}
  rain:
    kind: RAIN_GAUGE
    protocol: SL651
    report_interval_s: 600
    metrics:
      - {metric: rain_5min, unit: mm, source: "22", lo: 0, hi: 30}
      - {metric: rain_total, unit: mm, source: "26", lo: 0}
"""


@pytest.fixture
def world_settings(settings: Callable[..., Settings]) -> Settings:
    """Return settings of a world whose topics and schemas exist."""
    made = settings()
    register_all(made)
    return made


@pytest.fixture
def gateway(world_settings: Settings, tmp_path: Path) -> Iterator[Process]:
    """Run a gateway."""
    (tmp_path / "devices.csv").write_text(DEVICES, encoding="utf-8")
    (tmp_path / "device-models.yaml").write_text(MODELS, encoding="utf-8")
    process = Process("gateway", world_settings, tmp_path)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def judge(world_settings: Settings, gateway: Process, tmp_path: Path) -> Iterator[Process]:
    """Run a judge; the gateway has registered the devices before."""
    process = Process("judge", world_settings, tmp_path)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def events(world_settings: Settings) -> Iterator[Events]:
    """Read everything that sensing publishes."""
    reader = Events(
        world_settings,
        topics.SENSING_REPORT,
        topics.SENSING_REJECTED,
        topics.SENSING_READING,
        topics.SENSING_ALARM,
        topics.SENSING_DEVICE_ALARM,
        topics.SENSING_DEVICE,
        topics.SENSING_DEVICE_STATE,
    )
    yield reader
    reader.close()
