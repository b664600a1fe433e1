"""A record to bytes and back: our two codecs against the Avro library and the typed records people put upon it.

Processor time of this process for each record, the least of three repeats; the contenders take turns within each
repeat, so that a machine that changes its speed changes it for all. The ratio is to the Avro library alone, which
stops at a dictionary.
"""

import argparse
import gc
import json
import platform
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import fastavro
import msgspec
from liandong.clock import real_now
from liandong.wire import Codec, LocalIds
from liandong.wire.bodies import native, own_body
from liandong.wire.resolution import parsed_schema
from liandong_contracts.base import Record
from liandong_contracts.sensing import ReadingObserved
from rich.console import Console
from rich.table import Table

from tests.load import readings as r

DIFFERENT = 1000
REPEATS = 3
CASES: dict[str, tuple[type[Record], type[Any], type[Any]]] = {
    "10 fields": (r.FlatReading, r.FlatData, r.FlatFaust),
    "ReadingObserved, 3 measurements": (ReadingObserved, r.ReadingData, r.ReadingFaust),
    "1 field": (r.OneField, r.OneData, r.OneFaust),
}
BASE = "fastavro to and from dict"
Turn = tuple[Callable[[Any], Any], list[Any]]  # what is done, with what


def contenders(record: type[Record], data: type[Any], model: Any, count: int) -> dict[str, tuple[Turn, Turn]]:
    """Return name -> (decode, encode)."""
    values, schema = r.samples(record, count), parsed_schema(record)
    read, write = fastavro.schemaless_reader, fastavro.schemaless_writer

    def to_plain(raw: bytes) -> Any:
        return read(BytesIO(raw), schema, None)

    def from_plain(plain: Any) -> bytes:
        out = BytesIO()
        write(out, schema, plain)
        return out.getvalue()

    slow = own_body(record, in_c=False)
    bodies = [slow.encode(value) for value in values]
    plains = [to_plain(raw) for raw in bodies]
    datas = [r.data_of(data, to_plain(raw)) for raw in bodies]
    models = [model.from_data(to_plain(raw)) for raw in bodies]
    texts = [msgspec.json.encode(value) for value in values]
    json_reader = msgspec.json.Decoder(record)
    found: dict[str, tuple[Turn, Turn]] = {BASE: ((to_plain, bodies), (from_plain, plains))}
    if native is not None:
        fast = own_body(record)
        found["Liandong, C"] = ((fast.decode, bodies), (fast.encode, values))
        found["Liandong, C, with framing"] = framed(record, values, in_c=True)
    found["Liandong, Python"] = ((slow.decode, bodies), (slow.encode, values))
    found["Liandong, Python, with framing"] = framed(record, values, in_c=False)
    found["fastavro and dataclass"] = (
        (lambda raw: r.data_of(data, to_plain(raw)), bodies),
        (lambda value: from_plain(r.plain_data(value)), datas),
    )
    found["fastavro and faust.Record"] = (
        (lambda raw: model.from_data(to_plain(raw)), bodies),
        (lambda value: from_plain(r.plain_faust(value)), models),
    )
    found["msgspec JSON (no Avro)"] = ((json_reader.decode, texts), (msgspec.json.encode, values))
    check(found, values, bodies)
    return found


def framed(record: type[Record], values: list[Any], *, in_c: bool) -> tuple[Turn, Turn]:
    """Return what services call: with magic byte, schema id and size limit."""
    codec = Codec(LocalIds({record.FULL_NAME: record}), {record.FULL_NAME: record}, in_c=in_c)
    return (codec.decode, codec.encode_many("topic", values)), (lambda value: codec.encode("topic", value), values)


def check(found: dict[str, tuple[Turn, Turn]], values: list[Any], bodies: list[bytes]) -> None:
    """Make sure that all contenders do the same work."""
    for name, ((decode, raws), (encode, given)) in found.items():
        assert name.startswith(("fastavro", "msgspec")) is False or decode(raws[0]) is not None
        if name.startswith("Liandong"):
            assert [decode(raw) for raw in raws] == values
        if not name.startswith("msgspec"):
            assert [encode(value)[-len(body) :] for value, body in zip(given, bodies, strict=True)] == bodies


def microseconds(turn: Turn, rounds: int) -> float:
    """Return the processor time of one call."""
    function, arguments = turn
    gc.collect()
    before = time.process_time_ns()
    for _ in range(rounds):
        for argument in arguments:
            function(argument)
    return (time.process_time_ns() - before) / 1000 / (rounds * len(arguments))


def measure(case: str, rounds: int) -> list[dict[str, Any]]:
    """Return a row for each contender: microseconds and ratios to the library alone."""
    found = contenders(*CASES[case], DIFFERENT)
    best: dict[str, list[float]] = {name: [float("inf")] * 2 for name in found}
    for _ in range(REPEATS):
        for name, turns in found.items():
            best[name] = [min(old, microseconds(turn, rounds)) for old, turn in zip(best[name], turns, strict=True)]
    base = best[BASE]
    return [
        {
            "name": name,
            "decode_us": round(decode, 3),
            "decode_ratio": round(decode / base[0], 3),
            "encode_us": round(encode, 3),
            "encode_ratio": round(encode / base[1], 3),
        }
        for name, (decode, encode) in best.items()
    ]


def show(case: str, rows: list[dict[str, Any]]) -> None:
    """Print a table."""
    table = Table("", "decode µs", "ratio", "encode µs", "ratio", title=case, title_justify="left")
    for row in rows:
        figures = (row["decode_us"], row["decode_ratio"], row["encode_us"], row["encode_ratio"])
        table.add_row(row["name"], *(f"{figure:.2f}" for figure in figures))
    Console().print(table)


def main(arguments: list[str]) -> int:
    """Measure all cases."""
    parser = argparse.ArgumentParser(prog="make bench CASE=codec")
    parser.add_argument("--rounds", type=int, default=20, help="thousands of records a repeat")
    rounds = parser.parse_args(arguments).rounds
    cases = []
    for case in CASES:
        rows = measure(case, rounds)
        show(case, rows)
        cases.append({"name": case, "rows": rows})
    machine = f"{platform.machine()}, Python {platform.python_version()}, fastavro {fastavro.__version__}"
    result = {"case": "codec", "date": f"{real_now():%Y-%m-%d}", "machine": machine, "cases": cases}
    print(json.dumps(result), flush=True)
    return 0
