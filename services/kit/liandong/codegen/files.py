"""Put the generator together: which file holds what, write it, or say what is stale. The only part that writes."""

import json
from pathlib import Path

from liandong.codegen.avro import load_types, self_contained
from liandong.codegen.docs import emit_events
from liandong.codegen.links import emit_links
from liandong.codegen.manifests import emit_all
from liandong.codegen.model import Contract
from liandong.codegen.protos import emit_rpc
from liandong.codegen.records import emit_index, emit_module
from liandong.codegen.rules import homeless
from liandong.codegen.services import load_services
from liandong.codegen.topics import emit_topics, load_topics
from liandong.errors import ConfigError

PACKAGE = Path("services/contracts/liandong_contracts")
# folders that hold nothing but generated files, so that what is no longer generated is removed
OWNED = (PACKAGE / "avro", PACKAGE / "rpc", Path("k8s/topics"), Path("k8s/users"))


def load(root: Path) -> Contract:
    """Return everything declared below `root`. Raises ConfigError naming the file that breaks a rule."""
    types = load_types(root / "schemas/avro")
    topics = load_topics(root / "schemas/topics", types)
    if problems := homeless(root / "schemas", topics, types):
        raise ConfigError("\n".join(problems))
    return Contract(types, topics, load_services(root / "schemas/services", types, topics))


def generate(root: Path) -> dict[Path, bytes]:
    """Return every generated file, path relative to `root` -> content."""
    contract = load(root)
    texts: dict[Path, str] = {}
    for context in contract.contexts():
        texts[PACKAGE / f"{context}.py"] = emit_module(contract, context)
    texts[PACKAGE / "records.py"] = emit_index(contract)
    texts[PACKAGE / "topics.py"] = emit_topics(contract)
    for record in contract.records():
        schema = self_contained(record.full_name, contract.types)
        texts[PACKAGE / "avro" / f"{record.full_name}.avsc"] = json.dumps(schema, ensure_ascii=False, indent=1) + "\n"
    for name, text in emit_rpc(root / "protos").items():
        texts[PACKAGE / "rpc" / name] = text
    texts[PACKAGE / "links.py"] = emit_links(contract)
    for name, text in emit_all(contract).items():
        texts[Path("k8s") / name] = text
    texts[Path("docs/reference/events.md")] = emit_events(contract)
    return {path: text.encode() for path, text in texts.items()}


def check(root: Path) -> list[str]:
    """Return one line for each generated file that is missing, different or left over; empty when all is fresh."""
    files = generate(root)
    stale = []
    for path, content in sorted(files.items()):
        target = root / path
        if not target.exists():
            stale.append(f"{path}: missing")
        elif target.read_bytes() != content:
            stale.append(f"{path}: differs from its source")
    return stale + [f"{path}: no longer generated" for path in _left_over(root, files)]


def write(root: Path) -> list[Path]:
    """Write what changed, remove what is left over, and return the paths touched."""
    files = generate(root)
    touched = []
    for path, content in sorted(files.items()):
        target = root / path
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            touched.append(path)
    for path in _left_over(root, files):
        (root / path).unlink()
        touched.append(path)
    return touched


def _left_over(root: Path, files: dict[Path, bytes]) -> list[Path]:
    found = [p.relative_to(root) for owned in OWNED for p in (root / owned).rglob("*") if p.is_file()]
    return sorted(path for path in found if path not in files and "__pycache__" not in path.parts)
