"""Rule packs as files: read, checked strictly, refused with the reason. A pack is data; code never overrides it."""

from importlib import resources
from pathlib import Path

from liandong.errors import ConfigError

from flood_service.domain.pack import RulePack, problems_of
from flood_service.yamlfile import StrictFile, parsed


class PackFile(StrictFile):
    """The whole file is one pack."""

    pack: RulePack


def load_pack(path: Path | None = None) -> RulePack:
    """Return the pack of a file, or the sample. Raises ConfigError naming the file, the place and the fault."""
    name = f"rule pack {path or 'sample.yaml'}"
    source = path or resources.files(__name__) / "sample.yaml"
    try:
        text = source.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error}") from error
    pack = parsed(text, PackFile, name, under="pack").pack
    if problems := problems_of(pack):
        raise ConfigError(f"{name} cannot be used: {'; '.join(problems)}")
    return pack
