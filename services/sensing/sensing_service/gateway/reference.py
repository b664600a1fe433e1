"""Reads the device registry from files: devices.csv and device-models.yaml of the reference folder."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml
from liandong.errors import ConfigError
from liandong_contracts.common import Datum, DeviceKind, GeoPoint, Protocol
from liandong_contracts.sensing import DeviceState, DeviceStatus, MetricSpec

from sensing_service.domain.registration import problems

DEVICES = "devices.csv"
MODELS = "device-models.yaml"
_REQUIRED = {"device_id", "name", "model", "native_id", "area_code", "owner_dept"}
_OPTIONAL = {"object_id", "lon", "lat", "datum", "report_interval_s", "status", "limits"}


class Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One metric as written in files and requests; see MetricSpec."""

    metric: str
    unit: str
    source: str
    scale: float = 1.0
    lo: float | None = None
    hi: float | None = None
    limit: float | None = None
    max_step: float | None = None

    def spec(self) -> MetricSpec:
        """Return the contract's record."""
        return MetricSpec(**msgspec.structs.asdict(self))


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all devices of a model share."""

    kind: DeviceKind
    protocol: Protocol
    report_interval_s: int
    metrics: list[Metric]


class _Models(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: dict[str, Model]


def load(folder: Path) -> list[DeviceState]:
    """Return the devices of the folder, version 0. No devices.csv: none. Raises ConfigError with the line."""
    path = folder / DEVICES
    if not path.exists():
        return []
    models = _models(folder / MODELS)
    states: dict[str, DeviceState] = {}
    natives: dict[tuple[Protocol, str], str] = {}
    for line, row in _rows(path):
        where = f"{path} line {line}"
        state = _state(row, models, where)
        wrong = list(problems(state))
        other = natives.setdefault((state.protocol, state.native_id), state.device_id)
        if other != state.device_id:
            wrong.append(f"{state.native_id} is already the identity of {other}")
        if state.device_id in states:
            wrong.append(f"{state.device_id} is listed twice")
        if wrong:
            raise ConfigError(f"{where}: {'; '.join(wrong)}")
        states[state.device_id] = state
    return list(states.values())


def _models(path: Path) -> dict[str, Model]:
    try:
        return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), _Models).models
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        columns = set(reader.fieldnames or ())
        if missing := _REQUIRED - columns:
            raise ConfigError(f"{path}: columns {', '.join(sorted(missing))} are missing")
        if unknown := columns - _REQUIRED - _OPTIONAL:
            raise ConfigError(f"{path}: columns {', '.join(sorted(map(str, unknown)))} are unknown")
        for row in reader:
            yield reader.line_num, {name: (value or "").strip() for name, value in row.items() if name}


def _state(row: dict[str, str], models: dict[str, Model], where: str) -> DeviceState:
    model = models.get(row["model"])
    if model is None:
        raise ConfigError(f"{where}: model {row['model']!r} is not in {MODELS}")
    try:
        return DeviceState(
            device_id=row["device_id"],
            name=row["name"],
            kind=model.kind,
            protocol=model.protocol,
            native_id=row["native_id"],
            metrics=tuple(_metrics(model, _limits(row.get("limits", "")))),
            object_id=row.get("object_id") or None,
            owner_dept=row["owner_dept"],
            area_code=row["area_code"],
            location=_location(row),
            report_interval_s=int(row.get("report_interval_s") or model.report_interval_s),
            status=DeviceStatus(row.get("status") or "ACTIVE"),
            version=0,
        )
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def _limits(text: str) -> dict[str, float]:
    pairs = [pair.partition("=") for pair in text.split(";") if pair.strip()]
    return {metric.strip(): float(limit) for metric, _, limit in pairs}


def _metrics(model: Model, limits: dict[str, float]) -> Iterator[MetricSpec]:
    unknown = limits.keys() - {metric.metric for metric in model.metrics}
    if unknown:
        raise ValueError(f"limits for metrics that the model does not have: {', '.join(sorted(unknown))}")
    for metric in model.metrics:
        yield msgspec.structs.replace(metric.spec(), limit=limits.get(metric.metric, metric.limit))


def _location(row: dict[str, Any]) -> GeoPoint | None:
    cells = [row.get(name) or "" for name in ("lon", "lat", "datum")]
    if not any(cells):
        return None
    if not all(cells):
        raise ValueError("lon, lat and datum go together")
    return GeoPoint(lon=float(cells[0]), lat=float(cells[1]), datum=Datum(cells[2]))
