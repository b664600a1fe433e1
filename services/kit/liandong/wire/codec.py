"""Codec: a record to the bytes of a Kafka value and back. The hot path of every engine: nothing here does I/O,
except the first time that a schema id is seen."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import fastavro
from liandong_contracts.base import Record, unknown_symbol_watchers
from prometheus_client import Counter

from liandong.contracts import known_records
from liandong.errors import DecodeError
from liandong.settings import Settings
from liandong.wire.compiled import Read, Write, body_functions
from liandong.wire.framing import HEADER_BYTES, header, schema_id_of
from liandong.wire.registry import Registry
from liandong.wire.resolution import full_name_of, library_reader, parsed_schema, same_bytes
from liandong.wire.schema_ids import RegistryIds, SchemaIds

UNKNOWN_SYMBOLS = Counter(
    "liandong_wire_unknown_symbols_total",
    "Enum symbols of a newer schema that were read as the enum's default",
    ["enum"],
)


def _count_unknown_symbol(enum: type[StrEnum], symbol: str) -> None:
    UNKNOWN_SYMBOLS.labels(enum.__name__).inc()


unknown_symbol_watchers.append(_count_unknown_symbol)


class _Reading:
    """How values of one schema id are read; not at all when this build does not have the record."""

    __slots__ = ("name", "read", "record")

    def __init__(self, name: str, record: type[Record] | None = None, read: Read | None = None) -> None:
        self.name = name
        self.record = record
        self.read = read


class Codec:
    """Encodes records under the schema id of their topic, decodes values of every version of every known record."""

    def __init__(self, ids: SchemaIds, records: Mapping[str, type[Record]] | None = None) -> None:
        self._ids = ids
        self._records = known_records() if records is None else records
        self._writing: dict[tuple[str, type[Record]], tuple[bytes, Write]] = {}
        self._reading: dict[int, _Reading] = {}

    def prepare(self, pairs: Iterable[tuple[str, type[Record]]]) -> None:
        """Look up the ids of (topic on the wire, record) pairs now, so that no message has to wait for them.

        Raises Unavailable when the registry is away, ConfigError when it does not take or know a schema.
        """
        for topic, record in pairs:
            self._writer(topic, record)

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the value of a record on a topic, named as on the wire. Times are cut to milliseconds."""
        writing = self._writing.get((topic, type(record)))
        prefix, write = writing if writing is not None else self._writer(topic, type(record))
        try:
            return prefix + write(record)
        except Exception as error:
            error.add_note(f"while encoding {record!r} for {topic}")
            raise

    def decode(self, value: bytes | None) -> Record:
        """Return the record in a value.

        Raises DecodeError: BAD_FRAMING, UNKNOWN_SCHEMA (an id that the registry does not know, or a record that this
        build does not have), UNDECODABLE; and Unavailable when a new id cannot be asked for.
        """
        reading = self._reading_of(value)
        if reading.read is None or value is None:
            raise DecodeError("UNKNOWN_SCHEMA", f"this build has no record {reading.name}")
        try:
            record: Record
            record, end = reading.read(value, HEADER_BYTES)
        except Exception as error:  # garbage makes a reader raise almost anything
            raise DecodeError("UNDECODABLE", f"not a {reading.name}: {error!r}") from error
        if end != len(value):
            raise DecodeError("UNDECODABLE", f"a {reading.name} ends at byte {end} of {len(value)}")
        return record

    def type_of(self, value: bytes | None) -> type[Record] | None:
        """Return the record type of a value without reading its body; None when this build does not have it.

        Raises DecodeError (BAD_FRAMING, UNKNOWN_SCHEMA) and Unavailable like `decode`.
        """
        return self._reading_of(value).record

    def _writer(self, topic: str, record: type[Record]) -> tuple[bytes, Write]:
        schema_id, (write, read) = self._ids.id_of(topic, record), body_functions(record)
        self._reading.setdefault(schema_id, _Reading(record.FULL_NAME, record, read))
        writing = self._writing[topic, record] = (header(schema_id), write)
        return writing

    def _reading_of(self, value: bytes | None) -> _Reading:
        schema_id = schema_id_of(value)
        reading = self._reading.get(schema_id)
        return reading if reading is not None else self._learn(schema_id)

    def _learn(self, schema_id: int) -> _Reading:
        written = self._ids.schema(schema_id)
        if written is None:
            raise DecodeError("UNKNOWN_SCHEMA", f"the registry knows no schema {schema_id}")
        try:
            writer: Any = fastavro.parse_schema(written)
        except Exception as error:  # a schema of another kind, or broken
            raise DecodeError("UNKNOWN_SCHEMA", f"schema {schema_id} is not usable Avro: {error!r}") from error
        name = full_name_of(writer)
        record = self._records.get(name)
        if record is None:
            reading = _Reading(name or f"schema {schema_id}")
        elif same_bytes(writer, parsed_schema(record)):
            reading = _Reading(name, record, body_functions(record)[1])
        else:
            reading = _Reading(name, record, library_reader(record, writer))
        self._reading[schema_id] = reading
        return reading


def codec_of(settings: Settings) -> Codec:
    """Return a codec that asks the registry of the settings."""
    return Codec(RegistryIds(Registry(settings.registry_url), register=settings.register_schemas))
