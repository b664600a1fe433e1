"""One page per context: who writes and reads its topics, and every record field by field."""

from collections.abc import Iterator

from liandong.codegen.docs.text import (
    CLASSES,
    HEAD,
    condition_text,
    default_text,
    graph,
    kept,
    lane_text,
    table,
    type_text,
)
from liandong.codegen.examples import KINDS
from liandong.codegen.links import masked
from liandong.codegen.model import (
    TIERS,
    Contract,
    EnumType,
    RecordField,
    RecordType,
    TopicFile,
    TopicRecord,
    named_in,
    short_name,
)

SCHEMAS = "../../../schemas"
"""Where the declarations lie, seen from a page."""


def emit_context(contract: Contract, context: str) -> str:
    """Return the page of a context."""
    topics = [topic for topic in contract.topics if topic.owner == context]
    service = next((service for service in contract.services if service.service == context), None)
    parts = [HEAD, f"# {context}\n", "[All contexts and how to read this](../events.md)\n"]
    parts += [service.doc + "\n"] if service else []
    if topics:
        parts += ["## Who writes and who reads\n", _graph(topics), "## Topics\n", _overview(topics)]
        parts += [_topic(topic, contract) for topic in topics]
    nested, enums = list(_nested(contract, context)), contract.enums(context)
    parts += ["## Records inside records\n", *(_record(record, context) for record in nested)] if nested else []
    parts += ["## Code lists\n", *(_enum(enum, contract) for enum in enums)] if enums else []
    return "\n".join(parts)


def _graph(topics: list[TopicFile]) -> str:
    """Services on the left write, services on the right read; dotted where only a local copy is kept."""
    lines = [f"{name}_w([{name}])" for name in sorted({s for t in topics for s in t.producers})]
    lines += [f"{name}_r([{name}])" for name in sorted({s for t in topics for s in t.consumers})]
    for topic in topics:
        node = topic.constant.lower()
        lines.append(f'{node}["{topic.name}"]')
        lines += [f"{name}_w --> {node}" for name in topic.producers]
        lines += [f"{node} {'-.->' if topic.kind == 'state' else '-->'} {name}_r" for name in topic.consumers]
    return graph(lines)


def _overview(topics: list[TopicFile]) -> str:
    rows = []
    for t in topics:
        records = ", ".join(short_name(entry.type) for entry in t.records)
        cells = (f"[{t.name}](#{t.name.replace('.', '')})", t.kind, "+".join(t.key), kept(t.retention_hours))
        rows.append((*cells, ", ".join(t.producers), ", ".join(t.consumers), records))
    return table(("topic", "kind", "key", "kept", "written by", "read by", "records"), rows)


def _topic(topic: TopicFile, contract: Contract) -> str:
    counts = ", ".join(f"{tier} {topic.partitions[tier]}" for tier in TIERS)
    after = "later events of the key wait" if topic.after_dead_letter == "park" else "the key goes on"
    facts = [f"Kind: {topic.kind}.", f"Key: {'+'.join(topic.key)}.", f"Partitions: {counts}."]
    facts += [f"Kept: {kept(topic.retention_hours)}.", f"After a dead letter {after}.", f"Sharing: {topic.catalogue}."]
    parts = [f"### {topic.name}\n", topic.doc, "\n" + " ".join(facts) + "\n", _leaving(topic, contract)]
    for entry in topic.records:
        record = contract.types.get(entry.type)
        home = contract.home(entry.type)
        if isinstance(record, RecordType) and home is topic:
            parts.append(_record(record, topic.owner))
            parts.append(_examples(topic, entry))
        else:
            page = "" if home.owner == topic.owner else f"{home.owner}.md"
            said = f"[{home.name}]({page}#{home.name.replace('.', '')})"
            parts.append(f"{short_name(entry.type)} is described under {said}.\n")
    return "\n".join(parts)


def _examples(topic: TopicFile, entry: TopicRecord) -> str:
    stem = f"{SCHEMAS}/examples/{topic.name}/{short_name(entry.type)}"
    return f"Examples: {', '.join(f'[{kind}]({stem}-{kind}.json)' for kind in KINDS)}.\n"


def _leaving(topic: TopicFile, contract: Contract) -> str:
    rows = [_way(entry, contract) for entry in topic.records if entry.link]
    if not rows:
        return "Never leaves its tier.\n"
    return table(("leaves its tier", "way", "lane", "when", "without"), rows)


def _way(entry: TopicRecord, contract: Contract) -> tuple[str, ...]:
    record = contract.known.get(entry.type)
    if entry.link is None:
        return ()
    when = " and ".join(condition_text(name, condition) for name, condition in entry.link.when.items())
    hidden = masked(entry, record, contract.known) if isinstance(record, RecordType) else ()
    ways = ", ".join(sorted(entry.link.ways))
    return short_name(entry.type), ways, lane_text(entry.link.lane), when or "always", ", ".join(hidden)


def _nested(contract: Contract, context: str) -> Iterator[RecordType]:
    """Yield the records of a context that are in no topic but inside records that are."""
    published = {entry.type for topic in contract.topics for entry in topic.records}
    names: set[str] = set()
    ahead = list(published)
    while ahead:
        type_ = contract.types.get(ahead.pop())  # the platform's own pages have its types
        if isinstance(type_, RecordType):
            inner = {i.name for f in type_.fields for i in named_in(f.type) if i.kind == "record"} - names
            names |= inner
            ahead += inner
    for record in sorted(contract.records(context), key=lambda r: r.full_name):
        if record.full_name in names - published:
            yield record


def _record(record: RecordType, here: str) -> str:
    name = short_name(record.full_name)
    rows = []
    for field in record.fields:
        shown = type_text(field.type, here) + default_text(field)
        rows.append((field.name, shown, field.unit, field.doc + _personal(field)))
    said = f"{record.zh}. {record.doc}" if record.zh else record.doc
    head = f"#### {name}\n\n`{record.full_name}` {said}\n"
    return "\n".join([head, table(("field", "type", "unit", "meaning"), rows)])


def _personal(field: RecordField) -> str:
    if not field.pii:
        return ""
    whose = f" of {field.subject}" if field.subject else ""
    return f" Personal data{whose}: [{field.pii} {CLASSES[field.pii]}](../personal-data.md)."


def _enum(enum: EnumType, contract: Contract) -> str:
    symbols = ", ".join(f"`{symbol}`" for symbol in enum.symbols)
    found = [name for name, codes in contract.code_lists.items() if codes.enum == enum.full_name]
    listed = "".join(f"\n\nWhat each code means: [{name}]({SCHEMAS}/reference/{name}.yaml)." for name in found)
    return f"#### {short_name(enum.full_name)}\n\n`{enum.full_name}` {enum.doc}\n\n{symbols}{listed}\n"
