"""What a running registry holds. Apart from the other parts, because it needs the wire and with it Kafka clients."""

import json
from collections.abc import Iterator

from liandong.codegen.gate import Version
from liandong.codegen.model import TIERS
from liandong.wire.registry import FULL, Registry


def in_registry(registry: Registry) -> Iterator[Version]:
    """Yield every version of every subject of the real world. Raises Unavailable, ConfigError."""
    for subject in registry.subjects():
        topic, _, record = subject.rpartition("-")
        if topic.split(".")[0] not in TIERS:
            continue  # a drill's, a demo's or a test's
        for number in registry.versions(subject):
            schema = json.loads(registry.version(subject, number))
            yield Version(record, schema, f"{subject} version {number} in the registry", topic)


def too_lax(registry: Registry) -> str:
    """Return a sentence when the registry would take an incompatible schema, empty when it is set right."""
    level = registry.compatibility()
    return "" if level == FULL else f"the registry's rule is {level}, not {FULL}: it would take what is refused here"
