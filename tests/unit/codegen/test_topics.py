import re
from typing import Any

import pytest
from liandong.codegen.files import load
from liandong.codegen.topics import emit_topics
from liandong.errors import ConfigError
from liandong_contracts.base import Topic

from .conftest import SEEN, TOPIC, World

STATE = {"kind": "state", "retention_hours": None}
TWO = [*TOPIC["records"], {"type": "liandong.flood.Mark"}]  # type: ignore[misc]


def test_a_constant_says_what_the_file_says(world: World) -> None:
    class Fake:
        class WaterSeen: ...

    source = emit_topics(load(world.root)).replace("from liandong_contracts import flood\n", "")
    module: dict[str, Any] = {"flood": Fake}
    exec(source, module)
    topic = module["FLOOD_SIGHT"]
    assert isinstance(topic, Topic)
    assert (topic.name, topic.key) == ("flood.sight", ("spot_id",))
    assert [record.__name__ for record in topic.records] == ["WaterSeen"]
    assert (topic.partitions["district"], topic.retention_hours, topic.park) == (2, 24, True)
    assert module["ALL"] == (topic,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, "unknown key"),
        ({"records": [{"type": "liandong.flood.WaterSeen", "lane": "P1"}]}, "unknown key"),
        ({"kind": "rumour"}, "Input should be"),
        ({"owner": "water", "producers": ["water"]}, "water cannot own a topic of another context"),
        ({"producers": ["flood", "ioc"]}, "only its owner flood may write a fact topic"),
        ({"kind": "evidence"}, "an evidence topic is internal to its owner"),
        ({"kind": "evidence", "consumers": ["flood"]}, "an evidence topic has no link rules"),
        ({"kind": "request"}, "the owner must read its request topic"),
        ({"partitions": {"district": 2}}, "partitions must give a count"),
        ({"partitions": {"district": 2, "city": 2, "community": 0}}, "partitions must give a count"),
        ({"retention_hours": None}, "every other kind must give them"),
        ({"kind": "state"}, "a state topic is compacted and has no retention_hours"),
        ({**STATE, "records": TWO}, "exactly one full-state record"),
        ({"key": ["depth_cm"]}, "has no string or enum depth_cm for the key"),
        ({"key": ["who"]}, "has no string or enum who for the key"),
        ({"records": [{"type": "liandong.flood.Nothing"}]}, "liandong.flood.Nothing is not a declared record"),
    ],
)
def test_refuses_a_topic(world: World, changes: dict[str, Any], words: str) -> None:
    path = world.topic(**changes)
    with pytest.raises(ConfigError, match=re.escape(words)) as error:
        load(world.root)
    assert re.search(rf"{re.escape(str(path))}:\d+: ", str(error.value))


def test_the_file_is_called_like_the_topic(world: World) -> None:
    path = world.topic()
    path.rename(path.with_name("flood.other.yaml"))
    with pytest.raises(ConfigError, match=re.escape("the file must be called flood.sight.yaml")):
        load(world.root)


def test_every_record_has_one_home(world: World) -> None:
    world.topic(name="flood.second")
    world.avsc({**SEEN, "name": "WaterGone"})
    with pytest.raises(ConfigError) as error:
        load(world.root)
    assert "liandong.flood.WaterSeen belongs to 2 topics" in str(error.value)
    assert "liandong.flood.WaterGone belongs to no topic" in str(error.value)
