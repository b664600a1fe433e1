"""Gauges: what the parts of an engine hold at a moment. Looks only, once a second."""

from confluent_kafka import Consumer, TopicPartition

from liandong.stream.metrics import Meters
from liandong.stream.parts import Part, Phase


def measure(meters: Meters, parts: list[Part], restore_left: int, now_ms: int) -> None:
    """Set the gauges; `now_ms` is the world's time."""
    running = [part for part in parts if part.phase is Phase.RUNNING]
    schedules = [table.schedule for part in running for table in part.tables]
    due = min((at for schedule in schedules if (at := schedule.next_due()) is not None), default=now_ms)
    meters.armed.set(sum(map(len, schedules)))
    meters.timers_behind.set(max(0, now_ms - due) / 1000)
    meters.letters_open.set(sum(len(part.lot.letters) for part in running))
    meters.waiting.set(sum(part.lot.waiting for part in running))
    meters.restore_left.set(restore_left)
    meters.state_bytes.set(sum(store.size for part in running for store in part.stores))
    for phase in Phase:
        meters.partitions(phase.value, sum(part.phase is phase for part in parts))


def lag_of(consumer: Consumer, parts: list[Part]) -> int | None:
    """Return how many input records are not yet taken; None while the ends are not known."""
    lag = 0
    for part in parts:
        for topic, number in part.inputs:
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, number), cached=True)
            if end < 0:
                return None
            lag += max(0, end - part.positions[topic])
    return lag
