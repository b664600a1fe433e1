"""The rainstorm as data: what every device measures, what breaks, how people behave. No I/O but one file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml

Flaw = Literal["checksum", "length", "garbage", "half", "unknown_station", "future"]
Point = tuple[float, float]
Minute = Annotated[float, msgspec.Meta(ge=0)]
HERE = Path(__file__).parent


class Signal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signal of the weather bureau."""

    at: Minute
    colour: str


class BadFrame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One frame that must be refused."""

    at: Minute
    device: str
    flaw: Flaw


class Jump(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One gauge that jumps without rain."""

    at: Minute
    cm: float


class Appeals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Citizens who report one spot, one every `every` minutes."""

    spot: str
    first: Minute
    every: float
    texts: list[str]


class People(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How persons answer; times in minutes of the storm."""

    approve_after: float
    approvers: dict[str, str]
    confirm_after: tuple[float, float]
    only_by: dict[str, str]
    silent: list[str]


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole night."""

    name: str
    minutes: int
    rate: float
    district: str
    warnings: list[Signal]
    rain: dict[str, list[float]]
    rain_gauges: dict[str, list[str]]
    depths: dict[str, list[Point]]
    depth_every: int
    levels: dict[str, list[Point]]
    offline: dict[str, Minute]
    late: dict[str, tuple[float, float]]
    jump: dict[str, Jump]
    bad_frames: list[BadFrame]
    appeals: Appeals
    people: People


class Reading(msgspec.Struct, frozen=True, order=True):
    """What one device sends: at minute `send`, values observed at minute `observed`, by metric."""

    send: float
    device: str
    observed: float
    values: tuple[tuple[str, float], ...]


def load(path: Path = HERE / "scenario.yaml") -> Scenario:
    """Read the scenario; a wrong or unknown field is refused with its place in the file."""
    return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Scenario)


def at(points: list[Point], minute: float) -> float:
    """Return the value of a line through `points` at a minute."""
    before = points[0]
    for after in points:
        if after[0] >= minute:
            share = (minute - before[0]) / (after[0] - before[0]) if after[0] > before[0] else 0.0
            return before[1] + share * (after[1] - before[1])
        before = after
    return points[-1][1]


def readings(scenario: Scenario, metrics: dict[str, str]) -> list[Reading]:
    """Return every reading of the night in sending order; `metrics` maps each device id to its first metric."""
    found = [
        *_rain(scenario),
        *(
            one
            for device, metric in metrics.items()
            if not metric.startswith("rain")
            for one in _level(scenario, device, metric)
        ),
    ]
    return sorted(one for one in found if one.send < scenario.offline.get(one.device, scenario.minutes + 1))


def _rain(scenario: Scenario) -> Iterator[Reading]:
    for band, gauges in scenario.rain_gauges.items():
        for device in gauges:
            total = 0.0
            for step, mm in enumerate(scenario.rain[band], start=1):
                total += mm
                observed = step * 5.0
                lost = scenario.late.get(device)
                send = lost[1] if lost and lost[0] <= observed < lost[1] else observed
                yield Reading(send, device, observed, (("rain_5min", mm), ("rain_total", round(total, 1))))


def _level(scenario: Scenario, device: str, metric: str) -> Iterator[Reading]:
    points = scenario.depths.get(device) or scenario.levels.get(device) or [(0.0, 0.0)]
    every = scenario.depth_every if metric == "water_depth" else 5
    jump = scenario.jump.get(device)
    for minute in range(every, scenario.minutes + 1, every):
        value = jump.cm if jump and jump.at <= minute < jump.at + every else at(points, minute)
        yield Reading(float(minute), device, float(minute), ((metric, round(value, 3)),))
