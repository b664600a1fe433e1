"""YAML files checked strictly: unknown keys and wrong types are refused, each with its place in one line."""

import json
from typing import TypeVar

import yaml
from liandong.errors import ConfigError
from pydantic import BaseModel, ConfigDict, ValidationError


class StrictFile(BaseModel):
    """A file's content. The domain's plain dataclasses inside inherit the strictness."""

    model_config = ConfigDict(extra="forbid", strict=True)


F = TypeVar("F", bound=StrictFile)


def parsed(text: str, form: type[F], name: str, under: str = "") -> F:
    """Return the checked content of a YAML text; `under` puts the whole text under one key.

    Raises ConfigError naming the file, the places and the faults.
    """
    try:
        raw = yaml.safe_load(text)
        return form.model_validate_json(json.dumps({under: raw} if under else raw))
    except ValidationError as error:
        raise ConfigError(f"{name} cannot be used: {'; '.join(_sentences(error))}") from error
    except (yaml.YAMLError, TypeError) as error:
        raise ConfigError(f"{name} cannot be used: {error}") from error


def _sentences(error: ValidationError) -> list[str]:
    """Return one sentence a fault, without those of alternatives that the file's `kind` did not mean."""
    faults = error.errors(include_url=False, include_context=False)
    not_meant = {f["loc"][:-1] for f in faults if f["loc"][-1:] == ("kind",) and f["type"] == "literal_error"}
    meant = [f for f in faults if not any(f["loc"][: len(other)] == other for other in not_meant)]
    return [f"{'.'.join(str(part) for part in f['loc'])}: {f['msg']}" for f in meant or faults[:1]]
