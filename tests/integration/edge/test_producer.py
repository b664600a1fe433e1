"""EdgeProducer against a broker that is killed: what was acknowledged is there, once, in the order of each key."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from liandong.edge import EdgeProducer, Publication
from liandong.settings import Settings
from liandong.testing.plugin import KafkaForTests
from liandong.wire import codec_of, register_all
from liandong_contracts import topics
from liandong_contracts.sensing import ReadingRejected, RejectReason

from tests.support.events import Events

AT = datetime(2031, 7, 20, 12, 0, tzinfo=UTC)
KEYS, EACH = 10, 300


def publication(number: int) -> Publication:
    record = ReadingRejected(
        native_id=f"S{number % KEYS}",
        reason=RejectReason.BAD_LENGTH,
        detail=str(number),
        raw=b"",
        transport="tcp",
        received_at=AT,
    )
    return Publication(topic=topics.SENSING_REJECTED, record=record, event_id=f"{number:032x}", time=AT)


async def published(settings: Settings, kafka: KafkaForTests) -> float:
    """Publish everything while the broker is killed; return the longest wait for an acknowledgement."""
    producer = EdgeProducer(settings, codec_of(settings), "sensing", in_flight=200)
    loop = asyncio.get_running_loop()
    killer = threading.Thread(target=kafka.kill_broker)
    longest = 0.0

    async def one(number: int) -> None:
        nonlocal longest
        began = loop.time()
        await producer.publish(publication(number))
        longest = max(longest, loop.time() - began)

    waiting = []
    for number in range(KEYS * EACH):
        waiting.append(asyncio.ensure_future(one(number)))
        await producer.room()
        if number == KEYS * EACH // 3:
            killer.start()
        if number % 100 == 0:
            await asyncio.sleep(0.05)
    await asyncio.gather(*waiting)
    await asyncio.to_thread(killer.join)
    await producer.close()
    assert producer.waiting == 0
    return longest


async def test_a_killed_broker_loses_and_doubles_nothing(
    settings: Callable[..., Settings], kafka: KafkaForTests
) -> None:
    made = settings()
    register_all(made)
    async with asyncio.timeout(120):
        longest = await published(made, kafka)
    assert longest > 0.5, "the broker was away for a while"
    events = Events(made, topics.SENSING_REJECTED)
    found = await asyncio.to_thread(events.until, "all events", ReadingRejected, KEYS * EACH)
    by_key: dict[str, list[int]] = {}
    for event in found:
        by_key.setdefault(event.key, []).append(int(event.data.detail))
    assert by_key == {f"S{key}": list(range(key, KEYS * EACH, KEYS)) for key in range(KEYS)}
    events.close()
