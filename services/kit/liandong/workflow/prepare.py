"""Waits until Kafka and the registry answer and everything that a service needs exists.

In local mode (`register_schemas`) it creates the service's internal topics and registers its schemas.
"""

import asyncio
import logging
from collections.abc import Callable

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from liandong.errors import Unavailable
from liandong.privacy.grants import KEY_TOPIC_CONFIG, writes_personal
from liandong.wire import TopicSpec, ensure_topics
from liandong.workflow.binding import Binding

log = logging.getLogger(__name__)

_BACK_OFF_S = (0.2, 2.0)
_DEAD_LETTERS_KEPT_MS = 30 * 24 * 3600 * 1000


def internal_topics(binding: Binding) -> list[TopicSpec]:
    """Return the topics that a workflow service keeps beside the declared ones."""
    keys = [TopicSpec(binding.key_topic, 1, KEY_TOPIC_CONFIG)] if writes_personal(binding.service) else []
    return [
        *keys,
        TopicSpec(binding.relay_topic, 1, {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}),
        TopicSpec(binding.dead_letters, 1, {"cleanup.policy": "delete", "retention.ms": str(_DEAD_LETTERS_KEPT_MS)}),
    ]


async def prepared(binding: Binding, note: Callable[[str], None]) -> None:
    """Return once topics and schemas are there; tell `note` what is waited for.

    Raises ConfigError when one of them exists but is not as declared.
    """
    client = AdminClient(
        {"bootstrap.servers": binding.settings.bootstrap, "reconnect.backoff.max.ms": 500, "log_level": 0}
    )
    delay, said = _BACK_OFF_S[0], ""
    while True:
        missing = await asyncio.to_thread(_missing, client, binding)
        note(missing)
        if not missing:
            return
        if missing != said:
            log.info("%s", missing)
            said = missing
        await asyncio.sleep(delay)
        delay = min(delay * 2, _BACK_OFF_S[1])


def _missing(client: AdminClient, binding: Binding) -> str:
    """Create and look up what is possible now; say what is missing, or nothing."""
    try:
        there = client.list_topics(timeout=5).topics
        absent = [topic for topic in binding.subscribed if topic not in there]
        if absent:
            return f"waiting for topics {', '.join(absent)}"
        if binding.settings.register_schemas:
            ensure_topics(binding.settings.bootstrap, internal_topics(binding))
        elif binding.relay_topic not in there:
            return f"waiting for topic {binding.relay_topic}"
        binding.codec.prepare(binding.schemas)
    except KafkaException:
        return f"waiting for Kafka at {binding.settings.bootstrap}"
    except Unavailable as error:
        return f"waiting: {error}"
    return ""
