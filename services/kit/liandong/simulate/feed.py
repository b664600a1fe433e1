"""Registers the devices of a table at a gateway and sends its readings in order, as fast as the gateway confirms."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import httpx
import msgspec

from liandong.errors import ConfigError, LiandongError
from liandong.simulate.mapping import Mapping, Row

_BATCH = 500
_AGAIN_S = 0.5
Progress = Callable[[int], None]


class Refused(LiandongError):
    """The gateway did not take the request, and would not the next time either."""


class Summary(msgspec.Struct):
    """What a gateway confirmed."""

    reports: int = 0
    values: int = 0


class Report(msgspec.Struct):
    """What one device measured at one time, values by metric."""

    device: str
    observed_at: datetime
    values: dict[str, float]


def reports(rows: Iterable[Row]) -> Iterator[Report]:
    """Join neighbouring rows of one device and time; a metric that comes again begins a new report."""
    current: Report | None = None
    for row in rows:
        same = current is not None and (current.device, current.observed_at) == (row.device, row.observed_at)
        if current is None or not same or row.metric in current.values:
            if current is not None:
                yield current
            current = Report(row.device, row.observed_at, {})
        current.values[row.metric] = row.value
    if current is not None:
        yield current


def devices(rows: Iterable[Row], mapping: Mapping) -> list[dict[str, object]]:
    """Return the registry entries of all devices of the table, each with all its metrics."""
    found: dict[str, dict[str, object]] = {}
    metrics: dict[str, dict[str, dict[str, object]]] = {}
    for row in rows:
        found.setdefault(
            row.device,
            {
                "device_id": row.device,
                "native_id": row.device,
                "name": row.name,
                "kind": row.kind,
                "protocol": "HTTP",
                "owner_dept": mapping.owner_dept,
                "area_code": mapping.area_code,
                "report_interval_s": mapping.report_interval_s,
            },
        )
        spec: dict[str, object] = {"metric": row.metric, "unit": row.unit, "source": row.metric}
        metrics.setdefault(row.device, {})[row.metric] = spec
    return [{**entry, "metrics": list(metrics[device].values())} for device, entry in found.items()]


class Feed:
    """A connection to one gateway's HTTP port."""

    def __init__(self, gateway: str, patience_s: float = 60) -> None:
        self._client = httpx.Client(base_url=gateway, timeout=30)
        self._patience_s = patience_s

    def register(self, entries: list[dict[str, object]]) -> int:
        """Register devices; returns how many the gateway has now confirmed."""
        for start in range(0, len(entries), _BATCH):
            self._send("PUT", "/v1/devices", entries[start : start + _BATCH])
        return len(entries)

    def send(self, stream: Iterable[Report], progress: Progress = lambda count: None) -> Summary:
        """Send reports in their order, one batch after the other; `progress` gets the number of values confirmed."""
        summary = Summary()
        batch: list[dict[str, object]] = []
        values = 0
        for report in stream:
            body: dict[str, object] = {
                "device": report.device,
                "observed_at": report.observed_at.isoformat(),
                "values": report.values,
            }
            batch.append(body)
            values += len(report.values)
            if len(batch) >= _BATCH:
                self._deliver(batch, values, summary, progress)
                batch, values = [], 0
        if batch:
            self._deliver(batch, values, summary, progress)
        return summary

    def _deliver(self, batch: list[dict[str, object]], values: int, summary: Summary, progress: Progress) -> None:
        self._send("POST", "/v1/readings", batch)
        summary.reports += len(batch)
        summary.values += values
        progress(values)

    def _send(self, method: str, path: str, body: object) -> httpx.Response:
        """Send until answered: a gateway that restarts is waited for. Raises Refused or ConfigError."""
        give_up = time.monotonic() + self._patience_s
        while True:
            try:
                answer = self._client.request(method, path, json=body)
            except httpx.TransportError as error:
                if time.monotonic() > give_up:
                    raise ConfigError(f"No gateway answers at {self._client.base_url}: {error}; is it up?") from error
            else:
                if answer.status_code < 300:
                    return answer
                if answer.status_code < 500 and answer.status_code != 429:
                    raise Refused(f"The gateway refused {method} {path}: {answer.status_code} {answer.text[:300]}")
                if time.monotonic() > give_up:
                    raise ConfigError(
                        f"The gateway keeps answering {answer.status_code} to {path}: {answer.text[:200]}"
                    )
            time.sleep(_AGAIN_S)
