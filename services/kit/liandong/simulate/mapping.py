"""How the columns of a table of readings become devices, metrics and values. Data, read from a small YAML file."""

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import yaml

from liandong.errors import ConfigError


class Kinds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which device kind a row belongs to: the value of `column` looked up in `of`, else `default`."""

    column: str
    of: dict[str, str]
    default: str


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns of the table. `metric` columns are joined by "/"; `units` maps a native unit to its UCUM code."""

    device: str
    metric: list[str]
    observed_at: str
    value: str
    unit: str
    kind: Kinds
    name: str | None = None
    units: dict[str, str] = {}
    timezone: str = "UTC"
    delimiter: str = "\t"
    area_code: str = "990101"
    owner_dept: str = "example"
    report_interval_s: int = 900


class Row(msgspec.Struct, frozen=True):
    """One value of one metric of one device at one time (timezone-aware)."""

    device: str
    name: str
    kind: str
    metric: str
    unit: str
    observed_at: datetime
    value: float


def load(path: Path) -> Mapping:
    """Read a mapping. Raises ConfigError with the wrong field."""
    try:
        return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Mapping)
    except OSError as error:
        raise ConfigError(f"The mapping {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ConfigError(f"The mapping {path} is wrong: {error}") from error


def rows(path: Path, mapping: Mapping) -> Iterator[Row]:
    """Read the table row by row. Raises ConfigError with the line number of a row that cannot be used."""
    zone = ZoneInfo(mapping.timezone)
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file, delimiter=mapping.delimiter)
        for number, raw in enumerate(table, start=2):
            try:
                yield _row(raw, mapping, zone)
            except (KeyError, ValueError, TypeError) as error:
                raise ConfigError(f"{path.name} line {number}: {error!r}; check the mapping's columns") from error


def _row(raw: dict[str, str], mapping: Mapping, zone: ZoneInfo) -> Row:
    at = datetime.fromisoformat(raw[mapping.observed_at])
    unit = raw[mapping.unit]
    return Row(
        device=raw[mapping.device],
        name=raw[mapping.name] if mapping.name else raw[mapping.device],
        kind=mapping.kind.of.get(raw[mapping.kind.column], mapping.kind.default),
        metric="/".join(part for part in (raw[column] for column in mapping.metric) if part),
        unit=mapping.units.get(unit, unit),
        observed_at=at if at.tzinfo else at.replace(tzinfo=zone),
        value=float(raw[mapping.value]),
    )
