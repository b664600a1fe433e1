"""Reference data on real Kafka: publish what differs, copy it, keep the copy current."""

import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from liandong.errors import ConfigError, Unavailable
from liandong.refs import Published, View, publish
from liandong.refs.reader import read_to_end
from liandong.settings import Settings
from liandong.stream import State
from liandong.stream.envelope import Cell, envelope_of
from liandong.testing.memory import MemoryCodec
from liandong_contracts.base import Record, Topic
from liandong_contracts.kit import StateEnvelope


class Lamp(Record, frozen=True):
    FULL_NAME = "town.Lamp"
    lamp: str
    watts: int


LAMPS = Topic("town.lamp", "state", "town", ("lamp",), (Lamp,), {"district": 2})
STATE = State(Lamp, "lamp", "town")


class Town:
    """One world with a lamp topic."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.codec = MemoryCodec([Lamp, StateEnvelope])
        self.views: list[View[Lamp]] = []
        self.create(LAMPS.wire("district", settings.world))

    def create(self, wire: str) -> None:
        admin = AdminClient({"bootstrap.servers": self.settings.bootstrap})
        admin.create_topics([NewTopic(wire, 2, 1, config={"cleanup.policy": "compact"})])[wire].result(30)

    def publish(self, **watts: int) -> Published:
        return publish(self.settings, self.codec, LAMPS, [Lamp(lamp, power) for lamp, power in watts.items()])

    def view(self) -> View[Lamp]:
        view: View[Lamp] = View(self.settings, LAMPS, self.codec)
        view.start()
        self.views.append(view)
        return view


def until(done: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"not within {seconds:.0f} s"
        time.sleep(0.05)


@pytest.fixture
def town(settings: Callable[..., Settings]) -> Iterator[Town]:
    made = Town(settings())
    yield made
    for view in made.views:
        view.stop()


def test_only_what_differs_is_sent(town: Town) -> None:
    assert town.publish(a=10, b=20, c=30) == Published(3, 0, 0)
    assert town.publish(a=10, b=20, c=30) == Published(0, 0, 3)
    assert town.publish(a=10, b=25) == Published(1, 1, 1)
    assert town.publish(a=10, b=25, c=30) == Published(1, 0, 2)


def test_sequences_grow_even_over_a_deletion(town: Town) -> None:
    wire = LAMPS.wire("district", town.settings.world)
    sequences = []
    for power in (10, 11, None, 12):
        town.publish(**({} if power is None else {"a": power}))
        headers = dict(read_to_end(town.settings, wire)["a"].headers)
        if power is not None:
            assert headers["ce_type"] == b"town.Lamp"
            sequences.append(int(headers["ce_sequence"]))
    assert sequences == sorted(set(sequences))


def test_a_fact_topic_cannot_be_published_as_a_whole(town: Town) -> None:
    fact = Topic("town.event", "fact", "town", ("lamp",), (Lamp,), {"district": 1})
    with pytest.raises(ConfigError, match="only a state topic"):
        publish(town.settings, town.codec, fact, [])


def test_a_view_is_complete_once_ready_and_follows(town: Town) -> None:
    town.publish(a=10, b=20)
    view = town.view()
    view.wait_ready(30)
    assert sorted(view.values(), key=lambda lamp: lamp.lamp) == [Lamp("a", 10), Lamp("b", 20)]
    assert view.get("z") is None
    town.publish(a=11, c=5)
    until(lambda: view.get("c") == Lamp("c", 5) and view.get("a") == Lamp("a", 11) and view.get("b") is None)
    assert sorted(view.keys()) == ["a", "c"]
    until(lambda: view.age_s < 2)


def test_a_view_of_an_empty_topic_is_ready(town: Town) -> None:
    view = town.view()
    view.wait_ready(30)
    assert view.values() == []


def test_a_view_of_a_missing_topic_waits_for_it(town: Town) -> None:
    view: View[Lamp] = View(town.settings, STATE, town.codec)
    view.start()
    town.views.append(view)
    with pytest.raises(Unavailable, match="not yet copied"):
        view.wait_ready(0.2)
    assert view.age_s == float("inf")
    town.create(STATE.wire(town.settings))
    view.wait_ready(30)


def test_a_view_of_a_state_looks_into_the_envelopes(town: Town) -> None:
    wire = STATE.wire(town.settings)
    town.create(wire)
    producer = Producer({"bootstrap.servers": town.settings.bootstrap})
    live = Cell(raw=town.codec.encode(wire, Lamp("a", 10)), sequences={"x": 1})
    for key, cell in (("a", live), ("deleted", Cell(sequences={"x": 3}))):
        envelope = envelope_of(cell)
        assert envelope is not None
        producer.produce(wire, town.codec.encode(wire, envelope), key)
    producer.produce(wire, b"garbage", "broken")
    producer.flush(30)
    view: View[Lamp] = View(town.settings, STATE, town.codec)
    view.start()
    town.views.append(view)
    view.wait_ready(30)
    assert view.values() == [Lamp("a", 10)]
    assert view.get("deleted") is None
    assert view.get("broken") is None
