"""`python -m cityframes decode|encode|tables`: frames and JSON, one a line."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import TextIO

from cityframes.document import markdown
from cityframes.gb26875.view import LineCodec as Gb26875
from cityframes.hj212.view import LineCodec as Hj212
from cityframes.lines import LineCodec, print_line, time_of
from cityframes.sl651.view import LineCodec as Sl651
from cityframes.szy206.view import LineCodec as Szy206
from cityframes.tolerances import TOLERANCES, choose

PROTOCOLS: dict[str, Callable[[frozenset[str], argparse.Namespace], LineCodec]] = {
    "gb26875": lambda tolerances, _: Gb26875(tolerances),
    "hj212": lambda tolerances, chosen: Hj212(tolerances, _units(chosen.unit)),
    "sl651": lambda tolerances, _: Sl651(tolerances),
    "szy206": lambda tolerances, chosen: Szy206(tolerances, time_of(chosen.received_at)),
}


def _units(words: list[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    wrong = [code for code, found, _ in pairs if not found]
    if wrong:
        raise ValueError(f"--unit {wrong[0]} is not CODE=UNIT")
    return {code: unit for code, _, unit in pairs}


def decode(codec: LineCodec, lines: Iterable[str], out: TextIO) -> None:
    """Decode each line and write one JSON object for it at once."""
    for line in lines:
        out.write(print_line(codec.decode(line.strip())) + "\n")
        out.flush()


def encode(codec: LineCodec, lines: Iterable[str], out: TextIO, err: TextIO) -> int:
    """Write the frame of each JSON object, an empty line and a sentence on `err` when it cannot be made."""
    failed = 0
    for number, line in enumerate(lines, 1):
        try:
            given = json.loads(line, parse_float=Decimal)
            text = codec.encode(given["frame"], given.get("readings", []))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, InvalidOperation) as error:
            failed, text = 1, ""
            err.write(f"line {number}: {type(error).__name__}: {error}\n")
        out.write(text + "\n")
        out.flush()
    return failed


def _tolerances(protocol: str) -> str:
    names = [one.name if one.default else f"{one.name} (off)" for one in TOLERANCES if one.protocol == protocol]
    return f"{protocol}: {', '.join(names)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cityframes", description="Frames of device protocols, read and made.")
    commands = parser.add_subparsers(dest="command", required=True)
    epilog = "Tolerances: " + "; ".join(map(_tolerances, sorted(PROTOCOLS)))
    for name, text in (
        ("decode", "read one frame a line from standard input (HJ 212: text, others: hexadecimal), print JSON"),
        (
            "encode",
            "read one JSON object a line as `decode` prints it, print frames; exit 1 when one cannot be made",
        ),
    ):
        command = commands.add_parser(name, help=text, description=text, epilog=epilog)
        command.add_argument("--protocol", required=True, choices=sorted(PROTOCOLS))
        command.add_argument(
            "--tolerate", default="", metavar="NAME,…", help="tolerances besides the usual ones; -NAME off; all; none"
        )
        command.add_argument(
            "--unit", action="append", default=[], metavar="CODE=UNIT", help="HJ 212: unit of a factor"
        )
        command.add_argument(
            "--received-at", metavar="TIME", help="SZY 206: ISO 8601 time of arrival, gives time labels their month"
        )
    commands.add_parser("tables", help="print what is decoded, as Markdown")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; `decode` returns 0 whatever the frames say, 2 for wrong arguments."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.command == "tables":
        sys.stdout.write(markdown())
        return 0
    try:
        codec = PROTOCOLS[chosen.protocol](choose(chosen.protocol, chosen.tolerate), chosen)
    except ValueError as error:
        parser.error(str(error))
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]  # TextIO has it not
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]  # TextIO has it not
    if chosen.command == "encode":
        return encode(codec, sys.stdin, sys.stdout, sys.stderr)
    decode(codec, sys.stdin, sys.stdout)
    return 0
