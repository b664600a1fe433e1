"""The index of events: what a topic is, how to read a page, and which context has what. For someone new here."""

from collections import Counter

from liandong.codegen.docs.text import HEAD, table
from liandong.codegen.envelope import ALWAYS, SOMETIMES
from liandong.codegen.model import Contract

_INTRO = """\
# Events

Services tell each other what happened through *topics*. A topic holds the events of one kind of thing (one aggregate: a
case, a spot, a device), in order for each single thing. Every topic has one owner, the service whose name it begins
with. Everything on these pages is declared in `schemas/`: a file for each topic, one for each record.

## How to read a page

**Name.** A topic `flood.spot` is called `<tier>.flood.spot.v1` on the wire, with the tier that owns and writes it
(city, district or community), and `<world>.<tier>.flood.spot.v1` in a drill or demo, which has topics of its own.

**Kind.**

| kind | who writes | what it holds |
|---|---|---|
| fact | its owner alone | what happened; kept for its retention |
| state | its owner alone | the full state of each key, compacted: the last record of a key replaces the earlier ones |
| request | several services | what others ask of the owner, who decides; until then nothing in it is settled |
| evidence | its owner alone | steps inside one service, re-keyed; nobody else reads it |

**Key.** The fields whose value decides the order, joined by `+`: events with the same key never overtake each other.
Across keys and across topics nothing is promised.

**Kept.** How long Kafka has the event. A *state* topic has no end; a key is removed by an empty record.

**After a dead letter.** An event that its reader cannot use goes to the reader's dead-letter topic. Where order
within a key matters, later events of that key wait behind it; elsewhere the key goes on.

**Sharing.** The class in the catalogue of government data: UNCONDITIONAL (everyone may have it), CONDITIONAL (on
request and for a purpose), NEGATIVE (not shared).

**Leaves its tier.** Which records go up, down or to a neighbour, on which *lane* (P0 life safety, P1 command, P2
business, P3 statistics: the urgent first), on what condition, and which fields are replaced before. All of it in one
table: [links](links.md).

**Personal data.** Fields marked with a *class*: P1 staff, in clear; P2 citizens and P3 what is sensitive, both
encrypted. A lane is written P1 to P3 too, but has nothing to do with it. All marked fields:
[personal data](personal-data.md).

**Values.** Avro with Confluent framing. Times are UTC milliseconds. Units are UCUM, `1` is a plain count or share. An
area code has 2, 4, 6, 9 or 12 digits, province to community. A field that is *optional* may be empty; one with a
default may be left out. Every code list begins with UNKNOWN, which is also what an older reader sees for a newer
symbol.

**Envelope.** CloudEvents 1.0 in Kafka headers, all of them text:
"""
_TOOLS = """\
The same for tools: [asyncapi.yaml](asyncapi.yaml). Questions and commands between services: [gRPC](rpc.md).
"""


def emit_index(contract: Contract) -> str:
    """Return the index page."""
    parts = [
        HEAD,
        _INTRO,
        _envelope(),
        _TOOLS,
        "## Contexts\n",
        _contexts(contract),
        "## Who reads whom\n",
        _overview(contract),
    ]
    if contract.code_lists:
        parts += ["## Code lists\n", _code_lists(contract)]
    if contract.services:
        parts += ["## Services and their processes\n", _services(contract)]
    return "\n".join(parts)


def _envelope() -> str:
    rows = [(name, doc, "always") for name, doc in ALWAYS.items()]
    rows += [(name, doc, "when it says something") for name, doc in SOMETIMES.items()]
    return table(("header", "says", "there"), rows)


def _contexts(contract: Contract) -> str:
    rows = []
    for context in contract.published_contexts():
        topics = [topic for topic in contract.topics if topic.owner == context]
        events = sum(len(topic.records) for topic in topics)
        doc = "; ".join(topic.doc.rstrip(".") for topic in topics[:4]) + ("; …" if len(topics) > 4 else "")
        about = doc or "records and code lists that several contexts use"
        rows.append((f"[{context}](events/{context}.md)", str(len(topics)), str(events), about))
    return table(("context", "topics", "records", "about"), rows)


def _overview(contract: Contract) -> str:
    """Return a table of writers and readers: how many topics go from one to the other."""
    pairs = Counter(
        (writer, reader) for topic in contract.topics for writer in topic.producers for reader in topic.consumers
    )
    readers = sorted({reader for _, reader in pairs})
    rows = [
        (f"**{writer}**", *(str(pairs[writer, reader] or "") for reader in readers))
        for writer in sorted({writer for writer, _ in pairs})
    ]
    text = "How many topics a service (at the left) writes that another (at the top) reads.\n"
    return "\n".join([text, table(("", *readers), rows)])


def _code_lists(contract: Contract) -> str:
    rows = []
    for name, codes in contract.code_lists.items():
        rows.append((f"[{name}](../../schemas/reference/{name}.yaml)", codes.zh, codes.doc))
    text = "Codes that several services use, each with its Chinese and English words and where it comes from.\n"
    return "\n".join([text, table(("list", "中文", "what"), rows)])


def _services(contract: Contract) -> str:
    rows = []
    for service in contract.services:
        for process in service.processes:
            states = ", ".join(state.name for state in process.states)
            rows.append((service.service, process.name, process.kind, process.doc, states))
    return table(("service", "process", "kind", "does", "keyed states"), rows)
