"""Makes a world's topics and registers its schemas, or removes a world's topics, groups and subjects.

Runs as a process of its own (`python -m liandong.local.prepare`), so that the supervisor needs no Kafka client.
"""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from liandong.errors import ConfigError, LiandongError, Unavailable
from liandong.settings import Settings
from liandong.telemetry.logs import setup_logs

log = logging.getLogger(__name__)

_PATIENCE_S = 60.0


def main() -> int:
    """Prepare the world of this process's settings; 0 when everything is there."""
    setup_logs("topics")
    settings = Settings()
    try:
        broker(settings)
        from liandong.wire import admin

        admin.register_all(settings)
    except LiandongError as error:
        log.error("%s", error)
        return 1
    return 0


def broker(settings: Settings) -> AdminClient:
    """Return a client of a broker that serves metadata. Raises Unavailable after a minute without one."""
    client = AdminClient(
        {
            "bootstrap.servers": settings.bootstrap,
            "log_level": 0,
            "socket.timeout.ms": 5000,
            "reconnect.backoff.max.ms": 500,
        }
    )
    limit = time.monotonic() + _PATIENCE_S
    while True:
        try:
            if client.list_topics(timeout=5).brokers:
                return client
        except KafkaException as error:
            if time.monotonic() > limit:
                raise Unavailable(f"Kafka at {settings.bootstrap} gives no metadata: {error}") from error


def remove_world(settings: Settings) -> int:
    """Delete the topics, consumer groups and schema subjects of the settings' world; return how many topics.

    Raises ConfigError for the real world: that is what `make clean` is for.
    """
    if not settings.world:
        raise ConfigError("The real world cannot be removed by itself: stop everything and run `make clean`")
    prefix = f"{settings.world}."
    client = broker(settings)
    topics = [name for name in client.list_topics(timeout=10).topics if name.startswith(prefix)]
    _wait_for(client.delete_topics, topics)
    listed = client.list_consumer_groups().result(timeout=10).valid
    _wait_for(client.delete_consumer_groups, [group.group_id for group in listed if group.group_id.startswith(prefix)])
    with httpx.Client(base_url=settings.registry_url, timeout=10) as registry:
        for subject in registry.get("/subjects").json():
            if subject.startswith(prefix):
                registry.delete(f"/subjects/{subject}")
                registry.delete(f"/subjects/{subject}", params={"permanent": "true"})
    return len(topics)


def _wait_for(ask: Callable[..., dict[str, Any]], names: list[str]) -> None:
    for name, future in ask(names).items() if names else ():
        try:
            future.result(timeout=30)
        except KafkaException as error:
            # a static member is only gone after its session; without topics the group then disappears by itself
            quiet = error.args[0].code() == KafkaError.NON_EMPTY_GROUP
            log.log(logging.DEBUG if quiet else logging.WARNING, "%s was not deleted: %s", name, error)


if __name__ == "__main__":
    sys.exit(main())
