"""What may change in a topic file between two releases. Pure: two parsed YAML files in, findings out."""

from collections.abc import Iterator, Mapping
from typing import Any

from liandong.codegen.compat import Finding

Topic = Mapping[str, Any]

# what an entry of schemas/overrides.yaml may permit; everything else would lose or garble events silently
OVERRIDABLE = frozenset({"retention-shortened", "topic-removed", "record-left-topic"})

_FIXED = {
    "key": "keys would move between partitions and lose their order",
    "kind": "its cleanup and its writers would change under its readers",
    "owner": "only its owner may write it, and its name begins with the owner's",
    "partitions": "keys would move between partitions and lose their order",
}


def compare_topics(old: Mapping[str, Topic], new: Mapping[str, Topic]) -> list[Finding]:
    """Return what changed between two sets of topic files (name -> parsed YAML); `Finding.type` is the topic's name,
    `Finding.field` the key of the file.
    """
    found: list[Finding] = []
    for name, before in sorted(old.items()):
        after = new.get(name)
        if after is None:
            text = f"topic {name} is gone: its name is fixed for its life, readers and stored positions know it"
            remedy = (
                "put the file back; another topic beside it is its next version (.v2), and both are written until the "
                "readers have moved"
            )
            found.append(Finding(name, "", "topic-removed", text, remedy))
            continue
        found += [*_fixed(name, before, after), *_records(name, before, after), *_readers(name, before, after)]
        found += _retention(name, before, after)
    return found


def record_types(topic: Topic) -> list[str]:
    """Return the full names of a topic's records."""
    return [str(entry["type"]) for entry in topic.get("records", ())]


def _fixed(name: str, before: Topic, after: Topic) -> Iterator[Finding]:
    for word, why in _FIXED.items():
        old, new = before.get(word), after.get(word)
        if word == "partitions" and isinstance(old, dict) and isinstance(new, dict):
            new = {tier: count for tier, count in new.items() if tier in old}  # a new tier has nothing to lose
        if old != new:
            text = f"{word} of {name} was {_said(old)} and is now {_said(new)}: {why}"
            yield Finding(
                name,
                word,
                f"{word}-changed",
                text,
                f"put {word} back, or declare the topic's next version (.v2) beside it",
            )


def _records(name: str, before: Topic, after: Topic) -> Iterator[Finding]:
    for type_ in record_types(before):
        if type_ not in record_types(after):
            text = f"{type_} left {name}: readers of the topic meet events of it that nobody declares"
            remedy = "put it back; a record that is no longer written stays declared as long as its events are kept"
            yield Finding(name, "records", "record-left-topic", text, remedy)


def _readers(name: str, before: Topic, after: Topic) -> Iterator[Finding]:
    for word in ("producers", "consumers"):
        for service in sorted(set(before.get(word, ())) - set(after.get(word, ()))):
            right = "write" if word == "producers" else "read"
            text = f"{service} may no longer {right} {name}: stop it before this is rolled out"
            yield Finding(name, word, f"{word.removesuffix('s')}-removed", text, breaking=False)


def _retention(name: str, before: Topic, after: Topic) -> Iterator[Finding]:
    old, new = before.get("retention_hours"), after.get("retention_hours")
    if old is not None and new is not None and new < old:
        text = f"retention of {name} was {old} h and is now {new} h: brokers delete what readers may still count on"
        remedy = f"keep at least {old} h, or permit it with a reason in schemas/overrides.yaml"
        yield Finding(name, "retention_hours", "retention-shortened", text, remedy)


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{word} {inner}" for word, inner in value.items())
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)
