"""`python -m liandong.codegen gen|check [--root DIR]`: write the generated files, or say which are stale."""

import argparse
import sys
from pathlib import Path

from liandong.codegen.files import check, write
from liandong.errors import ConfigError


def main(arguments: list[str] | None = None) -> int:
    """Run one of the two commands; 0 when all is well, 1 when something is stale or wrong."""
    parser = argparse.ArgumentParser(prog="liandong.codegen", description=__doc__)
    parser.add_argument("command", choices=("gen", "check"))
    parser.add_argument("--root", type=Path, default=Path(), help="top of the repository")
    options = parser.parse_args(arguments)
    try:
        return _gen(options.root) if options.command == "gen" else _check(options.root)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1


def _gen(root: Path) -> int:
    touched = write(root)
    for path in touched:
        print(path)
    print(f"{len(touched)} generated files changed")
    return 0


def _check(root: Path) -> int:
    stale = check(root)
    for line in stale:
        print(line, file=sys.stderr)
    if stale:
        print("Generated files are stale: run `make gen` and commit the result.", file=sys.stderr)
        return 1
    print("generated files are fresh")
    return 0


if __name__ == "__main__":
    sys.exit(main())
