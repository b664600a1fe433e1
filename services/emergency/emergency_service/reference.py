"""Reference data of the service: areas, roster and plans from YAML files into checked domain values.

A mistake stops the start with one sentence for each, naming file and place; it is never repaired silently.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml
from liandong.errors import ConfigError
from pydantic import BaseModel, ConfigDict, ValidationError

from emergency_service.domain import area, plan, roster
from emergency_service.domain.area import Area, Areas
from emergency_service.domain.plan import Plan, Plans
from emergency_service.domain.roster import Person, PostEntry, Roster
from emergency_service.settings import EmergencySettings


class _File(BaseModel):
    # the domain's plain dataclasses inherit this: an unknown key anywhere in a file is a mistake
    model_config = ConfigDict(extra="forbid")


class AreasFile(_File):
    """areas.yaml."""

    areas: tuple[Area, ...]


class RosterFile(_File):
    """roster.yaml."""

    persons: tuple[Person, ...]
    posts: tuple[PostEntry, ...]


class PlanFile(_File):
    """One plan file; the plan is the whole file."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class References:
    """What handlers and queries decide by; `roster_at`: when the roster was read, world time."""

    areas: Areas
    roster: Roster
    plans: Plans
    roster_at: datetime


_F = TypeVar("_F", bound=_File)


def load(settings: EmergencySettings) -> References:
    """Read and check all reference files. Raises ConfigError with every mistake found in the first bad file."""
    folder = settings.reference_dir
    area_file = _parse(AreasFile, _read(folder / "areas.yaml"), "areas.yaml")
    _refuse("areas.yaml", area.problems_of(area_file.areas))
    areas = Areas(area_file.areas)
    people = _parse(RosterFile, _read(folder / "roster.yaml"), "roster.yaml")
    _refuse("roster.yaml", roster.problems_of(areas, people.persons, people.posts))
    return References(
        areas=areas,
        roster=Roster(areas, people.persons, people.posts),
        plans=Plans(_plans(settings.plan_dir)),
        roster_at=settings.clock().now(),
    )


def gaps_of(references: References) -> list[str]:
    """Return one sentence per plan task that no post of its area can take: the duty officer would get it."""
    found: list[str] = []
    for each in references.plans.all():
        placed = plan.place(each.up_to(each.top()), references.areas, references.areas.root.code)
        missing = {
            (item.template.post, item.area.code): item.area.name
            for item in placed
            if not references.roster.has(item.template.post, item.area.code)
        }
        found += [f"{each.plan_id}: {code} ({name}) has no {post}" for (post, code), name in sorted(missing.items())]
    return found


def parse_plan(text: str, name: str) -> Plan:
    """Return the checked plan of a YAML text. Raises ConfigError."""
    parsed = _parse(PlanFile, {"plan": _yaml(text, name)}, name).plan
    _refuse(name, plan.problems_of(parsed))
    return parsed


def _plans(folder: Path | None) -> Iterable[Plan]:
    files = folder.glob("*.yaml") if folder else resources.files("emergency_service.plans").iterdir()
    found = [parse_plan(f.read_text(encoding="utf-8"), f.name) for f in files if f.name.endswith(".yaml")]
    if not found:
        raise ConfigError(f"{folder}: no plan files (*.yaml) here; set LIANDONG_PLAN_DIR to a directory with plans")
    return found


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); set LIANDONG_REFERENCE_DIR") from error
    return _yaml(text, path.name)


def _yaml(text: str, name: str) -> Any:
    try:
        # BaseLoader keeps every scalar as text: 08:00 stays a time and 990101 a code, quoted or not
        return yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not readable as YAML: {error}") from error


def _parse(model: type[_F], raw: Any, name: str) -> _F:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        _refuse(name, [f"{_place(item['loc'])}: {item['msg']}" for item in error.errors()])
        raise


def _place(loc: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def _refuse(name: str, problems: list[str]) -> None:
    if problems:
        raise ConfigError("\n".join(f"{name}: {problem}" for problem in problems))
