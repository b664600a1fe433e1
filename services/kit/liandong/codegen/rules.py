"""The rules of the house for topic files: who may own, write and read, what makes a key, one home for every record.

Each problem comes with the place in the file that it is about; the caller knows the file and its lines.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from liandong.codegen.links import link_problems
from liandong.codegen.marks import Problem, line_in
from liandong.codegen.model import (
    TIERS,
    NamedType,
    RecordType,
    TopicFile,
    context_of,
    holds_encrypted,
    named_in,
    short_name,
)

SHARED = "common"
"""Context whose records every owner may publish in its own topics."""


def topic_problems(topic: TopicFile, stem: str, types: Mapping[str, NamedType]) -> Iterator[Problem]:
    """Yield what is wrong with one topic file, called `stem`.yaml."""
    if stem != topic.name:
        yield ("name",), f"the file must be called {topic.name}.yaml, so that a topic is declared once"
    yield from _ownership(topic)
    yield from _shape(topic)
    yield from _records(topic, types)
    yield from link_problems(topic, types)
    yield from _grants(topic, types)


def homeless(folder: Path, topics: Sequence[TopicFile], types: Mapping[str, NamedType]) -> list[str]:
    """Say which records are in more than one topic, or in none although no other record contains them.

    A record of the shared context is the same thing told by several owners, each in a topic of its own.
    """
    homes: dict[str, str] = {}
    problems = []
    for topic in topics:
        for number, entry in enumerate(topic.records):
            if homes.setdefault(entry.type, topic.name) != topic.name and context_of(entry.type) != SHARED:
                file = folder / f"topics/{topic.name}.yaml"
                line = line_in(file, ("records", number, "type"))
                problems.append(f"{file}:{line}: {entry.type} belongs to 2 topics, it is also in {homes[entry.type]}")
    records = [t for t in types.values() if isinstance(t, RecordType)]
    nested = {inner.name for record in records for field in record.fields for inner in named_in(field.type)}
    for record in records:
        if not (record.internal or record.full_name in homes or record.full_name in nested):
            file = folder / f"avro/{context_of(record.full_name)}/{short_name(record.full_name)}.avsc"
            problems.append(f"{file}:1: {record.full_name} belongs to no topic")
    return problems


def _ownership(topic: TopicFile) -> Iterator[Problem]:
    if topic.name.split(".")[0] != topic.owner:
        yield ("owner",), f"{topic.owner} cannot own a topic of another context"
    if topic.kind in ("fact", "state", "evidence") and topic.producers != (topic.owner,):
        yield ("producers",), f"only its owner {topic.owner} may write a {topic.kind} topic"
    if topic.kind == "evidence" and topic.consumers != (topic.owner,):
        yield ("consumers",), "an evidence topic is internal to its owner"
    if topic.kind == "request" and topic.owner not in topic.consumers:
        yield ("consumers",), "the owner must read its request topic"


def _shape(topic: TopicFile) -> Iterator[Problem]:
    if set(topic.partitions) != set(TIERS) or min(topic.partitions.values()) < 1:
        yield ("partitions",), f"partitions must give a count of at least 1 for each of {', '.join(TIERS)}"
    if (topic.kind == "state") != (topic.retention_hours is None):
        rule = "a state topic is compacted and has no retention_hours, every other kind must give them"
        yield ("retention_hours",), rule
    if topic.kind == "state" and len(topic.records) != 1:
        yield ("records",), "a state topic has exactly one full-state record, or compaction would eat the others"


def _records(topic: TopicFile, types: Mapping[str, NamedType]) -> Iterator[Problem]:
    told: set[str] = set()
    for number, entry in enumerate(topic.records):
        at = ("records", number, "type")
        record = types.get(entry.type)
        if entry.type in told:
            yield at, f"{entry.type} is given twice"
        told.add(entry.type)
        if not isinstance(record, RecordType):
            yield at, f"{entry.type} is not a declared record"
            continue
        if context_of(record.full_name) not in (topic.owner, SHARED):
            yield at, f"{entry.type} is declared in another context"
        if record.internal:
            yield at, f"{entry.type} is internal"
        encrypted = {f.name for f in record.fields if f.subject}  # its token differs each time it is written
        usable = {
            f.name for f in record.fields if f.type.kind in ("string", "enum") and not f.type.nullable
        } - encrypted
        for position, field in enumerate(topic.key):
            if field not in usable:
                rule = f"{entry.type} has no string or enum {field} for the key"
                yield ("key", position), rule + (", it is encrypted" if field in encrypted else "")


def _grants(topic: TopicFile, types: Mapping[str, NamedType]) -> Iterator[Problem]:
    """Yield what is wrong with who may read the topic's encrypted fields."""
    for number, name in enumerate(topic.clear):
        if name not in (*topic.producers, *topic.consumers):
            yield ("clear", number), f"{name} may read the encrypted fields but neither writes nor reads the topic"
    if topic.clear and not any(holds_encrypted(record.type, types) for record in topic.records):
        yield ("clear",), "no record of the topic has an encrypted field: nothing is there to be read in the clear"
