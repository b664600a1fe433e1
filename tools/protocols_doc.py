"""Writes docs/reference/protocols.md from the tables of the codecs; `--check` only says whether it is fresh."""

import sys
from pathlib import Path

from cityframes.document import markdown

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "protocols.md"


def main(arguments: list[str]) -> int:
    """Write the document, or with `--check` compare it; 1 when it is not fresh."""
    text = markdown()
    if "--check" not in arguments:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET.name} is not what the codecs say: run `make gen`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
