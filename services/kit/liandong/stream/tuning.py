"""Tuning: the few figures of a stream engine that may be changed, and the librdkafka settings that follow from them.

The settings were found by measurement; `retry.backoff.ms` is decisive: librdkafka's default of 100 makes every
transaction wait 100 ms for the markers of the one before.
"""

from typing import Any, Literal

import msgspec

from liandong.errors import ConfigError
from liandong.settings import Settings

_QUIET = {"log.connection.close": False, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 1000}
PARTITIONER = "murmur2_random"  # every producer of a district must agree, or one key lies in two partitions


class Tuning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures of one engine, set by LIANDONG_TUNING='{"latency_ms": 50, "group_protocol": "classic"}'.

    Times in milliseconds. Memory is bounded by what the client has fetched ahead and not yet sent (`fetch_kbytes`,
    `send_kbytes`), by RocksDB's buffers and cache, by the decoded cells (`cache_size`) and timers (`timers_kept`).
    """

    latency_ms: int = 20  # what an event may wait for its transaction: under load all of it, else half of it at most
    batch: int = 250  # most messages taken at once: few enough to stay in the processor's cache until they are handled
    transaction_events: int = 10_000  # most events in one transaction
    timers_at_once: int = (
        1000  # most timers fired in one transaction, so that an outage's timers do not block the input
    )
    cache_size: int = 40_000  # decoded cells kept for each state and partition
    timers_kept: int = 200_000  # next timers kept in memory for each state and partition; the rest is read when due
    fetch_kbytes: int = 32_768  # input fetched ahead
    send_kbytes: int = 65_536  # outputs and changelog records not yet taken by the broker
    store_log: bool = True  # RocksDB's write-ahead log; without it a kill costs the replay of the unflushed tail
    write_buffer_bytes: int = 8 << 20  # RocksDB memtable for each state and partition
    block_cache_bytes: int = 32 << 20  # RocksDB block cache of the process
    parked: int = 10_000  # records waiting behind dead letters, in each partition; then its input waits too
    letters: int = 10_000  # open dead letters kept for a replay, in each partition; the oldest are given up first
    failures_in_a_row: int = 50  # handler errors without a success between them that stop the service
    failure_share: float = 0.5  # share of failed events among the last thousand that stops the service
    # consumer: KIP-848, incremental, with a new member id after every start; classic: static members, so that after a
    # restart within `session_ms` the partitions come back to their instance's warm store without a rebalance
    group_protocol: Literal["consumer", "classic"] = "consumer"
    session_ms: int = 10_000  # classic protocol only; with `consumer` the broker decides
    max_poll_ms: int = 120_000  # the group gives the partitions away when the engine does not turn for longer
    transaction_ms: int = 10_000  # the broker aborts a transaction that is open for longer


def tuning_of(settings: Settings) -> Tuning:
    """Return the figures that the settings give. Raises ConfigError for one that does not exist or has a wrong type."""
    try:
        return msgspec.convert(settings.tuning, Tuning, strict=False)
    except msgspec.ValidationError as error:
        names = ", ".join(Tuning.__struct_fields__)
        raise ConfigError(f"LIANDONG_TUNING: {error}; the figures are {names}") from error


def consumer_config(settings: Settings, service: str, tuning: Tuning) -> dict[str, Any]:
    """Return the settings of the input consumer."""
    group: dict[str, Any] = {"group.protocol": "consumer", "group.remote.assignor": "range"}
    if tuning.group_protocol == "classic":
        group = {
            "partition.assignment.strategy": "range",
            "group.instance.id": settings.instance,
            "session.timeout.ms": tuning.session_ms,
            "heartbeat.interval.ms": max(500, tuning.session_ms // 6),
        }
    return (
        _QUIET
        | group
        | {
            "bootstrap.servers": settings.bootstrap,
            "client.id": f"{service}.{settings.instance}",
            "group.id": settings.scoped(service),
            "isolation.level": "read_committed",  # also makes `committed` wait for open transactions (require_stable)
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 100,
            "fetch.queue.backoff.ms": 5,
            "fetch.error.backoff.ms": 20,
            "queued.min.messages": 10_000,
            "queued.max.messages.kbytes": tuning.fetch_kbytes,
            "max.poll.interval.ms": tuning.max_poll_ms,
            "topic.metadata.refresh.interval.ms": 60_000,
        }
    )


def producer_config(settings: Settings, service: str, tuning: Tuning) -> dict[str, Any]:
    """Return the settings of the transactional producer; its id is stable, so a restart ends the old transaction."""
    return _QUIET | {
        "bootstrap.servers": settings.bootstrap,
        "client.id": f"{service}.{settings.instance}",
        "transactional.id": f"{settings.scoped(service)}.{settings.instance}",
        "transaction.timeout.ms": tuning.transaction_ms,
        "acks": "all",
        "enable.idempotence": True,
        "retry.backoff.ms": 2,
        "retry.backoff.max.ms": 500,
        "linger.ms": 5,  # outputs leave in batches, and the rest at once when the transaction ends
        "socket.nagle.disable": True,
        "batch.num.messages": 10_000,
        "queue.buffering.max.messages": 500_000,
        "queue.buffering.max.kbytes": tuning.send_kbytes,
        "message.max.bytes": 2 << 20,  # a dead letter is larger than its record
        "topic.metadata.propagation.max.ms": 3000,  # a deleted topic is known as such well before the transaction ends
        "partitioner": PARTITIONER,
    }


def restore_config(settings: Settings, service: str) -> dict[str, Any]:
    """Return the settings of the consumer that restores changelogs."""
    return _QUIET | {
        "bootstrap.servers": settings.bootstrap,
        "client.id": f"{service}.{settings.instance}.restore",
        "group.id": f"{settings.scoped(service)}.restore",
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
        "fetch.wait.max.ms": 20,
        "fetch.queue.backoff.ms": 5,
        "fetch.message.max.bytes": 4 << 20,
        "queued.min.messages": 100_000,
    }
