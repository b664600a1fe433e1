"""Records of the stream benchmark, their schemas beside them in `avro/`, and the kit's codec for them."""

from enum import StrEnum

from liandong.wire.codec import Codec
from liandong.wire.schema_ids import LocalIds
from liandong_contracts.base import Record, Topic
from liandong_contracts.kit import StateEnvelope

from tests.load.stream.workload import PARTITIONS


class Kind(StrEnum):
    UNKNOWN = "UNKNOWN"
    AIR = "AIR"
    NOISE = "NOISE"
    TRAFFIC = "TRAFFIC"


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


class Step(Record, frozen=True):
    FULL_NAME = "bench.Step"
    key: str
    number: str


class Passed(Record, frozen=True):
    FULL_NAME = "bench.Passed"
    count: int


RECORDS: dict[str, type[Record]] = {
    record.FULL_NAME: record for record in (Reading, Sums, High, Step, Passed, StateEnvelope)
}
EIGHT = {"district": PARTITIONS}
HIGH = Topic("bench.high", "fact", "bench", ("sensor_id",), (High,), EIGHT)


def codec() -> Codec:
    """Return the kit's codec with fixed schema ids; Reading has the id that the workload writes."""
    return Codec(LocalIds(RECORDS), RECORDS)
