"""The same readings as typed records of four kinds: ours, dataclasses, faust.Record; and as the Avro library's dict."""

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

import faust
from liandong_contracts.base import Record, symbols
from liandong_contracts.common import DeviceKind, Quality
from liandong_contracts.sensing import Measurement, ReadingObserved

START = datetime(2026, 7, 8, tzinfo=UTC)


class Grade(StrEnum):
    """Quality of a value."""

    UNKNOWN = "UNKNOWN"
    GOOD = "GOOD"
    SUSPECT = "SUSPECT"
    BAD = "BAD"


_GRADE = symbols(Grade)


class FlatReading(Record, frozen=True, kw_only=True):
    """Ten fields: three texts, two numbers, one of them optional, a count, two times, an enum and a flag."""

    FULL_NAME = "liandong.bench.FlatReading"

    device_id: str
    metric: str
    value: float
    unit: str
    observed_at: datetime
    received_at: datetime
    quality: Grade
    sequence: int
    battery_percent: float | None = None
    simulated: bool

    def to_avro(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__struct_fields__}

    @classmethod
    def from_avro(cls, raw: Mapping[str, Any]) -> Self:
        return cls(**{**raw, "quality": _GRADE[raw["quality"]]})


class OneField(Record, frozen=True, kw_only=True):
    """The least that a record can be."""

    FULL_NAME = "liandong.bench.OneField"

    device_id: str

    def to_avro(self) -> dict[str, Any]:
        return {"device_id": self.device_id}

    @classmethod
    def from_avro(cls, raw: Mapping[str, Any]) -> Self:
        return cls(device_id=raw["device_id"])


@dataclass(frozen=True)
class FlatData:
    """FlatReading as a dataclass."""

    device_id: str
    metric: str
    value: float
    unit: str
    observed_at: datetime
    received_at: datetime
    quality: str
    sequence: int
    battery_percent: float | None
    simulated: bool


@dataclass(frozen=True)
class OneData:
    """OneField as a dataclass."""

    device_id: str


@dataclass(frozen=True)
class MeasurementData:
    """Measurement as a dataclass."""

    metric: str
    value: float | None
    unit: str
    observed_at: datetime
    quality: str
    native_flag: str | None
    late: bool
    period: str
    stat: str


@dataclass(frozen=True)
class ReadingData:
    """ReadingObserved as a dataclass."""

    device_id: str
    kind: str
    measurements: tuple[MeasurementData, ...]
    received_at: datetime
    frame_ref: str
    object_id: str | None


class FlatFaust(faust.Record):
    """FlatReading as a faust.Record."""

    device_id: str
    metric: str
    value: float
    unit: str
    observed_at: datetime
    received_at: datetime
    quality: str
    sequence: int
    battery_percent: float | None
    simulated: bool


class OneFaust(faust.Record):
    """OneField as a faust.Record."""

    device_id: str


class MeasurementFaust(faust.Record):
    """Measurement as a faust.Record."""

    metric: str
    value: float | None
    unit: str
    observed_at: datetime
    quality: str
    native_flag: str | None
    late: bool
    period: str
    stat: str


class ReadingFaust(faust.Record):
    """ReadingObserved as a faust.Record."""

    device_id: str
    kind: str
    measurements: list[MeasurementFaust]
    received_at: datetime
    frame_ref: str
    object_id: str | None


def data_of(kind: type[Any], raw: dict[str, Any]) -> Any:
    """Return a dataclass made of the library's dictionary."""
    if kind is ReadingData:
        raw["measurements"] = tuple([MeasurementData(**item) for item in raw["measurements"]])
    return kind(**raw)


def plain_data(value: Any) -> dict[str, Any]:
    """Return the dictionary of a dataclass, as the library takes it."""
    return asdict(value)


def plain_faust(value: Any) -> dict[str, Any]:
    """Return the dictionary of a faust.Record, as the library takes it."""
    plain: dict[str, Any] = value.asdict()
    if "measurements" in plain:
        plain["measurements"] = [item.asdict() for item in plain["measurements"]]
    return plain


def samples(record: type[Record], count: int) -> list[Any]:
    """Return different values of a record, the same in every run."""
    chance = random.Random(20260708)
    return [_SAMPLES[record](chance, number) for number in range(count)]


def _flat(chance: random.Random, number: int) -> FlatReading:
    at = START + timedelta(milliseconds=chance.randrange(86_400_000))
    return FlatReading(
        device_id=f"demo-rg-{number % 400:03}",
        metric="rain_5min",
        value=chance.randrange(600) / 10,
        unit="mm",
        observed_at=at,
        received_at=at + timedelta(milliseconds=chance.randrange(2_000)),
        quality=chance.choice(list(Grade)),
        sequence=number,
        battery_percent=chance.choice([None, 87.5]),
        simulated=False,
    )


def _observed(chance: random.Random, number: int) -> ReadingObserved:
    at = START + timedelta(milliseconds=chance.randrange(86_400_000))
    measurements = tuple(
        Measurement(metric=metric, value=chance.randrange(600) / 10, unit=unit, observed_at=at, quality=Quality.GOOD)
        for metric, unit in (("rain_5min", "mm"), ("rain_1h", "mm"), ("water_depth", "cm"))
    )
    return ReadingObserved(
        device_id=f"demo-rg-{number % 400:03}",
        kind=DeviceKind.RAIN_GAUGE,
        measurements=measurements,
        received_at=at + timedelta(milliseconds=chance.randrange(2_000)),
        frame_ref=f"{number:032x}",
    )


def _one(chance: random.Random, number: int) -> OneField:
    return OneField(device_id=f"demo-rg-{number % 400:03}")


_SAMPLES: dict[type[Any], Any] = {FlatReading: _flat, ReadingObserved: _observed, OneField: _one}
