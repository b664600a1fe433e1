from pathlib import Path

import pytest
import yaml
from liandong.codegen import check, generate, write
from liandong.codegen.docs import emit_reference
from liandong.codegen.docs.text import anchor, kept
from liandong.codegen.files import load
from liandong.codegen.protos import descriptors
from liandong.errors import ConfigError

from .conftest import COLOUR, MARK, SEEN, World


def page(world: World, name: str) -> str:
    return emit_reference(load(world.root), descriptors(world.root / "protos"))[name]


def test_a_context_has_a_page_with_graph_topics_records_and_code_lists(world: World) -> None:
    text = page(world, "events/flood.md")
    assert "  flood_w --> flood_sight\n" in text
    assert "  flood_sight --> ioc_r\n" in text
    assert "| [flood.sight](#floodsight) | fact | spot_id | 1 d | flood | ioc | WaterSeen |" in text
    assert "#### WaterSeen\n\n`liandong.flood.WaterSeen` 见水. Somebody saw water.\n" in text
    assert "| depth_cm | double, optional | cm | Depth. |" in text
    assert "| best | [Mark](#mark), optional |  | Best mark. |" in text
    assert "| who | string, optional |  | Who. Personal data: [P1 staff, in clear](../personal-data.md). |" in text
    assert "| marks | array of [Mark](#mark), default empty |" in text
    assert "| shade | [Colour](#colour), default RED |" in text
    assert "| sure | boolean, default true |" in text
    assert "| count | int, default 3 |" in text
    assert "#### Mark\n" in text
    assert "#### Colour\n" in text
    assert "| WaterSeen | up | P1 command | always |  |" in text


def test_an_event_leads_to_its_two_examples(world: World) -> None:
    typical, minimal = (
        f"../../../schemas/examples/flood.sight/WaterSeen-{kind}.json" for kind in ("typical", "minimal")
    )
    assert f"\nExamples: [typical]({typical}), [minimal]({minimal}).\n" in page(world, "events/flood.md")


def test_an_enum_leads_to_its_code_list(world: World) -> None:
    assert "## Code lists" not in page(world, "events.md")
    world.code_list("colour")
    file = "schemas/reference/colour.yaml"
    assert f"`UNKNOWN`, `RED`\n\nWhat each code means: [colour](../../../{file}).\n" in page(world, "events/flood.md")
    assert f"| [colour](../../{file}) | 颜色 | Colours. |" in page(world, "events.md")


def test_a_code_list_with_an_unknown_key_is_refused(world: World) -> None:
    path = world.code_list("colour", colours=[])
    with pytest.raises(ConfigError) as refused:
        load(world.root)
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if text.startswith("colours"))
    assert str(refused.value) == f"{path}:{line}: colours: unknown key"


def test_the_index_leads_to_each_context_and_says_who_reads_whom(world: World) -> None:
    world.topic(consumers=["flood", "ioc"])
    world.service()
    text = page(world, "events.md")
    assert "| [flood](events/flood.md) | 1 | 1 | What was seen |" in text
    assert "| flood | judge | stream | Judges. | spot |" in text
    assert "|  | flood | ioc |\n|---|---|---|\n| **flood** | 1 | 1 |" in text


def test_types_of_another_context_are_described_there(world: World) -> None:
    world.avsc(COLOUR, folder="common", namespace="liandong.common")
    coloured = {"name": "tint", "type": ["null", "liandong.common.Colour"], "default": None, "doc": "Tint."}
    world.avsc(SEEN, fields=[*SEEN["fields"], coloured])
    assert "| tint | [Colour](common.md#colour), optional |  | Tint. |" in page(world, "events/flood.md")
    assert "#### Colour\n" in page(world, "events/common.md")
    assert "| [common](events/common.md) | 0 | 0 |" in page(world, "events.md")


def test_a_shared_record_may_be_told_by_several_owners(world: World) -> None:
    shared = {"records": [{"type": "liandong.common.RuleMade"}], "key": ["rule_id"]}
    fields = [{"name": "rule_id", "type": "string", "doc": "Rule."}]
    world.avsc({**MARK, "name": "RuleMade", "namespace": "liandong.common", "fields": fields}, folder="common")
    world.topic(name="flood.rule", **shared)
    world.topic(name="water.rule", owner="water", producers=["water"], **shared)
    assert [topic.name for topic in load(world.root).topics] == ["flood.rule", "flood.sight", "water.rule"]
    assert page(world, "events/flood.md").count("#### RuleMade") == 1
    assert "RuleMade is described under [flood.rule](flood.md#floodrule)." in page(world, "events/water.md")


def test_links_and_personal_data_in_one_table_each(world: World) -> None:
    seen = {"name": "who", "type": "string", "pii": "P2", "subject": "spot_id", "doc": "Who."}
    world.avsc(SEEN, fields=[*SEEN["fields"][:2], seen, *SEEN["fields"][3:]])
    when = {"count": {"at_least": 2, "at_most": 9}, "shade": {"one_of": ["RED", "UNKNOWN"]}, "sure": {"equals": True}}
    link = {"direction": "up", "lane": "P1", "when": when}
    world.topic(records=[{"type": "liandong.flood.WaterSeen", "link": link}])
    links, personal = page(world, "links.md"), page(world, "personal-data.md")
    said = "count ≤ 9 and count ≥ 2 and shade in RED, UNKNOWN and sure = true"
    way = f"| P1 command | [WaterSeen](events/flood.md#waterseen) | flood.sight | {said} | who | the sender's topic |"
    up, down = links.split("## Down")
    assert way in up
    assert "Nothing." in down
    said = "Personal data of spot_id: [P2 citizen, encrypted](../personal-data.md)."
    assert f"| who | string |  | Who. {said} |" in page(world, "events/flood.md")
    topic, record = "[flood.sight](events/flood.md#floodsight)", "[WaterSeen](events/flood.md#waterseen)"
    assert f"| {topic} | {record} | who | P2 citizen, encrypted | spot_id | replaced |" in personal


def test_questions_and_commands_with_their_comments(world: World) -> None:
    path = world.proto()
    text = path.read_text(encoding="utf-8").replace("  rpc Get(", "  // What is known of a spot.\n  rpc Get(")
    path.write_text(text.replace("string spot_id = 1;", "repeated string spot_id = 1;"), encoding="utf-8")
    text = page(world, "rpc.md")
    assert "### FloodQuery\n" in text
    request, reply = "[GetRequest](#liandong.flood.v1.GetRequest)", "[GetReply](#liandong.flood.v1.GetReply)"
    assert f"| Get | {request} → {reply} | What is known of a spot. |" in text
    assert f"| Watch | {request} → stream of {reply} |  |" in text
    assert '<a id="liandong.flood.v1.GetReply"></a>\n\n#### GetReply\n' in text
    assert "| spot_id | list of string |  |" in text
    assert "| at | Timestamp |  |" in text


def test_asyncapi_document(world: World) -> None:
    raw = generate(world.root)[Path("docs/reference/asyncapi.yaml")].decode()
    assert "&id" not in raw
    document = yaml.safe_load(raw)
    assert document["asyncapi"] == "3.0.0"
    channel = document["channels"]["flood.sight"]
    assert channel["address"] == "{tier}.flood.sight.v1"
    assert channel["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] == 86400000
    operations = document["operations"]
    assert {name: operation["action"] for name, operation in operations.items()} == {
        "flood.send.flood.sight": "send",
        "ioc.receive.flood.sight": "receive",
    }
    message = document["components"]["messages"]["flood.WaterSeen"]
    assert message["payload"]["schemaFormat"] == "application/vnd.apache.avro;version=1.9.0"
    assert message["bindings"]["kafka"]["key"]["description"] == "spot_id"


def told(world: World) -> list[str]:
    write(world.root)
    return check(world.root)


def test_a_record_without_examples(world: World) -> None:
    for kind in ("typical", "minimal"):
        world.example(kind).unlink()
    (line,) = told(world)
    path = world.root / "schemas/topics/flood.sight.yaml"
    number = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "WaterSeen" in text)
    assert line.startswith(f"{path}:{number}: liandong.flood.WaterSeen needs")
    assert "needs examples, WaterSeen-typical.json and WaterSeen-minimal.json in" in line


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["* @liandong/all"], "1: /schemas/topics/flood.sight.yaml belongs to flood"),
        (["/schemas/ @liandong/flood"], ""),
        (["/schemas/ @liandong/flood", "/schemas/avro/ @liandong/all"], "2: /schemas/avro/flood/ belongs to flood"),
        (["/schemas/ @liandong/flood", "", "/services/flood/ @liandong/water"], "must name @liandong/water"),
        (["/schemas/avro/flood/ @liandong/flood", "/schemas/topics/flood.*.yaml @liandong/flood # theirs"], ""),
    ],
)
def test_the_owner_of_a_topic_is_asked_when_it_changes(world: World, lines: list[str], said: str) -> None:
    (world.root / "CODEOWNERS").write_text("\n".join(lines), encoding="utf-8")
    problems = "\n".join(told(world))
    assert (said in problems) if said else not problems


def test_small_words() -> None:
    assert (kept(None), kept(168), kept(30)) == ("last state per key", "7 d", "30 h")
    assert anchor("flood.spot-state") == "floodspot-state"


def test_a_record_without_a_link_rule_stays(world: World) -> None:
    world.topic(records=[{"type": "liandong.flood.WaterSeen"}])
    assert "Never leaves its tier." in page(world, "events/flood.md")


def test_what_arrives_as_a_request_is_told(world: World) -> None:
    link = {"direction": "down", "lane": "P1"}
    writers = {"producers": ["ioc", "linkage"], "consumers": ["flood"]}
    world.topic(kind="request", records=[{"type": "liandong.flood.WaterSeen", "link": link}], **writers)
    down = page(world, "links.md").split("## Down")[1]
    assert "| always |  | a request in the tier's own flood.sight |" in down
