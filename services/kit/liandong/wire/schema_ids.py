"""Where schema ids come from: this cluster's registry, or a fixed list for tests and harnesses."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from liandong_contracts.base import Record, schema_of

from liandong.contracts import known_records
from liandong.wire.registry import Registry

_ABSENT_FOR_S = 30.0


class SchemaIds(Protocol):
    """Gives the id to write with, and the schema that an id stands for."""

    def id_of(self, topic: str, record: type[Record]) -> int:
        """Return the id under which `record` is written to a topic, named as on the wire."""
        ...

    def schema(self, schema_id: int) -> Any | None:
        """Return the schema (parsed JSON) behind an id, None when there is none."""
        ...


class RegistryIds:
    """Ids of a registry with the Confluent API; subjects by TopicRecordNameStrategy, `<wire topic>-<full name>`."""

    def __init__(self, registry: Registry, *, register: bool, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._register = register
        self._monotonic = monotonic
        self._absent: dict[int, float] = {}

    def id_of(self, topic: str, record: type[Record]) -> int:
        """Register the record's schema, or look it up where registration is off.

        Raises ConfigError when the registry refuses or does not know it, Unavailable when it is away.
        """
        subject = f"{topic}-{record.FULL_NAME}"
        if self._register:
            return self._registry.register(subject, schema_of(record))
        return self._registry.look_up(subject, schema_of(record))

    def schema(self, schema_id: int) -> Any | None:
        """Ask the registry; that an id is unknown is remembered for half a minute, so garbage does not flood it."""
        known_absent = self._absent.get(schema_id)
        if known_absent is not None and self._monotonic() - known_absent < _ABSENT_FOR_S:
            return None
        text = self._registry.schema(schema_id)
        if text is None:
            self._absent[schema_id] = self._monotonic()
            return None
        self._absent.pop(schema_id, None)
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text  # not JSON, or nested beyond reason: the codec says so


class LocalIds:
    """Ids without a registry: every generated record has one, in the order of their names; `add` takes others."""

    def __init__(self, records: Mapping[str, type[Record]] | None = None) -> None:
        records = known_records() if records is None else records
        self._records = [records[name] for name in sorted(records)]
        self._ids = {name: number for number, name in enumerate(sorted(records), start=1)}
        self._added: list[Any] = []

    def id_of(self, topic: str, record: type[Record]) -> int:
        """Return the record's id, the same on every topic."""
        return self._ids[record.FULL_NAME]

    def schema(self, schema_id: int) -> Any | None:
        """Return the schema behind an id."""
        if 0 < schema_id <= len(self._records):
            return json.loads(schema_of(self._records[schema_id - 1]))
        number = schema_id - len(self._records) - 1
        return self._added[number] if 0 <= number < len(self._added) else None

    def add(self, schema: Any) -> int:
        """Take in a further schema, as another version of a service would have registered it; return its id."""
        self._added.append(schema)
        return len(self._records) + len(self._added)
