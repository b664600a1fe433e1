"""What generated records and topics are made of. Hand-written; it must not know Kafka, a registry or a service."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, ClassVar, Literal, Self

import msgspec

Kind = Literal["fact", "state", "request", "evidence"]


class Record(msgspec.Struct, frozen=True):
    """One Avro record. Times are timezone-aware UTC datetimes, enums are StrEnums."""

    FULL_NAME: ClassVar[str] = ""

    def to_avro(self) -> dict[str, Any]:
        """Return the plain dictionary that an Avro writer takes."""
        raise TypeError(f"{type(self).__name__} is not a generated record")

    @classmethod
    def from_avro(cls, raw: Mapping[str, Any]) -> Self:
        """Build the record from what an Avro reader returns."""
        raise TypeError(f"{cls.__name__} is not a generated record")


class Topic(msgspec.Struct, frozen=True):
    """One declared topic: one aggregate, one key, one owner.

    `key` names the record fields that make the key, joined by "+"; `partitions` is fixed for the life of `.v1`;
    `park` says that later events of a key wait behind a dead letter of that key.
    """

    name: str
    kind: Kind
    owner: str
    key: tuple[str, ...]
    records: tuple[type[Record], ...]
    partitions: dict[str, int]
    retention_hours: int = 168
    park: bool = False

    def wire(self, tier: str, world: str = "") -> str:
        """Return the name on the wire, `district.sensing.reading.v1`, in the given world."""
        return f"{world}.{tier}.{self.name}.v1" if world else f"{tier}.{self.name}.v1"

    def key_of(self, record: Record) -> str:
        """Return the Kafka key of a record of this topic."""
        if len(self.key) == 1:
            return str(getattr(record, self.key[0]))
        return "+".join(str(getattr(record, field)) for field in self.key)


@cache
def schema_of(record: type[Record]) -> str:
    """Return the self-contained Avro schema (JSON text) that the record was generated from."""
    path = resources.files("liandong_contracts") / "avro" / f"{record.FULL_NAME}.avsc"
    return path.read_text(encoding="utf-8")
