"""Real Avro bytes without a registry, for harnesses: the record's full name stands where the schema id would be."""

import io
import json
from functools import cache

from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.types import Schema
from liandong_contracts.base import Record, Topic, schema_of
from liandong_contracts.records import RECORDS

from liandong.errors import DecodeError


@cache
def _schema(record: type[Record]) -> Schema:
    return parse_schema(json.loads(schema_of(record)))


class MemoryCodec:
    """Encodes and decodes every generated record; wrong field types fail here as they would on Kafka."""

    def encode(self, topic: Topic, record: Record) -> bytes:
        """Return `0, full name, 0, Avro body`."""
        out = io.BytesIO(b"\0" + record.FULL_NAME.encode() + b"\0")
        out.seek(0, io.SEEK_END)
        schemaless_writer(out, _schema(type(record)), record.to_avro())
        return out.getvalue()

    def decode(self, value: bytes) -> Record:
        """Return the record; raises DecodeError for anything that `encode` does not write."""
        magic, _, rest = value.partition(b"\0")
        name, _, body = rest.partition(b"\0")
        record = RECORDS.get(name.decode("utf-8", "replace"))
        if magic or record is None:
            raise DecodeError("UNDECODABLE", f"{len(value)} bytes without a known record name")
        try:
            return record.from_avro(schemaless_reader(io.BytesIO(body), _schema(record), None))  # type: ignore[arg-type]
        except Exception as error:
            raise DecodeError("UNDECODABLE", f"{record.FULL_NAME}: {error!r}") from error
