"""The 25,000 real readings of a flood morning in 2014 through gateway and judge: history, exact, nobody is woken."""

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
from liandong_contracts.sensing import ReadingObserved
from sensing_service.handlers.judge import tracks

from tests.support.shared_data import shared
from tests.unit.sensing.test_backfill import Row, check, played


def recorded(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            metric = "-".join((row["parameter"], row["qualifier"], row["units"]))
            yield row["stationReference"], metric, datetime.fromisoformat(row["Time"]), float(row["value"])


async def test_the_flood_morning_of_2014() -> None:
    rows = list(recorded(shared("uk_flood_2014/snapshot_20140220_0430.tsv")))
    assert len(rows) == 25_000
    harness, refused = await played(rows)
    check(harness, refused, rows)
    total = sum(len(event.data.measurements) for event in harness.of(ReadingObserved))
    assert total == len({row[:3] for row in rows})
    largest = max(len(msgspec.msgpack.encode(track)) for track in harness.states(tracks).values())
    assert largest < 4_096, "the judge remembers a station in little space"
