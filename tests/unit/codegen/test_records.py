"""Generated code, executed: what the emitted module does matters, not how it looks."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import fastavro
import pytest
from liandong.codegen.avro import self_contained
from liandong.codegen.files import load
from liandong.codegen.records import emit_index, emit_module
from liandong_contracts.base import unknown_symbol_watchers

from .conftest import World

AT = datetime(2026, 7, 8, 10, 30, tzinfo=UTC)


@pytest.fixture
def module(world: World) -> Any:
    module = ModuleType("generated_flood")
    exec(emit_module(load(world.root), "flood"), module.__dict__)
    return module


@pytest.fixture
def unknown() -> Iterator[list[tuple[str, str]]]:
    seen: list[tuple[str, str]] = []

    def watch(enum: type[Any], symbol: str) -> None:
        seen.append((enum.__name__, symbol))

    unknown_symbol_watchers.append(watch)
    yield seen
    unknown_symbol_watchers.remove(watch)


def test_defaults_make_records_pleasant(module: Any) -> None:
    seen = module.WaterSeen(spot_id="spot-demo-1", raw=b"")
    assert (seen.depth_cm, seen.best, seen.marks, seen.mm, seen.sure) == (None, None, (), {}, True)
    assert (seen.count, seen.total, seen.note, seen.shade) == (3, 4, "none", module.Colour.RED)
    assert module.WaterSeen(spot_id="spot-demo-1", raw=b"").mm is not seen.mm
    with pytest.raises(TypeError, match="Missing required argument 'raw'"):
        module.WaterSeen(spot_id="spot-demo-1")


def test_every_kind_of_field_round_trips(world: World, module: Any) -> None:
    mark = module.Mark(colour=module.Colour.RED, at=AT)
    before = module.WaterSeen(
        spot_id="spot-demo-1",
        depth_cm=31.5,
        who="person-demo-1",
        best=mark,
        worst=module.Colour.RED,
        marks=(mark, mark),
        colours=(module.Colour.UNKNOWN, module.Colour.RED),
        by_name={"a": mark},
        mm={"H1": 12.5},
        raw=b"\x00\xff",
        sure=False,
        count=-1,
        total=1 << 40,
        note="",
        shade=module.Colour.UNKNOWN,
    )
    for record in (before, module.WaterSeen(spot_id="spot-demo-1", raw=b"")):
        schema = fastavro.parse_schema(self_contained(record.FULL_NAME, load(world.root).schemas()))
        body = io.BytesIO()
        fastavro.schemaless_writer(body, schema, record.to_avro(), strict=True)
        body.seek(0)
        raw: Any = fastavro.schemaless_reader(body, schema, None)
        after = module.WaterSeen.from_avro(raw)
        assert after == record
        assert isinstance(after.shade, module.Colour)


def test_an_unknown_symbol_becomes_the_default_and_is_told(module: Any, unknown: list[tuple[str, str]]) -> None:
    assert module.Mark.from_avro({"colour": "VIOLET", "at": AT}).colour is module.Colour.UNKNOWN
    assert unknown == [("Colour", "VIOLET")]


def test_docstrings_carry_units_and_personal_data(module: Any) -> None:
    assert "见水: Somebody saw water." in module.WaterSeen.__doc__
    assert "depth_cm: Depth. [cm]" in module.WaterSeen.__doc__
    assert "who: Who. (personal data, P1)" in module.WaterSeen.__doc__


def test_index_maps_full_names(world: World) -> None:
    assert '"liandong.flood.WaterSeen": flood.WaterSeen,' in emit_index(load(world.root))
