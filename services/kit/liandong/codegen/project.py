"""Whose declarations these are: the platform's own, or a department's repository that uses the platform's.

    [tool.liandong]
    package = "parks_contracts"     # folder of the generated package, relative to pyproject.toml
    namespace = "cn.example"        # Avro namespaces are <namespace>.<context>

The platform's types come from the installed `liandong_contracts`; its generated modules are never imported, because in
the platform's own repository they are what is being made.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from liandong.codegen.model import TopicFile
from liandong.errors import ConfigError

PLATFORM = "liandong_contracts"
PLATFORM_NAMESPACE = "liandong"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    package: str = Field(pattern=r"^([A-Za-z0-9_.-]+/)*[a-z][a-z0-9_]*$")
    namespace: str = Field(pattern=r"^[a-z][a-z0-9]*(\.[a-z][a-z0-9]*)*$")


@dataclass(frozen=True)
class Project:
    """One repository of declarations. `package` is relative to its root; `foreign` are the platform's raw schemas by
    full name and `topics` its topics, none in the platform's own repository.
    """

    package: Path
    namespace: str
    foreign: Mapping[str, Mapping[str, Any]]
    topics: tuple[TopicFile, ...] = ()

    @property
    def module(self) -> str:
        """Return the name that the generated package is imported by."""
        return self.package.name

    def taken(self, context: str) -> bool:
        """Say whether a context belongs to the platform and so cannot be a department's."""
        return bool(self.foreign) and context in {name.split(".")[1] for name in self.foreign}


def project_of(root: Path) -> Project:
    """Return the project below `root`. Raises ConfigError naming pyproject.toml and what is wrong with it."""
    path = root / "pyproject.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("liandong")
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if table is None:
        raise ConfigError(
            f"{path}: [tool.liandong] is missing; it says where generated code goes and how types are called, "
            'for example package = "parks_contracts" and namespace = "cn.example"'
        )
    try:
        settings = _Settings.model_validate(table)
    except ValidationError as error:
        raise ConfigError(f"{path}: [tool.liandong]: {error}") from error
    package = Path(settings.package)
    if package.name == PLATFORM and settings.namespace == PLATFORM_NAMESPACE:
        return Project(package, settings.namespace, {})
    if package.name == PLATFORM or settings.namespace.split(".")[0] == PLATFORM_NAMESPACE:
        raise ConfigError(
            f"{path}: [tool.liandong]: {PLATFORM} and the namespace {PLATFORM_NAMESPACE} belong to the platform: "
            'use your own, for example package = "parks_contracts" and namespace = "cn.example"'
        )
    return Project(package, settings.namespace, platform_schemas(), platform_topics())


@cache
def platform_schemas() -> Mapping[str, Mapping[str, Any]]:
    """Return every named type of the installed platform contracts, full name -> schema; others stand in it by name."""
    found: dict[str, Mapping[str, Any]] = {}
    for file in sorted((resources.files(PLATFORM) / "avro").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".avsc"):
            found |= dict(_unfolded(json.loads(file.read_text(encoding="utf-8"))))
    return found


@cache
def platform_topics() -> tuple[TopicFile, ...]:
    """Return every topic of the installed platform contracts."""
    text = (resources.files(PLATFORM) / "topics.json").read_text(encoding="utf-8")
    return TypeAdapter(tuple[TopicFile, ...]).validate_json(text)


def _unfolded(schema: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the named types of a self-contained schema, each with names where others were written out."""
    if isinstance(schema, list):
        for branch in schema:
            yield from _unfolded(branch)
    elif isinstance(schema, dict) and schema["type"] in ("array", "map"):
        yield from _unfolded(schema["items" if schema["type"] == "array" else "values"])
    elif isinstance(schema, dict) and schema["type"] == "enum":
        yield f"{schema['namespace']}.{schema['name']}", schema
    elif isinstance(schema, dict) and schema["type"] == "record":
        for field in schema["fields"]:
            yield from _unfolded(field["type"])
        fields = [{**field, "type": _folded(field["type"])} for field in schema["fields"]]
        yield f"{schema['namespace']}.{schema['name']}", {**schema, "fields": fields}


def _folded(type_: Any) -> Any:
    if isinstance(type_, list):
        return [_folded(branch) for branch in type_]
    if isinstance(type_, dict) and type_["type"] in ("array", "map"):
        key: Literal["items", "values"] = "items" if type_["type"] == "array" else "values"
        return {**type_, key: _folded(type_[key])}
    if isinstance(type_, dict) and type_["type"] in ("record", "enum"):
        return f"{type_['namespace']}.{type_['name']}"
    return type_
