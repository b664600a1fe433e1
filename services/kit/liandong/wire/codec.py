"""Codec: a record to the bytes of a Kafka value and back. The hot path of every engine: nothing here does I/O,
except the first time that a schema id is seen."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import fastavro
from fastavro.validation import ValidationError, validate
from liandong_contracts.base import Record, unknown_symbol_watchers
from prometheus_client import Counter

from liandong.contracts import known_records
from liandong.errors import DecodeError, EncodeError
from liandong.privacy.wire import TOKENS, NotSealed
from liandong.settings import Settings
from liandong.wire.bodies import body_of, native, own_body
from liandong.wire.compiled import READ_ERRORS, Body
from liandong.wire.framing import HEADER_BYTES, header, schema_id_of
from liandong.wire.plan import Mismatch
from liandong.wire.registry import Registry
from liandong.wire.resolution import full_name_of, parsed_schema, same_bytes
from liandong.wire.schema_ids import RegistryIds, SchemaIds

UNKNOWN_SYMBOLS = Counter(
    "liandong_wire_unknown_symbols_total",
    "Enum symbols of a newer schema that were read as the enum's default",
    ["enum"],
)
DEFAULT_LIMIT = 1_000_000  # bytes of a value; Kafka takes a little more, for key and headers

Write = Callable[[Any, bytes], bytes]
Read = Callable[[bytes, int], Any]


def _count_unknown_symbol(enum: type[StrEnum], symbol: str) -> None:
    UNKNOWN_SYMBOLS.labels(enum.__name__).inc()


unknown_symbol_watchers.append(_count_unknown_symbol)


class Seal(Protocol):
    """Changes records on their way in and out: the encryption of personal fields.

    Asked once per record type. For a record that it does not touch it returns what it was given and costs nothing.
    """

    def writing(self, record: type[Record], write: Write) -> Write:
        """Return what seals and writes a record."""
        ...

    def reading(self, record: type[Record], read: Read) -> Read:
        """Return what reads and opens a record."""
        ...


class _Reading:
    """How values of one schema id are read; not at all, for the reason `why`, when `read` is None."""

    __slots__ = ("name", "read", "record", "why")

    def __init__(
        self, name: str, record: type[Record] | None = None, read: Read | None = None, why: tuple[str, str] = ("", "")
    ) -> None:
        self.name = name
        self.record = record
        self.read = read
        self.why = why


class Codec:
    """Encodes records under the schema id of their topic, decodes values of every version of every known record.

    `limit` is the most bytes that a value may have, in either direction. `in_c=False` forces the Python half.
    """

    def __init__(
        self,
        ids: SchemaIds,
        records: Mapping[str, type[Record]] | None = None,
        *,
        limit: int = DEFAULT_LIMIT,
        in_c: bool = True,
        seal: Seal = TOKENS,
    ) -> None:
        self._ids = ids
        self._records = known_records() if records is None else records
        self._limit = limit
        self._in_c = in_c and native is not None
        self._seal = seal
        self._writing: dict[tuple[str, type[Record]], tuple[bytes, Write]] = {}
        self._reading: dict[int, _Reading] = {}
        self._reads_after: dict[bytes, Read] = {}  # header -> what reads the body behind it
        self._programs: dict[int, Body] = {}  # what the C half may read without asking Python
        if self._in_c:
            frames = native.Frames(self._programs, self._decode, DecodeError, limit)
            self.decode = frames  # type: ignore[method-assign] # the same call without a Python frame
            self.decode_many = frames.many  # type: ignore[method-assign] # the same

    def prepare(self, pairs: Iterable[tuple[str, type[Record]]]) -> None:
        """Look up the ids of (topic on the wire, record) pairs now, so that no message has to wait for them.

        Raises Unavailable when the registry is away, ConfigError when it does not take or know a schema.
        """
        for topic, record in pairs:
            self._writer(topic, record)

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the value of a record on a topic, named as on the wire. Times are cut to milliseconds.

        Raises EncodeError when a field does not fit its schema or the value is too large; Unavailable and ConfigError
        like `prepare` the first time.
        """
        writing = self._writing.get((topic, type(record)))
        prefix, write = writing if writing is not None else self._writer(topic, type(record))
        try:
            value = write(record, prefix)
        except MemoryError:
            raise
        except Exception as error:  # a field of a wrong type makes a writer raise almost anything
            raise EncodeError(f"{record.FULL_NAME} for {topic}: {_what_is_wrong(record, error)}") from error
        if len(value) > self._limit:
            raise EncodeError(f"{record.FULL_NAME} for {topic}: {len(value)} bytes, the limit is {self._limit}")
        return value

    def encode_many(self, topic: str, records: Iterable[Record]) -> list[bytes]:
        """Return the values of records on a topic, like `encode`; the first that cannot be encoded raises."""
        encode = self.encode
        return [encode(topic, record) for record in records]

    def decode(self, value: bytes | None) -> Record:
        """Return the record in a value.

        Raises DecodeError, which keeps the value: BAD_FRAMING, TOO_LARGE, UNKNOWN_SCHEMA (an id that the registry does
        not know, or a record that this build does not have), UNDECODABLE; and Unavailable when a new id cannot be asked
        for.
        """
        if value is not None and len(value) <= self._limit:
            read = self._reads_after.get(value[:HEADER_BYTES])
            if read is not None:
                try:
                    record: Record = read(value, HEADER_BYTES)
                except READ_ERRORS as error:
                    return self._decode(value, error)
                return record
        return self._decode(value)

    def decode_many(self, values: Sequence[bytes | None]) -> list[Record | DecodeError | None]:
        """Return the record of each value of a batch: None for a tombstone, the DecodeError in place of a bad value.

        Raises Unavailable when a new id cannot be asked for: then the batch has to wait, or its order would be lost.
        """
        records: list[Record | DecodeError | None] = []
        for value in values:
            try:
                records.append(None if value is None else self.decode(value))
            except DecodeError as error:
                records.append(error)
        return records

    def type_of(self, value: bytes | None) -> type[Record] | None:
        """Return the record type of a value without reading its body; None when this build does not have it.

        Raises DecodeError (BAD_FRAMING, UNKNOWN_SCHEMA) and Unavailable like `decode`.
        """
        return self._reading_of(value).record

    def _decode(self, value: bytes | None, error: Exception | None = None) -> Record:
        """Read a value that is not plain; `error` is what has been found about its body already."""
        if value is not None and len(value) > self._limit:
            raise DecodeError("TOO_LARGE", f"{len(value)} bytes, the limit is {self._limit}", value)
        reading = self._reading_of(value)
        if reading.read is None or value is None:
            raise DecodeError(*reading.why, value)
        try:
            if error is not None:
                raise error
            record: Record = reading.read(value, HEADER_BYTES)
        except READ_ERRORS as problem:
            raise DecodeError("UNDECODABLE", f"not a {reading.name}: {problem!r}", value) from problem
        return record

    def _writer(self, topic: str, record: type[Record]) -> tuple[bytes, Write]:
        schema_id, body = self._ids.id_of(topic, record), own_body(record, in_c=self._in_c)
        self._reads(schema_id, record, body)
        write = self._seal.writing(record, body.encode)
        writing = self._writing[topic, record] = (header(schema_id), write)
        return writing

    def _reads(self, schema_id: int, record: type[Record], body: Body) -> _Reading:
        """Note how values of an id are read; by the C half alone when nothing is sealed."""
        plain = body.decode
        read = self._seal.reading(record, plain)
        if read is plain and self._in_c:
            self._programs[schema_id] = body
        self._reads_after[header(schema_id)] = read
        reading = self._reading[schema_id] = _Reading(record.FULL_NAME, record, read)
        return reading

    def _reading_of(self, value: bytes | None) -> _Reading:
        schema_id = schema_id_of(value)
        reading = self._reading.get(schema_id)
        return reading if reading is not None else self._learn(schema_id, value)

    def _learn(self, schema_id: int, value: bytes | None) -> _Reading:
        written = self._ids.schema(schema_id)
        if written is None:
            raise DecodeError("UNKNOWN_SCHEMA", f"the registry knows no schema {schema_id}", value)
        try:
            writer: Any = fastavro.parse_schema(written)
            name = full_name_of(writer)
            record = self._records.get(name)
            if record is None:
                missing = f"this build has no record {name or f'of schema {schema_id}'}"
                reading = _Reading(name, why=("UNKNOWN_SCHEMA", missing))
            elif same_bytes(writer, parsed_schema(record)):
                return self._reads(schema_id, record, own_body(record, in_c=self._in_c))
            else:
                return self._reads(schema_id, record, body_of(record, writer, in_c=self._in_c))
        except Mismatch as error:
            why = ("UNDECODABLE", f"schema {schema_id} cannot be read as this build's {name}: {error}")
            reading = _Reading(name, record, why=why)
        except Exception as error:  # a schema of another kind, broken, or nested beyond reason
            reading = _Reading("", why=("UNKNOWN_SCHEMA", f"schema {schema_id} is not usable Avro: {error!r}"[:500]))
        self._reading[schema_id] = reading
        return reading


def _what_is_wrong(record: Record, error: Exception) -> str:
    """Say which field does not fit, in the words of the Avro library where it finds it; of a personal one no value."""
    if isinstance(error, NotSealed):
        return str(error)
    try:
        validate(record.to_avro(), parsed_schema(type(record)))
    except ValidationError as found:
        return "; ".join(str(part) for part in found.errors)
    except Exception:  # the record is broken beyond that
        return repr(error)
    return repr(error)


def codec_of(settings: Settings) -> Codec:
    """Return a codec that asks the registry of the settings."""
    ids = RegistryIds(Registry(settings.registry_url), register=settings.register_schemas)
    return Codec(ids, limit=settings.max_value_bytes, in_c=settings.native_codec)
