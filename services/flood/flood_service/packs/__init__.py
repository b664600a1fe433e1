"""Rule packs as files: read, checked strictly, refused with the reason. A pack is data; code never overrides it."""

import json
from importlib import resources
from pathlib import Path

import yaml
from liandong.errors import ConfigError
from pydantic import TypeAdapter, ValidationError

from flood_service.domain.pack import RulePack, problems_of

_ADAPTER = TypeAdapter(RulePack)


def load_pack(path: Path | None = None) -> RulePack:
    """Return the pack of a file, or the sample. Raises ConfigError naming the file, the place and the fault."""
    name = str(path) if path else "packs/sample.yaml"
    try:
        if path is None:
            text = (resources.files("flood_service.packs") / "sample.yaml").read_text(encoding="utf-8")
        else:
            text = path.read_text(encoding="utf-8")
        pack = _ADAPTER.validate_json(json.dumps(yaml.safe_load(text)), strict=True)
    except (OSError, yaml.YAMLError, ValidationError, TypeError) as error:
        raise ConfigError(f"rule pack {name} cannot be used: {error}") from error
    if problems := problems_of(pack):
        raise ConfigError(f"rule pack {name} cannot be used: {'; '.join(problems)}")
    return pack
