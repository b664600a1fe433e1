"""`python -m cityframes decode --protocol P`: one frame a line in, one JSON object a line out."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from cityframes.result import FrameError
from cityframes.sl651.view import LineDecoder

Decoder = Callable[[str], dict[str, Any] | FrameError]
PROTOCOLS: dict[str, Callable[[], Decoder]] = {"sl651": LineDecoder}


def run(decoder: Decoder, lines: Iterable[str], out: TextIO) -> None:
    """Decode each line and write one JSON object for it at once."""
    for line in lines:
        result = decoder(line.strip())
        if isinstance(result, FrameError):
            answer = {"ok": False, "error": result.kind.value, "detail": result.detail, "station": result.station}
        else:
            answer = {"ok": True, **result}
        out.write(json.dumps(answer, ensure_ascii=False) + "\n")
        out.flush()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 whatever the frames say."""
    parser = argparse.ArgumentParser(prog="cityframes", description="Read frames of device protocols.")
    commands = parser.add_subparsers(dest="command", required=True)
    decode = commands.add_parser("decode", help="read one frame a line from standard input, print one JSON a line")
    decode.add_argument("--protocol", required=True, choices=sorted(PROTOCOLS))
    chosen = parser.parse_args(arguments)
    sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
    run(PROTOCOLS[chosen.protocol](), sys.stdin, sys.stdout)
    return 0
