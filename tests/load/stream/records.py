"""The benchmark's records and their codec: the product's own, under fixed schema ids instead of a registry's."""

import json
from enum import StrEnum
from typing import Any

from liandong.wire import Codec
from liandong_contracts.base import Record, Topic, schema_of
from liandong_contracts.kit import StateEnvelope

from tests.load.stream import workload

EIGHT = {"district": workload.PARTITIONS}


class Kind(StrEnum):
    AIR = "AIR"
    NOISE = "NOISE"
    TRAFFIC = "TRAFFIC"
    WATER = "WATER"


class Reading(Record, frozen=True):
    FULL_NAME = "bench.Reading"
    sensor_id: str
    district: str
    kind: Kind
    ts: int
    seq: int
    value: float
    lat: float
    lon: float
    battery: float | None
    ok: bool


class Sums(Record, frozen=True):
    FULL_NAME = "bench.Sums"
    count: int
    last: float
    total: float
    seq: int
    ts: int


class High(Record, frozen=True):
    FULL_NAME = "bench.High"
    sensor_id: str
    value: float
    count: int


HIGH = Topic("bench.high", "fact", "bench", ("sensor_id",), (High,), EIGHT)
_RECORDS: tuple[type[Record], ...] = (Reading, Sums, High, StateEnvelope)  # ids from 1, as in `workload.PREFIX`


class _Ids:
    """Gives each record its place in the list."""

    def id_of(self, topic: str, record: type[Record]) -> int:
        """Return the id of a record, the same on every topic."""
        return _RECORDS.index(record) + 1

    def schema(self, schema_id: int) -> Any | None:
        """Return the schema behind an id."""
        return json.loads(schema_of(_RECORDS[schema_id - 1])) if 0 < schema_id <= len(_RECORDS) else None


def codec() -> Codec:
    """Return the product's codec for these records."""
    return Codec(_Ids(), {record.FULL_NAME: record for record in _RECORDS})
