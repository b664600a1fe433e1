"""The reference page says what the declarations say: links to types, defaults, subjects, when events leave."""

from liandong.codegen.docs import emit_events
from liandong.codegen.files import load

from .conftest import SEEN, TOPIC, World


def page(world: World) -> str:
    return emit_events(load(world.root))


def test_types_lead_to_their_place_and_defaults_are_told(world: World) -> None:
    world.topic()
    text = page(world)
    assert '<a id="liandong.flood.Colour"></a>' in text
    assert "| marks | array of [Mark](#liandong.flood.Mark), default empty |" in text
    assert "| shade | [Colour](#liandong.flood.Colour), default RED |" in text
    assert "| sure | boolean, default true |" in text
    assert "| count | int, default 3 |" in text
    assert "| worst | [Colour](#liandong.flood.Colour), optional |" in text


def test_a_link_says_when_and_without_what(world: World) -> None:
    said = {"name": "said", "type": "string", "pii": "P2", "subject": "spot_id", "doc": "Said."}
    world.avsc({**SEEN, "fields": [*SEEN["fields"], said]})
    when = {"count": {"at_most": 2}, "shade": {"one_of": ["UNKNOWN", "RED"]}, "sure": {"equals": True}}
    link = {"direction": "up", "lane": "P1", "when": when}
    world.topic(records=[{**TOPIC["records"][0], "link": link}])  # type: ignore[index]
    text = page(world)
    told = "when count at most 2 and shade one of UNKNOWN, RED and sure equals true without said"
    assert f"Leaves its tier:\n\n- WaterSeen up (P1) {told}\n" in text
    assert "| said | string |  | Said. Personal data, P2 of spot_id. |" in text


def test_a_record_without_a_link_rule_stays(world: World) -> None:
    world.topic(records=[{"type": "liandong.flood.WaterSeen"}])
    assert "Never leaves its tier." in page(world)
