"""Every record that travels has a typical and a minimal example, and each survives Avro unchanged."""

import hashlib
import io
import json
from pathlib import Path

import fastavro
import msgspec
import pytest
from liandong_contracts import platform, topics
from liandong_contracts.base import Record, Topic, schema_of

EXAMPLES = Path(__file__).parents[2] / "schemas/examples"
WORDS = ("typical", "minimal")
CASES = [(topic, record, word) for topic in topics.ALL for record in topic.records for word in WORDS]


def example(topic: Topic, record: type[Record], word: str) -> Path:
    return EXAMPLES / topic.name / f"{record.__name__}-{word}.json"


@pytest.mark.parametrize(("topic", "record", "word"), CASES, ids=lambda case: getattr(case, "__name__", str(case)))
def test_example_round_trips(topic: Topic, record: type[Record], word: str) -> None:
    before = msgspec.json.decode(example(topic, record, word).read_bytes(), type=record)
    schema = fastavro.parse_schema(json.loads(schema_of(record)))
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, before.to_avro(), strict=True)
    body.seek(0)
    raw = fastavro.schemaless_reader(body, schema, None)
    assert isinstance(raw, dict)
    assert record.from_avro(raw) == before
    assert topic.key_of(before)


def test_no_example_is_left_over() -> None:
    expected = {example(*case) for case in CASES}
    assert {path for path in EXAMPLES.rglob("*") if path.is_file()} == expected


@pytest.mark.parametrize("record", {record for topic in topics.ALL for record in topic.records})
def test_minimal_leaves_out_every_default(record: type[Record]) -> None:
    topic = next(topic for topic in topics.ALL if record in topic.records)
    minimal = json.loads(example(topic, record, "minimal").read_text(encoding="utf-8"))
    required = {field.encode_name for field in msgspec.structs.fields(record) if field.required}
    assert set(minimal) == required


@pytest.mark.parametrize("word", WORDS)
def test_the_link_of_the_audit_chain_is_bound_as_its_field_says(word: str) -> None:
    path = example(topics.PLATFORM_AUDIT, platform.AuditSealed, word)
    link = msgspec.json.decode(path.read_bytes(), type=platform.AuditSealed)
    bound = (str(link.sequence), link.previous_hash, link.entry_type, link.entry_id, link.entry)
    assert link.hash == hashlib.sha256("\n".join(bound).encode()).hexdigest()
