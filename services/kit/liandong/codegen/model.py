"""What the declarations say, typed: Avro types, topics and the whole contract. No files, no output formats."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from liandong_contracts.base import Kind
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Tier = Literal["district", "city", "community"]
TIERS: tuple[Tier, ...] = ("district", "city", "community")
SERVICES = ("sensing", "flood", "water", "fire", "dispatch", "emergency", "linkage", "ioc", "platform")
"""The platform's own services; a department's repository adds its own."""
Service = Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*$")]

Way = Literal["up", "down", "neighbour"]
Direction = Literal["up", "down", "both", "neighbour"]
Lane = Literal["P0", "P1", "P2", "P3"]
Plain = bool | int | float | str
_MOST_PARTITIONS = 1000
_LONGEST_H = 100 * 366 * 24
_CHINESE = r"[\u4e00-\u9fff]"


class Condition(BaseModel):
    """What the value of one field must be. Bounds are for numbers; an empty field meets no condition."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    at_most: int | float | None = None
    at_least: int | float | None = None
    equals: Plain | None = None
    one_of: list[str] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Condition":
        said = {name for name, value in self if value is not None}
        if len(said) != 1 and said != {"at_most", "at_least"}:
            raise ValueError("say one of at_most, at_least, equals, one_of, or at_least and at_most together")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"no value is at least {self.at_least} and at most {self.at_most}")
        return self

    def bounds(self) -> dict[str, float]:
        """Return the bounds that are given, by name."""
        given = {"at_most": self.at_most, "at_least": self.at_least}
        return {name: bound for name, bound in given.items() if bound is not None}

    def values(self) -> list[Plain]:
        """Return the values that are allowed; empty where bounds say it."""
        return [*self.one_of] if self.one_of else [] if self.equals is None else [self.equals]


class Link(BaseModel):
    """Which way a record type leaves its tier, how urgent it is there, which events of it, and what stays behind.

    `direction` is one way or a list of them; "both" is up and down.
    `when`: field -> condition, all of which must hold; without it every event leaves. `mask`: fields, dotted where they
    lie in a record inside, that are replaced before they leave; without it all that are marked P2 or P3.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    direction: Direction | Annotated[tuple[Way, ...], Field(min_length=1)]
    lane: Lane
    when: dict[str, Condition] = Field(default_factory=dict)
    mask: tuple[str, ...] | None = None

    @property
    def ways(self) -> frozenset[Way]:
        """The ways that it leaves by."""
        if self.direction == "both":
            return frozenset({"up", "down"})
        return frozenset({self.direction} if isinstance(self.direction, str) else self.direction)


def plain_text(text: str) -> str:
    """Return a text that may stand in generated code and tables. Raises ValueError for any other."""
    if not isinstance(text, str) or not text.isprintable():
        raise ValueError(f"{text!r} is not one line of text")
    if "\\" in text or '"""' in text or text.endswith('"'):
        raise ValueError(f"{text!r} has a backslash, three quotes or a quote at its end, which would end a Python text")
    return text


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    if twice := [name for number, name in enumerate(names) if name in names[:number]]:
        raise ValueError(f"{twice[0]} is given twice")
    return names


def _topic_name(name: str) -> str:
    if not re.fullmatch(r"[a-z]+\.[a-z]+(-[a-z]+)*(\.v([2-9]|[1-9][0-9]))?", name):
        raise ValueError(f"{name!r} is no topic name: <context>.<aggregate> in lower case, '-' inside words, never '_'")
    return name


class TopicRecord(BaseModel):
    """One record type of a topic; without a link rule it never leaves the tier."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str = Field(pattern=r"^[a-z][a-z0-9]*(\.[a-z][a-z0-9]*)+\.[A-Z][A-Za-z0-9]*$")
    link: Link | None = None


class TopicFile(BaseModel):
    """One file of schemas/topics: one aggregate, one key, one owner."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, AfterValidator(_topic_name)]
    doc: Annotated[str, AfterValidator(plain_text)] = Field(min_length=1)
    kind: Kind
    owner: Service
    key: Annotated[tuple[str, ...], AfterValidator(_once)] = Field(min_length=1)
    records: tuple[TopicRecord, ...] = Field(min_length=1)
    partitions: dict[Tier, Annotated[int, Field(strict=True, le=_MOST_PARTITIONS)]]
    retention_hours: int | None = Field(
        None, ge=1, le=_LONGEST_H, description="not for state topics, which are compacted"
    )
    producers: Annotated[tuple[Service, ...], AfterValidator(_once)] = Field(min_length=1)
    consumers: Annotated[tuple[Service, ...], AfterValidator(_once)] = Field(min_length=1)
    clear: tuple[Service, ...] = Field((), description="services that may read the encrypted fields, each read audited")
    catalogue: Literal["UNCONDITIONAL", "CONDITIONAL", "NEGATIVE"]
    after_dead_letter: Literal["park", "go-on"]

    @property
    def constant(self) -> str:
        """Return the name of its Python constant."""
        return self.name.replace(".", "_").replace("-", "_").upper()


class StateEntry(BaseModel):
    """A keyed state of a stream process; its changelog has as many partitions as the topics that feed it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z]+(-[a-z]+)*$")
    record: str
    inputs: tuple[str, ...] = Field(min_length=1)


class Process(BaseModel):
    """One kind of process of a service.

    `group` is what the names of its consumer group, transactional ids and internal topics begin with; the service's
    own name, unless two processes of a service would then share them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z]+(-[a-z]+)*$")
    kind: Literal["stream", "workflow", "edge"]
    doc: str = Field(min_length=1)
    group: str = ""
    states: tuple[StateEntry, ...] = ()


class ServiceFile(BaseModel):
    """One file of schemas/services: the processes of a service. What it reads and writes is in the topic files.

    `reads` is for a department's service: the topics of the platform that it consumes, whose files it cannot change.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: Service
    doc: str = Field(min_length=1)
    processes: tuple[Process, ...] = Field(min_length=1)
    reads: tuple[str, ...] = ()

    def groups(self, kind: str) -> list[tuple[str, Process]]:
        """Return the processes of a kind with the group that each belongs to."""
        return [(process.group or self.service, process) for process in self.processes if process.kind == kind]


@dataclass(frozen=True)
class EnumType:
    """An Avro enum; its first symbol is the default."""

    full_name: str
    doc: str
    symbols: tuple[str, ...]
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class FieldType:
    """A field's type in the subset that the platform uses.

    `kind` is a primitive name, "timestamp", "enum", "record", "array" or "map"; `name` is the full name of an enum or
    record; `item` is the element type of an array or map.
    """

    kind: str
    nullable: bool = False
    name: str = ""
    item: "FieldType | None" = None


@dataclass(frozen=True)
class RecordField:
    """One field of a record. `subject` names the field with the id of whose data it is, where it is encrypted."""

    name: str
    type: FieldType
    doc: str
    unit: str = ""
    pii: str = ""
    subject: str = ""
    has_default: bool = False
    default: Any = None


@dataclass(frozen=True)
class RecordType:
    """An Avro record. `internal` ones are states and envelopes that no topic file lists."""

    full_name: str
    doc: str
    zh: str
    fields: tuple[RecordField, ...]
    internal: bool
    raw: Mapping[str, Any]


class Code(BaseModel):
    """One code and what it means."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    code: str = Field(min_length=1)
    zh: str = Field(pattern=_CHINESE)
    en: str = Field(min_length=1)
    note: str = ""


class CodeList(BaseModel):
    """One file. `enum` is the full name of the enum with the same codes; `pattern` the form of codes not listed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    zh: str = Field(pattern=_CHINESE)
    en: str = Field(min_length=1)
    doc: str = Field(pattern=r"\.$")
    source: str = Field(min_length=1)
    enum: str = ""
    pattern: str = ""
    codes: list[Code] = Field(min_length=1)


NamedType = EnumType | RecordType


@dataclass(frozen=True)
class Contract:
    """Everything that is declared: named types in dependency order, topics and services by name.

    `module` is the package that is generated from it; `foreign` are types of the platform that a department
    refers to, `foreign_topics` the topics of the platform that its services may read, `code_lists` by file name.
    """

    types: Mapping[str, NamedType]
    topics: tuple[TopicFile, ...]
    module: str = "liandong_contracts"
    services: tuple[ServiceFile, ...] = ()
    foreign: Mapping[str, NamedType] = field(default_factory=dict)
    foreign_topics: tuple[TopicFile, ...] = ()
    code_lists: Mapping[str, CodeList] = field(default_factory=dict)

    def enums(self, context: str | None = None) -> list[EnumType]:
        """Return the enums, of one context if given, by name."""
        found = [t for t in self.types.values() if isinstance(t, EnumType)]
        return sorted((t for t in found if context in (None, context_of(t.full_name))), key=lambda t: t.full_name)

    def records(self, context: str | None = None) -> list[RecordType]:
        """Return the records, of one context if given, each after the records that it contains."""
        found = [t for t in self.types.values() if isinstance(t, RecordType)]
        return [t for t in found if context in (None, context_of(t.full_name))]

    def module_of(self, full_name: str) -> str:
        """Return the module that a type's class is imported from."""
        package = "liandong_contracts" if full_name in self.foreign else self.module
        return f"{package}.{context_of(full_name)}"

    def schemas(self) -> dict[str, Mapping[str, Any]]:
        """Return the schema of every type that can be referred to, full name -> as its file says."""
        return {name: type_.raw for name, type_ in {**self.foreign, **self.types}.items()}

    def contexts(self) -> list[str]:
        """Return the contexts that declare a type, by name."""
        return sorted({context_of(name) for name in self.types})

    @property
    def known(self) -> dict[str, NamedType]:
        """Every type that can be referred to, by full name."""
        return {**self.foreign, **self.types}

    def home(self, full_name: str) -> TopicFile:
        """Return the first topic that carries a record, under which the reference describes it."""
        return next(topic for topic in self.topics if full_name in {entry.type for entry in topic.records})

    def published_contexts(self) -> list[str]:
        """Return the contexts with a topic, or with types that other contexts' records contain."""
        owners = {topic.owner for topic in self.topics}
        outer = [t for t in self.types.values() if isinstance(t, RecordType) and not t.internal]
        used = {i.name for record in outer for f in record.fields for i in named_in(f.type) if i.name in self.types}
        return sorted(owners | {context_of(name) for name in used})


def context_of(full_name: str) -> str:
    """Return `sensing` of `liandong.sensing.ReadingObserved`."""
    return full_name.split(".")[-2]


def short_name(full_name: str) -> str:
    """Return `ReadingObserved` of `liandong.sensing.ReadingObserved`."""
    return full_name.rsplit(".", 1)[1]


def named_in(type_: FieldType) -> Iterator[FieldType]:
    """Yield the enum or record that a field's type leads to, through arrays and maps."""
    if type_.item is not None:
        yield from named_in(type_.item)
    elif type_.name:
        yield type_


def holds_encrypted(name: str, types: Mapping[str, NamedType]) -> bool:
    """Say whether a record has an encrypted field, itself or in a record inside."""
    record = types.get(name)
    if not isinstance(record, RecordType):
        return False
    inner = (found.name for field in record.fields for found in named_in(field.type))
    return any(field.subject for field in record.fields) or any(holds_encrypted(each, types) for each in inner)
