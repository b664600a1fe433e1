"""Read schemas/topics, hold the files against the rules of the house, and write the topic constants."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml
from liandong_contracts.base import topic_config
from pydantic import ValidationError

from liandong.codegen.links import link_problems
from liandong.codegen.model import TIERS, Contract, NamedType, RecordType, TopicFile, context_of, named_in, short_name
from liandong.errors import ConfigError

SHARED = "common"
"""Context whose records every owner may publish in its own topics."""


def load_topics(folder: Path, types: Mapping[str, NamedType]) -> tuple[TopicFile, ...]:
    """Return all declared topics by name. Raises ConfigError naming the file and what is wrong with it."""
    topics = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            topic = TopicFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (ValidationError, yaml.YAMLError) as error:
            raise ConfigError(f"{path}: {error}") from error
        problems = [f"the file must be called {topic.name}.yaml"] if path.stem != topic.name else []
        problems += _ownership(topic) + _shape(topic) + _keys(topic, types)
        if problems:
            raise ConfigError(f"{path}: {'; '.join(problems)}")
        topics.append(topic)
    return tuple(sorted(topics, key=lambda topic: topic.name))


def homeless(topics: Sequence[TopicFile], types: Mapping[str, NamedType]) -> list[str]:
    """Say which records are in more than one topic, or in none although no other record contains them.

    A record of the shared context is the same thing told by several owners, each in a topic of its own.
    """
    homes = Counter(record.type for topic in topics for record in topic.records)
    records = [t for t in types.values() if isinstance(t, RecordType)]
    nested = {inner.name for record in records for field in record.fields for inner in named_in(field.type)}
    twice = [f"{n} belongs to {count} topics" for n, count in homes.items() if count > 1 and context_of(n) != SHARED]
    none = [r.full_name for r in records if not (r.internal or r.full_name in homes or r.full_name in nested)]
    return twice + [f"{name} belongs to no topic" for name in none]


def _ownership(topic: TopicFile) -> list[str]:
    problems = []
    if topic.name.split(".")[0] != topic.owner:
        problems.append(f"{topic.owner} cannot own a topic of another context")
    if topic.kind in ("fact", "state", "evidence") and topic.producers != (topic.owner,):
        problems.append(f"only its owner {topic.owner} may write a {topic.kind} topic")
    if topic.kind == "evidence" and topic.consumers != (topic.owner,):
        problems.append("an evidence topic is internal to its owner")
    if topic.kind == "request" and topic.owner not in topic.consumers:
        problems.append("the owner must read its request topic")
    if topic.kind == "evidence" and any(record.link for record in topic.records):
        problems.append("an evidence topic has no link rules")
    return problems


def _shape(topic: TopicFile) -> list[str]:
    problems = []
    if set(topic.partitions) != set(TIERS) or min(topic.partitions.values()) < 1:
        problems.append(f"partitions must give a count of at least 1 for each of {', '.join(TIERS)}")
    if (topic.kind == "state") != (topic.retention_hours is None):
        problems.append("a state topic is compacted and has no retention_hours, every other kind must give them")
    if topic.kind == "state" and len(topic.records) != 1:
        problems.append("a state topic has exactly one full-state record, or compaction would eat the others")
    return problems


def _keys(topic: TopicFile, types: Mapping[str, NamedType]) -> list[str]:
    problems = []
    for entry in topic.records:
        record = types.get(entry.type)
        if not isinstance(record, RecordType):
            problems.append(f"{entry.type} is not a declared record")
            continue
        if context_of(record.full_name) not in (topic.owner, SHARED):
            problems.append(f"{entry.type} is declared in another context")
        if record.internal:
            problems.append(f"{entry.type} is internal")
        usable = {f.name for f in record.fields if f.type.kind in ("string", "enum") and not f.type.nullable}
        missing = [field for field in topic.key if field not in usable]
        problems += [f"{entry.type} has no string or enum {field} for the key" for field in missing]
        problems += link_problems(entry, record, types)
    return problems


def emit_topics(contract: Contract) -> str:
    """Return the Python module of topic constants."""
    by_context: dict[str, list[str]] = {}
    for topic in contract.topics:
        for entry in topic.records:
            by_context.setdefault(context_of(entry.type), []).append(short_name(entry.type))
    lines = [
        '"""Every declared topic. Generated by `liandong gen` from schemas/topics, do not edit."""',
        "",
        *sorted(_imports(contract, sorted(by_context))),
    ]
    for topic in contract.topics:
        lines += ["", *_constant(topic), f'"""{topic.doc}"""']
    lines += ["", "ALL: tuple[Topic, ...] = (", *(f"    {t.constant}," for t in contract.topics), ")"]
    lines += ['"""All topics by name."""', ""]
    return "\n".join(lines)


def _imports(contract: Contract, contexts: Sequence[str]) -> Iterator[str]:
    yield "from liandong_contracts.base import Topic"
    if contexts:
        yield f"from {contract.module} import {', '.join(contexts)}"


def _constant(topic: TopicFile) -> list[str]:
    records = [f"{context_of(entry.type)}.{short_name(entry.type)}" for entry in topic.records]
    tiers = ", ".join(f'"{tier}": {topic.partitions[tier]}' for tier in TIERS)
    lines = [
        f"{topic.constant} = Topic(",
        f'    name="{topic.name}",',
        f'    kind="{topic.kind}",',
        f'    owner="{topic.owner}",',
        f"    key={_tuple(topic.key)},",
        *_lines_of_tuple("records", records),
        f"    partitions={{{tiers}}},",
        f"    producers={_tuple(topic.producers)},",
        f"    consumers={_tuple(topic.consumers)},",
    ]
    if topic.retention_hours is not None:
        lines.append(f"    retention_hours={topic.retention_hours},")
    if topic.after_dead_letter == "park":
        lines.append("    park=True,")
    return [*lines, ")"]


def _lines_of_tuple(name: str, items: Sequence[str]) -> list[str]:
    if len(items) == 1:
        return [f"    {name}=({items[0]},),"]
    return [f"    {name}=(", *(f"        {item}," for item in items), "    ),"]


def _tuple(words: Sequence[str]) -> str:
    quoted = ", ".join(f'"{word}"' for word in words)
    return f"({quoted},)" if len(words) == 1 else f"({quoted})"


def emit_manifests(contract: Contract) -> dict[str, str]:
    """Return Strimzi KafkaTopic manifests, `<tier>/<context>.yaml` -> text."""
    return {
        f"{tier}/{context}.yaml": _manifest(tier, [t for t in contract.topics if t.owner == context])
        for tier in TIERS
        for context in sorted({t.owner for t in contract.topics})
    }


def _manifest(tier: str, topics: Sequence[TopicFile]) -> str:
    documents = []
    for topic in topics:
        body = {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaTopic",
            "metadata": {"name": f"{tier}.{topic.name}.v1", "labels": {"strimzi.io/cluster": "liandong"}},
            "spec": {
                "partitions": dict(topic.partitions)[tier],  # type: ignore[index]
                "config": topic_config(topic.kind, topic.retention_hours or 0),
            },
        }
        documents.append(yaml.safe_dump(body, sort_keys=False, allow_unicode=True))
    head = "# Generated by `liandong gen` from schemas/topics, do not edit. Replicas: the cluster's default.\n"
    return head + "---\n".join(documents)
