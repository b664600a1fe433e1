"""Schemas and topics on the real registry and broker: what the unit tests believe of them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import fastavro
import pytest
from liandong.errors import ConfigError, DecodeError
from liandong.settings import Settings
from liandong.wire import Registry, RegistryIds, TopicSpec, codec_of, ensure_topics, register_all
from liandong.wire.framing import header, schema_id_of
from liandong_contracts import topics
from liandong_contracts.base import schema_of
from liandong_contracts.common import DeviceKind, Quality
from liandong_contracts.sensing import Measurement, ReadingObserved

AT = datetime(2026, 7, 8, 10, 30, tzinfo=UTC)
MakeSettings = Callable[..., Settings]


def reading() -> ReadingObserved:
    measurement = Measurement(metric="rain_5min", value=4.5, unit="mm", observed_at=AT, quality=Quality.GOOD)
    return ReadingObserved(
        device_id="demo-rg-004",
        kind=DeviceKind.RAIN_GAUGE,
        measurements=(measurement,),
        received_at=AT,
        frame_ref="00" * 16,
    )


def changed(**field: Any) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(schema_of(ReadingObserved))
    schema["fields"].append({"doc": "New.", **field})
    return schema


def test_register_all_can_be_repeated_and_then_only_looked_up(settings: MakeSettings) -> None:
    register_all(settings(register_schemas=True))
    register_all(settings(register_schemas=True))
    register_all(settings(register_schemas=False))
    assert Registry(settings().registry_url).compatibility() == "FULL_TRANSITIVE"


def test_without_registration_a_missing_schema_stops_the_start(settings: MakeSettings) -> None:
    wire = topics.SENSING_READING.wire("district", settings().world)
    with pytest.raises(ConfigError, match="not registered under"):
        codec_of(settings(register_schemas=False)).prepare([(wire, ReadingObserved)])


def test_another_process_reads_what_one_wrote(settings: MakeSettings) -> None:
    wire = topics.SENSING_READING.wire("district", settings().world)
    value = codec_of(settings()).encode(wire, reading())
    assert codec_of(settings()).decode(value) == reading()
    with pytest.raises(DecodeError, match="UNKNOWN_SCHEMA"):
        codec_of(settings()).decode(header(schema_id_of(value) + 1_000_000) + value[5:])


def test_a_compatible_change_is_taken_and_read(settings: MakeSettings) -> None:
    wire = topics.SENSING_READING.wire("district", settings().world)
    register_all(settings())
    newer = changed(name="sensor_no", type=["null", "string"], default=None)
    schema_id = Registry(settings().registry_url).register(f"{wire}-{ReadingObserved.FULL_NAME}", json.dumps(newer))
    body = BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(newer), {**reading().to_avro(), "sensor_no": "7"})
    assert codec_of(settings()).decode(header(schema_id) + body.getvalue()) == reading()


def test_an_incompatible_change_is_refused(settings: MakeSettings) -> None:
    wire = topics.SENSING_READING.wire("district", settings().world)
    register_all(settings())
    registry = Registry(settings().registry_url)
    with pytest.raises(ConfigError, match="cannot read each other"):
        registry.register(f"{wire}-{ReadingObserved.FULL_NAME}", json.dumps(changed(name="must", type="string")))


def test_an_unknown_id_is_absent_not_an_error(settings: MakeSettings) -> None:
    assert RegistryIds(Registry(settings().registry_url), register=False).schema(1_000_000_000) is None


def test_a_wrong_address_is_not_taken_for_an_empty_registry(settings: MakeSettings) -> None:
    with pytest.raises(ConfigError):
        Registry(settings().registry_url + "/elsewhere").schema(1)


def test_topics_are_created_once_with_their_partitions(settings: MakeSettings) -> None:
    spec = TopicSpec(f"{settings().world}.district.sensing.trial.v1", 3, {"cleanup.policy": "compact"})
    assert ensure_topics(settings().bootstrap, [spec]) == [spec.name]
    assert ensure_topics(settings().bootstrap, [spec]) == []
    with pytest.raises(ConfigError, match="has 3 partitions, not 5"):
        ensure_topics(settings().bootstrap, [TopicSpec(spec.name, 5)])
