"""Two tables across all contexts: what is personal data, and what crosses from tier to tier."""

from collections.abc import Iterator

from liandong.codegen.docs.text import CLASSES, HEAD, anchor, condition_text, lane_text, table
from liandong.codegen.links import PEERS, entered, masked, walked
from liandong.codegen.model import Contract, RecordType, TopicFile, Way, short_name

_PERSONAL = """\
# Personal data

| class | what | how it is kept |
|---|---|---|
| P1 | staff or an enterprise's contact: an id, a post, a work telephone | in clear; access by role |
| P2 | a citizen: identity, telephone, address, voice, free text | encrypted; a mask for readers without the grant |
| P3 | face, video, health, where somebody was | as P2 |

P2 and P3 are encrypted with a key of the person that they are about, the *subject*; deleting that key erases them
everywhere. They are replaced before an event leaves its tier, unless its link rule names other fields. An
encrypted field that leaves "as it is" leaves encrypted.

These classes are not the lanes of [links](links.md), although both are written P1 to P3: a class says whose data a
field has, a lane how urgent an event is.
"""
_LINKS = """\
# Links

What leaves a tier, in the order of the lanes: P0 (life safety) before P1 (command), P2 (business) and P3 (statistics).
A lane has nothing to do with the classes of [personal data](personal-data.md), which are written P1 to P3 too.

A tier sends its own events and passes on those that came from the other side: up what came from below, down what came
from above, to a neighbour its own only. So nothing comes back to where it was. An event arrives in the sender's topic,
under the name of the tier that wrote it, or as a request in the topic of who is to decide.
"""
_TITLES = {
    "upper": "Up: community to district, district to city",
    "lower": "Down: city to district, district to community",
    "neighbour": "To a neighbour of the same tier",
}


def emit_personal_data(contract: Contract) -> str:
    """Return the page of every field that is personal data."""
    rows = [row for topic in contract.topics for row in _personal(topic, contract)]
    heads = ("topic", "record", "field", "class", "subject", "when it leaves its tier")
    return "\n".join([HEAD, _PERSONAL, table(heads, rows)])


def _personal(topic: TopicFile, contract: Contract) -> Iterator[tuple[str, ...]]:
    for entry in topic.records:
        record = contract.known.get(entry.type)
        if not isinstance(record, RecordType):
            continue
        hidden = masked(entry, record, contract.known)
        for path, field in walked(record, contract.known):
            if field.pii:
                fate = "never leaves" if not entry.link else "replaced" if path in hidden else "as it is"
                cells = (_linked(topic, topic.name), _linked(contract.home(entry.type), short_name(entry.type)), path)
                yield (*cells, f"{field.pii} {CLASSES[field.pii]}", field.subject, fate)


def emit_links_page(contract: Contract) -> str:
    """Return the page of link rules by peer and lane, and of what arrives where."""
    parts = [HEAD, _LINKS]
    for peer, way in PEERS.items():
        rows = list(_leaving(contract, way))
        parts.append(f"## {_TITLES[peer]}\n")
        parts.append(
            table(("lane", "record", "topic", "when", "without", "arrives as"), rows) if rows else "Nothing.\n"
        )
    return "\n".join(parts)


def _leaving(contract: Contract, way: Way) -> Iterator[tuple[str, ...]]:
    found = [(entry.link, entry, topic) for topic in contract.topics for entry in topic.records if entry.link]
    for link, entry, topic in sorted(found, key=lambda one: one[0].lane):
        record = contract.known.get(entry.type)
        if way in link.ways:
            when = " and ".join(condition_text(name, condition) for name, condition in link.when.items())
            hidden = masked(entry, record, contract.known) if isinstance(record, RecordType) else ()
            cells = (lane_text(link.lane), _linked(contract.home(entry.type), short_name(entry.type)), topic.name)
            arrives = f"a request in the tier's own {topic.name}" if entered(topic) else "the sender's topic"
            yield (*cells, when or "always", ", ".join(hidden), arrives)


def _linked(topic: TopicFile, heading: str) -> str:
    return f"[{heading}](events/{topic.owner}.md#{anchor(heading)})"
