"""What the page's frame says before any event: whose district, which world, who may be chosen as operator."""

from typing import Any

from ioc_service.domain.labels import POST, word
from ioc_service.domain.names import Names
from ioc_service.settings import ConsoleSettings

COMMAND_POSTS = ("DUTY_LEADER", "DEPUTY_COMMANDER", "COMMANDER", "DUTY_OFFICER", "FLOOD_DUTY")
_WORLDS = {
    "drill": ("drill", "演练", "演练环境：与真实事件隔离，不产生真实动作"),
    "demo": ("demo", "演示", "演示环境：数据为虚构，不产生真实动作"),
}
_OTHER = ("test", "测试", "测试环境：与真实事件隔离，不产生真实动作")


def frame_of(settings: ConsoleSettings, names: Names) -> dict[str, Any]:
    """Return the variables of the template."""
    return {
        "district": settings.district_name or names.areas.get(settings.area_code, settings.area_code),
        "world": world_of(settings.world),
        "operators": operators(settings, names),
        "operator": settings.operator,
    }


def world_of(world: str) -> dict[str, str]:
    """Return kind, label and note of a world; the real one has no label."""
    if not world:
        return {"kind": "real", "label": "", "note": "", "name": ""}
    kind, label, note = _WORLDS.get(world.partition("-")[0], _OTHER)
    return {"kind": kind, "label": label, "note": note, "name": world}


def operators(settings: ConsoleSettings, names: Names) -> list[dict[str, str]]:
    """Return who may be chosen: the command posts of the node's area, and whoever the settings name."""
    posts = [entry for entry in COMMAND_POSTS if any(p.post == entry for p in names.posts)] or list(COMMAND_POSTS)
    choices = [settings.operator, *(post for post in posts if post != settings.operator)]
    return [{"id": choice, "name": _called(choice, settings.area_code, names)} for choice in choices]


def _called(choice: str, area_code: str, names: Names) -> str:
    if choice not in POST:
        return names.person(choice)
    holder = names.holder(choice, area_code)
    post = word(POST, choice)
    name = names.person(holder)
    return f"{post} {name}" if holder and post not in name else name or post
