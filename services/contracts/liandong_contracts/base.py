"""What generated records and topics are made of. Hand-written; it must not know Kafka, a registry or a service."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

import msgspec

Kind = Literal["fact", "state", "request", "evidence"]
E = TypeVar("E", bound=StrEnum)

MASK = "***"
"""What is shown of a personal field. Fixed: whatever part of the value it showed would outlive the erasure."""

_LATER = re.compile(r"\.v[0-9]+$")

unknown_symbol_watchers: list[Callable[[type[StrEnum], str], None]] = []
"""Called with the enum and the symbol each time a symbol of a newer schema becomes the enum's default."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One Avro record. Times are timezone-aware UTC datetimes, enums are StrEnums, arrays are tuples.

    Records hold plain values only and so can never be part of a reference cycle: the garbage collector skips them.
    `PII` names the fields that are encrypted on the wire, as (field, class P2 or P3, field with the subject's id); what
    they hold is never shown when a record is printed.
    """

    FULL_NAME: ClassVar[str] = ""
    PII: ClassVar[tuple[tuple[str, str, str], ...]] = ()

    def __repr__(self) -> str:
        """Show the fields; personal ones only as being there."""
        hidden = {field for field, _, _ in self.PII}
        shown = ((name, getattr(self, name)) for name in self.__struct_fields__)
        text = ", ".join(
            f"{name}={MASK!r}" if name in hidden and value else f"{name}={value!r}" for name, value in shown
        )
        return f"{type(self).__name__}({text})"

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
    `producers` and `consumers` are services; `clear` the services that may read personal fields; `park` says that later
    events of a key wait behind a dead letter of that key.
    """

    name: str
    kind: Kind
    owner: str
    key: tuple[str, ...]
    records: tuple[type[Record], ...]
    partitions: dict[str, int]
    retention_hours: int = 168
    park: bool = False
    producers: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()

    def wire(self, tier: str, world: str = "") -> str:
        """Return the name on the wire, `district.sensing.reading.v1`, in the given world."""
        name = f"{tier}.{versioned(self.name)}"
        return f"{world}.{name}" if world else name

    def key_of(self, record: Record) -> str:
        """Return the Kafka key of a record of this topic."""
        if len(self.key) == 1:
            return str(getattr(record, self.key[0]))
        return "+".join(str(getattr(record, field)) for field in self.key)

    def config(self) -> dict[str, str]:
        """Return the topic's Kafka configuration."""
        return topic_config(self.kind, self.retention_hours)


def versioned(name: str) -> str:
    """Return a topic's name with its version: `.v1` unless the declared name ends in a later one, `tree.felled.v2`."""
    return name if _LATER.search(name) else f"{name}.v1"


def topic_config(kind: Kind, retention_hours: int) -> dict[str, str]:
    """Return the Kafka configuration of a kind of topic: a state is compacted, everything else expires."""
    if kind == "state":
        return {"cleanup.policy": "compact"}
    return {"cleanup.policy": "delete", "retention.ms": str(retention_hours * 3_600_000)}


class Symbols(dict[str, E], Generic[E]):
    """Symbol -> member of one enum, several times faster than calling the enum.

    A symbol that this build does not know becomes the enum's default, its first member, and the watchers are told.
    """

    def __init__(self, enum: type[E]) -> None:
        super().__init__({member.value: member for member in enum})
        self._enum = enum
        self._default = next(iter(enum))

    def __missing__(self, symbol: str) -> E:
        for watcher in unknown_symbol_watchers:
            watcher(self._enum, symbol)
        return self._default


_symbols: dict[type[StrEnum], Symbols[Any]] = {}


def symbols(enum: type[E]) -> Symbols[E]:
    """Return the symbol table of an enum; one per enum."""
    return _symbols.setdefault(enum, Symbols(enum))


@cache
def schema_of(record: type[Record]) -> str:
    """Return the self-contained Avro schema (JSON text) that the record was generated from."""
    package = record.__module__.rpartition(".")[0]  # ours, or a department's own
    path = resources.files(package) / "avro" / f"{record.FULL_NAME}.avsc"
    return path.read_text(encoding="utf-8")
