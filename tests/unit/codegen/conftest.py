"""A small declared world in a temporary folder."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

COLOUR = {
    "type": "enum",
    "name": "Colour",
    "namespace": "liandong.flood",
    "doc": "Colour.",
    "symbols": ["UNKNOWN", "RED"],
    "default": "UNKNOWN",
}
MARK: dict[str, Any] = {
    "type": "record",
    "name": "Mark",
    "namespace": "liandong.flood",
    "doc": "A mark.",
    "fields": [
        {"name": "colour", "type": "Colour", "doc": "Its colour."},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "When."},
    ],
}
SEEN: dict[str, Any] = {
    "type": "record",
    "name": "WaterSeen",
    "namespace": "liandong.flood",
    "zh": "见水",
    "doc": "Somebody saw water.",
    "fields": [
        {"name": "spot_id", "type": "string", "doc": "Spot."},
        {"name": "depth_cm", "type": ["null", "double"], "default": None, "unit": "cm", "doc": "Depth."},
        {"name": "who", "type": ["null", "string"], "default": None, "pii": "P1", "doc": "Who."},
        {"name": "best", "type": ["null", "Mark"], "default": None, "doc": "Best mark."},
        {"name": "worst", "type": ["null", "Colour"], "default": None, "doc": "Worst colour."},
        {"name": "marks", "type": {"type": "array", "items": "Mark"}, "default": [], "doc": "All marks."},
        {"name": "colours", "type": {"type": "array", "items": "Colour"}, "default": [], "doc": "All colours."},
        {"name": "by_name", "type": {"type": "map", "values": "Mark"}, "default": {}, "doc": "Marks by name."},
        {"name": "mm", "type": {"type": "map", "values": "double"}, "default": {}, "doc": "Rain."},
        {"name": "raw", "type": "bytes", "doc": "Bytes."},
        {"name": "sure", "type": "boolean", "default": True, "doc": "Sure."},
        {"name": "count", "type": "int", "default": 3, "doc": "Count."},
        {"name": "total", "type": "long", "default": 4, "doc": "Total."},
        {"name": "note", "type": "string", "default": "none", "doc": "Note."},
        {"name": "shade", "type": "Colour", "default": "RED", "doc": "Shade."},
    ],
}
TOPIC = {
    "name": "flood.sight",
    "doc": "What was seen.",
    "kind": "fact",
    "owner": "flood",
    "key": ["spot_id"],
    "records": [{"type": "liandong.flood.WaterSeen", "link": {"direction": "up", "lane": "P1"}}],
    "partitions": {"district": 2, "city": 2, "community": 1},
    "retention_hours": 24,
    "producers": ["flood"],
    "consumers": ["ioc"],
    "catalogue": "NEGATIVE",
    "after_dead_letter": "park",
}
TRACK: dict[str, Any] = {**MARK, "name": "SpotTrack"}
SERVICE: dict[str, Any] = {
    "service": "flood",
    "doc": "Judges water.",
    "processes": [
        {
            "name": "judge",
            "kind": "stream",
            "doc": "Judges.",
            "states": [{"name": "spot", "record": "liandong.flood.SpotTrack", "inputs": ["flood.sight"]}],
        }
    ],
}
CODES: dict[str, Any] = {
    "zh": "颜色",
    "en": "Colour",
    "doc": "Colours.",
    "source": "made up",
    "enum": "liandong.flood.Colour",
    "codes": [{"code": "RED", "zh": "红", "en": "Red"}],
}
PROTO = """\
syntax = "proto3";
package liandong.flood.v1;
import "google/protobuf/timestamp.proto";
service FloodQuery {
  rpc Get(GetRequest) returns (GetReply);
  rpc Watch(GetRequest) returns (stream GetReply);
}
message GetRequest { string spot_id = 1; }
message GetReply { google.protobuf.Timestamp at = 1; }
"""


PYPROJECT = """\
[tool.liandong]
package = "services/contracts/liandong_contracts"
namespace = "liandong"
"""


def plain(declared: dict[str, Any]) -> str:
    """Return YAML in which a value that stands twice is written twice, as people do."""
    return yaml.safe_dump(json.loads(json.dumps(declared)))


class World:
    """Writes declarations below a root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def avsc(self, declared: dict[str, Any], folder: str = "flood", **changes: Any) -> Path:
        return self._put(f"schemas/avro/{folder}/{declared['name']}.avsc", json.dumps({**declared, **changes}))

    def topic(self, **changes: Any) -> Path:
        declared = {name: value for name, value in {**TOPIC, **changes}.items() if value is not None}
        return self._put(f"schemas/topics/{declared['name']}.yaml", plain(declared))

    def service(self, **changes: Any) -> Path:
        """Declare a service that keeps a state of what it reads itself."""
        self.avsc(TRACK, folder="flood/state")
        declared = {**SERVICE, **changes}
        return self._put(f"schemas/services/{declared['service']}.yaml", plain(declared))

    def example(self, kind: str) -> Path:
        return self._put(f"schemas/examples/flood.sight/WaterSeen-{kind}.json", "{}")

    def code_list(self, name: str, **changes: Any) -> Path:
        return self._put(f"schemas/reference/{name}.yaml", plain({**CODES, **changes}))

    def proto(self) -> Path:
        return self._put("protos/liandong/flood/v1/flood.proto", PROTO)

    def _put(self, path: str, text: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    for declared in (COLOUR, MARK, SEEN):
        world.avsc(declared)
    world.topic()
    world.example("typical")
    world.example("minimal")
    world.proto()
    return world
