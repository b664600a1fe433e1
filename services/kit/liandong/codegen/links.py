"""Link rules: what may leave a tier, when, and without which fields. Checks the declared ones and writes them as data.

It moves no event: that is the work of the linkage service.
"""

from collections.abc import Iterator, Mapping

from liandong.codegen.marks import At, Problem
from liandong.codegen.model import (
    Condition,
    Contract,
    EnumType,
    FieldType,
    Link,
    NamedType,
    RecordField,
    RecordType,
    Tier,
    TopicFile,
    TopicRecord,
    Way,
    context_of,
    short_name,
)

PEERS: dict[str, Way] = {"upper": "up", "lower": "down", "neighbour": "neighbour"}
TIERS_FROM_ABOVE: tuple[Tier, ...] = ("city", "district", "community")
BORDER = "linkage"
"""The service at the border of a tier."""
ABOUT_LINKS = frozenset({"linkage.in", "linkage.out", "linkage.link", "linkage.link-state"})
"""Topics that tell what crosses a link; nothing of them may cross one."""
_NUMBERS = ("int", "long", "double")
_SENSITIVE = ("P2", "P3")


def link_problems(topic: TopicFile, types: Mapping[str, NamedType]) -> Iterator[Problem]:
    """Yield what is wrong with the link rules of a topic, and where in its file."""
    for number, entry in enumerate(topic.records):
        record = types.get(entry.type)
        if entry.link is None:
            continue
        at: At = ("records", number, "link")
        yield from ((at, rule) for rule in _crossing(topic, entry.link))
        if isinstance(record, RecordType):
            yield from (((*at, *below), rule) for below, rule in _fields(entry, entry.link, record, types))


def _crossing(topic: TopicFile, link: Link) -> Iterator[str]:
    """Yield why this topic may not cross the border at all, or not that way."""
    if topic.kind == "evidence":
        yield "an evidence topic has no link rules: it is internal to its owner"
    if topic.name in ABOUT_LINKS:
        yield f"loop: {topic.name} tells what crossed a link, so each of its events would cause another one to cross"
    if entered(topic) and ({"up", "down"} <= link.ways or "neighbour" in link.ways):
        yield f"loop: {BORDER} writes {topic.name} and would send what came from below or above back where it came from"
    if "neighbour" in link.ways and topic.owner != BORDER:
        rule = f"owner tier conflict: a neighbour has the topic {topic.name} itself; only topics of {BORDER} go there"
        yield rule


def _fields(entry: TopicRecord, link: Link, record: RecordType, types: Mapping[str, NamedType]) -> Iterator[Problem]:
    fields = dict(walked(record, types))
    for name, condition in link.when.items():
        if "." in name or name not in fields:
            yield ("when", name), f"when: {entry.type} has no field {name}"
        elif wrong := _misfit(fields[name].type, condition, types):
            yield ("when", name), f"when: {name} of {entry.type} {wrong}"
    for path in masked(entry, record, types):
        field = fields.get(path)
        if field is None:
            yield ("mask",), f"mask: {entry.type} has no field {path}"
        elif field.type.kind != "string" and not field.type.nullable and not field.has_default:
            rule = f"mask: {path} of {entry.type} is neither a string nor optional, so nothing can stand for it"
            yield ("mask",), rule


def masked(entry: TopicRecord, record: RecordType, types: Mapping[str, NamedType]) -> tuple[str, ...]:
    """Return the paths of the fields that are replaced before a record leaves its tier."""
    if entry.link is None:
        return ()
    if entry.link.mask is not None:
        return entry.link.mask
    return tuple(path for path, field in walked(record, types) if field.pii in _SENSITIVE)


def walked(record: RecordType, types: Mapping[str, NamedType]) -> Iterator[tuple[str, RecordField]]:
    """Yield every field of a record and of the records inside it with its dotted path."""
    for field in record.fields:
        yield field.name, field
        inner = types.get(_leaf(field.type).name)
        if isinstance(inner, RecordType):
            for path, below in walked(inner, types):
                yield f"{field.name}.{path}", below


def _leaf(type_: FieldType) -> FieldType:
    return type_ if type_.item is None else _leaf(type_.item)


def _misfit(type_: FieldType, condition: Condition, types: Mapping[str, NamedType]) -> str:
    """Say why a condition cannot be asked of a field, or nothing."""
    if condition.at_most is not None or condition.at_least is not None:
        if type_.kind in _NUMBERS:
            return ""
        return f"is {type_.kind}, bounds are for numbers" + ("; use one_of" if type_.kind == "enum" else "")
    asked = condition.values()
    if type_.kind == "enum":
        declared = types.get(type_.name)
        symbols = declared.symbols if isinstance(declared, EnumType) else ()
        unknown = [str(value) for value in asked if value not in symbols]
        return f"has no symbol {', '.join(unknown)}" if unknown else ""
    fitting: dict[str, type | tuple[type, ...]] = {"string": str, "boolean": bool, "double": (int, float)}
    expected = fitting.get(type_.kind, int if type_.kind in _NUMBERS else ())
    wrong = [
        value for value in asked if not isinstance(value, expected) or isinstance(value, bool) != (expected is bool)
    ]
    return f"is {type_.kind} and can never be {', '.join(map(repr, wrong))}" if wrong else ""


def entered(topic: TopicFile) -> bool:
    """Say whether the border lays what arrives in this tier's own topic, as a request to its owner."""
    return topic.owner != BORDER and BORDER in topic.producers


def arriving(topic: TopicFile, tier: Tier) -> list[Tier]:
    """Return the other tiers whose copy of a topic comes to a tier over links, through tiers between them too."""
    if entered(topic):
        return []
    here = TIERS_FROM_ABOVE.index(tier)
    ways = {way for entry in topic.records if entry.link for way in entry.link.ways}
    lower = TIERS_FROM_ABOVE[here + 1 :] if "up" in ways else ()
    upper = TIERS_FROM_ABOVE[:here] if "down" in ways else ()
    return [*upper, *lower]


def emit_links(contract: Contract) -> str:
    """Return the Python module of link rules, by peer and lane."""
    lines = [
        '"""What leaves a tier, by peer and lane. Generated by `liandong gen` from schemas/topics, do not edit."""',
        "",
        "from collections.abc import Mapping",
        "",
    ]
    rules = {peer: _rules(contract, way) for peer, way in PEERS.items()}
    contexts = sorted({context_of(entry.type) for topic in contract.topics for entry in topic.records if entry.link})
    lines += [f"from {contract.module} import {', '.join(sorted([*contexts, 'topics']))}"] if contexts else []
    used = ["Condition"] if any("Condition(" in line for lanes in rules.values() for line in lanes) else []
    lines += [f"from liandong_contracts.linking import {', '.join([*used, 'Lane', 'LinkRule', 'Peer'])}", ""]
    lines += ["RULES: Mapping[Peer, Mapping[Lane, tuple[LinkRule, ...]]] = {"]
    for peer, body in rules.items():
        lines += [f'    "{peer}": {{', *body, "    },"]
    return "\n".join([*lines, "}", '"""Peer -> lane -> rules, by topic."""', ""])


def _rules(contract: Contract, way: Way) -> list[str]:
    lines = []
    for lane in ("P0", "P1", "P2", "P3"):
        found = [
            _rule(topic, entry, contract.known)
            for topic in contract.topics
            for entry in topic.records
            if entry.link and way in entry.link.ways and entry.link.lane == lane
        ]
        if found:
            lines += [f'        "{lane}": (', *(line for rule in found for line in rule), "        ),"]
        else:
            lines.append(f'        "{lane}": (),')
    return lines


def _rule(topic: TopicFile, entry: TopicRecord, types: Mapping[str, NamedType]) -> list[str]:
    record = types[entry.type]
    if entry.link is None or not isinstance(record, RecordType):
        return []
    lines = [
        "            LinkRule(",
        f"                topic=topics.{topic.constant},",
        f"                record={context_of(entry.type)}.{short_name(entry.type)},",
    ]
    conditions = [_condition(name, condition) for name, condition in entry.link.when.items()]
    if len(conditions) == 1:
        lines.append(f"                when=({conditions[0]},),")
    elif conditions:
        lines += [
            "                when=(",
            *(f"                    {text}," for text in conditions),
            "                ),",
        ]
    mask = [f'"{path}"' for path in masked(entry, record, types)]
    if mask:
        lines.append(f"                mask=({', '.join(mask)}{',' if len(mask) == 1 else ''}),")
    return [*lines, "            ),"]


def _condition(field: str, condition: Condition) -> str:
    said = [f'"{field}"']
    said += [f"{name}={value}" for name, value in condition.bounds().items()]
    if wanted := condition.values():
        words = ", ".join(f'"{word}"' if isinstance(word, str) else repr(word) for word in wanted)
        said.append(f"one_of=({words}{',' if len(wanted) == 1 else ''})")
    return f"Condition({', '.join(said)})"
