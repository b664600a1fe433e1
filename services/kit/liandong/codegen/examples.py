"""Examples: every record of a topic has a typical and a minimal one. Contract tests judge what is in them."""

from collections.abc import Iterator
from pathlib import Path

from liandong.codegen.marks import line_in
from liandong.codegen.model import Contract, short_name

KINDS = ("typical", "minimal")


def missing_examples(root: Path, contract: Contract) -> Iterator[str]:
    """Yield the records without their two examples, with the line of the topic file that names them."""
    for topic in contract.topics:
        for number, entry in enumerate(topic.records):
            name = short_name(entry.type)
            folder = root / "schemas/examples" / topic.name
            missing = [kind for kind in KINDS if not (folder / f"{name}-{kind}.json").exists()]
            if missing:
                file = root / f"schemas/topics/{topic.name}.yaml"
                line = line_in(file, ("records", number, "type"))
                wanted = " and ".join(f"{name}-{kind}.json" for kind in missing)
                yield f"{file}:{line}: {entry.type} needs examples, {wanted} in {folder}"
