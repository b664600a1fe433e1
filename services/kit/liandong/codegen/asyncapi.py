"""Write the AsyncAPI 3.0 document: what tools need to know of topics, records and who sends and receives. Text only.

Addresses have the tier as a parameter; the Avro schemas are referred to where the contracts package has them.
"""

from collections.abc import Iterator
from typing import Any

import yaml
from liandong_contracts.base import versioned

from liandong.codegen.docs.text import HEAD
from liandong.codegen.envelope import ALWAYS, SOMETIMES
from liandong.codegen.model import TIERS, Contract, RecordType, TopicFile, context_of, short_name

AVRO = "application/vnd.apache.avro;version=1.9.0"
_BINDING = "0.5.0"


def emit_asyncapi(contract: Contract, package: str) -> str:
    """Return the document. `package` is the folder of the generated package, seen from the document."""
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Liandong events",
            "version": "1",
            "description": "Topics of all services. A drill or demo has the same ones with its world's name in front.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/vnd.apache.avro",
        "servers": {tier: _server(tier) for tier in TIERS},
        "channels": {topic.name: _channel(topic) for topic in contract.topics},
        "operations": dict(_operations(contract)),
        "components": {
            "messages": dict(_messages(contract, package)),
            "messageTraits": {"cloudEvent": {"headers": _headers()}},
            "parameters": {"tier": {"enum": list(TIERS), "description": "Tier that owns and writes the topic."}},
        },
    }
    head = HEAD.replace("<!--", "#").replace(" -->", "")
    return head + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _server(tier: str) -> dict[str, Any]:
    return {
        "host": "{host}:{port}",
        "protocol": "kafka-secure",
        "description": f"Kafka of a {tier} node.",
        "variables": {
            "host": {"default": f"liandong-kafka-bootstrap.{tier}.svc", "description": "Bootstrap host."},
            "port": {"default": "9093", "description": "Port of the listener with SASL and TLS."},
        },
        "security": [{"type": "scramSha512"}],
    }


def _channel(topic: TopicFile) -> dict[str, Any]:
    return {
        "address": f"{{tier}}.{versioned(topic.name)}",
        "title": topic.name,
        "description": topic.doc,
        "parameters": {"tier": {"$ref": "#/components/parameters/tier"}},
        "messages": {_message_id(entry.type): {"$ref": _message(entry.type)} for entry in topic.records},
        "bindings": {"kafka": {"topicConfiguration": _configuration(topic), "bindingVersion": _BINDING}},
        "x-kind": topic.kind,
        "x-owner": topic.owner,
        "x-key": list(topic.key),
        "x-partitions": dict(topic.partitions),
    }


def _configuration(topic: TopicFile) -> dict[str, Any]:
    if topic.retention_hours is None:
        return {"cleanup.policy": ["compact"]}
    return {"cleanup.policy": ["delete"], "retention.ms": topic.retention_hours * 3_600_000}


def _operations(contract: Contract) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what each service sends and receives."""
    for topic in contract.topics:
        channel = f"#/channels/{topic.name}"
        references = [f"{channel}/messages/{_message_id(entry.type)}" for entry in topic.records]
        for action, services in (("send", topic.producers), ("receive", topic.consumers)):
            for service in services:
                name = f"{service}.{action}.{topic.name}"
                messages = [{"$ref": reference} for reference in references]
                yield name, {"action": action, "channel": {"$ref": channel}, "messages": messages}


def _messages(contract: Contract, package: str) -> Iterator[tuple[str, dict[str, Any]]]:
    seen = set()
    for topic in contract.topics:
        for entry in topic.records:
            record = contract.types.get(entry.type)
            if entry.type in seen or not isinstance(record, RecordType):
                continue
            seen.add(entry.type)
            schema = {"$ref": f"{package}/avro/{entry.type}.avsc"}
            yield (
                _message_id(entry.type),
                {
                    "name": entry.type,
                    "title": f"{short_name(entry.type)} {record.zh}".strip(),
                    "summary": record.doc,
                    "contentType": "application/vnd.apache.avro",
                    "payload": {"schemaFormat": AVRO, "schema": schema},
                    "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
                    "bindings": {"kafka": _binding(topic)},
                },
            )


def _binding(topic: TopicFile) -> dict[str, Any]:
    return {
        "key": {"type": "string", "description": "+".join(topic.key)},
        "schemaIdLocation": "payload",
        "schemaIdPayloadEncoding": "confluent",
        "schemaLookupStrategy": "TopicRecordNameStrategy",
        "bindingVersion": _BINDING,
    }


def _headers() -> dict[str, Any]:
    properties = {name: {"type": "string", "description": doc} for name, doc in {**ALWAYS, **SOMETIMES}.items()}
    return {"type": "object", "required": list(ALWAYS), "properties": properties}


def _message_id(full_name: str) -> str:
    return f"{context_of(full_name)}.{short_name(full_name)}"


def _message(full_name: str) -> str:
    return f"#/components/messages/{_message_id(full_name)}"
