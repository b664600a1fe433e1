"""Waits until Kafka answers and the service's topics exist. In local mode it creates the service's internal topics."""

import asyncio
import logging
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from liandong.workflow.binding import Binding
from liandong.workflow.relay import topics_of

log = logging.getLogger(__name__)

_BACK_OFF_S = (0.2, 2.0)


async def wait_for_kafka(binding: Binding, note: Callable[[str], None]) -> None:
    """Return once every subscribed and internal topic exists; tell `note` what is waited for."""
    client = AdminClient({"bootstrap.servers": binding.settings.bootstrap, "log_level": 0})
    delay = _BACK_OFF_S[0]
    while True:
        detail = await asyncio.to_thread(_missing, client, binding)
        note(detail)
        if not detail:
            return
        if delay == _BACK_OFF_S[0]:
            log.info("%s", detail)
        await asyncio.sleep(delay)
        delay = min(delay * 2, _BACK_OFF_S[1])


def _missing(client: AdminClient, binding: Binding) -> str:
    """Say what is missing, or nothing."""
    try:
        there = client.list_topics(timeout=5).topics
    except KafkaException:
        return f"waiting for Kafka at {binding.settings.bootstrap}"
    internal = [(topic, config) for topic, config in topics_of(binding) if topic not in there]
    if internal and binding.settings.register_schemas:
        internal = [(topic, config) for topic, config in internal if not _create(client, topic, config)]
    missing = [topic for topic in binding.subscribed if topic not in there] + [topic for topic, _ in internal]
    return f"waiting for topics {', '.join(missing)}" if missing else ""


def _create(client: AdminClient, topic: str, config: dict[str, str]) -> bool:
    try:
        client.create_topics([NewTopic(topic, 1, config=config)])[topic].result(10)
    except KafkaException as error:
        return error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS
    return True
